"""$filter: parsed by odata-query, compiled to a predicate, refused where the service refuses.

No `in`, no `has`, no order between strings, enumerations only as full literals and only with eq and ne;
equality with `*` in the text is a wildcard search.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.enums import ENUMS
from headrace.sandbox.dynamics_fo.entities.model import NAMESPACE, Entity, Property
from headrace.sandbox.dynamics_fo.errors import empty_error, query_error
from headrace.sandbox.dynamics_fo.rows import reader

Predicate = Callable[[Record], bool]
Operand = Callable[[Record], Any]

_ENUM_MARK = "\x01enum:"
# The lexer knows no enumeration literals and takes names that start with a keyword (AllowEdit) apart.
_REWRITTEN = re.compile(
    rf"'(?:[^']|'')*'|{re.escape(NAMESPACE)}\.(?P<enum>\w+)'(?P<member>[^']*)'|\b(?P<name>(?:all|any|null|true|false)\w+)",
    re.IGNORECASE,
)
_NAME_MARK = "_escaped_"
_COMPARE: dict[type[Any], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
_ARITHMETIC: dict[type[Any], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_SIGN = {ast.Eq: "eq", ast.NotEq: "ne", ast.Gt: "gt", ast.GtE: "ge", ast.Lt: "lt", ast.LtE: "le"}


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
        if type(node.comparator) not in _COMPARE:
            raise query_error("The query specified in the URI is not valid. The operator 'in' is not supported.")
        compare, sign = _COMPARE[type(node.comparator)], _SIGN[type(node.comparator)]
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
        name = str(".".join((*node.namespace, node.name))).removeprefix(_NAME_MARK)
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
            calculate = _ARITHMETIC[type(node.op)]
            left, right = self._operand(node.left, other), self._operand(node.right, other)
            return lambda record: calculate(left(record), right(record))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._operand(node.operand, other)
            return lambda record: -inner(record)
        value = self._literal(node, other)
        return lambda record: value

    def _literal(self, node: Any, other: Property | None) -> Any:
        if isinstance(node, ast.String) and node.val.startswith(_ENUM_MARK):
            return _enum_member(node.val, other)
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


def _enum_member(text: str, other: Property | None) -> str:
    enum, member = text.removeprefix(_ENUM_MARK).split("\x01")
    if other is None or other.enum != enum or member not in ENUMS.get(enum, ()):
        raise query_error(f"The string '{NAMESPACE}.{enum}'{member}'' is not a valid enumeration type constant.")
    return member


def _rewrite(match: re.Match[str]) -> str:
    if match["enum"]:
        return f"'{_ENUM_MARK}{match['enum']}\x01{match['member']}'"
    return f"{_NAME_MARK}{match['name']}" if match["name"] else match[0]


@lru_cache(maxsize=512)
def _compiled(set_name: str, text: str, string_functions: bool, unknown_body: str) -> Filter:
    if re.search(r"\shas\s", re.sub(r"'(?:[^']|'')*'", "''", text)):
        raise query_error("The query specified in the URI is not valid. The operator 'has' is not supported.")
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(_REWRITTEN.sub(_rewrite, text)))
    except ODataException as error:
        raise query_error(f"Syntax error in '{text}': {type(error).__name__}.") from error
    return Filter(ENTITIES[set_name], tree, string_functions=string_functions, unknown_body=unknown_body)


def compile_filter(entity: Entity, text: str, *, string_functions: bool, unknown_body: str = "text") -> Filter:
    """Return the compiled $filter of an entity.

    Raises:
        ServiceError: a 400 with the OData layer's text.
    """
    return _compiled(entity.set, text, string_functions, unknown_body)
