"""Everybody in turn, again and again: what disturbs the machine disturbs all of them."""

import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.contenders import OURS, Contender
from benchmarks.process_tree import BenchFailed
from benchmarks.table import Figure, Row, Target

Measured = Mapping[str, float | str]
"""Figures by name; words where there is no figure, or beside them all under the name `note`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody who is measured, and how.

    Attributes:
        key: chooses it on the command line.
        name: as the table says it.
        measure: once; all it needs is started and ended with it.
    """

    key: str
    name: str
    measure: Callable[[], Measured]


class Found:
    """What was measured so far, by the names of the turns."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._results: dict[str, list[Measured]] = {turn.name: [] for turn in turns}

    def add(self, name: str, measured: Measured) -> None:
        """One more run."""
        self._results[name].append(measured)

    def figure(self, name: str, what: str) -> Figure:
        """One turn's figure; an empty one where it took no part."""
        results = self._results.get(name, [])
        values = [result.get(what) for result in results]
        samples = tuple(value for value in values if isinstance(value, float))
        words = [value for value in values if isinstance(value, str)]
        words += [note for result in results if isinstance(note := result.get("note"), str)]
        counted = {word: words.count(word) for word in words if word}
        note = "; ".join(f"{word} ({n} x)" if n > 1 else word for word, n in counted.items())
        return Figure(name, samples, note)

    def row(
        self,
        what: str,
        unit: str,
        measured: str,
        targets: tuple[Target, ...] = (),
        names: Sequence[str] = (),
    ) -> Row:
        """A row of one figure.

        Args:
            what: the row is called.
            unit: of the figures.
            measured: which one it is.
            targets: what ours should be.
            names: whose it is, ours first; where there are none, that of all who take part.
        """
        names = names or (OURS.name, *(name for name in self._results if name != OURS.name))
        ours, *others = (self.figure(name, measured) for name in names)
        return Row(what, unit, ours, tuple(f for f in others if not f.is_empty), targets)


MakeRows = Callable[[Found], Sequence[Row]]
"""Makes rows of what was found."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the table: who takes turns in it, and the rows that come of it.

    Attributes:
        turns: who, in which order.
        runs: of each.
        turn_s: about what a turn takes on two cores, in seconds.
        rows: of what was found; those without any figure are left out.
    """

    turns: Sequence[Turn]
    runs: int
    turn_s: float
    rows: MakeRows

    @property
    def expected_s(self) -> float:
        """About how long all of it takes."""
        return len(self.turns) * self.runs * self.turn_s

    def only(self, keys: Sequence[str]) -> "Part":
        """Without those who are not named; with all where nobody is."""
        chosen = [turn for turn in self.turns if not keys or turn.key in keys]
        return Part(chosen, self.runs, self.turn_s, self.rows)

    def measured(self, say: Callable[[str], None]) -> Generator[list[Row]]:
        """Let everybody take turns; gives the rows so far after each.

        Args:
            say: is told of every turn, and how long the rest may take.
        """
        found, started_s, done = Found(self.turns), time.monotonic(), 0
        for run in range(1, self.runs + 1):
            for turn in self.turns:
                measured = _tried(turn)
                found.add(turn.name, measured)
                done += 1
                left = len(self.turns) * self.runs - done
                rest_s = (time.monotonic() - started_s) / done * left
                say(f"{_shown(measured)} [{turn.name}, {run} of {self.runs}; {_rest(rest_s)}]")
                yield [row for row in self.rows(found) if not row.is_empty]


def of_contenders(
    contenders: Sequence[Contender], measure: Callable[[Contender], Measured]
) -> list[Turn]:
    """A turn for each."""
    return [Turn(who.module, who.name, partial(measure, who)) for who in contenders]


def _tried(turn: Turn) -> Measured:
    """Who fails has no figure and stops nobody."""
    try:
        return turn.measure()
    except BenchFailed as error:
        print(error, file=sys.stderr)
        return {"note": str(error).splitlines()[0]}


def _shown(measured: Measured) -> str:
    return ", ".join(
        f"{name} {value:,.2f}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in measured.items()
        if value != ""
    )


def _rest(seconds: float) -> str:
    return f"{seconds / 60:.0f} min to go" if seconds > 90 else f"{seconds:.0f} s to go"
