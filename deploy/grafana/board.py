"""The board: sections below one another, each with its panels in rows of 24 columns."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.grafana import cost, doing, health, vllm, waiting
from deploy.grafana.panels import JOB, RED, SOURCE, Section

BOARD_FILE = Path(__file__).parent / "dashboards/llm-worker.json"
COLUMNS = 24
SECTIONS = (doing.SECTION, waiting.SECTION, cost.SECTION, health.SECTION, vllm.SECTION)
"""What is asked first stands on top."""


def board_text() -> str:
    """The board as JSON, the same each time."""
    return json.dumps(board(SECTIONS), indent=2, ensure_ascii=False) + "\n"


def board(shown: Sequence[Section]) -> dict[str, Any]:
    """The board as Grafana's provisioning reads it."""
    return {
        "uid": "llm-worker",
        "title": "llm-worker",
        "description": "What it is doing, why a job is not done, what it costs, how it is.",
        "tags": ["llm-worker"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_restarts()]},
        "links": [],
        "panels": list(_placed(shown)),
    }


def _placed(shown: Sequence[Section]) -> Iterator[dict[str, Any]]:
    """Panels from left to right; one that has no room begins a row."""
    number = y = 0
    for section in shown:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": section.question,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        y += 1
        x = tallest = 0
        for panel in section.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            number += 1
            yield panel.as_json(number, x, y)
            x += panel.width
            tallest = max(tallest, panel.look.height)
        y += tallest


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    yield _choice("instance", "Worker", f"label_values(up{{{JOB}}}, instance)")
    yield _choice("job_type", "Job type", "label_values(llm_worker_fleet_waiting_jobs, job_type)")


def _choice(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _restarts() -> dict[str, Any]:
    return {
        "name": "Restarts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": RED,
        "expr": f'changes(process_start_time_seconds{{{JOB},instance=~"$instance"}}[1m]) > 0',
        "titleFormat": "a worker has started again",
        "textFormat": "{{instance}} {{process}}",
        "step": "60s",
    }
