"""How the model servers are, read from them each time somebody looks."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.llm.breaker import State
from worker.llm.limit import LimitFacts
from worker.llm.replica import Replica
from worker.observability.catalogue import model as named
from worker.observability.tally import Labels, gauge

_BREAKER = {State.CLOSED: 0.0, State.HALF_OPEN: 1.0, State.OPEN: 2.0}


class Servers(Protocol):
    """The part of the router that is looked at; it returns at once."""

    @property
    def replicas(self) -> Sequence[Replica]:
        """Every server there is."""
        ...

    @property
    def limits(self) -> Sequence[LimitFacts]:
        """How much each is sent at once, and why."""
        ...

    @property
    def in_use(self) -> str:
        """The provider that calls go to."""
        ...


class ServerMetrics(Collector):
    """The gauges of every model server."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of them, for `CollectorRegistry`."""
        yield from self._states()
        yield from self._limits()

    def _states(self) -> Iterator[GaugeMetricFamily]:
        breakers: dict[Labels, float] = {}
        broken: dict[Labels, float] = {}
        in_use: dict[Labels, float] = {}
        in_flight: dict[Labels, float] = {}
        for replica in self._servers.replicas:
            of_server = (replica.provider, replica.server)
            breakers[of_server] = _BREAKER[replica.breaker.state]
            broken[of_server] = float(replica.broken is not None)
            in_use[replica.provider,] = float(replica.provider == self._servers.in_use)
            for role in replica.models:
                in_flight[*of_server, str(role)] = replica.flights(role)
        yield gauge(named.BREAKER, breakers)
        yield gauge(named.BROKEN, broken)
        yield gauge(named.IN_USE, in_use)
        yield gauge(named.CALLS_IN_FLIGHT, in_flight)

    def _limits(self) -> Iterator[GaugeMetricFamily]:
        limits: dict[Labels, float] = {}
        reasons: dict[Labels, float] = {}
        waiting: dict[Labels, float] = {}
        for facts in self._servers.limits:
            labels = (facts.provider, facts.server, facts.role)
            limits[labels] = facts.limit
            reasons[*labels, str(facts.reason)] = 1
            if facts.waiting is not None:
                waiting[labels] = facts.waiting
        yield gauge(named.LIMIT, limits)
        yield gauge(named.LIMIT_REASON, reasons)
        yield gauge(named.SERVER_WAITING, waiting)
