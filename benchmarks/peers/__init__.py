"""Who is measured: one file each, with a producer and a worker.

Every module here has `producer()`, an asynchronous context manager that gives `put(number, text)`,
and `work()`, which runs a worker in this process until it is killed. Each is given 64 jobs at
once, one process and uvloop; what else is set, and why, stands in its file.
"""
