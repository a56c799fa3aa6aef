"""image_tag: a picture's description and tags."""

import pytest

from shared.enums import FailureReason
from shared.schemas import ImageTagPayload
from tests.worker.handlers.test_handler import PICTURE, Bench, FixedImages, bench
from worker.errors import Reject, Retryable
from worker.handlers.image_tag import HANDLER
from worker.llm.chat import ModelRole, ScriptedLLM
from worker.outcome import AddTags

PAYLOAD = ImageTagPayload(memory_id="m1", image_path="2026/beach.jpg")


async def test_description_and_tags() -> None:
    """The vision model sees the picture; what it says is the result and one effect."""
    made = bench({"description": " A beach\nat dusk. ", "tags": ["Beach", "dusk", "Sea"]})
    outcome = await HANDLER.run(PAYLOAD, made.tools)
    tags = ["beach", "dusk", "sea"]
    assert outcome.result == {"memory_id": "m1", "description": "A beach at dusk.", "tags": tags}
    (effect,) = outcome.effects
    assert isinstance(effect, AddTags)
    assert (effect.memory_id, effect.body.tags) == ("m1", tags)
    assert made.images.paths == ["2026/beach.jpg"]
    prompt = made.llm.requests[0].prompt
    assert prompt.image is PICTURE
    assert prompt.role is ModelRole.VISION


async def test_repeated_tags_may_leave_fewer_than_three() -> None:
    """A paid answer is not thrown away for saying the same thing twice."""
    made = bench({"description": "A beach.", "tags": ["beach", "#beach", "Beach."]})
    outcome = await HANDLER.run(PAYLOAD, made.tools)
    assert outcome.result["tags"] == ["beach"]


@pytest.mark.parametrize(
    "answer",
    [
        {"description": " \u200b ", "tags": ["beach", "dusk", "sea"]},
        {"description": "A beach.", "tags": ["#", "!", " "]},
    ],
)
async def test_unusable_answer_is_another_try(answer: dict[str, object]) -> None:
    """No description, or no tag, is an invalid answer."""
    with pytest.raises(Retryable) as caught:
        await HANDLER.run(PAYLOAD, bench(answer, answer).tools)
    assert caught.value.reason is FailureReason.INVALID_ANSWER


async def test_unusable_picture_is_refused_before_the_model_is_asked() -> None:
    """What the image folder says about a picture is passed on."""
    complaint = Reject(FailureReason.INVALID_IMAGE, "no such picture")
    made = Bench(ScriptedLLM([]), images=FixedImages(complaint))
    with pytest.raises(Reject) as caught:
        await HANDLER.run(PAYLOAD, made.tools)
    assert caught.value is complaint
    assert made.llm.requests == []


async def test_only_tags_of_the_list() -> None:
    """The list stands before the request, and only what is in it is given."""
    made = bench({"description": "A beach.", "tags": ["SEA", "hacked"]})
    payload = PAYLOAD.model_copy(update={"vocabulary": ("sea", "food")})
    outcome = await HANDLER.run(payload, made.tools)
    assert outcome.result["tags"] == ["sea"]
    assert made.said.index("food\nsea") < made.said.index("Describe")


async def test_description_is_words_only() -> None:
    """No link, no picture, no tag of HTML."""
    said = "A [beach](https://evil.example) ![](https://evil.example/p.png?x=1) <b>at</b> dusk."
    outcome = await HANDLER.run(PAYLOAD, bench({"description": said, "tags": ["sea"]}).tools)
    assert outcome.result["description"] == "A beach at dusk."
