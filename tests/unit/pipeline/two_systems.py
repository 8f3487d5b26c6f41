"""A model: two systems, their normalisers and processors, and one canonical log, all in memory.

Nothing runs by itself. A story is a list of steps ("somebody edits the CRM", "the ERP is read", "its processor takes
the next event"), and each is worked off before the next begins, so that a story ends the same each time it is told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.core.contracts import Found, Limits, Operation, Record, Written
from headrace.core.errors import ChangedMeanwhile, LeaseLost, OutcomeUnknown, RetryLater
from headrace.core.event import Ref
from headrace.core.ownership import Ownership, Rule
from headrace.mapping.loading import parse
from headrace.pipeline.audit import Audit
from headrace.pipeline.decoding import Undecodable
from headrace.pipeline.effects import Effects
from headrace.pipeline.files import Files
from headrace.pipeline.gate import Gate
from headrace.pipeline.identity import Identity
from headrace.pipeline.inbox import Delivery, Inbox
from headrace.pipeline.links import Links
from headrace.pipeline.normalise import Normaliser
from headrace.pipeline.parking import Parking
from headrace.pipeline.performing import Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.process import Processor
from headrace.pipeline.rates import Rates
from headrace.pipeline.state import EffectState, Parked
from headrace.platform.attachments import AttachmentStore
from headrace.platform.codec import Codec
from headrace.platform.kafka import Message
from headrace.platform.paths import schemas_dir
from headrace.platform.record_json import CONTENT_TYPE, dump_record
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings
from headrace.platform.topics import TopicNames

from .bench import CUSTOMER as WRITTEN
from .doubles import MemoryProducer, MemoryStore

READ = """
direction: in
system: test
object: Customers
entity: customer
version: 1
natural_keys: {tax_number: {copy: vat}}
fields:
  name: {copy: name}
  tax_number: {copy: vat}
  phone: {copy: phone}
"""
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
LOG = "canonical.customer.v1"
CRM, ERP = NAMES = ("crm", "erp")
Step = tuple[Any, ...]
"""Name of a step, as `World` calls it, and its arguments."""


class System:
    """One system's cloud: its records, of which it keeps versions and times, and what it does to those who write.

    `script` says what the next changing calls do instead; `longest` is how many characters of a name it keeps.
    """

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self._world = world
        self.limits = Limits(concurrency=4, call_deadline=0.05, settle=0.0)
        self.records: dict[str, dict[str, Any]] = {}
        self.script: list[str | Exception] = []
        self.longest: int | None = None
        self.writes = 0
        self._changed: dict[str, int] = {}

    def put(self, record_id: str, fields: Mapping[str, Any]) -> None:
        """Let a record hold these fields beside its others, at the next second of the story."""
        kept = dict(fields)
        if kept.get("name"):
            kept["name"] = kept["name"][: self.longest]
        empty = {"alias": None, "vat": None, "name": None, "phone": None}
        self.records[record_id] = {**empty, **self.records.get(record_id, {}), **kept}
        self._world.clock += 1
        self._changed[record_id] = self._world.clock

    def record(self, record_id: str) -> Record:
        """Return a record as it is now."""
        at = START + timedelta(seconds=self._changed[record_id])
        return Record(Ref("Customers", record_id), dict(self.records[record_id]), self._version(record_id), at)

    def _version(self, record_id: str) -> str:
        return f"{self._changed[record_id]:06d}"

    def check(self, operation: Operation) -> None: ...

    async def find(self, operation: Operation) -> Found | None:
        """Look a record up by its id, else by the operation's key."""
        key = operation.key.items()
        hits = [each for each, record in self.records.items() if key and key <= record.items()]
        if operation.target_id:
            hits = [operation.target_id] if operation.target_id in self.records else []
        return Found(hits[0], self._version(hits[0]), dict(self.records[hits[0]]), len(hits)) if hits else None

    async def apply(self, operation: Operation) -> Written:
        fault = self.script.pop(0) if self.script else None
        if isinstance(fault, Exception):
            raise fault
        if fault == "lost request":
            raise OutcomeUnknown("connection reset")
        target_id = operation.target_id or f"{self.name}-{len(self.records) + 1}"
        if operation.expected_version and operation.expected_version != self._version(target_id):
            raise ChangedMeanwhile(target_id)
        self.put(target_id, operation.fields)
        self.writes += 1
        if fault == "lost reply":
            raise OutcomeUnknown("connection reset after sending")
        return Written(target_id, self._version(target_id), dict(self.records[target_id]))

    def decode(self, ref: Ref, body: bytes) -> None: ...

    async def fetch(self, ref: Ref) -> Record | None:
        return self.record(ref.external_id) if ref.external_id in self.records else None


class NoPolls:
    def start(self, owned: object) -> None: ...

    def cancel(self) -> None: ...


