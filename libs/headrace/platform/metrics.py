"""Every metric of Headrace, declared once, with help and bounded labels.

Labels are connection names, entities and the closed words of `headrace.core.outcome`; never ids or free text.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

DELIVERIES = Counter(
    "headrace_deliveries_total", "Deliveries made durable in an inbox (I1).", ["connection", "arrival"]
)
REFUSED = Counter(
    "headrace_deliveries_refused_total", "Webhook requests answered with 4xx or 503.", ["connection", "status"]
)
RECEIVE_SECONDS = Histogram(
    "headrace_receive_seconds", "Webhook request to durable delivery.", ["connection"], buckets=SECONDS
)
NORMALISED = Counter(
    "headrace_normalised_total",
    "Deliveries normalised, by result: emitted, repeated, echo, skipped, ignored, parked, requeued.",
    ["connection", "result"],
)
EVENTS = Counter("headrace_events_total", "Canonical events emitted.", ["connection", "entity"])
EFFECTS = Counter(
    "headrace_effects_total", "Events finished on a target, by outcome.", ["connection", "entity", "outcome"]
)
UNKNOWN = Counter("headrace_unknown_outcomes_total", "Changing calls whose outcome was unknown (I4).", ["connection"])
VERIFIED = Counter("headrace_verified_total", "Look-ups after an unknown outcome, by result.", ["connection", "result"])
PARKED = Gauge("headrace_parked", "Canonical ids parked now, by reason.", ["connection", "reason"])
LAG_SECONDS = Histogram(
    "headrace_event_age_seconds",
    "From observed at the source to finished on the target.",
    ["connection"],
    buckets=SECONDS,
)
CALL_SECONDS = Histogram(
    "headrace_call_seconds", "HTTP calls to a system.", ["connection", "operation", "status"], buckets=SECONDS
)
BUDGET_LEFT = Gauge("headrace_budget_left", "What is left of a connection's budget.", ["connection", "budget"])
TOKEN_SECONDS_LEFT = Gauge("headrace_token_seconds_left", "Until the access token expires.", ["connection"])
IN_FLIGHT = Gauge("headrace_in_flight", "Events being worked on.", ["connection"])
OLDEST_UNACKED_SECONDS = Gauge(
    "headrace_oldest_unacked_seconds", "Age of the oldest event that holds back the commit.", ["connection"]
)
CONNECTION_STOPPED = Gauge("headrace_connection_stopped", "1 while a connection waits for an operator.", ["connection"])
POLLS = Counter("headrace_polls_total", "Polls finished, by result.", ["connection", "object", "result"])
