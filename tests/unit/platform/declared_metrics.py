"""What `libs/headrace/platform/metrics.py` declares: metrics, the series that each is scraped as, words of labels."""

from __future__ import annotations

import json

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from headrace.core.outcome import Outcome, ParkReason
from headrace.pipeline.deciding import RULES
from headrace.platform import metrics
from headrace.platform.paths import schemas_dir

DECLARED = {name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)}
ARRIVALS = next(
    field["type"]["symbols"]
    for field in json.loads((schemas_dir() / "internal" / "delivery.v1.avsc").read_text(encoding="utf-8"))["fields"]
    if field["name"] == "arrival"
)

WORDS: dict[tuple[str, str], set[str]] = {
    ("DELIVERIES", "arrival"): {"webhook", "poll", "load"},
    ("NORMALISED", "arrival"): set(ARRIVALS),
    ("NORMALISED", "result"): {"emitted", "repeated", "echo", "skipped", "ignored", "parked", "requeued"},
    ("POLLS", "result"): {"ok", "later", "stopped"},
    ("MESSAGES_PARKED", "reason"): {ParkReason.UNDECODABLE, ParkReason.REVIEW},
    ("EFFECTS", "outcome"): set(Outcome),
    ("DISMISSED", "rule"): {*RULES, "not taken"},
    ("CONFLICTS", "outcome"): {"source", "target", "review", "put back", "not put back"},
    ("VERIFIED", "result"): {"found", "not found"},
    ("PARKED", "reason"): set(ParkReason) - {ParkReason.UNDECODABLE},
    ("PARKED_OLDEST_SECONDS", "reason"): set(ParkReason) - {ParkReason.UNDECODABLE},
}
"""Labels whose values are closed words of the code."""


def series_of(name: str) -> dict[str, set[str]]:
    """The series of a metric, by their names, with their labels."""
    metric = DECLARED[name]
    labels = set(metric._labelnames)
    if isinstance(metric, Counter):
        return {f"{metric._name}_total": labels}
    if isinstance(metric, Histogram):
        made = {f"{metric._name}_{part}": labels for part in ("count", "sum")}
        return {**made, f"{metric._name}_bucket": labels | {"le"}}
    return {metric._name: labels}
