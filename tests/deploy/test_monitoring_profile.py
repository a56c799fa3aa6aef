"""compose.yaml, Prometheus' configuration and Grafana's provisioning agree with one another.

That Prometheus works with them is seen in tests/compose. Grafana is in no Debian, so what it reads
is held to what is mounted, word by word.
"""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.deploy.files import PROMETHEUS, ROOT, read_yaml

SERVICES: dict[str, dict[str, Any]] = read_yaml(ROOT / "compose.yaml")["services"]
MONITORING = {name for name, each in SERVICES.items() if each.get("profiles") == ["monitoring"]}
CONFIG: dict[str, Any] = read_yaml(PROMETHEUS / "prometheus.yml")
PROVISIONING = ROOT / "deploy/grafana/provisioning"
_KEYS = {"name", "uid", "type", "access", "url", "isDefault", "editable", "jsonData"}
"""Grafana passes over a word that it does not know."""
SOURCES: list[dict[str, Any]] = read_yaml(PROVISIONING / "datasources/prometheus.yml")[
    "datasources"
]
PROVIDERS: list[dict[str, Any]] = read_yaml(PROVISIONING / "dashboards/llm-worker.yml")["providers"]


def _mounts(service: str) -> dict[str, str]:
    """What of the repository a service sees, by where it sees it."""
    found = [volume.split(":") for volume in SERVICES[service]["volumes"]]
    return {parts[1]: parts[0] for parts in found if parts[0].startswith("./")}


def _seen(service: str, path: str) -> str:
    """The file of the repository that a service sees at a path."""
    for place, source in _mounts(service).items():
        if PurePosixPath(path).is_relative_to(place):
            return str(PurePosixPath(source) / PurePosixPath(path).relative_to(place))
    raise AssertionError(f"{service} sees nothing of ours at {path}")


def test_two_services_come_with_the_profile() -> None:
    """And neither without it."""
    assert {"prometheus", "grafana"} == MONITORING


@pytest.mark.parametrize("name", sorted(MONITORING))
def test_services_are_pinned_watched_and_for_this_machine(name: str) -> None:
    """A version, a health check, a volume, no rights, a port that nobody else reaches."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:${") for port in service["ports"])
    assert f"{name}:" in "".join(v for v in service["volumes"] if not v.startswith("./"))
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", sorted(MONITORING))
def test_what_is_mounted_is_there_and_cannot_be_written(name: str) -> None:
    """Docker would make an empty folder of what is missing."""
    for source in _mounts(name).values():
        assert (ROOT / source).is_dir()
    ours = [volume for volume in SERVICES[name]["volumes"] if volume.startswith("./")]
    assert all(volume.endswith(":ro") for volume in ours)


def test_prometheus_reads_our_files() -> None:
    """Its configuration where its arguments say, the rules beside it."""
    argument = next(a for a in SERVICES["prometheus"]["command"] if a.startswith("--config.file="))
    file = argument.removeprefix("--config.file=")
    assert (ROOT / _seen("prometheus", file)).samefile(PROMETHEUS / "prometheus.yml")
    assert all((PROMETHEUS / rules).is_file() for rules in CONFIG["rule_files"])


def test_who_is_asked_is_in_the_network() -> None:
    """Each name is a service's or an alias, each port the one it listens on."""
    jobs = {job["job_name"]: job for job in CONFIG["scrape_configs"]}
    [workers] = jobs["llm-worker"]["dns_sd_configs"]
    assert workers["names"] == ["worker"]
    assert workers["port"] == SERVICES["worker"]["environment"]["WORKER_HEALTH_PORT"]
    [models] = jobs["vllm"]["dns_sd_configs"]
    for service in ("vllm", "model"):
        assert models["names"][0] in SERVICES[service]["networks"]["default"]["aliases"]
    assert f"--port={models['port']}" in SERVICES["vllm"]["command"]


def test_grafana_asks_our_prometheus() -> None:
    """At its name and port, as often as there is something new."""
    [source] = SOURCES
    port = SERVICES["prometheus"]["ports"][0].rpartition(":")[2]
    assert (source["type"], source["access"]) == ("prometheus", "proxy")
    assert source["url"] == f"http://prometheus:{port}"
    assert source["isDefault"]
    assert source["jsonData"]["timeInterval"] == CONFIG["global"]["scrape_interval"]
    assert source.keys() <= _KEYS


def test_grafana_reads_our_files() -> None:
    """Data source and board where it looks for them, and opens with the board."""
    for kind, file in (("datasources", "prometheus.yml"), ("dashboards", "llm-worker.yml")):
        seen = _seen("grafana", f"/etc/grafana/provisioning/{kind}/{file}")
        assert (ROOT / seen).samefile(PROVISIONING / kind / file)
    [provider] = PROVIDERS
    board = (ROOT / "deploy/grafana/dashboards/llm-worker.json").resolve()
    assert (ROOT / _seen("grafana", provider["options"]["path"])).samefile(board.parent)
    environ = SERVICES["grafana"]["environment"]
    home = _seen("grafana", environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / home).samefile(board)
    assert {read_yaml(f)["apiVersion"] for f in PROVISIONING.rglob("*.yml")} == {1}


def test_nobody_signs_in_to_grafana() -> None:
    """There is no password to guess: who reaches the port looks, and changes nothing."""
    environ = SERVICES["grafana"]["environment"]
    assert environ["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert environ["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environ["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert all(isinstance(value, str) for value in environ.values())
