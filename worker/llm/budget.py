"""How many tokens a day each provider may have, counted for the whole fleet.

Each worker counts what it uses in memory and tells the fleet's ledger about once a second; the
ledger's reply is the fleet's total. So a budget may be passed by what the fleet uses in a second
or two, and by the calls that are under way. A day is a day in UTC.

Servers that do not say how many tokens they used cannot be held to a budget.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import structlog

from worker.clock import Clock

log = structlog.get_logger(__name__)

FLUSH_EVERY_S = 1.0
LISTEN_EVERY_S = 30.0
"""So often the ledger is asked even with nothing to tell it: others may have spent the rest."""
_LAST_FLUSH_S = 2.0
_DAY_S = 86_400


class LedgerAway(Exception):
    """The fleet's ledger cannot be reached; `str()` is one line for the log."""


class TokenLedger(Protocol):
    """What all workers together have used."""

    async def add(self, provider: str, day: str, tokens: int) -> int:
        """Add to a day's total and give the sum; 0 only asks for it.

        Args:
            provider: the preset's name.
            day: such as `2026-11-21`, in UTC.
            tokens: how many more.

        Raises:
            LedgerAway: it may or may not have been added.
        """
        ...


@dataclass(slots=True)
class _Count:
    """One provider's day."""

    fleet: int = 0
    """What the ledger has said."""
    untold: int = 0
    """What it has not been told yet."""
    heard_at: float | None = None

    @property
    def spent(self) -> int:
        return self.fleet + self.untold


@dataclass(slots=True)
class DailyBudgets:
    """The `Budgets` of the daemon; `run` must be running for the fleet to know of each other.

    Args:
        limits: tokens a day by provider; those without one may have any number.
        ledger: the fleet's.
        clock: its `now` tells the day.
    """

    limits: Mapping[str, int]
    ledger: TokenLedger
    clock: Clock = field(default_factory=Clock)
    _counts: defaultdict[tuple[str, int], _Count] = field(
        default_factory=lambda: defaultdict[tuple[str, int], _Count](_Count)
    )
    _told: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    _away: bool = False

    def wait_s(self, provider: str) -> float | None:
        """Seconds until midnight UTC when its tokens are used up; None while there are some."""
        limit = self.limits.get(provider)
        if limit is None or self.spent(provider) < limit:
            return None
        now = self.clock.now()
        today = (provider, _day(now))
        if today not in self._told:
            self._told.add(today)
            wait_s = round(_DAY_S - now % _DAY_S)
            log.warning("budget_spent", provider=provider, limit=limit, until_midnight_s=wait_s)
        return _DAY_S - now % _DAY_S

    def count(self, provider: str, tokens: int) -> None:
        """So many more have been used."""
        if provider in self.limits:
            self._counts[provider, _day(self.clock.now())].untold += tokens

    def spent(self, provider: str) -> int:
        """What the fleet has used today, as far as it is known here."""
        return self._counts[provider, _day(self.clock.now())].spent

    async def run(self) -> None:
        """Tell the ledger and listen to it, until cancelled; what is left is told at the end."""
        try:
            while True:
                await self.flush()
                await asyncio.sleep(FLUSH_EVERY_S)
        finally:
            try:
                async with asyncio.timeout(_LAST_FLUSH_S):
                    await self.flush()
            except TimeoutError:
                log.warning("budget_not_told", tokens=sum(c.untold for c in self._counts.values()))

    async def flush(self) -> None:
        """Tell the ledger what is untold, and hear from it what others have used.

        What could not be told is kept. A reply that was lost makes it count twice: a budget is
        rather spent too early than passed.
        """
        today = _day(self.clock.now())
        keys = {(provider, today) for provider in self.limits} | self._counts.keys()
        for key in filter(self._is_due, keys):
            try:
                await self._tell(*key)
            except LedgerAway as error:
                if not self._away:
                    self._away = True
                    log.warning("budgets_not_shared", why=str(error))
                return
        if self._away:
            self._away = False
            log.info("budgets_shared_again")
        self._forget_before(today)

    def _forget_before(self, today: int) -> None:
        over = [key for key, count in self._counts.items() if key[1] < today and not count.untold]
        for key in over:
            del self._counts[key]
            self._told.discard(key)

    def _is_due(self, key: tuple[str, int]) -> bool:
        count = self._counts[key]
        if count.untold or count.heard_at is None:
            return True
        return self.clock.elapsed() - count.heard_at >= LISTEN_EVERY_S

    async def _tell(self, provider: str, day: int) -> None:
        count = self._counts[provider, day]
        tokens = count.untold  # more may be counted while the ledger is asked
        count.fleet = await self.ledger.add(provider, _name(day), tokens)
        count.untold -= tokens
        count.heard_at = self.clock.elapsed()


def _day(now: float) -> int:
    return int(now // _DAY_S)


def _name(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_S, tz=UTC).date().isoformat()
