"""The end of a game day as people read it: a table of the incidents, and the jobs' account."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from drills.account import Account
from drills.incidents import INCIDENTS
from drills.rounds import Played
from worker.cli.words import age, grid

_NAMED = 5


def report(played: Sequence[Played], account: Account) -> RenderableType:
    """All of it."""
    return Group(_incidents(played), Text(), *map(Text, account_lines(account)))


def _incidents(played: Sequence[Played]) -> Table:
    table = grid("incident", "#found after", "#guesses", "alerts that fired", "#recovered after")
    for each in played:
        table.add_row(
            INCIDENTS[each.kind].name,
            "given up" if each.found_after_s is None else age(each.found_after_s),
            str(len(each.guesses)),
            _alerts(each),
            "not in time" if each.recovered_after_s is None else age(each.recovered_after_s),
        )
    return table


def _alerts(played: Played) -> str:
    if played.alerts is None:
        return "nobody looked"
    return "\n".join(sorted(played.alerts)) or "none"


def account_lines(account: Account) -> Iterator[str]:
    """What became of the jobs, a line each; names where there should be none."""
    yield f"jobs enqueued     {account.enqueued:,}"
    yield f"  done            {account.done:,}"
    yield f"  dead            {account.dead:,}, made to be"
    yield f"  dead by mistake {_named(account.wrongly_dead)}"
    yield f"  not ended yet   {_named(account.left)}"
    yield f"  lost            {_named(account.lost)}"
    yield f"  done twice      {_named(account.twice)}"
    if account.not_taken:
        yield f"not taken         {account.not_taken:,}, Redis being away or full"
    yield "The account balances." if account.balances else "THE ACCOUNT DOES NOT BALANCE."


def _named(jobs: Sequence[str]) -> str:
    if not jobs:
        return "0"
    more = " …" if len(jobs) > _NAMED else ""
    return f"{len(jobs):,}: {' '.join(jobs[:_NAMED])}{more}"
