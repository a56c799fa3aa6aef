"""intent_classify: what a query is after, and the words to look for."""

from typing import Annotated

from pydantic import BaseModel, Field

from shared.enums import Intent, JobType
from shared.schemas import IntentClassifyPayload, IntentClassifyResult
from worker.handlers.handler import Handler, Tools
from worker.handlers.prompting import DATA_RULE, marked
from worker.handlers.tags import SaidTag, fold_tags
from worker.llm.chat import Prompt
from worker.llm.structured import model_question
from worker.outcome import Completed, completed

SYSTEM = f"""You sort the queries that people type into their own memory archive.
{DATA_RULE}
Answer with one JSON object. Its field intent is one of:
memory_search: a note, a picture or something that happened is looked for;
task_lookup: things to do, or whether they are done;
reminder_check: what to be reminded of, and when;
event_search: appointments and other things with a date;
ambiguous: it could be several of these, or none.
Its field keywords lists up to eight words or names of the query worth searching for, in the \
query's own language, without filler words."""


class SaidIntent(BaseModel):
    """What the model says."""

    intent: Intent
    keywords: Annotated[list[SaidTag], Field(max_length=8)]


QUESTION = model_question("intent", SaidIntent, 512)


async def classify_intent(payload: IntentClassifyPayload, tools: Tools) -> Completed:
    """Tell what a query is after; no keywords is an answer too."""
    answer = await tools.ask(QUESTION, Prompt(SYSTEM, f"The query:\n{marked(payload.query)}"))
    return completed(
        IntentClassifyResult(
            query=payload.query, intent=answer.intent, keywords=fold_tags(answer.keywords)
        )
    )


HANDLER = Handler(JobType.INTENT_CLASSIFY, IntentClassifyPayload, classify_intent)
