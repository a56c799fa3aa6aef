"""The page's templates: everything that others wrote is escaped, twice.

Once as HTML, by Jinja; once as text, so that no control or bidirectional character reaches the
screen. Both are done to every value, not where somebody remembered.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from worker.llm.limit import Reason
from worker.operations.story import at
from worker.operations.streams import appended_at
from worker.operations.words import age, count, moment, of_limit, printable
from worker.page.answers import Viewer

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_ERROR_CHARS = 300
_BECAUSE = {
    str(Reason.GROWING): "nothing waits there, it grows",
    str(Reason.FULL): "busy, as it should be",
    str(Reason.QUEUE): "too much waited there",
    str(Reason.KV): "its cache was full",
    str(Reason.OVERLOAD): "429, 503 or timeouts",
    str(Reason.STALE): "tells its load no more",
    str(Reason.FLOOR): "as low as it may be",
    str(Reason.CAP): "as high as it may be",
    str(Reason.SHARED): "shared with other workers",
    str(Reason.NO_METRICS): "tells no load",
}


def clock(at: float) -> str:
    """The time of day in UTC."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "?"


def when(at: float) -> str:
    """A moment in UTC, to be read."""
    return moment(at).removesuffix("+00:00").replace("T", " ")


def cut(text: str, most: int = _ERROR_CHARS) -> str:
    """The beginning of a text."""
    return text if len(text) <= most else f"{text[:most]} …"


def taken_ms(text: str) -> str:
    """Milliseconds as they were told, as a span of time; nothing where nothing was told."""
    if not (text.isascii() and text.isdecimal() and len(text) < 13):
        return text
    return f"{int(text)} ms" if len(text) < 4 else f"{int(text) / 1_000:,.1f} s"


def address(text: str) -> str:
    """A text as a part of an address."""
    return quote(text, safe="", errors="replace")


def because(reason: str) -> str:
    """Why a server is sent so much at once, in words; a newer worker's reason as it is."""
    return _BECAUSE.get(reason, reason)


def quoted(text: str, viewer: Viewer) -> str:
    """An error message, to who may see words of a payload: `image_path '…' does not exist`."""
    return text if viewer.may_quote or not text else "hidden without the token"


def _finished(value: Any) -> Any:
    return value if hasattr(value, "__html__") else printable(str(value))


async def prepare() -> None:
    """Have the templates ready, beside the event loop: a tenth of a second of work, once."""
    if not _environment.cache_info().currsize:
        await asyncio.to_thread(_environment)


@cache
def _environment() -> "Environment":
    # Where nobody looks there is nothing to load.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        finalize=_finished,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = made.filters
    filters |= {
        "age": age,
        "when": when,
        "clock": clock,
        "count": count,
        "of_limit": of_limit,
        "cut": cut,
        "taken_ms": taken_ms,
        "because": because,
        "quoted": quoted,
        "address": address,
        "told_at": at,
        "appended_at": appended_at,
    }
    for name in made.list_templates():
        made.get_template(name)
    return made


def render(template: str, facts: Mapping[str, Any]) -> str:
    """A template of ours with these facts in it."""
    return _environment().get_template(f"{template}.html").render(facts)
