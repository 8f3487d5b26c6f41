"""Every metric of Headrace, declared once, with help and bounded labels.

Labels are names that configuration and mappings give (connection, entity, object, rule), operations of connectors, and
closed words such as those of `headrace.core.outcome`; never ids or free text. Gauges of a worker's progress are read
when they are scraped and cost nothing in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
AGE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
"""Up to a day: what was parked is finished late."""

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


def _remembering(metric: Metric) -> Metric:
    """Let `labels` remember what it gave: finding a child takes 0.1 µs instead of 1.2 µs. Children stay for ever."""
    metric.labels = cache(metric.labels)  # type: ignore[method-assign]
    return metric


def _counter(name: str, text: str, *labels: str) -> Counter:
    return _remembering(Counter(name, text, labels))


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return _remembering(Gauge(name, text, labels))


def _histogram(name: str, text: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return _remembering(Histogram(name, text, labels, buckets=buckets))


# --- intake ---

DELIVERIES = _counter(
    "headrace_deliveries_total",
    "Deliveries made durable in an inbox, by arrival: webhook, poll, load (I1).",
    "connection",
    "arrival",
)
DELIVERIES_REPEATED = _counter(
    "headrace_deliveries_repeated_total",
    "Webhooks whose delivery id was durable already: answered as received and not kept again.",
    "connection",
)
REFUSED = _counter(
    "headrace_deliveries_refused_total",
    "Webhook requests answered with 4xx or 503; the connection is empty if the address names none of ours.",
    "connection",
    "status",
)
RECEIVE_SECONDS = _histogram(
    "headrace_receive_seconds", "From a webhook request to its answer.", "connection", buckets=CALL_BUCKETS
)
POLLS = _counter(
    "headrace_polls_total", "Polls finished, by result: ok, later, stopped.", "connection", "object", "result"
)
NORMALISED = _counter(
    "headrace_normalised_total",
    "Deliveries normalised, by result: emitted, repeated, echo, skipped, ignored, parked, requeued.",
    "connection",
    "arrival",
    "result",
)
SKIPPED = _counter(
    "headrace_skipped_total",
    "Records that a rule of their mapping did not let through; one that had passed before is told as gone.",
    "connection",
    "entity",
    "rule",
)
EVENTS = _counter("headrace_events_total", "Canonical events emitted.", "connection", "entity")
ATTACHMENT_BYTES = _counter(
    "headrace_attachment_bytes_total",
    "Bytes of files stored with records, such as images of invoices; their topic keeps them for 180 days.",
    "connection",
)
MESSAGES_PARKED = _counter(
    "headrace_messages_parked_total",
    "Messages that no state holds, kept in parked.<connection> with their bytes, by reason: undecodable, review.",
    "connection",
    "reason",
)

# --- events on a target ---

EFFECTS = _counter(
    "headrace_effects_total", "Events finished on a target, by outcome.", "connection", "entity", "outcome"
)
DISMISSED = _counter(
    "headrace_dismissed_total",
    "Events that needed no work on a target, by rule: seen, stale, parked already, own change, not taken.",
    "connection",
    "rule",
)
CONFLICTS = _counter(
    "headrace_conflicts_total",
    "Fields that two systems changed, by whose value counts: source, target, review; or put back, not put back.",
    "connection",
    "entity",
    "outcome",
)
HOLDS = _counter(
    "headrace_holds_total",
    "Tries at which a new record was held back by a fact of a record that it refers to, by the mapping's rule.",
    "connection",
    "rule",
)
EVENT_AGE_SECONDS = _histogram(
    "headrace_event_age_seconds",
    "From observed at the source to finished on the target.",
    "connection",
    buckets=AGE_BUCKETS,
)

# --- the effect protocol ---

UNKNOWN = _counter("headrace_unknown_outcomes_total", "Changing calls whose outcome was unknown (I4).", "connection")
UNVERIFIED = _gauge(
    "headrace_unverified", "Changes whose outcome is unknown and being looked up now (I4).", "connection"
)
VERIFIED = _counter(
    "headrace_verified_total",
    "Look-ups that settled an unknown outcome, by result: found, not found.",
    "connection",
    "result",
)

# --- parked work ---

PARKED = _gauge(
    "headrace_parked",
    "Canonical ids parked now, by reason: waiting, review, rejected, unknown.",
    "connection",
    "reason",
)
PARKED_OLDEST_SECONDS = _gauge(
    "headrace_parked_oldest_seconds",
    "Age of the work that has been parked longest, by reason; 0 if there is none.",
    "connection",
    "reason",
)
WAITING = _gauge(
    "headrace_waiting",
    "Canonical ids that wait now, by what for: an entity, the target's own word, the target itself.",
    "connection",
    "what",
)
WAITING_OLDEST_SECONDS = _gauge(
    "headrace_waiting_oldest_seconds",
    "Age of the work that has waited longest, by what for; 0 if there is none.",
    "connection",
    "what",
)

# --- calls ---

CALL_SECONDS = _histogram(
    "headrace_call_seconds",
    "HTTP calls to a system, by operation and status or kind of failure.",
    "connection",
    "operation",
    "status",
    buckets=CALL_BUCKETS,
)
BUDGET_LEFT = _gauge(
    "headrace_budget_left", "What is left of a connection's budget, as its system told last.", "connection", "budget"
)
PAUSE_LEFT_SECONDS = _gauge(
    "headrace_pause_left_seconds", "Until calls go on that the system asked to pause.", "connection"
)
TOKEN_LEFT_SECONDS = _gauge(
    "headrace_token_left_seconds",
    "Until the access token expires; it is renewed by the next call, so an idle connection's may run out.",
    "connection",
)
CONNECTION_STOPPED = _gauge(
    "headrace_connection_stopped", "1 while a connection waits for an operator, else 0.", "connection"
)

# --- a worker's progress ---

IN_FLIGHT = _gauge(
    "headrace_in_flight", "Messages received and not finished: worked on, or queued behind their record.", "connection"
)
LAG_SECONDS = _gauge(
    "headrace_lag_seconds",
    "Since the oldest unfinished message was written to its topic; 0 if none is open.",
    "connection",
)
OLDEST_UNACKED_SECONDS = _gauge(
    "headrace_oldest_unacked_seconds",
    "Since the oldest unfinished message was received: it holds back the commit. 0 if none is open.",
    "connection",
)
COMMIT_AGE_SECONDS = _gauge(
    "headrace_commit_age_seconds", "Since offsets were committed, or there was nothing to commit (I2).", "connection"
)
REBALANCES = _counter(
    "headrace_rebalances_total", "Assignments of partitions taken up, the first included.", "connection"
)


def show_source(connection: str) -> None:
    """Show what is rare among a source's deliveries from 0 on: Prometheus sees no increase in what begins with 1."""
    DELIVERIES_REPEATED.labels(connection)
    for status in ("401", "503"):
        REFUSED.labels(connection, status)


def show_target(connection: str, owned: Iterable[str]) -> None:
    """Show what is rare among a target's changes from 0 on, as `show_source` does; `owned` are entities with rules."""
    UNKNOWN.labels(connection)
    UNVERIFIED.labels(connection)
    for result in ("found", "not found"):
        VERIFIED.labels(connection, result)
    for entity in owned:
        for outcome in ("source", "target", "review", "put back", "not put back"):
            CONFLICTS.labels(connection, entity, outcome)
