"""Several processes on one machine, as one worker: `llm-worker run --processes N`.

    shares.py      each process's part of what the settings allow, and what the parent is told
    plan.py        that, on its way to the parent
    __main__.py    the parent: no client of Redis or of a model is loaded into it
    family.py      keeps the processes: starts, restarts, drains
    ends.py        what an exit means, when to start again: pure
    child.py       one process as the parent sees it
    line.py        the socket between the two
    obeying.py     the child's end of it
    whole.py       /live, /ready and /metrics for all
    relay.py       the page, which one of the processes answers
    merging.py     several processes' metrics as one text: pure

The children are new programs, not forks: a fork would copy threads' locks, an event loop and open
connections in whatever state they are, and a crash of one could be a bug of another's memory.
"""
