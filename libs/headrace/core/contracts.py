"""The protocols through which the pipeline meets a system. Connectors implement them; nothing else is shared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from headrace.core.attachments import Attachments
from headrace.core.event import Ref
from headrace.core.needs import NOTHING, Needs
from headrace.core.secrets import Secrets

# --- what comes in ---


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One HTTP request to `/hooks/<connection>`, before anything is believed about it.

    `headers` has lower-case names; `body` is raw, at most the configured limit; `query` is the parsed query string.
    """

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook is about: which record, and which delivery of the sender, for telling repeats.

    `ref` is None for a message that needs no work (an endpoint test): it is acknowledged and counted.
    `status` is the HTTP status that this sender takes for "received", once the delivery is durable.
    """

    ref: Ref | None
    delivery_id: str
    status: int = 202


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a system as its source understands it, complete and decoded.

    `data` uses the system's own field names (custom fields resolved to their display names under "custom"), with
    Decimal, date, datetime, str, int, bool, None, lists and dicts only. `version` orders changes of one record
    as text, "" if the system has none. `modified_at` is UTC. `own` is true when the system says that our own
    credential made this change. `deleted` records carry what is still known in `data`: under "merged_into" the external
    id of the record that one was merged into, if the system tells.
    """

    ref: Ref
    data: Mapping[str, Any]
    version: str = ""
    modified_at: datetime | None = None
    deleted: bool = False
    own: bool = False
    complete: bool = True
    """False: a list answer that lacks parts which `fetch` adds (order lines); the normaliser fetches."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of changes. `cursor` is what the next poll starts from once this page is durable (I1)."""

    records: Sequence[Record]
    cursor: Mapping[str, str]


@runtime_checkable
class Source(Protocol):
    """Reads one connection."""

    def verify(self, request: WebhookRequest) -> None:
        """Check signature or credentials on the raw request, in constant time.

        Raises:
            DeliveryRefused: the request is not from the sender; the receiver answers with its status.
        """

    def notice(self, request: WebhookRequest) -> Notice:
        """Return which record a verified request is about, parsing no more than that needs.

        Raises:
            DeliveryRefused: the body is not what this system sends (400).
        """

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """Return the record that a stored delivery carries in full, or None if it must be fetched.

        Raises:
            RejectRecord: the bytes cannot be understood; the delivery parks with them.
        """

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one record as it is now, completed with what a consumer needs (lines, option labels).

        Returns:
            The record, marked `deleted` if the system says so; None if it does not exist or is not visible.

        Raises:
            RetryLater: not now. StopConnection: an operator must act.
        """

    def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield pages of records of `obj` changed since `cursor` (empty at first: everything), oldest first.

        The cursor of each page already contains the overlap that the system needs, so records repeat.
        """


