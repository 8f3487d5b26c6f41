"""Outgoing webhooks and events: a durable queue, the vendor's retry schedule, and knobs for what networks do to it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from headrace.sandbox.common.encoding import dump_bytes, dump_text, load
from headrace.sandbox.common.requests import without_secrets
from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.common.store import Store, metadata

_deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("due", sa.Float, nullable=False),
)
_WAITING = (
    sa.select(_deliveries)
    .where(_deliveries.c.state == "waiting", _deliveries.c.due <= sa.bindparam("now"))
    .order_by(_deliveries.c.due, _deliveries.c.seq)
    .limit(200)
)
_NEXT_DUE = sa.select(sa.func.min(_deliveries.c.due)).where(_deliveries.c.state == "waiting")


class DeliveryKnobs(BaseModel):
    """What happens to the next deliveries; counts go down as they are used."""

    model_config = ConfigDict(extra="forbid")

    paused: bool = False
    duplicate_next: int = Field(default=0, ge=0)
    drop_next: int = Field(default=0, ge=0)
    reorder_next: int = Field(default=0, ge=0, description="held until so many are there, then sent last first")
    delay_seconds: float = Field(default=0.0, ge=0)


class Deliveries:
    """Sends what `enqueue` committed; to one address in order and one at a time, to different addresses in parallel.

    A delivery ends as `delivered` (2xx, or what a system says in `accepts`), `failed` (schedule used up) or `dropped`
    (by the knob).
    """

    knobs_type: type[DeliveryKnobs] = DeliveryKnobs

    def __init__(
        self,
        store: Store,
        settings: SandboxSettings,
        retry_delays: Sequence[float],
        *,
        timeout_seconds: float = 10.0,
        on_end: Callable[[Mapping[str, Any], bool], None] | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._retry_delays = tuple(retry_delays)
        self._timeout = timeout_seconds
        self._on_end = on_end
        self._wake = asyncio.Event()
        self._held = 0
        self.knobs = self.knobs_type()

    def enqueue(self, url: str, payload: object, *, headers: Mapping[str, str] | None = None, topic: str = "") -> str:
        """Queue a JSON body inside the transaction of the change that caused it; return the delivery's id.

        Headers are sent, but never shown in the log.
        """
        delivery_id = uuid.uuid4().hex
        state, due = self._placement()
        copies = 1
        if self.knobs.duplicate_next and state != "dropped":
            self.knobs.duplicate_next -= 1
            copies = 2
        row = {
            "id": delivery_id,
            "url": url,
            "headers": dump_text(dict(headers or {})),
            "payload": dump_text(payload),
            "topic": topic,
            "state": state,
            "attempt": 0,
            "due": due,
        }
        for _ in range(copies):
            self._store.execute(_deliveries.insert(), row)
        if state == "held" and self._held == self.knobs.reorder_next:
            self._release_held()
        self._wake.set()
        return delivery_id

    def _placement(self) -> tuple[str, float]:
        due = time.time() + self.knobs.delay_seconds
        if self.knobs.drop_next:
            self.knobs.drop_next -= 1
            return "dropped", due
        if self.knobs.reorder_next:
            self._held += 1
            return "held", due
        return "waiting", due

    def _release_held(self) -> None:
        now = time.time() + self.knobs.delay_seconds
        held = sa.select(_deliveries.c.seq).where(_deliveries.c.state == "held").order_by(_deliveries.c.seq.desc())
        for position, seq in enumerate([*self._store.execute(held).scalars()]):
            change = _deliveries.update().where(_deliveries.c.seq == seq)
            self._store.execute(change.values(state="waiting", due=now + position * 1e-6))
        self._held = 0
        self.knobs.reorder_next = 0

    def turn(self, changes: Mapping[str, Any]) -> DeliveryKnobs:
        """Set knobs and return all of them.

        Raises:
            pydantic.ValidationError: an unknown knob or a value that does not fit.
        """
        self.knobs = self.knobs_type.model_validate({**self.knobs.model_dump(), **changes})
        if self._held and not self.knobs.reorder_next:
            with self._store.transaction():
                self._release_held()
        self._wake.set()
        return self.knobs

    def resend(self, delivery_id: str) -> bool:
        """Send an ended delivery again with a fresh schedule; False when there is no such delivery."""
        with self._store.transaction():
            change = _deliveries.update().where(_deliveries.c.id == delivery_id)
            found = self._store.execute(change.values(state="waiting", attempt=0, due=time.time(), error=None)).rowcount
        self._wake.set()
        return found > 0

    def log(self, after: int = 0, limit: int = 1000, state: str | None = None) -> list[dict[str, Any]]:
        """Return deliveries with a greater sequence number, without their headers."""
        query = sa.select(_deliveries).where(_deliveries.c.seq > after).order_by(_deliveries.c.seq).limit(limit)
        if state is not None:
            query = query.where(_deliveries.c.state == state)
        return [_shown(row) for row in self._store.execute(query).mappings()]

    def accepts(self, status: int) -> bool:
        """Whether an answer means that a delivery was taken."""
        return 200 <= status < 300

    def retry_delays(self) -> Sequence[float]:
        """Return the seconds before each attempt after the first."""
        return self._retry_delays

    def content(self, row: sa.RowMapping) -> tuple[bytes, Mapping[str, str]]:
        """Return the body of a queued delivery, and headers that say what it is."""
        return row["payload"].encode(), {"content-type": "application/json"}

    def last(self) -> int:
        """Return the highest sequence number, 0 when there was no delivery."""
        return int(self._store.execute(sa.select(sa.func.max(_deliveries.c.seq))).scalar() or 0)

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=self._timeout) as client:
            while True:
                self._wake.clear()
                due = [] if self.knobs.paused else [*self._store.execute(_WAITING, {"now": time.time()}).mappings()]
                if due:
                    addresses: dict[str, list[sa.RowMapping]] = {}
                    for row in due:
                        addresses.setdefault(row["url"], []).append(row)
                    await asyncio.gather(*(self._send_all(client, rows) for rows in addresses.values()))
                else:
                    await self._sleep()

    async def _sleep(self) -> None:
        next_due = None if self.knobs.paused else self._store.execute(_NEXT_DUE).scalar()
        timeout = None if next_due is None else max(0.001, float(next_due) - time.time())
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return

    async def _send_all(self, client: httpx.AsyncClient, rows: Sequence[sa.RowMapping]) -> None:
        for row in rows:
            if self.knobs.paused:
                return
            content, kind = self.content(row)
            headers = {**kind, **load(row["headers"])}
            try:
                reply = await client.post(row["url"], content=content, headers=headers)
                self._finish(row, reply.status_code, None)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                self._finish(row, None, type(error).__name__)

    def _finish(self, row: sa.RowMapping, status: int | None, error: str | None) -> None:
        attempt = row["attempt"] + 1
        delivered = status is not None and self.accepts(status)
        delays = self.retry_delays()
        values: dict[str, Any] = {"attempt": attempt, "status": status, "error": error, "state": "delivered"}
        if not delivered and attempt <= len(delays):
            delay = delays[attempt - 1] * self._settings.retry_time_scale
            values |= {"state": "waiting", "due": time.time() + delay}
        elif not delivered:
            values["state"] = "failed"
        with self._store.transaction():
            self._store.execute(_deliveries.update().where(_deliveries.c.seq == row["seq"]).values(**values))
            if self._on_end is not None and values["state"] != "waiting":
                self._on_end(_shown(row), delivered)


def encode_payload(payload: object) -> bytes:
    """Return the bytes that a delivery of this payload will carry, for a signature over them."""
    return dump_bytes(payload)


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    shown = {str(name): value for name, value in row.items() if name != "headers"}
    shown["url"] = without_secrets(shown["url"])
    shown["payload"] = load(shown["payload"])
    return shown
