"""Endpoints that manage webhook subscriptions (v1, also for webhooks v2). There is no update.

Source: "Webhooks" of the v1 reference; error shapes of these endpoints differ from all others.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Reply
from headrace.sandbox.pipedrive.errors import ApiError, webhook_error
from headrace.sandbox.pipedrive.webhooks import ACTIONS_V1, ACTIONS_V2, OBJECTS_V1, OBJECTS_V2

CONNECT_SECONDS = 3.0
_BAD_URL = {"subscription_url": ["invalid or non-reachable URL"]}
_INTERNAL = ("is_deleted", "update_time", "client_id")


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    scope = ("admin", "webhooks")
    return [
        Endpoint("v1", "GET", "/webhooks", _list, 10, scope),
        Endpoint("v1", "POST", "/webhooks", _create, 10, scope),
        Endpoint("v1", "DELETE", "/webhooks/{id}", _delete, 6, scope),
    ]


def _shown(hook: Data) -> Data:
    return {key: value for key, value in hook.items() if key not in _INTERNAL}


def _mine(call: Call) -> list[Data]:
    hooks = [hook for hook in call.account.living("webhook") if hook["admin_id"] == call.caller.user_id]
    return [hook for hook in hooks if call.client_id in (None, hook["client_id"])]


def _list(call: Call) -> Reply:
    return Reply({"status": "ok", "success": True, "data": [_shown(hook) for hook in _mine(call)]})


def _create(call: Call) -> Reply:
    account, body = call.account, call.body()
    if not isinstance(body, dict):
        raise webhook_error(400, {"body": ["must be an object"]})
    version = str(body.get("version") or "2.0")
    _check(call, body, version)
    if len(_mine(call)) >= account.settings.webhook_limit:
        raise webhook_error(422, {"limit": ["the maximum number of webhooks is reached"]})
    now = account.now()
    hook: Data = {
        "id": account.next_id("webhook"),
        "company_id": account.company()["id"],
        "owner_id": call.caller.user_id,
        "user_id": body.get("user_id") or call.caller.user_id,
        "event_action": body["event_action"],
        "event_object": body["event_object"],
        "subscription_url": body["subscription_url"],
        "version": version,
        "is_active": 1,
        "add_time": now,
        "remove_time": None,
        "type": "general" if call.client_id is None else "application",
        "http_auth_user": body.get("http_auth_user"),
        "http_auth_password": body.get("http_auth_password"),
        "remove_reason": None,
        "last_delivery_time": None,
        "last_http_status": None,
        "admin_id": call.caller.user_id,
        "name": body["name"],
        "client_id": call.client_id,
        "is_deleted": False,
        "update_time": now,
    }
    account.store.put("webhook", str(hook["id"]), hook, account.clock.now())
    key = str(hook["id"])
    account.ledger.append("webhook", key, "create", _safe(body), None, _safe(hook), call.caller.note)
    return Reply({"status": "ok", "success": True, "data": _shown(hook)}, 201)


def _safe(data: Data) -> Data:
    """Return the data without its password, for the ledger (I10)."""
    return {key: value for key, value in data.items() if key != "http_auth_password"}


def _check(call: Call, body: Data, version: str) -> None:
    if version not in ("1.0", "2.0"):
        raise webhook_error(400, {"version": ["must be 1.0 or 2.0"]})
    errors: dict[str, list[str]] = {}
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        errors["name"] = ["must be a text of 1 to 255 characters"]
    if body.get("event_action") not in (ACTIONS_V1 if version == "1.0" else ACTIONS_V2):
        errors["event_action"] = ["invalid event action"]
    if body.get("event_object") not in (OBJECTS_V1 if version == "1.0" else OBJECTS_V2):
        errors["event_object"] = ["invalid event object"]
    user = body.get("user_id")
    if user is not None and not (isinstance(user, int) and call.account.exists("user", user)):
        errors["user_id"] = ["not found"]
    if not _is_acceptable(body.get("subscription_url"), call.account.settings.webhook_url_check):
        errors |= _BAD_URL
    if errors:
        raise webhook_error(400, errors)


def _is_acceptable(url: Any, check: str) -> bool:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.hostname == "pipedrive.com" or parts.hostname.endswith(".pipedrive.com"):
        return False
    if check == "public":
        return parts.scheme == "https" and _is_public(parts.hostname)
    if check == "reachable":
        # Blocks the sandbox for as long as it takes; only where the switch asks for it.
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname, port), CONNECT_SECONDS).close()
        except OSError:
            return False
    return True


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))


def _delete(call: Call) -> Reply:
    account = call.account
    hook = account.get("webhook", call.path["id"])
    if hook is None or hook["is_deleted"]:
        raise webhook_error(404, {"id": ["not found"]})
    if hook["admin_id"] != call.caller.user_id or (call.client_id and hook["client_id"] != call.client_id):
        raise ApiError(403, {"success": False, "message": "Forbidden"})
    now = account.now()
    after = hook | {"is_deleted": True, "is_active": 0, "remove_time": now, "update_time": now}
    account.store.put("webhook", str(hook["id"]), after, account.clock.now())
    account.ledger.append("webhook", str(hook["id"]), "delete", {}, _safe(hook), _safe(after), call.caller.note)
    return Reply({"status": "ok", "success": True})
