"""What docs/traces.md says of the traces is what the code does."""

import re
from pathlib import Path

from worker.observability import trace_names
from worker.observability.traces import wanted

TEXT = (Path(__file__).parents[1] / "docs/traces.md").read_text(encoding="utf-8")


def test_every_name_of_ours_is_there() -> None:
    """Those that no convention explains, and no others."""
    ours = {
        value
        for value in [*vars(trace_names).values(), *trace_names.OF_WORDS.values()]
        if isinstance(value, str) and value.startswith("llm_worker.") and " " not in value
    }
    assert set(re.findall(r"`(llm_worker\.[a-z_.]+)`", TEXT)) == ours


def test_the_version_is_the_one_in_the_code() -> None:
    """Of the conventions."""
    assert f"semantic conventions {trace_names.SCHEMA_URL.rpartition('/')[2]} " in TEXT


def test_the_switches_work_as_said() -> None:
    """On by the endpoint, off by the two others."""
    on = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318" in TEXT
    assert wanted(on)
    for switch in re.findall(r"`(OTEL_\w+=(?:true|none))`", TEXT):
        name, _, value = switch.partition("=")
        assert not wanted(on | {name: value})
