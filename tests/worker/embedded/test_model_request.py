"""Requests read as vLLM reads them."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from worker.embedded.model_request import (
    ChatCall,
    Refusal,
    count_tokens,
    cut_to_tokens,
    read_chat_call,
)


def body(**changes: Any) -> dict[str, Any]:
    """A small request."""
    return {"model": "mistral", "messages": [{"role": "user", "content": "hello"}], **changes}


def parts(*content: dict[str, Any]) -> dict[str, Any]:
    """A request whose one message has parts."""
    return body(messages=[{"role": "user", "content": list(content)}])


def test_call_is_read() -> None:
    """The last user message, the limits and the schema."""
    call = read_chat_call(
        body(
            messages=[
                {"role": "system", "content": "x" * 8},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": None},
                {"role": "user", "content": "last"},
            ],
            max_tokens=9,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "intent", "schema": {"type": "object"}},
            },
        ),
        100,
    )
    assert call == ChatCall("mistral", "last", (), 5, 9, "intent", {"type": "object"})


def test_picture_is_read() -> None:
    """A data URI becomes a picture and costs its tokens."""
    out = io.BytesIO()
    Image.new("RGB", (56, 28), "red").save(out, "PNG")
    uri = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    call = read_chat_call(
        parts({"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": uri}}),
        100,
    )
    assert isinstance(call, ChatCall)
    assert call.pictures[0].width == 56
    assert call.prompt_tokens == 3


def test_too_long_prompt_is_refused_in_vllms_words() -> None:
    """The sentence and the param that clients go by."""
    refusal = read_chat_call(body(messages=[{"role": "user", "content": "x" * 404}]), 100)
    assert isinstance(refusal, Refusal)
    assert refusal.body() == {
        "error": {
            "message": "This model's maximum context length is 100 tokens. However, your prompt "
            "contains 101 tokens. Please reduce the length of the input prompt.",
            "type": "BadRequestError",
            "param": "input_tokens",
            "code": 400,
        }
    }


@pytest.mark.parametrize(
    "malformed",
    [
        [],
        {"model": "mistral"},
        body(model=7),
        body(messages=[]),
        body(messages=["hello"]),
        body(messages=[{"role": "user", "content": 7}]),
        body(stream=True),
        body(n=2),
        body(max_tokens=0),
        body(max_completion_tokens="many"),
        body(response_format={"type": "json_schema"}),
        body(response_format={"type": "grammar"}),
        parts({"type": "audio"}),
        parts({"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}),
        parts({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}),
    ],
)
def test_malformed_body(malformed: Any) -> None:
    """What cannot be understood is a 400, never an exception."""
    refusal = read_chat_call(malformed, 100)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


def test_tokens_are_four_characters() -> None:
    """A begun token counts; cutting gives no more than was asked for."""
    assert count_tokens("") == 0
    assert count_tokens("abcde") == 2
    assert cut_to_tokens("abcdefghij", 2) == "abcdefgh"
