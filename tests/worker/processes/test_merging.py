"""Several processes' metrics as one text that Prometheus can read."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from worker.observability.fleet_metrics import FleetTotals
from worker.observability.metrics import Metrics
from worker.processes.merging import labelled, merged, of_parent


def _text(value: str = "a", count: float = 1) -> str:
    registry = CollectorRegistry()
    counter = Counter("jobs", "Jobs.", ["kind"], registry=registry)
    counter.labels(value).inc(count)
    Histogram("seconds", "Took.", registry=registry, buckets=(1, 2)).observe(1.5)
    text = generate_latest(registry).decode()  # without what says since when it counts
    return "\n".join(line for line in text.split("\n") if "_created" not in line)


def _samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{name}={sample.labels[name]}" for name in sorted(sample.labels))): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_sample_says_whose_it_is() -> None:
    """Nothing is added up and nothing lost; every family stands once."""
    text = merged({0: _text(count=2), 1: _text(count=5)})
    found = _samples(text)
    assert found["jobs_total", "kind=a", "process=0"] == 2
    assert found["jobs_total", "kind=a", "process=1"] == 5
    assert found["seconds_bucket", "le=2.0", "process=1"] == 1
    families = [family.name for family in text_string_to_metric_families(text)]
    assert families == ["jobs", "seconds"]  # one that is interrupted would come again


def test_what_is_the_fleets_is_there_once() -> None:
    """Each process has read the same: a sum over them would have the backlog twice."""
    head = (
        "# HELP llm_worker_fleet_dead_letters Dead.\n# TYPE llm_worker_fleet_dead_letters gauge\n"
    )
    texts = {n: f"{head}llm_worker_fleet_dead_letters {n}\n" for n in (1, 2)}
    found = _samples(merged({0: head, **texts}))  # the first has not been able to look
    assert found == {("llm_worker_fleet_dead_letters",): 1}


async def test_the_fleet_of_two_real_registries() -> None:
    """Once, under the names that one process has; the rest is each process's own."""

    async def look() -> FleetTotals:
        return FleetTotals([], 7, 0)

    texts: dict[int, str] = {}
    for number in range(2):
        metrics = Metrics()
        metrics.watch_fleet(look)
        metrics.watch_budget("openai", 100, lambda: 5)
        await metrics.refresh()
        texts[number] = metrics.exposition().decode()
    found = _samples(merged(texts))
    assert found["llm_worker_fleet_dead_letters",] == 7
    assert found["llm_worker_fleet_budget_spent_tokens", "provider=openai"] == 5
    assert found["llm_worker_redis_up", "process=0"] == 1
    assert found["llm_worker_redis_up", "process=1"] == 1
    fleet = [key for key in found if key[0].startswith("llm_worker_fleet_")]
    assert not [key for key in fleet if any(label.startswith("process=") for label in key)]


def test_a_family_that_one_process_lacks() -> None:
    """Another has begun to count what the first has not: it is in the text all the same."""
    other = "# HELP late Later.\n# TYPE late gauge\nlate 7\n"
    found = _samples(merged({0: _text(), 1: _text() + other}))
    assert found["late", "process=1"] == 7
    assert ("late", "process=0") not in found


@given(st.text())
def test_any_label_survives(value: str) -> None:
    """Quotes, backslashes and every kind of line end, as the escapes they are."""
    [family, *_] = text_string_to_metric_families(merged({3: _text(value)}))
    [sample] = family.samples
    assert sample.labels["process"] == "3"
    [[plain]] = [
        f.samples for f in text_string_to_metric_families(_text(value)) if f.name == "jobs"
    ]
    assert sample.labels["kind"] == plain.labels["kind"]


def test_a_sample_without_labels() -> None:
    """It gets its first one."""
    assert labelled("up 1.0", 2) == 'up{process="2"} 1.0'
    assert labelled("up{} 1.0", 2) == 'up{process="2"} 1.0'
    assert labelled('up{a="b"} 1.0', 2) == 'up{process="2",a="b"} 1.0'


def test_the_workers_own_metrics_go_through() -> None:
    """With what the parent adds, and with nobody there at all."""
    metrics = Metrics()
    metrics.called("vllm", "mistral", "ok", 0.1, None)
    text = metrics.exposition().decode()
    found = _samples(of_parent({0: True, 1: False}, {0: 0, 1: 4}) + merged({0: text}))
    assert found["llm_worker_process_up", "process=1"] == 0
    assert found["llm_worker_process_deaths_total", "process=1"] == 4
    assert len(found) == len(_samples(text)) + 4
    assert merged({}) == ""
