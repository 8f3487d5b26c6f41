"""The `links` topic as a view: which external record is which canonical id, and by which natural key (design §6).

Every worker reads the whole topic and keeps it in memory, up to date within milliseconds; a worker sees its own
writes at once. The view is a cache: it is rebuilt from the topic at every start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.core.ids import mint_canonical_id
from headrace.core.refs import decode_key
from headrace.pipeline.decoding import decode
from headrace.platform.codec import Codec
from headrace.platform.kafka import Message, Producer
from headrace.platform.settings import KafkaSettings
from headrace.platform.topic_view import TopicView

logger = logging.getLogger(__name__)

SCHEMA = "internal/link.v1"
NATURAL = "*"
_FACTS = "facts/"
GONE = "gone"
"""Fact of a record that is gone at its source, or no longer concerns anybody: why. Another may take its place."""


@dataclass(frozen=True, slots=True)
class Link:
    """(connection, object, external id) ⇄ canonical id.

    `written_fingerprint` is set by the processor that wrote the record, `writing` while it does: then what the write
    leaves there is not known to the letter. `facts` are the normaliser's, on a link of their own (`facts_of`): each has
    one writer.
    """

    connection: str
    object: str
    external_id: str
    canonical_id: str
    entity: str
    origin: str
    written_fingerprint: str | None = None
    writing: bool = False
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> tuple[str, str, str]:
        """What it is found by."""
        return self.connection, self.object, self.external_id

    @property
    def key(self) -> str:
        """Kafka key: `connection:object:external id`."""
        return ":".join(self.address)


def facts_of(obj: str) -> str:
    """Return the object under which the facts of records known as `obj` are kept."""
    return f"{_FACTS}{obj}"


def natural_key(entity: str, name: str, value: str) -> tuple[str, str, str]:
    """Return the address under which a natural key is kept; values are case-folded and trimmed."""
    return NATURAL, f"key/{entity}/{name}", value.strip().casefold()


class Links:
    """The view, and the one way to write links."""

    def __init__(self, kafka: KafkaSettings, topic: str, codec: Codec, producer: Producer) -> None:
        self._topic = topic
        self._codec = codec
        self._producer = producer
        self._by_address: dict[tuple[str, str, str], Link] = {}
        self._by_canonical: dict[tuple[str, str, str], list[Link]] = {}
        self._watchers: list[Callable[[Link], None]] = []
        self._view = TopicView(kafka, topic, self._read)

    # --- reading ---

    def get(self, connection: str, obj: str, external_id: str) -> Link | None:
        """Return the link of an external record."""
        return self._by_address.get((connection, obj, external_id))

    def canonical_id(self, connection: str, obj: str, external_id: str) -> str:
        """Return the canonical id of an external record: its link's, else the one that it would be minted."""
        link = self.get(connection, obj, external_id)
        return link.canonical_id if link else mint_canonical_id(connection, obj, external_id)

    def external(self, canonical_id: str, connection: str, obj: str, scope: str | None = None) -> str | None:
        """Return the external id of a canonical id in one connection and object.

        Args:
            canonical_id: the identity across systems.
            connection: the connection that holds the record.
            obj: the object there.
            scope: for records kept per legal entity, the entity's name: matches the first part of a composite id,
                ignoring case. None takes the only link there is.
        """
        link = self._find(canonical_id, connection, obj, scope)
        return link.external_id if link else None

    def fact(self, canonical_id: str, connection: str, obj: str, scope: str | None, name: str) -> str | None:
        """Return what is known of a linked record under a name; `scope` as in `external`."""
        link = self._find(canonical_id, connection, facts_of(obj), scope)
        return link.facts.get(name) if link else None

    def _find(self, canonical_id: str, connection: str, obj: str, scope: str | None) -> Link | None:
        found = self.records(canonical_id, connection, obj, scope)
        return next((link for link in found if not self._is_gone(link)), found[0] if found else None)

    def records(self, canonical_id: str, connection: str, obj: str, scope: str | None = None) -> list[Link]:
        """Return every record of a canonical id in one connection and object; `scope` as in `external`."""
        return [
            link
            for link in self._by_canonical.get((canonical_id, connection, obj), ())
            if scope is None or "=" not in link.external_id or _company(link).casefold() == scope.casefold()
        ]

    def _is_gone(self, link: Link) -> bool:
        obj = link.object if link.object.startswith(_FACTS) else facts_of(link.object)
        facts = self._by_address.get((link.connection, obj, link.external_id))
        return facts is not None and GONE in facts.facts

    def match(self, entity: str, keys: dict[str, str]) -> set[str]:
        """Return the canonical ids that share a natural key; more than one means a human decides."""
        found = (self._by_address.get(natural_key(entity, name, value)) for name, value in keys.items() if value)
        return {link.canonical_id for link in found if link}

    def of(self, canonical_id: str) -> list[Link]:
        """Return every external record of a canonical id."""
        return [
            link
            for (owner, _, obj), links in self._by_canonical.items()
            if owner == canonical_id and not obj.startswith(_FACTS)
            for link in links
        ]

    def watch(self, watcher: Callable[[Link], None]) -> None:
        """Call `watcher` for every link that is new or changed, from any worker."""
        self._watchers.append(watcher)

    async def written(self, connection: str, obj: str, external_id: str, seconds: float) -> Link | None:
        """Wait until a record has a link and no write of it is under way, for `seconds` at most; return its link."""
        address, done = (connection, obj, external_id), asyncio.Event()

        def look(changed: Link) -> None:
            if changed.address == address and not changed.writing:
                done.set()

        self._watchers.append(look)
        try:
            async with asyncio.timeout(seconds):
                await done.wait()
        except TimeoutError:
            logger.debug("no write of ours ended", extra={"link": ":".join(address)})
        finally:
            self._watchers.remove(look)
        return self._by_address.get(address)

    # --- writing ---

    async def put(self, link: Link) -> None:
        """Write a link and wait until it is durable; a link that says nothing new is not written."""
        if self._by_address.get(link.address) == link:
            return
        await self._send(link)
        self._apply(link)

    async def claim(self, link: Link) -> Link:
        """Write a natural key unless another identity has it by then; return the link that counts.

        Several workers may meet records with one key at the same moment: the first in the topic has it, for all.
        """
        known = self._by_address.get(link.address)
        if known is not None:
            return known
        partition, offset = await self._send(link)
        if self._view.started:
            await self._view.read_up_to(partition, offset)
        else:
            self._apply(link)
        first = self._by_address[link.address]
        if first.canonical_id != link.canonical_id:
            await self._send(first)  # compaction keeps the last, so that must say the same
        return first

    async def _send(self, link: Link) -> tuple[int, int]:
        record = {name: getattr(link, name) for name in Link.__slots__}
        value = self._codec.encode(SCHEMA, {**record, "updated_at": datetime.now(UTC)})
        return await self._producer.send(self._topic, link.key, value)

    # --- life ---

    async def start(self) -> None:
        """Read the topic to its present end, then keep following it."""
        await self._view.start()

    async def read_up_to(self, partition: int, offset: int) -> None:
        """Wait until the view has a link of the topic, and all before it in its partition."""
        await self._view.read_up_to(partition, offset)

    async def stop(self) -> None:
        """Stop following."""
        await self._view.stop()

    @property
    def failed(self) -> BaseException | None:
        """The error that ended the view, None while it follows."""
        return self._view.failed

    async def _read(self, message: Message) -> None:
        if message.value is None:
            return
        record = await decode(self._codec, message.value)
        self._apply(Link(**{name: record[name] for name in Link.__slots__}))

    def _apply(self, link: Link) -> None:
        before = self._by_address.get(link.address)
        if before == link or (before is not None and link.connection == NATURAL):
            return  # a natural key is of whoever had it first, and stays
        if before is not None:
            siblings = self._by_canonical[(before.canonical_id, before.connection, before.object)]
            siblings.remove(before)
        self._by_address[link.address] = link
        if link.connection != NATURAL:
            self._by_canonical.setdefault((link.canonical_id, link.connection, link.object), []).append(link)
        for watcher in list(self._watchers):
            watcher(link)


def _company(link: Link) -> str:
    return next(iter(decode_key(link.external_id).values()), "")
