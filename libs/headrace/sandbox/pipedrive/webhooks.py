"""Turns changes into webhook payloads v1 and v2 and queues them for each subscription that asks for them.

Source: https://pipedrive.readme.io/docs/guide-for-webhooks and …-v2.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from headrace.sandbox.pipedrive import show_v1, show_webhook
from headrace.sandbox.pipedrive.account import Account, Change, Data
from headrace.sandbox.pipedrive.delivery import WebhookDeliveries

ACTIONS_V2 = ("create", "change", "delete", "*")
ACTIONS_V1 = ("added", "updated", "deleted", "merged", "*")
OBJECTS_V2 = (
    "activity",
    "deal",
    "lead",
    "note",
    "organization",
    "person",
    "pipeline",
    "product",
    "stage",
    "user",
    "deal_product",
    "deal_installment",
    "project",
    "task",
    "board",
    "phase",
    "*",
)
OBJECTS_V1 = (
    "activity",
    "activityType",
    "deal",
    "note",
    "organization",
    "person",
    "pipeline",
    "product",
    "stage",
    "user",
    "*",
)
_NAMES_V1 = {"create": "added", "change": "updated", "delete": "deleted"}
_ENTITIES = {"installment": "deal_installment", "activity_type": "activityType"}


class Webhooks:
    """Listens to the account's changes."""

    def __init__(self, account: Account, deliveries: WebhookDeliveries) -> None:
        self._account = account
        self._deliveries = deliveries

    def hear(self, change: Change) -> None:
        """Queue the webhooks of a change inside its transaction."""
        if change.caller.quiet:
            return
        entity = _ENTITIES.get(change.object, change.object)
        hooks = [hook for hook in self._account.living("webhook") if hook["is_active"]]
        if not hooks or (entity not in OBJECTS_V2 and entity not in OBJECTS_V1):
            return
        moment = self._account.clock.now()
        payloads: dict[str, Data] = {}
        correlation_id, event_id = str(uuid.uuid4()), str(uuid.uuid4())
        for hook in self._matching(hooks, change, entity):
            version = hook["version"]
            if version not in payloads:
                payloads[version] = (
                    self._payload_v1(change, entity, moment)
                    if version == "1.0"
                    else self._payload_v2(change, entity, moment, event_id, correlation_id)
                )
            self._queue(hook, payloads[version], change)

    def _matching(self, hooks: list[Data], change: Change, entity: str) -> Iterator[Data]:
        permitted = self.permitted_users(change)
        for hook in hooks:
            is_v1 = hook["version"] == "1.0"
            known = OBJECTS_V1 if is_v1 else OBJECTS_V2
            action = self._action_v1(change) if is_v1 else change.action
            wanted = hook["event_object"] in ("*", entity) and hook["event_action"] in ("*", action)
            if wanted and entity in known and hook["user_id"] in permitted and not self._deliveries.is_banned(hook):
                yield hook

    def permitted_users(self, change: Change) -> list[int]:
        """Return the users who may see the record: all, or owner and admins when it is visible to the owner only."""
        record = change.after or change.before or {}
        users = [user for user in self._account.living("user") if user["active_flag"]]
        owner = record.get("owner_id")
        if record.get("visible_to") == 1:
            users = [user for user in users if user["id"] == owner or user["is_admin"]]
        return [user["id"] for user in users]

    def _queue(self, hook: Data, payload: Data, change: Change) -> None:
        headers = {"user-agent": "Pipedrive Webhooks"}
        if hook["http_auth_user"] is not None:
            pair = f"{hook['http_auth_user']}:{hook['http_auth_password'] or ''}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        own = {"webhook_id": str(hook["id"])}
        if hook["version"] != "1.0":
            own["webhook_owner_id"] = str(hook["owner_id"])
        body = payload | {"meta": payload["meta"] | own}
        twice = self._account.settings.webhook_v1_duplicates and hook["version"] == "1.0" and change.action == "change"
        for _ in range(2 if twice else 1):
            self._deliveries.enqueue(hook["subscription_url"], body, headers=headers, topic=str(hook["id"]))

    def _payload_v2(self, change: Change, entity: str, moment: datetime, event_id: str, correlation_id: str) -> Data:
        account = self._account
        company = account.company()
        data = None if change.after is None else show_webhook.show(account, change.object, change.after)
        previous = None if change.before is None else show_webhook.show(account, change.object, change.before)
        if change.action == "change" and previous is not None and data is not None:
            previous = show_webhook.difference(previous, data)
        is_user = entity == "user"
        meta: Data = {
            "action": change.action,
            "entity": entity,
            "entity_id": str(change.id),
            "company_id": str(company["id"]),
            "correlation_id": correlation_id,
            "id": str(change.id) if is_user else event_id,
            "is_bulk_edit": change.caller.is_bulk,
            "timestamp": int(moment.timestamp()) if is_user else _with_milliseconds(moment),
            "type": "general",
            "user_id": str(change.caller.user_id),
            "version": "2.0",
            "change_source": change.caller.source,
            "attempt": 1,
            "host": f"{company['domain']}.pipedrive.com",
        }
        if not is_user:
            meta["permitted_user_ids"] = [str(id_) for id_ in self.permitted_users(change)]
        if change.merged_to is not None:
            meta["merged_to_id"] = str(change.merged_to)
        if change.merged_from is not None:
            meta["merged_from_id"] = str(change.merged_from)
        return {"meta": meta, "data": data, "previous": previous}

    def _action_v1(self, change: Change) -> str:
        return "merged" if change.merged_from is not None else _NAMES_V1[change.action]

    def _payload_v1(self, change: Change, entity: str, moment: datetime) -> Data:
        account = self._account
        company = account.company()
        action = self._action_v1(change)
        current: Any = None if change.after is None else show_v1.show(account, change.object, change.after)
        previous: Any = None if change.before is None else show_v1.show(account, change.object, change.before)
        if entity == "activity" and current is not None:
            current |= {"send_activity_notifications": True, "activity_notifications_language": "en"}
        if entity == "user":
            current, previous = ([value] if value else None for value in (current, previous))
        matches: Data = {"current": [], "previous": []}
        meta = {
            "v": 1,
            "action": action,
            "object": entity,
            "id": change.id,
            "company_id": company["id"],
            "user_id": change.caller.user_id,
            "host": f"{company['domain']}.pipedrive.com",
            "timestamp": int(moment.timestamp()),
            "timestamp_micro": int(moment.timestamp()) * 1_000_000 + moment.microsecond,
            "change_source": change.caller.source,
            "permitted_user_ids": self.permitted_users(change),
            "trans_pending": False,
            "is_bulk_update": change.caller.is_bulk,
            "pipedrive_service_name": False,
            "matches_filters": matches,
        }
        event = f"{action}.{entity}"
        envelope: Data = {"v": 1, "matches_filters": matches, "meta": meta, "retry": 0, "event": event}
        return envelope | {"current": current, "previous": previous}


def _with_milliseconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
