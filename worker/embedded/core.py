"""`python -m worker.embedded.core`: the reference Core as a process, for demo and tests only.

Environment: `CORE_STRICT` (404 for what was never seen), `REDIS_URL` and `LLM_STREAM_PREFIX`
(where `POST /llm_jobs` publishes).
"""

import argparse
import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

from aiohttp import web

from shared.config import ConfigError, ServiceSettings, load_settings
from worker.embedded.core_api import CoreConfig, create_app

_SHUTDOWN_S = 5.0


class CoreSettings(ServiceSettings):
    """What the environment says."""

    core_strict: bool = False
    redis_url: str | None = None
    llm_stream_prefix: str = "llm"


async def serve(config: CoreConfig, host: str, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT; says where once it listens.

    Raises:
        OSError: it cannot listen there.
        sqlite3.Error: the database cannot be used.
        ValueError: the Redis URL is not one.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(create_app(config), access_log=None, shutdown_timeout=_SHUTDOWN_S)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{runner.addresses[0][1]}"
        print(f"Core listens on {url} (reference for demo and tests, not for real use)", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.embedded.core",
        description="The reference Core REST API, for demo and tests only.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--database", type=Path, default=Path("core.sqlite3"), metavar="PATH")
    args = parser.parse_args(argv)
    try:
        settings = load_settings(CoreSettings)
        config = CoreConfig(
            database=args.database,
            redis_url=settings.redis_url,
            prefix=settings.llm_stream_prefix,
            strict=settings.core_strict,
        )
        asyncio.run(serve(config, args.host, args.port))
    except (ConfigError, OSError, OverflowError, ValueError, sqlite3.Error) as error:
        print(f"core: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
