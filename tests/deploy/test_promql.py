"""What an expression asks for is found, whatever stands around it."""

import pytest

from tests.deploy.promql import asked

EXPRESSIONS: list[tuple[str, dict[str, set[str]], set[str], set[str]]] = [
    ("up", {"up": set()}, set(), set()),
    (
        'sum by (a, b) (rate(x_total{c=~"d|e", f!="g"}[5m])) > 0.5',
        {"x_total": {"c", "f"}},
        {"a", "b"},
        {"x_total"},
    ),
    (
        "x_a / on (b) group_left (c) x_d offset 30m",
        {"x_a": set(), "x_d": set()},
        {"b", "c"},
        set(),
    ),
    ('time() - max(x{a="b"}) or vector(0)', {"x": {"a"}}, set(), set()),
    ('x{a="1"} unless x{b="2"}', {"x": {"a", "b"}}, set(), set()),
    ("sum(increase(vllm:x_total[$__range]))", {"vllm:x_total": set()}, set(), {"vllm:x_total"}),
]


@pytest.mark.parametrize(("expr", "matched", "grouped", "counted"), EXPRESSIONS)
def test_what_is_asked(
    expr: str, matched: dict[str, set[str]], grouped: set[str], counted: set[str]
) -> None:
    """Names and labels, and nothing that only looks like one."""
    found = asked(expr)
    assert {name: set(labels) for name, labels in found.matched.items()} == matched
    assert (set(found.grouped), set(found.counted)) == (grouped, counted)
