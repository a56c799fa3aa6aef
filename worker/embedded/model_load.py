"""A batching engine's load in the words of vLLM: `/metrics`, and a header with each answer.

As vLLM's are, the series are one for the engine, under the first of its models' names. Those that
begin with `stand_in:` vLLM has not: with them a benchmark needs no samples of the gauges, the
difference of two looks is exact.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping

from worker.embedded.model_scheduler import Scheduler
from worker.embedded.model_tally import Tally

LOAD_FORMAT_HEADER = "endpoint-load-metrics-format"
"""A client asks with it: `text` or `json`."""
LOAD_HEADER = "endpoint-load-metrics"
_QUEUE_S = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0),
    *(120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
"""Upper bounds of the queue time's buckets, in seconds."""


class QueueTimes:
    """A histogram of the seconds that finished requests had waited."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_QUEUE_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """A request has finished that had waited so long."""
        self.counts[bisect_left(_QUEUE_S, seconds)] += 1
        self.sum_s += seconds

    def lines(self, labels: str) -> list[str]:
        """Its series in Prometheus' text format."""
        name, below = "vllm:request_queue_time_seconds", 0
        lines = [f"# TYPE {name} histogram"]
        for bound, count in zip([*map(str, _QUEUE_S), "+Inf"], self.counts, strict=True):
            below += count
            lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {below}')
        return [*lines, f"{name}_count{{{labels}}} {below}", f"{name}_sum{{{labels}}} {self.sum_s}"]


def metrics_text(
    scheduler: Scheduler, queued: QueueTimes, tally: Tally, model: str, refused: int
) -> str:
    """The body of `GET /metrics`."""
    labels = f'engine="0",model_name="{model}"'
    totals = scheduler.totals
    lines: list[str] = []
    for name, kind, value in (
        ("vllm:num_requests_running", "gauge", scheduler.running),
        ("vllm:num_requests_waiting", "gauge", scheduler.waiting),
        ("vllm:kv_cache_usage_perc", "gauge", scheduler.cache_use),
        ("vllm:prompt_tokens_total", "counter", totals.prompt_tokens),
        ("vllm:generation_tokens_total", "counter", totals.generation_tokens),
        ("stand_in:clock_seconds", "gauge", totals.at_s),
        ("stand_in:steps_total", "counter", totals.steps),
        ("stand_in:running_seconds_total", "counter", totals.running_s),
        ("stand_in:waiting_seconds_total", "counter", totals.waiting_s),
    ):
        lines += [f"# TYPE {name} {kind}", f"{name}{{{labels}}} {value}"]
    lines.append("# TYPE vllm:request_success_total counter")
    for reason in ("stop", "length", "abort"):
        count = sum(n for (_, ended), n in tally.finished.items() if ended == reason)
        lines.append(f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {count}')
    name = "vllm:admission_rejections_total"
    lines.append(f"# TYPE {name} counter")
    lines.append(f'{name}{{model_name="{model}",reason="max_num_queued_reqs"}} {refused}')
    return "\n".join([*lines, *queued.lines(labels)]) + "\n"


def load_header(wanted: str, waiting: int, cache_use: float) -> Mapping[str, str]:
    """The header that tells the load, in the format a client wanted; none for any other word."""
    load = {"num_requests_waiting": float(waiting), "kv_cache_usage_perc": float(cache_use)}
    match wanted.lower():
        case "text":
            told = ", ".join(f"named_metrics.{name}={value}" for name, value in load.items())
            return {LOAD_HEADER: f"TEXT {told}"}
        case "json":
            return {LOAD_HEADER: f"JSON {json.dumps({'named_metrics': load})}"}
        case _:
            return {}
