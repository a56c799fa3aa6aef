"""A value for any schema: from a draft where there is one, from the text where there is none.

What comes out validates, or `UnfitSchema` is raised: the stand-in never sends a value of another
shape than the one it was asked for.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import JsonValue

from worker.embedded.model_known import Finder, Knowledge, Place, closeness
from worker.embedded.model_scalars import member, numbers, strings, variants
from worker.embedded.model_schema import Schema, SchemaCheck, UnfitSchema, join, resolve, types

_DEPTH_OF_OPTIONAL = 6
"""Below this many levels only what is required is filled: schemas may contain themselves."""
_DEPTH_LIMIT = 40
_VALUES_OF_OPTIONAL = 300
"""After this many values only what is required is filled."""
_VALUES_LIMIT = 20_000
_ITEMS_BY_DEFAULT = 7
_NULL = ["null"]


def compose(schema: Schema, text: str, find: Finder, draft: JsonValue = None) -> JsonValue:
    """A value that fits a schema: the draft's values first, then what `find` sees in the text.

    Raises:
        UnfitSchema: it is no JSON Schema, or nothing was found that fits it.
    """
    check = SchemaCheck(schema)
    composition = _Composition(schema, check, Knowledge(schema, find))
    value = composition.value(Place(schema, "", text), [] if draft is None else [draft])
    error = check.error(value)
    if error is not None:
        raise UnfitSchema(f"nothing fits {error}")
    return value


class _Composition:
    """One value in the making."""

    def __init__(self, root: Schema, check: SchemaCheck, knowledge: Knowledge) -> None:
        self._root = root
        self._check = check
        self._knowledge = knowledge
        self._made = 0

    def value(self, place: Place, hints: Sequence[JsonValue]) -> JsonValue:
        """A value for a place; hints are what is known already, best first."""
        self._made += 1
        if place.depth > _DEPTH_LIMIT or self._made > _VALUES_LIMIT:
            raise UnfitSchema("the schema never ends")
        schema = resolve(place.schema, self._root)
        place = replace(place, schema=schema, depth=place.depth + 1)
        if "const" in schema:
            return schema["const"]
        members = schema.get("enum")
        if isinstance(members, list):
            return _member(place, members, hints)
        options = self._options(schema)
        if options:
            return self._union(place, options, hints)
        kinds = types(schema)
        if kinds == ["object"]:
            return self._object(place, hints)
        if kinds == ["array"]:
            return self._array(place, hints)
        return self._scalar(place, kinds[0] if kinds else "", hints)

    def _options(self, schema: Schema) -> list[Schema]:
        """What a union may be, each option whole; empty if the schema is no union."""
        for key in ("anyOf", "oneOf"):
            branches = schema.get(key)
            if isinstance(branches, list):
                rest: Schema = {name: value for name, value in schema.items() if name != key}
                return [join(rest, resolve(branch, self._root)) for branch in branches]
        kinds = types(schema)
        return [{**schema, "type": kind} for kind in kinds] if len(kinds) > 1 else []

    def _union(self, place: Place, options: list[Schema], hints: Sequence[JsonValue]) -> JsonValue:
        """The first option that works; null when nothing is known and nothing is found."""
        for hint in hints:
            if not isinstance(hint, dict | list) and self._check.fits(hint, place.schema):
                return hint
        if self._check.fits(None, place.schema) and self._is_nothing(place, hints):
            return None
        ordered = sorted(options, key=lambda option: types(option) == _NULL)
        if self._is_sparse(place):  # the plain ones end soonest
            ordered.sort(key=lambda option: types(option) in (["object"], ["array"], []))
        for option in ordered:
            try:
                value = self.value(replace(place, schema=option), hints)
            except UnfitSchema:
                continue
            if self._check.fits(value, place.schema):
                return value
        raise UnfitSchema("no branch of a union fits")

    def _is_nothing(self, place: Place, hints: Sequence[JsonValue]) -> bool:
        if hints:
            return hints[0] in (None, "none", "")
        return self._is_sparse(place) or not self._knowledge.knows(place)

    def _is_sparse(self, place: Place) -> bool:
        return place.depth > _DEPTH_OF_OPTIONAL or self._made > _VALUES_OF_OPTIONAL

    def _scalar(self, place: Place, kind: str, hints: Sequence[JsonValue]) -> JsonValue:
        schema = place.schema
        known = [*hints, *self._knowledge.found(place, kind or "string")]
        match kind:
            case "null":
                return None
            case "boolean":
                return next((hint for hint in known if isinstance(hint, bool)), False)
            case "number" | "integer":
                return self._first_fit(schema, numbers(schema, known, whole=kind == "integer"))
            case "string":
                return self._first_fit(schema, strings(schema, known, place.text))
            case _:  # anything goes
                return next(iter(known), "")

    def _first_fit(self, schema: Schema, candidates: Iterable[JsonValue]) -> JsonValue:
        for candidate in candidates:
            if self._check.fits(candidate, schema):
                return candidate
        raise UnfitSchema(f"nothing fits {json.dumps(schema):.200}")

    def _object(self, place: Place, hints: Sequence[JsonValue]) -> JsonValue:
        draft = next((hint for hint in hints if isinstance(hint, dict)), None)
        properties, required = place.schema.get("properties"), place.schema.get("required")
        names = required if isinstance(required, list) else []
        needed: Schema = {name: True for name in names if isinstance(name, str)}
        wanted = {**needed, **properties} if isinstance(properties, dict) else needed
        if not wanted:
            return draft if draft is not None and self._check.fits(draft, place.schema) else {}
        made: dict[str, JsonValue] = {}
        for name, schema in wanted.items():
            there = Place(resolve(schema, self._root), name, place.text, place.depth)
            known = [draft[name]] if draft is not None and name in draft else []
            if name not in needed and not known and self._is_nothing(there, known):
                continue
            try:
                made[name] = self.value(there, known)
            except UnfitSchema:
                if name in needed:
                    raise
        return made

    def _array(self, place: Place, hints: Sequence[JsonValue]) -> JsonValue:
        parts = place.schema.get("prefixItems")
        if isinstance(parts, list):
            return self._tuple(place, parts, hints)
        least, most = place.schema.get("minItems"), place.schema.get("maxItems")
        least = int(least) if isinstance(least, int | float) else 0
        most = int(most) if isinstance(most, int | float) else max(_ITEMS_BY_DEFAULT, least)
        items = resolve(place.schema.get("items"), self._root)
        item = replace(place, schema=items)
        made: list[JsonValue] = []
        if hints or not self._is_sparse(place):
            for known, text in self._knowledge.item_hints(item, hints):
                if len(made) >= most:
                    break
                self._append(place, made, replace(item, text=text), known)
        for variant in variants(items):
            if len(made) >= least:
                break
            self._append(place, made, item, [variant])
        return made

    def _tuple(self, place: Place, parts: list[JsonValue], hints: Sequence[JsonValue]) -> JsonValue:
        given = next((hint for hint in hints if isinstance(hint, list)), list[JsonValue]())
        return [
            self.value(replace(place, schema=resolve(part, self._root)), given[at : at + 1])
            for at, part in enumerate(parts)
        ]

    def _append(
        self, place: Place, made: list[JsonValue], item: Place, hints: list[JsonValue]
    ) -> None:
        """Add an item, unless there is none or it is there already and may not be twice."""
        try:
            value = self.value(item, hints)
        except UnfitSchema:
            return
        alone: Schema = {"uniqueItems": place.schema.get("uniqueItems", False)}
        if self._check.fits([*made, value], alone):
            made.append(value)


def _member(place: Place, members: list[JsonValue], hints: Sequence[JsonValue]) -> JsonValue:
    """The member that is hinted at; null for a hint that is none; else the text's choice."""
    meant = member(members, hints)
    if meant is not None or (hints and None in members):
        return meant
    return max(members, key=lambda each: closeness(each, place.text))
