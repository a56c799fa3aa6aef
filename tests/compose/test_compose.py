"""`docker compose up` for real: every job type, a drain, vLLM's place, and nothing left behind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.enums import JobType
from tests.compose.project import Project, poll, timed, why_not
from worker.embedded.samples import USER, paint, samples

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1_200)]

_MANY = 900  # many times what runs at once (64), and fewer than Core lists (1,000)

# Stands in for the image of several gigabytes, on the GPU that is not here. Everything around it,
# which is what the swap is made of, stays as compose.yaml has it.
_NO_GPU = """
services:
  vllm:
    image: llm-worker-stand-ins
    entrypoint: ["python", "-m", "worker.embedded.model", "--host", "0.0.0.0"]
    command: !override []
    deploy: !reset null
    ipc: !reset null
    healthcheck: {interval: 2s}
"""


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """Everything up and healthy; gone afterwards, whatever happened."""
    reason = why_not()
    if reason:
        pytest.skip(f"needs a Docker engine with Compose v2; {reason}")
    project = Project()
    try:
        with timed("build and up, all healthy"):
            project.up("--build")
        yield project
    finally:
        with timed("down"):
            project.down()
        assert project.left_behind() == []


def _ended(project: Project, ids: set[str]) -> dict[str, dict[str, Any]]:
    """The jobs of these ids, once each has ended."""

    def ask() -> dict[str, dict[str, Any]] | None:
        jobs = {job_id: job for job_id, job in project.jobs().items() if job_id in ids}
        ended = [job for job in jobs.values() if job["status"] in {"completed", "failed"}]
        return jobs if len(ended) == len(ids) else None

    return poll(f"{len(ids)} jobs ended", ask)


def _add_text_jobs(project: Project, name: str, count: int) -> set[str]:
    """Append jobs as any program in any language can: one XADD each, all over one connection."""
    ids = [f"{name}-{number}" for number in range(count)]
    payload = r'"{\"memory_id\":\"m1\",\"content\":\"Booked the ferry to Naxos\"}"'
    lines = [f"XADD llm:text_tag * job_id {job_id} payload {payload}" for job_id in ids]
    replies = project.run("exec", "-T", "redis", "redis-cli", stdin="\n".join(lines) + "\n")
    assert len(replies.split()) == count, replies
    return set(ids)


def test_every_job_type_ends_in_core(project: Project, tmp_path: Path) -> None:
    """A job of each type, one with a picture just put into the volume, is completed in Core."""
    paint(tmp_path)
    picture = tmp_path / "ferry.jpg"
    picture.chmod(0o644)
    project.run("cp", str(picture), "core:/data/images/new.jpg")
    payloads: dict[JobType, dict[str, Any]] = {}
    for sample in samples():
        payloads.setdefault(sample.job_type, sample.payload)
    payloads[JobType.IMAGE_TAG] = {"memory_id": "m3", "image_path": "new.jpg"}
    with timed("a job of every type, enqueued one by one"):
        sent = {project.enqueue(kind, payload, USER): kind for kind, payload in payloads.items()}
        jobs = _ended(project, set(sent))
    failed = {sent[id_]: job["error_message"] for id_, job in jobs.items() if not job["result"]}
    assert (set(sent.values()), failed) == (set(JobType), {})
    _, memory = project.get("core", 8000, "/memories/m3")
    assert memory["tags"], "the effect of image_tag"


def test_pictures_come_with_the_volume(project: Project) -> None:
    """The sample pictures that the documentation speaks of are there from the start."""
    names = project.run("exec", "-T", "worker", "ls", "/data/images").split()
    assert {"ferry.jpg", "note.png"} <= set(names)


def test_worker_is_ready_and_has_no_rights(project: Project) -> None:
    """The published port names every dependency; the daemon is PID 1, not root, on no open disk."""
    status, body = project.get("worker", 8081, "/ready")
    assert (status, body["checks"]) == (200, {"redis": "ok", "core": "ok", "model": "ok"})
    script = (
        "import os, pathlib; print(os.getuid(), os.getgid(), "
        "os.access('/opt/venv', os.W_OK), os.access('/data/images', os.W_OK), "
        "pathlib.Path('/proc/1/cmdline').read_text().split('\\0')[1])"
    )
    seen = project.run("exec", "-T", "worker", "python", "-c", script)
    assert seen.split() == ["10001", "10001", "False", "False", "/opt/venv/bin/llm-worker"]


def test_stop_drains_and_nothing_is_lost(project: Project) -> None:
    """Stopped in the middle of many jobs the worker ends with 0; started again, all are done."""
    with timed(f"{_MANY} jobs, stopped and started in the middle"):
        ids = _add_text_jobs(project, "drain", _MANY)
        poll("the first job ended", lambda: ids & project.jobs().keys() or None)
        project.run("stop")
        assert project.state("worker") == ("exited", 0)
        lines = project.run("logs", "--no-log-prefix", "worker").splitlines()
        events = [json.loads(line)["event"] for line in lines]
        print(f"\n  jobs done before the stop: {events.count('job_done')}")
        assert events.index("draining") < events.index("stopped") == len(events) - 1
        project.up()
        jobs = _ended(project, ids)
    assert {job["status"] for job in jobs.values()} == {"completed"}


def test_vllm_profile_says_what_vllm_needs(project: Project) -> None:
    """`--profile vllm` is a valid file with a GPU, shared memory, a cache and strict output."""
    project.profile = "vllm"
    try:
        config = json.loads(project.run("config", "--format", "json"))
    finally:
        project.profile = None
    vllm = config["services"]["vllm"]
    options = dict(word[2:].split("=", 1) for word in vllm["command"] if "=" in word)
    assert vllm["image"].startswith("vllm/vllm-openai:v")
    assert vllm["command"][0] == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert json.loads(options["structured-outputs-config"]) == {
        "backend": "xgrammar",
        "disable_any_whitespace": True,
    }
    assert json.loads(options["limit-mm-per-prompt"]) == {"image": 1}
    devices = vllm["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]
    assert vllm["ipc"] == "host"
    assert [volume["source"] for volume in vllm["volumes"]] == ["models"]
    environ = config["services"]["worker"]["environment"]
    assert {environ["LLM_TEXT_MODEL"], environ["LLM_VISION_MODEL"]} <= set(vllm["command"])


def test_vllm_takes_the_stand_ins_place(project: Project, tmp_path: Path) -> None:
    """With the profile, over what runs already, the stand-in ends and only vLLM is asked."""
    project.override = tmp_path / "no-gpu.yaml"
    project.override.write_text(_NO_GPU, encoding="utf-8")
    project.profile = "vllm"
    try:
        before = project.run("ps", "--quiet", "worker")
        with timed("the swap"):
            project.up()
        assert project.run("ps", "--quiet", "worker") == before, "the worker ran on"
        assert project.state("model") == ("exited", 0)
        _ended(project, _add_text_jobs(project, "swap", 10))
        assert _answers(project, "vllm") == 10

        project.up()  # once more changes nothing
        assert project.state("model") == ("exited", 0)
    finally:
        project.override = project.profile = None


def _answers(project: Project, service: str) -> int:
    """How many completions a stand-in was asked for."""
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/stats').read().decode())"
    stats = json.loads(project.run("exec", "-T", service, "python", "-c", script))
    return int(stats["calls"])
