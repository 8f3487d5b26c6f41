"""What all $filter have in common: the tree that odata-query parses, names and enumeration literals repaired.

The library's lexer knows no enumeration literals, and takes names that start with a keyword (AllowEdit) apart.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

COMPARE: Mapping[type[Any], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
ARITHMETIC: Mapping[type[Any], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
SIGN: Mapping[type[Any], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Lt: "lt",
    ast.LtE: "le",
}
_ENUM_MARK = "\x01enum:"
_NAME_MARK = "_escaped_"
_REWRITTEN = re.compile(
    r"'(?:[^']|'')*'|(?P<enum>[A-Za-z_]\w*(?:\.\w+)+)'(?P<member>[^']*)'|\b(?P<name>(?:all|any|null|true|false)\w+)",
    re.IGNORECASE,
)


def parse_filter(text: str) -> Any:
    """Return the tree of a $filter.

    Raises:
        ValueError: the text is none; it is named.
    """
    try:
        return ODataParser().parse(ODataLexer().tokenize(_REWRITTEN.sub(_rewrite, text)))
    except ODataException as error:
        raise ValueError(f"Syntax error in '{text}': {type(error).__name__}.") from error


def name_of(node: ast.Identifier) -> str:
    """Return the name that an identifier of the tree stands for."""
    return ".".join((*node.namespace, node.name)).removeprefix(_NAME_MARK)


def enum_literal(node: Any) -> tuple[str, str] | None:
    """Return type and member of an enumeration literal, None for any other node."""
    if not isinstance(node, ast.String) or not node.val.startswith(_ENUM_MARK):
        return None
    type_name, member = node.val.removeprefix(_ENUM_MARK).split("\x01")
    return type_name, member


def _rewrite(match: re.Match[str]) -> str:
    if match["enum"]:
        return f"'{_ENUM_MARK}{match['enum']}\x01{match['member']}'"
    return f"{_NAME_MARK}{match['name']}" if match["name"] else match[0]
