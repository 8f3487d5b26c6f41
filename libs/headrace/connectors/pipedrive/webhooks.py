"""Webhooks of both versions: who sent them, which record they are about, and what a deletion leaves behind.

Deliveries are unsigned, unordered and thin, so only deletions are taken from their body; all else is read anew.
Source: https://pipedrive.readme.io/docs/guide-for-webhooks-v2 and the guide for webhooks v1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import Definitions
from headrace.connectors.pipedrive.objects import CUSTOM, KINDS, MERGED_INTO
from headrace.connectors.pipedrive.reading import moment, typed, version_of
from headrace.core.contracts import Notice, Record, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord
from headrace.core.event import Ref
from headrace.platform.json_text import parse_json

_OF_A_DEAL = frozenset({"deal_product", "deal_installment"})
"""Entities that change what a deal says; a notice of one is a notice of its deal."""
_DELETIONS = ("delete", "deleted")


def verify(config: PipedriveConfig, request: WebhookRequest) -> None:
    """Check Basic credentials, or the signature of a relay, in constant time; then the content type.

    Raises:
        DeliveryRefused: 401, or 415 for a body that is not JSON.
    """
    webhook = config.webhook
    if webhook is None:
        raise DeliveryRefused(401, "webhooks are not configured")
    trusted = False
    logins, secrets = webhook.all_logins, webhook.all_secrets
    given = _digest(_basic(request.headers.get("authorization", ""))) if logins else b""
    for login in logins:  # all of them, whatever was found, so that time tells nothing
        expected = _digest(f"{login.user}:{login.password.get_secret_value()}".encode())
        trusted |= hmac.compare_digest(given, expected)
    signature = request.headers.get(webhook.signature_header.lower(), "").strip().lower().encode() if secrets else b""
    for secret in secrets:
        computed = hmac.digest(secret.get_secret_value().encode(), request.body, "sha256").hex()
        trusted |= hmac.compare_digest(signature, computed.encode())  # lengths are no secret here
    if not trusted:
        raise DeliveryRefused(401, "credentials do not match")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise DeliveryRefused(415, "not application/json")


def notice(config: PipedriveConfig, request: WebhookRequest) -> Notice:
    """Return which record a delivery is about. Objects that are not configured need no work.

    Raises:
        DeliveryRefused: 400, not a webhook of a version that is accepted.
    """
    try:
        body = parse_json(request.body)
    except (ValueError, RecursionError):
        raise DeliveryRefused(400, "not JSON") from None
    meta = body.get("meta") if isinstance(body, Mapping) else None
    if not isinstance(meta, Mapping):
        raise DeliveryRefused(400, "not a Pipedrive webhook")
    webhook = config.webhook
    version = _version(meta)
    if version is None or webhook is None or not webhook.accepts(version):
        raise DeliveryRefused(400, "webhook version not accepted")
    entity, id_ = _subject(meta)
    if not entity or not id_:
        raise DeliveryRefused(400, "names no record")
    delivery_id = _delivery_id(meta, entity, id_)
    if entity in _OF_A_DEAL:
        id_ = _deal_of(body)
        entity = "deal"
    if entity not in config.objects or not id_:
        return Notice(None, delivery_id)
    if not (id_.isascii() and id_.isdigit()):
        raise DeliveryRefused(400, "names no record")
    return Notice(Ref(entity, id_), delivery_id)


def decode(config: PipedriveConfig, ref: Ref, body: bytes, definitions: Definitions | None) -> Record | None:
    """Return the record of a deletion with what its body still knows; None for all else, which is read anew.

    `Record.own` is told here only: bodies name the user who made a change, records do not. Echoes of other changes
    are recognised by version and content.

    Raises:
        RejectRecord: the bytes are not the webhook that `notice` saw.
    """
    try:
        message = parse_json(body)
        meta = message["meta"]
        entity, id_ = _subject(meta)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise RejectRecord(
            "webhook unreadable", f"{ref.object} {ref.external_id}: the stored body is no webhook"
        ) from None
    if meta.get("action") not in _DELETIONS or (entity, id_) != (ref.object, ref.external_id):
        return None
    changed_at = _changed_at(meta)
    data = _last_state(ref, message.get("previous"), definitions)
    survivor = str(meta.get("merged_to_id") or "")
    if survivor.isascii() and survivor.isdigit():
        data[MERGED_INTO] = survivor
    # Whole seconds as `update_time` has: a record that is restored in the same second is not older than its deletion.
    version = version_of(changed_at.replace(microsecond=0)) if changed_at else ""
    return Record(ref, data, version=version, modified_at=changed_at, deleted=True, own=_is_own(config, meta))


def _basic(header: str) -> bytes:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _digest(value: bytes) -> bytes:
    """Equal lengths, so that a comparison does not tell the length of a secret."""
    return hashlib.sha256(value).digest()


def _version(meta: Mapping[str, Any]) -> Any:
    if "entity" in meta and str(meta.get("version", "")).startswith("2"):
        return "2"
    return "1" if "object" in meta else None


def _subject(meta: Mapping[str, Any]) -> tuple[str, str]:
    if "entity" in meta:
        return str(meta["entity"]), str(meta.get("entity_id") or "")
    return str(meta.get("object") or ""), str(meta.get("id") or "")


def _delivery_id(meta: Mapping[str, Any], entity: str, id_: str) -> str:
    """Return an id that stays the same when the sender tries again; only `attempt` and `retry` then differ."""
    if "entity" in meta:
        return str(meta.get("id") or "") or f"{meta.get('webhook_id')}:{meta.get('timestamp')}:{entity}:{id_}"
    return f"{meta.get('webhook_id')}:{meta.get('timestamp_micro') or meta.get('timestamp')}:{entity}:{id_}"


def _deal_of(body: Mapping[str, Any]) -> str:
    for part in ("data", "current", "previous"):
        state = body.get(part)
        if isinstance(state, Mapping) and state.get("deal_id"):
            return str(state["deal_id"])
    return ""


def _changed_at(meta: Mapping[str, Any]) -> datetime | None:
    stamp = meta.get("timestamp")
    if isinstance(stamp, int) and not isinstance(stamp, bool):
        try:
            return datetime.fromtimestamp(stamp, UTC)
        except (OverflowError, ValueError, OSError):
            return None
    found = moment(stamp)
    return found if isinstance(found, datetime) else None


def _is_own(config: PipedriveConfig, meta: Mapping[str, Any]) -> bool:
    user = config.integration_user_id
    return user is not None and meta.get("change_source") == "api" and str(meta.get("user_id")) == str(user)


def _last_state(ref: Ref, previous: Any, definitions: Definitions | None) -> dict[str, Any]:
    if not isinstance(previous, Mapping):
        return {}
    kind = KINDS[ref.object]
    known = {name: _plain(value) for name, value in previous.items() if name in kind.fields}
    data = typed(known, kind.fields)
    values = previous.get("custom_fields")
    if isinstance(values, Mapping) and definitions is not None:
        data[CUSTOM] = definitions.readable({code: _unwrapped(value) for code, value in values.items()})
    return data


def _plain(value: Any) -> Any:
    """v1 shows related records as objects whose id is under `value`."""
    return value.get("value", value.get("id")) if isinstance(value, Mapping) else value


def _unwrapped(value: Any) -> Any:
    """Return a webhook's typed value in the form of REST v2."""
    if not isinstance(value, Mapping) or "type" not in value:
        return value
    parts = {name: part for name, part in value.items() if name != "type"}
    if "values" in parts and isinstance(parts["values"], list):
        return [item.get("id") for item in parts["values"] if isinstance(item, Mapping)]
    if set(parts) in ({"value"}, {"id"}):
        return next(iter(parts.values()))
    if "from" in parts:
        parts["value"] = parts.pop("from")
    return parts
