"""A writer for one Avro schema, compiled once to straight-line Python: strict, and fast enough for nested nullables.

The general-purpose writer tries each union branch by validating the whole value below it, again at each level, which
costs most of the time where every field is nullable; it also reads a naive time in the machine's zone and drops fields
that it does not know. This one writes the same bytes (Avro 1.11 specification, "Binary Encoding"), refuses such values
and names their path. It covers what the contract allows (`schemas/README.md`): no float, unions only `["null", X]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import cache
from typing import Any

from headrace.core.errors import ConfigurationError
from headrace.platform.schemas import UNKNOWN

Writer = Callable[[Mapping[str, Any], list[bytes]], None]
"""Appends the pieces of a record's Avro body, to be joined; raises `WriteError`."""

_SHORT = 1024
_KEPT_DECIMALS = 16_384
_ZERO, _ONE, _SECOND_BRANCH = (repr(bytes([code])) for code in (0, 1, 2))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MILLISECOND = timedelta(milliseconds=1)
_WORDS = {
    "string": "text",
    "bytes": "bytes",
    "boolean": "true or false",
    "int": "a whole number",
    "long": "a whole number",
    "decimal": "a decimal",
    "date": "a date without time",
    "timestamp-millis": "a time with a zone",
}


class WriteError(Exception):
    """A value does not fit the schema. `str()` gives the path from the record down and what is wrong there."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self._path: list[str | int] = []
        super().__init__(problem)

    def under(self, part: str | int) -> WriteError:
        """Add the field or list index that the problem lies under; called from the inside out."""
        self._path.append(part)
        return self

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in reversed(self._path))
        return f"{path.lstrip('.')}: {self.problem}" if path else self.problem


def compile_writer(schema: Mapping[str, Any]) -> Writer:
    """Return the writer of a record schema.

    Args:
        schema: parsed and self-contained: full names, each named type defined where it is first used.

    Raises:
        ConfigurationError: the schema uses a type that the contract does not allow.
    """
    source = _Source()
    entry = source.function(schema, schema["name"])
    text = "\n".join(source.lines)
    exec(compile(text, f"<writer of {schema['name']}>", "exec"), source.names)  # noqa: S102 - our own text, no input
    writer: Writer = source.names[entry]
    return writer


def _varint(number: int) -> bytes:
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


_SMALL = [_varint(number) for number in range(_SHORT)]


def _wrong(expected: str, value: Any) -> WriteError:
    kind = "null" if value is None else type(value).__name__
    return WriteError(f"expected {expected}, got {kind}")  # never the value: it may be secret (I10)


def _check_fields(allowed: frozenset[str], value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _wrong("an object", value)
    unknown = sorted(str(name) for name in value if name not in allowed)
    if unknown:
        raise WriteError(f"the schema has no field {', '.join(unknown)}")


class _Decimals(dict[Decimal, bytes]):
    """Decimal to its encoded form. Prices, quantities and rates repeat, and a hit is six times as fast as the sum."""

    def __init__(self, precision: int, scale: int) -> None:
        self._unit = Decimal(1).scaleb(-scale)
        self._scale = scale
        self._context = Context(prec=precision, traps=[Inexact, InvalidOperation])
        self._problem = f"expected a decimal of at most {precision - scale} digits before the point, {scale} after it"

    def __missing__(self, value: Decimal) -> bytes:
        try:  # quantize refuses what has more decimal places, more digits, or is infinite; int() what is no number
            exact = self._context.quantize(value, self._unit)
            unscaled = int(self._context.scaleb(exact, self._scale))
        except (DecimalException, ValueError):
            raise WriteError(self._problem) from None
        payload = unscaled.to_bytes((unscaled.bit_length() + 8) // 8, "big", signed=True)
        if len(self) >= _KEPT_DECIMALS:
            self.clear()
        encoded = self[value] = _SMALL[len(payload)] + payload
        return encoded


@cache
def _decimals(precision: int, scale: int) -> _Decimals:
    return _Decimals(precision, scale)


def _timestamp(value: datetime) -> int:
    if value.tzinfo is None:
        raise WriteError("expected a time with a zone, got one without")
    return (value - _EPOCH) // _MILLISECOND


class _Source:
    """Python text of the functions that write a schema, and the names that the text uses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._functions: dict[str, str] = {}
        self.names: dict[str, Any] = {
            "WriteError": WriteError,
            "wrong": _wrong,
            "check_fields": _check_fields,
            "timestamp": _timestamp,
            "date": date,
            "datetime": datetime,
            "Decimal": Decimal,
            "Mapping": Mapping,
            "varint": _varint,
            "SMALL": _SMALL,
            "SOME": [b"\x02" + encoded for encoded in _SMALL],  # second branch of ["null", X], then a length
        }

    def function(self, schema: Any, where: str) -> str:
        """Add the function that writes a record, array or map; return its name. `where` is for errors."""
        key = schema["name"] if schema["type"] == "record" else f"#{len(self._functions)}"
        name = self._functions[key] = f"write_{len(self._functions)}"
        body = {"record": self._record, "array": self._array, "map": self._map}[schema["type"]](schema, where)
        self.lines += [f"def {name}(value, out):", "    field = None", "    try:"]
        self.lines += [f"        {line}" for line in body]
        self.lines += [
            "    except WriteError as error:",
            "        raise (error if field is None else error.under(field)) from None",
            "    except Exception as error:",  # such as a lone surrogate in a text
            "        problem = WriteError(f'cannot be written: {type(error).__name__}')",
            "        raise (problem if field is None else problem.under(field)) from None",
        ]
        return name

    def _constant(self, value: Any) -> str:
        name = f"C{len(self.names)}"
        self.names[name] = value
        return name

    def _record(self, schema: Any, where: str) -> list[str]:
        allowed = self._constant(frozenset(field["name"] for field in schema["fields"]))
        body = [
            f"if type(value) is not dict or not {allowed}.issuperset(value):",
            f"    check_fields({allowed}, value)",
            "get = value.get",
        ]
        for field in schema["fields"]:
            optional = isinstance(field["type"], list)
            default = "" if optional or "default" not in field else f", {self._constant(_default(field))}"
            body += [f"field = {field['name']!r}", f"x = get({field['name']!r}{default})"]
            body += self._value(field["type"], f"{where}.{field['name']}")
        return body

    def _array(self, schema: Any, where: str) -> list[str]:
        body = ["if type(value) is not list and type(value) is not tuple: raise wrong('a list', value)"]
        body += [_append(_number("len(value)")), "for field, x in enumerate(value):"]
        body += [f"    {line}" for line in self._value(schema["items"], f"{where}[]")]
        return [*body, f"if value: {_append(_ZERO)}"]

    def _map(self, schema: Any, where: str) -> list[str]:
        body = ["if not isinstance(value, Mapping): raise wrong('an object', value)", _append(_number("len(value)"))]
        body += ["for field, x in value.items():", "    if type(field) is not str: raise wrong('a text key', field)"]
        body += ["    key = field.encode()"]
        body += [f"    {_append(_number('len(key)'))}", "    out.append(key)"]
        body += [f"    {line}" for line in self._value(schema["values"], f"{where}[]")]
        return [*body, f"if value: {_append(_ZERO)}"]

    def _value(self, schema: Any, where: str) -> list[str]:
        """Return the lines that append `x` as `schema`."""
        optional = isinstance(schema, list)
        if optional:
            if len(schema) != 2 or schema[0] != "null":
                raise ConfigurationError(f'{where}: a union other than ["null", type]; declare two fields instead')
            schema = schema[1]
        checks = self._typed(schema, where, optional)
        lines = [f"if x is None: {_append(_ZERO)}"] if optional else []
        for number, (condition, statements) in enumerate(checks):
            lines.append(f"{'el' if number or optional else ''}if {condition}:")
            lines += [f"    {statement}" for statement in statements]
        if checks[-1][0] != "True":
            lines.append(f"else: raise wrong({_word(schema)!r}, x)")
        return lines

    def _typed(self, schema: Any, where: str, optional: bool) -> list[tuple[str, list[str]]]:
        """Return (condition, statements) for each form that `x` may have."""
        branch = [_append(_SECOND_BRANCH)] if optional else []
        kind = schema if isinstance(schema, str) else schema["type"]
        logical = None if isinstance(schema, str) else schema.get("logicalType")
        if kind in self._functions:
            return [("True", [*branch, f"{self._functions[kind]}(x, out)"])]
        if kind in ("record", "array", "map"):
            return [("True", [*branch, f"{self.function(schema, where)}(x, out)"])]
        if kind == "enum":
            symbols = self._constant(
                {symbol: _varint(index) for index, symbol in enumerate(schema["symbols"]) if symbol != UNKNOWN}
            )
            return [(f"isinstance(x, str) and x in {symbols}", [*branch, _append(f"{symbols}[x]")])]
        if (kind, logical) == ("bytes", "decimal"):
            write = self._constant(_decimals(schema["precision"], schema.get("scale", 0)))
            return [("isinstance(x, Decimal)", [*branch, _append(f"{write}[x]")])]
        if (kind, logical) == ("int", "date"):
            days = _append(f"varint(x.toordinal() - {_EPOCH_DAY})")
            return [("isinstance(x, date) and not isinstance(x, datetime)", [*branch, days])]
        if (kind, logical) == ("long", "timestamp-millis"):
            return [("isinstance(x, datetime)", [*branch, _append("varint(timestamp(x))")])]
        if logical is not None or kind not in _WORDS:
            raise ConfigurationError(f"{where}: the type {logical or kind} is not allowed in a contract")
        if kind in ("string", "bytes"):
            length = f"SOME[n] if n < {_SHORT} else {_SECOND_BRANCH} + varint(n)" if optional else _number("n")
            body = ["x = x.encode()"] if kind == "string" else []
            body += ["n = len(x)", _append(length), "out.append(x)"]
            return [(f"isinstance(x, {'str' if kind == 'string' else 'bytes'})", body)]
        if kind == "boolean":
            return [("x is True", [*branch, _append(_ONE)]), ("x is False", [*branch, _append(_ZERO)])]
        limit = 2 ** (31 if kind == "int" else 63)
        check = f"if not -{limit} <= x < {limit}: raise WriteError('the number does not fit {kind}')"
        small = f"SMALL[x] if 0 <= x < {_SHORT} else varint(x)"
        return [("type(x) is int", [*branch, check, _append(small)])]


def _default(field: Mapping[str, Any]) -> Any:
    """Return a default as a value; the specification writes bytes as text of code points 0 to 255."""
    value = field["default"]
    return value.encode("latin-1") if field["type"] == "bytes" else value


def _append(expression: str) -> str:
    return f"out.append({expression})"


def _number(expression: str) -> str:
    return f"SMALL[{expression}] if {expression} < {_SHORT} else varint({expression})"


def _word(schema: Any) -> str:
    if isinstance(schema, str):
        return _WORDS[schema]
    if schema["type"] == "enum":
        return f"one of {', '.join(symbol for symbol in schema['symbols'] if symbol != UNKNOWN)}"
    return _WORDS[schema.get("logicalType", schema["type"])]
