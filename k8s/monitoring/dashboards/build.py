"""Writes headrace.json, the Grafana dashboard, from panels.yaml: ids, places and colours follow from what stands there.

A test compares both, and another holds every query against `libs/headrace/platform/metrics.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
FILE = FOLDER / "headrace.json"
WIDTH, HEIGHT, COLUMNS = 8, 8, 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OWN = 'job=~"$service",connection=~"$connection"'
ASKED = (
    # No value for "all", so that it means the jobs that have a metric of ours, whatever else is scraped.
    ("service", "Service", 'label_values({__name__=~"headrace_.+"}, job)', None),
    # Anything, because a webhook to an unknown address has no connection.
    ("connection", "Connection", 'label_values({__name__=~"headrace_.+",job=~"$service"}, connection)', ".*"),
)


def text() -> str:
    """Return the content of headrace.json."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana 12 imports it; 42 is the last version of this format."""
    return {
        "uid": "headrace",
        "title": "Headrace",
        "description": "What comes in, what becomes of it, and what waits. What to do: k8s/monitoring/runbooks.md",
        "tags": ["headrace"],
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": _variables()},
        "panels": _panels(yaml.safe_load((FOLDER / "panels.yaml").read_text(encoding="utf-8"))),
    }


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}
    asked = [
        {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": query, "refId": name},
            "definition": query,
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": every,
            "current": {"text": ["All"], "value": ["$__all"]},
        }
        for name, label, query, every in ASKED
    ]
    return [source, *asked]


def _panels(rows: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    y = 0
    for title, panels in rows.items():
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        row = {"id": len(made) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        made.append(row)
        x, y = 0, y + 1
        for panel in panels:
            width = panel.get("width", WIDTH)
            if x + width > COLUMNS:
                x, y = 0, y + HEIGHT
            made.append(_graph(panel, len(made) + 1, {"x": x, "y": y, "w": width, "h": HEIGHT}))
            x += width
        y += HEIGHT
    return made


def _graph(panel: Mapping[str, Any], number: int, place: Mapping[str, int]) -> dict[str, Any]:
    red, low, stacked = panel.get("red"), panel.get("low", False), panel.get("stacked", False)
    steps = [{"color": "red" if low else "green", "value": None}]
    if red is not None:
        steps.append({"color": "green" if low else "red", "value": red})
    defaults = {
        "unit": panel["unit"],
        "min": 0,
        "color": {"mode": "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if red is None else "line"},
        },
    }
    return {
        "id": number,
        "type": "timeseries",
        "title": panel["title"],
        "description": panel["text"],
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": SOURCE,
                "expr": expression.replace("OWN", OWN),
                "legendFormat": legend,
            }
            for index, (legend, expression) in enumerate(panel["queries"].items())
        ],
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
