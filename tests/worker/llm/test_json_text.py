"""extract_json: what is taken off a reply, what is refused, and that it is never slow."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from worker.llm.json_text import MAX_CHARS, BrokenJson, extract_json

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
        ('Here: {"a": "</think>", "b": []}', '{"a": "</think>", "b": []}'),
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
        ('["\ud800"]', "not valid"),
        ("[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ("[" * 5_000, "nested too deeply"),
        ("[" * 150, "cut off"),
        ('{"a": 1e999}', "not valid"),
        ('{"a": ' + "9" * 5_000 + "}", "not valid"),
        ("{x}" * 100 + '{"a": 1}', "not valid"),
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
    """An answer full of any awkward piece comes to an end; quadratic work would hit the limit."""
    text = unit * ((MAX_CHARS - 2) // len(unit))
    for reply in (text, "{" + text, '{"' + text):
        try:
            extract_json(reply)
        except ValueError:
            continue


@pytest.mark.parametrize("unit", ["{x}", "[1,]", "{'a': 1}"])
def test_what_is_in_brackets_and_broken_is_handed_on(unit: str) -> None:
    """The broken pieces come with the error, though never all of a thousand."""
    with pytest.raises(BrokenJson) as caught:
        extract_json(f"{unit} " * 1_000)
    assert len(caught.value.spans) == 32
    assert set(caught.value.spans) == {unit}


@pytest.mark.parametrize("text", ['{"a": [1,', "{'a': 1", '{"a": "b}', "no brackets", "[" * 500])
def test_what_never_closes_is_not_handed_on(text: str) -> None:
    """A piece of an answer is not for mending."""
    with pytest.raises(ValueError, match="answer") as caught:
        extract_json(text)
    assert not isinstance(caught.value, BrokenJson)


@given(ROOTS, st.text(alphabet="abc<>/{}[]\"', \n", max_size=20))
def test_thoughts_come_off_again(value: object, thought: str) -> None:
    """Whatever is thought before an answer, the answer is the same."""
    text = json.dumps(value)
    if "<think>" not in thought and "</think>" not in thought:
        assert extract_json(f"<think>{thought}</think>\n{text}") == text


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), min_size=1, max_size=4))
def test_control_characters_are_mended(value: dict[str, str]) -> None:
    """Strings with control characters left bare in them are read as what they say."""
    text = json.dumps(value, ensure_ascii=False)
    bare = re.sub(
        r"(?<!\\)((?:\\\\)*)\\u00([01][0-9a-f])", lambda m: m[1] + chr(int(m[2], 16)), text
    )
    assert json.loads(extract_json(bare)) == value


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
