"""What one worker has asked the model, read off its connections, and which answers a fault cost it.

A job may be paid for once more only for a reason that is counted here: its connection to the
model was reset under the question, or its worker was cut off before the outcome was recorded.
"""

import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.proxy import Watch

_ID_HEADER = b"\r\nx-request-id: "
_READING_S = 0.5
"""An answer that was relayed this lately may still have been lost with its connection."""


class Calls:
    """The questions of one worker; everything is counted by job id.

    Args:
        excuse: told of each job whose question or answer was cut off.
        note: told what has happened to which job.
    """

    def __init__(self, excuse: Callable[[str], None], note: Callable[[str, str], None]) -> None:
        self.excuse = excuse
        self.note = note
        self.in_hand: set[str] = set()
        """Jobs that this worker has asked about, answered or not, since this was last cleared."""
        self.refused: Counter[str] = Counter()
        """Questions that the model did not take (503); nothing was paid for these."""

    def watch(self) -> Watch:
        """A watch for one connection to the model."""
        return _Conversation(self)


class _Conversation:
    """One connection: question, answer, question, answer."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._head = b""
        self._job_id: str | None = None
        self._answered_at: float | None = None

    def sent(self, data: bytes) -> None:
        """Read the job's id out of the head of a question."""
        if self._answered_at is not None:
            self._head, self._job_id, self._answered_at = b"", None, None
        if self._job_id is not None or len(self._head) > 8_192:
            return
        self._head += data
        _, found, rest = self._head.lower().partition(_ID_HEADER)
        if found and b"\r\n" in rest:
            self._job_id = rest.partition(b"-")[0].decode()
            self._calls.in_hand.add(self._job_id)
            self._calls.note("asked", self._job_id)

    def received(self, data: bytes) -> None:
        """Tell an answer from a refusal."""
        if self._answered_at is not None:
            return  # more of the same answer
        self._answered_at = time.monotonic()
        if self._job_id is None:
            return
        if data.startswith(b"HTTP/1.1 200 "):
            self._calls.note("answered", self._job_id)
            return
        self._calls.note("refused", self._job_id)
        self._calls.refused[self._job_id] += 1
        self._calls.in_hand.discard(self._job_id)

    def cut(self) -> None:
        """Excuse the question that is on this connection now."""
        read_by_now = (
            self._answered_at is not None and time.monotonic() - self._answered_at > _READING_S
        )
        if self._job_id is not None and not read_by_now:
            self._calls.excuse(self._job_id)
            self._calls.in_hand.discard(self._job_id)
