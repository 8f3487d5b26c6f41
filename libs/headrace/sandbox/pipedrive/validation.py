"""The strict check of v2 request bodies: every problem is found, and one 400 names them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from headrace.sandbox.pipedrive.custom_fields import ADDRESS_PARTS, Surroundings, ValueProblem, is_number, read_v2
from headrace.sandbox.pipedrive.errors import not_allowed
from headrace.sandbox.pipedrive.properties import BY_NAME, Property
from headrace.sandbox.pipedrive.times import clock_time, from_v2, is_date, to_v2


class World(Protocol):
    """What the check must know of the account."""

    def exists(self, object_: str, id_: int) -> bool:
        """Whether a record of that id is there and not deleted."""

    def has_currency(self, code: str) -> bool:
        """Whether the account knows the currency."""

    def option_ids(self, object_: str, code: str) -> frozenset[int]:
        """Return the options of a field."""

    def custom_types(self, object_: str) -> Mapping[str, str]:
        """Return the type of each custom field by its code."""

    def default_currency(self, user_id: int) -> str:
        """Return the currency of values that name none."""


class BodyCheck:
    """Checks one body; `problems` collects what is wrong, in the vendor's grammar `key: text`."""

    def __init__(self, world: World, object_: str, user_id: int) -> None:
        self._world = world
        self._object = object_
        self._user_id = user_id
        self.problems: list[str] = []

    def run(self, body: Any, *, creating: bool) -> dict[str, Any]:
        """Return the keys that were sent, in stored form; empty where `problems` says why."""
        if not isinstance(body, dict):
            self.problems.append("body: Expected object")
            return {}
        known = BY_NAME[self._object]
        clean: dict[str, Any] = {}
        refused = "update" if creating else "create"
        for name, value in body.items():
            item = known.get(name)
            if item is None or item.on == refused:
                self.problems.append(not_allowed(name))
            elif value is None:
                self._take_null(item, clean)
            else:
                self._take(item, value, clean)
        if creating:
            missing = [item.name for item in known.values() if item.required and body.get(item.name) is None]
            self.problems.extend(f"{name}: Parameter '{name}' is required" for name in missing if name not in body)
        return clean

    def _take_null(self, item: Property, clean: dict[str, Any]) -> None:
        if item.nullable:
            clean[item.name] = None
        else:
            self.problems.append(f"{item.name}: Expected {item.kind}, received null")

    def _take(self, item: Property, value: Any, clean: dict[str, Any]) -> None:
        try:
            clean[item.name] = _CHECKS[item.kind](self, item, value)
        except ValueProblem as problem:
            self.problems.append(f"{item.name}: {problem}")

    def text(self, item: Property, value: Any) -> str:
        """Check a text with its length and its choices."""
        if not isinstance(value, str):
            raise ValueProblem(f"Expected string, received {_kind_of(value)}")
        if item.non_empty and not value.strip():
            raise ValueProblem("Must not be empty")
        if item.max_length is not None and len(value) > item.max_length:
            raise ValueProblem(f"Must be at most {item.max_length} characters long")
        if item.choices and value not in item.choices:
            raise ValueProblem(f"Must be one of: {', '.join(map(str, item.choices))}")
        return value

    def integer(self, item: Property, value: Any) -> int:
        """Check a whole number, its range, and that the record exists which it refers to."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueProblem(f"Expected integer, received {_kind_of(value)}")
        if item.choices and value not in item.choices:
            raise ValueProblem(f"Must be one of: {', '.join(map(str, item.choices))}")
        _in_range(item, value)
        if item.reference is not None and not self._world.exists(item.reference, value):
            raise ValueProblem(f"{item.reference.capitalize()} with id {value} was not found")
        if item.name == "category" and value not in self._world.option_ids("product", "category"):
            raise ValueProblem(f"Option {value} does not exist")
        return value

    def number(self, item: Property, value: Any) -> Any:
        """Check a number and its range."""
        if not is_number(value):
            raise ValueProblem(f"Expected number, received {_kind_of(value)}")
        _in_range(item, value)
        return value

    def boolean(self, item: Property, value: Any) -> bool:
        """Check a strict boolean."""
        del item
        if not isinstance(value, bool):
            raise ValueProblem(f"Expected boolean, received {_kind_of(value)}")
        return value

    def datetime(self, item: Property, value: Any) -> str:
        """Check a time with zone and whole seconds."""
        del item
        try:
            return to_v2(from_v2(value if isinstance(value, str) else repr(value)))
        except ValueError as error:
            raise ValueProblem(str(error)) from None

    def date(self, item: Property, value: Any) -> str:
        """Check a calendar date."""
        del item
        if not is_date(value):
            raise ValueProblem(f"'{value}' is not a valid date")
        return str(value)

    def clock(self, item: Property, value: Any) -> str:
        """Check a time of day."""
        del item
        text = clock_time(value)
        if text is None:
            raise ValueProblem(f"'{value}' is not a valid time")
        return text

    def currency(self, item: Property, value: Any) -> str:
        """Check that the account has the currency."""
        code = self.text(item, value)
        if not self._world.has_currency(code):
            raise ValueProblem(f"Currency '{code}' does not exist")
        return code

    def labels(self, item: Property, value: Any) -> list[int]:
        """Check label ids."""
        options = self._world.option_ids(self._object, item.name)
        if not isinstance(value, list):
            raise ValueProblem("Expected array of integers")
        for label in value:
            if not isinstance(label, int) or label not in options:
                raise ValueProblem(f"Label {label} does not exist")
        return value

    def contacts(self, item: Property, value: Any) -> list[dict[str, Any]]:
        """Check e-mails or phones: `label` defaults to work, the first is primary when none says so."""
        entries = [_object_of(entry, {"value", "primary", "label"}) for entry in _array_of(value)]
        clean = []
        for entry in entries:
            if not isinstance(entry.get("value"), str):
                raise ValueProblem("Parameter 'value' is required")
            primary = entry.get("primary", False)
            if not isinstance(primary, bool):
                raise ValueProblem("Parameter 'primary' must be boolean")
            clean.append({"value": entry["value"], "primary": primary, "label": entry.get("label") or "work"})
        primaries = sum(entry["primary"] for entry in clean)
        if primaries > 1:
            raise ValueProblem(f"Only one of the {item.name} can be primary")
        if clean and not primaries:
            clean[0]["primary"] = True
        return clean

    def address(self, item: Property, value: Any) -> dict[str, Any] | None:
        """Check an address; a part that was not sent becomes null."""
        del item
        sent = _object_of(value, {"value", *ADDRESS_PARTS})
        if "value" not in sent:
            raise ValueProblem("Parameter 'value' is required")
        for part in sent.values():
            if part is not None and not isinstance(part, str):
                raise ValueProblem("Expected string")
        if sent["value"] is None:
            return None
        return {"value": sent["value"], **{part: sent.get(part) for part in ADDRESS_PARTS}}

    def prices(self, item: Property, value: Any) -> list[dict[str, Any]]:
        """Check product prices: one per currency, `price` and `currency` required."""
        del item
        clean: dict[str, dict[str, Any]] = {}
        for entry in _array_of(value):
            sent = _object_of(entry, {"currency", "price", "cost", "direct_cost", "notes"})
            code, price = sent.get("currency"), sent.get("price")
            if not isinstance(code, str) or not is_number(price):
                raise ValueProblem("Parameters 'price' and 'currency' are required for each price")
            if not self._world.has_currency(code):
                raise ValueProblem(f"Currency '{code}' does not exist")
            if code in clean:
                raise ValueProblem(f"There can be only one price for currency {code}")
            clean[code] = {
                "price": price,
                "currency": code,
                "cost": sent.get("cost") or 0,
                "direct_cost": sent.get("direct_cost"),
                "notes": sent.get("notes") or "",
            }
        return [*clean.values()]

    def participants(self, item: Property, value: Any) -> list[dict[str, Any]]:
        """Check participants of an activity: existing persons, the first primary when none says so."""
        del item
        clean = []
        for entry in _array_of(value):
            sent = _object_of(entry, {"person_id", "primary"})
            person_id = sent.get("person_id")
            if not isinstance(person_id, int) or not self._world.exists("person", person_id):
                raise ValueProblem(f"Person with id {person_id} was not found")
            clean.append({"person_id": person_id, "primary": bool(sent.get("primary", False))})
        if clean and not any(entry["primary"] for entry in clean):
            clean[0]["primary"] = True
        return clean

    def attendees(self, item: Property, value: Any) -> list[dict[str, Any]]:
        """Check attendees of an activity."""
        del item
        keys = ("email", "name", "status", "is_organizer", "person_id", "user_id")
        sent = [_object_of(entry, set(keys)) for entry in _array_of(value)]
        return [{key: entry.get(key) for key in keys} for entry in sent]

    def free(self, item: Property, value: Any) -> Any:
        """Take an object as it is."""
        del item
        if not isinstance(value, dict):
            raise ValueProblem(f"Expected object, received {_kind_of(value)}")
        return value

    def custom_fields(self, item: Property, value: Any) -> dict[str, Any]:
        """Check custom field values; problems name the field's code."""
        if not isinstance(value, dict):
            raise ValueProblem(f"Expected object, received {_kind_of(value)}")
        types = self._world.custom_types(self._object)
        currency = self._world.default_currency(self._user_id)
        around = Surroundings(self._world.exists, currency, self._world.has_currency)
        clean: dict[str, Any] = {}
        for code, sent in value.items():
            name = f"{item.name}.{code}"
            if code not in types:
                self.problems.append(not_allowed(name))
                continue
            try:
                clean[code] = read_v2(types[code], self._world.option_ids(self._object, code), sent, around)
            except ValueProblem as problem:
                self.problems.append(f"{name}: {problem}")
        return clean


