"""How a request asks for the shape of its answer, by every way there is."""

import json
from typing import Any

import pytest

from worker.handlers import text_tag
from worker.llm.chat import ChatRequest, Prompt
from worker.llm.chat_wire import request_body
from worker.llm.providers import PROVIDERS
from worker.llm.structure_wire import is_strict, shape_of
from worker.llm_config import ProviderName, StructureName

STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {"maxLength": {"type": "string", "maxLength": 9}},
    "required": ["maxLength"],
    "additionalProperties": False,
}


def _request(schema: dict[str, Any]) -> ChatRequest:
    return ChatRequest(Prompt("be brief", "x"), "tags", schema, 100, 60.0)


def _sent(
    provider: ProviderName, structure: StructureName, schema: dict[str, Any] = STRICT
) -> dict[str, Any]:
    return json.loads(request_body(_request(schema), "m", PROVIDERS[provider], structure))


def test_a_schema() -> None:
    """The whole schema, as it is."""
    body = _sent(ProviderName.VLLM, StructureName.JSON_SCHEMA)
    described = {"name": "tags", "schema": STRICT, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": described}
    assert body["messages"][0]["content"] == "be brief"


def test_a_forced_tool_call() -> None:
    """The schema is the tool's parameters, and the tool has to be called."""
    body = _sent(ProviderName.ANTHROPIC, StructureName.TOOL)
    assert body["tools"][0]["function"]["parameters"] == STRICT
    assert body["tool_choice"] == {"type": "function", "function": {"name": "tags"}}
    assert "response_format" not in body


@pytest.mark.parametrize(
    ("structure", "asked"),
    [(StructureName.JSON_OBJECT, {"type": "json_object"}), (StructureName.PROMPT, None)],
)
def test_in_words(structure: StructureName, asked: dict[str, str] | None) -> None:
    """Where nothing holds a schema, the model is told of it; the constant part stays in front."""
    body = _sent(ProviderName.OLLAMA, structure)
    assert body.get("response_format") == asked
    told = body["messages"][0]["content"]
    assert told.startswith("be brief\n\n")
    assert json.loads(told.rpartition("\n")[2]) == STRICT


def test_keywords_that_are_refused_stay_away() -> None:
    """Only as keywords: a property of that name is one like any other."""
    body = _sent(ProviderName.OPENAI, StructureName.JSON_SCHEMA)
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == {"maxLength": {"type": "string"}}


def test_json_object_can_be_no_list() -> None:
    """A caller's list is asked for in words alone, where the way to ask allows objects only."""
    body = _sent(ProviderName.OLLAMA, StructureName.JSON_OBJECT, {"type": "array"})
    assert "response_format" not in body
    assert '{"type":"array"}' in body["messages"][0]["content"]


def test_a_schema_beside_json_object() -> None:
    """One server's own way; a bound that its grammar would not survive is left to pydantic."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 20_000}}}
    body = _sent(ProviderName.LLAMA_CPP, StructureName.JSON_OBJECT, schema)
    wanted = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert body["response_format"] == {"type": "json_object", "schema": wanted}


@pytest.mark.parametrize(
    "schema",
    [{"enum": ['say "hi"']}, {"properties": {"a\\b": {}}}, {"pattern": "^x$"}, {"const": "a\nb"}],
)
def test_what_would_break_a_grammar_is_put_into_words(schema: dict[str, Any]) -> None:
    """A server that falls over a schema takes everybody's jobs with it."""
    body = _sent(ProviderName.LLAMA_CPP, StructureName.JSON_OBJECT, {"type": "object"} | schema)
    assert "response_format" not in body
    assert "JSON Schema" in body["messages"][0]["content"]


@pytest.mark.parametrize("provider", ProviderName)
def test_every_preset_makes_a_body(provider: ProviderName) -> None:
    """Its own name of the limit, its own fields, its own way."""
    preset = PROVIDERS[provider]
    body = _sent(provider, preset.structure)
    assert body[preset.tokens_field] == 100
    assert body.get("temperature") == preset.temperature
    assert {key: body[key] for key in preset.extra} == dict(preset.extra)


def test_a_callers_schema_is_not_called_strict() -> None:
    """Servers with a strict mode refuse it for schemas with optional fields."""
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = _sent(ProviderName.OPENAI, StructureName.JSON_SCHEMA, loose)
    assert body["response_format"]["json_schema"]["strict"] is False
    assert not is_strict({"type": "array", "items": {"type": "object"}})
    assert is_strict(text_tag.QUESTION.schema)


def test_a_schema_is_written_once() -> None:
    """The same object gives the same text; one that is equal but another does not share it."""
    request = _request(STRICT)
    preset = PROVIDERS[ProviderName.VLLM]
    first = shape_of(request, preset, StructureName.JSON_SCHEMA)
    assert shape_of(request, preset, StructureName.JSON_SCHEMA) is first
    for number in range(200):
        fresh = _request({"type": "object", "properties": {f"p{number}": {"type": "null"}}})
        assert f"p{number}" in shape_of(fresh, preset, StructureName.JSON_SCHEMA).fields
