"""What may be mended in broken JSON, and everything that looks like it and may not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.llm.repair import MAX_CHARS, MAX_DEPTH, repaired


def _value(span: str) -> object:
    mended = repaired([span])
    assert mended is not None
    return json.loads(mended)


@pytest.mark.parametrize(
    ("span", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2,], "b": {"c": 1.50,},}', {"a": [1, 2], "b": {"c": 1.5}}),
        ("{'a': 'it\\'s', 'b': \"it's\"}", {"a": "it's", "b": "it's"}),
        ("{'a': 'say \"yes\"'}", {"a": 'say "yes"'}),
        ("{a: 1, b2: 2, Straße: 3}", {"a": 1, "b2": 2, "Straße": 3}),
        ("{'a': None, 'b': True, 'c': False}", {"a": None, "b": True, "c": False}),
        ('{"a": 1 // one\n, "b": 2 # two\n, /* three */ "c": 3}', {"a": 1, "b": 2, "c": 3}),
        ('{"a": "x" "b": [1 2 "y"]}', {"a": "x", "b": [1, 2, "y"]}),
        ("{'url': 'https://a/b#c', 'd': '// no',}", {"url": "https://a/b#c", "d": "// no"}),
        ("['\\u00e9', \"\N{GRINNING FACE}\",]", ["é", "\N{GRINNING FACE}"]),
        (
            "[-5, 1e3, 123456789012345678901234567890,]",
            [-5, 1000.0, 123456789012345678901234567890],
        ),
        ("[[[]], {'a': {}},]", json.loads('[[[]], {"a": {}}]')),
    ],
)
def test_carelessness_is_mended(span: str, value: object) -> None:
    """Commas, comments, quotes and the spelling of three literals; the words stay as they are."""
    assert _value(span) == value


@pytest.mark.parametrize(
    "span",
    [
        "{x}",
        "[you want]",
        "{a: b}",
        "{}}",
        '{"a": , "b": 1}',
        '{"a": }',
        '{"a" 1}',
        '{"a": 1,, "b": 2}',
        "[,1]",
        '{"a": NaN}',
        '{"a": -Infinity,}',
        '{"a": 1e999,}',
        '{"a": undefined,}',
        '{"a": 007,}',
        '{"a": +5,}',
        '{"a": .5,}',
        '{"a": 0x1F,}',
        '{"a": 10%,}',
        '{"a": 1/2,}',
        '{"a": 1_000,}',
        '{"a": "he said "yes" to me"}',
        '{"a": "x"; "b": 2}',
        '{"a": ("x", "y")}',
        '{"a": 1, "a": 2,}',
        '{"a": u"x"}',
        "{\u201ca\u201d: 1}",
        '{"a": "\\ud800",}',
        '{"a": "\\ud83d\\ude00",}',
        '{"a": "\\x",}',
        "{'a': '\ud800'}",
        "[\ud800,]",
        '{"a": "x\\n",}',
        "{_a: 1}",
        '{"a": [1, 2}, "b": 3]',
        '{"a": 1, /* no end}',
        "['a\\\\\"',]",
    ],
)
def test_what_leaves_a_doubt_is_left_broken(span: str) -> None:
    """Nothing is invented, left out, joined or read as another type."""
    assert repaired([span]) is None


def test_the_first_piece_that_can_be_mended_counts() -> None:
    """What stands in brackets in a sentence is passed over."""
    assert repaired(["[best]", "{'a': 1}", "{'a': 2}"]) == '{"a": 1}'
    assert repaired([]) is None


def test_size_and_depth_are_bounded() -> None:
    """The library is slow at length and recurses in depth."""
    assert repaired(["[" * MAX_DEPTH + "1," + "]" * MAX_DEPTH]) is not None
    assert repaired(["[" * (MAX_DEPTH + 1) + "1," + "]" * (MAX_DEPTH + 1)]) is None
    assert repaired(["[" + "1," * (MAX_CHARS // 2 - 1) + "]"]) is not None
    assert repaired(["[" + "1," * (MAX_CHARS // 2) + "]"]) is None


def test_a_library_that_fails_mends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises, the answer is asked for again."""

    def fail(*args: object, **kwargs: object) -> object:
        raise IndexError

    monkeypatch.setattr("worker.llm.repair.repair_json", fail)
    assert repaired(["[1,]"]) is None


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=4))
def test_a_guess_never_changes_what_was_said(value: list[object]) -> None:
    """A value as Python writes it, or with a comma too many, is read as it is or not at all."""
    mended = repaired([f"{json.dumps(value)[:-1]},]" if value else "[]"])
    assert mended is None or json.loads(mended) == value
    mended = repaired([repr(value)])
    assert mended is None or json.loads(mended) == value


@given(st.text(alphabet="{}[]:,'\"ab1 \\/#\nNone-.", max_size=40))
def test_any_text_is_mended_to_an_object_or_array_or_not_at_all(text: str) -> None:
    """Nothing is raised, and prose never becomes a value."""
    mended = repaired([text])
    assert mended is None or isinstance(json.loads(mended), dict | list)
