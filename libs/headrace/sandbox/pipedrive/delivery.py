"""How Pipedrive delivers webhooks: four attempts, a ban after ten failed first attempts, removal after three bad days.

Source: "Webhooks" guides; retry delays 3, 30 and 150 seconds, an answer is awaited for 10 seconds, only 2xx counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.encoding import dump_text, load
from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.times import from_v2

RETRY_DELAYS = (3.0, 30.0, 150.0)
TIMEOUT_SECONDS = 10.0


class WebhookDeliveries(Deliveries):
    """The common queue, with Pipedrive's numbering of attempts and its record of how each webhook fares."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.store, account.settings, RETRY_DELAYS, timeout_seconds=TIMEOUT_SECONDS)
        self._account = account

    def is_banned(self, hook: Data) -> bool:
        """Whether events are lost at present because too many first attempts failed."""
        until = self._health(hook["id"]).get("banned_until")
        return until is not None and self._account.clock.now() < datetime.fromisoformat(until)

    def _health(self, hook_id: int | str) -> Data:
        record = self._account.store.get("webhook_health", str(hook_id))
        return {"failures": 0, "banned_until": None, "last_success": None} if record is None else dict(record.data)

    async def _send_all(self, client: httpx.AsyncClient, rows: Sequence[Any]) -> None:
        await super()._send_all(client, [*map(_numbered, rows)])

    def _finish(self, row: Any, status: int | None, error: str | None) -> None:
        with self._account.store.transaction():
            super()._finish(row, status, error)
            self._note_attempt(row["topic"], row["attempt"] + 1, status)

    def _note_attempt(self, hook_id: str, attempt: int, status: int | None) -> None:
        account, store = self._account, self._account.store
        hook = account.get("webhook", hook_id)
        if hook is None:
            return
        now, health = account.clock.now(), self._health(hook_id)
        delivered = status is not None and 200 <= status < 300
        if delivered:
            health["last_success"] = now.isoformat()
            if account.settings.webhook_success_clears_failures:
                health["failures"] = 0
        elif attempt == 1:
            health["failures"] += 1
            if health["failures"] >= account.settings.webhook_ban_after:
                until = now + timedelta(seconds=account.settings.webhook_ban_seconds)
                health |= {"failures": 0, "banned_until": until.isoformat()}
        changes: Data = {"last_delivery_time": account.now(), "last_http_status": status}
        if not delivered and self._is_hopeless(hook, health, now):
            changes |= {"is_active": 0, "is_deleted": True, "update_time": account.now()}
            changes |= {"remove_time": account.now(), "remove_reason": "No successful delivery on consecutive days"}
        store.put("webhook_health", hook_id, health, now)
        store.put("webhook", hook_id, hook | changes, now)

    def _is_hopeless(self, hook: Data, health: Mapping[str, Any], now: datetime) -> bool:
        last = health["last_success"]
        since = from_v2(hook["add_time"]) if last is None else datetime.fromisoformat(last)
        return now - since >= timedelta(days=self._account.settings.webhook_days_until_removed)


def _numbered(row: Any) -> Any:
    """Return a queued delivery whose payload tells which attempt it is."""
    if not row["attempt"]:
        return row
    payload = load(row["payload"])
    if "retry" in payload:
        payload["retry"] = row["attempt"]
    else:
        payload["meta"]["attempt"] = row["attempt"] + 1
    return {**row, "payload": dump_text(payload)}
