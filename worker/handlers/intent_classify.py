"""intent_classify: what a query is after, and the words to look for. At most 4 calls."""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.enums import Intent, JobType
from shared.schemas import IntentClassifyPayload, IntentClassifyResult
from worker.handlers.asking import Asking, as_said
from worker.handlers.handler import Handler, Tools
from worker.handlers.tags import SaidTag, fold_tags
from worker.handlers.wording import wording
from worker.llm.structured import model_question
from worker.outcome import Completed, completed
from worker.untrusted.framing import marked, shown

WORDING = wording("intent_classify")


class SaidIntent(BaseModel):
    """What the model says."""

    intent: Intent
    keywords: Annotated[list[SaidTag], Field(max_length=8)]


QUESTION = model_question("intent", SaidIntent, 512, salvage="keywords")


async def classify_intent(payload: IntentClassifyPayload, tools: Tools) -> Completed:
    """Tell what a query is after; no keywords is an answer too."""
    asking = Asking(tools.ask, QUESTION, WORDING, as_said)
    asked = await asking.about((await shown(payload.query),), _request)
    return completed(
        IntentClassifyResult(
            query=payload.query,
            intent=asked.value.intent,
            keywords=fold_tags(asked.value.keywords),
            truncated_input=asked.cut,
        )
    )


def _request(query: str) -> str:
    return f"The query:\n{marked(query)}"


HANDLER = Handler(JobType.INTENT_CLASSIFY, IntentClassifyPayload, classify_intent)
