"""What each process may: together never more than one process may, as long as there is enough."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import load_settings
from worker.config import Settings
from worker.processes.plan import Plan
from worker.processes.shares import DIVIDED, environment, part, plan


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@given(total=st.integers(1, 10_000), count=st.integers(1, 64))
def test_parts_are_the_whole(total: int, count: int) -> None:
    """As even as can be, each at least one, and no more in all than is allowed."""
    parts = [part(total, index, count) for index in range(count)]
    assert sum(parts) == max(total, count)
    assert max(parts) - min(parts) <= 1
    assert min(parts) >= 1


@pytest.mark.parametrize("count", [1, 2, 3, 8, 64])
def test_a_share_is_settings_that_work(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Even of the least values: each child reads its share as it would any environment."""
    settings = load_settings(
        Settings, worker_processes=count, worker_concurrency=1, worker_outbox_max_bytes=1_024
    )
    for index in range(count):
        for name, value in environment(settings, index).items():
            monkeypatch.setenv(name, value)
        child = load_settings(Settings)
        assert child.worker_processes == 1
        assert child.worker_concurrency == 1
        assert child.worker_outbox_max_bytes == 1_024
        assert (child.worker_health_host, child.worker_health_port) == ("127.0.0.1", 0)


def test_what_is_divided_adds_up() -> None:
    """The defaults over four processes."""
    settings = load_settings(Settings, worker_processes=4)
    shares = [environment(settings, index) for index in range(4)]
    sums = {name: sum(int(share[name.upper()]) for share in shares) for name in DIVIDED}
    assert sums["worker_concurrency"] == 64
    assert sums["worker_held_max"] == 1_000
    assert sums["worker_outbox_max_bytes"] == 64 << 20
    assert sums["llm_limit_start"] == 8
    assert sums["llm_limit_floor"] == 4  # one each is the least there is


def test_no_key_is_in_the_plan() -> None:
    """It stands in the list of processes, for everybody on the machine to read."""
    keys: dict[str, Any] = {"llm_api_key": "hunter2", "core_api_token": "hunter2"}
    settings = load_settings(Settings, worker_processes=2, redis_url="redis://:hunter2@r", **keys)
    assert "hunter2" not in plan(settings).to_json()


def test_a_plan_arrives_as_it_was() -> None:
    """Through the command line and back."""
    made = plan(load_settings(Settings, worker_processes=3, worker_grace_s=2.5))
    assert len(made.shares) == 3
    assert Plan.from_json(made.to_json()) == made


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"shares": []}'])
def test_what_is_no_plan(text: str) -> None:
    """Said, not run."""
    with pytest.raises(ValueError, match=r"."):
        Plan.from_json(text)