class Emitted(dict[str, bytes]):
    """The normaliser's table of what was emitted."""

    async def put(self, key: str, value: bytes) -> None:
        self[key] = value


class Side:
    """One connection: its system, and all that reads from it and writes to it."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.system = System(name, world)
        self.deliveries: list[tuple[str, bytes]] = []
        self.store = MemoryStore()
        self.killed = False
        self.taken = self.acked = 0
        """How many deliveries its normaliser has taken, and how many events of the log its processor has acked."""
        self._world = world
        self._audit = Audit(world.producer, world.codec, "audit", "w1")
        self._inbox = Inbox(f"inbox.{name}", world.producer, world.codec)
        self.normaliser = Normaliser(
            name,
            source=self.system,
            mappings=[parse(READ)],
            transforms={},
            identity=Identity(name, world.links, 0.0),
            links=world.links,
            inbox=self._inbox,
            producer=world.producer,
            codec=world.codec,
            audit=self._audit,
            names=TopicNames(),
            table=Emitted(),
            polls=NoPolls(),
            files=Files(name, self.system, AttachmentStore(KafkaSettings(), "attachments", world.producer), []),
            finished=lambda message: None,
            stop=world.failures.append,
        )
        self._begin()

    def _begin(self) -> None:
        """Start a processor on the state that there is."""
        world, codec = self._world, self._world.codec
        effects = Effects(self.system, self.store, Gate(self.name, 0.01), "w1")
        rates = Rates(KafkaSettings(), "rates", codec)
        self._parking = Parking(
            self.name, self.store, world.producer, codec, "parked", lambda key: self.processor.wake(key), 30.0
        )
        self.processor = Processor(
            self.name,
            codec=codec,
            store=self.store,
            planner=Planner(self.name, {"customer": parse(WRITTEN)}, {}, world.links, effects, rates.find),
            performer=Performer(self.name, effects, world.links, self._ask),
            effects=effects,
            parking=self._parking,
            links=world.links,
            audit=self._audit,
            undecodable=Undecodable(self.name, world.producer, codec, "parked"),
            finished=lambda message: None,
            stop=self._stop,
            commands_topic="commands",
            concurrency=2,
            ownership=world.rules,
        )

    def _stop(self, error: BaseException) -> None:
        if isinstance(error, LeaseLost):
            self.killed = True
        else:
            self._world.failures.append(error)

    async def begin_again(self) -> None:
        """Let the next owner take over what a crash left."""
        self.killed = False
        await self.processor.on_revoked(0.1)
        self._world.links._watchers.remove(self._parking.linked)
        self.store.lease = 10.0
        self._begin()
        await self.processor.on_assigned(frozenset({0}))

    async def read(self, *, whole: bool) -> None:
        """Put all records into the inbox: whole, as a poll, or by name alone, as webhooks."""
        for record in map(self.system.record, self.system.records):
            body = (dump_record(record), CONTENT_TYPE, "", record.version) if whole else (b"{}", "application/json")
            await self._inbox.put(Delivery(self.name, record.ref, "poll" if whole else "webhook", *body))

    async def _ask(self, obj: str, external_id: str) -> None:
        await self._inbox.put(Delivery(self.name, Ref(obj, external_id), "reference"))

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self.processor.pending or self.normaliser._lanes.pending)


class Broker(MemoryProducer):
    """Brings what is produced to those who read it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def send(self, topic: str, key: str, value: bytes | None, headers: Any = None) -> tuple[int, int]:
        if topic == LOG:
            self._world.log.append(Message(topic, 0, len(self._world.log) + 1, key, value))
        elif topic.startswith("inbox.") and value is not None:
            self._world.sides[topic.removeprefix("inbox.")].deliveries.append((key, value))
        return await super().send(topic, key, value, headers)


