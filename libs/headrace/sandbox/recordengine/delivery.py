"""How webhooks are sent: exactly 200 is taken, nothing is repeated, every attempt stands in the audit list.

Source: troubleshooting, "Integration issues". Retries and the time-out are assumed (R-12).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import sqlalchemy as sa
from pydantic import Field

from headrace.sandbox.common.deliveries import Deliveries, DeliveryKnobs
from headrace.sandbox.common.encoding import dump_text, load
from headrace.sandbox.recordengine.instance import Instance

_DISFIGURED = "#disfigured"
Shape = Literal["truncated", "form"]


class WebhookKnobs(DeliveryKnobs):
    """What happens to the next deliveries; counts go down as they are used."""

    before_upload_answer_next: int = Field(
        default=0, ge=0, description="uploads that are read and exported at once, and answered after their webhook"
    )
    truncate_next: int = Field(default=0, ge=0, description="the body ends in its middle")
    form_next: int = Field(default=0, ge=0, description="the body is form-encoded")
    wrong_token_next: int = Field(default=0, ge=0)
    no_token_next: int = Field(default=0, ge=0)
    unknown_event_next: int = Field(default=0, ge=0, description="of the newer generation: an event nobody knows")
    unknown_keys_next: int = Field(default=0, ge=0)
    missing_key_next: int = Field(default=0, ge=0)
    missing_key: str = Field(default="external_refs", description="the one that missing_key_next takes away")


class WebhookDeliveries(Deliveries):
    """The common queue, with the vendor's rules and faults of content."""

    knobs_type = WebhookKnobs
    knobs: WebhookKnobs

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance.store, instance.settings, ())
        self._instance = instance
        self._ended = asyncio.Event()

    def accepts(self, status: int) -> bool:
        """Only 200 is taken."""
        return status == 200

    def retry_delays(self) -> Sequence[float]:
        """Return what the settings say; usually none."""
        return self._instance.settings.webhook_retry_seconds

    def timeout(self) -> float:
        """Return what the settings say."""
        return self._instance.settings.webhook_timeout_seconds

    def content(self, row: sa.RowMapping) -> tuple[bytes, Mapping[str, str]]:
        """Return the body, disfigured where a knob said so."""
        found = self._instance.store.get(_DISFIGURED, row["id"])
        body: str = row["payload"]
        if found is None:
            return super().content(row)
        if found.data["shape"] == "truncated":
            return body.encode()[: len(body.encode()) // 2], {"content-type": "application/json"}
        pairs = {name: value if isinstance(value, str) else dump_text(value) for name, value in load(body).items()}
        return urlencode(pairs).encode(), {"content-type": "application/x-www-form-urlencoded"}

    def send(self, channel: str, url: str, body: Mapping[str, Any], token: str) -> str:
        """Queue an event inside the transaction that caused it; return the delivery's id.

        Args:
            channel: where it belongs.
            url: of the channel.
            body: the event.
            token: sent as bearer token; "" for none.
        """
        sent = dict(body)
        if self._used("missing_key_next"):
            sent.pop(self.knobs.missing_key, None)
        if self._used("unknown_keys_next"):
            sent |= {"x_trace": "b1f0", "x_nested": {"anything": [1, None]}}
        event = self._instance.settings.wire.webhook["event"]
        if event in sent and self._used("unknown_event_next"):
            sent[event] = "document.polished"
        token = f"{token}0" if self._used("wrong_token_next") else token
        token = "" if self._used("no_token_next") else token
        shape: Shape | None = "truncated" if self._used("truncate_next") else None
        shape = "form" if shape is None and self._used("form_next") else shape
        headers = {"authorization": f"Bearer {token}"} if token else {}
        delivery = self.enqueue(url, sent, headers=headers, topic=channel)
        if shape is not None:
            self._instance.store.put(_DISFIGURED, delivery, {"shape": shape}, self._instance.now())
        return delivery

    def takes_before_answer(self) -> bool:
        """Whether the next upload is exported before it is answered; counts down."""
        return self._used("before_upload_answer_next")

    def _used(self, knob: str) -> bool:
        left: int = getattr(self.knobs, knob)
        if left:
            setattr(self.knobs, knob, left - 1)
        return left > 0

    async def ended(self, after: int) -> None:
        """Wait until all deliveries with a greater sequence number were answered or given up."""
        while any(row["state"] == "waiting" for row in self.log(after)):
            self._ended.clear()
            await self._ended.wait()

    def _finish(self, row: sa.RowMapping, status: int | None, error: str | None) -> None:
        with self._instance.store.transaction():
            super()._finish(row, status, error)
            payload = load(row["payload"])
            self._instance.audit(
                "webhook",
                channel=row["topic"],
                document_id=payload.get("id"),
                response_code=status,
                error=error,
                attempt=row["attempt"] + 1,
            )
        self._ended.set()
