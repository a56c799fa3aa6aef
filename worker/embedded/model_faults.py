"""Ways the stand-in can be told to fail, for tests of what a worker makes of it."""

from collections import deque

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from worker.embedded.model_request import Refusal


class Fault(BaseModel):
    """How the next completions fail, as posted to `/stand-in/faults`.

    A fault that only hangs answers properly afterwards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=1, ge=1)
    """Completions that fail this way."""
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


class FaultQueue:
    """The faults to come, first in, first out."""

    def __init__(self) -> None:
        self._faults: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        """Make the next `count` completions fail, after those that are queued already."""
        self._faults.extend([fault] * fault.count)

    def take(self) -> Fault | None:
        """The fault of the completion that runs now."""
        return self._faults.popleft() if self._faults else None

    def __len__(self) -> int:
        return len(self._faults)


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
