"""What is asked of the page and what it answers, as values: no HTTP past `front.py`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOCKED = "this worker has no WORKER_ADMIN_TOKEN: the page shows, and changes nothing"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks.

    Attributes:
        address: where from, for the log.
        signed_in: whether by a cookie, so that there is something to sign out of.
        may_steer: whether things may be changed.
        may_read: whether payloads and answers are shown.
        may_quote: whether error messages are shown, which may quote some words of a payload.
        form_key: what the forms of this viewer carry.
        session: the session's value, to be ended; not to be shown.
    """

    address: str = ""
    signed_in: bool = False
    may_steer: bool = False
    may_read: bool = False
    may_quote: bool = False
    form_key: str = ""
    session: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        parts: what a path has in the place of its variables.
        query: what follows the question mark.
        form: what was posted.
        live: whether only those parts of a view are wanted that may change.
    """

    viewer: Viewer
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: Mapping[str, str] = field(default_factory=dict[str, str])
    live: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Something to see.

    Attributes:
        name: of the template.
        facts: what stands in it.
        parts: which of its parts may change while one looks; each has a template, too.
        live: what to ask `/changes` for; empty where nothing changes.
    """

    name: str
    title: str
    facts: Mapping[str, Any]
    status: int = 200
    parts: tuple[str, ...] = ()
    live: str = ""


@dataclass(frozen=True, slots=True)
class SeeOther:
    """Done; look there. `cookie`: a session's value to be kept, an empty one to be forgotten."""

    where: str
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """It cannot be done; why, for a person. `after_s`: when to try again; `to`: where one wanted
    to go, and may once one has signed in.
    """

    status: int
    why: str
    after_s: int | None = None
    to: str = ""


Answer = View | SeeOther | Refusal
Page = Callable[[Asked], Awaitable[Answer]]
