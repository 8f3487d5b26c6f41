"""Reading sets: query options, one level of $expand, pages whose link is to be used as it is."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from headrace.sandbox.common.encoding import dump_text, load
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.errors import ServiceError, bad_query, unknown_property
from headrace.sandbox.dataverse.filters import Filter, TableSource, compile_filter
from headrace.sandbox.dataverse.rows import TOTAL, TOTAL_EXCEEDED, Rows, Wanted, wanted_annotations
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Column, Table

_KNOWN = {"$filter", "$select", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken", "$format"}
_NOT_HERE = ("fetchXml", "sql", "savedQuery", "userQuery")
_PAGE_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*\"?(\d+)")
_COOKIE = re.compile(r'pagingcookie="(?P<cookie>[^"]*)"')

Visible = Callable[[Table], Callable[[Record], bool]]


@dataclass(slots=True)
class Expansion:
    """One navigation of $expand with its own options; `back` is the lookup of a collection's rows."""

    name: str
    table: Table
    column: Column
    many: bool
    options: Options


@dataclass(slots=True)
class Options:
    """Query options of one read."""

    filter: Filter | None = None
    select: tuple[str, ...] | None = None
    order: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    count: bool = False
    expand: tuple[Expansion, ...] = ()
    page_size: int = 5_000
    sized: bool = False
    wants: Wanted = lambda name: False
    raw: Mapping[str, str] = field(default_factory=dict)


class Reader:
    """Parses query options and reads pages."""

    def __init__(self, store: Store, schema: Schema, rows: Rows, settings: DataverseSettings) -> None:
        self._store, self._schema, self._rows, self._settings = store, schema, rows, settings

    def options(self, table: Table, query: Mapping[str, str], prefer: str = "", *, nested: bool = False) -> Options:
        """Return the checked query options.

        Raises:
            ServiceError: a 400 for an option, name or literal that the service refuses.
        """
        for name in query:
            if name.startswith("$") and name not in _KNOWN:
                raise ServiceError(
                    400, "0x80060888", f"The query parameter {name.removeprefix('$').capitalize()} is not supported"
                )
        for name in _NOT_HERE:
            if name in query:
                raise ServiceError(501, "0x80040216", f"The query option {name} is not implemented in this sandbox.")
        options = Options(raw=query, wants=wanted_annotations(prefer))
        wanted = _PAGE_SIZE.search(prefer)
        options.sized = wanted is not None
        options.page_size = (
            min(self._settings.page_size, max(1, int(wanted[1]))) if wanted else self._settings.page_size
        )
        if query.get("$filter", "").strip():
            source = TableSource(self._store, self._schema, table)
            options.filter = compile_filter(source, query["$filter"].strip())
        if query.get("$select", "*").strip() not in ("", "*"):
            options.select = tuple(_property(table, part.strip()) for part in query["$select"].split(","))
        options.order = tuple(_order(table, part) for part in query.get("$orderby", "").split(",") if part.strip())
        options.top = _count(query, "$top")
        options.count = query.get("$count", "").lower() == "true"
        if nested and "$expand" in query:
            raise bad_query("$expand within $expand is not supported here: one level.")
        options.expand = self._expansions(table, query.get("$expand", ""))
        return options

    def _expansions(self, table: Table, text: str) -> tuple[Expansion, ...]:
        found = []
        for item in split_outside(text, ","):
            name, _, inner = item.strip().partition("(")
            query = {}
            for part in split_outside(inner.removesuffix(")"), ";"):
                key, _, value = part.strip().partition("=")
                query[key] = value
            found.append(self.expansion(table, name.strip(), query))
        if len(found) > self._settings.expand_limit:
            raise bad_query(f"The number of $expand options exceeds the limit of {self._settings.expand_limit}.")
        return tuple(found)

    def expansion(self, table: Table, name: str, query: Mapping[str, str]) -> Expansion:
        """Return a navigation with its options.

        Raises:
            ServiceError: a 400, the table has none of this name.
        """
        collection = self._schema.collection(table, name)
        if collection is not None:
            child, back = collection
            return Expansion(name, child, back, True, self.options(child, query, nested=True))
        found = table.by_navigation.get(name)
        target = self._schema.table(found[1].table) if found else None
        if found is None or target is None:
            raise unknown_property(table.name, name)
        return Expansion(name, target, found[0], False, self.options(target, query, nested=True))

    def matching(self, table: Table, options: Options, visible: Visible) -> Sequence[Record]:
        """Return the rows that a read may see and its filter accepts, in order."""
        sees = visible(table)
        records = [record for record in self._candidates(table, options) if sees(record)]
        if options.filter is not None:
            accepts = options.filter.predicate
            records = [record for record in records if accepts(record)]
        return self._ordered(table, records, options.order)

    def _candidates(self, table: Table, options: Options) -> Sequence[Record]:
        for name, value in (options.filter.equalities if options.filter else {}).items():
            column = table.by_property.get(name)
            if column is not None and isinstance(value, str):
                if column.name == table.key:
                    record = self._store.get(table.name, value)
                    return [] if record is None else [record]
                if self._store.has_index(table.name, column.name):
                    return self._store.find(table.name, column.name, value)
        return self._store.list(table.name)

    def _ordered(self, table: Table, records: Sequence[Record], order: Sequence[tuple[str, bool]]) -> Sequence[Record]:
        records = sorted(records, key=lambda record: record.key)
        for name, descending in reversed(order):
            column = table.by_property[name]
            records = sorted(records, key=lambda each: self._sorting(table, column, each), reverse=descending)
        return records

    def _sorting(self, table: Table, column: Column, record: Record) -> tuple[bool, Any]:
        value = record.data.get(column.name)
        if value is None:
            return False, 0
        if column.kind == "lookup":
            return True, (self._rows.formatted(table, column, record.data) or "").casefold()
        return True, value.casefold() if isinstance(value, str) else value

    def page(self, table: Table, options: Options, visible: Visible, base_url: str, path: str) -> dict[str, Any]:
        """Return the JSON body of a set read; `path` is the address that a next link continues."""
        return self.page_of(table, self.matching(table, options, visible), options, visible, base_url, path)

    def page_of(
        self,
        table: Table,
        records: Sequence[Record],
        options: Options,
        visible: Visible,
        base_url: str,
        path: str,
    ) -> dict[str, Any]:
        """Return one page of rows that were found."""
        total = len(records)
        number, remaining = _continued(records, options.raw.get("$skiptoken"))
        if options.top is not None and not options.sized:
            remaining = remaining[: max(0, options.top - (total - len(remaining)))]
        shown = remaining[: options.page_size]
        selected = f"({','.join(options.select)})" if options.select else ""
        body: dict[str, Any] = {"@odata.context": f"{base_url}$metadata#{table.set}{selected}"}
        if options.count:
            body["@odata.count"] = min(total, self._settings.count_limit)
        if options.wants(TOTAL):
            body[f"@{TOTAL}"] = min(total, self._settings.count_limit) if options.count else -1
            body[f"@{TOTAL_EXCEEDED}"] = options.count and total > self._settings.count_limit
        body["value"] = [self.row(table, record, options, visible, base_url) for record in shown]
        if len(remaining) > len(shown):
            cookie = _cookie(number + 1, total - len(remaining) + len(shown), shown[-1].key)
            following = {**options.raw, "$skiptoken": cookie}
            text = "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in following.items())
            body["@odata.nextLink"] = f"{base_url}{path}?{text}"
        return body

    def row(self, table: Table, record: Record, options: Options, visible: Visible, base_url: str) -> dict[str, Any]:
        """Return one row with its selected columns and expanded navigations."""
        row = self._rows.render(table, record, options.select, options.wants)
        for each in options.expand:
            if each.many:
                row |= self._collection(table, record, each, options, visible, base_url)
                continue
            value = record.data.get(each.column.name)
            leads = value is not None and self._rows.target_of(table, each.column, record.data) == each.table.name
            found = self._store.get(each.table.name, str(value)) if leads else None
            if found is not None and not visible(each.table)(found):
                found = None
            row[each.name] = (
                None if found is None else self._rows.render(each.table, found, each.options.select, options.wants)
            )
        return row

    def _collection(
        self, table: Table, record: Record, each: Expansion, options: Options, visible: Visible, base_url: str
    ) -> dict[str, Any]:
        found = self.related(record, each, visible)
        limit = min(options.page_size, each.options.top or options.page_size)
        shown = [self._rows.render(each.table, row, each.options.select, options.wants) for row in found[:limit]]
        part: dict[str, Any] = {each.name: shown}
        if len(found) > limit and each.options.top is None:
            cookie = quote(_cookie(2, limit, found[limit - 1].key), safe="")
            inner = "".join(
                f"{quote(name, safe='$')}={quote(text, safe='')}&" for name, text in each.options.raw.items()
            )
            part[f"{each.name}@odata.nextLink"] = (
                f"{base_url}{table.set}({record.key})/{each.name}?{inner}$skiptoken={cookie}"
            )
        return part

    def related(self, record: Record, each: Expansion, visible: Visible) -> Sequence[Record]:
        """Return the rows of a collection that a record leads to."""
        accepts = each.options.filter.predicate if each.options.filter else lambda row: True
        sees = visible(each.table)
        rows = [
            row for row in self._store.find(each.table.name, each.column.name, record.key) if sees(row) and accepts(row)
        ]
        return self._ordered(each.table, rows, each.options.order)


