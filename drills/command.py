"""`make game-day`: practise being on call, on a stack of your own machine."""

import asyncio
import secrets
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from drills.answers import Answers
from drills.desk import Desk
from drills.game import Plan, run_game
from drills.incidents import Kind, draw
from drills.report import report
from drills.site import Site, SiteOptions
from worker.cli.settings import fail
from worker.cli.words import console
from worker.embedded.redis_server import NoRedisServer, RedisServerFailed
from worker.embedded.service import ServiceFailed
from worker.lifecycle import ExitCode


def main() -> None:
    """Run the command; ends the process."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(game_day)
    app(prog_name="python -m drills")


def game_day(
    seed: Annotated[
        int | None, typer.Option(help="Of the order and the jobs; to have it all again.")
    ] = None,
    only: Annotated[
        list[Kind] | None, typer.Option(help="Which may come; give it several times for several.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="How many incidents; each that may come, once.")
    ] = None,
    quiet_s: Annotated[float, typer.Option(min=0, help="Seconds before each incident.")] = 60,
    rate: Annotated[float, typer.Option(min=0.1, max=100, help="Jobs a second.")] = 5,
    latency_ms: Annotated[float, typer.Option(min=0, help="What a model's answer takes.")] = 800,
    patience_s: Annotated[
        float, typer.Option(min=1, help="How long the queue may take to come down again.")
    ] = 600,
    hasty_alerts: Annotated[
        bool, typer.Option("--hasty-alerts", help="Alerts fire at once, not after minutes.")
    ] = False,
    answers_from: Annotated[
        Path | None, typer.Option(exists=True, help="A file or fifo of answers, a line each.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Copy logs and Core's database to this folder.")
    ] = None,
) -> None:
    """Things break, one after the other, on a throw-away stack under load; find out what it is.

    Exit codes: 0 played, and every job came to its one right end; 1 not every job did; 2 the stack
    could not be started; 130 broken off.
    """
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    order = draw(seed, rounds or len(set(only or Kind)), only or ())
    plan = Plan(order, seed, quiet_s, rate, patience_s)
    options = SiteOptions(latency_ms=latency_ms, keep=keep, patient=not hasty_alerts)
    desk = Desk(console(), Answers(answers_from))
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    try:
        # All of it in the loop, where Ctrl-C waits for an `await`: no start and no end of a process
        # is cut in two. A second one does not wait.
        balances = asyncio.run(_play(plan, options, desk))
    except (NoRedisServer, RedisServerFailed, ServiceFailed) as error:
        fail(str(error))
    except KeyboardInterrupt:
        desk.say(f"\nBroken off (--seed {seed}); nothing is left running.")
        raise typer.Exit(ExitCode.FORCED) from None
    raise typer.Exit(0 if balances else ExitCode.CRASHED)


def _as_ctrl_c(_number: int, _frame: object) -> None:
    """SIGTERM ends the game in the same way."""
    signal.raise_signal(signal.SIGINT)


async def _play(plan: Plan, options: SiteOptions, desk: Desk) -> bool:
    """Start the stack, play, report; whether the account balances."""
    desk.say("Starting Redis, a reference Core, a model stand-in and two workers …")
    with Site(options) as site:
        await asyncio.sleep(0)  # who has typed Ctrl-C meanwhile need not read what follows
        desk.say("\nA stack to practise on; open another shell to look at it:")
        desk.show_site(site)
        played, account = await run_game(plan, site, desk)
    desk.say("")
    desk.console.print(report(played, account))
    desk.say(f"To play it again: {_again(sys.argv[1:], plan.seed)}")
    return account.balances


def _again(words: Sequence[str], seed: int) -> str:
    """The options that were typed, with the seed where none was."""
    typed = any(word.partition("=")[0] == "--seed" for word in words)
    return shlex.join([*words, *(() if typed else ("--seed", str(seed)))])
