"""The fleet, seen and steered from outside: what the command line shows and does, and the page.

Reading: `snapshot.py` (streams, workers, dead letters at one moment, with `hints.py` on what is
odd) and `story.py` (one job). Steering: `pausing.py`, `cancelling.py`, `enqueuing.py`. Nothing here
prints, and nothing runs in the daemon.
"""
