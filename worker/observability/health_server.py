"""The health port: a few pages for an orchestrator and for Prometheus, and the one for people."""

from collections.abc import Iterable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

_BODY_BYTES = 64 << 10
_LEAVE_S = 2.0
"""What is being answered when the port is closed may take so long; live viewers are told before."""


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
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LEAVE_S)
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
