"""One call to a model as it is kept in a file, and the key under which its reply is found again."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from worker.errors import JobError
from worker.llm.chat import ChatRequest, Completion, PreparedImage

# The random codes of `worker.untrusted.framing`: a job that is run again has others.
_OPENING = re.compile(r"^<<<(DATA|CALLER) \w+$", re.MULTILINE)
_CLOSING = re.compile(r"^(DATA|CALLER) \w+>>>$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RecordedImage:
    """The picture of a request; its bytes are in a file of their own, named by the digest."""

    digest: str
    media_type: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What was asked.

    Attributes:
        version: which wording of `system` it is, such as `text_tag/3`.
        context_tokens: what the server had said of its room, which long inputs are cut to.
    """

    role: str
    version: str
    system: str
    user: str
    image: RecordedImage | None
    schema_name: str
    answer_schema: dict[str, Any]
    max_tokens: int
    timeout_s: float
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """What came back."""

    text: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class RecordedError:
    """Why nothing came back.

    Attributes:
        kind: which of the four errors, such as `Retryable`.
        cause: a word of `worker.llm.causes`.
        after_s: seconds the server asked to wait.
    """

    kind: str
    cause: str
    message: str
    after_s: float | None = None
    raw_answer: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One call, answered or failed: there is a `reply` or an `error`.

    Attributes:
        at: when it began, as RFC 3339 in UTC.
        key: see `replay_key`.
        seconds: what it took.
    """

    at: str
    request_id: str
    key: str
    seconds: float
    request: RecordedRequest
    reply: RecordedReply | None = None
    error: RecordedError | None = None


_RECORD = TypeAdapter(Record)


def dump_record(record: Record) -> bytes:
    """A record as JSON for people; a stray surrogate is a `?`, as it was on its way to the server.

    May take milliseconds for a long prompt.
    """
    return json.dumps(asdict(record), ensure_ascii=False, indent=2).encode(errors="replace")


def load_record(raw: bytes) -> Record:
    """A record out of its file.

    Raises:
        ValueError: it is none.
    """
    return _RECORD.validate_json(raw)


def replay_key(system: str, user: str, image_digest: str, schema: Mapping[str, Any] | None) -> str:
    """The same for the same question, whichever random codes frame its texts.

    Args:
        system: the system prompt.
        user: the user message.
        image_digest: SHA-256 of the picture's bytes in hex; empty without one.
        schema: the JSON Schema of the answer.
    """
    parts = [_without_codes(system), _without_codes(user), image_digest, schema]
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode(errors="replace")).hexdigest()


def image_digest(image: PreparedImage | None) -> str:
    """SHA-256 of the picture's bytes in hex; empty without a picture."""
    return "" if image is None else image.digest or sha256(image.data).hexdigest()


def recorded_request(request: ChatRequest, context_tokens: int | None) -> RecordedRequest:
    """A request as it is kept."""
    prompt, image = request.prompt, request.prompt.image
    return RecordedRequest(
        role=str(prompt.role),
        version=prompt.version,
        system=prompt.system,
        user=prompt.user,
        image=image
        and RecordedImage(
            image_digest(image), image.media_type, image.width, image.height, len(image.data)
        ),
        schema_name=request.schema_name,
        answer_schema=request.schema,
        max_tokens=request.max_tokens,
        timeout_s=request.timeout_s,
        context_tokens=context_tokens,
    )


def recorded_reply(completion: Completion) -> RecordedReply:
    """A reply as it is kept."""
    return RecordedReply(**asdict(completion))


def recorded_error(error: JobError) -> RecordedError:
    """A failure as it is kept."""
    return RecordedError(
        kind=type(error).__name__,
        cause=error.cause,
        message=str(error),
        after_s=getattr(error, "after_s", None),
        raw_answer=getattr(error, "raw_answer", ""),
    )


def _without_codes(text: str) -> str:
    return _CLOSING.sub(r"\1>>>", _OPENING.sub(r"<<<\1", text))
