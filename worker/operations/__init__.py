"""The fleet, seen and steered from outside."""
