"""PromQL, in the few forms that the board's panels are made of.

A worker's own series are summed. The fleet's come out of Redis and are the same on every worker: of
those the largest counts, which is the same as any.
"""

from deploy.grafana.panels import Query

_WORKER = 'instance=~"$instance"'
_TYPE = 'job_type=~"$job_type"'


def of(name: str, *more: str) -> str:
    """A series of the workers that are chosen; `more`: further matchers."""
    return f"{name}{{{','.join((_WORKER, *more))}}}"


def typed(name: str, *more: str) -> str:
    """The same, of the job types that are chosen."""
    return of(name, _TYPE, *more)


def fleet(name: str) -> str:
    """The fleet's number for each job type that is chosen."""
    return f"max by (job_type) ({name}{{{_TYPE}}})"


def rate(series: str) -> str:
    """By how much a counter grows in a second."""
    return f"rate({series}[$__rate_interval])"


def summed(expr: str, *by: str) -> str:
    """A sum over everything, or by labels."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def mean(histogram: str, *by: str) -> str:
    """What is measured, on average; `histogram` is a series without `_sum` and `_count`."""
    name, brace, matchers = histogram.partition("{")
    parts = (summed(rate(f"{name}_{part}{brace}{matchers}"), *by) for part in ("sum", "count"))
    return " / ".join(parts)


def quantile(share: float, histogram: str, *by: str) -> str:
    """What only the rest is above; `histogram` is a series without `_bucket`."""
    name, brace, matchers = histogram.partition("{")
    buckets = summed(rate(f"{name}_bucket{brace}{matchers}"), *by, "le")
    return f"histogram_quantile({share:g}, {buckets})"


def half_and_most(histogram: str, label: str) -> tuple[Query, Query]:
    """What half of it takes at most, and what 95 of a hundred do, by one label."""
    return (
        Query(quantile(0.5, histogram, label), f"{{{{{label}}}}} half"),
        Query(quantile(0.95, histogram, label), f"{{{{{label}}}}} 95 %"),
    )
