"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from headrace.connectors.dynamics_fo import amounts
from headrace.connectors.dynamics_fo.amounts import DIGITS, plain
from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import display_value, ledger_value, segments
from headrace.core.currencies import rounded
from headrace.core.errors import RejectRecord
from headrace.core.ids import is_marker


def today() -> date:
    """Return the day by UTC."""
    return datetime.now(UTC).date()


def transforms(
    config: DynamicsFoConfig | None = None, day: Callable[[], date] = today
) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name, bound to a connection's configuration.

    Args:
        config: None gives the same names for checking mappings; dimensions then have no format.
        day: tells the day on which something is in force.
    """
    layout = config.dimension_format if config else None
    ledger = config.ledger_format if config else None
    return {
        "abbreviated": abbreviated,
        "absolute": absolute,
        "dimension_display_value": partial(dimension_display_value, layout=layout),
        "dimensions": partial(dimensions, layout=layout),
        "free_text_total": amounts.free_text_total,
        "in_force": partial(in_force, day=day),
        "ledger_display_value": partial(ledger_display_value, layout=ledger),
        "lines_total": amounts.lines_total,
        "line_discount_per_unit": line_discount_per_unit,
        "line_discount_percent": line_discount_percent,
        "order_total": amounts.order_total,
        "purchase_total": amounts.purchase_total,
        "rate_units": rate_units,
        "total_discount_amount": total_discount_amount,
        "total_discount_percent": total_discount_percent,
        "unit_price": unit_price,
        "without_mark": without_mark,
        "year": year,
    }


def dimension_display_value(values: Any = None, *, layout: DimensionFormat | None) -> str | None:
    """Return the display value of canonical dimensions (a list of {name, value}); see `dimensions.display_value`."""
    return display_value(values, layout)


def ledger_display_value(account: Any = None, values: Any = None, *, layout: DimensionFormat | None) -> str | None:
    """Return the display value of a main account with canonical dimensions; see `dimensions.ledger_value`."""
    return ledger_value(None if account is None else str(account), values, layout)


def in_force(
    active_from: Any = None, active_to: Any = None, *, day: Callable[[], date] = today, **blocked: Any
) -> bool:
    """Say whether an account or dimension value may be used today (UTC).

    That day comes without a change of the record: a sweep tells it (`full_every_hours`).

    Args:
        active_from: first day; None: always.
        active_to: last day; None: for ever.
        day: tells the day.
        blocked: flags by any name, of which each blocks (`suspended`, `manual`).
    """
    now = day()
    return not any(blocked.values()) and (active_from or now) <= now <= (active_to or now)


def dimensions(text: Any = None, *, layout: DimensionFormat | None) -> list[dict[str, str]]:
    """Return the canonical dimensions of a display value; none without a configured format, which alone names them."""
    if not text or layout is None:
        return []
    values = segments(str(text), layout.delimiter)
    return [{"name": name, "value": value} for name, value in zip(layout.dimensions, values, strict=False) if value]


def abbreviated(text: Any = None, length: Any = None) -> str | None:
    """Return a text for people in at most `length` characters; one that is longer visibly ends in an ellipsis.

    Never for anything that is compared or looked up: there a text that is too long rejects the record.
    """
    if text is None:
        return None
    words, most = " ".join(str(text).split()), int(length)
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def absolute(amount: Any = None) -> Decimal | None:
    """Return an amount without its sign: prices are positive, and quantities say which way."""
    return None if amount is None else plain(abs(Decimal(amount)))


def without_mark(text: Any = None) -> str | None:
    """Return a reference, None for our own mark: it is nobody's reference."""
    return None if text is None or is_marker(str(text)) else str(text)


def year(on: Any = None) -> int | None:
    """Return the year of a day: a vendor's numbers may begin anew with it."""
    return on.year if isinstance(on, date) else None


def unit_price(price: Any = None, quantity: Any = None) -> Decimal | None:
    """Return the price of one unit: F&O's prices are for a price quantity, such as 12.50 for 100.

    Args:
        price: price for `quantity` units; None or zero (no base price is set) gives None.
        quantity: price quantity; None and zero count as one.
    """
    if not price:
        return None
    return plain(rounded(Decimal(price) / (Decimal(quantity) if quantity else Decimal(1)), DIGITS))


def rate_units(factor: Any = None) -> Decimal | None:
    """Return the units that an exchange rate is for: `ConversionFactor`, such as Hundred.

    Raises:
        RejectRecord: a factor that is not known; a rate must not be guessed.
    """
    if factor is None:
        return None
    units = {"One": 1, "Ten": 10, "Hundred": 100, "Thousand": 1000, "TenThousand": 10_000}.get(str(factor))
    if units is None:
        raise RejectRecord("unknown conversion factor", f"ConversionFactor is {factor!r}; it is not known here")
    return Decimal(units)


def line_discount_percent(**line: Any) -> Decimal:
    """Return the percentage of a line's discount, zero if there is none; see `amounts.line_discount`."""
    return amounts.line_discount(**line)[0]


def line_discount_per_unit(**line: Any) -> Decimal:
    """Return the amount for each unit of a line's discount, zero if there is none; see `amounts.line_discount`."""
    return amounts.line_discount(**line)[1]


def total_discount_percent(**order: Any) -> Decimal:
    """Return the percentage of an order's discount, zero if there is none; see `amounts.total_discount`."""
    return amounts.total_discount(**order)[0]


def total_discount_amount(**order: Any) -> Decimal:
    """Return the amount of an order's discount, zero if there is none; see `amounts.total_discount`."""
    return amounts.total_discount(**order)[1]
