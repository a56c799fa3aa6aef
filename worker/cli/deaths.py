"""`llm-worker dead list --by-reason`: of what the jobs died, with what to type next."""

from collections.abc import Sequence

import typer

from worker.cli.grid import Grid
from worker.cli.words import as_json as one_line
from worker.cli.words import console, count, grid, moment, shown
from worker.operations.letters import Death, Said
from worker.queue.dead_letters import DeadLetter

_ERROR_SEEN_CHARS = 100
"""On a terminal; elsewhere it is whole."""


def said_by(letter: DeadLetter) -> Said:
    """What a letter says of its end."""
    return Said(
        died_at=letter.died_s,
        reason=letter.reason,
        cause=letter.said.get("cause", ""),
        job_type=letter.job_type,
        error=letter.said.get("error", ""),
    )


def deaths_table(deaths: Sequence[Death]) -> Grid:
    """One row for all that died of the same."""
    names = ("reason", "cause", "job type", "#letters", "#last 10 min", "oldest", "newest")
    table = grid(*names)
    table.add_column("error of the newest", max_width=_ERROR_SEEN_CHARS)
    for death in deaths:
        table.add_row(
            *map(shown, (death.reason, death.cause or "-", death.job_type)),
            *map(count, (death.count, death.recent)),
            *map(moment, (death.oldest_at, death.newest_at)),
            shown(death.sample),
        )
    return table


def show_deaths(deaths: Sequence[Death], *, as_json: bool) -> None:
    """One row for all that died of the same, or one JSON object a line."""
    if as_json:
        for death in deaths:
            typer.echo(one_line(death))
        return
    if deaths:
        console().print(deaths_table(deaths))
    total = sum(death.count for death in deaths)
    typer.echo(f"{total} dead letter{'' if total == 1 else 's'}", err=True)
