"""The way from a process to a service and back, with everything that can happen on it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from tests.simulation.process import Process
from tests.simulation.virtual_loop import VirtualLoop

Reply = Callable[[object], None]
"""What a server calls, at once or later, with its answer; an exception is one."""


_NOTHING: list[object] = []
_NOTHING_TO_TELL: tuple[object, ...] = (None, {}, [], [_NOTHING] * 2, [_NOTHING, 0, _NOTHING])
"""Answers of a Redis that has no work: most of an idle hour."""


class Loss(Enum):
    """What gets lost."""

    NOTHING = "nothing"
    REQUEST = "request"
    """The service never hears of it."""
    REPLY = "reply"
    """The service did what was asked, and nobody is told."""


@dataclass(frozen=True, slots=True)
class Route:
    """What happens to one request.

    Attributes:
        there_s, back_s: how long the two ways take.
        silent: a loss shows only by a timeout, not as a broken connection.
    """

    there_s: float
    back_s: float
    loss: Loss = Loss.NOTHING
    silent: bool = False


class Fate(Protocol):
    """Decides what happens to requests, and to those who send them."""

    def route(self, process: Process, service: str) -> Route:
        """What happens to this request."""
        ...

    def strike(self, process: Process, what: str) -> bool:
        """Perhaps kill or freeze the sender at this very point, and say so."""
        ...


class Broken(Exception):
    """The connection broke."""


@dataclass(eq=False, slots=True)
class _Exchange:
    """One request under way."""

    process: Process
    what: tuple[str, str]
    serve: Callable[[Reply], None]
    route: Route
    expires_at: float
    answer: "asyncio.Future[Any]"
    is_answered: bool = False


class Network:
    """Carries requests; time passes in the world's loop."""

    def __init__(self, loop: VirtualLoop, fate: Fate, note: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._fate = fate
        self._note = note

    async def ask(
        self,
        process: Process,
        what: tuple[str, str],
        serve: Callable[[Reply], None],
        timeout_s: float,
    ) -> Any:
        """Send a request and wait for its answer.

        Args:
            process: who asks.
            what: the service, and the verb.
            serve: what the service does when it arrives.
            timeout_s: how long the process waits.

        Raises:
            Broken: the connection broke.
            TimeoutError: there was no answer in time.
        """
        process.must_live()
        service, verb = what
        if self._fate.strike(process, f"before {verb}"):
            await asyncio.sleep(0)  # that is where it stands still, or ends
            process.must_live()
        route, expires_at = self._fate.route(process, service), self._loop.time() + timeout_s
        answer = process.loop.create_future()
        self._send(_Exchange(process, what, serve, route, expires_at, answer))
        came = await answer
        process.must_live()
        if isinstance(came, Exception):
            raise came
        return came

    def _send(self, exchange: _Exchange) -> None:
        process, route, arrives_at = (
            exchange.process, exchange.route, self._loop.time() + exchange.route.there_s
        )  # fmt: skip
        if route.loss is not Loss.NOTHING:
            service, verb = exchange.what
            self._note(process.name, f"{service} {verb}: {route.loss.value} lost")
        if route.loss is not Loss.REQUEST:
            self._loop.post_at(arrives_at, self._arrive, exchange)
        elif not route.silent:
            process.receive(arrives_at, exchange.answer, Broken("request lost"))
        if route.silent or arrives_at + route.back_s >= exchange.expires_at:
            self._let_expire(exchange)

    def _arrive(self, exchange: _Exchange) -> None:
        exchange.serve(lambda answer: self._reply(exchange, answer))
        if not exchange.is_answered:
            self._let_expire(exchange)
        if exchange.process.alive:
            self._fate.strike(exchange.process, f"served {exchange.what[1]}")

    def _reply(self, exchange: _Exchange, answer: object) -> None:
        exchange.is_answered = True
        process, route = exchange.process, exchange.route
        if answer not in _NOTHING_TO_TELL:
            service, verb = exchange.what
            self._note(process.name, f"{service} {verb}: {answer!r:.120}")
        if route.loss is Loss.REPLY:
            if route.silent:
                return
            answer = Broken("reply lost")
        process.receive(self._loop.time() + route.back_s, exchange.answer, answer)

    def _let_expire(self, exchange: _Exchange) -> None:
        # Most requests are answered at once and need no timer: timers that are made to be
        # cancelled would be a fifth of a simulation's cost.
        exchange.process.receive(exchange.expires_at, exchange.answer, TimeoutError())
