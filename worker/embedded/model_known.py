"""What a text knows about a place in a schema: anything at all, and what each item of a list is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from worker.embedded.model_fields import Field
from worker.embedded.model_schema import Schema, resolve, types
from worker.embedded.model_words import overlap, sentences, stems

_LEVELS = 3
"""How far below a place is looked: schemas may contain themselves."""

_SUM = re.compile(r"(?:sub|grand )?(?:total|sum|tax|vat|summe)\b", re.IGNORECASE)

Finder = Callable[[Field, str], list[JsonValue]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value goes: what it must be, what it is called, and the text that speaks of it."""

    schema: Schema
    name: str
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Looks a text over with a finder, for the places of one root schema."""

    root: Schema
    find: Finder

    def found(self, place: Place, kind: str) -> list[JsonValue]:
        """The text's values of a type for a place, best first."""
        wanted = place.schema.get("format")
        field = Field(place.name, kind, wanted if isinstance(wanted, str) else "")
        return self.find(field, place.text)

    def knows(self, place: Place, levels: int = _LEVELS) -> bool:
        """Whether the text says anything about a place."""
        if levels < 0:
            return False
        members, options = place.schema.get("enum"), place.schema.get("anyOf")
        if isinstance(members, list):
            return any(closeness(each, place.text) > 0 for each in members)
        if isinstance(options, list):
            parts = [replace(place, schema=resolve(option, self.root)) for option in options]
            return any(self.knows(part, levels - 1) for part in parts)
        return any(self._knows_kind(place, kind, levels) for kind in types(place.schema))

    def item_hints(
        self, item: Place, hints: Sequence[JsonValue]
    ) -> list[tuple[list[JsonValue], str]]:
        """What each item of a list is made of: hints of its own, or a sentence of its own."""
        if hints:
            given = hints[0] if isinstance(hints[0], list) else list(hints)
            return [([hint], item.text) for hint in given]
        members = item.schema.get("enum")
        if isinstance(members, list):
            return [([each], "") for each in members if closeness(each, item.text) >= 0.5]
        kinds = types(item.schema)
        if kinds == ["object"]:
            places = [replace(item, text=part) for part in _parts(item.text)]
            scores = [self._richness(place, _LEVELS) for place in places]
            best = max(scores, default=0)
            return [
                ([], place.text)
                for place, score in zip(places, scores, strict=True)
                if score == best > 0
            ]
        return [([each], item.text) for kind in kinds[:1] for each in self.found(item, kind)]

    def _knows_kind(self, place: Place, kind: str, levels: int) -> bool:
        if kind == "object":
            return self._richness(place, levels) > 0
        if kind == "array":
            items = resolve(place.schema.get("items"), self.root)
            return self.knows(replace(place, schema=items), levels - 1)
        return bool(self.found(place, kind))

    def _richness(self, place: Place, levels: int) -> int:
        """How many of an object's properties the text knows."""
        properties = place.schema.get("properties")
        if not isinstance(properties, dict):
            return 0
        return sum(
            self.knows(Place(resolve(schema, self.root), name, place.text), levels - 1)
            for name, schema in properties.items()
        )


def closeness(member: JsonValue, text: str) -> float:
    """How much of an enum's member, 0 to 1, stands in a text."""
    wanted = stems(member.replace("_", " ")) if isinstance(member, str) else set[str]()
    return overlap(wanted, stems(text))


def _parts(text: str) -> list[str]:
    """What may stand for an item of a list: each sentence of each line, sums left out."""
    parts = [part for line in text.splitlines() for part in sentences(line)]
    return [part for part in parts if not _SUM.match(part)]
