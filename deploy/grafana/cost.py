"""What does it cost? Tokens, money, calls, and what of them was for nothing."""

from deploy.grafana.panels import BARS, LINES, RED, STACKED, YELLOW, Panel, Query, Section
from deploy.grafana.queries import half_and_most, of, rate, summed, typed

_READ_AND_WRITTEN = typed("llm_worker_llm_tokens_total", 'kind=~"in|out"')
_COST = typed("llm_worker_llm_cost_total")
_JOBS = rate(typed("llm_worker_jobs_total"))
_BY_MODEL = ("model", "currency")


def _per_job(name: str) -> str:
    return f"{summed(rate(typed(name)))} / {summed(_JOBS)}"


SECTION = Section(
    "What does it cost?",
    (
        Panel(
            "Tokens a minute",
            "Read (in) and written (out), of jobs that have ended.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(_READ_AND_WRITTEN), 'model', 'kind')}", "{{model}} {{kind}}"
                ),
            ),
            STACKED,
        ),
        Panel(
            "Tokens a job",
            "Read and written, on average.",
            "short",
            (
                Query(
                    f"{summed(rate(_READ_AND_WRITTEN), 'job_type')} / {summed(_JOBS, 'job_type')}",
                    "{{job_type}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "From the server's cache",
            "The share of the tokens read that the server had read before.",
            "percentunit",
            (
                Query(
                    summed(rate(typed("llm_worker_llm_tokens_total", 'kind="cached"')), "model")
                    + " / "
                    + summed(rate(typed("llm_worker_llm_tokens_total", 'kind="in"')), "model"),
                    "{{model}}",
                ),
            ),
            LINES,
        ),
        Panel(
            "Money an hour",
            "At the prices of LLM_PRICES_FILE; nothing without it.",
            "short",
            (Query(f"3600 * {summed(rate(_COST), *_BY_MODEL)}", "{{model}}, {{currency}}"),),
            STACKED,
        ),
        Panel(
            "Money in the time shown",
            "By job type, at the prices of LLM_PRICES_FILE.",
            "short",
            (
                Query(
                    f"sum by (job_type, currency) (increase({_COST}[$__range]))",
                    "{{job_type}}, {{currency}}",
                ),
            ),
            BARS,
        ),
        Panel(
            "The day's budget",
            "What of LLM_DAILY_TOKENS is used, by the whole fleet; a day is one in UTC.",
            "percentunit",
            (
                Query(
                    "max by (provider) (llm_worker_fleet_budget_spent_tokens)"
                    " / max by (provider) (llm_worker_fleet_budget_limit_tokens)",
                    "{{provider}}",
                ),
            ),
            BARS,
            steps=((0.9, YELLOW), (1, RED)),
        ),
        Panel(
            "Calls a minute",
            "By how they ended; the words are in docs/models.md, What can go wrong.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(of('llm_worker_llm_calls_total')), 'provider', 'outcome')}",
                    "{{provider}} {{outcome}}",
                ),
            ),
            STACKED,
        ),
        Panel(
            "What a call takes",
            "Half of the calls and 95 of a hundred, at most.",
            "s",
            half_and_most(of("llm_worker_llm_call_seconds"), "model"),
            LINES,
        ),
        Panel(
            "How answers end",
            "By what the server says; length is an answer cut off.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(of('llm_worker_llm_finishes_total')), 'finish_reason')}",
                    "{{finish_reason}}",
                ),
            ),
            STACKED,
        ),
        Panel(
            "Answers of no use, a minute",
            "By the check that they failed.",
            "short",
            (
                Query(
                    f"60 * {summed(rate(typed('llm_worker_llm_faults_total')), 'cause')}",
                    "{{cause}}",
                ),
            ),
            STACKED,
        ),
        Panel(
            "Mended and left out, of a job",
            "Questions asked again, JSON mended, parts dropped; each for one job, on average.",
            "short",
            (
                Query(_per_job("llm_worker_llm_reasks_total"), "asked again"),
                Query(_per_job("llm_worker_llm_repaired_total"), "mended"),
                Query(_per_job("llm_worker_llm_dropped_total"), "parts left out"),
            ),
            LINES,
        ),
        Panel(
            "Provider in use",
            "How many workers ask it; another than the first means that the first is away.",
            "short",
            (Query(summed(of("llm_worker_llm_provider_in_use"), "provider"), "{{provider}}"),),
            LINES,
        ),
    ),
)
