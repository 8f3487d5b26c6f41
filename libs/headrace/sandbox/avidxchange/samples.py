"""Invoices and payments drawn by a seed number, as documents for the lab: the same seed draws the same ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

_METHODS = ("Check", "AvidPay Direct", "AvidPay Direct", "Virtual Credit Card")
_WORK = ("Repair", "Spare parts", "Freight", "Cleaning", "Consulting", "Office supplies", "Tools", "Maintenance")
_CREDIT_SHARE, _TAX_SHARE, _DISCOUNT_SHARE, _PARTIAL_SHARE = 0.05, 0.15, 0.2, 0.1
_LARGEST_PAYMENT = 4
"""Invoices in one payment."""


def draw_invoices(
    accounting_system: int | str,
    vendors: Sequence[str],
    codes: Mapping[str, Sequence[str]],
    count: int,
    seed: int,
    last_day: date,
) -> list[dict[str, Any]]:
    """Return approved invoices of the 60 days before a day, one in twenty a credit memo.

    Args:
        accounting_system: id or name.
        vendors: external ids, each as often as the draw has it.
        codes: code values by group; each distribution has one of every group.
        count: how many.
        seed: number of the draw.
        last_day: no invoice is dated later.

    Raises:
        ValueError: no vendor, or a group without codes.
    """
    if not vendors or not codes or not all(codes.values()):
        raise ValueError("samples need a vendor and codes; push or seed them first")
    # Repeatable, not secret.
    draw = random.Random(f"invoices {seed}")  # noqa: S311
    return [
        _invoice(draw, accounting_system, vendors, codes, f"S{seed}-{n:05d}", last_day) for n in range(1, count + 1)
    ]


def _invoice(
    draw: random.Random,
    system: int | str,
    vendors: Sequence[str],
    codes: Mapping[str, Sequence[str]],
    number: str,
    last_day: date,
) -> dict[str, Any]:
    sign = -1 if draw.random() < _CREDIT_SHARE else 1
    distributions: list[dict[str, Any]] = [
        {
            "Amount": sign * Decimal(draw.randint(1_000, 250_000)).scaleb(-2),
            "Description": draw.choice(_WORK),
            "codes": {group: draw.choice(values) for group, values in codes.items()},
        }
        for _ in range(draw.randint(1, 4))
    ]
    tax = Decimal("0.00")
    if draw.random() < _TAX_SHARE:
        net = sum((each["Amount"] for each in distributions), Decimal(0))
        tax = (net * Decimal("0.0725")).quantize(Decimal("0.01"))
        distributions.append({**distributions[0], "Amount": tax, "Description": "Sales tax"})
    return {
        "accounting_system": system,
        "Number": number,
        "VendorExternalSystemID": draw.choice(vendors),
        "InvoiceDate": (last_day - timedelta(days=draw.randint(0, 60))).isoformat(),
        "TaxAmount": str(tax),
        "Distributions": [{**each, "Amount": str(each["Amount"])} for each in distributions],
    }


def draw_payments(invoices: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return payments that pay each of these invoices: several in one, some with a discount, some in part.

    Args:
        invoices: as the lab or the API gives them. Credit memos are netted with invoices of the same vendor, and
            left out where those are too small.
        seed: number of the draw.
    """
    draw = random.Random(f"payments {seed}")  # noqa: S311
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for each in invoices:
        vendor = each["BuyerVendor"]
        key = (vendor["VendorExternalSystemID"], vendor["VendorName"], each["CurrencyCode"])
        groups.setdefault(key, []).append(each)
    payments = []
    for (_, _, currency), members in groups.items():
        waiting = sorted(members, key=lambda each: each["GrossAmount"] < 0)
        while waiting:
            size = draw.randint(1, _LARGEST_PAYMENT)
            chosen, waiting = waiting[:size], waiting[size:]
            remittances = [_remittance(draw, each) for each in chosen]
            if sum(Decimal(each["Gross"]) - Decimal(each["Discount"]) for each in remittances) <= 0:
                remittances = [each for each in remittances if Decimal(each["Gross"]) > 0]
            if remittances:
                payments.append({"method": draw.choice(_METHODS), "CurrencyCode": currency, "Remittances": remittances})
    return payments


def _remittance(draw: random.Random, invoice: Mapping[str, Any]) -> dict[str, Any]:
    gross, discount = Decimal(invoice["GrossAmount"]), Decimal(0)
    if gross > 0 and draw.random() < _DISCOUNT_SHARE:
        discount = (gross * Decimal("0.02")).quantize(Decimal("0.01"))
    elif gross > 0 and draw.random() < _PARTIAL_SHARE:
        gross = (gross / 2).quantize(Decimal("0.01"))
    return {"InvoiceId": invoice["Id"], "Gross": str(gross), "Discount": str(discount)}
