"""A chat completion as bytes: the body that is sent, and what is believed of the reply.

Written and read here and not by the SDK, which walks every node of both on every call. Every
server that calls itself compatible has its own idea of the reply: what is missing or of another
type is an answer to ask for again, never a crash.
"""

import json
from base64 import b64encode
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from shared.enums import FailureReason
from worker.errors import Reject, Retryable
from worker.llm.chat import ChatRequest, Completion, Prompt

TEMPERATURE = 0.1
"""Close to repeatable, and yet not stuck with the same bad answer when asked again."""

R = TypeVar("R", bound=BaseModel)


def request_body(request: ChatRequest, model: str) -> bytes:
    """The JSON of `POST /chat/completions`.

    `max_tokens` is the older name of that limit, and the one that every server knows.
    """
    return json.dumps(
        {
            "model": model,
            "messages": [
                {"role": "system", "content": request.prompt.system},
                {"role": "user", "content": _user_content(request.prompt)},
            ],
            "temperature": TEMPERATURE,
            "max_tokens": request.max_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": request.schema_name,
                    "schema": request.schema,
                    "strict": True,
                },
            },
        },
        separators=(",", ":"),
    ).encode()


def read_completion(raw: bytes) -> Completion:
    """Read the reply to `request_body`.

    Raises:
        Retryable: it is no chat completion, or there is nothing in it.
        Reject: the model says that it refuses.
    """
    reply = _read(_Reply, raw)
    choice = reply.choices[0]
    if choice.message.refusal:
        raise Reject(FailureReason.MODEL_REFUSED, "the model refused to answer")
    finish_reason = choice.finish_reason or ""
    if choice.message.content is None and finish_reason == "stop":
        raise Retryable("the model server sent no content")
    return Completion(
        choice.message.content or "",
        finish_reason,
        reply.usage.prompt_tokens,
        reply.usage.completion_tokens,
    )


def read_models(raw: bytes) -> list[str]:
    """Read the ids in the reply to `GET /models`.

    Raises:
        Retryable: it is no list of models.
    """
    return [model.id for model in _read(_Models, raw).data]


def _user_content(prompt: Prompt) -> str | list[dict[str, Any]]:
    if prompt.image is None:
        return prompt.user
    encoded = b64encode(prompt.image.data).decode()
    url = f"data:{prompt.image.media_type};base64,{encoded}"
    # The text first: it is the same for every picture, so its prefix stays in the server's cache.
    return [
        {"type": "text", "text": prompt.user},
        {"type": "image_url", "image_url": {"url": url}},
    ]


def _read(shape: type[R], raw: bytes) -> R:
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        item = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, item["loc"])) or "body"
        raise Retryable(
            f"the model server's reply cannot be read: {where}: {item['msg']:.100}"
        ) from None


def _count(value: object) -> int:
    """A count of tokens; they are only for statistics, so an odd one costs no answer."""
    return value if type(value) is int and value >= 0 else 0


def _object_or_nothing(value: object) -> object:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- pydantic reads it next


_Count = Annotated[int, BeforeValidator(_count)]


class _Usage(BaseModel):
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Reply(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Annotated[_Usage, BeforeValidator(_object_or_nothing)] = _Usage()


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]
