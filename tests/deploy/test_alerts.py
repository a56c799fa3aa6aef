"""The alerts: Prometheus takes them, each is tested both ways, and each says what to do."""

import re
from typing import Any

import pytest

from tests.deploy.files import PROMETHEUS, ROOT, alert_tests, alerts
from tests.deploy.promtool import needs_promtool, promtool

OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ALERTS = [pytest.param(alert, id=alert["alert"]) for alert in alerts()]
_SILENT = {"LlmWorkerAbsent", "LlmWorkerDown"}
"""They say that somebody does not answer; there is no number to that."""


@needs_promtool
def test_prometheus_takes_them() -> None:
    """`promtool check rules` has nothing to say against them."""
    code, said = promtool("check", "rules", PROMETHEUS / "alerts.yml")
    assert code == 0, said


@needs_promtool
def test_they_fire_when_they_should_and_not_a_moment_before() -> None:
    """`promtool test rules` on the series of alerts_test.yml."""
    code, said = promtool("test", "rules", PROMETHEUS / "alerts_test.yml")
    assert code == 0, said


@needs_promtool
def test_prometheus_takes_the_configuration() -> None:
    """`promtool check config`, with the rule files it names."""
    code, said = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert code == 0, said


@pytest.mark.parametrize("alert", ALERTS)
def test_each_is_tested_both_ways(alert: dict[str, Any]) -> None:
    """It fires in one test and is silent in another."""
    fires = {
        bool(test.get("exp_alerts"))
        for test in alert_tests()
        if test["alertname"] == alert["alert"]
    }
    assert fires == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_says_how_bad_it_is_and_how_much(alert: dict[str, Any]) -> None:
    """A severity that is one of three, a summary in plain words, a description with the value."""
    notes = alert["annotations"]
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert notes.keys() == {"summary", "description", "runbook"}
    assert "{{" not in notes["summary"]
    assert ("$value" in notes["description"]) != (alert["alert"] in _SILENT)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_has_a_section_that_says_what_to_do(alert: dict[str, Any]) -> None:
    """The runbook link leads there; it says what it means, what to look at and what to do."""
    name = alert["alert"]
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    section = OPERATIONS.partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert len(section.split()) > 30
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert part in section
    assert f"({alert['labels']['severity']})" in section


def test_no_section_is_left_over() -> None:
    """Each is of an alert that there is."""
    told = set(re.findall(r"^### (LlmWorker\w+)$", OPERATIONS, re.MULTILINE))
    assert told == {alert["alert"] for alert in alerts()}