def split_outside(text: str, mark: str) -> list[str]:
    """Return the parts of a text between marks that stand in no brackets and no quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif not quoted and sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == mark and not quoted and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part for part in parts if part.strip()]


def _property(table: Table, name: str) -> str:
    column = table.by_property.get(name)
    if column is None or not column.read:
        raise unknown_property(table.name, name)
    return name


def _order(table: Table, part: str) -> tuple[str, bool]:
    name, _, direction = part.strip().partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise bad_query(f"Syntax error in $orderby: '{part.strip()}'.")
    return _property(table, name), direction.strip() == "desc"


def _count(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise bad_query(f"Invalid value '{text}' for {name} query option found. It must be a non-negative integer.")
    return int(text)


def _cookie(page: int, offset: int, last: str) -> str:
    inner = base64.urlsafe_b64encode(dump_text([page, offset, last]).encode()).decode()
    return f"<cookie pagenumber={quoteattr(str(page))} pagingcookie={quoteattr(inner)} istracking='False' />"


def _continued(records: Sequence[Record], token: str | None) -> tuple[int, Sequence[Record]]:
    """Return the number of the page, and the rows from there on: after the last one shown, wherever it stands now."""
    if token is None:
        return 1, records
    match = _COOKIE.search(token)
    try:
        page, offset, last = load(base64.urlsafe_b64decode(match["cookie"])) if match else load("")
    except ValueError as error:
        raise ServiceError(400, "0x80040203", "Invalid paging cookie; use the next link as it was given.") from error
    for position, record in enumerate(records):
        if record.key == last:
            return int(page), records[position + 1 :]
    return int(page), records[int(offset) :]
