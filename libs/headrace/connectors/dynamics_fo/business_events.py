"""Business events: what the environment's HTTPS endpoint posts when a transaction commits.

An event names a record and little more, comes at least once, in no order, and after three quick failures not at all;
so it only says what to read, and polls find what it missed. It carries no signature: the endpoint's URL holds a
secret, or a relay adds Basic credentials. Source: Microsoft, "Business events overview" and developer documentation.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.entity_sets import Field
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS
from headrace.core.contracts import Notice, WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref
from headrace.core.ids import fingerprint
from headrace.platform.json_text import parse_json
from headrace.platform.secrets import Secret

TEST_EVENT = "BusinessEventsTestEndpointContract"
"""Sent when an endpoint is saved; it must be taken, or the endpoint is not created."""


def verify(config: DynamicsFoConfig, request: WebhookRequest) -> None:
    """Believe a request only if it carries an accepted code or login; compared in constant time.

    Raises:
        DeliveryRefused: 401 without either, or when no webhook is configured; 415 when the body is not JSON.
    """
    webhook = config.webhook
    if webhook is None:
        raise DeliveryRefused(401, "no webhook is configured")
    known = _one_of(request.query.get("code", ""), webhook.codes)
    user, password = _basic(request.headers.get("authorization", ""))
    for login in webhook.basic:
        same_user = hmac.compare_digest(user.encode(), login.user.encode())
        known |= _one_of(password, [login.password]) and same_user
    if not known:
        raise DeliveryRefused(401, "unknown sender")
    content_type = request.headers.get("content-type", "")
    if content_type and "json" not in content_type:
        raise DeliveryRefused(415, "not JSON")


def notice(config: DynamicsFoConfig, request: WebhookRequest) -> Notice:
    """Return which record an event is about.

    Events that no rule names, events of companies that are not configured, the endpoint test, and events whose key is
    empty (an invoice of several orders) need no work.

    Raises:
        DeliveryRefused: the body is not a business event.
    """
    event = _event(request.body)
    event_id = event["BusinessEventId"]
    delivery_id = str(event.get("EventId") or f"{event_id}:{event.get('ControlNumber') or fingerprint(request.body)}")
    rule = config.events.get(event_id)
    company = str(event.get("LegalEntity") or event.get("BusinessEventLegalEntity") or "").lower()
    if event_id == TEST_EVENT or rule is None or company not in config.legal_entities:
        return Notice(None, delivery_id)
    missing = [field for field in rule.key.values() if field not in event]
    if missing:
        raise DeliveryRefused(400, f"event without {', '.join(missing)}")
    entity_set = ENTITY_SETS[rule.object]
    key = {entity_set.company: company, **{name: event[field] for name, field in rule.key.items()}}
    odd = [rule.key[name] for name in rule.key if not _is_key_part(key[name], entity_set.field(name))]
    if odd:
        raise DeliveryRefused(400, f"event with something else than a key in {', '.join(odd)}")
    if any(value in (None, "") for value in key.values()):
        return Notice(None, delivery_id)
    return Notice(Ref(rule.object, odata.target_id(entity_set, key)), delivery_id)


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = parse_json(body)
    except (ValueError, RecursionError):
        raise DeliveryRefused(400, "body is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("BusinessEventId"), str):
        raise DeliveryRefused(400, "body is not a business event")
    return event


def _is_key_part(value: Any, field: Field) -> bool:
    """Say whether a value of an event can stand in a key: text, or a number where the field is one."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return field.kind in ("integer", "decimal", "string")
    return value is None or isinstance(value, str)


def _one_of(given: str, accepted: list[Secret]) -> bool:
    """Compare with every accepted value, whatever the first ones say."""
    found = False
    for secret in accepted:
        found |= hmac.compare_digest(given.encode(), secret.get_secret_value().encode())
    return found


def _basic(header: str) -> tuple[str, str]:
    """Return user and password of a Basic header, empty if there is none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII to begin with, or not UTF-8 inside
        return "", ""
    return user, password
