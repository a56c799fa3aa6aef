"""Daily budgets: the fleet's count, midnight in UTC, and a ledger that is away."""

import asyncio
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from tests.builders import until
from worker.clock import Clock
from worker.llm import budget as module
from worker.llm.budget import LISTEN_EVERY_S, DailyBudgets, LedgerAway

MIDNIGHT = 20_000 * 86_400.0
DAY, NEXT_DAY = "2024-10-04", "2024-10-05"


@dataclass
class Time:
    """A clock that stands until it is set; seconds since a midnight in UTC."""

    now: float = 3_600.0

    def clock(self) -> Clock:
        """It, where a real one is expected."""
        return Clock(now=lambda: MIDNIGHT + self.now, elapsed=lambda: self.now)


@dataclass
class Ledger:
    """A ledger in memory."""

    totals: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    asked: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    away: bool = False
    gate: asyncio.Event | None = None

    async def add(self, provider: str, day: str, tokens: int) -> int:
        """Add, or be away."""
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise LedgerAway("no answer within 5 s")
        self.asked.append((provider, day, tokens))
        self.totals[provider, day] = self.totals.get((provider, day), 0) + tokens
        return self.totals[provider, day]


def budgets(ledger: Ledger, time: Time | None = None, limit: int = 100) -> DailyBudgets:
    """One provider's budget."""
    return DailyBudgets({"openai": limit}, ledger, (time or Time()).clock())


def test_spent_until_midnight() -> None:
    """What was counted here holds at once, before anybody was told; the last token is the last."""
    time = Time()
    made = budgets(Ledger(), time)
    made.count("openai", 99)
    assert made.wait_s("openai") is None
    made.count("openai", 1)
    assert made.wait_s("openai") == 23 * 3_600
    time.now = 86_400 - 0.5
    assert made.wait_s("openai") == 0.5
    time.now = 86_400
    assert made.wait_s("openai") is None
    assert made.spent("openai") == 0


def test_a_provider_without_a_limit_may_have_all() -> None:
    """And nobody counts it."""
    made = budgets(Ledger())
    made.count("vllm", 10**12)
    assert made.wait_s("vllm") is None


def test_the_end_is_told_once() -> None:
    """One warning a day with the limit."""
    time = Time()
    made = budgets(Ledger(), time)
    with capture_logs() as logs:
        for _ in range(3):
            made.count("openai", 100)
            made.wait_s("openai")
        time.now += 86_400
        made.count("openai", 100)
        made.wait_s("openai")
    assert [line["event"] for line in logs] == ["budget_spent"] * 2
    assert (logs[0]["limit"], logs[0]["until_midnight_s"]) == (100, 23 * 3_600)


async def test_the_fleet_shares_a_budget() -> None:
    """What one has told counts for the other as soon as it hears from the ledger."""
    ledger = Ledger()
    one, other = budgets(ledger), budgets(ledger)
    one.count("openai", 60)
    other.count("openai", 50)
    assert one.wait_s("openai") is None
    await one.flush()
    await other.flush()
    assert (one.spent("openai"), other.spent("openai")) == (60, 110)
    assert other.wait_s("openai") is not None
    assert ledger.totals == {("openai", DAY): 110}


async def test_a_worker_that_starts_hears_first() -> None:
    """It has nothing to tell, and asks all the same; then only now and then."""
    ledger, time = Ledger({("openai", DAY): 100}), Time()
    made = budgets(ledger, time)
    await made.flush()
    assert made.wait_s("openai") is not None
    await made.flush()
    assert ledger.asked == [("openai", DAY, 0)]
    ledger.totals.clear()  # somebody has given it free again
    time.now += LISTEN_EVERY_S
    await made.flush()
    assert made.wait_s("openai") is None


async def test_a_batch_and_not_each_call() -> None:
    """However many calls there were: one number."""
    ledger = Ledger()
    made = budgets(ledger)
    for _ in range(50):
        made.count("openai", 1)
    await made.flush()
    assert ledger.asked == [("openai", DAY, 50)]


async def test_what_is_counted_while_it_is_told() -> None:
    """It is neither lost nor told twice."""
    ledger = Ledger(gate=asyncio.Event())
    made = budgets(ledger)
    made.count("openai", 10)
    flush = asyncio.create_task(made.flush())
    await asyncio.sleep(0)
    made.count("openai", 5)
    assert made.spent("openai") == 15
    assert ledger.gate is not None
    ledger.gate.set()
    await flush
    assert made.spent("openai") == 15
    await made.flush()
    assert ledger.totals == {("openai", DAY): 15}


async def test_yesterdays_rest_goes_to_yesterday() -> None:
    """And then nobody asks for yesterday any more."""
    ledger, time = Ledger(), Time(86_399)
    made = budgets(ledger, time)
    made.count("openai", 10)
    time.now = 86_401
    made.count("openai", 3)
    await made.flush()
    assert ledger.totals == {("openai", DAY): 10, ("openai", NEXT_DAY): 3}
    time.now += LISTEN_EVERY_S
    await made.flush()
    assert ledger.asked[2:] == [("openai", NEXT_DAY, 0)]


async def test_a_ledger_that_is_away_costs_nothing() -> None:
    """It is said once, all is kept, the own count holds, and when it is back all is told."""
    ledger = Ledger(away=True)
    made = budgets(ledger)
    with capture_logs() as logs:
        for _ in range(3):
            made.count("openai", 40)
            await made.flush()
        assert made.wait_s("openai") is not None
        ledger.away = False
        await made.flush()
    said = [line["event"] for line in logs]
    assert said == ["budgets_not_shared", "budget_spent", "budgets_shared_again"]
    assert ledger.totals == {("openai", DAY): 120}


async def test_the_loop_tells_and_its_end_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that stops leaves nothing untold."""
    monkeypatch.setattr(module, "FLUSH_EVERY_S", 0.001)
    ledger = Ledger()
    made = budgets(ledger)
    running = asyncio.create_task(made.run())
    made.count("openai", 1)
    await until(lambda: ledger.totals == {("openai", DAY): 1})
    made.count("openai", 2)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert ledger.totals == {("openai", DAY): 3}


async def test_an_end_that_cannot_tell_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is named in the log."""
    monkeypatch.setattr(module, "_LAST_FLUSH_S", 0.001)
    ledger = Ledger()
    made = budgets(ledger)
    running = asyncio.create_task(made.run())
    await until(lambda: bool(ledger.asked))
    ledger.gate = asyncio.Event()
    made.count("openai", 2)
    with capture_logs() as logs:
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()
    assert [(line["event"], line["tokens"]) for line in logs] == [("budget_not_told", 2)]
