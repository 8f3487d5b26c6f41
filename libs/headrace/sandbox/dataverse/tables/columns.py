"""Shorthand of table declarations, and the columns that every table has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from headrace.sandbox.dataverse.tables.model import Column, Options, State, Table, Target

_FLOAT_LIMIT = Decimal(100_000_000_000)
_MONEY_LIMIT = Decimal("922337203685477")
_INT_LIMIT = Decimal(2**31 - 1)


def text(name: str, size: int, **more: Any) -> Column:
    """Return a text column."""
    return Column(name, "string", size=size, format=more.pop("format", "Text"), **more)


def texts(size: int, *names: str) -> tuple[Column, ...]:
    """Return text columns of one size."""
    return tuple(text(name, size) for name in names)


def memo(name: str, size: int = 2000, **more: Any) -> Column:
    """Return a column of several lines."""
    return Column(name, "memo", size=size, format="TextArea", **more)


def whole(name: str, **more: Any) -> Column:
    """Return a whole number."""
    return Column(name, "integer", **{"minimum": -_INT_LIMIT, "maximum": _INT_LIMIT, "format": "None", **more})


def decimal(name: str, precision: int = 2, **more: Any) -> Column:
    """Return a decimal number."""
    limits = {"minimum": -_FLOAT_LIMIT, "maximum": _FLOAT_LIMIT}
    return Column(name, "decimal", precision=precision, **{**limits, **more})


def money(name: str, **more: Any) -> tuple[Column, ...]:
    """Return an amount and its twin in the base currency, which the service computes."""
    limits = {"minimum": -_MONEY_LIMIT, "maximum": _MONEY_LIMIT}
    amount = Column(name, "money", **{**limits, **more})
    base = replace(amount, name=f"{name}_base", create=False, update=False, level="none", schema="", label="")
    return amount, replace(base, label=f"{amount.shown_label} (Base)")


def amounts(*names: str, computed: bool = False) -> tuple[Column, ...]:
    """Return amounts with their twins."""
    return tuple(each for name in names for each in money(name, create=not computed, update=not computed))


def flag(name: str, default: bool = False, **more: Any) -> Column:
    """Return a yes or no."""
    return Column(name, "boolean", options=((0, "No"), (1, "Yes")), default=default, **more)


def choice(name: str, *options: tuple[int, str], **more: Any) -> Column:
    """Return a choice."""
    return Column(name, "choice", options=options, **more)


def dates(*names: str) -> tuple[Column, ...]:
    """Return calendar dates."""
    return tuple(Column(name, "date", format="DateOnly") for name in names)


def moments(*names: str, **more: Any) -> tuple[Column, ...]:
    """Return UTC times."""
    return tuple(Column(name, "moment", format="DateAndTime", **more) for name in names)


def lookup(name: str, table: str, collection: str = "", **more: Any) -> Column:
    """Return a lookup of one table."""
    return Column(name, "lookup", targets=(Target(table, more.pop("navigation", name), collection),), **more)


def polymorphic(name: str, collections: Mapping[str, str], **more: Any) -> Column:
    """Return a lookup of several tables: its navigation names end with the table (`customerid_account`)."""
    suffix = more.pop("suffix", "")
    targets = tuple(Target(table, f"{name}_{table}{suffix}", way_back) for table, way_back in collections.items())
    return Column(name, "lookup", targets=targets, type_column=more.pop("type_column", f"{name}type"), **more)


def address(prefix: str, size: int = 250) -> tuple[Column, ...]:
    """Return the columns of an address."""
    sizes = {"name": 200, "line1": size, "line2": size, "line3": size, "city": 80, "stateorprovince": 50}
    sizes |= {"postalcode": 20, "country": 80}
    return tuple(text(f"{prefix}_{name}", length) for name, length in sizes.items())


def table(
    name: str,
    set_name: str,
    schema: str,
    code: int,
    *columns: Column,
    key: str = "",
    label: str = "",
    states: tuple[State, ...] = (),
    ownership: str = "user",
    currency: bool = False,
    **more: Any,
) -> Table:
    """Return a table with its own columns, its key, and those that every table has."""
    key = key or f"{name}id"
    system = [*_kept_by_the_service(), *_states(states)]
    if ownership == "user":
        system.append(_OWNER)
    if currency:
        system += [lookup("transactioncurrencyid", "transactioncurrency", label="Currency"), _EXCHANGE_RATE]
    own = {each.name for each in columns}
    return Table(
        name=name,
        set=set_name,
        key=key,
        schema=schema,
        code=code,
        label=label or schema,
        states=states,
        columns=(
            Column(key, "guid", update=False, level="system", schema=f"{schema}Id"),
            *columns,
            *(each for each in system if each.name not in own),
        ),
        ownership=ownership,  # type: ignore[arg-type]
        **more,
    )


def _kept_by_the_service() -> tuple[Column, ...]:
    return (
        *moments("createdon", "modifiedon", create=False, update=False),
        lookup("createdby", "systemuser", create=False, update=False, label="Created By"),
        lookup("modifiedby", "systemuser", create=False, update=False, label="Modified By"),
        Column("versionnumber", "bigint", create=False, update=False),
        *moments("overriddencreatedon", update=False),
        whole("importsequencenumber", update=False),
    )


def _states(states: tuple[State, ...]) -> tuple[Column, ...]:
    if not states:
        return ()
    reasons: Options = tuple(reason for state in states for reason in state.reasons)
    values: Options = tuple((state.value, state.label) for state in states)
    return (
        Column("statecode", "state", options=values, label="Status", level="system"),
        Column("statuscode", "status", options=reasons, label="Status Reason"),
    )


_OWNER = Column(
    "ownerid",
    "lookup",
    targets=(Target("systemuser", "ownerid"), Target("team", "ownerid")),
    type_column="owneridtype",
    label="Owner",
    level="system",
)
_EXCHANGE_RATE = decimal("exchangerate", 12, create=False, update=False, minimum=Decimal("1e-12"))

ACTIVE_INACTIVE = (State(0, "Active", ((1, "Active"),)), State(1, "Inactive", ((2, "Inactive"),)))
