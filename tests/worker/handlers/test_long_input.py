"""Long input for every handler: nothing is cut silently, nothing is paid for twice."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.enums import FailureReason, JobType
from shared.schemas import PAYLOADS, TaskResponse
from tests.worker.handlers.test_handler import Bench, FixedCore, bench
from worker.errors import Reject, Snooze
from worker.handlers import HANDLERS
from worker.handlers.asking import TIMES_ASKED
from worker.handlers.handler import Tools
from worker.handlers.reading_parts import MOST_PARTS
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, Completion, ModelRole, Usage
from worker.llm.structured import CALLS_PER_ASK, Asker
from worker.outcome import Completed

CONTEXT = 4_096
SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": ["number", "null"]},
        "names": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["total", "names"],
}
TOO_LONG = Reject(FailureReason.MODEL_REFUSED, "too long", cause=Cause.CONTEXT_TOO_LONG)
EMPTY = json.dumps({"total": None, "names": []})
NO_EVENTS = json.dumps({"events": []})


def filler(words: int) -> str:
    """Paragraphs of nothing much."""
    return "\n\n".join(f"Line {n}: the boat was seen near the pier." for n in range(words // 9))


@dataclass
class Model:
    """A model that answers by what it is shown; counts what it was asked."""

    answer: Callable[[str], str | Exception]
    context: int | None = CONTEXT
    users: list[str] = field(default_factory=list[str])

    async def complete(self, request: ChatRequest) -> Completion:
        """Answer."""
        self.users.append(request.prompt.user)
        said = self.answer(request.prompt.user)
        if isinstance(said, Exception):
            raise said
        return Completion(said, "stop", 10, 5)

    def context_tokens(self, role: ModelRole) -> int | None:
        """As it was made."""
        del role
        return self.context


def tools(model: Model, kept: dict[str, object] | None = None) -> Tools:
    """What a handler gets, with this model."""
    core = FixedCore([TaskResponse(id="t", description="Pay", owner_user_id=42)])
    made = Bench(bench().llm, core=core).tools
    return replace(made, ask=Asker(model, Usage(), "t"), kept={} if kept is None else kept)


async def run(job_type: JobType, payload: dict[str, Any], given: Tools) -> Completed:
    """Run the handler of a type."""
    return await HANDLERS[job_type].run(PAYLOADS[job_type].model_validate(payload), given)


SHORT: list[tuple[JobType, str, str]] = [
    (JobType.TEXT_TAG, "content", '{"tags": ["boat"]}'),
    (JobType.TASK_MATCH, "memory_content", '{"task": "none", "confidence": 1}'),
    (JobType.FOLLOWUP, "message", '{"question": "Which boat?"}'),
    (JobType.FOLLOWUP, "context", '{"question": "Which boat?"}'),
]


def _payload(long: str, text: str) -> dict[str, Any]:
    fixed = {"memory_id": "m1", "message": "Met Anna", "context": "Flats"}
    return fixed | {long: text}


@pytest.mark.parametrize(("job_type", "long", "said"), SHORT)
async def test_short_answers_see_both_ends(job_type: JobType, long: str, said: str) -> None:
    """One call; the result says that the middle was left out."""
    model = Model(lambda _: said)
    text = f"FIRST. {filler(20_000)} LAST."
    outcome = await run(job_type, _payload(long, text), tools(model))
    (user,) = model.users
    assert outcome.result["truncated_input"] is True
    assert "FIRST." in user
    assert "LAST." in user
    assert "characters left out …]" in user


@pytest.mark.parametrize(("job_type", "long", "said"), SHORT)
async def test_what_fits_says_nothing_of_being_cut(job_type: JobType, long: str, said: str) -> None:
    """The field is absent from results about whole texts."""
    outcome = await run(job_type, _payload(long, filler(200)), tools(Model(lambda _: said)))
    assert "truncated_input" not in outcome.result


def _event(quote: str, day: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("local_time", "weekday", "zone"))
    return {"description": quote, "quote": quote, "local_date": day, "confidence": 1} | nothing


def _events_seen(user: str) -> str:
    known = {"Lunch on 3 June": "2026-06-03", "Dinner on 9 June": "2026-06-09"}
    return json.dumps({"events": [_event(q, day) for q, day in known.items() if q in user]})


async def test_long_email_is_read_in_parts() -> None:
    """Events of all parts, each once though parts overlap; nothing was left out."""
    model = Model(_events_seen)
    body = f"{filler(900)}\n\nLunch on 3 June\n\n{filler(900)}\n\nDinner on 9 June"
    outcome = await run(JobType.EMAIL_EXTRACT, {"subject": "S", "body": body}, tools(model))
    assert 2 < len(model.users) <= MOST_PARTS
    assert all("Subject: S" in user and "Message date:" in user for user in model.users)
    assert [event["event_time"] for event in outcome.result["events"]] == [
        "2026-06-03",
        "2026-06-09",
    ]
    assert "truncated_input" not in outcome.result


async def test_quotes_and_signature_go_first() -> None:
    """One call where the writer's own words fit; the result says that something was left out."""
    model = Model(_events_seen)
    quoted = "\n".join(f"> {line}" for line in filler(5_000).splitlines())
    body = f"Lunch on 3 June\n\nOn Monday, Ann wrote:\n{quoted}\n-- \nBo"
    outcome = await run(JobType.EMAIL_EXTRACT, {"subject": "S", "body": body}, tools(model))
    (user,) = model.users
    assert "boat" not in user
    assert len(outcome.result["events"]) == 1
    assert outcome.result["truncated_input"] is True


