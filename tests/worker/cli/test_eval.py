"""`llm-worker eval` as a process, against the model stand-in."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from shared.enums import JobType
from tests.builders import until
from worker.embedded.model_api import ModelConfig, RunningModel, run_model
from worker.embedded.model_faults import Fault
from worker.embedded.service import clean_environ

ROOT = Path(__file__).parents[3]
SETS = ROOT / "evaluation"
KEY = "hunter2"
NOWHERE = "http://127.0.0.1:1/v1"
RIGHT = '{"intent": "memory_search", "keywords": ["june"]}'
WRONG = '{"intent": "ambiguous", "keywords": []}'
pytestmark = pytest.mark.process


@pytest.fixture(name="model")
async def _model() -> AsyncGenerator[RunningModel]:
    """A stand-in that wants a key and answers at once."""
    async with run_model(ModelConfig(api_key=KEY)) as running:
        yield running


async def _start(folder: Path, *words: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from worker.cli import main; main()", "eval", *words),
        cwd=folder,
        env=clean_environ() | {"PYTHONPATH": str(ROOT), "LLM_API_KEY": KEY} | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _eval(folder: Path, *words: str, **settings: str) -> tuple[int, str, str]:
    process = await _start(folder, *words, **settings)
    out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    return process.returncode or 0, out.decode(), err.decode()


def _queries(folder: Path, *names: str) -> Path:
    """A set of queries that are all after a memory."""
    folder.mkdir()
    about = {"kind": "jobs", "job_type": "intent_classify", "about": "queries"}
    (folder / "dataset.json").write_text(json.dumps(about))
    lines = [
        {"id": name, "payload": {"query": f"{name}?"}, "expect": {"intent": "memory_search"}}
        for name in names
    ]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def _at(model: RunningModel, **more: str) -> dict[str, str]:
    return {"LLM_BASE_URL": f"{model.url}/v1", "LLM_CANARY": "false"} | more


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


async def test_every_set_that_is_shipped(tmp_path: Path, model: RunningModel) -> None:
    """Two cases of each: a row for each set, results of every job type, no secret in the report."""
    folders = sorted(folder for folder in SETS.iterdir() if folder.is_dir())
    words = (*map(str, folders), "--limit", "2", "--json", "a.json")
    code, out, _ = await _eval(tmp_path, *words, **_at(model))
    assert code == 0
    rows = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert {folder.name for folder in folders} <= rows
    text = (tmp_path / "a.json").read_text()
    sets = {each["name"]: each for each in json.loads(text)["sets"]}
    for job_type in JobType:
        done = sets[job_type]
        assert any(case["valid"] for case in done["cases"]), done
        causes = {case["error"]["cause"] for case in done["cases"] if not case["valid"]}
        assert causes <= {"ungrounded"}, done  # its rules know nothing of vocabularies
        assert done["models"] == [f"vllm/{'llava' if _sees(job_type) else 'mistral'}"]
    assert [case["score"] for case in sets["date_expressions"]["cases"]] == [1, 1]
    assert KEY not in text
    code, out, err = await _eval(tmp_path, "--compare", "a.json", "a.json")
    assert (code, err) == (0, "")
    assert out.count("2 cases in both, 0 better, 0 worse") == len(folders)


def _sees(job_type: JobType) -> bool:
    return job_type in {JobType.IMAGE_TAG, JobType.DOCUMENT}


async def test_scores_and_what_changed(tmp_path: Path, model: RunningModel) -> None:
    """Right, wrong and unusable answers; then the same set again, and both side by side."""
    folder = _queries(tmp_path / "queries", "a", "b", "c")
    for text in (RIGHT, WRONG, "nonsense", "nonsense"):
        model.faults.add(Fault(text=text))
    one = ("queries", "--concurrency", "1", "--json")
    code, out, _ = await _eval(tmp_path, *one, "a.json", "--fail-under", "0.3", **_at(model))
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[1][:9] == ["queries", "exact", "0.333", "3", "2", "1", "0", "0", "4"]
    assert lines[-1] == ["queries", "invalid_json", "1", "c"]
    first = _read(tmp_path / "a.json")["sets"][0]["cases"]
    assert [(case["id"], case["valid"], case["score"]) for case in first] == [
        ("a", True, 1.0),
        ("b", True, 0.0),
        ("c", False, 0.0),
    ]
    assert first[2]["error"]["raw_answer"] == "nonsense"

    for text in (WRONG, WRONG, RIGHT):
        model.faults.add(Fault(text=text))
    more = ("--fail-under", "0.8")
    code, _, err = await _eval(tmp_path, str(folder), *one[1:], "b.json", *more, **_at(model))
    assert code == 1
    assert "below 0.8: queries" in err
    _, out, _ = await _eval(tmp_path, "--compare", "a.json", "b.json")
    assert "3 cases in both, 1 better, 1 worse" in out
    assert "better  0.000 → 1.000  c" in out
    assert "worse   1.000 → 0.000  a" in out


async def test_a_server_that_is_away_stops_the_run(tmp_path: Path, model: RunningModel) -> None:
    """Exit code 1, a sentence, and what was done until then, also in the report."""
    _queries(tmp_path / "queries", "a", "b", "c")
    model.faults.add(Fault(text=RIGHT))
    model.faults.add(Fault(status=503, count=9))
    words = ("queries", "--concurrency", "1", "--json", "a.json")
    code, out, err = await _eval(tmp_path, *words, **_at(model))
    assert code == 1
    assert "stopped: the model server is away" in err
    assert out.splitlines()[1].split()[:5] == ["queries", "exact", "1.000", "1", "1"]
    report = _read(tmp_path / "a.json")
    assert report["stopped"].startswith("stopped: ")
    assert [case["id"] for case in report["sets"][0]["cases"]] == ["a"]
    assert report["sets"][0]["cases_there"] == 3


async def test_no_server_at_all(tmp_path: Path) -> None:
    """The same, with nothing done; dates need none."""
    _queries(tmp_path / "queries", "a")
    code, out, err = await _eval(tmp_path, "queries", LLM_BASE_URL=NOWHERE)
    assert (code, out.splitlines()[1].split()[:3]) == (1, ["queries", "exact", "none"])
    assert "stopped: " in err
    code, out, err = await _eval(tmp_path, str(SETS / "date_expressions"), LLM_BASE_URL=NOWHERE)
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[:2] == ["date_expressions", "right"]


async def test_a_wrong_key_halts(tmp_path: Path, model: RunningModel) -> None:
    """Exit code 3, as the daemon; the key is not told."""
    _queries(tmp_path / "queries", "a")
    settings = _at(model, LLM_API_KEY="letmein")
    code, out, err = await _eval(tmp_path, "queries", "--json", "a.json", **settings)
    assert code == 3
    assert "stopped: " in err
    assert "letmein" not in out + err + (tmp_path / "a.json").read_text()


async def test_ctrl_c_prints_what_there_is(tmp_path: Path, model: RunningModel) -> None:
    """One case is done, another hangs: the table has the one, and so has the report."""
    _queries(tmp_path / "queries", "a", "b")
    model.faults.add(Fault(text=RIGHT))
    model.faults.add(Fault(hang_s=60))
    words = ("queries", "--concurrency", "1", "--json", "a.json")
    process = await _start(tmp_path, *words, **_at(model))
    await until(lambda: model.tally.by_model.total() == 2, 30)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    assert "stopped by Ctrl-C" in err.decode()
    assert "Traceback" not in err.decode()
    assert out.decode().splitlines()[1].split()[:4] == ["queries", "exact", "1.000", "1"]
    assert _read(tmp_path / "a.json")["stopped"] == "stopped by Ctrl-C"


async def test_a_malformed_set_is_refused(tmp_path: Path, model: RunningModel) -> None:
    """Exit code 2 with file and line, before any set is run."""
    _queries(tmp_path / "good", "a")
    with (_queries(tmp_path / "bad", "a") / "cases.jsonl").open("a") as file:
        file.write("\n{")
    code, out, err = await _eval(tmp_path, "good", "bad", **_at(model))
    assert (code, out) == (2, "")
    assert err.startswith("llm-worker: bad/cases.jsonl:2: it: Invalid JSON")
    assert model.tally.by_model.total() == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a folder of cases"),
        (("queries", "other/queries"), "two sets are called queries"),
        (("queries", "--json", "."), "--json: . cannot be written"),
        (("queries", "--json", "none/a.json"), "--json: none/a.json cannot be written"),
        (("queries", "--compare", "a.json", "b.json"), "takes two reports and no sets"),
        (("--compare", "a.json", "b.json"), "a.json: No such file"),
        (("queries", "--fail-under", "80"), "fail-under"),
    ],
)
async def test_what_cannot_be_run(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2 before anything is asked."""
    _queries(tmp_path / "queries", "a")
    (tmp_path / "other").mkdir()
    _queries(tmp_path / "other" / "queries", "a")
    code, out, err = await _eval(tmp_path, *words, LLM_BASE_URL=NOWHERE, NO_COLOR="1")
    assert (code, out) == (2, "")
    assert said in err
