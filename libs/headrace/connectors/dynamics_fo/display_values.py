r"""Texts that F&O puts together of parts, as one connection writes and reads them.

Dimensions have the order of the environment's active formats (`dimensions.py`). A plain account number stands in such
fields too, with the delimiter escaped: vendor `US-101` is `US\-101` on the wire, and `US-101` everywhere else here.
Source: Microsoft, "Financial dimensions and data entities".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import check_display_value, escaped, same_display_value, segments
from headrace.connectors.dynamics_fo.entity_sets import EntitySet
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS

LEDGER_TYPE = "Ledger"
_WITH_ACCOUNTS = frozenset(
    each.name for each in ENTITY_SETS.values() if any(field.display == "account" for field in each.fields.values())
)


class DisplayValues:
    """Checks, writes, reads and compares them."""

    def __init__(self, config: DynamicsFoConfig) -> None:
        self._config = config

    def check(self, entity_set: EntitySet, name: str, text: str, fields: Mapping[str, Any]) -> None:
        """Check the form of a text that is to be written; whether its values exist, F&O says.

        Args:
            entity_set: the set.
            name: the field.
            text: what is written there.
            fields: all that is written, which may tell what kind of account it is.

        Raises:
            RejectRecord: it has not the form, or no format is configured.
        """
        kind = self._kind(entity_set, name, fields)
        if kind in ("default", "ledger") and text:
            option = "dimension_format" if kind == "default" else "ledger_format"
            check_display_value(f"{entity_set.name}.{name}", text, self._layout(kind), option)

    def wire(self, entity_set: EntitySet, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields with account numbers as F&O takes them."""
        if entity_set.name not in _WITH_ACCOUNTS:
            return dict(fields)
        return {
            name: escaped(value, self._config.delimiter)
            if isinstance(value, str) and self._kind(entity_set, name, fields) == "account"
            else value
            for name, value in fields.items()
        }

    def plain(self, entity_set: EntitySet, record: dict[str, Any]) -> dict[str, Any]:
        """Return a decoded record with account numbers as they are everywhere else."""
        if entity_set.name not in _WITH_ACCOUNTS:
            return record
        by = self._config.delimiter
        return {
            name: by.join(segments(value, by))
            if isinstance(value, str) and self._kind(entity_set, name, record) == "account"
            else value
            for name, value in record.items()
        }

    def same(self, entity_set: EntitySet, name: str, left: Any, right: Any, fields: Mapping[str, Any]) -> bool | None:
        """Say whether two dimension texts mean the same; None for fields that hold none, or without a format."""
        kind = self._kind(entity_set, name, fields)
        layout = self._layout(kind)
        if layout is None:
            return None
        return same_display_value(str(left or ""), str(right or ""), layout.delimiter)

    def _layout(self, kind: str) -> DimensionFormat | None:
        return {"default": self._config.dimension_format, "ledger": self._config.ledger_format}.get(kind)

    @staticmethod
    def _kind(entity_set: EntitySet, name: str, fields: Mapping[str, Any]) -> str:
        """Return what a field holds: an account is a ledger's if the field beside it says so."""
        field = entity_set.field(name)
        if field.display != "account":
            return field.display
        by, usual = field.account_type
        return "ledger" if (fields.get(by) or usual) == LEDGER_TYPE else "account"