async def test_parts_without_the_quotes_are_not_all_of_it() -> None:
    """However many parts are read."""
    model = Model(_events_seen)
    body = f"{filler(2_000)}\n\nLunch on 3 June\n> quoted\nBo"
    outcome = await run(JobType.EMAIL_EXTRACT, {"subject": "S", "body": body}, tools(model))
    assert len(model.users) > 1
    assert outcome.result["truncated_input"] is True


async def test_quotes_stay_where_there_is_room() -> None:
    """An answer often makes sense only with what it answers."""
    model = Model(_events_seen)
    body = "Yes!\nAnn wrote:\n> Lunch on 3 June\n-- \nBo"
    outcome = await run(JobType.EMAIL_EXTRACT, {"subject": "S", "body": body}, tools(model))
    assert len(outcome.result["events"]) == 1


@pytest.mark.parametrize(
    ("job_type", "payload", "said"),
    [
        (JobType.EMAIL_EXTRACT, {"subject": "S", "body": filler(39_000)}, NO_EVENTS),
        (JobType.EXTRACT, {"text": filler(39_000), "schema": SCHEMA}, EMPTY),
    ],
)
async def test_more_than_all_parts(job_type: JobType, payload: dict[str, Any], said: str) -> None:
    """The number of calls is bounded, and the result says that not all was read."""
    model = Model(lambda _: said)
    outcome = await run(job_type, payload, tools(model))
    assert len(model.users) <= MOST_PARTS
    assert outcome.result["truncated_input"] is True


@pytest.mark.parametrize(
    ("job_type", "payload", "said"),
    [
        (JobType.EMAIL_EXTRACT, {"subject": "S", "body": filler(10_000)}, NO_EVENTS),
        (JobType.EXTRACT, {"text": filler(10_000), "schema": SCHEMA}, EMPTY),
    ],
)
async def test_next_try_pays_only_for_what_is_missing(
    job_type: JobType, payload: dict[str, Any], said: str
) -> None:
    """A server that goes away half-way costs no part twice."""
    kept: dict[str, object] = {}
    away = Model(lambda _: Snooze("away") if len(away.users) > 3 else said)
    with pytest.raises(Snooze):
        await run(job_type, payload, tools(away, kept))
    back = Model(lambda _: said)
    await run(job_type, payload, tools(back, kept))
    whole = Model(lambda _: said)
    await run(job_type, payload, tools(whole))
    assert len(back.users) == len(whole.users) - 3


