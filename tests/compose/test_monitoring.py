"""`--profile monitoring`: Prometheus finds every worker by itself, as many as there are."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compose.project import Project, poll, timed, why_not
from tests.deploy.files import alerts

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1_200)]

# Debian's program in an image that every machine with the worker's has, with compose.yaml's own
# configuration, arguments, network and rights.
_DEBIANS = """
services:
  prometheus:
    image: python:3.13-slim
    entrypoint: ["/opt/prometheus"]
    volumes: ["{program}:/opt/prometheus:ro"]
    healthcheck:
      test: !override
        - CMD
        - python3
        - -c
        - import urllib.request as r; r.urlopen("http://127.0.0.1:9090/-/ready", timeout=4)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two workers, what they need, and Prometheus; gone afterwards, whatever happened."""
    reason = why_not()
    if reason:
        pytest.skip(f"needs a Docker engine with Compose v2; {reason}")
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs prometheus: apt-get install prometheus")
    override = tmp_path / "debians.yaml"
    override.write_text(_DEBIANS.format(program=program), encoding="utf-8")
    project = Project(override, "monitoring")
    try:
        with timed("up with two workers, all healthy"):
            project.up("--build", "--scale", "worker=2", "prometheus", "worker")
        yield project
    finally:
        with timed("down"):
            project.down()
        assert project.left_behind() == []


def _asked(project: Project, path: str) -> Any:
    status, body = project.get("prometheus", 9090, path)
    assert status == 200
    return body["data"]


def test_every_worker_is_found(project: Project) -> None:
    """By DNS, at its own address; the model server too, and the alerts are in force."""

    def found() -> bool | None:
        targets = _asked(project, "/api/v1/targets?state=active")["activeTargets"]
        healthy = {t["scrapeUrl"]: t["scrapePool"] for t in targets if t["health"] == "up"}
        pools = sorted(healthy.values())
        return pools == ["llm-worker", "llm-worker", "prometheus", "vllm"] or None

    with timed("two workers, a model server and itself, all scraped"):
        poll("all targets up", found)
    groups = _asked(project, "/api/v1/rules")["groups"]
    names = {rule["name"] for group in groups for rule in group["rules"]}
    assert names == {alert["alert"] for alert in alerts()}