@runtime_checkable
class Dated(Protocol):
    """A source that can begin in the middle of its history, for an initial load from some time on."""

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor from which `changes` begins with what changed at `since` (UTC), or somewhat earlier.

        Its pages then tell of each record when it changed (`Record.modified_at`), as far as the system shows that.

        Raises:
            RejectRecord: this object is not read.
        """


# --- what goes out ---


class Action(StrEnum):
    """What an operation does to the target."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """One changing call: one step of one event on one target (design §5).

    `fields` holds what is written, in the target's names (Decimal, date, datetime, str, int, bool, None).
    `key` holds the natural key or marker by which VERIFY finds the record: field names to values.
    `target_id` is set for update and delete (the id that `Written` or `Found` gave).
    `expected_version` is the version (of `Written` or `Found`) on which an update or delete was decided: a record that
    has another one by now is not changed. "" changes it whatever it holds; so does a target without versions.
    """

    op_id: str
    connection: str
    entity: str
    canonical_id: str
    step: str
    action: Action
    object: str
    fields: Mapping[str, Any]
    key: Mapping[str, Any]
    target_id: str = ""
    event_id: str = ""
    traceparent: str = ""
    expected_version: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A change that the target confirmed.

    `record` is the whole record as the target holds it now, after whatever it cut, rounded or added: names and values
    as in `Record.data`, so that marks compare, with the names of `Operation.fields` besides. It is empty where the
    target does not answer with it and could not be asked: the change is confirmed all the same.
    `version` is for `Operation.expected_version`; "" if there is none.
    `lost` are fields that the target took and did not keep, and of which a human must know: (sent, kept).
    """

    target_id: str
    version: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[str, tuple[object, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is there already; `record`, `version` and `lost` as in `Written`.

    `matches` > 1 means the key is not unique: a human decides, nobody guesses.
    """

    target_id: str
    version: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    matches: int = 1
    lost: Mapping[str, tuple[object, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the target bears.

    `concurrency` calls in flight; a changing call is given up after `call_deadline` seconds, and cannot take effect
    any more `settle` seconds after that: only then is "not found" believed (I4).
    """

    concurrency: int = 8
    call_deadline: float = 60.0
    settle: float = 15.0


@runtime_checkable
class Target(Protocol):
    """Writes one connection. Every method raises only the errors of `headrace.core.errors`."""

    @property
    def limits(self) -> Limits:
        """Concurrency and deadline that the effect protocol keeps."""

    def check(self, operation: Operation) -> None:
        """Check what can be checked without a call: lengths, formats, required fields. Called before INTENT.

        Raises:
            RejectRecord: the target would refuse this, or worse, accept and drop part of it.
        """

    async def find(self, operation: Operation) -> Found | None:
        """Look the operation's record up by `target_id` if set, else by `key`, with a strongly consistent read.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the object cannot be looked up by this key.
        """

    async def apply(self, operation: Operation) -> Written:
        """Make the change once, without retrying.

        Raises:
            AlreadyThere: see below. RetryLater: certainly not taken. RejectRecord: certainly refused.
            ChangedMeanwhile: certainly not taken, as the record has another version than `expected_version`.
            StopConnection: credential or permission. OutcomeUnknown: anything else (I4).
        """


@runtime_checkable
class Serial(Protocol):
    """A target some of whose changes must come one after the other, though they concern different canonical ids."""

    def serial(self, operation: Operation) -> str:
        """Return what an operation must be alone in, such as the journal that its line belongs to; "" if nothing.

        Operations with the same text are never under way at the same moment in one worker. Between workers the target
        itself must tell (RetryLater): the rule only saves it most of that.
        """


class AlreadyThere(Exception):
    """The target refuses a create because its natural key exists: VERIFY finds and adopts it (design §5)."""


# --- what a system declares ---


@dataclass(frozen=True, slots=True)
class ObjectDescription:
    """The fields of one object of a system, for checking mappings.

    `fields` maps a dotted name to a type word: string, integer, decimal, boolean, date, datetime, list, object, any.
    Below a prefix in `open_prefixes` ("custom.") any name is accepted. `writable` is None if every field is.
    """

    name: str
    fields: Mapping[str, str]
    open_prefixes: Sequence[str] = ()
    writable: frozenset[str] | None = None


class CheckState(StrEnum):
    """Result of one line of `headrace ping`."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that `ping` looked at, in words, with the remedy when it does not pass."""

    name: str
    state: CheckState
    detail: str = ""
    remedy: str = ""


class Connection(Protocol):
    """One opened connection: what a connector's `open` returns. `close` frees its HTTP clients."""

    source: Source | None
    target: Target | None

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, read, and say in words what works and what does not; whether what mappings need is there too."""

    async def close(self) -> None:
        """Close the HTTP clients; no call may follow."""


@runtime_checkable
class Checked(Protocol):
    """A connection that can tell at little cost whether the system has the names that mappings use."""

    async def check_names(self, needs: Needs) -> Sequence[Check]:
        """Return a line for each name, with the nearest right one in the remedy of those that are not there.

        Raises:
            RetryLater, StopConnection: it cannot be told now.
        """


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process lends its connections.

    `state_dir` is a folder for files that can be rebuilt; `secrets` the credential store, for secrets that the
    connector itself replaces; `attachments` where files are read that a record is written with.
    """

    state_dir: Path | None = None
    secrets: Secrets | None = None
    attachments: Attachments | None = None


ALONE = Surroundings()
"""Nothing is lent."""


class Open(Protocol):
    """Builds a connection from its checked configuration; performs no I/O."""

    def __call__(self, name: str, config: Any, around: Surroundings = ALONE) -> Connection:
        """Return the connection `name`.

        Args:
            name: of the connection.
            config: an instance of the connector's `config` model.
            around: what the process lends it.

        Raises:
            ConfigurationError: the configuration needs what is not given here.
        """


@dataclass(frozen=True, slots=True)
class Connector:
    """What a system package exports as `CONNECTOR`."""

    system: str
    config: type[BaseModel]
    open: Open
    objects: Mapping[str, ObjectDescription]
    """Objects that the source emits (record fields as in `Record.data`) and that the target writes."""
    transforms: Callable[[Any], Mapping[str, Callable[..., Any]]]
    """Gives the named functions that mappings may use, bound to a configuration; None binds to none, for checks."""
