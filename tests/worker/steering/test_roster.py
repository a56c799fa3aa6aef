"""What workers tell of themselves is read by other versions."""

import json

from worker.steering.roster import HeldJob, WorkerFacts, dump_facts, load_facts, shortened


def test_there_and_back() -> None:
    """All of it but `at`, which is the server's to say."""
    facts = WorkerFacts(
        at=5.0,
        host="h",
        job_types=("text_tag",),
        stages={"text_tag": {"infer": 2, "parked": 1}},
        ended={"text_tag": (3, 1)},
        jobs=(HeldJob(entry_id="1-0", job_type="text_tag"),),
    )
    read = load_facts(dump_facts(facts))
    assert read is not None
    assert read == facts.model_copy(update={"at": 0.0})
    assert (read.parked, read.ended_of("text_tag"), read.ended_of("x")) == (1, 4, 0)


def test_other_versions() -> None:
    """What is missing has a default, what is unknown is left out, and junk is nothing."""
    assert load_facts(json.dumps({"host": "h", "mood": "good"}).encode()) == WorkerFacts(host="h")
    for junk in (b"", b"[]", b"{", b'{"pid":"x"}', b"\xff", b'{"host":"' + b"x" * 9_999 + b'"}'):
        assert load_facts(junk) is None


def test_a_fact_has_a_length() -> None:
    """An error of another's making may be long."""
    assert shortened("x" * 500) == "x" * 500
    assert len(shortened("x" * 501)) == 500
