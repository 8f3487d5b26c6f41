"""The credential store on Kafka: read whole, followed, and written by one process at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from headrace.core.errors import ConfigurationError, RejectRecord, RetryLater, StopConnection
from headrace.core.secrets import Stored
from headrace.platform.broker_access import client_options
from headrace.platform.codec import Codec
from headrace.platform.crashpoints import point
from headrace.platform.credentials.keyring import Keyring
from headrace.platform.credentials.view import CLAIM, Credential, View
from headrace.platform.kafka import Producer
from headrace.platform.settings import KafkaSettings

logger = logging.getLogger(__name__)

CREDENTIAL, CLAIMED = "internal/credential.v1", "internal/credential_claim.v1"
_USABLE = 0.75
"""Part of the lease in which the new value must be there."""
_SHORTEST_WAIT = 0.5

Make = Callable[[str], Awaitable[str | None]]


class CredentialStore:
    """Secrets of a deployment (`headrace.core.secrets.Secrets`). Values are decrypted in memory only.

    Args:
        kafka: where the topic is.
        topic: full name.
        codec: started with the contracts.
        producer: started.
        keyring: what encrypts and decrypts.
        owner: name of this process, kept with what it writes.
        lease: seconds that a claim holds; others wait as long after a crash, if their access token does not live.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        codec: Codec,
        producer: Producer,
        keyring: Keyring,
        owner: str,
        lease: float = 60.0,
    ) -> None:
        self._kafka = kafka
        self._partition = TopicPartition(topic, 0)
        self._codec = codec
        self._producer = producer
        self._keyring = keyring
        self._owner = owner
        self._lease = lease
        self._view = View()
        self._plain: dict[str, tuple[bytes, Stored]] = {}
        self._position = 0
        self._moved = asyncio.Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self.failed: BaseException | None = None

    # --- life ---

    async def start(self) -> None:
        """Read the topic to its present end, then keep following it.

        Raises:
            ConfigurationError: there is no such topic. RetryLater: the registry does not answer. KafkaError: Kafka.
        """
        self._consumer = AIOKafkaConsumer(
            **client_options(self._kafka), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await self._consumer.start()
        if self._partition.topic not in await self._consumer.topics():
            await self._consumer.stop()
            raise ConfigurationError(f"topic {self._partition.topic}: not there; run headrace topics apply")
        self._consumer.assign([self._partition])
        await self._consumer.seek_to_beginning(self._partition)
        self._task = asyncio.create_task(self._follow(), name="credentials")
        await self._catch_up()

    async def stop(self) -> None:
        """Stop following."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer:
            await self._consumer.stop()

    # --- reading ---

    def stored(self, name: str) -> Stored | None:
        """Return what is stored under a name now, None if nothing is.

        Raises:
            StopConnection: no key of the settings opens it.
        """
        found = self._view.entry(name).credential
        if found is None:
            return None
        ciphertext, plain = self._plain.get(name, (b"", None))
        if plain is None or ciphertext != found.ciphertext:
            plain = Stored(self._keyring.decrypt(name, found.key_id, found.ciphertext), found.revision)
            self._plain[name] = found.ciphertext, plain
        return plain

    def lookup(self, name: str) -> str:
        """Return a stored value, for `${credential:NAME}`.

        Raises:
            StopConnection: there is none, or none that can be decrypted.
        """
        found = self.stored(name)
        if found is None:
            raise StopConnection(f"credential {name} is not stored", f"Store it: headrace credentials set {name}.")
        return found.value

    def listed(self) -> Sequence[Credential]:
        """Return everything that is stored, encrypted as it is."""
        return self._view.credentials()

    def opens(self, credential: Credential) -> bool:
        """Say whether a key of the settings encrypted it."""
        return credential.key_id in self._keyring.ids

    # --- writing ---

    async def put(self, name: str, value: str, by: str) -> None:
        """Store a value, whatever was there, and wait until it is durable.

        Raises:
            KafkaError: not known to be durable.
        """
        await self._catch_up()
        await self._write(name, self._view.entry(name).revision + 1, value, by)

    async def delete(self, name: str) -> bool:
        """Delete a value and wait until that is durable; False if there is none."""
        await self._catch_up()
        if self._view.entry(name).credential is None:
            return False
        await self._producer.send(self._partition.topic, f"{name}{CLAIM}", None)
        _, offset = await self._producer.send(self._partition.topic, name, None)
        await self._reach(offset + 1)
        return True

    async def rotate(self, by: str) -> list[str]:
        """Encrypt everything anew that the first key has not encrypted; returns the names.

        Raises:
            ConfigurationError: names what cannot be decrypted; all else is done.
        """
        await self._catch_up()
        done, problems = [], []
        for found in self.listed():
            if found.key_id == self._keyring.ids[0]:
                continue
            try:
                if await self._replace(found.name, found.revision, _unchanged, wait=True, by=by):
                    done.append(found.name)
            except StopConnection as stop:
                problems.append(str(stop))
        if problems:
            raise ConfigurationError(problems)
        return done

    async def replace(self, name: str, revision: int, make: Make, *, wait: bool = True) -> Stored | None:
        """Replace one revision, in one process at a time; see `headrace.core.secrets.Secrets`."""
        return await self._replace(name, revision, make, wait=wait, by=self._owner)

    async def _replace(self, name: str, revision: int, make: Make, *, wait: bool, by: str) -> Stored | None:
        while True:
            entry = self._view.entry(name)
            if entry.credential is None:
                raise StopConnection(f"credential {name} is not stored any more")
            if entry.revision != revision:
                return self.stored(name)
            if entry.refused == revision and make is not _unchanged:
                return None
            if entry.claim is not None and (left := entry.claim.seconds_left()) > 0:
                if not wait:
                    raise RetryLater(f"credential {name} is being replaced by another process", left)
                await self._moves(left)
                continue
            started = time.monotonic()
            with _told(name):
                owner = await self._claim(name, revision)
            if entry.claim is None or entry.claim.owner != owner:
                await self._moves(_SHORTEST_WAIT)  # another claim came first; by its clock it holds
                continue
            limit = started + self._lease * _USABLE - time.monotonic()
            return await self._made(name, revision, owner, make, limit, by)

    async def _claim(self, name: str, revision: int) -> str:
        owner = f"{self._owner}/{uuid.uuid4().hex[:12]}"
        await self._settle(name, revision, owner, "claimed")
        return owner

    async def _made(self, name: str, revision: int, owner: str, make: Make, limit: float, by: str) -> Stored | None:
        """Make the new value under a claim. It may be the only copy, so it is written whatever happens to the claim."""
        try:
            old = self.lookup(name)
            point("credentials.before-make")
            async with asyncio.timeout(limit):
                value = await make(old)
        except BaseException as error:
            with contextlib.suppress(KafkaError, RetryLater):
                await self._settle(name, revision, owner, "released")
            if isinstance(error, TimeoutError):
                raise RetryLater(f"credential {name}: no new value came in time") from None
            raise
        point("credentials.after-make")
        if value is None:
            with _told(name):
                await self._settle(name, revision, owner, "refused")
            return None if self._view.entry(name).revision == revision else self.stored(name)
        while True:
            try:
                await self._catch_up()  # a process that stood still past its lease finds another value here
                if self._view.entry(name).revision == revision:
                    await self._write(name, revision + 1, value, by)
                break
            except KafkaError as error:
                logger.warning("credential not durable yet", extra={"credential": name, "reason": repr(error)})
                await self._moves(_SHORTEST_WAIT)
        point("credentials.after-write")
        return self.stored(name)

    async def _settle(self, name: str, revision: int, owner: str, state: str) -> None:
        """Write a claim, or what became of it, and read up to it."""
        record = {"name": name, "revision": revision, "owner": owner, "state": state}
        record["lease_millis"] = int(self._lease * 1000)
        _, offset = await self._producer.send(
            self._partition.topic, f"{name}{CLAIM}", self._codec.encode(CLAIMED, record)
        )
        await self._reach(offset + 1)

    async def _write(self, name: str, revision: int, value: str, by: str) -> None:
        record = {
            "name": name,
            "revision": revision,
            "key_id": self._keyring.ids[0],
            "ciphertext": self._keyring.encrypt(name, value),
            "updated_by": by,
            "updated_at": datetime.now(UTC),
        }
        _, offset = await self._producer.send(self._partition.topic, name, self._codec.encode(CREDENTIAL, record))
        await self._reach(offset + 1)

    # --- following ---

    async def _follow(self) -> None:
        consumer = self._require()
        try:
            while True:
                for records in (await consumer.getmany(self._partition, timeout_ms=1000)).values():
                    for record in records:
                        await self._take_in((record.key or b"").decode(), record.value, record.timestamp)
                self._position = await consumer.position(self._partition)
                self._tell()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failed = error
            self._tell()

    async def _take_in(self, key: str, value: bytes | None, timestamp: int) -> None:
        if value is None:
            self._view.removed(key)
            return
        try:
            await self._codec.ensure(value, self._partition.topic)
            name, record = self._codec.decode(value, self._partition.topic)
        except RejectRecord as unreadable:
            logger.error("credential record cannot be read", extra={"key": key, "reason": str(unreadable)})
            return
        if name == CREDENTIAL:
            self._view.stored(record)
        elif name == CLAIMED:
            self._view.claimed(record, timestamp)

    async def _catch_up(self) -> None:
        """Read to what is the end now."""
        await self._reach((await self._require().end_offsets([self._partition]))[self._partition])

    async def _reach(self, position: int) -> None:
        while self._position < position:
            await self._moves(None)

    async def _moves(self, seconds: float | None) -> None:
        """Wait until more of the topic was read, `seconds` at most."""
        if self.failed is not None:
            raise RetryLater(f"the topic {self._partition.topic} is not read any more: {self.failed!r}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _require(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("the credential store is not started")
        return self._consumer


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    """Say what it means for a connection that Kafka did not take a record."""
    try:
        yield
    except KafkaError as error:
        raise RetryLater(f"credential {name}: Kafka did not confirm: {error!r}") from None


async def _unchanged(value: str) -> str:
    return value
