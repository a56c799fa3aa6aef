"""A chat completion request, read as strictly as vLLM reads it; what is wrong is a value."""

import math
from dataclasses import dataclass, replace

from pydantic import JsonValue

from worker.embedded.model_picture import Picture, read_data_uri

_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered, in the words and the shape of vLLM's error body."""

    status: int
    message: str
    kind: str = "BadRequestError"
    param: str | None = None

    def body(self) -> dict[str, JsonValue]:
        """The JSON body of the response."""
        error: dict[str, JsonValue] = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.status,
        }
        return {"error": error}


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A request that can be answered."""

    model: str
    user: str
    """The last user message's text."""
    pictures: tuple[Picture, ...]
    prompt_tokens: int
    max_tokens: int | None
    schema_name: str | None
    schema: dict[str, JsonValue] | None
    priority: int = 0
    """Lower comes first, where an engine goes by it."""
    ignore_eos: bool = False
    """The answer's time is that of `max_tokens` tokens."""


class _Malformed(Exception):
    """Carries a refusal from deep inside a body to `read_chat_call`."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.refusal = Refusal(400, message, param=param)


def count_tokens(text: str) -> int:
    """Tokens of a text: one for every four characters begun."""
    return math.ceil(len(text) / _CHARS_PER_TOKEN)


def cut_to_tokens(text: str, most: int) -> str:
    """The first `most` tokens of a text."""
    return text[: most * _CHARS_PER_TOKEN]


def read_chat_call(body: JsonValue, max_model_len: int) -> ChatCall | Refusal:
    """Read a request's body; `max_model_len` is the most tokens a prompt may have."""
    try:
        call = _read(body)
    except _Malformed as malformed:
        return malformed.refusal
    if call.prompt_tokens > max_model_len:
        return Refusal(
            400,
            f"This model's maximum context length is {max_model_len} tokens. However, your prompt "
            f"contains {call.prompt_tokens} tokens. Please reduce the length of the input prompt.",
            param="input_tokens",
        )
    return call


def _read(body: JsonValue) -> ChatCall:
    if not isinstance(body, dict):
        raise _Malformed("The body is not a JSON object.")
    if body.get("stream"):
        raise _Malformed("This stand-in does not stream.", "stream")
    if body.get("n") not in {None, 1}:
        raise _Malformed("This stand-in gives one choice.", "n")
    model = body.get("model")
    messages = body.get("messages")
    if not isinstance(model, str):
        raise _Malformed("'model' has to be a string.", "model")
    if not isinstance(messages, list) or not messages:
        raise _Malformed("'messages' has to be a list that is not empty.", "messages")
    user, pictures, chars = "", tuple[Picture, ...](), 0
    for message in messages:
        role, text, shown = _message(message)
        user = text if role == "user" else user
        pictures += shown
        chars += len(text)
    name, schema = _response_format(body.get("response_format"))
    tokens = math.ceil(chars / _CHARS_PER_TOKEN) + sum(picture.tokens for picture in pictures)
    call = ChatCall(model, user, pictures, tokens, _max_tokens(body), name, schema)
    return replace(call, priority=_priority(body), ignore_eos=body.get("ignore_eos") is True)


def _message(message: JsonValue) -> tuple[str, str, tuple[Picture, ...]]:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(role, str):
        raise _Malformed("A message has to be an object with a role.", "messages")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return role, content or "", ()
    if not isinstance(content, list):
        raise _Malformed("A message's content has to be text or a list of parts.", "messages")
    texts: list[str] = []
    pictures: list[Picture] = []
    for part in content:
        read = _part(part)
        if isinstance(read, str):
            texts.append(read)
        else:
            pictures.append(read)
    return role, "\n".join(texts), tuple(pictures)


def _part(part: JsonValue) -> str | Picture:
    if not isinstance(part, dict):
        raise _Malformed("A part of a message's content has to be an object.", "messages")
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "image_url", "image_url": {"url": str(uri)}}:
            if not uri.startswith("data:"):
                raise _Malformed("This stand-in takes pictures as data URIs only.", "messages")
            picture = read_data_uri(uri)
            if picture is None:
                raise _Malformed("Failed to load image: cannot identify image file.", "messages")
            return picture
        case _:
            raise _Malformed(f"Unknown part type: {part.get('type')!r:.80}", "messages")


def _max_tokens(body: dict[str, JsonValue]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if limit is None:
            continue
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise _Malformed(f"{name} must be at least 1, got {limit!r:.80}.", name)
        return limit
    return None


def _priority(body: dict[str, JsonValue]) -> int:
    priority = body.get("priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise _Malformed("'priority' has to be an integer.", "priority")
    return priority


def _response_format(wanted: JsonValue) -> tuple[str | None, dict[str, JsonValue] | None]:
    match wanted:
        case None | {"type": "text"}:
            return None, None
        case {"type": "json_object"}:
            return None, {"type": "object"}
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema)}}:
            return name, schema
        case _:
            raise _Malformed("The response format cannot be understood.", "response_format")
