"""However many words a model server, an outbox or a stream has, labels have few."""

from collections.abc import Callable

import pytest

from shared.enums import FailureReason, JobType
from tests.builders import claimed, job
from worker.llm.causes import Cause
from worker.llm.chat import Completion, Usage
from worker.observability import words
from worker.observability.metrics import Metrics
from worker.outcome import Failed
from worker.retry import Retry

HOSTILE = [f'{n} "\n\\{{}}\x00\ud800' for n in range(10_000)]


@pytest.mark.parametrize(
    ("bounded", "known"),
    [
        (words.cause, [*map(str, Cause), "http_429", "http_529", "ok", ""]),
        (words.finish, ["stop", "length", "content_filter"]),
        (words.core_outcome, ["ok", "timeout", "http_404", "cancelled"]),
    ],
)
def test_known_words_stay_and_all_others_are_one(
    bounded: Callable[[str], str], known: list[str]
) -> None:
    """What is ours is told; `other` is a sign to look at the log."""
    assert [bounded(word) for word in known] == known
    assert {bounded(word) for word in HOSTILE} == {"other"}
    assert {bounded(f"http_{n}") for n in range(600, 10_000)} == {"other"}


def test_ten_thousand_odd_answers_are_a_few_series() -> None:
    """From the model's words, a status nobody has assigned, and an outbox somebody wrote into."""
    metrics = Metrics()
    for word in HOSTILE:
        metrics.called("vllm", "mistral", word, 0.1, Completion("{}", word))
        metrics.core_answered("/tasks", word, 0.1)
        made = job(claimed())
        made.usage = Usage(calls=1, faults={word: 1})
        metrics.jobs.retried(made, Retry(1.0, "why", word))
        metrics.jobs.ended(made, Failed(reason=FailureReason.BUG, message="", cause=word))
    text = metrics.exposition().decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) < 250
    of_one = 'llm_worker_llm_finishes_total{finish_reason="other",model="mistral",provider="vllm"}'
    assert f"{of_one} 10000.0" in samples


def test_every_job_type_is_one() -> None:
    """The only ones there are: a stream of another name is no worker's to read."""
    metrics = Metrics()
    metrics.jobs.serve(JobType)
    text = metrics.exposition().decode()
    assert text.count("llm_worker_jobs_claimed_total{") == len(JobType)
