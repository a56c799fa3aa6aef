"""The health port: a few pages for an orchestrator and for Prometheus."""

from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler


class HealthServer:
    """Serves pages on a port; whoever asks for another gets a 404."""

    def __init__(self, pages: Mapping[str, Handler], host: str, port: int) -> None:
        app = web.Application()
        for path, page in pages.items():
            app.router.add_get(path, page)
        self._runner = web.AppRunner(app, access_log=None)
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
