"""What the flows of one process share: codec, producer, views of topics, audit, names."""

from __future__ import annotations

import os
import socket
import uuid

from headrace.core.rates import ENTITY as EXCHANGE_RATE
from headrace.pipeline.audit import Audit
from headrace.pipeline.decoding import Undecodable
from headrace.pipeline.inbox import Inbox
from headrace.pipeline.links import Links
from headrace.pipeline.rates import Rates
from headrace.platform.attachments import AttachmentStore
from headrace.platform.codec import Codec
from headrace.platform.credentials import CredentialStore, Keyring
from headrace.platform.kafka import Producer
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas
from headrace.platform.settings import Settings
from headrace.platform.topics import TopicNames


class Shared:
    """What the flows of one process share: codec, producer, links view, audit, names."""

    def __init__(self, settings: Settings, service: str, producer: Producer | None = None) -> None:
        self.settings = settings
        self.names = TopicNames(settings.kafka.prefix)
        self.owner = f"{service}@{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.schemas = Schemas(schemas_dir())
        self.registry = Registry(settings.kafka.registry_url)
        self.codec = Codec(self.schemas, self.registry)
        self.producer = producer or Producer(settings.kafka)
        self.links = Links(settings.kafka, self.names.links, self.codec, self.producer)
        self.rates = Rates(settings.kafka, self.names.canonical(EXCHANGE_RATE), self.codec)
        self.attachments = AttachmentStore(settings.kafka, self.names.attachments, self.producer)
        self.audit = Audit(self.producer, self.codec, self.names.audit, self.owner)
        self.credentials: CredentialStore | None = None
        if settings.credentials.given:
            self.credentials = CredentialStore(
                settings.kafka,
                self.names.credentials,
                self.codec,
                self.producer,
                Keyring(settings.credentials),
                self.owner,
                settings.credentials.lease_seconds,
            )

    async def start(self, *, links: bool = True) -> None:
        """Connect to registry and Kafka, and read the credentials, and the links if the process needs them."""
        await self.codec.start(self.schemas.names())
        await self.producer.start()
        if self.credentials is not None:
            await self.credentials.start()
        if links:
            await self.links.start()

    async def stop(self) -> None:
        """Disconnect; the producer flushes first."""
        await self.links.stop()
        await self.rates.stop()
        if self.credentials is not None:
            await self.credentials.stop()
        await self.producer.stop()
        await self.registry.close()

    def failed(self) -> BaseException | None:
        """Return the error that ended a view of this process, None while they follow their topics."""
        return self.links.failed or self.rates.failed or (self.credentials.failed if self.credentials else None)

    def inbox(self, connection: str) -> Inbox:
        """Return the way into a connection's inbox."""
        return Inbox(self.names.inbox(connection), self.producer, self.codec)

    def undecodable(self, connection: str) -> Undecodable:
        """Return where a connection's unreadable messages are kept."""
        return Undecodable(connection, self.producer, self.codec, self.names.parked(connection))
