"""Who may come in: the token, the session, the name under which one came."""

import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from worker.clock import Clock
from worker.operations.words import printable
from worker.page.answers import LOCKED, Refusal, SeeOther, Viewer
from worker.page.endings import Endings
from worker.page.origins import is_own_form, is_own_name
from worker.page.sessions import NONCE_BYTES, Sessions
from worker.page.tries import Tries

log = structlog.get_logger(__name__)

_BEARER = "bearer "
_WRONG = "this is not the token of this worker"
_OLD = "this form is out of date, or of another session: load the page again"
_ELSEWHERE = "the request comes from another site"


@dataclass(frozen=True, slots=True)
class Knock:
    """What the door looks at of a request."""

    address: str
    path: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


class Door:
    """Lets viewers in, as the settings say.

    Args:
        token: the admin token; empty: everybody may look, and nobody may do more.
        payloads: whether who has the token sees payloads and answers.
        host: the name the health port listens on.
        clock: whose time.
        endings: who signed out; None: sessions end by themselves alone.
        nonce: bytes that nobody can guess.
    """

    def __init__(
        self,
        token: str,
        *,
        payloads: bool,
        host: str,
        clock: Clock,
        endings: Endings | None = None,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._sessions = Sessions(token) if token else None
        self._payloads = payloads
        self._names = {host, socket.gethostname()}
        self._clock = clock
        self._endings = endings
        self._nonce = nonce
        self._tries = Tries()

    async def admit(self, knock: Knock) -> Viewer | Refusal:
        """Who looks; or 401, or why not at all."""
        found = self._known(knock)
        if isinstance(found, Viewer) and await self.has_left(found):
            return Refusal(401, "this session was signed out of")
        return found

    async def has_left(self, viewer: Viewer) -> bool:
        """Whether somebody signed out of this viewer's session, here or at another worker."""
        if not viewer.session or self._endings is None:
            return False
        return await self._endings.has_ended(Sessions.named(viewer.session)[0])

    async def sign_out(self, viewer: Viewer) -> bool:
        """End a viewer's session; whether every worker knows of it."""
        log.info("page_signed_out", address=viewer.address)
        if not viewer.session or self._endings is None:
            return True
        return await self._endings.end(*Sessions.named(viewer.session))

    def _known(self, knock: Knock) -> Viewer | Refusal:
        if self._sessions is None:
            if is_own_name(knock.headers.get("Host", ""), self._names):
                return Viewer(knock.address, may_quote=self._payloads)
            return Refusal(403, _of_name(knock.headers.get("Host", "")))
        said = knock.headers.get("Authorization", "")
        if said:
            is_bearer = said.lower().startswith(_BEARER)
            return self._tried(self._sessions, said[len(_BEARER) :] if is_bearer else "", knock)
        session = knock.cookies.get(self._sessions.cookie, "")
        if session and self._sessions.knows(session, self._clock.now()):
            key = self._sessions.form_key(session)
            return Viewer(
                knock.address,
                signed_in=True,
                may_steer=True,
                may_read=self._payloads,
                may_quote=True,
                form_key=key,
                session=session,
            )
        return Refusal(401, "sign in to see this page")

    def may_post(self, viewer: Viewer, knock: Knock, form: Mapping[str, str]) -> Refusal | None:
        """Why this viewer's form is not taken."""
        if self._sessions is None:
            return Refusal(403, LOCKED)
        if not viewer.signed_in:  # came with the token itself, as no page can make a browser do
            return None
        if not is_own_form(knock.headers):
            return Refusal(403, _ELSEWHERE)
        session = knock.cookies.get(self._sessions.cookie, "")
        if not self._sessions.is_form_key(form.get("csrf", ""), session):
            return Refusal(403, _OLD)
        return None

    def sign_in(self, knock: Knock, form: Mapping[str, str]) -> SeeOther | Refusal:
        """Begin a session for who has the token."""
        if self._sessions is None:
            return Refusal(403, LOCKED)
        if not is_own_form(knock.headers):
            return Refusal(403, _ELSEWHERE)
        found = self._tried(self._sessions, form.get("token", "").strip(), knock)
        where = _local(form.get("next", ""))
        if isinstance(found, Refusal):
            return replace(found, to=where)
        log.info("page_signed_in", address=knock.address)
        session = self._sessions.begin(self._clock.now(), self._nonce(NONCE_BYTES))
        return SeeOther(where, cookie=session)

    @property
    def cookie(self) -> str:
        """The session cookie's name; empty without a token."""
        return "" if self._sessions is None else self._sessions.cookie

    @property
    def is_locked(self) -> bool:
        """Whether there is a token to sign in with."""
        return self._sessions is not None

    def _tried(self, sessions: Sessions, token: str, knock: Knock) -> Viewer | Refusal:
        now = self._clock.elapsed()
        wait_s = self._tries.wait_s(knock.address, now)
        if wait_s > 0:  # not even looked at: else one could go on guessing
            return Refusal(429, "too many wrong tokens from this address", int(wait_s) + 1)
        if sessions.takes(token):
            read = self._payloads
            return Viewer(knock.address, may_steer=True, may_read=read, may_quote=True)
        self._tries.failed(knock.address, now)
        log.warning("page_wrong_token", address=knock.address, path=printable(knock.path)[:200])
        return Refusal(401, _WRONG)


def _local(path: str) -> str:
    """Where to go after signing in: a page of ours, never another site."""
    is_ours = path.startswith("/") and path[1:2] not in {"/", "\\"}
    return path if is_ours and path.isascii() and path.isprintable() and len(path) < 500 else "/"


def _of_name(host: str) -> str:
    return (
        f"this page does not go by the name {host[:100]!r}: open it under an address, as localhost "
        "or by the machine's name, or set WORKER_ADMIN_TOKEN"
    )
