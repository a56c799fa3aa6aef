"""What the page is made of beside its text: our own style, script and icon."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "assets"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file that everybody may have; read when it is first asked for."""

    name: str
    content_type: str

    @cached_property
    def body(self) -> bytes:
        """What is in it."""
        return (_FOLDER / self.name).read_bytes()

    @cached_property
    def mark(self) -> str:
        """Another file has another one."""
        return sha256(self.body).hexdigest()[:16]

    @property
    def address(self) -> str:
        """Where it is: with its mark, so that no browser keeps an old one after an upgrade."""
        return f"/{self.name}?v={self.mark}"

    async def serve(self, request: web.Request) -> web.Response:
        """The file, or that the browser has it already."""
        is_this = request.query.get("v") == self.mark
        headers = {
            "ETag": f'"{self.mark}"',
            "Cache-Control": _FOREVER if is_this else "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Content-Security-Policy": "default-src 'none'",
        }
        if f'"{self.mark}"' in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=self.body, headers=headers, content_type=self.content_type, charset="utf-8"
        )


STYLE = Asset("page.css", "text/css")
SCRIPT = Asset("page.js", "text/javascript")
ICON = Asset("icon.svg", "image/svg+xml")
