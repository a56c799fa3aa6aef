"""The gauges of model servers, as Prometheus sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.worker.llm.sites import routed
from worker.errors import Halt
from worker.llm.breaker import State
from worker.llm.limit import LimitFacts, Reason
from worker.llm.replica import Replica
from worker.llm_config import ProviderName
from worker.observability.metrics import Metrics

WHERE = {"provider": "vllm", "server": "gpu1:8000", "role": "text"}
VLLM, OPENAI = ProviderName.VLLM, ProviderName.OPENAI


@dataclass
class Limited:
    """Servers of which only the limits are looked at."""

    limits: Sequence[LimitFacts]
    replicas: Sequence[Replica] = field(default_factory=list[Replica])
    in_use: str = "vllm"


def _facts(reason: Reason, waiting: float | None) -> LimitFacts:
    return LimitFacts("vllm", "gpu1:8000", "text", 12, reason, 9, waiting)


def test_what_is_said_is_what_is_so_now() -> None:
    """One reason at a time; no queue where the server has not told of one."""
    metrics, servers = Metrics(), Limited([_facts(Reason.NO_METRICS, None)])
    metrics.watch_servers(servers)

    def value(name: str, **more: str) -> float | None:
        return metrics.registry.get_sample_value(f"llm_worker_llm_{name}", WHERE | more)

    assert (value("limit"), value("server_waiting")) == (12, None)
    assert value("limit_reason", reason="no_metrics") == 1
    servers.limits = [_facts(Reason.QUEUE, 3)]
    assert value("server_waiting") == 3
    assert value("limit_reason", reason="no_metrics") is None
    assert value("limit_reason", reason="queue") == 1
    assert b'llm_worker_llm_limit{provider="vllm"' in metrics.exposition()


async def test_every_server_from_the_start() -> None:
    """Its breaker, what it is doing, whether it can ever work, and who is used."""
    async with routed({VLLM: 1, OPENAI: 1}) as net:
        metrics = Metrics()
        metrics.watch_servers(net.router)
        [replica], [spare] = net.replicas(VLLM), net.replicas(OPENAI)
        of_one = {"provider": "vllm", "server": replica.server}
        of_spare = {"provider": "openai", "server": spare.server}

        def value(name: str, **labels: str) -> float | None:
            return metrics.registry.get_sample_value(f"llm_worker_llm_{name}", labels)

        assert value("breaker_openings_total", **of_one) == 0
        assert value("in_flight", **of_one, role="text") == 0
        assert value("server_broken", **of_one) == 0
        in_use = [value("provider_in_use", provider=name) for name in ("vllm", "openai")]
        assert in_use == [1, 0]
        spare.broken = Halt("a wrong key")
        assert value("server_broken", **of_spare) == 1
        states = {replica.breaker.state: value("breaker_state", **of_one)}
        replica.breaker.trip()
        states[replica.breaker.state] = value("breaker_state", **of_one)
        net.turn(60.0)
        replica.breaker.enter()
        states[replica.breaker.state] = value("breaker_state", **of_one)
        assert states == {State.CLOSED: 0, State.OPEN: 2, State.HALF_OPEN: 1}


def test_openings_are_counted_and_nothing_else() -> None:
    """Each time that a server is left alone; not that it is tried or used again."""
    metrics = Metrics()
    for state in (State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN, State.CLOSED):
        metrics.breaker("vllm", "gpu1:8000", str(state))
    labels = {"provider": "vllm", "server": "gpu1:8000"}
    name = "llm_worker_llm_breaker_openings_total"
    assert metrics.registry.get_sample_value(name, labels) == 2
