"""followup: the one question that makes a message clear. At most 4 calls, see `asking`."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from shared.enums import JobType
from shared.schemas import FollowupPayload, FollowupResult
from worker.handlers.asking import Asking
from worker.handlers.handler import Handler, Tools
from worker.handlers.wording import wording
from worker.llm.structured import Unusable, model_question
from worker.outcome import Completed, completed
from worker.untrusted.framing import marked, shown
from worker.untrusted.plain_text import plain

QUESTION_MAX_CHARS = 300
WORDING = wording("followup")


class Followup(BaseModel):
    """What the model says."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=QUESTION_MAX_CHARS)]


QUESTION = model_question("followup", Followup, 256)


def as_question(said: str) -> str:
    """One line that ends in a question mark, or nothing when there are no words in it."""
    words = plain(said).rstrip(" .,;:!?…\N{ARABIC QUESTION MARK}\N{FULLWIDTH QUESTION MARK}")
    return f"{words[: QUESTION_MAX_CHARS - 1]}?" if words else ""


async def ask_followup(payload: FollowupPayload, tools: Tools) -> Completed:
    """Find the clarifying question.

    Raises:
        Retryable: the model asked nothing, twice.
    """
    asking = Asking(tools.ask, QUESTION, WORDING, _checked)
    context, message = await shown(payload.context or ""), await shown(payload.message)
    asked = await asking.about((context, message), _request)
    return completed(FollowupResult(question=asked.value, truncated_input=asked.cut))


def _checked(answer: Followup) -> str:
    question = as_question(answer.question)
    if not question:
        raise Unusable("it asks nothing")
    return question


def _request(context: str, message: str) -> str:
    before = f"What came before it:\n{marked(context)}\n\n" if context else ""
    return f"{before}The message:\n{marked(message)}"


HANDLER = Handler(JobType.FOLLOWUP, FollowupPayload, ask_followup)
