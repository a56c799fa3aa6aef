"""Figures, each from one command: `python -m benchmarks.NAME`."""
