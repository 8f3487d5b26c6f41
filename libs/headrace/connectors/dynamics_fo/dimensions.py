"""Financial dimensions as one text: values in the order of the environment's active format.

A format Department-CostCenter-BusinessUnit gives `022-007-001`; positions without a value stay empty (`022--001`); a
delimiter inside a value is escaped by a backslash. A text in the wrong order or form can be accepted and dropped
without a word, so it is checked before it is sent. Source: Microsoft, "Financial dimensions and data entities".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.connectors.dynamics_fo.config import MAIN_ACCOUNT, DimensionFormat
from headrace.core.errors import RejectRecord

NOT_CONFIGURED = {
    "dimension_format": "Set dimension_format of the connection to the environment's active default dimension format.",
    "ledger_format": "Set ledger_format of the connection to the environment's active ledger dimension format.",
}


_TRANSFORMS = {"dimension_format": "dimension_display_value", "ledger_format": "ledger_display_value"}


def ledger_value(
    account: str | None, values: Iterable[Mapping[str, Any]] | None, layout: DimensionFormat | None
) -> str | None:
    """Return the display value of a main account with dimensions; None without an account.

    Raises:
        RejectRecord: as `display_value`.
    """
    if account is None or not account.strip():
        return None
    return display_value([{"name": MAIN_ACCOUNT, "value": account}, *(values or ())], layout, "ledger_format")


def display_value(
    values: Iterable[Mapping[str, Any]] | None, layout: DimensionFormat | None, option: str = "dimension_format"
) -> str | None:
    """Return the display value of dimensions given as {name, value}; None if none has a value.

    Names compare without case, spaces and underscores; `aliases` of the format come first.

    Raises:
        RejectRecord: no format is configured, a dimension is not in it, is given twice, or cannot be written.
    """
    wanted = [(str(each["name"]), each.get("value")) for each in values or ()]
    if not wanted:
        return None
    if layout is None:
        raise RejectRecord("no dimension format", f"The record has dimensions. {NOT_CONFIGURED[option]}")
    known = {_plain(name): name for name in layout.dimensions}
    known.update({_plain(alias): name for alias, name in layout.aliases.items()})
    placed: dict[str, str] = {}
    for name, value in wanted:
        dimension = known.get(_plain(name))
        if dimension is None:
            raise RejectRecord(
                "unknown dimension",
                f"Dimension {name!r} is not in the dimension format ({', '.join(layout.dimensions)}). "
                f"Add it to the format in F&O and to {option}, or add an alias.",
            )
        text = "" if value is None else str(value).strip()
        if placed.get(dimension, text) != text:
            raise RejectRecord("dimension given twice", f"Dimension {dimension}: {placed[dimension]!r} and {text!r}")
        placed[dimension] = text
    if not any(placed.values()):
        return None
    return layout.delimiter.join(_escaped(placed.get(name, ""), name, layout) for name in layout.dimensions)


def escaped(value: str, delimiter: str) -> str:
    """Return a value as it stands in a display value."""
    return value.replace(delimiter, "\\" + delimiter)


def segments(text: str, delimiter: str) -> list[str]:
    """Return the values of a display value, unescaped."""
    parts, current, escaped = [], "", False
    for character in text:
        if escaped:
            current += character if character == delimiter else "\\" + character
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == delimiter:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current + ("\\" if escaped else "")]


def check_display_value(
    field: str, text: str, layout: DimensionFormat | None, option: str = "dimension_format"
) -> None:
    """Check that a display value has the form of the environment's format; whether its values exist, F&O says.

    Args:
        field: object and field, for the error.
        text: the display value.
        layout: the format that it must have.
        option: where that is configured.

    Raises:
        RejectRecord: it has not.
    """
    if layout is None:
        raise RejectRecord("no dimension format", f"{field} is set. {NOT_CONFIGURED[option]}")
    found = segments(text, layout.delimiter)
    if len(found) != len(layout.dimensions):
        raise RejectRecord(
            "wrong dimension format",
            f"{field}: {text!r} has {len(found)} values, the format has {len(layout.dimensions)} "
            f"({layout.delimiter.join(layout.dimensions)}). Write it with the transform {_TRANSFORMS[option]}, "
            "which also escapes.",
        )
    if any("\\" in value or value != value.strip() for value in found):
        raise RejectRecord(
            "wrong dimension format",
            f"{field}: {text!r} has a space around a value or a backslash that escapes no {layout.delimiter!r}.",
        )


def same_display_value(left: str, right: str, delimiter: str) -> bool:
    """Say whether two display values mean the same; empty values at the end may be left out."""
    return _significant(left, delimiter) == _significant(right, delimiter)


def _significant(text: str, delimiter: str) -> list[str]:
    found = [value.casefold() for value in segments(text, delimiter)]
    while found and not found[-1]:
        found.pop()
    return found


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "").replace("_", "")


def _escaped(value: str, name: str, layout: DimensionFormat) -> str:
    if "\\" in value:
        raise RejectRecord("dimension cannot be written", f"Dimension {name}: {value!r} has a backslash.")
    return escaped(value, layout.delimiter)
