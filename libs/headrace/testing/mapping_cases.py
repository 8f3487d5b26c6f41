"""Mappings shown by cases that are data: what goes in and what comes out, as two JSON files in a folder.

`<cases>/<system>/config.json`                          the connection's configuration, for named functions and checks
`<cases>/<system>/<mapping>/<case>/record.json`         in: a record of the system, and whether an event of this
                                                        entity was told of it before ("told": true)
`<cases>/<system>/<mapping>/<case>/event.json`          out: a canonical event, the links and rates that are known, and
                                                        the steps that are done already, with the ids that the
                                                        target gave ("done": {"line": "Number=7,Line=1"})
`<cases>/<system>/<mapping>/<case>/expected.json`       what the mapping makes of it, or {"rejected": reason}, or
                                                        {"skipped": rule}, or {} where there is nothing to write

Values other than text, whole numbers, booleans and null carry tags, as `headrace.core.values.load` reads them:
{"$decimal": "1.5"}, {"$date": "2026-12-24"}, {"$time": "2026-11-21T08:00:00+00:00"}. The name of a case begins with
its kind ("rejected-unknown-company").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.core import values
from headrace.core.contracts import Action, Connector, Operation, Record
from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.rates import ExchangeRate, Quote, RateBook
from headrace.core.refs import decode_key
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import load, mapping_files
from headrace.mapping.outward import fill, map_out
from headrace.mapping.results import PlannedStep, Skipped
from headrace.mapping.running import StepValue
from headrace.mapping.walking import root_fields
from headrace.platform.codec import Codec, event_to_record, record_to_event
from headrace.platform.settings import checked

ALWAYS = ("full", "minimal", "unicode", "rejected")
"""Kinds of cases that every mapping has.