class World:
    """Both sides, and the steps of a story.

    Args:
        rules: who owns which field of a customer; empty: nobody.
    """

    codec = Codec.offline(Schemas(schemas_dir()))

    def __init__(self, rules: Mapping[str, str | Sequence[str]]) -> None:
        self.clock = 0
        self.log: list[Message] = []
        self.failures: list[BaseException] = []
        self.story: list[Step] = []
        self.rules = {"customer": Ownership({name: Rule.parse(rule) for name, rule in rules.items()})} if rules else {}
        self.producer = Broker(self)
        self.links = Links(KafkaSettings(), "links", self.codec, self.producer)
        self.sides = {name: Side(name, self) for name in NAMES}

    async def play(self, *story: Step) -> None:
        """Take steps in order."""
        for name, *arguments in story:
            self.story.append((name, *arguments))
            await getattr(self, name)(*arguments)
            assert self.failures == []

    async def edit(self, side: str, field: str, value: str | None) -> None:
        """Let a person change a field."""
        system = self.sides[side].system
        for record_id in system.records:
            system.put(record_id, {field: value})

    async def poll(self, side: str) -> None:
        """Read a system; what was read waits in the inbox."""
        await self.sides[side].read(whole=True)

    async def hook(self, side: str) -> None:
        """Let a system send its webhooks, which wait in the inbox."""
        await self.sides[side].read(whole=False)

    async def normalise(self, side: str) -> None:
        """Normalise the next delivery."""
        at = self.sides[side]
        if at.deliveries:
            key, value = at.deliveries.pop(0)
            at.taken += 1
            at.normaliser.on_message(Message(f"inbox.{side}", 0, at.taken, key, value))
            await self._idle()

    async def see(self, side: str) -> None:
        """Read a system and normalise all that is in the inbox."""
        await self.poll(side)
        while self.sides[side].deliveries:
            await self.normalise(side)

    async def process(self, side: str) -> None:
        """Process the next event; it comes again if that kills the process."""
        at = self.sides[side]
        if at.acked < len(self.log):
            at.processor.on_message(self.log[at.acked])
            if side not in await self._idle():
                at.acked += 1

    async def catch_up(self, side: str) -> None:
        """Process all events."""
        while self.sides[side].acked < len(self.log):
            await self.process(side)

    async def wake(self, side: str) -> None:
        """Let the time of what is parked come."""
        for canonical_id in self.sides[side].store.states:
            self.sides[side].processor.wake(canonical_id)
        await self._idle()

    async def decide(self, side: str, take: str) -> None:
        """Let an operator decide for the source's or the target's value."""
        for canonical_id in self.sides[side].store.states:
            command = {"action": "resolve", "argument": json.dumps({"take": take}), "canonical_id": canonical_id}
            told = {"command_id": "c", "event_id": "", "connection": side, "operator": "ada", "reason": "because"}
            value = self.codec.encode("internal/command.v1", {**command, **told, "at": START})
            self.sides[side].processor.on_message(Message("commands", 0, len(self.story), canonical_id, value))
        await self._idle()

    async def throttle(self, side: str) -> None:
        """Let a system take nothing for as long as one effect tries."""
        self.sides[side].system.script = [RetryLater("throttled", 0.0001) for _ in range(8)]

    async def fault(self, side: str, what: str | Exception) -> None:
        """Let the next change end as "lost request", as "lost reply", or in an error."""
        self.sides[side].system.script = [what]

    async def crash(self, side: str) -> None:
        """Let the processor die between its next INTENT and the call."""
        self.sides[side].store.lease = 0.0

    async def rest(self, rounds: int = 25) -> bool:
        """Let all faults end and everybody go on; return whether that came to rest."""
        for side in self.sides.values():
            side.system.script = []
            side.store.lease = 10.0
        for _ in range(rounds):
            before = self._progress()
            for step in (self.see, self.catch_up, self.wake):
                for name in NAMES:
                    await step(name)
            assert self.failures == []
            if before == self._progress() and not any(side.deliveries for side in self.sides.values()):
                return True
        return False

    def held(self, side: str) -> dict[str, Any]:
        """Return what a system holds of the one customer, but for our mark."""
        (record,) = self.sides[side].system.records.values()
        return {name: value for name, value in record.items() if name != "alias"}

    @property
    def parked(self) -> dict[str, Parked]:
        """What is parked, by the side whose processor parked it."""
        return {name: state.parked for name, state in self._states if state.parked}

    @property
    def open_intents(self) -> int:
        """How many changes are announced whose fate nobody has settled."""
        return sum(state.intent is not None for _, state in self._states)

    @property
    def _states(self) -> list[tuple[str, EffectState]]:
        return [(name, state) for name, side in self.sides.items() for state in side.store.states.values()]

    def _progress(self) -> tuple[int, int]:
        return len(self.log), sum(side.system.writes for side in self.sides.values())

    async def _idle(self) -> set[str]:
        """Wait until nothing is under way; return the sides whose processors were killed meanwhile, and began again."""
        killed = set()
        async with asyncio.timeout(20):
            while not self.failures and (dead := await self._ran()):
                killed |= dead
        return killed

    async def _ran(self) -> set[str]:
        while not self.failures and any(side.busy for side in self.sides.values() if not side.killed):
            await asyncio.sleep(0)
        dead = {name for name, side in self.sides.items() if side.killed}
        for name in sorted(dead):
            await self.sides[name].begin_again()
        return dead


async def begun(rules: Mapping[str, str | Sequence[str]]) -> World:
    """Return a world at rest in which one customer of the CRM has reached the ERP."""
    world = World(rules)
    world.sides[CRM].system.put("crm-1", {"vat": "NO1", "name": "Berg", "phone": "0"})
    assert await world.rest()
    return world
