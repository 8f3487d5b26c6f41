"""What a suite must know of a system. A contract test gives it by a fixture named `harness`, new for each test.

A harness joins a connector with its sandbox, which runs in the test's own process behind a real socket: suites set
faults and read the ledger directly, while the connector speaks the vendor's wire format. What a system does not have
is not given; the behaviours that need it are declared in the suite's `not_applicable`, with the reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.core.contracts import Action, Connection, Operation, Source, Target, WebhookRequest
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.faults import FaultRule, Kind, Match


@dataclass(frozen=True, slots=True)
class Changed:
    """How a connection differs from the usual one; None leaves the usual."""

    page_size: int | None = None
    deadline: float | None = None
    """Seconds after which an answer is given up."""
    credential: str | None = None
    """In place of the credential that the system knows."""
    address: str | None = None
    """In place of the sandbox's address."""


class Harness(ABC):
    """A connector and its sandbox."""

    vendor_path: ClassVar[str]
    """Regular expression of the paths of the vendor's data, without those of sign-in."""
    sign_in_path: ClassVar[str] = ""
    """Regular expression of the path that gives tokens; "" if the credential is sent with every call."""
    canaries: ClassVar[Sequence[str]]
    """Every secret of the usual configuration: none may show in a text."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._opened: list[Connection] = []
        self._seeded = sandbox.ledger.last()

    @abstractmethod
    def open(self, changed: Changed) -> Connection:
        """Open a connection to the sandbox with webhook credentials and all that the suites read and write."""

    def expire_tokens(self) -> None:
        """Let every token that was given out end now; for systems with tokens that can be renewed."""
        raise LookupError(self._not_given("expire_tokens"))

    async def secrets(self, connection: Connection) -> Sequence[str]:
        """Return the canaries, and what the connection holds by now, such as its access token."""
        return self.canaries

    # --- what the suites use ---

    def connect(
        self,
        *,
        page_size: int | None = None,
        deadline: float | None = None,
        credential: str | None = None,
        address: str | None = None,
    ) -> Connection:
        """Open a connection that is closed with the harness; see `Changed`."""
        return self.keep(self.open(Changed(page_size, deadline, credential, address)))

    def keep(self, connection: Connection) -> Connection:
        """Close a connection with the harness."""
        self._opened.append(connection)
        return connection

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._opened:
            await connection.close()

    def fault(self, kind: Kind, method: str | None = None, *, times: int | None = 1, **more: Any) -> None:
        """Let the next matching request to the vendor's data fail (`headrace.sandbox.common.faults`)."""
        match = Match(method=method, path=more.pop("path", self.vendor_path))
        self.sandbox.faults.add(FaultRule(match=match, kind=kind, times=times, **more))

    def requests(self, *methods: str) -> list[dict[str, Any]]:
        """Return the requests to the vendor's data with these methods (none: all), oldest first."""
        match = Match(path=self.vendor_path)
        return [
            entry
            for entry in self.sandbox.requests.entries()
            if match.meets("", entry["path"], b"") and (not methods or entry["method"] in methods)
        ]

    def sign_ins(self) -> int:
        """Return how many tokens were asked for."""
        match = Match(path=self.sign_in_path)
        return sum(match.meets("", entry["path"], b"") for entry in self.sandbox.requests.entries())

    def ledger(self, obj: str, action: str = "") -> list[dict[str, Any]]:
        """Return what was changed after the seed, as the sandbox's ledger has it."""
        entries = self.sandbox.ledger.entries(self._seeded, obj, limit=100_000)
        return [entry for entry in entries if action in ("", entry["action"])]

    def _not_given(self, name: str) -> str:
        return f"{type(self).__name__} gives no {name}: add it, or declare the behaviour in not_applicable"


class SourceHarness(Harness):
    """What `SourceSuite` needs: an object that starts without records, and somebody else who changes them."""

    source_object: ClassVar[str]
    source_text: ClassVar[str]
    """Dotted path in `Record.data` of the text that `make` and `change` set."""
    source_clearable: ClassVar[str]
    """Dotted path in `Record.data` of a field that `make` leaves empty."""
    absent_record: ClassVar[str]
    """A well-formed external id of a record that is not there."""
    keys: ClassVar[Sequence[str]] = ()
    """Keys with characters that addresses and filters treat specially, for systems whose keys people choose."""

    @abstractmethod
    async def make(self, text: str, key: str = "") -> str:
        """Create a record as somebody else would and return its external id; `key` is used where keys are chosen."""

    @abstractmethod
    async def change(self, external_id: str, text: str) -> None:
        """Change a record's text as somebody else would."""

    @abstractmethod
    async def hiding(self) -> Connection:
        """Return a connection to which the system does not show the field `source_clearable` at all."""

    @abstractmethod
    async def subscribe(self, url: str) -> None:
        """Let the sandbox deliver changes of `source_object` to an address, with the right credentials."""

    @abstractmethod
    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        """Return variants of a genuine delivery whose credentials or signature are wrong or missing."""

    def foreign_page(self, url: str) -> Mapping[str, Any]:
        """Return the body of a list answer whose next page is at another host; for systems that give links."""
        raise LookupError(self._not_given("foreign_page"))

    def source(self, **changed: Any) -> Source:
        """Open a connection and return its source; arguments as in `connect`."""
        return source_of(self.connect(**changed))


class TargetHarness(Harness):
    """What `TargetSuite` needs: an object that is created with a marker, and sample operations on it."""

    target_object: ClassVar[str]
    target_text: ClassVar[str]
    """Field that holds the text of `create`, under this name on the wire too."""
    target_clearable: ClassVar[str]
    """Field of text that None clears."""
    target_amount: ClassVar[str]
    """Field of a decimal number."""
    absent_target: ClassVar[str]
    """A well-formed target id of a record that is not there."""

    @abstractmethod
    def create(self, text: str, key: str, **fields: Any) -> Operation:
        """Return an operation that creates a record with a text and a marker of at most 20 characters."""

    @abstractmethod
    def too_long(self) -> Operation:
        """Return a create with a text that is longer than the system holds."""

    def with_natural_key(self, key: str) -> Operation:
        """Return a create whose natural key the system itself keeps unique; for systems that have such keys."""
        raise LookupError(self._not_given("with_natural_key"))

    def target(self, **changed: Any) -> Target:
        """Open a connection and return its target; arguments as in `connect`."""
        return target_of(self.connect(**changed))

    def update(self, target_id: str, **fields: Any) -> Operation:
        """Return an operation that changes fields of a record."""
        return self.operation(Action.UPDATE, fields, {}, target_id)

    def delete(self, target_id: str) -> Operation:
        """Return an operation that deletes a record."""
        return self.operation(Action.DELETE, {}, {}, target_id)

    def operation(
        self, action: Action, fields: Mapping[str, Any], key: Mapping[str, Any], target_id: str = ""
    ) -> Operation:
        """Return an operation on `target_object`."""
        return Operation(
            op_id="0" * 32,
            connection="under-test",
            entity="customer",
            canonical_id="canonical-1",
            step="main",
            action=action,
            object=self.target_object,
            fields=fields,
            key=key,
            target_id=target_id,
        )


def source_of(connection: Connection) -> Source:
    """Return the source of a connection that has one."""
    assert connection.source is not None, "the connection has no source"
    return connection.source


def target_of(connection: Connection) -> Target:
    """Return the target of a connection that has one."""
    assert connection.target is not None, "the connection has no target"
    return connection.target
