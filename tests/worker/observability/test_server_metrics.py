"""The gauges of limits, as Prometheus sees them."""

from worker.llm.limit import LimitFacts, Reason
from worker.observability.metrics import Metrics

WHERE = {"provider": "vllm", "server": "gpu1:8000", "role": "text"}


def _facts(reason: Reason, waiting: float | None) -> LimitFacts:
    return LimitFacts("vllm", "gpu1:8000", "text", 12, reason, 9, waiting)


def test_what_is_said_is_what_is_so_now() -> None:
    """One reason at a time; no queue where the server has not told of one."""
    metrics, now = Metrics(), [_facts(Reason.NO_METRICS, None)]
    metrics.watch_limits(lambda: now)

    def value(name: str, **more: str) -> float | None:
        return metrics.registry.get_sample_value(f"llm_worker_llm_{name}", WHERE | more)

    assert (value("limit"), value("in_flight"), value("server_waiting")) == (12, 9, None)
    assert value("limit_reason", reason="no_metrics") == 1
    now[0] = _facts(Reason.QUEUE, 3)
    assert value("server_waiting") == 3
    assert value("limit_reason", reason="no_metrics") is None
    assert value("limit_reason", reason="queue") == 1
    assert b'llm_worker_llm_limit{provider="vllm"' in metrics.exposition()
