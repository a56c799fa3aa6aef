"""`llm-worker run`: the daemon."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
import typer

from shared.config import ConfigError
from worker.app import run as run_worker
from worker.cli.settings import fail, settings_or_exit
from worker.lifecycle import ExitCode
from worker.observability.logs import configure

T = TypeVar("T")


def run() -> None:
    """Run the daemon until SIGTERM or Ctrl-C; a second signal ends it at once.

    Exit codes: 0 drained, 1 crashed, 2 misconfigured, 3 halted (bad key, unknown
    model), 130 forced.
    """
    settings = settings_or_exit()
    configure(settings.log_level, settings.log_format)
    try:
        code = run_on_a_loop(run_worker(settings))
    except ConfigError as error:
        fail(f"these settings cannot work:\n  {error}")
    except OSError as error:
        fail(f"cannot start: {error}; is WORKER_HEALTH_PORT={settings.worker_health_port} taken?")
    except Exception:
        structlog.get_logger(__name__).exception("crashed")
        code = ExitCode.CRASHED
    raise typer.Exit(code)


def run_on_a_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop, which costs less; where that cannot be had, on asyncio's own loop."""
    # What has been imported stays: looking through it at each collection was a fifth of a job.
    gc.collect()
    gc.freeze()
    try:
        import uvloop  # noqa: PLC0415 - it has no wheel for every platform
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
