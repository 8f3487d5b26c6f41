"""Queries over definitions: $select, $filter, one $expand; names and values are compared in their own case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from headrace.sandbox.dataverse.errors import bad_query, unknown_property
from headrace.sandbox.dataverse.filters import Property, Source, compile_filter
from headrace.sandbox.dataverse.query import split_outside

Definition = Mapping[str, Any]
Expand = Callable[[Definition, str], Any]


class DefinitionSource:
    """Definitions of one type; their properties are those of a sample."""

    def __init__(self, type_name: str, sample: Definition) -> None:
        self._type_name, self._sample = type_name, sample

    def property(self, name: str) -> Property:
        """Return a property."""
        if name not in self._sample:
            raise unknown_property(self._type_name, name)
        value = self._sample[name]
        if isinstance(value, bool):
            return Property(name, "boolean", lambda each: each.get(name))
        if isinstance(value, int | Decimal):
            return Property(name, "number", lambda each: None if each.get(name) is None else Decimal(each[name]))
        form = "guid" if name == "MetadataId" else "member"
        return Property(name, form, lambda each: each.get(name))

    def related(self, name: str) -> tuple[Source, Callable[[Any], Iterable[Any]]]:
        """Refuse: definitions are filtered by their own properties."""
        raise bad_query(f"{name} cannot be followed in a filter of metadata.")


def chosen(
    type_name: str,
    definitions: Iterable[Definition],
    query: Mapping[str, str],
    expandable: Mapping[str, Expand],
    always: tuple[str, ...] = ("MetadataId",),
) -> list[dict[str, Any]]:
    """Return definitions as a query asks for them.

    Args:
        type_name: what error texts call them.
        definitions: all there are.
        query: its options.
        expandable: what $expand may name, with the function (definition, its own options) that reads it.
        always: properties that $select leaves in.

    Raises:
        ServiceError: a 400 for an option or a name that does not fit.
    """
    found = list(definitions)
    sample: dict[str, Any] = {}
    for each in found:
        sample |= {name: value for name, value in each.items() if value is not None or name not in sample}
    if query.get("$filter", "").strip() and found:
        accepts = compile_filter(DefinitionSource(type_name, sample), query["$filter"].strip()).predicate
        found = [each for each in found if accepts(each)]
    select = [name.strip() for name in query.get("$select", "").split(",") if name.strip()]
    for name in select:
        if sample and name not in sample:
            raise unknown_property(type_name, name)
    expansions = dict(_expansions(query.get("$expand", "")))
    for name in expansions:
        if name not in expandable:
            raise unknown_property(type_name, name)
    shown = []
    for each in found:
        kept = (*(("@odata.type",) if "@odata.type" in each else ()), *always, *select)
        row = {name: each.get(name) for name in dict.fromkeys(kept)} if select else dict(each)
        shown.append({**row, **{name: expandable[name](each, inner) for name, inner in expansions.items()}})
    return shown


def _expansions(text: str) -> Iterable[tuple[str, str]]:
    for item in split_outside(text, ","):
        name, _, inner = item.strip().partition("(")
        yield name.strip(), inner.removesuffix(")")


def inner_options(text: str) -> dict[str, str]:
    """Return the options inside the brackets of an $expand."""
    pairs = (part.strip().partition("=") for part in split_outside(text, ";"))
    return {name: value for name, _, value in pairs}
