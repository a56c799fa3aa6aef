"""A chat completion as bytes: the body that is sent, and what is believed of the reply.

Written and read here and not by the SDK, which walks every node of both on every call. Every
server that calls itself compatible has its own idea of the reply: what is missing or of another
type is an answer to ask for again, never a crash.
"""

from base64 import b64encode
from dataclasses import dataclass
from json import dumps
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from worker.llm.causes import Cause, job_error
from worker.llm.chat import ChatRequest, Completion, PreparedImage, Prompt
from worker.llm.providers import Provider
from worker.llm.structure_wire import Shape, shape_of
from worker.llm_config import StructureName

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model that a server says it has.

    Attributes:
        context_tokens: what prompt and answer may have together, where the server says so.
    """

    name: str
    context_tokens: int | None = None


def request_body(
    request: ChatRequest, model: str, provider: Provider, structure: StructureName
) -> bytes:
    """The JSON of `POST /chat/completions`."""
    shape = shape_of(request, provider, structure)
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": _system(request.prompt, shape)},
            {"role": "user", "content": _user_content(request.prompt, provider)},
        ],
        provider.tokens_field: request.max_tokens,
        **provider.extra,
    }
    if provider.temperature is not None:
        body["temperature"] = provider.temperature
    if request.priority:
        body["priority"] = request.priority
    head = _json(body)
    # The schema's JSON is the same for every call of a job type and is joined on as it is.
    return b"%b,%b}" % (head[:-1], shape.fields.encode()) if shape.fields else head


def read_completion(raw: bytes) -> Completion:
    """Read the reply to `request_body`.

    Raises:
        Retryable: it is no chat completion.
        Reject: the model says that it refuses.
    """
    reply = _read(_Reply, raw)
    choice = reply.choices[0]
    if choice.message.refusal:
        raise job_error(Cause.REFUSED, "the model refused to answer")
    text, finish = choice.message.content or "", choice.finish_reason or ""
    if choice.message.tool_calls:
        # A forced tool call is the answer; whatever the model said beside it is not.
        text = choice.message.tool_calls[0].function.arguments
        finish = "stop" if finish == "tool_calls" else finish
    usage = reply.usage
    cached = usage.prompt_tokens_details.cached_tokens
    return Completion(text, finish, usage.prompt_tokens, usage.completion_tokens, cached)


def read_models(raw: bytes) -> list[ModelCard]:
    """Read the reply to `GET /models`.

    Raises:
        Retryable: it is no list of models.
    """
    found = _read(_Models, raw).data
    return [ModelCard(model.id.removeprefix("models/"), model.context) for model in found]


def _json(value: object) -> bytes:
    try:
        return to_json(value)
    except PydanticSerializationError:  # half of a surrogate pair, which no UTF-8 can hold
        return dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def _system(prompt: Prompt, shape: Shape) -> str:
    return f"{prompt.system}\n\n{shape.words}" if shape.words else prompt.system


def _user_content(prompt: Prompt, provider: Provider) -> str | list[dict[str, Any]]:
    if prompt.image is None:
        return prompt.user
    # The text first: it is the same for every picture, so its prefix stays in the server's cache.
    return [{"type": "text", "text": prompt.user}, _picture(prompt.image, provider)]


def _picture(image: PreparedImage, provider: Provider) -> dict[str, Any]:
    url = f"data:{image.media_type};base64,{b64encode(image.data).decode()}"
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}}
    if provider.image_ids and image.digest:
        part["uuid"] = image.digest
    return part


def _read(shape: type[R], raw: bytes) -> R:
    try:
        return shape.model_validate_json(raw)
    except ValidationError as error:
        item = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, item["loc"])) or "body"
        raise job_error(
            Cause.UNREADABLE_REPLY,
            f"the model server's reply cannot be read: {where}: {item['msg']:.100}",
        ) from None


def _count(value: object) -> int:
    """A count of tokens; they are only for statistics, so an odd one costs no answer."""
    return value if type(value) is int and value >= 0 else 0


def _object_or_nothing(value: object) -> object:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- pydantic reads it next


def _list_or_nothing(value: object) -> object:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType] -- pydantic reads it next


def _size(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


_Count = Annotated[int, BeforeValidator(_count)]


class _Part(BaseModel):
    # Frozen, so that a default is given as it is; others are copied deeply each time.
    model_config = ConfigDict(frozen=True)


class _Details(_Part):
    cached_tokens: _Count = 0


class _Usage(_Part):
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    prompt_tokens_details: Annotated[_Details, BeforeValidator(_object_or_nothing)] = _Details()


class _Function(_Part):
    arguments: str


class _ToolCall(_Part):
    function: _Function


class _Message(_Part):
    content: str | None = None
    refusal: str | None = None
    tool_calls: Annotated[tuple[_ToolCall, ...], BeforeValidator(_list_or_nothing)] = ()


class _Choice(_Part):
    message: _Message
    finish_reason: str | None = None


class _Reply(_Part):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Annotated[_Usage, BeforeValidator(_object_or_nothing)] = _Usage()


class _Model(_Part):
    id: str
    context: Annotated[int | None, BeforeValidator(_size)] = Field(
        None, validation_alias=AliasChoices("max_model_len", "context_length", "context_window")
    )


class _Models(_Part):
    data: list[_Model]
