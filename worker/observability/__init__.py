"""What the worker says of itself: logs, metrics, traces, health."""
