"""What the stand-in answers: one rule for each kind of question, none of them a model.

A rule drafts an answer under every property name in use; `model_fit` brings the draft into the
shape of the schema that was sent, and fills from the text what the draft does not hold.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial

from pydantic import JsonValue

from worker.embedded.model_dates import find_clocks, find_dates
from worker.embedded.model_events import find_events
from worker.embedded.model_fields import Field, find_values
from worker.embedded.model_fit import compose
from worker.embedded.model_picture import Picture
from worker.embedded.model_prompt import PromptView, view_prompt
from worker.embedded.model_request import ChatCall
from worker.embedded.model_words import key_words, overlap, stems, words

_CANDIDATE = re.compile(
    r"^[ \t]*[-*]?[ \t]*[\[(]?(T\d+)[\])]?[ \t]*[:.)-][ \t]*(\S.*)$", re.MULTILINE
)
_STILL_TO_DO = re.compile(
    r"\b(?:need to|have to|must|should|want to|going to|will|plan to|don't forget|muss|sollte)\b",
    re.IGNORECASE,
)
_MATCH_FROM = 0.5
_EVENT_CUES = (
    r"\bwhen (?:is|are|does|do|will)\b|\bmeetings?\b|\bappointments?\b|\bevents?\b|\bcalendar\b"
    r"|\bwann\b|\btermine?\b"
)
_MEMORY_CUES = (
    r"\bfind\b|\bremember|\bphotos?\b|\bpictures?\b|\bwhere (?:did|was|were|is)\b|\bshow me\b"
    r"|\bfotos?\b|\bwo (?:habe|war)\b"
)
_INTENTS = (
    ("reminder_check", r"\bremind|\berinner"),
    ("task_lookup", r"\btasks?\b|\bto-?dos?\b|\bto do\b|\baufgaben?\b"),
    ("event_search", _EVENT_CUES),
    ("memory_search", _MEMORY_CUES),
)
_PLACE = re.compile(r"\b(?:at|in|near|bei|where|wo)\s+(?:the\s+)?[^\Wa-z\d_]\w+|\bwhere\b")
_PERSON = re.compile(r"\b(?:with|mit|for|für)\s+[^\Wa-z\d_]\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule sees of a request."""

    view: PromptView
    picture: Picture | None
    written: datetime
    """When the message was written, in its reader's zone."""


Rule = Callable[[Asked], JsonValue]


def answer(call: ChatCall, now: datetime) -> str:
    """The stand-in's answer to a request: JSON when a schema came with it, else a sentence.

    `now` stands in for the message date of a prompt that has none.

    Raises:
        UnfitSchema: the schema is none, or nothing was found that fits it.
    """
    view = view_prompt(call.user)
    if call.schema is None:
        return f"I am a stand-in, not a model. Key words: {', '.join(key_words(view.text, 7))}."
    written = view.message_date(now)
    asked = Asked(view, call.pictures[0] if call.pictures else None, written)
    rule = _rule(call.schema_name, call.schema)
    find = cache(partial(_find, written=written))
    value = compose(call.schema, view.text, find, rule(asked) if rule is not None else None)
    return json.dumps(value, ensure_ascii=False)


def _find(field: Field, text: str, written: datetime) -> list[JsonValue]:
    return find_values(field, text, written)


def _rule(name: str | None, schema: dict[str, JsonValue]) -> Rule | None:
    """The rule of a question: by its name, else by what it asks for."""
    if name == "extract" or name in _RULES:
        return _RULES.get(name)
    properties = schema.get("properties")
    asked = properties if isinstance(properties, dict) else {}
    return next((rule for key, rule in _BY_PROPERTY if key in asked), None)


def _text_tags(asked: Asked) -> JsonValue:
    text = asked.view.text
    most = min(7, max(4, len(words(text)) // 2))
    return {"tags": list[JsonValue](key_words(text, most))}


def _image_tags(asked: Asked) -> JsonValue:
    if asked.picture is None:
        return _text_tags(asked)
    return {
        "description": asked.picture.description,
        "tags": list[JsonValue](asked.picture.tags),
    }


def _email_events(asked: Asked) -> JsonValue:
    return {"events": find_events(asked.view.text, asked.written)}


def _task_match(asked: Asked) -> JsonValue:
    """The candidate whose words the memory shares most, unless the memory is a plan itself."""
    listed = next((block for block in asked.view.blocks if _CANDIDATE.search(block.text)), None)
    where = listed.text if listed is not None else asked.view.frame
    others = [block.text for block in asked.view.blocks if block is not listed]
    memory = "\n".join(others) or _CANDIDATE.sub("", where)
    about = stems(memory)
    candidates = [(match[1], stems(match[2])) for match in _CANDIDATE.finditer(where)]
    scored = [(overlap(wanted, about), label) for label, wanted in candidates]
    score, label = max(scored, key=lambda pair: pair[0], default=(0.0, "none"))
    if score < _MATCH_FROM or _STILL_TO_DO.search(memory):
        score, label = 0.0, "none"
    confidence = round(0.5 + 0.45 * score, 2)
    found: dict[str, JsonValue] = {"confidence": confidence, "done": label != "none"}
    return found | dict.fromkeys(("task", "task_id", "match", "label", "candidate"), label)


def _intent(asked: Asked) -> JsonValue:
    query = asked.view.block("query").text
    found = (name for name, cue in _INTENTS if re.search(cue, query, re.IGNORECASE))
    return {
        "intent": next(found, "ambiguous"),
        "keywords": list[JsonValue](key_words(query, 5)),
    }


def _followup(asked: Asked) -> JsonValue:
    """Ask for the first of day, place and person that neither message nor context tells."""
    message = asked.view.block("message").text
    everything = asked.view.text
    days = find_dates(everything, asked.written)
    spoken = [everything[day.start : day.end].lower() for day in days]
    telling = [word for word in key_words(message, 7) if not any(word in day for day in spoken)]
    topic = " ".join(sorted(telling[:3], key=message.lower().find)) or "this"
    if not days and not find_clocks(everything):
        missing = "when is it, on which day and at what time"
    elif not _PLACE.search(everything):
        missing = "where is it"
    elif not _PERSON.search(everything):
        missing = "who is it with"
    else:
        missing = "what should be done about it"
    return {"question": f"About {topic}: {missing}?"}


_RULES: dict[str | None, Rule] = {
    "text_tags": _text_tags,
    "image_tags": _image_tags,
    "email_events": _email_events,
    "task_match": _task_match,
    "intent": _intent,
    "followup": _followup,
}
_BY_PROPERTY: tuple[tuple[str, Rule], ...] = (
    ("events", _email_events),
    ("task", _task_match),
    ("task_id", _task_match),
    ("intent", _intent),
    ("question", _followup),
    ("tags", _image_tags),
)
