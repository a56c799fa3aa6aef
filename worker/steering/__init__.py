"""This worker among the others: it tells of itself, and hears what operators want of it.

`portrait.py` is what it tells, `roster.py` that as JSON, `pace.py` how many jobs a minute;
`presence.py` writes it to Redis and reads the marks there, at once when `control_channel.py` hears
of some; `loop.py` is all of it together, built once for a worker.
"""