async def test_parts_of_an_extraction_are_joined_by_code() -> None:
    """No further call where they agree; the value fits the caller's schema."""

    def answer(user: str) -> str:
        total = 12.5 if "Total 12.50" in user else None
        return json.dumps({"total": total, "names": ["Ann"] if "Ann" in user else []})

    model = Model(answer)
    payload = {"text": f"Ann\n\n{filler(6_000)}\n\nTotal 12.50", "schema": SCHEMA}
    outcome = await run(JobType.EXTRACT, payload, tools(model))
    assert outcome.result == {"data": {"total": 12.5, "names": ["Ann"]}}
    assert len(model.users) > 2


async def test_parts_that_contradict_each_other_are_asked_about() -> None:
    """One more question, with the values as data and none of the text."""

    def answer(user: str) -> str:
        if '{"total"' in user:
            return '{"total": 2, "names": []}'
        return json.dumps({"total": len(model.users), "names": []})

    model = Model(answer)
    payload = {"text": filler(3_000), "schema": SCHEMA, "instructions": "Sums."}
    outcome = await run(JobType.EXTRACT, payload, tools(model))
    assert outcome.result == {"data": {"total": 2, "names": []}}
    assert "boat" not in model.users[-1]
    assert "Sums." in model.users[-1]
    assert "truncated_input" not in outcome.result


async def test_joined_value_that_breaks_the_schema_is_asked_about() -> None:
    """Each part kept to the caller's bound; together they did not."""
    schema = {"type": "array", "items": {"type": "integer"}, "maxItems": 1}

    def answer(user: str) -> str:
        return "[0]" if "boat" not in user else f"[{len(model.users)}]"

    model = Model(answer)
    payload = {"text": filler(3_000), "schema": schema}
    outcome = await run(JobType.EXTRACT, payload, tools(model))
    assert outcome.result == {"data": [0]}


def _adversary(good: str, bad: str, parts: int) -> Callable[[str], str | Exception]:
    """The dearest way: each first answer is bad; the very end of a first pass is too long."""
    corrected = 0

    def answer(user: str) -> str | Exception:
        nonlocal corrected
        if "Your last answer could not be used" not in user:
            return bad
        corrected += 1
        return TOO_LONG if corrected == parts else good

    return answer


@pytest.mark.parametrize(
    ("job_type", "payload", "parts", "good"),
    [
        (JobType.TEXT_TAG, _payload("content", filler(2_000)), 1, '{"tags": ["boat"]}'),
        (JobType.FOLLOWUP, _payload("message", filler(2_000)), 1, '{"question": "What?"}'),
        (
            JobType.EMAIL_EXTRACT,
            {"subject": "S", "body": filler(39_000)},
            MOST_PARTS,
            NO_EVENTS,
        ),
        (JobType.EXTRACT, {"text": filler(39_000), "schema": SCHEMA}, MOST_PARTS, EMPTY),
    ],
)
async def test_calls_at_worst(
    job_type: JobType, payload: dict[str, Any], parts: int, good: str
) -> None:
    """Every answer wrong once, and the whole pass too long at its very end: still bounded."""
    model = Model(_adversary(good, "not JSON", parts))
    given = tools(model)
    outcome = await run(job_type, payload, given)
    assert outcome.result
    most = CALLS_PER_ASK * TIMES_ASKED * parts
    assert len(model.users) == given.ask.usage.calls
    assert most - 4 * parts < len(model.users) <= most


async def test_calls_of_an_extraction_at_worst() -> None:
    """With parts that contradict each other: four calls more than for its parts."""
    first = _adversary("", "not JSON", MOST_PARTS)

    def answer(user: str) -> str | Exception:
        if '{"total"' in user:
            merging.append(user)
            return [TOO_LONG, "not JSON", EMPTY][min(len(merging), 3) - 1]
        said = first(user)
        return json.dumps({"total": len(model.users), "names": ["x" * 300]}) if said == "" else said

    merging: list[str] = []
    model = Model(answer)
    payload = {"text": filler(39_000), "schema": SCHEMA}
    outcome = await run(JobType.EXTRACT, payload, tools(model))
    assert outcome.result["data"] == json.loads(EMPTY)
    assert len(merging) == 3
    assert len(model.users) <= CALLS_PER_ASK * TIMES_ASKED * (MOST_PARTS + 1)
