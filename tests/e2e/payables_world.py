"""The world of the accounts-payable test: vendors, codes, invoices and payments of three companies, always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headrace.cli.demo.deployment import CLIENT_ID, CLIENT_SECRET
from headrace.cli.demo.payables import LEDGER_FORMAT, SYSTEMS
from headrace.cli.demo.purchasing import payables_seed
from headrace.cli.demo.world import COMPANIES

ACCOUNTS = ("601500", "602100", "603200", "605110", "606300", "618160")
DEPARTMENTS, COST_CENTERS = ("SALES", "OPS", "R-D"), ("100", "007")
METHODS = ("Check", "AvidPay Direct", "Virtual Credit Card")
VENDORS, INVOICES = 10, 110
"""In each company: vendors that send invoices at most, and how many these send."""
LATE_VENDOR = "LATECOMER0001"
"""A vendor of gbsi that nobody has entered in F&O yet."""

Invoice = Mapping[str, Any]


def erp_seed() -> dict[str, Any]:
    """Return the seed of F&O: companies, accounts, dimensions, vendors; two of them in a way of their own."""
    payables = payables_seed(orders=0)
    vendors = payables["records"]["VendorsV2"]
    once = {**vendors[0], "VendorAccountNumber": "ONE-TIME", "VendorOrganizationName": "Once", "IsOneTimeVendor": "Yes"}
    return {
        "companies": {
            name: {"name": f"Contoso {name.upper()}", "currency": currency} for name, currency in COMPANIES.items()
        },
        "clients": [{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "user": "Admin", "company": "usmf"}],
        "dimension_formats": {
            "delimiter": "-",
            "default": list(LEDGER_FORMAT[1:]),
            "ledger": list(LEDGER_FORMAT),
            "values": {"Department": list(DEPARTMENTS), "CostCenter": list(COST_CENTERS)},
        },
        "accounts_payable": list(COMPANIES),
        "records": {
            "VendorsV2": [*vendors, once],
            "FinancialDimensionValues": [
                {"FinancialDimension": "Department", "LegalEntityId": "demf", "DimensionValue": "WERK"}
            ],
        },
    }


def late_vendor() -> dict[str, Any]:
    """Return the vendor that is made in F&O after its invoice has come."""
    return {
        "dataAreaId": "gbsi",
        "VendorAccountNumber": LATE_VENDOR,
        "VendorGroupId": "20",
        "VendorOrganizationName": "Latecomer Ltd.",
        "CurrencyCode": "GBP",
        "AddressStreet": "1 Late Lane",
        "AddressCity": "Leeds",
        "AddressZipCode": "LS1 1AA",
        "AddressStateId": "WY",
        "AddressCountryRegionId": "GBR",
    }


def invoices(company: str, vendors: Sequence[str], last_day: date) -> list[dict[str, Any]]:
    """Return a company's invoices as AvidXchange takes them; one in 21 is a credit memo."""
    senders = vendors[:VENDORS]
    return [_invoice(company, senders[number % len(senders)], number, last_day) for number in range(INVOICES)]


def _invoice(company: str, vendor: str, number: int, last_day: date) -> dict[str, Any]:
    sign = -1 if number % 21 == 20 else 1
    lines = [_line(sign, number, place) for place in range(1 + number % 3)]
    return document(company, vendor, f"{company.upper()}-{number:04d}", lines, last_day - timedelta(days=number % 60))


def _line(sign: int, number: int, place: int) -> dict[str, Any]:
    cents = 1_000 + (number * 7919 + place * 104_729) % 200_000
    return line(
        str(sign * Decimal(cents).scaleb(-2)),
        ACCOUNTS[(number + place) % len(ACCOUNTS)],
        DEPARTMENTS[(number + place) % len(DEPARTMENTS)],
        COST_CENTERS[number % len(COST_CENTERS)] if number % 4 else None,
        f"Work {number}, part {place + 1}",
    )


def line(amount: str, account: str, department: str, cost_center: str | None, text: str) -> dict[str, Any]:
    """Return a distribution."""
    codes = {"GL Account": account, "Department": department, "CostCenter": cost_center}
    return {"Amount": amount, "Description": text, "codes": {name: value for name, value in codes.items() if value}}


