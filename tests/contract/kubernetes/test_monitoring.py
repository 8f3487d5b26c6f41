"""Dashboard and alerts ask for what the processes tell, and tell people what to do."""

from __future__ import annotations

import importlib.util
import json
import re
from itertools import combinations
from types import ModuleType
from typing import Any

import pytest
import yaml

from headrace.mapping.documents import InMapping
from headrace.mapping.loading import load_directory
from tests.contract.kubernetes.promql import SERIES, kept, problems_of, selectors
from tests.contract.kubernetes.rendering import EXAMPLE, K8S, ROOT, of, render
from tests.unit.platform.declared_metrics import DECLARED

MONITORING = K8S / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboards" / "headrace.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = yaml.safe_load((MONITORING / "rules" / "headrace.yaml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["spec"]["groups"] for rule in group["rules"]]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EACH_PANEL = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
EACH_ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", MONITORING / "dashboards" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown file has, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


# --- queries ---


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_a_panel_asks_for_what_is_told(title: str, expression: str) -> None:
    assert problems_of(expression) == []


@EACH_ALERT
def test_an_alert_asks_for_what_is_told(alert: dict[str, Any]) -> None:
    assert problems_of(alert["expr"]) == []


def test_every_metric_is_shown() -> None:
    shown = {SERIES[each.series][0] for _, expression in QUERIES for each in selectors(expression)}

    assert shown - {""} == set(DECLARED)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("headrace_nothing", "headrace_nothing is not declared"),
        ('headrace_parked{raeson="review"}', "headrace_parked has no label raeson"),
        ('headrace_parked{reason=~"review|refused"}', "reason of headrace_parked is never review|refused"),
        ("sum by (entity) (headrace_parked)", "headrace_parked is summed by entity"),
        ("headrace_events_total > 0", "headrace_events_total is a counter: its rate counts"),
        ("rate(headrace_parked[5m])", "headrace_parked is a gauge: it has no rate"),
    ],
)
def test_what_is_wrong_is_found(expression: str, problem: str) -> None:
    assert problems_of(expression) == [problem]


def test_what_is_no_promql_is_found() -> None:
    with pytest.raises(ValueError):
        problems_of("sum by (connection (headrace_parked)")


# --- the dashboard ---


def test_the_dashboard_is_what_its_panels_make() -> None:
    assert (MONITORING / "dashboards" / "headrace.json").read_text(encoding="utf-8") == builder().text(), (
        "make dashboard"
    )


def test_panels_have_ids_and_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]

    assert len(set(ids)) == len(ids)
    assert not [place for place in places if place["x"] < 0 or place["x"] + place["w"] > 24 or place["h"] < 1]
    assert not [
        (one, other)
        for one, other in combinations(places, 2)
        if one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    ]


@EACH_PANEL
def test_a_panel_says_what_it_shows_and_what_to_do(panel: dict[str, Any]) -> None:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert panel["fieldConfig"]["defaults"]["unit"] in ("cps", "s", "short", "percentunit", "bytes")
    assert len(panel["description"]) > 80
    assert re.search(r"\bRed\b", panel["description"]) or len(steps) == 1
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept(target["expr"])


def test_no_data_source_is_built_in() -> None:
    found = re.findall(r'"datasource": {"type": "prometheus", "uid": "(.*?)"}', json.dumps(DASHBOARD))
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}

    assert set(found) == {"${datasource}"}
    assert len(found) == json.dumps(DASHBOARD).count('"datasource": {')
    assert variables["datasource"]["type"] == "datasource"
    used = set(re.findall(r"\$(\w+)", " ".join(expression for _, expression in QUERIES))) - {"__rate_interval"}
    assert used == set(variables) - {"datasource"}


def test_the_sidecar_of_grafana_finds_it() -> None:
    (found,) = [each for each in of("ConfigMap", render(EXAMPLE)) if each["metadata"]["name"] == "headrace-dashboards"]

    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["headrace.json"]) == DASHBOARD


# --- alerts ---


@EACH_ALERT
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    notes = alert["annotations"]
    path, _, anchor = notes["runbook"].partition("#")

    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(notes) == {"summary", "description", "runbook"}
    assert anchor in anchors((ROOT / path).read_text(encoding="utf-8"))
    assert set(re.findall(r"\$labels\.(\w+)", " ".join(notes.values()))) <= kept(alert["expr"])


def test_a_rule_that_an_alert_names_is_one_of_a_mapping() -> None:
    mappings = load_directory(ROOT / "services" / "ingest" / "mappings")
    rules = {rule for each in mappings if isinstance(each, InMapping) for rule in each.when}
    named = {
        value
        for alert in ALERTS
        for each in selectors(alert["expr"])
        for label, value in each.matchers
        if (each.series, label) == ("headrace_skipped_total", "rule")
    }

    assert named == {"payment-in-error"}
    assert named <= rules


def test_alerts_have_names_of_their_own() -> None:
    names = [alert["alert"] for alert in ALERTS]

    assert len(set(names)) == len(names)


def test_every_runbook_has_its_alert() -> None:
    text = (MONITORING / "runbooks.md").read_text(encoding="utf-8")
    told = {alert["annotations"]["runbook"].partition("#")[2] for alert in ALERTS}

    assert anchors(text) - told == {"what-to-do-about-an-alert"}
