"""Counts of a stand-in."""

from worker.embedded.model_tally import Call, Tally


def test_gauges_follow_their_requests() -> None:
    """Running, waiting and held tokens rise and fall with the contexts."""
    tally = Tally(("m",), 100)
    with tally.wait("m"), tally.run("m", 25):
        text = tally.metrics()
        assert 'vllm:num_requests_running{model_name="m"} 1\n' in text
        assert 'vllm:num_requests_waiting{model_name="m"} 1\n' in text
        assert 'vllm:kv_cache_usage_perc{model_name="m"} 0.25\n' in text
    assert 'vllm:num_requests_running{model_name="m"} 0\n' in tally.metrics()


def test_totals_are_exact() -> None:
    """Answers and their tokens are counted by model and finish reason."""
    tally = Tally(("m",), 100)
    tally.count_answer("m", "stop", 10, 4)
    tally.count_answer("m", "stop", 10, 4)
    tally.count_answer("m", "abort", 0, 0)
    text = tally.metrics()
    assert 'vllm:request_success_total{finished_reason="stop",model_name="m"} 2\n' in text
    assert 'vllm:request_success_total{finished_reason="length",model_name="m"} 0\n' in text
    assert 'vllm:prompt_tokens_total{model_name="m"} 20\n' in text
    assert 'vllm:generation_tokens_total{model_name="m"} 8\n' in text
    assert tally.cancelled == 1


def test_calls_are_counted_by_request_id() -> None:
    """How often a job was asked about is known by its request id."""
    tally = Tally(("m",), 100)
    for request_id in ("a", "a", ""):
        tally.count_call(Call(model="m", schema_name=None, text="t", request_id=request_id))
    assert tally.stats()["by_request_id"] == {"a": 2}
    assert tally.stats()["calls"] == 3
    assert [call["text"] for call in tally.calls] == ["t", "t", "t"]
