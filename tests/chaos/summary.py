"""A run's figures, as text."""

from collections.abc import Iterator

from tests.chaos.run import Outcome
from tests.chaos.verdict import doubled, lost


def summary(outcome: Outcome) -> str:
    """A table of what happened, then each broken invariant and where its evidence lies."""
    rows = list(_rows(outcome))
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    if outcome.broken:
        lines += ["", "BROKEN", *(f"- {line}" for line in outcome.broken)]
        lines.append(f"The logs and Core's database are in {outcome.folder}")
    return "\n".join(lines)


def _rows(outcome: Outcome) -> Iterator[tuple[str, object]]:
    options, evidence = outcome.options, outcome.evidence
    yield "seed", options.seed
    yield "workers", options.workers
    yield "seconds", f"{outcome.took_s:.0f}"
    yield "jobs", len(evidence.enqueued.jobs)
    yield "jobs of unconfirmed XADDs", len(evidence.enqueued.unsure)
    yield "faults", outcome.faults.total()
    for kind, count in sorted(outcome.faults.items()):
        yield f"  {kind}", count
    bill = evidence.bill
    yield "model calls", bill.calls.total()
    yield "  refused (503)", bill.refused.total()
    yield "  extra", bill.extra
    yield "  interrupted by faults", bill.excused.total()
    yield "  extra without a reason", sum(bill.unexplained().values())
    yield "lost", len(lost(evidence))
    yield "doubled", len(doubled(evidence))
    for event, count in sorted(evidence.logged.items()):
        yield event, count
    yield "consumers left in groups", sum(state.consumers for state in evidence.redis.streams)
    yield "keys left", " ".join(evidence.redis.keys)
