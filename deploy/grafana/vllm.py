"""How are the model servers? What vLLM tells of itself: the scrape job `vllm` of prometheus.yml."""

from deploy.grafana.panels import LINES, RED, STACKED, Panel, Query, Section
from deploy.grafana.queries import rate, summed

_EACH = ("instance", "model_name")
_LEGEND = "{{instance}} {{model_name}}"


def _of(name: str) -> str:
    return f'{name}{{job="vllm"}}'


SECTION = Section(
    "How are the model servers? (vLLM)",
    (
        Panel(
            "Requests there",
            "Running and waiting, of all who ask, not of these workers alone.",
            "short",
            (
                Query(summed(_of("vllm:num_requests_running"), *_EACH), f"{_LEGEND} run"),
                Query(summed(_of("vllm:num_requests_waiting"), *_EACH), f"{_LEGEND} wait"),
            ),
            STACKED,
        ),
        Panel(
            "Cache in use",
            "Of the KV cache; when it is full the server throws work out and does it again.",
            "percentunit",
            (Query(_of("vllm:kv_cache_usage_perc"), _LEGEND),),
            LINES,
            steps=((0.95, RED),),
        ),
        Panel(
            "Tokens a second",
            "Read and written by the server.",
            "short",
            (
                Query(summed(rate(_of("vllm:prompt_tokens_total")), *_EACH), f"{_LEGEND} read"),
                Query(
                    summed(rate(_of("vllm:generation_tokens_total")), *_EACH), f"{_LEGEND} written"
                ),
            ),
            LINES,
        ),
    ),
)
