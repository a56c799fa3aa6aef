"""Every malformed reply in the catalogue, over a real connection, ends in what the table says."""

import pytest

from tests.worker.llm.malformed import CATALOGUE, PROMPT, MalformedReply, OneServer, Tags
from tests.worker.llm.model_servers import answering, serving
from worker.errors import RAW_ANSWER_CHARS, JobError, Reject, Retryable
from worker.llm.causes import Disposition, rule
from worker.llm.chat import Usage
from worker.llm.structured import CALLS_PER_ASK, Asker

_ERRORS: dict[Disposition, type[JobError]] = {
    Disposition.REASK: Retryable,
    Disposition.RETRY: Retryable,
    Disposition.REJECT: Reject,
}


def _served(reply: MalformedReply) -> dict[str, object]:
    return {"body": reply.body, "content_type": "application/json"}


@pytest.mark.parametrize(
    "reply", [reply for reply in CATALOGUE if reply.cause], ids=lambda reply: reply.name
)
async def test_what_cannot_be_used_ends_as_the_table_says(reply: MalformedReply) -> None:
    """The cause, what follows from it, the calls it costs, and the raw answer for a person."""
    usage, expected = Usage(), rule(reply.cause)
    async with serving(answering(200, **_served(reply))) as chat:
        with pytest.raises(_ERRORS[expected.disposition]) as caught:
            await Asker(OneServer(chat), usage, "r")(reply.question, PROMPT)
    error = caught.value
    assert error.cause == reply.cause
    asked_again = expected.disposition is Disposition.REASK
    assert (usage.calls, usage.reasks) == ((CALLS_PER_ASK, 1) if asked_again else (1, 0))
    assert len(str(error)) < 800
    assert "\n" not in str(error)
    if isinstance(error, Retryable | Reject):
        assert error.reason is expected.reason
    if isinstance(error, Retryable) and reply.content:
        assert (error.raw_answer != "") == (reply.name != "an empty string")
        assert len(error.raw_answer) <= RAW_ANSWER_CHARS


@pytest.mark.parametrize(
    "reply", [reply for reply in CATALOGUE if not reply.cause], ids=lambda reply: reply.name
)
async def test_what_can_be_used_costs_one_call(reply: MalformedReply) -> None:
    """What surrounds an answer, and carelessness that leaves no doubt, costs no second call."""
    usage = Usage()
    async with serving(answering(200, **_served(reply))) as chat:
        value = await Asker(OneServer(chat), usage, "r")(reply.question, PROMPT)
    assert usage.calls == 1
    if isinstance(value, Tags):
        assert [tag.replace("\n\t", "").replace("\x00", "") for tag in value.tags] == ["sea"]


def test_the_catalogue_has_no_entry_twice() -> None:
    """Each name is one reply, so that a red test says which it was."""
    assert len({reply.name for reply in CATALOGUE}) == len(CATALOGUE) >= 60
