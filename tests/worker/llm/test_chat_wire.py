"""The bytes of a chat completion, out and in."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.enums import FailureReason
from worker.errors import Reject, Retryable
from worker.llm.chat import ChatRequest, Completion, PreparedImage, Prompt
from worker.llm.chat_wire import ModelCard, read_completion, read_models, request_body
from worker.llm.providers import PROVIDERS
from worker.llm_config import ProviderName, StructureName

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def _reply(**changes: Any) -> bytes:
    choice = {"message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    return json.dumps({"id": "x", "choices": [choice], "usage": usage} | changes).encode()


def _body(
    request: ChatRequest,
    model: str = "m",
    provider: ProviderName = ProviderName.VLLM,
    structure: StructureName = StructureName.JSON_SCHEMA,
) -> dict[str, Any]:
    return json.loads(request_body(request, model, PROVIDERS[provider], structure))


def _choice(message: Any, finish_reason: Any = "stop") -> bytes:
    return _reply(choices=[{"message": message, "finish_reason": finish_reason}])


def test_a_text_request() -> None:
    """Everything a compatible server needs and nothing it may not know."""
    request = ChatRequest(Prompt("be brief", "größe?"), "tags", SCHEMA, 100, 60.0)
    assert _body(request, "mistral") == {
        "model": "mistral",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "größe?"},
        ],
        "temperature": 0.1,
        "max_tokens": 100,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "tags", "schema": SCHEMA, "strict": True},
        },
    }


def test_a_priority_is_said_only_where_there_is_one() -> None:
    """0 is what a request has that says nothing."""
    request = ChatRequest(Prompt("s", "u"), "tags", SCHEMA, 100, 60.0)
    assert "priority" not in _body(request)
    assert _body(replace(request, priority=7))["priority"] == 7


def test_a_picture_comes_after_the_text() -> None:
    """The constant text leads, the picture follows as a data address."""
    image = PreparedImage(b"\x00\xff", "image/png", 1, 1)
    request = ChatRequest(Prompt("s", "what is this?", image), "tags", SCHEMA, 100, 60.0)
    user = _body(request, "llava")["messages"][1]
    assert user["content"] == [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AP8="}},
    ]


def test_a_good_reply() -> None:
    """Content, reason and tokens."""
    assert read_completion(_reply()) == Completion("{}", "stop", 7, 2)


@pytest.mark.parametrize(
    "usage",
    [None, [], "x", {}, {"prompt_tokens": None}, {"prompt_tokens": -1}, {"prompt_tokens": True}],
)
def test_odd_statistics_cost_no_answer(usage: object) -> None:
    """Tokens that cannot be read count as none."""
    assert read_completion(_reply(usage=usage)) == Completion("{}", "stop")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "body"),
        (b"<html><body>Welcome</body></html>", "body: Invalid JSON"),
        (b'{"choices": [', "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"null", "body"),
        (b"[]", "body"),
        (b'{"error": {"message": "busy"}}', "choices: Field required"),
        (_reply(choices=[]), "choices: List should have at least 1"),
        (_reply(choices=None), "choices"),
        (_reply(choices=[None]), "choices.0"),
        (_reply(choices=[{"finish_reason": "stop"}]), "choices.0.message"),
        (_choice({"content": 3}), "content"),
        (_choice({"content": "{}"}, 3), "finish_reason"),
        (b"[" * 100_000, "Invalid JSON"),
    ],
)
def test_what_is_no_reply_may_pass(raw: bytes, said: str) -> None:
    """A proxy's page, half a body or a wrong type fail this try only, with a reason."""
    with pytest.raises(Retryable, match=said):
        read_completion(raw)


def test_a_refusal_is_final() -> None:
    """The refusal's own words are not repeated: they may speak of private things."""
    with pytest.raises(Reject, match="refused") as caught:
        read_completion(_choice({"content": None, "refusal": "your secret plan"}))
    assert caught.value.reason is FailureReason.MODEL_REFUSED
    assert "secret" not in str(caught.value)


def test_thinking_that_used_up_all_tokens_is_a_length() -> None:
    """No content with `length` is passed on, so that the question is asked with more room."""
    assert read_completion(_choice({"content": None}, "length")).finish_reason == "length"


def test_reads_model_names() -> None:
    """The ids, in the server's order; anything else is a passing fault."""
    assert read_models(b'{"object": "list", "data": [{"id": "b"}, {"id": "a"}]}') == [
        ModelCard("b"),
        ModelCard("a"),
    ]
    with pytest.raises(Retryable, match="data"):
        read_models(b"{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "finish_reason", "refusal"]),
            x,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_reply_gives_a_completion_or_one_of_two_errors(value: object) -> None:
    """Nothing that a server sends escapes as another exception."""
    try:
        read_completion(json.dumps(value).encode())
    except (Retryable, Reject):
        return
