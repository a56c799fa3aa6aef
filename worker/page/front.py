"""The page's end of HTTP: requests become values, and answers responses, with what guards them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from worker.clock import Clock
from worker.operations.words import printable
from worker.page.answers import Answer, Asked, Page, Refusal, SeeOther, View, Viewer
from worker.page.assets import ICON, SCRIPT, STYLE
from worker.page.door import Door, Knock
from worker.page.looking import Away
from worker.page.rendering import render
from worker.page.sessions import LASTS_S
from worker.processes.relay import VIEWER_HEADER

log = structlog.get_logger(__name__)

GUARDS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` browsers would say `Origin: null` of our own forms, too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FORM_BYTES = 32 << 10
_FORM_TYPE = "application/x-www-form-urlencoded"
_FIELDS_MAX = 20
_ADDRESS_CHARS = 64
_TITLES = {404: "Not found", 405: "Not possible", 429: "Not so fast", 503: "Not now"}


@dataclass(frozen=True, slots=True)
class Path:
    """What a path answers, by method."""

    get: Page | None = None
    post: Page | None = None


class Front:
    """Answers requests.

    Args:
        door: who may come in.
        clock: for the time that a view is of.
        relayed: whether a parent stands before it, and says where a request comes from.
    """

    def __init__(self, door: Door, clock: Clock, *, relayed: bool = False) -> None:
        self.door = door
        self._clock = clock
        self._relayed = relayed

    def knock(self, request: web.Request) -> Knock:
        """What the door looks at."""
        said = request.headers.get(VIEWER_HEADER, "")[:_ADDRESS_CHARS] if self._relayed else ""
        address = printable(said) or request.remote or ""
        return Knock(address, request.path, request.headers, request.cookies)

    def serving(self, path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A handler for every method of a path."""

        async def handle(request: web.Request) -> web.StreamResponse:
            found = await self.door.admit(self.knock(request))
            viewer = found if isinstance(found, Viewer) else Viewer()
            answer = await _safely(request, self._answer(request, path, found))
            return self.respond(request, answer, viewer)

        return handle

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """The door itself: a form, and what comes of it."""
        answer: Answer = Refusal(405, "only GET and POST")
        if request.method in {"GET", "HEAD"}:
            is_locked = self.door.is_locked
            answer = _form(_first(request.query)) if is_locked else SeeOther("/")
        elif request.method == "POST":
            answer = await _safely(request, self._signed_in(request))
        return self.respond(request, answer, Viewer())

    def respond(self, request: web.Request, answer: Answer, viewer: Viewer) -> web.Response:
        """An answer as a response."""
        if isinstance(answer, SeeOther):
            response = web.Response(status=303, headers=GUARDS | {"Location": answer.where})
            self._keep_cookie(request, response, answer)
            return response
        headers = dict(GUARDS)
        if isinstance(answer, Refusal):
            headers |= _refusal_headers(answer)
            if "Authorization" in request.headers:  # a program, which has no use for a page
                return web.Response(status=answer.status, headers=headers, text=answer.why + "\n")
            answer = _refused(request, answer, self.door)
        text = render(answer.name, {**self._around(answer, viewer), **answer.facts})
        return web.Response(
            status=answer.status, headers=headers, text=text, content_type="text/html"
        )

    async def _answer(self, request: web.Request, path: Path, found: Viewer | Refusal) -> Answer:
        if isinstance(found, Refusal):
            return found
        page = path.post if request.method == "POST" else path.get
        if page is None or request.method not in {"GET", "HEAD", "POST"}:
            return Refusal(405, f"{request.method} is not for this address")
        form: Mapping[str, str] = {}
        if request.method == "POST":
            read = await _read_form(request)
            if isinstance(read, Refusal):
                return read
            refused = self.door.may_post(found, self.knock(request), read)
            if refused is not None:
                return refused
            form = read
        return await page(Asked(found, dict(request.match_info), _first(request.query), form))

    async def _signed_in(self, request: web.Request) -> Answer:
        form = await _read_form(request)
        return form if isinstance(form, Refusal) else self.door.sign_in(self.knock(request), form)

    def _around(self, view: View, viewer: Viewer) -> dict[str, object]:
        return {
            "title": view.title,
            "view": view.name,
            "live": view.live,
            "viewer": viewer,
            "is_locked": self.door.is_locked,
            "at": self._clock.now(),
            "style": STYLE.address,
            "script": SCRIPT.address,
            "icon": ICON.address,
        }

    def _keep_cookie(self, request: web.Request, response: web.Response, said: SeeOther) -> None:
        if said.cookie is None:
            return
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(
            self.door.cookie,
            said.cookie,
            max_age=LASTS_S if said.cookie else 0,
            httponly=True,
            samesite="Strict",
            secure=secure,
            path="/",
        )


async def _safely(request: web.Request, answering: Awaitable[Answer]) -> Answer:
    """An answer, whatever happens."""
    try:
        return await answering
    except Away as away:
        return Refusal(503, str(away), 5)
    except web.HTTPRequestEntityTooLarge:
        return Refusal(413, f"a form has {FORM_BYTES:,} bytes at most")
    except (web.RequestPayloadError, ConnectionError):
        return Refusal(400, "the request broke off")
    except Exception:
        log.exception("page_failed", path=printable(request.path)[:200])
        return Refusal(500, "the page has a fault; the worker's log has its traceback")


async def _read_form(request: web.Request) -> Mapping[str, str] | Refusal:
    # Not by `request.post()`: it trusts the charset that the request names, and takes files.
    if request.content_type != _FORM_TYPE:
        return Refusal(415, f"only forms are taken here: {_FORM_TYPE}")
    raw = await request.read()
    if len(raw) > FORM_BYTES:
        return Refusal(413, f"a form has {FORM_BYTES:,} bytes at most")
    try:
        pairs = parse_qsl(
            raw.decode(errors="replace"), keep_blank_values=True, max_num_fields=_FIELDS_MAX
        )
    except ValueError:
        return Refusal(400, f"a form has {_FIELDS_MAX} fields at most")
    return dict(reversed(pairs))  # of two fields with one name the first counts


def _first(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query[name] for name in query}


def _form(query: Mapping[str, str]) -> View:
    return View("sign_in", "Sign in", {"why": "", "next": "/", "done": query.get("done", "")})


def _refused(request: web.Request, refusal: Refusal, door: Door) -> View:
    asks = refusal.status == 401 or (refusal.status == 429 and door.is_locked)
    if asks:
        back = request.path_qs if request.method == "GET" and request.path != "/sign-in" else "/"
        facts = {"why": refusal.why, "next": refusal.to or back, "done": ""}
        return View("sign_in", "Sign in", facts, refusal.status)
    title = _TITLES.get(refusal.status, "Refused")
    facts = {"why": refusal.why, "status": refusal.status}
    return View("refused", title, facts, refusal.status)


def _refusal_headers(refusal: Refusal) -> dict[str, str]:
    headers: dict[str, str] = {}
    if refusal.after_s is not None:
        headers["Retry-After"] = str(refusal.after_s)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="llm-worker"'
    return headers
