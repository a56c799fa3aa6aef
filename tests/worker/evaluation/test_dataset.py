"""Reading a folder of cases: whole, or a sentence with the file and the line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.enums import JobType
from shared.schemas import TaskMatchPayload, TextTagPayload
from worker.evaluation.dataset import ENQUEUED_AT, DatasetError, Kind, read_dataset
from worker.evaluation.expectations import Holds, WantedTags, WantedTask

TAGS: dict[str, Any] = {"kind": "jobs", "job_type": "text_tag", "about": "notes"}
NOTE: dict[str, Any] = {
    "id": "a",
    "payload": {"memory_id": "m", "content": "c"},
    "expect": {"tags": [["x"]]},
}


def _set(folder: Path, about: Any, *lines: Any) -> Path:
    (folder / "dataset.json").write_text(about if isinstance(about, str) else json.dumps(about))
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "cases.jsonl").write_text(text, encoding="utf-8")
    return folder


def test_a_set_of_jobs(tmp_path: Path) -> None:
    """Payloads and expectations have their types; blank lines are nothing; the order stays."""
    dataset = read_dataset(_set(tmp_path, TAGS, NOTE, "", NOTE | {"id": "b", "user_id": 42}))
    first, second = dataset.cases
    assert (first.case_id, first.job_type, first.enqueued_at) == ("a", "text_tag", ENQUEUED_AT)
    assert first.payload == TextTagPayload(memory_id="m", content="c")
    assert first.expect == WantedTags(tags=(("x",),))
    assert (second.case_id, second.user_id) == ("b", 42)
    assert dataset.name == tmp_path.name
    assert dataset.about.kind is Kind.JOBS


def test_tasks_and_the_time_of_a_job(tmp_path: Path) -> None:
    """What Core offers, and when the job was enqueued."""
    line = {
        "id": "t",
        "payload": {"memory_id": "m", "memory_content": "c"},
        "user_id": 42,
        "enqueued_at": "2026-03-01T10:00:00+02:00",
        "tasks": [{"id": "t1", "description": "d", "owner_user_id": 42}],
        "expect": {"task_id": None},
    }
    [case] = read_dataset(_set(tmp_path, {"kind": "jobs", "job_type": "task_match"}, line)).cases
    assert case.payload == TaskMatchPayload(memory_id="m", memory_content="c")
    assert case.expect == WantedTask(task_id=None)
    assert [task.id for task in case.tasks] == ["t1"]
    assert case.enqueued_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_injections_say_what_they_are_aimed_at(tmp_path: Path) -> None:
    """Each case has its own job type."""
    line = NOTE | {"job_type": "text_tag", "obeyed": "{}", "expect": {"forbidden": ["hacked"]}}
    [case] = read_dataset(_set(tmp_path, {"kind": "injections"}, line)).cases
    assert (case.job_type, case.obeyed) == (JobType.TEXT_TAG, "{}")
    assert case.expect == Holds(forbidden=("hacked",))


def test_dates_are_no_jobs(tmp_path: Path) -> None:
    """They have lines of their own; a zone that is none is found before anything is resolved."""
    said = dict.fromkeys(("local_date", "local_time", "weekday", "zone")) | {"quote": "at noon"}
    sent = "2026-01-01T09:00:00Z"
    line = {"id": "d", "sent": sent, "zone": "Europe/Athens", "said": said, "expect": None}
    dataset = read_dataset(_set(tmp_path, {"kind": "dates"}, line))
    assert (len(dataset), dataset.cases, [case.id for case in dataset.dates]) == (1, (), ["d"])
    with pytest.raises(DatasetError, match=r":1: d: zone: no IANA time zone"):
        read_dataset(_set(tmp_path, {"kind": "dates"}, line | {"zone": "Mars/Base"}))


MALFORMED: list[tuple[list[Any], str]] = [
    ([NOTE, "{"], "cases.jsonl:2: it: Invalid JSON"),
    ([NOTE, NOTE], "cases.jsonl:2: there is another case a"),
    ([NOTE | {"tags": []}], "cases.jsonl:1: tags: Extra inputs"),
    ([NOTE | {"payload": {"memory_id": "m"}}], "cases.jsonl:1: a: payload: content: Field"),
    ([NOTE | {"expect": {"events": []}}], "cases.jsonl:1: a: expect: tags: Field required"),
    ([NOTE | {"expect": {"tags": [[]]}}], "cases.jsonl:1: a: expect: tags.0: Tuple should"),
    ([NOTE | {"id": "a b"}], "cases.jsonl:1: id: String should match"),
    ([NOTE | {"job_type": "extract"}], "cases.jsonl:1: job_type: extract in a set of text_tag"),
    ([NOTE, "[" * 5_000], "cases.jsonl:2: it: Invalid JSON"),
    ([NOTE | {"payload": 1}], "cases.jsonl:1: payload: Input should be an object"),
    (["", ""], "cases.jsonl: no cases in it"),
]


@pytest.mark.parametrize(("lines", "said"), MALFORMED)
def test_a_malformed_line_is_named(tmp_path: Path, lines: list[Any], said: str) -> None:
    """File, line, and what is wrong there, on one line."""
    with pytest.raises(DatasetError) as caught:
        read_dataset(_set(tmp_path, TAGS, *lines))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("{", "dataset.json: it: Invalid JSON"),
        ({"kind": "riddles"}, "dataset.json: kind: Input should be"),
        ({"kind": "jobs"}, "dataset.json: it: Value error, job_type belongs to sets of kind jobs"),
        ({"kind": "jobs", "job_type": "juggle"}, "dataset.json: job_type: Input should be"),
        ({"kind": "dates", "job_type": "extract"}, "job_type belongs to sets of kind jobs"),
    ],
)
def test_a_malformed_head_is_named(tmp_path: Path, about: Any, said: str) -> None:
    """As a line is."""
    with pytest.raises(DatasetError) as caught:
        read_dataset(_set(tmp_path, about, NOTE))
    assert said in str(caught.value)


def test_an_injection_without_a_job_type(tmp_path: Path) -> None:
    """Nobody could run it."""
    with pytest.raises(DatasetError, match=r":1: job_type: an injection says"):
        read_dataset(_set(tmp_path, {"kind": "injections"}, NOTE | {"expect": {}}))


def test_no_folder_and_no_cases(tmp_path: Path) -> None:
    """What is missing is named."""
    with pytest.raises(DatasetError, match=r"none/dataset\.json: No such file"):
        read_dataset(tmp_path / "none")
    (tmp_path / "dataset.json").write_text(json.dumps(TAGS))
    with pytest.raises(DatasetError, match=r"cases\.jsonl: No such file"):
        read_dataset(tmp_path)
    (tmp_path / "cases.jsonl").write_bytes(b'{"id": "\xff"}')
    with pytest.raises(DatasetError, match=r"cases.jsonl:1: it: "):
        read_dataset(tmp_path)


def test_a_file_without_end_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is looked at first."""
    monkeypatch.setattr("worker.evaluation.dataset.MAX_FILE_BYTES", 100)
    with pytest.raises(DatasetError, match="larger than 100 bytes"):
        read_dataset(_set(tmp_path, TAGS, NOTE, NOTE | {"id": "b"}))
