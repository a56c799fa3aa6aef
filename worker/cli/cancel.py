"""`llm-worker cancel JOB`: wherever it is, also while the model works on it."""

from typing import Annotated

import typer

from worker.cli.at_redis import Opened, at_redis
from worker.cli.settings import printable
from worker.cli.status import JsonOption
from worker.cli.words import as_json
from worker.lifecycle import ExitCode
from worker.operations.awaiting import ends, newest_event
from worker.operations.cancelling import Cancellation, Cancelled, cancel_job

_SAID = {
    Cancelled.WAITING: "is cancelled: it waits {detail}, and ends when its turn comes",
    Cancelled.RUNNING: "is cancelled: its worker lets go of it, {detail}",
    Cancelled.PERHAPS: "was not found, and is cancelled in case it is there: {detail}",
    Cancelled.TOO_LATE: "cannot be cancelled: its answer is written down, {detail}",
    Cancelled.ENDED: "has ended: {detail}",
    Cancelled.UNKNOWN: "is unknown: {detail}",
}


def cancel(
    job_ids: Annotated[list[str], typer.Argument(metavar="JOB…", help="Jobs' or entries' ids.")],
    wait: Annotated[bool, typer.Option("--wait", help="Until they have ended.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 60,
    json_: JsonOption = False,
) -> None:
    """Have jobs end without an answer, as dead letters with the reason `cancelled`.

    A call of the model that is under way is broken off. `dead replay` undoes it.

    Exit codes: 0 cancelled, 1 not one of them all (ended before, unknown), or Redis is away or
    refuses, 2 the settings are wrong, 5 not ended within --timeout.
    """

    async def work(redis: Opened) -> tuple[list[Cancellation], set[str]]:
        after = await newest_event(redis.client, redis.keys)
        done = [await cancel_job(redis.client, redis.keys, job_id) for job_id in job_ids]
        left = {each.job_id for each in done if each.result.is_marked} if wait else set[str]()
        events = ends(redis.reader, redis.keys, set(left), after=after, timeout_s=timeout)
        async for event in events:
            left.discard(event["job_id"])
        return done, left

    done, left = at_redis(work)
    if json_:
        typer.echo(as_json(done))
    else:
        for each in done:
            line = f"{each.job_id} {_SAID[each.result].format(detail=each.detail)}"
            typer.echo(printable(line).replace("\n", "\\n"))
    if left:
        raise typer.Exit(ExitCode.TIMED_OUT)
    if not all(each.result.is_marked for each in done):
        raise typer.Exit(ExitCode.CRASHED)
