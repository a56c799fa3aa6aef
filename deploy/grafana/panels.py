"""The panels that a board is made of, as Grafana's JSON wants them.

A query may use `$__rate_interval` and the board's variables; see `deploy.grafana.board`.
"""

from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
HEIGHT = 8
JOB = 'job="llm-worker"'
"""Workers in Prometheus: the scrape job's name, by which the alerts know them too."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and what its lines are called: `{{label}}` stands for a label's value."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: what is seen.
        what: how to read it; shown beside the title.
        unit: of the values, as Grafana calls it (`s`, `short`, `percentunit`, `bytes`, `ops`).
        queries: what is asked; of a `number` one.
        look: the kind of panel and what only that kind has.
        width: of the 24 columns.
        steps: from which value on which colour; below the first it is green.
        words: texts in place of values, each with its colour.
    """

    title: str
    what: str
    unit: str
    queries: tuple[Query, ...]
    look: "Look"
    width: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    words: tuple[tuple[float, str, str], ...] = ()

    def as_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel at its place.

        Args:
            number: its id, unlike any other of the board.
            x: columns from the left.
            y: rows from the top.
        """
        return {
            "id": number,
            "type": self.look.kind,
            "title": self.title,
            "description": self.what,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.look.height},
            "targets": [self._target(index, query) for index, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self.look.options,
        }

    def _target(self, index: int, query: Query) -> dict[str, Any]:
        return {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend,
            "range": not self.look.instant,
            "instant": self.look.instant,
        }

    def _defaults(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = [{"value": None, "color": GREEN}]
        steps += [{"value": value, "color": color} for value, color in self.steps]
        texts = {
            f"{value:g}": {"text": text, "color": color, "index": index}
            for index, (value, text, color) in enumerate(self.words)
        }
        return {
            "unit": self.unit,
            "min": 0,
            "color": {"mode": self.look.color},
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": [{"type": "value", "options": texts}] if texts else [],
            "custom": self.look.custom
            | ({"thresholdsStyle": {"mode": "line"}} if self._lined else {}),
        }

    @property
    def _lined(self) -> bool:
        return bool(self.steps) and self.look.kind == "timeseries"


@dataclass(frozen=True, slots=True)
class Section:
    """Panels that answer one question."""

    question: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A kind of panel.

    Attributes:
        height: in rows.
        color: what decides it: `thresholds`, or a `palette-classic` of one for each line.
        instant: it shows what is now, not how it came.
    """

    kind: str
    options: dict[str, Any]
    custom: dict[str, Any]
    height: int = HEIGHT
    color: str = "thresholds"
    instant: bool = False


_LEGEND = {
    "showLegend": True,
    "displayMode": "table",
    "placement": "bottom",
    "calcs": ["lastNotNull", "max"],
}
_GRAPH = {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}}
_LINES = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never"}
_REDUCED = {"calcs": ["lastNotNull"], "fields": "", "values": False}

_PALETTE = "palette-classic"

LINES = Look("timeseries", _GRAPH, _LINES, color=_PALETTE)
"""Values over time."""
STACKED = Look(
    "timeseries",
    _GRAPH,
    _LINES | {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}},
    color=_PALETTE,
)
"""Parts of a whole over time."""
NUMBER = Look(
    "stat",
    {"reduceOptions": _REDUCED, "colorMode": "value", "graphMode": "area", "textMode": "value"},
    {},
    height=4,
)
"""One value, large, with its course behind it."""
STATES = Look(
    "state-timeline",
    {"mergeValues": True, "showValue": "auto", "legend": {"showLegend": False}},
    {"fillOpacity": 70, "lineWidth": 0},
)
"""In which state each thing is, and was."""
BARS = Look(
    "bargauge",
    {"reduceOptions": _REDUCED, "displayMode": "gradient", "orientation": "horizontal"},
    {},
    instant=True,
)
"""A bar for each thing, as it is now."""
