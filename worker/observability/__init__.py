"""What the worker says of itself: logs, health."""