_CHECKS: Mapping[str, Callable[[BodyCheck, Property, Any], Any]] = {
    "text": BodyCheck.text,
    "integer": BodyCheck.integer,
    "number": BodyCheck.number,
    "boolean": BodyCheck.boolean,
    "datetime": BodyCheck.datetime,
    "date": BodyCheck.date,
    "clock": BodyCheck.clock,
    "currency": BodyCheck.currency,
    "labels": BodyCheck.labels,
    "contacts": BodyCheck.contacts,
    "address": BodyCheck.address,
    "prices": BodyCheck.prices,
    "participants": BodyCheck.participants,
    "attendees": BodyCheck.attendees,
    "free": BodyCheck.free,
    "custom_fields": BodyCheck.custom_fields,
}


def _in_range(item: Property, value: Any) -> None:
    if item.minimum is not None and value < item.minimum:
        raise ValueProblem(f"Must be greater than or equal to {item.minimum}")
    if item.maximum is not None and value > item.maximum:
        raise ValueProblem(f"Must be less than or equal to {item.maximum}")


def _array_of(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueProblem(f"Expected array, received {_kind_of(value)}")
    return value


def _object_of(value: Any, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueProblem(f"Expected object, received {_kind_of(value)}")
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise ValueProblem(f"Parameter '{unknown[0]}' is not allowed for this request")
    return value


def _kind_of(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "number", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value), "number")
