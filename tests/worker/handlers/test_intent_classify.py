"""intent_classify: an intent out of a closed list, and keywords."""

from typing import Any

import pytest

from shared.enums import FailureReason, Intent
from shared.schemas import IntentClassifyPayload
from tests.worker.handlers.test_handler import bench
from worker.errors import Retryable
from worker.handlers.intent_classify import HANDLER, WORDING

PAYLOAD = IntentClassifyPayload(query="When is the dentist?")


async def test_intent_and_keywords() -> None:
    """The query is echoed, keywords are folded, Core is not changed."""
    made = bench({"intent": "event_search", "keywords": ["Dentist", "dentist?", " "]})
    outcome = await HANDLER.run(PAYLOAD, made.tools)
    assert outcome.result == {
        "query": "When is the dentist?",
        "intent": "event_search",
        "keywords": ["dentist"],
    }
    assert outcome.effects == ()


async def test_no_keywords_is_an_answer() -> None:
    """A query may have nothing worth searching for."""
    outcome = await HANDLER.run(PAYLOAD, bench({"intent": "ambiguous", "keywords": []}).tools)
    assert outcome.result["keywords"] == []


async def test_unknown_intent_is_no_answer() -> None:
    """The list of intents is closed, whatever the model makes up."""
    wrong: dict[str, Any] = {"intent": "delete_everything", "keywords": []}
    with pytest.raises(Retryable) as caught:
        await HANDLER.run(PAYLOAD, bench(wrong, wrong).tools)
    assert caught.value.reason is FailureReason.INVALID_ANSWER


@pytest.mark.parametrize("intent", Intent)
def test_prompt_explains_every_intent(intent: Intent) -> None:
    """A new intent needs its line in the system prompt."""
    assert f"\n{intent}: " in WORDING.text
