"""The reference Core's file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from worker.embedded.core_database import open_database, transaction


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def test_seeds_only_an_empty_file(tmp_path: Path) -> None:
    """A record that was removed stays removed when the file is opened again."""
    path = tmp_path / "new" / "core.sqlite3"
    with closing(open_database(path)) as connection:
        seeded = _count(connection)
        connection.execute("DELETE FROM tasks WHERE id = 't1'")
    with closing(open_database(path)) as connection:
        assert seeded > 1
        assert _count(connection) == seeded - 1


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """What came before the failure is undone."""
    with closing(open_database(tmp_path / "core.sqlite3")) as connection:
        before = _count(connection)

        def fail_half_way() -> None:
            with transaction(connection):
                connection.execute("DELETE FROM tasks")
                raise KeyError

        with pytest.raises(KeyError):
            fail_half_way()
        assert _count(connection) == before


def test_an_unusable_file_is_an_error(tmp_path: Path) -> None:
    """A file that is no database is reported, and its connection closed."""
    path = tmp_path / "core.sqlite3"
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(path)
