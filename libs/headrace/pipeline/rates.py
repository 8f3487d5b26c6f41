"""The exchange rates as a view: what the canonical topic tells, in memory, for mappings that convert documents.

A process whose mappings convert nothing does not read the topic. A cache: it is rebuilt from the topic at every start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change
from headrace.core.rates import ExchangeRate, Quote, RateBook, rate_id
from headrace.pipeline.decoding import decode
from headrace.platform.codec import Codec, record_to_event
from headrace.platform.kafka import Message
from headrace.platform.settings import KafkaSettings
from headrace.platform.topic_view import TopicView

logger = logging.getLogger(__name__)


class Rates:
    """The view. Without `start` it is empty, and every rate is one that nobody told yet."""

    def __init__(self, kafka: KafkaSettings, topic: str, codec: Codec) -> None:
        self._codec = codec
        self._book = RateBook()
        self._watchers: list[Callable[[str], None]] = []
        self._view = TopicView(kafka, topic, self._read)

    @property
    def failed(self) -> BaseException | None:
        """The error that ended the view, None while it follows its topic."""
        return self._view.failed

    def find(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        """Return the rate of a day, None if nobody told it yet."""
        return self._book.find(rate_type, from_currency, to_currency, on)

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Call `watcher` with the name (`core.rates.rate_id`) of every rate that is told, new or changed."""
        self._watchers.append(watcher)

    async def start(self) -> None:
        """Read the topic to its present end, then keep following it."""
        await self._view.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._view.stop()

    async def _read(self, message: Message) -> None:
        if message.value is None:
            return
        try:
            event = record_to_event(await decode(self._codec, message.value))
        except RejectRecord as error:
            logger.warning("a message of the exchange rates cannot be read", extra={"reason": error.detail})
            return
        self.apply(event)

    def apply(self, event: CanonicalEvent) -> None:
        """Take note of one rate; an event that lacks a part of it says nothing and removes what was known."""
        rate = None if event.meta.change is Change.DELETE else _rate(event.data)
        if rate is None:
            self._book.remove(event.key)
            return
        self._book.put(event.key, rate)
        for watcher in self._watchers:
            watcher(rate_id(rate.rate_type, rate.from_currency, rate.to_currency))


def _rate(data: Mapping[str, Any]) -> ExchangeRate | None:
    names = ("rate_type", "from_currency", "to_currency", "rate", "units", "valid_from")
    if any(data.get(name) in (None, "") for name in names) or not data["rate"] or not data["units"]:
        return None
    return ExchangeRate(**{name: data[name] for name in names}, valid_to=data.get("valid_to"))
