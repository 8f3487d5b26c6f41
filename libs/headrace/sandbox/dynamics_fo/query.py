"""Reading sets: query options, company scope, offset paging, one level of $expand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES, stored_set
from headrace.sandbox.dynamics_fo.entities.model import Entity, Navigation
from headrace.sandbox.dynamics_fo.errors import query_error
from headrace.sandbox.dynamics_fo.filters import Filter, compile_filter, unknown_property
from headrace.sandbox.dynamics_fo.rows import reader, render
from headrace.sandbox.dynamics_fo.settings import FinanceSettings

_KNOWN = {"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$expand", "$format"}
_EXPAND_ITEM = re.compile(r"\s*(?P<name>\w+)\s*(?:\((?P<options>[^()]*)\))?\s*(?:,|$)")
_PAGE_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*(\d+)")


@dataclass(slots=True)
class Options:
    """Query options of one read."""

    filter: Filter | None = None
    select: tuple[str, ...] | None = None
    order: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple[tuple[Navigation, tuple[str, ...] | None], ...] = ()
    cross_company: bool = False
    page_size: int = 10_000
    raw: Mapping[str, str] = field(default_factory=dict)


def parse_options(entity: Entity, query: Mapping[str, str], prefer: str, settings: FinanceSettings) -> Options:
    """Return the checked query options.

    Raises:
        ServiceError: a 400 for an option, name or literal that the service refuses.
    """
    for name in query:
        if name.startswith("$") and name not in _KNOWN:
            raise query_error(f"The query parameter '{name}' is not supported.")
    options = Options(raw=query)
    options.cross_company = query.get("cross-company", "").lower() == "true"
    wanted = _PAGE_SIZE.search(prefer)
    options.page_size = min(settings.page_size, max(1, int(wanted[1]))) if wanted else settings.page_size
    if query.get("$filter", "").strip():
        options.filter = compile_filter(
            entity,
            query["$filter"].strip(),
            string_functions=settings.string_functions,
            unknown_body=settings.unknown_property_body,
        )
    if query.get("$select", "*").strip() not in ("", "*"):
        options.select = _names(entity, query["$select"], settings)
    options.order = tuple(
        _order(entity, part, settings) for part in query.get("$orderby", "").split(",") if part.strip()
    )
    options.top, options.skip = _count(query, "$top"), _count(query, "$skip") or 0
    options.count = query.get("$count", "").lower() == "true"
    options.expand = _expansions(entity, query.get("$expand", ""), settings)
    return options


def _names(entity: Entity, text: str, settings: FinanceSettings) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    for name in names:
        if name not in entity.by_name:
            raise unknown_property(entity, name, settings.unknown_property_body)
    return names


def _order(entity: Entity, part: str, settings: FinanceSettings) -> tuple[str, bool]:
    name, _, direction = part.strip().partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise query_error(f"Syntax error in $orderby: '{part.strip()}'.")
    return _names(entity, name, settings)[0], direction.strip() == "desc"


def _count(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise query_error(f"Invalid value '{text}' for {name} query option found. It must be a non-negative integer.")
    return int(text)


def _expansions(
    entity: Entity, text: str, settings: FinanceSettings
) -> tuple[tuple[Navigation, tuple[str, ...] | None], ...]:
    found = []
    position = 0
    while position < len(text):
        match = _EXPAND_ITEM.match(text, position)
        if match is None:
            raise query_error(f"$expand '{text}' is not supported: one level, with $select at most.")
        navigation = entity.navigation(match["name"])
        if navigation is None:
            raise unknown_property(entity, match["name"], settings.unknown_property_body)
        inner = match["options"] or ""
        if inner and not inner.startswith("$select="):
            raise query_error(f"The option '{inner}' is not supported within $expand.")
        names = _names(ENTITIES[navigation.target_set], inner.removeprefix("$select="), settings) if inner else None
        found.append((navigation, names))
        position = match.end()
    return tuple(found)


def matching(store: Store, entity: Entity, options: Options, company: str) -> Sequence[Record]:
    """Return the records that a read may see and its filter accepts, unpaged and unordered."""
    records = _candidates(store, entity, options)
    if entity.has_company and not options.cross_company:
        records = [record for record in records if record.data.get("dataAreaId", "") == company]
    if options.filter is not None:
        accepts = options.filter.predicate
        records = [record for record in records if accepts(record)]
    return records


def _candidates(store: Store, entity: Entity, options: Options) -> Sequence[Record]:
    source = stored_set(entity)
    for name, value in (options.filter.equalities if options.filter else {}).items():
        own = entity.source_fields[name] if entity.source_fields else name
        if value and store.has_index(source, own):
            return store.find(source, own, value)
    return store.list(source)


def ordered(entity: Entity, records: Sequence[Record], order: Sequence[tuple[str, bool]]) -> Sequence[Record]:
    """Return records in $orderby order; texts sort in any case, ties keep the order of creation."""
    for name, descending in reversed(order):
        read = reader(entity, name)
        if entity.by_name[name].kind == "string":
            records = sorted(records, key=lambda record: read(record).casefold(), reverse=descending)
        else:
            records = sorted(records, key=read, reverse=descending)
    return records


def read_page(store: Store, entity: Entity, options: Options, company: str, base_url: str) -> dict[str, Any]:
    """Return the JSON body of a set read.

    The next link repeats the query with a growing $skip: a plain offset, so rows that change between pages can be
    skipped or seen twice.
    """
    records = matching(store, entity, options, company)
    total = len(records)
    remaining = ordered(entity, records, options.order)[options.skip :]
    if options.top is not None:
        remaining = remaining[: options.top]
    page = remaining[: options.page_size]
    rows = [render_row(store, entity, record, options) for record in page]
    selected = f"({','.join(options.select)})" if options.select else ""
    body: dict[str, Any] = {"@odata.context": f"{base_url}/data/$metadata#{entity.set}{selected}"}
    if options.count:
        body["@odata.count"] = total
    body["value"] = rows
    if len(remaining) > len(page):
        following = {**options.raw, "$skip": str(options.skip + len(page))}
        if options.top is not None:
            following["$top"] = str(options.top - len(page))
        text = "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in following.items())
        body["@odata.nextLink"] = f"{base_url}/data/{entity.set}?{text}"
    return body


def render_row(store: Store, entity: Entity, record: Record, options: Options) -> dict[str, Any]:
    """Return one row with its selected fields and expanded navigations."""
    row = render(entity, record, options.select)
    for navigation, names in options.expand:
        target = ENTITIES[navigation.target_set]
        related = [render(target, found, names) for found in follow(store, entity, record, navigation)]
        row[navigation.name] = related if navigation.many else (related[0] if related else None)
    return row


def follow(store: Store, entity: Entity, record: Record, navigation: Navigation) -> Sequence[Record]:
    """Return the rows that a navigation leads to, in the same company."""
    value = reader(entity, navigation.own_field)(record)
    found = store.find(navigation.target_set, navigation.target_field, value)
    company = record.data.get("dataAreaId", "")
    return [each for each in found if each.data.get("dataAreaId", "") == company]
