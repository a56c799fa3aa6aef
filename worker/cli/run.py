"""`llm-worker run`: the daemon."""

import asyncio
import gc
import os
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import structlog
import typer

from shared.config import ConfigError
from worker.app import run as run_worker
from worker.cli.settings import fail, settings_or_exit
from worker.lifecycle import ExitCode
from worker.observability.logs import configure
from worker.outside import read_files
from worker.processes.child import python
from worker.processes.obeying import ParentLine
from worker.processes.shares import plan

T = TypeVar("T")

_YOUNG_OBJECTS = 10_000
"""Made and not yet gone, after which the garbage collector looks for cycles among them."""


def run(
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes that share the work; else WORKER_PROCESSES."),
    ] = None,
    process: Annotated[int | None, typer.Option(hidden=True)] = None,
    parent_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; a second signal ends it at once.

    Exit codes: 0 drained, 1 crashed, 2 misconfigured, 3 halted (bad key, unknown
    model), 130 forced.
    """
    settings = settings_or_exit(**({} if processes is None else {"worker_processes": processes}))
    configure(settings.log_level, settings.log_format, process=process)
    parent = None if parent_fd is None else ParentLine(parent_fd)
    try:
        if settings.worker_processes > 1:
            read_files(settings)  # what is wrong with them is said once
            # In place of this program, not below it: a parent needs none of what it has loaded.
            command = python("worker.processes", plan(settings).to_json())
            os.execv(command[0], command)  # noqa: S606 - our own command line, no shell
        code = run_on_a_loop(run_worker(settings, parent))
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
    # The jobs under way are some thousands of objects, which come and go without leaving a cycle:
    # at Python's own 700 the collector looks through that crowd for nothing, a tenth of a job.
    gc.set_threshold(_YOUNG_OBJECTS)
    try:
        import uvloop  # noqa: PLC0415 - it has no wheel for every platform
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
