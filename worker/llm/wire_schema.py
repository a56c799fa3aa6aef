"""A pydantic model as the JSON Schema that a grammar-constrained server is given.

Inside the subset that xgrammar compiles, so that no request falls back to a slower engine, and
bounded, so that even a model that babbles comes to an end. The finer rules (patterns, values that
depend on each other) stay with pydantic, which reads every answer.
"""

from typing import Any, cast

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT = frozenset(
    {
        "type",
        "enum",
        "const",
        "format",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    }
)
_SELF_LIMITING_FORMATS = frozenset({"date", "time", "date-time", "uuid", "ipv4", "ipv6"})
_LENGTHS = frozenset({"minLength", "maxLength"})


def wire_schema(model: type[BaseModel]) -> Schema:
    """Make the schema of a model's JSON: the same bytes at every start of the program.

    References are inlined; titles, descriptions and defaults are left out; every property is
    required and no other is allowed.

    Raises:
        ValueError: a string or an array has no maximum, or the model refers to itself.
    """
    schema = model.model_json_schema()
    definitions = cast("dict[str, Schema]", schema.get("$defs", {}))
    return _Inliner(definitions).plain(schema, model.__name__, ())


class _Inliner:
    """Rewrites one schema. `path` is for messages, `open_refs` are the references on the way."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def plain(self, node: Schema, path: str, open_refs: tuple[str, ...]) -> Schema:
        """The node without references and decoration."""
        if "$ref" in node:
            name = str(node["$ref"]).removeprefix("#/$defs/")
            if name in open_refs:
                raise ValueError(f"{path}: {name} refers to itself, which has no bound")
            return self.plain(self._definitions[name], path, (*open_refs, name))
        choices = cast("list[Schema] | None", node.get("anyOf") or node.get("oneOf"))
        if choices:
            return {"anyOf": [self.plain(choice, path, open_refs) for choice in choices]}
        return self._typed(node, path, open_refs)

    def _typed(self, node: Schema, path: str, open_refs: tuple[str, ...]) -> Schema:
        kept = {key: value for key, value in node.items() if key in _KEPT}
        if "enum" in node or "const" in node:
            return kept
        match node.get("type"):
            case "object":
                return self._object(node, path, open_refs)
            case "array":
                return self._array(node, path, open_refs)
            case "string":
                return _string(kept, path)
            case "integer" | "number" | "boolean" | "null":
                return kept
            case _:
                raise ValueError(f"{path}: anything may stand here, which has no bound")

    def _object(self, node: Schema, path: str, open_refs: tuple[str, ...]) -> Schema:
        if node.get("additionalProperties"):
            raise ValueError(f"{path}: any number of keys may stand here, which has no bound")
        fields = cast("dict[str, Schema]", node.get("properties", {}))
        return {
            "type": "object",
            "properties": {
                name: self.plain(field, f"{path}.{name}", open_refs)
                for name, field in fields.items()
            },
            "required": list(fields),
            "additionalProperties": False,
        }

    def _array(self, node: Schema, path: str, open_refs: tuple[str, ...]) -> Schema:
        if "maxItems" not in node:
            raise ValueError(f"{path}: a list needs max_length")
        kept = {key: node[key] for key in ("type", "minItems", "maxItems") if key in node}
        if "prefixItems" in node:
            parts = cast("list[Schema]", node["prefixItems"])
            plain = [self.plain(part, f"{path}[]", open_refs) for part in parts]
            return kept | {"prefixItems": plain, "items": False}
        return kept | {"items": self.plain(node.get("items", {}), f"{path}[]", open_refs)}


def _string(kept: Schema, path: str) -> Schema:
    """A string with its format or its lengths, never both: xgrammar knows no such pair."""
    if kept.get("format") in _SELF_LIMITING_FORMATS:
        return {key: value for key, value in kept.items() if key not in _LENGTHS}
    if "maxLength" not in kept:
        raise ValueError(f"{path}: a string needs max_length")
    return {key: value for key, value in kept.items() if key != "format"}
