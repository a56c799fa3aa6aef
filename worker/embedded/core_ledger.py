"""Idempotency: a change and the answer to it are one transaction, so a repeat finds the answer.

The ledger also counts each effect that was really applied, under the key it came with: that is
how a test sees that a retry doubled nothing.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worker.embedded.core_database import transaction


class Refused(Exception):
    """A request that is not carried out; nothing has changed, and nothing is remembered.

    Attributes:
        status: the HTTP status to answer with.
        detail: the reason, for a person.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Call:
    """What makes two requests the same: `Idempotency-Key` (empty: none was sent), method, path."""

    key: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a change: the record as it now stands, and the effect to count, if any."""

    record: Any
    effect: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told, as JSON text: byte for byte the same on a replay."""

    status: int
    body: str
    replayed: bool = False


class Ledger:
    """Applies each call once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def once(self, call: Call, status: int, change: Callable[[], Change]) -> Answer:
        """Run `change` and remember its answer, or give the answer remembered for this call.

        Raises:
            Refused: the change was refused; the same key may try again.
        """
        with transaction(self._db):
            if call.key and (answer := self._replay(call)):
                return answer
            changed = change()
            answer = Answer(status, to_json(changed.record))
            if call.key:
                self._db.execute(
                    "INSERT INTO answers (key, method, path, status, body) VALUES (?, ?, ?, ?, ?)",
                    (call.key, call.method, call.path, answer.status, answer.body),
                )
            if changed.effect is not None:
                self._count(call, changed.effect)
            return answer

    def forget(self, call: Call, effect: str) -> None:
        """Take a call back whose change has been undone; part of the caller's transaction."""
        self._db.execute(
            "DELETE FROM answers WHERE key = ? AND method = ? AND path = ?",
            (call.key, call.method, call.path),
        )
        self._db.execute(
            "UPDATE effects_applied SET count = count - 1 WHERE key = ? AND kind = ? AND path = ?",
            (call.key, effect, call.path),
        )

    def replays(self) -> int:
        """How many requests were answered from memory."""
        row = self._db.execute("SELECT coalesce(sum(replays), 0) FROM answers").fetchone()
        return int(row[0])

    def effects(self) -> dict[str, int]:
        """How many effects of each kind were applied."""
        rows = self._db.execute(
            "SELECT kind, sum(count) FROM effects_applied GROUP BY kind HAVING sum(count) > 0"
        )
        return {str(kind): int(count) for kind, count in rows}

    def _replay(self, call: Call) -> Answer | None:
        where = (call.key, call.method, call.path)
        row = self._db.execute(
            "SELECT status, body FROM answers WHERE key = ? AND method = ? AND path = ?", where
        ).fetchone()
        if row is None:
            return None
        self._db.execute(
            "UPDATE answers SET replays = replays + 1 WHERE key = ? AND method = ? AND path = ?",
            where,
        )
        return Answer(int(row["status"]), str(row["body"]), replayed=True)

    def _count(self, call: Call, effect: str) -> None:
        self._db.execute(
            "INSERT INTO effects_applied (key, kind, path, count) VALUES (?, ?, ?, 1) "
            "ON CONFLICT DO UPDATE SET count = count + 1",
            (call.key, effect, call.path),
        )


def to_json(value: Any) -> str:
    """A record as JSON text.

    Raises:
        Refused: it holds a number that JSON has no word for (`1e999` reads as infinity).
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise Refused(422, "a number is too large") from None
