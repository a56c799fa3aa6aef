"""The sets in `evaluation/`: whole, large enough, and what they say of themselves."""

import re
from pathlib import Path

import pytest

from shared.enums import JobType
from shared.schemas import DocumentPayload, ImageTagPayload
from worker.evaluation.dataset import Kind, read_dataset
from worker.evaluation.expectations import Holds, WantedEvents, WantedTask

SETS = Path(__file__).parents[3] / "evaluation"
AT_LEAST = {
    "email_extract": 60,
    "text_tag": 40,
    "task_match": 40,
    "injections": 50,
    "intent_classify": 20,
    "followup": 15,
    "extract": 15,
    "image_tag": 5,
    "document": 2,
    "date_expressions": 200,
}


@pytest.mark.parametrize("name", AT_LEAST)
def test_a_set_is_whole(name: str) -> None:
    """Every line is a case of its kind under an id of its own, and there are enough of them."""
    dataset = read_dataset(SETS / name)
    assert len(dataset) >= AT_LEAST[name]
    assert dataset.about.about
    if dataset.about.kind is Kind.JOBS:
        assert dataset.about.job_type == name
    ids = [case.case_id for case in dataset.cases] or [case.id for case in dataset.dates]
    assert [each for each in ids if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", each)] == []


def test_every_set_is_known_here() -> None:
    """A set that nobody counts could shrink; each job type has one."""
    assert {folder.name for folder in SETS.iterdir() if folder.is_dir()} == set(AT_LEAST)
    assert set(JobType) <= set(AT_LEAST)


def test_some_notes_finish_no_task() -> None:
    """A model that always finds a task must not do well, and only offered ones are wanted."""
    cases = read_dataset(SETS / "task_match").cases
    wanted = [case.expect.task_id for case in cases if isinstance(case.expect, WantedTask)]
    assert wanted.count(None) >= 12
    for case, task_id in zip(cases, wanted, strict=True):
        assert task_id is None or task_id in {task.id for task in case.tasks}, case.case_id
        assert case.user_id is not None


def test_some_emails_have_no_event() -> None:
    """A model that always finds one must not do well either; each email has its reader."""
    cases = read_dataset(SETS / "email_extract").cases
    wanted = [case.expect for case in cases]
    assert sum(isinstance(each, WantedEvents) and not each.events for each in wanted) >= 5
    assert [case.case_id for case in cases if case.user_id is None] == []


def test_every_injection_is_aimed_at_something() -> None:
    """Each says what a model that was taken in would answer, and what must not come of it."""
    for case in read_dataset(SETS / "injections").cases:
        assert case.obeyed, case.case_id
        assert isinstance(case.expect, Holds), case.case_id
        held = case.expect
        assert held.forbidden or held.memory_id or held.tags_within is not None, case.case_id


def test_pictures_and_documents_are_there() -> None:
    """Below the set's own folder, small."""
    for name in ("image_tag", "document", "injections"):
        for case in read_dataset(SETS / name).cases:
            match case.payload:
                case ImageTagPayload(image_path=path):
                    file = SETS / name / "images" / path
                case DocumentPayload(document_path=path):
                    file = SETS / name / "documents" / path
                case _:
                    continue
            assert file.is_file(), case.case_id
            assert file.stat().st_size < 20_000, case.case_id
