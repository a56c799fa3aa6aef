"""Everybody in turn, again and again: what disturbs the machine disturbs all of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench import BenchFailed
from benchmarks.contenders import IDEAL, OURS, PEERS, Contender
from benchmarks.table import Figure

Measured = Mapping[str, float | str]
"""Figures by name; words where there is no figure, or beside one under the name `note`."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything.

    Attributes:
        runs: of each contender.
        quick: fewer jobs and shorter outages.
        names: modules of the contenders that take part; all where there are none.
    """

    runs: int = 3
    quick: bool = False
    names: Sequence[str] = ()

    def of(self, full: int, quick: int) -> int:
        """One number or the other."""
        return quick if self.quick else full

    def contenders(self, *, with_ideal: bool) -> list[Contender]:
        """Who takes part, ours first."""
        found = [OURS, *([IDEAL] if with_ideal else []), *PEERS]
        return [who for who in found if not self.names or who.module in self.names]


def interleaved(
    names: Sequence[str],
    contenders: Sequence[Contender],
    runs: int,
    measure: Callable[[Contender], Measured],
) -> dict[str, list[Figure]]:
    """Measure each contender so many times, in turn.

    Args:
        names: of the figures that `measure` gives.
        contenders: who, in which order.
        runs: of each.
        measure: one run of one contender.

    Returns:
        for each name the contenders' figures, in their order.
    """
    found: dict[Contender, list[Measured]] = {contender: [] for contender in contenders}
    for run in range(1, runs + 1):
        for contender, results in found.items():
            try:
                measured = measure(contender)
            except BenchFailed as error:
                measured = {"note": str(error).splitlines()[0]}
                print(error, file=sys.stderr)
            shown = ", ".join(
                f"{name} {value:,.2f}" if isinstance(value, float) else f"{name}: {value}"
                for name, value in measured.items()
            )
            print(f"run {run} of {runs}: {contender.name}: {shown}", file=sys.stderr)
            results.append(measured)
    return {name: [_figure(who, name, one) for who, one in found.items()] for name in names}


def _figure(contender: Contender, name: str, results: Sequence[Measured]) -> Figure:
    values = [result.get(name) for result in results]
    samples = tuple(value for value in values if isinstance(value, float))
    words = [value for value in values if isinstance(value, str)]
    words += [note for result in results if isinstance(note := result.get("note"), str)]
    counted = {word: words.count(word) for word in words if word}
    note = "; ".join(f"{word} ({n} x)" if n > 1 else word for word, n in counted.items())
    return Figure(contender.name, samples, note)
