"""From HTTP to values and back: bodies, queries, ids in paths, and refusals as JSON."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from shared.schemas import RecordId
from worker.embedded.core_ledger import Answer, Call, Refused, to_json

B = TypeVar("B", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_RECORD_ID: TypeAdapter[str] = TypeAdapter(RecordId)
_SHOWN_ERRORS = 3


async def read_body(request: web.Request, model: type[B]) -> B:
    """The request's JSON body.

    Raises:
        Refused: 400, it is not JSON; 422, it does not fit.
        aiohttp.web.HTTPRequestEntityTooLarge: it is larger than the application allows.
    """
    raw = await request.read()
    try:
        from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    try:
        return model.model_validate_json(raw)  # as JSON: a plain date stays a date there
    except ValidationError as error:
        raise Refused(422, explain(error)) from None


def read_query(request: web.Request, model: type[B]) -> B:
    """The request's query string.

    Raises:
        Refused: 422.
    """
    return validate(model, dict(request.query))


def read_id(request: web.Request) -> str:
    """The record id in the request's path.

    Raises:
        Refused: 422, it can be nobody's id.
    """
    try:
        return _RECORD_ID.validate_python(request.match_info["id"])
    except ValidationError as error:
        raise Refused(422, explain(error, "id")) from None


def read_call(request: web.Request) -> Call:
    """What tells this request from others, and makes its retries the same."""
    return Call(request.headers.get("Idempotency-Key", ""), request.method, request.path)


def validate(model: type[B], value: Any, at: str = "") -> B:
    """A value held against a model; `at` says where in the request it stood.

    Raises:
        Refused: 422, with the reasons.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Refused(422, explain(error, at)) from None


def explain(error: ValidationError, at: str = "") -> str:
    """What is wrong, for a person: `payload.content: Field required; …`."""
    lines: list[str] = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in (at, *item["loc"]) if part != "")
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {message}" if where else message)
    more = len(lines) - _SHOWN_ERRORS
    return "; ".join(lines[:_SHOWN_ERRORS]) + (f"; and {more} more" if more > 0 else "")


def respond(answer: Answer) -> web.Response:
    """An answer as a response; a replayed one says so in its headers."""
    response = respond_json_text(answer.body, answer.status)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def respond_json(value: Any, status: int = 200) -> web.Response:
    """A record as a response."""
    return respond_json_text(to_json(value), status)


def respond_json_text(text: str, status: int) -> web.Response:
    """JSON text as a response."""
    return web.Response(text=text, status=status, content_type="application/json")


@web.middleware
async def refusals_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer `{"detail": reason}` for whatever is refused, by us or by aiohttp."""
    try:
        return await handler(request)
    except Refused as refused:
        return respond_json({"detail": refused.detail}, refused.status)
    except OverflowError:  # a whole number that SQLite has no room for
        return respond_json({"detail": "a whole number may have 63 bits"}, 422)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        too_large = isinstance(error, web.HTTPRequestEntityTooLarge)
        detail = error.text if too_large else error.reason
        response = respond_json({"detail": detail}, error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
