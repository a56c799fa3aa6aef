"""What lies in `deploy/`, read: the alerts, their tests, the board; and what metrics there are."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from worker.observability.catalogue import GROUPS
from worker.observability.catalogue.metric import Kind

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
BOARD = ROOT / "deploy/grafana/dashboards/llm-worker.json"
RANGE, INTERVAL = "5m", "1m"
"""What Grafana puts in place of `$__range` and `$__rate_interval`, say."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A series: whether it is a `counter` or a `gauge`, and its labels."""

    kind: str
    labels: frozenset[str]


def read_yaml(path: Path) -> Any:
    """A file's content."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def alerts() -> list[dict[str, Any]]:
    """Every alert, as the file has it."""
    groups = read_yaml(PROMETHEUS / "alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert_tests() -> list[dict[str, Any]]:
    """What is expected of the alerts and when: one of each `alert_rule_test`."""
    tests = read_yaml(PROMETHEUS / "alerts_test.yml")["tests"]
    return [expected for test in tests for expected in test["alert_rule_test"]]


def board() -> dict[str, Any]:
    """Grafana's board."""
    return cast("dict[str, Any]", json.loads(BOARD.read_text(encoding="utf-8")))


def queries() -> dict[str, str]:
    """Every query of the board, by its panel's title and its letter."""
    return {
        f"{panel['title']} {target['refId']}": str(target["expr"])
        for panel in board()["panels"]
        for target in panel.get("targets", ())
    }


def filled(expr: str) -> str:
    """A query with what Grafana puts in place of its variables when everything is chosen."""
    found = expr.replace("$__rate_interval", INTERVAL).replace("$__range", RANGE)
    return re.sub(r"\$(instance|job_type)\b", ".*", found)


def metrics() -> Mapping[str, Metric]:
    """Every series that a worker or Prometheus itself makes, by name."""
    return dict(_series())


def _series() -> Iterator[tuple[str, Metric]]:
    yield "up", Metric("gauge", frozenset())
    yield "ALERTS", Metric("gauge", frozenset({"alertname", "alertstate", "severity"}))
    for metric in (metric for group in GROUPS for metric in group.metrics):
        labels = frozenset(metric.labels)
        if metric.kind is not Kind.HISTOGRAM:
            yield metric.name, Metric(str(metric.kind), labels)
            continue
        yield f"{metric.name}_bucket", Metric("counter", labels | {"le"})
        yield f"{metric.name}_sum", Metric("counter", labels)
        yield f"{metric.name}_count", Metric("counter", labels)
    for name in VLLM:
        yield (
            name,
            Metric("counter" if name.endswith("_total") else "gauge", frozenset({"model_name"})),
        )


VLLM = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    "vllm:prompt_tokens_total",
    "vllm:generation_tokens_total",
)
"""What vLLM tells of itself and the stand-in does too."""
