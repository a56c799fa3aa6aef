"""Questions about texts of any length: as much is shown as the model can take, and never silently.

How much that is, is an estimate. When the server still says that a prompt is too long, the question
is asked once more with half the text, never again as it was. So a question about a text, or a pass
over its parts, costs `TIMES_ASKED` times what it costs otherwise:

    a short answer      CALLS_PER_ASK x TIMES_ASKED                          4 calls at most
    a text in parts     CALLS_PER_ASK x TIMES_ASKED x MOST_PARTS            32 calls at most
    and brought together, by `extract`                                       4 calls more
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from worker.errors import Reject
from worker.handlers.wording import Wording
from worker.llm.aside import aside
from worker.llm.causes import Cause
from worker.llm.chat import ModelRole, PreparedImage
from worker.llm.structured import Asker, Question
from worker.llm.tokens import estimate_tokens, picture_tokens
from worker.untrusted.framing import INLINE_CHARS
from worker.untrusted.trimming import shared_out

T = TypeVar("T")
R = TypeVar("R")
P = TypeVar("P")

TIMES_ASKED = 2
ASSUMED_CONTEXT = 8_192
"""Tokens of a model that does not say; few servers have less, and some cut prompts silently."""
LEAST_ROOM = 128
"""So much of a text is shown whatever the estimate says; if it is too much, the server objects."""
_MARGIN_TOKENS = 256
"""For the server's own words around a prompt, and the note that is added when it asks again."""
_MARGIN_SHARE = 16


@dataclass(frozen=True, slots=True)
class Asked(Generic[R]):
    """An answer, and whether the model saw only some of the text."""

    value: R
    cut: bool


@dataclass(frozen=True, slots=True)
class Asking(Generic[T, R]):
    """A question with its constant words and what is made of its answers.

    Attributes:
        check: as `Asker` takes it.
    """

    ask: Asker
    question: Question[T]
    wording: Wording
    check: Callable[[T], R]

    async def __call__(self, user: str, image: PreparedImage | None = None) -> R:
        """Ask, with this as the part of the prompt that varies."""
        return await self.ask(self.question, self.wording.prompt(user, image), self.check)

    def room(self, image: PreparedImage | None = None) -> int:
        """Tokens that the user's part of the prompt may have, rather too few than too many.

        Some servers get the schema as a part of the prompt, so it counts.
        """
        role = ModelRole.TEXT if image is None else ModelRole.VISION
        context = self.ask.llm.context_tokens(role) or ASSUMED_CONTEXT
        answer = min(self.question.max_tokens, context // 4)
        fixed = self.wording.tokens + self.question.schema_tokens
        picture = 0 if image is None else picture_tokens(image)
        margin = _MARGIN_TOKENS + context // _MARGIN_SHARE
        return max(context - answer - fixed - picture - margin, LEAST_ROOM)

    async def about(
        self,
        texts: tuple[str, ...],
        say: Callable[..., str],
        image: PreparedImage | None = None,
    ) -> Asked[R]:
        """Ask about texts, each shortened in its middle if they do not fit together.

        Args:
            texts: as they are shown, without their frames.
            say: makes the user's part of the prompt from the texts, shortened or not.
            image: the picture, if there is one.
        """
        around = estimate_tokens(say(*("" for _ in texts)))
        needed = sum(map(estimate_tokens, texts))

        async def with_room(room: int) -> Asked[R]:
            fitting = list(texts)
            if needed > room:
                fitting = await beside(sum(map(len, texts)), partial(shared_out, texts, room))
            return Asked(await self(say(*fitting), image), fitting != list(texts))

        return await or_with_half(self.room(image) - around, needed, with_room)


async def or_with_half(room: int, needed: int, ask: Callable[[int], Awaitable[P]]) -> P:
    """Do it with the room there should be; with half of that if the server says it is too long.

    Args:
        room: tokens there are for the text.
        needed: tokens the text would take.
        ask: asks with a text of no more than so many tokens.

    Raises:
        Reject: the prompt is too long with half the text, too, or there is nothing to halve.
    """
    room = max(room, LEAST_ROOM)
    try:
        return await ask(room)
    except Reject as error:
        half = min(room, needed) // 2
        if error.cause != Cause.CONTEXT_TOO_LONG or half < LEAST_ROOM // 2:
            raise
    return await ask(half)


async def beside(size: int, work: Callable[[], P]) -> P:
    """Do it now, or beside the event loop where so many characters may take a while."""
    return work() if size <= INLINE_CHARS else await aside(work)


def as_said(value: T) -> T:
    """The check of a question whose answers need none."""
    return value
