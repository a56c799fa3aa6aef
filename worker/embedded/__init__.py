"""What `llm-worker demo`, the tests and the benchmarks run on: Redis, a reference Core, a model
stand-in. Real processes speaking the real protocols; never imported by the daemon.
"""
