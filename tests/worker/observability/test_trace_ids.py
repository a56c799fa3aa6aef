"""Ids that follow from what a job is, and ids that follow from nothing."""

from worker.observability.trace_ids import ForetoldIds, span_id, trace_id


def test_the_same_everywhere() -> None:
    """They are worked out alike by every version of every worker: a change here breaks links."""
    assert trace_id("llm:text_tag", "1-0", "j1") == 0x50652D010D0E1536565CC01D45399C04
    assert span_id("llm:text_tag", "1-0", "host-1-abc") == 0xF9C212F25C9C2200


def test_everything_counts() -> None:
    """Stream, entry, job and consumer; and where one ends and the next begins."""
    traces = {
        trace_id(*parts)
        for parts in [("s", "1-0", "j"), ("t", "1-0", "j"), ("s", "1-1", "j"), ("s", "1-0", "k")]
    }
    assert len(traces) == 4
    assert span_id("s", "1-0", "w1") != span_id("s", "1-0", "w2")
    assert span_id("a", "bc", "d") != span_id("ab", "c", "d")
    assert all(0 < trace < 1 << 128 for trace in traces)


def test_foretold_for_one_block() -> None:
    """Afterwards they are random again."""
    ids = ForetoldIds()
    with ids.foretold(7, 8):
        assert (ids.generate_trace_id(), ids.generate_span_id()) == (7, 8)
    with ids.foretold(7, None):
        assert ids.generate_trace_id() == 7
        assert ids.generate_span_id() != ids.generate_span_id()
    assert len({7, ids.generate_trace_id(), ids.generate_trace_id()}) == 3
