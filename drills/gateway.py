"""A gateway whose server is away: it answers everything with 502 and a page for people."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

_PAGE = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>gateway</center>\r\n"
    "</body>\r\n</html>\r\n"
)


@asynccontextmanager
async def bad_gateway(host: str, port: int) -> AsyncGenerator[None]:
    """Listens while the block runs.

    Raises:
        OSError: it cannot listen there.
    """
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _refuse)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def _refuse(request: web.Request) -> web.Response:
    await request.read()  # else the connection is reset, which is another incident
    return web.Response(status=502, text=_PAGE, content_type="text/html")
