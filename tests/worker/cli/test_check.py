"""`llm-worker check` against a real Redis, a small Core and a small model server."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.redis.servers import tell
from worker.embedded.redis_server import RedisServer
from worker.embedded.service import clean_environ

ROOT = Path(__file__).parents[3]
NOWHERE = "127.0.0.1:1"
pytestmark = [pytest.mark.redis, pytest.mark.process]


@pytest.fixture(scope="module", name="redis")
def _redis() -> Iterator[RedisServer]:
    """A server as it should be: AOF on, nothing evicted."""
    with RedisServer() as server:
        yield server


@asynccontextmanager
async def _services(
    *models: str, answer: str = '{"colour":"red"}', core: int = 200
) -> AsyncGenerator[str]:
    """Core and a model server at one address; `answer` is what it says to the canary."""

    async def offered(_request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in models]})

    async def complete(request: web.Request) -> web.Response:
        model = (await request.json())["model"]
        if model not in models:
            error = {"message": f"The model `{model}` does not exist.", "param": "model"}
            return web.json_response({"error": error}, status=404)
        message = {"content": answer}
        return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}]})

    async def health(_request: web.Request) -> web.Response:
        return web.Response(status=core, text="<html><title>nginx</title>")

    app = web.Application()
    app.router.add_get("/v1/models", offered)
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _check(folder: Path, *words: str, **settings: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from worker.cli import main; main()", "check", *words),
        cwd=folder,
        env=clean_environ() | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def _by_name(out: str) -> dict[str, dict[str, Any]]:
    return {finding["what"]: finding for finding in json.loads(out)}


def _settings(folder: Path, redis: RedisServer, url: str) -> dict[str, str]:
    return {
        "REDIS_URL": redis.url,
        "CORE_API_URL": url,
        "LLM_BASE_URL": f"{url}/v1",
        "IMAGE_STORAGE_PATH": str(folder),
    }


async def test_all_is_well(tmp_path: Path, redis: RedisServer) -> None:
    """Exit code 0, and everything that was looked at is named."""
    async with _services("llava", "mistral") as url:
        code, out, err = await _check(tmp_path, "--json", **_settings(tmp_path, redis, url))
    assert (code, err) == (0, "")
    found = _by_name(out)
    assert {finding["verdict"] for finding in found.values()} == {"ok"}
    assert list(found) == [
        *("settings", "redis", "redis writes"),
        *("maxmemory-policy", "appendonly", "newer commands"),
        *("core", f"model server vllm {url.removeprefix('http://')}", "image folder"),
    ]


async def test_a_model_that_is_not_offered_has_its_fix(tmp_path: Path, redis: RedisServer) -> None:
    """Exit code 1, the variable to set, and what there is; escapes don't reach the terminal."""
    async with _services("qwen", "\x1b[2Jllava") as url:
        settings = _settings(tmp_path, redis, url)
        code, out, err = await _check(tmp_path, **settings)
    assert (code, err) == (1, "")
    said = " ".join(out.split())
    assert "has no model 'llava'" in said or "has no model 'mistral'" in said
    assert "LLM_TEXT_MODEL" in said
    assert r"\x1b[2Jllava, qwen" in said
    assert "\x1b" not in out


async def test_output_that_is_not_constrained_is_warned_of(
    tmp_path: Path, redis: RedisServer
) -> None:
    """A server that takes the schema with a 200 and tells its story."""
    async with _services("llava", "mistral", answer="Once upon a time") as url:
        code, out, _ = await _check(tmp_path, "--json", **_settings(tmp_path, redis, url))
    [found] = [f for name, f in _by_name(out).items() if name.startswith("model server")]
    assert (code, found["verdict"]) == (0, "warning")
    assert "LLM_STRUCTURE" in found["fix"]


async def test_every_server_is_looked_at(tmp_path: Path, redis: RedisServer) -> None:
    """Replicas and fallbacks too: one that is away is no secret until the night it is needed."""
    fallback = {"provider": "openai", "base_url": f"http://{NOWHERE}/v1", "model": "x"}
    async with _services("llava", "mistral") as url:
        settings = _settings(tmp_path, redis, url) | {"LLM_FALLBACKS": json.dumps([fallback])}
        code, out, _ = await _check(tmp_path, "--json", **settings)
    verdicts = {name: found["verdict"] for name, found in _by_name(out).items()}
    assert verdicts[f"model server openai {NOWHERE}"] == "failed"
    assert verdicts[f"model server vllm {url.removeprefix('http://')}"] == "ok"
    assert code == 1


