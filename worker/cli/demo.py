"""`llm-worker demo`: everything on this machine, sample jobs, the results."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import aiohttp
import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from shared.enums import JobStatus
from shared.redis_streams import JobEntry, Keys, publish
from worker.cli.grid import Grid
from worker.cli.settings import fail, printable
from worker.cli.words import console
from worker.embedded.redis_server import NoRedisServer, RedisServerFailed
from worker.embedded.samples import USER, Sample, paint, samples
from worker.embedded.service import Service, ServiceFailed
from worker.embedded.stack import Stack
from worker.lifecycle import ExitCode
from worker.queue.redis_clients import connect

_PATIENCE_S = 90.0
_LOOK_EVERY_S = 0.2
_COLOURS = {"queued": "dim", "processing": "yellow", "completed": "green", "failed": "red"}
Jobs = Mapping[str, Mapping[str, Any]]


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep everything running until Ctrl-C.")
    ] = False,
) -> None:
    """Start Redis, a reference Core, a model stand-in and the worker; run sample jobs.

    Exit codes: 0 every job ended as it should, 1 one did not, 2 something could not be started.
    """
    out = console(highlight=True)
    out.print("Starting Redis, a reference Core, a model stand-in and the worker …")
    try:
        # SIGTERM ends the demo as Ctrl-C does: through the `with`, which stops every process.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with Stack() as stack:
            worker = _start_worker(stack)
            ended_well = asyncio.run(_run_samples(stack, out))
            _say_what_was_seen(out, worker)
            if stay:
                _stay(stack, worker, out)
            worker.stop()
    except (NoRedisServer, RedisServerFailed, ServiceFailed) as error:
        fail(str(error))
    except KeyboardInterrupt:
        out.print("\nStopped; nothing is left running.")
        return
    if not ended_well:
        raise typer.Exit(ExitCode.CRASHED)


def _start_worker(stack: Stack) -> Service:
    paint(stack.images)
    worker = stack.worker(LOG_FORMAT="console", WORKER_PROCESSING_AFTER_S="0")  # it is to be seen
    worker.start()
    worker.wait_until_ready()
    return worker


async def _run_samples(stack: Stack, console: Console) -> bool:
    """Enqueue every sample and show them until all have ended; whether they ended well."""
    wanted = list(samples())
    await _enqueue(stack, wanted)
    async with aiohttp.ClientSession() as session:
        with Live(_table(wanted, {}), console=console, refresh_per_second=8) as live:
            give_up_at = time.monotonic() + _PATIENCE_S
            while True:
                jobs = await _jobs(session, stack.core_url)
                live.update(_table(wanted, jobs))
                if all(_is_final(jobs.get(sample.job_id)) for sample in wanted):
                    break
                if time.monotonic() > give_up_at:
                    console.print("[red]Some jobs have not ended.[/]")
                    return False
                await asyncio.sleep(_LOOK_EVERY_S)
        console.print()
        await _show_effects(session, stack.core_url, console)
    failed = [s for s in wanted if jobs[s.job_id]["status"] == JobStatus.FAILED]
    return [sample.payload.get("image_path") for sample in failed] == ["../secrets.txt"]


async def _enqueue(stack: Stack, wanted: Sequence[Sample]) -> None:
    clients = connect(stack.redis.url)
    try:
        for sample in wanted:
            entry = JobEntry(sample.job_id, sample.payload, user_id=USER)
            await publish(clients.commands, Keys(), sample.job_type, entry)
    finally:
        await clients.close()


async def _jobs(session: aiohttp.ClientSession, core_url: str) -> Jobs:
    async with session.get(f"{core_url}/llm_jobs?limit=1000") as response:
        rows = cast("list[dict[str, Any]]", await response.json())
    return {row["job_id"]: row for row in rows}


def _is_final(job: Mapping[str, Any] | None) -> bool:
    return job is not None and JobStatus(job["status"]).is_final


def _table(wanted: Sequence[Sample], jobs: Jobs) -> Grid:
    table = Grid(expand=True)
    for name, ratio in (("job", None), ("asked", 2), ("status", None), ("result", 3)):
        table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis")
    for sample in wanted:
        job = jobs.get(sample.job_id, {})
        status = str(job.get("status", "queued"))
        table.add_row(
            sample.job_id,
            escape(printable(_asked(sample))),
            f"[{_COLOURS.get(status, 'dim')}]{status}[/]",
            escape(printable(_answered(job))),
        )
    return table


def _asked(sample: Sample) -> str:
    parts = [v for k, v in sample.payload.items() if isinstance(v, str) and k != "memory_id"]
    return " ".join(parts[0].split())


def _answered(job: Mapping[str, Any]) -> str:
    if job.get("error_message"):
        return str(job["error_message"])
    result = cast("dict[str, Any] | None", job.get("result"))
    if not result:
        return ""
    shown = {name: value for name, value in result.items() if name not in {"memory_id", "query"}}
    return json.dumps(shown, ensure_ascii=False)


async def _show_effects(session: aiohttp.ClientSession, core_url: str, console: Console) -> None:
    async with session.get(f"{core_url}/events?owner_user_id={USER}") as response:
        events = cast("list[dict[str, Any]]", await response.json())
    async with session.get(f"{core_url}/memories/m1") as response:
        memory = cast("dict[str, Any]", await response.json())
    tags = ", ".join(str(tag["tag"]) for tag in memory["tags"])
    console.print(f"In Core now: memory m1 has the tags {escape(tags)};")
    for event in events:
        console.print(f"  event {event['event_time']}  {escape(event['description'])}")


def _say_what_was_seen(console: Console, worker: Service) -> None:
    lines = [line for line in worker.log.splitlines() if "job_done" in line]
    console.print("\nThe worker's log, a line per job, ends with:")
    for line in lines[-2:]:
        console.print("  " + escape(line), highlight=False, soft_wrap=True)
    console.print(
        "\nThe last job is refused on purpose: its picture lies outside the image folder.\n"
        "The answers come from a stand-in that follows simple rules, not from a language model."
    )


def _stay(stack: Stack, worker: Service, console: Console) -> None:
    port = stack.redis.port
    payload = json.dumps({"memory_id": "m1", "content": "Booked the ferry to Naxos for June"})
    console.print(
        f"""
Everything stays up until Ctrl-C:
  Redis   {stack.redis.url}
  Core    {stack.core_url}/llm_jobs
  Model   {stack.model_url}/v1/models
  Worker  {worker.ready_url.removesuffix("live")}ready    log: {worker.log_file}

Try:
  redis-cli -p {port} XADD llm:text_tag '*' job_id try-1 user_id {USER} payload '{payload}'
  REDIS_URL={stack.redis.url} {_program()} enqueue text_tag '{payload}' --job-id try-2
  curl {stack.core_url}/llm_jobs/try-1""",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
    while worker.exit_code is None:
        time.sleep(0.5)
    console.print(f"The worker ended by itself ({worker.exit_code}); its log: {worker.log}")
    raise typer.Exit(ExitCode.CRASHED)


def _program() -> str:
    """How this program was called, in a word that can be typed again."""
    called = Path(sys.argv[0])
    if called.is_absolute() and called.is_relative_to(Path.cwd()):
        called = called.relative_to(Path.cwd())
    return str(called)
