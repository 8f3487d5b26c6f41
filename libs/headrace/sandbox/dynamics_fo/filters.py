"""$filter: parsed by odata-query, compiled to a predicate, refused where the service refuses.

No `in`, no `has`, no order between strings, enumerations only as full literals and only with eq and ne;
equality with `*` in the text is a wildcard search.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from odata_query import ast

from headrace.sandbox.common.odata_filters import ARITHMETIC, COMPARE, SIGN, enum_literal, name_of, parse_filter
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.enums import ENUMS
from headrace.sandbox.dynamics_fo.entities.model import NAMESPACE, Entity, Property
from headrace.sandbox.dynamics_fo.errors import empty_error, query_error
from headrace.sandbox.dynamics_fo.rows import reader

Predicate = Callable[[Record], bool]
Operand = Callable[[Record], Any]


def unknown_property(entity: Entity, name: str, body: str = "text") -> Exception:
    """Return the 400 for a name that the entity type does not have."""
    if body == "empty":
        return empty_error(400)
    return query_error(f"Could not find a property named '{name}' on type '{NAMESPACE}.{entity.type}'.")


class Filter:
    """A compiled $filter: `predicate`, and the equalities that must all hold, for the indexes."""

    def __init__(self, entity: Entity, tree: Any, *, string_functions: bool, unknown_body: str) -> None:
        self._entity = entity
        self._string_functions = string_functions
        self._unknown_body = unknown_body
        self.equalities: dict[str, Any] = {}
        self.predicate = self._boolean(tree, required=True)

    def _boolean(self, node: Any, *, required: bool = False) -> Predicate:
        if isinstance(node, ast.BoolOp):
            is_and = isinstance(node.op, ast.And)
            left = self._boolean(node.left, required=required and is_and)
            right = self._boolean(node.right, required=required and is_and)
            if is_and:
                return lambda record: left(record) and right(record)
            return lambda record: left(record) or right(record)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._boolean(node.operand)
            return lambda record: not inner(record)
        if isinstance(node, ast.Compare):
            return self._comparison(node, required)
        if isinstance(node, ast.Call):
            return self._function(node)
        if isinstance(node, ast.Boolean):
            constant = node.py_val
            return lambda record: constant
        raise query_error(f"The expression {type(node).__name__} is not a condition.")

    def _comparison(self, node: ast.Compare, required: bool) -> Predicate:
        if type(node.comparator) not in COMPARE:
            raise query_error("The query specified in the URI is not valid. The operator 'in' is not supported.")
        compare, sign = COMPARE[type(node.comparator)], SIGN[type(node.comparator)]
        left_field, right_field = self._field(node.left), self._field(node.right)
        field = left_field or right_field
        left, right = self._operand(node.left, right_field), self._operand(node.right, left_field)
        if field is not None and field.kind in ("string", "enum") and sign not in ("eq", "ne"):
            what = "Edm.String" if field.kind == "string" else field.edm_type
            raise query_error(
                f"A binary operator with incompatible types was detected. Operand types '{what}' and '{what}' "
                f"for operator kind '{sign}' are not supported."
            )
        literal = node.right if left_field is not None else node.left
        if field is not None and field.kind == "string" and isinstance(literal, ast.String):
            if "*" in literal.val:
                return self._wildcard(field, literal.val, negated=sign == "ne")
            if required and sign == "eq" and field is left_field:
                self.equalities[field.name] = literal.val
        return lambda record: compare(left(record), right(record))

    def _wildcard(self, field: Property, pattern: str, *, negated: bool) -> Predicate:
        matches = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL).fullmatch
        read = reader(self._entity, field.name)
        return lambda record: (matches(read(record)) is None) == negated

    def _function(self, node: ast.Call) -> Predicate:
        name = node.func.name
        checks: dict[str, Callable[[str, str], bool]] = {
            "contains": lambda text, part: part in text,
            "startswith": str.startswith,
            "endswith": str.endswith,
        }
        if name not in checks or not self._string_functions:
            raise query_error(f"The query specified in the URI is not valid. The function '{name}' is not supported.")
        check = checks[name]
        text, part = (self._operand(argument, None) for argument in node.args)
        return lambda record: check(text(record), part(record))

    def _field(self, node: Any) -> Property | None:
        if not isinstance(node, ast.Identifier):
            return None
        name = name_of(node)
        field = self._entity.by_name.get(name)
        if field is None:
            raise unknown_property(self._entity, name, self._unknown_body)
        if field.kind == "binary":
            raise query_error(f"The property '{name}' of type 'Edm.Binary' cannot be used in the $filter query option.")
        return field

    def _operand(self, node: Any, other: Property | None) -> Operand:
        field = self._field(node)
        if field is not None:
            read = reader(self._entity, field.name)
            if field.kind in ("date", "moment"):
                return lambda record: datetime.fromisoformat(read(record))
            if field.kind == "string":
                return lambda record: read(record).casefold()
            return read
        if isinstance(node, ast.BinOp):
            calculate = ARITHMETIC[type(node.op)]
            left, right = self._operand(node.left, other), self._operand(node.right, other)
            return lambda record: calculate(left(record), right(record))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._operand(node.operand, other)
            return lambda record: -inner(record)
        value = self._literal(node, other)
        return lambda record: value

    def _literal(self, node: Any, other: Property | None) -> Any:
        enum = enum_literal(node)
        if enum is not None:
            return _enum_member(*enum, other)
        if isinstance(node, ast.String):
            if other is not None and other.kind != "string":
                raise query_error(
                    f"A binary operator with incompatible types was detected. Found operand types '{other.edm_type}' "
                    "and 'Edm.String' for operator kind 'Equal'."
                )
            return node.val.casefold()
        if isinstance(node, ast.Null):
            return other.empty if other is not None else None
        numeric = isinstance(node, ast.Integer | ast.Float)
        dated = isinstance(node, ast.DateTime | ast.Date)
        if not numeric and not dated and not isinstance(node, ast.GUID | ast.Boolean):
            raise query_error(f"The literal {type(node).__name__} is not supported in $filter.")
        if other is not None and (
            (numeric and other.kind not in ("decimal", "int32", "int64"))
            or (dated and other.kind not in ("date", "moment"))
        ):
            raise query_error(f"A value of type '{other.edm_type}' cannot be compared with '{node.val}'.")
        if numeric:
            return Decimal(node.val)
        if dated:
            return _utc(node)
        return str(node.val).lower()


def _utc(node: Any) -> datetime:
    moment = datetime.fromisoformat(node.val if isinstance(node, ast.DateTime) else f"{node.val}T00:00:00Z")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _enum_member(type_name: str, member: str, other: Property | None) -> str:
    enum = type_name.removeprefix(f"{NAMESPACE}.")
    if other is None or other.enum != enum or member not in ENUMS.get(enum, ()):
        raise query_error(f"The string '{type_name}'{member}'' is not a valid enumeration type constant.")
    return member


@lru_cache(maxsize=512)
def _compiled(set_name: str, text: str, string_functions: bool, unknown_body: str) -> Filter:
    if re.search(r"\shas\s", re.sub(r"'(?:[^']|'')*'", "''", text)):
        raise query_error("The query specified in the URI is not valid. The operator 'has' is not supported.")
    try:
        tree = parse_filter(text)
    except ValueError as error:
        raise query_error(str(error)) from error
    return Filter(ENTITIES[set_name], tree, string_functions=string_functions, unknown_body=unknown_body)


def compile_filter(entity: Entity, text: str, *, string_functions: bool, unknown_body: str = "text") -> Filter:
    """Return the compiled $filter of an entity.

    Raises:
        ServiceError: a 400 with the OData layer's text.
    """
    return _compiled(entity.set, text, string_functions, unknown_body)