async def test_a_warning_is_no_failure(tmp_path: Path, redis: RedisServer) -> None:
    """A missing folder matters to one job type only."""
    async with _services("llava", "mistral") as url:
        settings = _settings(tmp_path / "none", redis, url)
        code, out, _ = await _check(tmp_path, "--json", **settings)
    assert code == 0
    folder = _by_name(out)["image folder"]
    assert folder["verdict"] == "warning"
    assert "IMAGE_STORAGE_PATH" in folder["fix"]


async def test_a_forgetful_redis_is_warned_of(tmp_path: Path) -> None:
    """Evicting streams and losing them in a crash: each with the command that mends it."""
    options = ("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
    with RedisServer(options=options) as redis:
        async with _services("llava", "mistral") as url:
            code, out, _ = await _check(tmp_path, "--json", **_settings(tmp_path, redis, url))
    found = _by_name(out)
    assert code == 0
    for name, fix in (("maxmemory-policy", "noeviction"), ("appendonly", "yes")):
        assert found[name]["verdict"] == "warning"
        assert found[name]["fix"].startswith(f"CONFIG SET {name} {fix}: ")


@pytest.mark.parametrize(
    ("trouble", "found", "fix"),
    [
        (("CONFIG", "SET", "maxmemory", "1mb"), "of maxmemory 1.00M", "raise maxmemory"),
        (("REPLICAOF", "127.0.0.1", "1"), "READONLY", "REDIS_URL"),
    ],
)
async def test_a_redis_that_takes_no_writes(
    tmp_path: Path, trouble: tuple[str, ...], found: str, fix: str
) -> None:
    """It answers, and has failed: how, in figures where there are some, and what mends it."""
    with RedisServer(options=("--maxmemory-policy", "noeviction")) as redis:
        await tell(redis, "SET", "other", "x" * 2_000_000)
        await tell(redis, *trouble)
        async with _services("llava", "mistral") as url:
            code, out, _ = await _check(tmp_path, "--json", **_settings(tmp_path, redis, url))
    writes = _by_name(out)["redis writes"]
    assert (code, writes["verdict"]) == (1, "failed")
    assert found in writes["found"]
    assert fix in writes["fix"]


async def test_a_redis_that_does_not_let_us_in(tmp_path: Path, redis: RedisServer) -> None:
    """It need not be started: the login is to be mended."""
    settings = _settings(tmp_path, redis, f"http://{NOWHERE}")
    settings["REDIS_URL"] = redis.url.replace("//", "//worker:wrong@")
    _, out, _ = await _check(tmp_path, "--json", **settings)
    assert _by_name(out)["redis"]["fix"].startswith("correct the login in REDIS_URL")


@pytest.mark.parametrize(
    ("core", "found", "fix"),
    [
        (502, "cannot be reached, says a proxy there (502)", "behind the proxy"),
        (500, "answered 500 to GET /health: nginx", "see Core's log"),
    ],
)
async def test_a_core_that_is_not_well(
    tmp_path: Path, redis: RedisServer, core: int, found: str, fix: str
) -> None:
    """A proxy in its place is told from Core itself, for something else is to be mended."""
    async with _services("llava", "mistral", core=core) as url:
        code, out, _ = await _check(tmp_path, "--json", **_settings(tmp_path, redis, url))
    finding = _by_name(out)["core"]
    assert (code, finding["verdict"]) == (1, "failed")
    assert finding["found"].endswith(found)
    assert fix in finding["fix"]


async def test_nothing_is_there(tmp_path: Path) -> None:
    """Every service is looked at though the first is away already; each with its setting."""
    code, out, err = await _check(
        tmp_path,
        "--json",
        REDIS_URL=f"redis://:hunter2@{NOWHERE}",
        CORE_API_URL=f"http://{NOWHERE}",
        LLM_BASE_URL=f"http://{NOWHERE}/v1",
    )
    assert (code, err) == (1, "")
    fixes = {name: finding["fix"] for name, finding in _by_name(out).items()}
    assert "REDIS_URL" in fixes["redis"]
    assert "CORE_API_URL" in fixes["core"]
    assert "LLM_BASE_URL" in fixes[f"model server vllm {NOWHERE}"]
    assert "hunter2" not in out


async def test_a_file_that_a_setting_names(tmp_path: Path) -> None:
    """Price list and vocabulary are read here too, not first at the start in the night."""
    code, out, err = await _check(tmp_path, TAG_VOCABULARY_FILE="nowhere.txt")
    assert (code, out) == (2, "")
    assert "TAG_VOCABULARY_FILE: nowhere.txt cannot be read: No such file or directory" in err


async def test_settings_that_cannot_work(tmp_path: Path) -> None:
    """Exit code 2 before anything is asked."""
    code, out, err = await _check(tmp_path, WORKER_LEASE_S="soon")
    assert (code, out) == (2, "")
    assert "WORKER_LEASE_S='soon': " in err
