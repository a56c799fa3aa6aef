"""Ways the stand-in can be told to fail, for tests of what a worker makes of it."""

import time
from collections import deque
from collections.abc import Callable
from typing import Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from worker.embedded.model_request import Refusal


class Fault(BaseModel):
    """How the next completions fail, as posted to `/stand-in/faults`.

    A fault that only hangs answers properly afterwards. With `for_s` it is one of a schedule, made
    by posting several of them: whatever is asked for in that time fails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=1, ge=1)
    """Completions that fail this way; without meaning where `for_s` is given."""
    after_s: float = Field(default=0.0, ge=0)
    """Seconds until it begins; needs `for_s`."""
    for_s: float | None = Field(default=None, gt=0)
    """Seconds that it lasts."""
    hang_s: float = Field(default=0.0, ge=0)
    """Seconds of silence before whatever follows."""
    status: int | None = Field(default=None, ge=200, le=599)
    """Answer with this status; 200 only makes sense with `html`."""
    retry_after: float | None = None
    """Seconds, sent as the `Retry-After` header."""
    html: bool = False
    """Answer with a web page, as a proxy in between would."""
    text: str | None = None
    """Answer with this text instead of a proper one."""
    finish_reason: str = "stop"
    """Goes with `text`."""

    @model_validator(mode="after")
    def _no_end(self) -> Self:
        if self.after_s and self.for_s is None:
            raise ValueError("what begins later has to say for how long")
        return self


class FaultQueue:
    """The faults to come: by the clock, and otherwise first in, first out."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._faults: deque[Fault] = deque()
        self._timed: list[tuple[float, float, Fault]] = []
        """Begin, end, and what happens between."""

    def add(self, fault: Fault) -> None:
        """Make completions fail: in its time, or the next `count` after those queued already."""
        if fault.for_s is None:
            self._faults.extend([fault] * fault.count)
            return
        begin = self._now() + fault.after_s
        self._timed.append((begin, begin + fault.for_s, fault))

    def take(self) -> Fault | None:
        """The fault of the completion that runs now."""
        now = self._now()
        self._timed = [timed for timed in self._timed if now < timed[1]]
        due = next((fault for begin, _, fault in self._timed if begin <= now), None)
        if due is not None:
            return due
        return self._faults.popleft() if self._faults else None

    def __len__(self) -> int:
        return len(self._faults) + len(self._timed)


def fault_response(fault: Fault) -> web.Response | None:
    """What a fault sends instead of a completion; None for one that only hangs or changes words."""
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    status = fault.status or 200
    if fault.html:
        page = "<html><body><h1>Not the model</h1></body></html>"
        return web.Response(text=page, content_type="text/html", status=status, headers=headers)
    if status == 200:
        return None
    refusal = Refusal(status, "A fault that was asked for.", "StandInFault")
    return web.json_response(refusal.body(), status=status, headers=headers)
