"""How much is shown of a text: what fits, once half of it, and never the same again."""

from dataclasses import dataclass, field, replace

import pytest
from pydantic import BaseModel

from shared.enums import FailureReason
from worker.errors import Reject
from worker.handlers.asking import ASSUMED_CONTEXT, LEAST_ROOM, Asking, as_said
from worker.handlers.wording import Wording
from worker.llm.causes import Cause
from worker.llm.chat import ChatRequest, Completion, ModelRole, PreparedImage, Usage
from worker.llm.structured import Asker, model_question
from worker.llm.tokens import estimate_tokens

WORDS = Wording("You answer yes or no.", "test/1")
TEXT = "The boat was seen near the pier. " * 4_000
TOO_LONG = Reject(FailureReason.MODEL_REFUSED, "too long", cause=Cause.CONTEXT_TOO_LONG)


class Yes(BaseModel):
    """What the model says."""

    yes: bool


QUESTION = model_question("yes", Yes, 64)


@dataclass
class Server:
    """A model that takes so many characters, whatever it says of itself."""

    context: int | None = None
    takes: int = 1_000_000
    users: list[str] = field(default_factory=list[str])

    async def complete(self, request: ChatRequest) -> Completion:
        """Yes, or too long."""
        self.users.append(request.prompt.user)
        if len(request.prompt.user) > self.takes:
            raise TOO_LONG
        return Completion('{"yes": true}', "stop", 10, 5)

    def context_tokens(self, role: ModelRole) -> int | None:
        """What it says of itself."""
        del role
        return self.context


def _asking(server: Server) -> Asking[Yes, Yes]:
    return Asking(Asker(server, Usage(), "t"), QUESTION, WORDS, as_said)


def _say(text: str) -> str:
    return f"The text:\n{text}"


@pytest.mark.parametrize("context", [None, 2_048, 8_192, 131_072])
async def test_prompt_fits_the_model(context: int | None) -> None:
    """Words, text and answer together; the text is shortened only where it must be."""
    server = Server(context)
    asked = await _asking(server).about((TEXT,), _say)
    size = estimate_tokens(WORDS.text + server.users[0]) + QUESTION.max_tokens
    assert size < (context or ASSUMED_CONTEXT)
    assert asked.cut == (context != 131_072)
    assert asked.cut == (len(server.users[0]) < len(TEXT))


async def test_short_text_is_shown_whole() -> None:
    """And the result does not say otherwise."""
    server = Server()
    asked = await _asking(server).about(("Hello.",), _say)
    assert not asked.cut
    assert server.users == ["The text:\nHello."]


async def test_estimate_that_was_off_is_halved_once() -> None:
    """The second prompt is about half the first, and the result says that the text was cut."""
    server = Server(8_192, takes=12_000)
    asked = await _asking(server).about((TEXT,), _say)
    first, second = server.users
    assert asked.cut
    assert len(second) < 0.6 * len(first)


async def test_short_text_that_is_too_long_is_halved_too() -> None:
    """A text that fits by the estimate is not sent again as it was."""
    text = TEXT[:3_000]
    server = Server(8_192, takes=2_000)
    asked = await _asking(server).about((text,), _say)
    assert asked.cut
    assert [len(user) < len(text) for user in server.users] == [False, True]


@pytest.mark.parametrize(("text", "calls"), [(TEXT, 2), ("Hello.", 1)])
async def test_still_too_long_is_the_servers_last_word(text: str, calls: int) -> None:
    """Twice at most; and a text of two words cannot be halved."""
    server = Server(8_192, takes=0)
    with pytest.raises(Reject) as caught:
        await _asking(server).about((text,), _say)
    assert caught.value is TOO_LONG
    assert len(server.users) == calls


async def test_other_refusals_are_not_asked_again() -> None:
    """Only a prompt that is too long gets shorter."""
    refused = Reject(FailureReason.MODEL_REFUSED, "no", cause=Cause.REFUSED)

    class Refusing(Server):
        """A model that will not."""

        async def complete(self, request: ChatRequest) -> Completion:
            """No."""
            self.users.append(request.prompt.user)
            raise refused

    server = Refusing(8_192)
    with pytest.raises(Reject) as caught:
        await _asking(server).about((TEXT,), _say)
    assert caught.value is refused
    assert len(server.users) == 1


def test_room_is_what_is_left() -> None:
    """Picture, schema, words and answer take their part; something is always shown."""
    asking = _asking(Server(8_192))
    picture = PreparedImage(b"", "image/jpeg", 1_000, 1_000)
    assert asking.room(picture) < asking.room() - 1_000
    wordy = replace(asking, wording=replace(WORDS, text=WORDS.text * 100))
    assert wordy.room() < asking.room() - 500
    assert _asking(Server(300)).room() == LEAST_ROOM
