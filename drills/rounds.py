"""One incident, from quiet to quiet: something breaks, somebody finds out what, it is mended."""

import time
from dataclasses import dataclass

from drills.backlog import Backlog
from drills.desk import Desk, clock
from drills.incidents import INCIDENTS, Kind
from drills.judging import Word, read_answer
from drills.prometheus import Prometheus
from drills.site import Site
from drills.troubles import TROUBLES


@dataclass(frozen=True, slots=True)
class Played:
    """How a round went.

    Attributes:
        found_after_s: since it broke; None where it was given up.
        guesses: what was answered, the right one included.
        alerts: those that began to fire before all was well again; None: nobody can tell.
        recovered_after_s: since it was mended; None where it took too long.
    """

    kind: Kind
    found_after_s: float | None
    guesses: tuple[Kind, ...]
    alerts: frozenset[str] | None
    recovered_after_s: float | None


async def play(kind: Kind, site: Site, desk: Desk, backlog: Backlog, patience_s: float) -> Played:
    """Break one thing, have it found, mend it, and wait until the queue is as it was."""
    before = await _fired(site.prometheus, time.time())
    async with TROUBLES[kind](site):
        since = time.time()
        desk.say(f"\n[bold red]Something is odd since {clock()}.[/]")
        desk.show_choices()
        found_after_s, guesses = await _ask(kind, site, desk)
        _tell(kind, desk)
    desk.say(f"Mended at {clock()}; the queue has to come down …")
    recovered_after_s = await backlog.is_back(site, patience_s)
    if recovered_after_s is None:
        desk.say(f"[yellow]It has not within {patience_s:.0f} s. Is something paused?[/]")
    else:
        desk.say(f"As it was {recovered_after_s:.0f} s later.")
    fired = await _fired(site.prometheus, since)
    alerts = None if fired is None or before is None else frozenset(fired - before)
    return Played(kind, found_after_s, guesses, alerts, recovered_after_s)


async def _ask(kind: Kind, site: Site, desk: Desk) -> tuple[float | None, tuple[Kind, ...]]:
    began = time.monotonic()
    guesses: list[Kind] = []
    while (line := await desk.ask()) is not None:
        match read_answer(line):
            case Word.LOOK:
                desk.show_site(site)
                desk.show_choices()
            case Word.GIVE_UP:
                break
            case Word.UNCLEAR:
                desk.say("That is not on the list; [bold]look[/] shows it again.")
            case guess:
                guesses.append(Kind(guess))
                if guess == kind:
                    found_after_s = time.monotonic() - began
                    desk.say(f"[bold green]Right[/], after {found_after_s:.0f} s.")
                    return found_after_s, tuple(guesses)
                desk.say("[yellow]No, it is something else.[/]")
    desk.say("Given up.")
    return None, tuple(guesses)


def _tell(kind: Kind, desk: Desk) -> None:
    incident = INCIDENTS[kind]
    desk.say(f"It was: [bold]{incident.name}[/]. {incident.told_by}")
    desk.say(f"docs/operations.md has it under {incident.section}.")


async def _fired(prometheus: Prometheus | None, since: float) -> set[str] | None:
    """The alerts that have fired since then; None where nobody can tell."""
    if prometheus is None:
        return None
    try:
        return await prometheus.fired(since)
    except OSError:  # it has not come up yet, or has ended
        return None
