"""What a PromQL expression asks for: its metrics, the labels it matches and those it groups by.

Not a parser: Prometheus' own says whether an expression is one. Enough for ours, which have no
braces or brackets in their strings.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_STRING = re.compile(r'"[^"]*"')
_NAME = re.compile(r"(?<![\w:$.])([A-Za-z_:][\w:]*+)\s*+(?:\{([^}]*)\}|(?!\())")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "by", "on", "inf", "nan"})
_COUNTING = re.compile(r"\b(?:rate|irate|increase)\(\s*([\w:]+)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an expression is made of.

    Attributes:
        matched: the labels that each metric is matched by.
        grouped: the labels that anything is grouped or joined by.
        counted: metrics whose growth is asked for, as only counters have it.
    """

    matched: Mapping[str, frozenset[str]]
    grouped: frozenset[str]
    counted: frozenset[str]


def asked(expr: str) -> Asked:
    """What this expression asks for."""
    bare = _BRACKETS.sub("", _STRING.sub('""', expr))
    grouped = {label.strip() for found in _GROUPING.findall(bare) for label in found.split(",")}
    matched: dict[str, frozenset[str]] = {}
    for name, matchers in _NAME.findall(_GROUPING.sub("", bare)):
        if name not in _WORDS:
            labels = frozenset(_MATCHER.findall(matchers))
            matched[name] = matched.get(name, frozenset()) | labels
    return Asked(matched, frozenset(grouped - {""}), frozenset(_COUNTING.findall(bare)))


def words(expr: str) -> set[tuple[str, str]]:
    """The words that labels are matched by, each with its label."""
    found = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', expr)
    return {(label, word) for label, value in found for word in value.split("|")}