One with rules under `when:` also has "skipped", and one by which a field can be emptied "cleared".
"""

CONNECTION = "under-test"
_NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@dataclass(frozen=True)
class MappingUnderTest:
    """One mapping file and the folder of its cases."""

    path: Path
    folder: Path

    @cached_property
    def document(self) -> InMapping | OutMapping:
        """The mapping, loaded."""
        return load(self.path)

    @property
    def kinds(self) -> Sequence[str]:
        """Which kinds of cases it must have."""
        cleared = ("cleared",) if self._can_clear() else ()
        return (*ALWAYS, *cleared, *(("skipped",) if self.document.when else ()))

    @property
    def cases(self) -> Sequence[Path]:
        """The folders of its cases."""
        return sorted(path for path in self.folder.glob("*") if path.is_dir())

    def written(self) -> Mapping[str, set[str]]:
        """Return the fields that it may write: canonical fields under "", or the fields of each step."""
        if isinstance(self.document, InMapping):
            return {"": set(self.document.fields)}
        return {step.step: set(step.fields) for step in self.document.steps}

    def _can_clear(self) -> bool:
        """Say whether a field can be emptied: not one that is required, constant, or of an item."""
        if isinstance(self.document, InMapping):
            return True
        alone = [step for step in self.document.steps if step.each is None]
        return any(not each.required and root_fields(each) for step in alone for each in step.fields.values())

    def shown(self, *, empty: bool = False) -> Mapping[str, set[str]]:
        """Return the fields that some case expects with a value, or those that some case expects to be emptied."""
        found: dict[str, set[str]] = {}
        for case in self.cases:
            expected = expectation(case)
            for name, fields in _parts(expected):
                found.setdefault(name, set()).update(key for key, value in fields.items() if (value is None) is empty)
        return found


def mappings(services: Path, cases: Path) -> list[MappingUnderTest]:
    """Return every mapping below the folder of the services."""
    files = [path for path in mapping_files(services) if "mappings" in path.parts]
    return [MappingUnderTest(path, cases / load(path).system / path.stem) for path in files]


def expectation(case: Path) -> Any:
    """Return what a case expects."""
    return values.load((case / "expected.json").read_text(encoding="utf-8"))


class Bench:
    """Runs cases of one system.

    Args:
        connector: the system's.
        config: content of `config.json`.
        codec: encodes canonical events, so that what is mapped is known to fit its schema.
    """

    def __init__(self, connector: Connector, config: Mapping[str, Any], codec: Codec) -> None:
        self._codec = codec
        model = checked(connector.config, config, connector.system)
        self._objects = connector.objects
        self._transforms: Mapping[str, Callable[..., Any]] = connector.transforms(model)
        self._connection = connector.open(CONNECTION, model)

    async def close(self) -> None:
        """Close the connection, which no case calls."""
        await self._connection.close()

    def outcome(self, document: InMapping | OutMapping, case: Path) -> Any:
        """Return what the mapping makes of a case, in the form of `expected.json`."""
        name = "record.json" if isinstance(document, InMapping) else "event.json"
        given = values.load((case / name).read_text(encoding="utf-8"))
        try:
            found = self._in(document, given) if isinstance(document, InMapping) else self._out(document, given)
        except RejectRecord as rejected:
            return {"rejected": rejected.reason}
        return values.load(values.dump(found))

    # --- a record in ---

    def _in(self, document: InMapping, given: Mapping[str, Any]) -> Mapping[str, Any]:
        record = Record(
            Ref(document.object, given["external_id"]),
            given["data"],
            modified_at=given.get("modified_at"),
            deleted=given.get("deleted", False),
        )
        mapped = map_in(document, record, _Identities(), self._transforms, told=given.get("told", False))
        if isinstance(mapped, Skipped):
            return {"skipped": mapped.rule}
        assert set(mapped.asserted) == set(mapped.data), "asserted and data name different fields"
        meta = _meta(document.entity, mapped.asserted, {"legal_entity": mapped.legal_entity})
        self._through_avro(CanonicalEvent(meta, mapped.data))
        found = {
            "data": mapped.data,
            "legal_entity": mapped.legal_entity,
            "occurred_at": mapped.occurred_at,
            "marker": mapped.marker,
            "natural_keys": dict(mapped.natural_keys),
            "facts": dict(mapped.facts),
            "id": mapped.id,
        }
        return {name: value for name, value in found.items() if name == "data" or value}

    # --- an event out ---

    def _out(self, document: OutMapping, given: Mapping[str, Any]) -> Mapping[str, Any]:
        meta = _meta(document.entity, tuple(given["data"]), given.get("meta", {}))
        event = self._through_avro(CanonicalEvent(meta, given["data"]))
        known = _Known(given.get("links", ()), given.get("rates", ()))
        done: Mapping[str, str] = given.get("done", {})
        plan = map_out(document, event, known, self._transforms, frozenset(done))
        if isinstance(plan, Skipped):
            return {"skipped": plan.rule}
        if not plan.missing:
            for step in plan.steps:
                self._check(document, step, done)
        found = {
            "steps": [_shown(step) for step in plan.steps],
            "missing": [each.detail for each in plan.missing],
            "reviews": [rule for rule, _ in plan.reviews],
            "held": [{"rule": each.rule, "then": each.policy, "detail": each.detail} for each in plan.held],
        }
        return {name: value for name, value in found.items() if value}

    def _check(self, document: OutMapping, step: PlannedStep, done: Mapping[str, str]) -> None:
        """Let the target check a step as it does before every change; what new earlier steps answer is made up."""
        objects = {each.step: self._objects[each.object] for each in document.steps}
        answers: dict[str, dict[str, Any]] = {}
        for value in step.fields.values():
            if isinstance(value, StepValue):
                is_number = objects[value.step].fields.get(value.field) == "decimal"
                told = decode_key(done[value.step]).get(value.field, "1") if value.step in done else "1"
                answers.setdefault(value.step, {})[value.field] = Decimal(told) if is_number else told
        filled = fill(step, answers)
        is_new = filled.create and not step.record and step.step not in done
        operation = Operation(
            op_id="0" * 32,
            connection=CONNECTION,
            entity=document.entity,
            canonical_id="canonical-1",
            step=filled.step,
            action=Action.CREATE if is_new else Action.UPDATE,
            object=filled.object,
            fields=filled.fields,
            key=filled.marker,
            target_id="" if is_new else step.record or done.get(step.step, "1"),
        )
        assert self._connection.target is not None, f"{document.system} has a mapping out, but no target"
        self._connection.target.check(operation)

    def _through_avro(self, event: CanonicalEvent) -> CanonicalEvent:
        """Return an event as it comes out of Kafka, with every field of its schema.

        Raises:
            RejectRecord: a value does not fit the schema.
        """
        record = self._codec.encode(f"canonical/{event.meta.entity}.v1", event_to_record(event))
        return record_to_event(self._codec.decode(record)[1])


class _Identities:
    """Canonical ids that can be read in `expected.json`."""

    connection = CONNECTION

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        return f"{entity} of {obj} {external_id}"


class _Known:
    """The links that a case names (canonical id, object, target id and perhaps facts of each), and exchange rates."""

    def __init__(self, links: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]]) -> None:
        self._links = links
        self._rates = RateBook()
        for number, rate in enumerate(rates):
            self._rates.put(str(number), ExchangeRate(**rate))

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        found = self._link(canonical_id, obj, scope)
        return found["target_id"] if found else None

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        found = self._link(canonical_id, obj, scope)
        return found.get("facts", {}).get(name) if found else None

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        return self._rates.find(rate_type, from_currency, to_currency, on)

    def _link(self, canonical_id: str, obj: str, scope: str | None) -> Mapping[str, Any] | None:
        for link in self._links:
            if (link["canonical_id"], link["object"]) == (canonical_id, obj):
                first = next(iter(decode_key(link["target_id"]).values()))
                if scope is None or first.casefold() == scope.casefold():
                    return link
        return None


def _meta(entity: str, asserted: tuple[str, ...], given: Mapping[str, Any]) -> Meta:
    return Meta(
        event_id="event-1",
        entity=entity,
        canonical_id=given.get("canonical_id", "canonical-1"),
        connection=given.get("connection", CONNECTION),
        object=given.get("object", entity),
        external_id=given.get("external_id", "1"),
        source_version="",
        occurred_at=_NOW,
        observed_at=_NOW,
        change=Change(given.get("change", "upsert")),
        legal_entity=given.get("legal_entity"),
        asserted=tuple(given.get("asserted", asserted)),
        trace_id="",
    )


def _shown(step: PlannedStep) -> Mapping[str, Any]:
    def plain(fields: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: _plain(value) for name, value in fields.items()}

    shown = {"step": step.step, "object": step.object, "fields": plain(step.fields), "marker": plain(step.marker)}
    more = {
        "match": [plain(key) for key in step.match],
        "identity": step.identity,
        "create": "" if step.create else "never",
        "once": sorted(step.once),
        "adopt": list(step.adopt),
        "record": step.record,
    }
    return {**shown, **{name: value for name, value in more.items() if value}}


def _plain(value: Any) -> Any:
    return {"from_step": value.step, "field": value.field} if isinstance(value, StepValue) else value


def _parts(expected: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "data" in expected:
        yield "", expected["data"]
    for step in expected.get("steps", ()):
        yield step["step"].partition(":")[0], step["fields"]