def document(
    company: str, vendor: str, number: str, lines: Sequence[Mapping[str, Any]], day: date, **more: Any
) -> dict[str, Any]:
    """Return an invoice as AvidXchange takes it."""
    return {
        "accounting_system": SYSTEMS[company],
        "Number": number,
        "VendorExternalSystemID": vendor,
        "InvoiceDate": day.isoformat(),
        "CurrencyCode": COMPANIES[company],
        "Memo": f"Memo of {number}",
        "Distributions": list(lines),
        **more,
    }


def by_hand(company: str, vendor: str, number: str, amount: str, day: date) -> dict[str, Any]:
    """Return the seed of an invoice that a clerk entered in F&O."""
    reference = {"dataAreaId": company, "HeaderReference": f"HAND-{number}"}
    header = {
        **reference,
        "InvoiceAccount": vendor,
        "InvoiceNumber": number,
        "InvoiceDate": f"{day.isoformat()}T12:00:00Z",
        "Currency": COMPANIES[company],
    }
    only = {
        **reference,
        "InvoiceLineNumber": 1,
        "Currency": COMPANIES[company],
        "MainAccountDisplayValue": "601500-SALES-100",
        "NetAmount": float(Decimal(amount)),
    }
    return {"records": {"VendorInvoiceHeaders": [header], "VendorInvoiceLines": [only]}}


def payments(company: str, entered: Sequence[Invoice]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a company's payments in two waves: of each vendor seven, for most of its invoices.

    The first pays four with a discount; the second and, in the other wave, the fifth halve one; the last pays two, and
    a credit memo where the vendor has one.
    """
    first: list[dict[str, Any]] = []
    second: list[dict[str, Any]] = []
    by_vendor: dict[str, list[Invoice]] = {}
    for invoice in entered:
        by_vendor.setdefault(invoice["BuyerVendor"]["VendorExternalSystemID"], []).append(invoice)
    for place, members in enumerate(by_vendor.values()):
        owed = [each for each in members if Decimal(str(each["GrossAmount"])) > 0]
        memos = [each for each in members if Decimal(str(each["GrossAmount"])) < 0]
        half = (Decimal(str(owed[4]["GrossAmount"])) / 2).quantize(Decimal("0.01"))
        rest = Decimal(str(owed[4]["GrossAmount"])) - half
        last = [remittance(each) for each in owed[7:9]]
        if memos and _owed(owed[7:9]) > -_owed(memos[:1]):
            last.append(remittance(memos[0]))
        first += [
            payment(company, [remittance(each, discount=Decimal("0.02")) for each in owed[:4]], METHODS[place % 3]),
            payment(company, [remittance(owed[4], gross=half)], METHODS[(place + 1) % 3]),
            payment(company, [remittance(owed[5])], METHODS[(place + 2) % 3]),
            payment(company, [remittance(owed[6])], METHODS[place % 3]),
        ]
        second += [
            payment(company, [remittance(owed[4], gross=rest)], METHODS[(place + 1) % 3]),
            payment(company, last, METHODS[place % 3]),
            payment(company, [remittance(owed[9])], METHODS[(place + 2) % 3]),
        ]
    return first, second


def _owed(found: Sequence[Invoice]) -> Decimal:
    return sum((Decimal(str(each["GrossAmount"])) for each in found), Decimal(0))


def remittance(invoice: Invoice, *, gross: Decimal | None = None, discount: Decimal = Decimal(0)) -> dict[str, Any]:
    """Return what a payment pays of an invoice: all of it or `gross`, less a share of discount."""
    whole = Decimal(str(invoice["GrossAmount"])) if gross is None else gross
    return {
        "InvoiceId": invoice["Id"],
        "Gross": str(whole),
        "Discount": str((whole * discount).quantize(Decimal("0.01"))),
    }


def payment(company: str, remittances: Sequence[Mapping[str, Any]], method: str, **more: Any) -> dict[str, Any]:
    """Return a payment as AvidXchange takes it, from the company's operating account."""
    return {
        "method": method,
        "CurrencyCode": COMPANIES[company],
        "BankAccount": f"{company.upper()} OPER",
        "Remittances": list(remittances),
        **more,
    }
