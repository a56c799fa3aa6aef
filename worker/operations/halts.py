"""Halts as people see them: one start after the other that halts on a machine is one trouble. Pure.

Each start has a name of its own and leaves a row of its own: two workers in a restart loop looked
like eight, and hid the good ones for minutes after it was mended.
"""

from collections.abc import Sequence
from dataclasses import replace

from worker.operations.fleet import Worker
from worker.operations.words import age, amount, over
from worker.steering.last_word import KEPT_A_HOST


def folded(workers: Sequence[Worker]) -> list[Worker]:
    """The rows to show, by name: of a host's halts for the same reason the newest, with their sum.

    Those before a start on that host that runs now are past, and left out. A worker that ran all
    the while mends nothing.
    """
    runs_since: dict[str, float] = {}
    for worker in workers:
        if not worker.silent:
            host, since = worker.facts.host, worker.facts.started_at
            runs_since[host] = max(since, runs_since.get(host, since))
    shown: list[Worker] = []
    halts: dict[tuple[str, str], list[Worker]] = {}
    for worker in workers:
        facts = worker.facts
        if not facts.halted:
            shown.append(worker)
        elif runs_since.get(facts.host, facts.halted_at) <= facts.halted_at:
            halts.setdefault((facts.host, facts.halted), []).append(worker)
    shown += map(_one, halts.values())
    return sorted(shown, key=lambda worker: worker.name)


def halts_said(workers: Sequence[Worker]) -> list[str]:
    """How many halts `folded` rows stand for, where, when and why: a sentence a reason."""
    by_why: dict[str, list[Worker]] = {}
    for worker in workers:
        if worker.facts.halted:
            by_why.setdefault(worker.facts.halted, []).append(worker)
    return [f"{_told(rows)}: {why}" for why, rows in by_why.items()]


def _one(rows: Sequence[Worker]) -> Worker:
    newest = min(rows, key=lambda row: row.heard_s_ago)
    span = max(row.heard_s_ago for row in rows) - newest.heard_s_ago
    pending = sum(row.pending for row in rows)
    return replace(newest, halts=len(rows), halting_s=span, pending=pending)


def _told(rows: Sequence[Worker]) -> str:
    number, hosts = sum(row.halts for row in rows), {row.facts.host for row in rows}
    most = "at least " if any(row.halts >= KEPT_A_HOST for row in rows) else ""
    last = min(row.heard_s_ago for row in rows)
    first = max(row.heard_s_ago + row.halting_s for row in rows)
    where = min(hosts) if len(hosts) == 1 else f"{len(hosts)} hosts"
    what = most + amount(number, "halt") + (f" on {where}" if where else "")
    return f"{what}{over(first - last)}, {'the last ' if number > 1 else ''}{age(last)} ago"
