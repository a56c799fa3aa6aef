"""followup: the one question that makes a message clear."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from shared.enums import FailureReason, JobType
from shared.schemas import FollowupPayload, FollowupResult
from worker.errors import Retryable
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked, one_line
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import Completed, completed

QUESTION_MAX_CHARS = 300
SYSTEM = f"""You help people to complete the notes they jot down.
{DATA_RULE}
Answer with one JSON object whose field question holds a single short question to the writer of \
the message, in the language of the message: the one whose answer clears up most of what is \
missing or unclear (who, what, when, where). Ask nothing that the message or its context \
answers already."""


class Followup(BaseModel):
    """What the model says."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=QUESTION_MAX_CHARS)]


QUESTION = model_question("followup", Followup, 256)


def as_question(said: str) -> str:
    """One line that ends in a question mark, or nothing when there are no words in it."""
    words = one_line(said).rstrip(" .,;:!?…\N{ARABIC QUESTION MARK}\N{FULLWIDTH QUESTION MARK}")
    return f"{words[: QUESTION_MAX_CHARS - 1]}?" if words else ""


async def ask_followup(payload: FollowupPayload, tools: Tools) -> Completed:
    """Find the clarifying question."""
    context = f"What came before it:\n{marked(payload.context)}\n\n" if payload.context else ""
    user = f"{context}The message:\n{marked(payload.message)}"
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, user))
    question = as_question(answer.question)
    if not question:
        raise Retryable("the model asked nothing", reason=FailureReason.INVALID_ANSWER)
    return completed(FollowupResult(question=question))


HANDLER = Handler(JobType.FOLLOWUP, FollowupPayload, ask_followup)
