"""The health port: a few pages for an orchestrator and for Prometheus, and the one for people."""

import logging
from collections.abc import Iterable, Mapping

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.typedefs import Handler

log = structlog.get_logger(__name__)

_BODY_BYTES = 64 << 10
_LEAVE_S = 2.0
"""What is being answered when the port is closed may take so long; live viewers are told before."""


class _Unread(logging.Filter):
    """What cannot be read as a request is one line of ours, which quotes nothing of it.

    The server would log its traceback, with the beginning of an address that may hold anything.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        too_long = isinstance(error, LineTooLong)
        why = "its address or a header is too long" if too_long else "it is no HTTP request"
        address = record.args[0] if isinstance(record.args, tuple) and record.args else None
        log.warning("request_unreadable", address=address, why=why)
        return False


_server_log = logging.getLogger(f"{__name__}.aiohttp")
_server_log.addFilter(_Unread())


class HealthServer:
    """Serves pages on a port; whoever asks for another gets a 404.

    Args:
        pages: what is answered to GET, by path.
        host: the address to listen on.
        port: 0 for a free one.
        more: other routes, for what no page is for.
    """

    def __init__(
        self,
        pages: Mapping[str, Handler],
        host: str,
        port: int,
        more: Iterable[web.RouteDef] = (),
    ) -> None:
        app = web.Application(client_max_size=_BODY_BYTES)
        for path, page in pages.items():
            app.router.add_get(path, page)
        app.router.add_routes(more)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_server_log, shutdown_timeout=_LEAVE_S
        )
        self._host, self._port = host, port

    async def start(self) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the address is taken or not ours.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()
