"""$filter: parsed by odata-query, compiled to a predicate; texts compare in any case, as the database does.

`ne` finds rows without a value too. One step along a lookup (`primarycontactid/fullname`) and `any`/`all` over a
collection are followed; of the query functions, `In` and `NotIn`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

from odata_query import ast

from headrace.sandbox.common.odata_filters import COMPARE, SIGN, enum_literal, name_of, parse_filter
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.errors import ServiceError, bad_query, unknown_property
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.model import NAMESPACE, NUMBERS, Column, Table

Predicate = Callable[[Any], bool]
Operand = Callable[[Any], Any]

_MEMBERS = re.compile(
    rf"{re.escape(NAMESPACE)}\.(?P<function>In|NotIn)\(PropertyName='(?P<name>\w+)',\s*"
    r"PropertyValues=\[(?P<values>(?:'(?:[^']|'')*'|[^\]'])*)\]\)"
)
_LISTED = re.compile(r"['\"](?P<text>(?:[^'\"]|'')*)['\"]|(?P<bare>[^,\s]+)")
_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


@dataclass(frozen=True, slots=True)
class Property:
    """What a filter knows of one property: how it is read, and the form in which its values compare."""

    name: str
    form: str
    read: Operand


class Source(Protocol):
    """What a filter is about: rows of a table, or definitions of tables and columns."""

    def property(self, name: str) -> Property:
        """Return a property; ServiceError for a name that is none."""

    def related(self, name: str) -> tuple[Source, Callable[[Any], Iterable[Any]]]:
        """Return what a navigation leads to; ServiceError for a name that is none."""


class TableSource:
    """Rows of one table."""

    def __init__(self, store: Store, schema: Schema, table: Table) -> None:
        self._store, self._schema, self._table = store, schema, table

    def property(self, name: str) -> Property:
        """Return a column by the name under which it is read."""
        column = self._table.by_property.get(name)
        if column is None or not column.read:
            raise unknown_property(self._table.name, name)
        return Property(name, form_of(column), reader(column))

    def related(self, name: str) -> tuple[Source, Callable[[Any], Iterable[Any]]]:
        """Return the table behind a lookup or a collection, and the way there."""
        collection = self._schema.collection(self._table, name)
        if collection is not None:
            child, back = collection

            def children(record: Record) -> Iterable[Record]:
                return self._store.find(child.name, back.name, record.key)

            return TableSource(self._store, self._schema, child), children
        found = self._table.by_navigation.get(name)
        target = self._schema.table(found[1].table) if found else None
        if found is None or target is None:
            raise unknown_property(self._table.name, name)
        column = found[0]

        def parent(record: Record) -> Iterable[Record]:
            row = self._store.get(target.name, str(record.data.get(column.name, "")))
            return () if row is None else (row,)

        return TableSource(self._store, self._schema, target), parent


def form_of(column: Column) -> str:
    """Return the form in which values of a column compare."""
    if column.kind in NUMBERS:
        return "number"
    forms = {"boolean": "boolean", "date": "date", "moment": "moment", "lookup": "guid", "guid": "guid", "file": "guid"}
    return forms.get(column.kind, "text")


def reader(column: Column) -> Operand:
    """Return the function that reads a column in the form in which it compares; None for no value."""
    name, form = column.name, form_of(column)
    if form == "text":
        return lambda record: None if record.data.get(name) is None else str(record.data[name]).casefold()
    if form == "number":
        return lambda record: None if record.data.get(name) is None else Decimal(record.data[name])
    if form == "moment":
        return lambda record: None if record.data.get(name) is None else datetime.fromisoformat(record.data[name])
    if form == "date":
        return lambda record: None if record.data.get(name) is None else date.fromisoformat(record.data[name])
    return lambda record: record.data.get(name)


class Filter:
    """A compiled $filter: `predicate`, and the equalities that must all hold, for the indexes."""

    def __init__(self, source: Source, tree: Any) -> None:
        self._source = source
        self._variables: dict[str, Source] = {}
        self.equalities: dict[str, Any] = {}
        self.predicate = self._boolean(source, tree, required=True)

    def _boolean(self, source: Source, node: Any, *, required: bool = False) -> Predicate:
        if isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            left = self._boolean(source, node.left, required=required and is_and)
            right = self._boolean(source, node.right, required=required and is_and)
            if is_and:
                return lambda row: left(row) and right(row)
            return lambda row: left(row) or right(row)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._boolean(source, node.operand)
            return lambda row: not inner(row)
        if isinstance(node, ast.Compare):
            return self._comparison(source, node, required)
        if isinstance(node, ast.Call):
            return self._function(source, node)
        if isinstance(node, ast.CollectionLambda):
            return self._lambda(source, node)
        if isinstance(node, ast.Identifier | ast.Attribute):
            read = self._property(source, node).read
            return lambda row: read(row) is True
        raise bad_query(f"The expression {type(node).__name__} is not a condition.")

    def _comparison(self, source: Source, node: ast.Compare, required: bool) -> Predicate:
        if type(node.comparator) not in COMPARE:
            raise bad_query("The query node In is not supported.")
        compare, sign = COMPARE[type(node.comparator)], SIGN[type(node.comparator)]
        if not isinstance(node.left, ast.Identifier | ast.Attribute):
            raise bad_query("A comparison must begin with a property.")
        found = self._property(source, node.left)
        if isinstance(node.right, ast.Identifier | ast.Attribute):
            other = self._property(source, node.right).read
            return _ordered(compare, found.read, other, sign)
        value = literal(node.right, found)
        if required and sign == "eq" and value is not None and isinstance(node.left, ast.Identifier):
            self.equalities[found.name] = value
        return _ordered(compare, found.read, lambda row: value, sign)

    def _function(self, source: Source, node: ast.Call) -> Predicate:
        name = name_of(node.func)
        if name not in _CHECKS or len(node.args) != 2:
            raise bad_query(f"The function '{name}' is not supported in $filter.")
        check, found = _CHECKS[name], self._property(source, node.args[0])
        if found.form != "text" or not isinstance(node.args[1], ast.String):
            raise bad_query(f"The function '{name}' needs a text property and a text.")
        part, read = node.args[1].val.casefold(), found.read
        return lambda row: read(row) is not None and check(str(read(row)).casefold(), part)

    def _lambda(self, source: Source, node: ast.CollectionLambda) -> Predicate:
        if not isinstance(node.owner, ast.Identifier):
            raise bad_query("A lambda must stand on a collection of the table itself.")
        target, follow = source.related(name_of(node.owner))
        if node.lambda_ is None:
            return lambda row: any(True for _ in follow(row))
        self._variables[node.lambda_.identifier.name] = target
        inner = self._boolean(target, node.lambda_.expression)
        some = isinstance(node.operator, ast.Any)
        return lambda row: any(map(inner, follow(row))) if some else all(map(inner, follow(row)))

    def _property(self, source: Source, node: Any) -> Property:
        if isinstance(node, ast.Identifier):
            return source.property(name_of(node))
        if not isinstance(node, ast.Attribute) or not isinstance(node.owner, ast.Identifier):
            raise bad_query("A path in $filter may take one step along a lookup.")
        owner, name = name_of(node.owner), node.attr
        if owner in self._variables:
            return self._variables[owner].property(name)
        target, follow = source.related(owner)
        inner = target.property(name)

        def read(row: Any) -> Any:
            return next((inner.read(each) for each in follow(row)), None)

        return Property(f"{owner}/{name}", inner.form, read)


def _ordered(compare: Callable[[Any, Any], bool], left: Operand, right: Operand, sign: str) -> Predicate:
    if sign in ("eq", "ne"):
        return lambda row: compare(left(row), right(row))

    def holds(row: Any) -> bool:
        first, second = left(row), right(row)
        return first is not None and second is not None and compare(first, second)

    return holds


def literal(node: Any, found: Property) -> Any:
    """Return a literal in the form in which a property compares.

    Raises:
        ServiceError: a 400, the literal is of another type.
    """
    if isinstance(node, ast.Null):
        return None
    enum = enum_literal(node)
    if enum is not None and found.form in ("text", "member"):
        return enum[1] if found.form == "member" else enum[1].casefold()
    if isinstance(node, ast.String) and found.form in ("text", "member"):
        return node.val if found.form == "member" else node.val.casefold()
    if isinstance(node, ast.Integer | ast.Float) and found.form == "number":
        return Decimal(node.val)
    if isinstance(node, ast.Boolean) and found.form == "boolean":
        return node.py_val
    if isinstance(node, ast.GUID) and found.form == "guid":
        return node.val.lower()
    if isinstance(node, ast.Date) and found.form == "date":
        return date.fromisoformat(node.val)
    if isinstance(node, ast.DateTime | ast.Date) and found.form == "moment":
        moment = datetime.fromisoformat(node.val if isinstance(node, ast.DateTime) else f"{node.val}T00:00:00Z")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    raise bad_query(
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{found.form}' of '{found.name}' and '{type(node).__name__}' for operator kind 'Equal'."
    )


def compile_filter(source: Source, text: str) -> Filter:
    """Return the compiled $filter.

    Raises:
        ServiceError: a 400 with what is wrong.
    """
    try:
        return Filter(source, parse_filter(_MEMBERS.sub(lambda match: _spelled_out(source, match), text)))
    except ServiceError:
        raise
    except ValueError as error:
        raise bad_query(str(error)) from error


def _spelled_out(source: Source, match: re.Match[str]) -> str:
    form = source.property(match["name"]).form
    texts: Sequence[str] = [each["text"] or each["bare"] or "" for each in _LISTED.finditer(match["values"])]
    shown = [f"'{each}'" if form == "text" else each for each in texts]
    if match["function"] == "In":
        return "(" + " or ".join(f"{match['name']} eq {each}" for each in shown) + ")"
    return "(" + " and ".join(f"{match['name']} ne {each}" for each in shown) + ")"
