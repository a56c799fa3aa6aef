"""What lies in Redis, and every word that is said to it.

The streams and the jobs on them: `job_queue.py` over `scripts/*.lua`, `stream_reader.py`,
`turns.py`; what is written about a job, gathered: `writing.py`, `gathering.py`. Beside the streams:
`dead_letters.py`, `upkeep.py`, and what a fleet shares: `token_ledger.py`,
`peer_board.py`. How one gets there: `redis_clients.py`, `redis_connections.py`, `redis_address.py`.
"""
