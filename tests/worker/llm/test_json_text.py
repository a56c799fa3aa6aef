"""extract_json: what is taken off a reply, what is refused, and that it is never slow."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.llm.json_text import MAX_CHARS, extract_json

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20)
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ROOTS = st.lists(NESTED, max_size=4) | st.dictionaries(st.text(max_size=8), NESTED, max_size=4)
NOISE = st.text(alphabet='{}[]",:\\`<>/think \n019aeNI', max_size=80) | st.text(max_size=80)


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("\ufeff  [1, 2]\n", "[1, 2]"),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Sure [1]! Here it is:\n```\n{"a": 1}\n```\nAnything else?', '{"a": 1}'),
        ('```json {"a": 1}```', '{"a": 1}'),
        ('Here you are: {"a": "}"} as {asked}.', '{"a": "}"}'),
        ('The [best] answer is {"a": 1}', '{"a": 1}'),
        ('<think>maybe {"a": 0}?</think>\n{"a": 1}', '{"a": 1}'),
        ('<think>x</think><think>y</think>{"a": 1}', '{"a": 1}'),
        ('so {"a": 0} it is</think>{"a": 1}', '{"a": 1}'),
        ('Here: {"a": "</think>"}', '{"a": "</think>"}'),
        ('{"a": "<think>b</think>"}', '{"a": "<think>b</think>"}'),
        ('Here: {"code": "```py\\n{x}```"}', '{"code": "```py\\n{x}```"}'),
        ('Quote:\n```\nno json\n```\nAnswer: {"a": 1}', '{"a": 1}'),
        ('{"a": 1} {"b": 2}', '{"a": 1}'),
        (r'{"a": "\"}{\\"}', r'{"a": "\"}{\\"}'),
    ],
)
def test_takes_off_what_surrounds_the_json(reply: str, wanted: str) -> None:
    """Marks, thoughts, fences and sentences go, the JSON stays as it was."""
    assert extract_json(reply) == wanted


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no JSON"),
        ("I cannot do that.", "no JSON"),
        ("null", "no JSON"),
        ('{"a": [1, 2], "b": ', "cut off"),
        ('{"a": {"b": 1}', "cut off"),
        ('{"a": "b', "cut off"),
        ('{"a": "b\\', "cut off"),
        ("<think>hm {}", "still thinking"),
        ('{"a": {"b": 1},}', "trailing comma"),
        ('{"a": NaN}', "not valid"),
        ('{"a": -Infinity}', "not valid"),
        ('["\\ud800"]', "not valid"),
        ("[" * 5_000 + "]" * 5_000, "recursion"),
        ("[" * 5_000, "cut off"),
        ("x" * (MAX_CHARS + 1), "longer than"),
        ('{"a":"' + "x" * 10_000_000 + '"}', "longer than"),
    ],
)
def test_refuses_what_is_not_whole(reply: str, reason: str) -> None:
    """A piece of an answer is no answer, and the reason is readable."""
    with pytest.raises(ValueError, match=reason):
        extract_json(reply)


@pytest.mark.parametrize(
    "unit", ['"\\"', '\\"', "{", "}", "[]", "<think></think>", "<think>", "```\n", '"', "{x}", "\\"]
)
def test_worst_cases_are_linear(unit: str) -> None:
    """A megabyte of any awkward piece comes to an end; quadratic work would hit the time limit."""
    text = unit * ((MAX_CHARS - 2) // len(unit))
    for reply in (text, "{" + text, '{"' + text):
        try:
            extract_json(reply)
        except ValueError:
            continue


@given(ROOTS, st.sampled_from(["", "json", "JSON"]), st.booleans())
def test_fences_come_off_again(value: object, label: str, indented: bool) -> None:
    """Whatever JSON is put into a fence comes out of it unchanged."""
    text = json.dumps(value, indent=2 if indented else None, ensure_ascii=False)
    assert extract_json(text) == text
    assert extract_json(f"Here it is:\n```{label}\n{text}\n```\nGood luck!") == text


@given(NOISE)
@example('a</think>{"b":"</think>{}"}')
def test_is_idempotent_and_raises_nothing_else(text: str) -> None:
    """Any text gives valid JSON, which is its own extract, or a ValueError."""
    try:
        found = extract_json(text)
    except ValueError:
        return
    assert isinstance(json.loads(found), dict | list)
    assert extract_json(found) == found


def test_bare_control_characters_in_strings_are_escaped() -> None:
    """Grammars let a line end stand bare in a string; the value is the same, escaped."""
    text = 'Here: {"a": "one\ntwo\tthree", "b": [1]}'
    assert json.loads(extract_json(text)) == {"a": "one\ntwo\tthree", "b": [1]}
    assert extract_json(extract_json(text)) == extract_json(text)
