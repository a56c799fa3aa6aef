"""The reference Core's SQLite file: its tables, its first records, its one kind of transaction.

Everything runs on the event loop's own thread, without a pause in between: a transaction takes
some tens of microseconds, and two can never overlap inside one Core.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_LOCK_WAIT_S = 5.0

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, description TEXT NOT NULL, owner_user_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'NOT_DONE');
CREATE TABLE IF NOT EXISTS memories (
    id TEXT PRIMARY KEY, owner_user_id INTEGER, content TEXT);
CREATE TABLE IF NOT EXISTS memory_tags (
    memory_id TEXT NOT NULL, tag TEXT NOT NULL COLLATE NOCASE, status TEXT NOT NULL,
    PRIMARY KEY (memory_id, tag));
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, owner_user_id INTEGER NOT NULL, event_time TEXT NOT NULL,
    description TEXT NOT NULL, source_type TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT ({_NOW}));
CREATE TABLE IF NOT EXISTS llm_jobs (
    job_id TEXT PRIMARY KEY, job_type TEXT, user_id INTEGER, payload TEXT, status TEXT NOT NULL,
    result TEXT, error_message TEXT, final_count INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT ({_NOW}), updated_at TEXT NOT NULL DEFAULT ({_NOW}));
CREATE INDEX IF NOT EXISTS llm_jobs_by_status ON llm_jobs (status);
CREATE TRIGGER IF NOT EXISTS llm_jobs_touched AFTER UPDATE OF status ON llm_jobs
BEGIN UPDATE llm_jobs SET updated_at = {_NOW} WHERE job_id = NEW.job_id; END;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, replays INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (key, method, path));
CREATE TABLE IF NOT EXISTS effects_applied (
    key TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (key, kind, path));
"""  # noqa: S608 - made of our own words only

_USERS = [(42, "Eleni"), (7, "Tomas")]
_TASKS = [
    ("t1", "Book the ferry to Naxos", 42, "NOT_DONE"),
    ("t2", "Call the dentist", 42, "NOT_DONE"),
    ("t3", "Renew the passport", 42, "NOT_DONE"),
    ("t4", "Water the tomatoes", 42, "DONE"),
    ("t5", "Buy a birthday present for Anna", 7, "NOT_DONE"),
    ("t6", "Return the library books", 7, "NOT_DONE"),
]
_MEMORIES = [
    ("m1", 42, "Booked the ferry to Naxos for June"),
    ("m2", 42, "The dentist moved to Harbour Street"),
    ("m3", 42, "A photo of the harbour at sunset"),
    ("m4", 42, "The new passport arrived by post"),
    ("m5", 7, "Anna would love a book about sailing"),
    ("m6", 7, "Pasta with lemon, capers and toasted breadcrumbs"),
]


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, made and seeded when it is new. Use it in the thread that opened it.

    Raises:
        OSError, sqlite3.Error: there can be no database at this path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_LOCK_WAIT_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")  # a test may read the file while Core writes
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        _seed(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """All of it or nothing; never await inside, or another request's statements join in."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _seed(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        if connection.execute("SELECT 1 FROM users LIMIT 1").fetchone():
            return  # nothing ever deletes users, so this file has been seeded before
        connection.executemany("INSERT INTO users VALUES (?, ?)", _USERS)
        connection.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?)", _TASKS)
        connection.executemany("INSERT INTO memories VALUES (?, ?, ?)", _MEMORIES)
