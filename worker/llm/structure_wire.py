"""How a request asks for the shape of its answer, in each of the ways servers know.

A job type's schema never changes, so what is sent of it is written once and kept.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any, cast

from worker.llm.chat import ChatRequest
from worker.llm.providers import Provider
from worker.llm_config import ProviderName, StructureName

_KEPT_MOST = 64
# A quote or a zero byte ends its grammar; what JSON escapes otherwise, it reads as something else.
_DELICATE = re.compile(r'["\\\x00-\x1f\x7f]|[\ud800-\udfff]|[^\x00-\uffff]')
_BOUNDS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_NOT_IN_THE_GRAMMAR = frozenset({"title", "description", "$comment"})
# What makes it give up and let any object through, without a word about it.
_NOT_UNDERSTOOD = frozenset({"pattern", "not", "if", "patternProperties", "dependentSchemas"})
_IN_WORDS = (
    "Your answer is read by a program: give one JSON value that fits this JSON Schema, and nothing "
    "before or after it.\n"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request says of its answer's shape.

    Attributes:
        fields: members of the body as JSON, without the braces around them; may be empty.
        words: what the system prompt says, for servers that cannot be made to hold a schema.
    """

    fields: str = ""
    words: str = ""


_Key = tuple[int, str, ProviderName, StructureName]
# The schema is kept beside its shape: while it lives no other object has its id.
_kept: OrderedDict[_Key, tuple[Mapping[str, Any], Shape]] = OrderedDict()


def shape_of(request: ChatRequest, provider: Provider, structure: StructureName) -> Shape:
    """The shape of a request's answer, as this provider is told of it."""
    key = (id(request.schema), request.schema_name, provider.name, structure)
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = (request.schema, _shape(request, provider, structure))
        if len(_kept) > _KEPT_MOST:
            _kept.popitem(last=False)
    else:
        _kept.move_to_end(key)  # callers' own schemas come once each, and push out no job type's
    return found[1]


def _shape(request: ChatRequest, provider: Provider, structure: StructureName) -> Shape:
    rooted = request.schema.get("type") == "object" or provider.object_schema
    if structure is StructureName.JSON_OBJECT and not rooted:  # it could give no list
        structure = StructureName.PROMPT
    if provider.fragile_grammar and is_delicate(request.schema):
        structure = StructureName.PROMPT
    schema = _without(request.schema, provider.unknown_keywords, provider.longest_repeat)
    match structure:
        case StructureName.JSON_OBJECT if provider.object_schema:
            wanted = {"type": "json_object", "schema": schema}
            return Shape(f'"response_format":{_json(wanted)}')
        case StructureName.JSON_OBJECT:
            return Shape('"response_format":{"type":"json_object"}', _words(request.schema))
        case StructureName.TOOL:
            return Shape(_tool(request.schema_name, schema))
        case StructureName.PROMPT:
            return Shape("", _words(request.schema))
        case StructureName.JSON_SCHEMA | StructureName.AUTO:
            described = {
                "name": request.schema_name,
                "schema": schema,
                "strict": is_strict(schema),
            }
            wanted = {"type": "json_schema", "json_schema": described}
            return Shape(f'"response_format":{_json(wanted)}')


def is_strict(schema: object) -> bool:
    """Whether every object in a schema requires all its fields and allows no other.

    That is what servers with a strict mode ask for; they refuse it for any other schema.
    """
    match schema:
        case dict():
            node = cast("dict[str, Any]", schema)
            fields = node.get("properties")
            if isinstance(fields, dict) or node.get("type") == "object":
                names = set(cast("dict[str, Any]", fields or {}))
                required = {str(name) for name in node.get("required", ())}
                if names != required or node.get("additionalProperties") is not False:
                    return False
            return all(map(is_strict, node.values()))
        case list():
            return all(map(is_strict, cast("list[Any]", schema)))
        case _:
            return True


def _tool(name: str, schema: object) -> str:
    function = {"name": name, "description": "Give the answer.", "parameters": schema}
    tools = _json([{"type": "function", "function": function}])
    choice = _json({"type": "function", "function": {"name": name}})
    return f'"tools":{tools},"tool_choice":{choice}'


def _words(schema: object) -> str:
    return _IN_WORDS + _json(schema)


def _json(value: object) -> str:
    return dumps(value, separators=(",", ":"), ensure_ascii=False)


def is_delicate(schema: object) -> bool:
    """Whether a schema would end a server that writes a grammar of it, or go over its head."""
    match schema:
        case dict():
            members = cast("dict[str, Any]", schema)
            return any(_is_delicate_member(key, value) for key, value in members.items())
        case list():
            return any(map(is_delicate, cast("list[Any]", schema)))
        case str():
            return bool(_DELICATE.search(schema))
        case _:
            return False


def _is_delicate_member(key: str, value: object) -> bool:
    if key in _NOT_IN_THE_GRAMMAR and isinstance(value, str):
        return False
    nothing_to_choose = key == "enum" and value == []
    return nothing_to_choose or key in _NOT_UNDERSTOOD or is_delicate(key) or is_delicate(value)


def _without(node: object, keywords: frozenset[str], longest: int | None) -> Any:
    """A schema without some keywords; a property may well be called like one of them."""
    if not keywords and longest is None:
        return node
    match node:
        case dict():
            members = cast("dict[str, Any]", node)
            return {
                key: _fields_without(value, keywords, longest)
                if key == "properties"
                else _without(value, keywords, longest)
                for key, value in members.items()
                if key not in keywords and not _repeats_too_long(key, value, longest)
            }
        case list():
            return [_without(item, keywords, longest) for item in cast("list[Any]", node)]
        case _:
            return node


def _fields_without(fields: object, keywords: frozenset[str], longest: int | None) -> Any:
    if not isinstance(fields, dict):  # a value of an enum, say, that is called so
        return fields
    named = cast("dict[str, Any]", fields)
    return {name: _without(field, keywords, longest) for name, field in named.items()}


def _repeats_too_long(key: str, value: object, longest: int | None) -> bool:
    bounds = key in _BOUNDS and isinstance(value, (int, float))
    return bounds and longest is not None and cast("float", value) > longest
