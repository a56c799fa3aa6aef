"""Recorded calls, given again: what `RECORD_LLM_RESPONSES` wrote, in the stand-in's mouth.

A request is known by its prompt, its picture and its schema. Where it was recorded more than once
its replies come in the order they came then, and the last of them stays. A failure is made again
as the client saw it: its status, its silence, its broken connection.
"""

import asyncio
import base64
import binascii
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from pathlib import Path

from aiohttp import web
from pydantic import JsonValue

from worker.llm.causes import Cause
from worker.llm.client import MAX_REPLY_BYTES
from worker.llm.records import Record, RecordedError, RecordedReply, load_record, replay_key

_NOT_ASKED = frozenset({Cause.BREAKER_OPEN, Cause.BUDGET_SPENT, ""})
"""No server had a part in these."""
_FINISH_REASONS: dict[str, str] = {
    Cause.TRUNCATED: "length",
    Cause.REPETITION: "repetition",
    Cause.ABORTED: "abort",
}


class Replay:
    """Recorded calls to be given again.

    Args:
        records: in the order of their calls; those that no server was asked for are left out.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        asked = [r for r in records if r.error is None or r.error.cause not in _NOT_ASKED]
        contexts = [r.request.context_tokens for r in asked if r.request.context_tokens is not None]
        self.max_model_len = max(contexts, default=None)
        """The room that the recorded server told of; long inputs are cut to it."""
        self._left: defaultdict[str, deque[Record]] = defaultdict(deque)
        for record in asked:
            self._left[record.key].append(record)

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def take(self, body: dict[str, JsonValue]) -> Record | None:
        """What came of this request the next time it was recorded; None if it never was."""
        left = self._left.get(request_key(body))
        if not left:
            return None
        return left[0] if len(left) == 1 else left.popleft()


def load_replay(folder: Path) -> Replay:
    """The recorded calls in a folder.

    Raises:
        ValueError: it holds none, or a file is none; one sentence for a person.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ValueError(f"no recorded call in {folder}")
    return Replay(map(_load, files))


def request_key(body: dict[str, JsonValue]) -> str:
    """The key of a request's body, as the recorder made it."""
    said: dict[str, str] = {}
    digest = ""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        match message:
            case {"role": str(role), "content": str(text)}:
                said[role] = text
            case {"role": str(role), "content": list(parts)}:
                said[role] = "\n".join(filter(None, map(_text, parts)))
                digest = "".join([_picture(part) for part in parts][-1:])
            case _:
                pass
    match body.get("response_format"):
        case {"json_schema": {"schema": dict(schema)}}:
            wanted = schema
        case _:
            wanted = None
    return replay_key(said.get("system", ""), said.get("user", ""), digest, wanted)


def replied(reply: RecordedReply) -> dict[str, JsonValue]:
    """The body of a completion as it was recorded, less its id."""
    return _completion(
        {"role": "assistant", "content": reply.text},
        reply.finish_reason,
        {
            "prompt_tokens": reply.tokens_in,
            "completion_tokens": reply.tokens_out,
            "total_tokens": reply.tokens_in + reply.tokens_out,
            "prompt_tokens_details": {"cached_tokens": reply.tokens_cached},
        },
    )


async def fail_again(error: RecordedError, request: web.Request) -> web.StreamResponse:
    """Do to the client what was done to it then."""
    again = _AGAIN.get(error.cause)
    if again is not None:
        return await again(error, request)
    status = error.cause.removeprefix("http_")
    if status != error.cause and status.isdecimal():
        return _error(error, int(status))
    reason = _FINISH_REASONS.get(error.cause, "stop")  # seen in the reply by the client
    message: dict[str, JsonValue] = {"role": "assistant", "content": error.raw_answer}
    return web.json_response(_completion(message, reason, {}))


def _load(file: Path) -> Record:
    try:
        return load_record(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is no recorded call: {type(error).__name__}") from None


def _text(part: JsonValue) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case _:
            return ""


def _picture(part: JsonValue) -> str:
    match part:
        case {"type": "image_url", "image_url": {"url": str(uri)}}:
            try:
                return sha256(base64.b64decode(uri.partition(",")[2], validate=True)).hexdigest()
            except binascii.Error:
                return ""
        case _:
            return ""


def _completion(
    message: dict[str, JsonValue], reason: str, usage: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    return {
        "id": "chatcmpl-replayed",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage,
    }


# ---------------------------------------------------------------------------------- failures


def _error(error: RecordedError, status: int, param: str | None = None) -> web.Response:
    headers = {} if error.after_s is None else {"Retry-After": f"{error.after_s:g}"}
    body = {"error": {"message": error.message, "type": "Recorded", "param": param}}
    return web.json_response(body, status=status, headers=headers)


async def _too_long(error: RecordedError, _request: web.Request) -> web.StreamResponse:
    return _error(error, 400, "input_tokens")


async def _unknown_model(error: RecordedError, _request: web.Request) -> web.StreamResponse:
    return _error(error, 404, "model")


async def _refused(error: RecordedError, _request: web.Request) -> web.StreamResponse:
    message: dict[str, JsonValue] = {"role": "assistant", "refusal": error.message or "No."}
    return web.json_response(_completion(message, "stop", {}))


async def _unreadable(_error: RecordedError, _request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Not the model</html>", content_type="text/html")


async def _oversized(_error: RecordedError, _request: web.Request) -> web.StreamResponse:
    return web.Response(body=b" " * (MAX_REPLY_BYTES + 1), content_type="application/json")


async def _silent(_error: RecordedError, _request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()  # until the client goes away, which cancels us
    raise web.HTTPGatewayTimeout


async def _dropped(_error: RecordedError, request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # nobody gets it


async def _broken_off(_error: RecordedError, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices":')
    if request.transport is not None:
        request.transport.close()
    return response


_AGAIN: dict[str, Callable[[RecordedError, web.Request], Awaitable[web.StreamResponse]]] = {
    Cause.CONTEXT_TOO_LONG: _too_long,
    Cause.UNKNOWN_MODEL: _unknown_model,
    Cause.REFUSED: _refused,
    Cause.UNREADABLE_REPLY: _unreadable,
    Cause.OVERSIZED_REPLY: _oversized,
    Cause.TIMEOUT: _silent,
    Cause.CONNECTION_ERROR: _dropped,
    Cause.BROKEN_REPLY: _broken_off,
}
