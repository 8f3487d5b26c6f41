"""Vendors and purchase orders of the demo's world: the same ones each time, as the excerpt of AdventureWorks has them.

They all do business with `usmf`. Every third vendor has an account, under the same number, in `demf` as well, every
fourth in `gbsi`, and every other order of such a vendor comes from there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import resources
from typing import Any

from headrace.cli.demo.world import COMPANIES

_ALSO_IN = {"demf": 3, "gbsi": 4}
_METHODS = ("CHECK", "ELECTRONIC", "VCARD")
_CATEGORY = "Components"
_STATUS = {"complete": "Received", "pending": "Backorder", "rejected": "Canceled"}
_APPROVAL = {"complete": "Confirmed", "pending": "Approved", "rejected": "Rejected"}
_FIRST_NEW_ORDER = 10_001
"""Above the numbers of the excerpt, which the orders keep."""
PLAIN_DIMENSIONS = ("Department", "CostCenter")


def payables_seed(vendors: int = 40, orders: int = 60, dimensions: Sequence[str] = PLAIN_DIMENSIONS) -> dict[str, Any]:
    """Return the sections of a seed that give the F&O sandbox accounts payable.

    Its companies and the default dimension format must be there already.

    Args:
        vendors: how many of the 40.
        orders: how many of the 60; those of vendors that are left out are left out, too.
        dimensions: what follows the main account in the ledger format, in its order.
    """
    chosen = _rows("vendors.csv")[:vendors]
    return {
        "dimension_formats": {"ledger": ["MainAccount", *dimensions]},
        "accounts_payable": list(COMPANIES),
        "number_sequences": {"PurchaseOrderHeadersV2": {"next": _FIRST_NEW_ORDER}},
        "records": {
            "VendorsV2": [row for index, vendor in enumerate(chosen) for row in _accounts(index, vendor)],
            **_purchase_orders(chosen, _rows("purchase_orders.csv")[:orders]),
        },
    }


def companies_of(index: int) -> list[str]:
    """Return the legal entities in which the vendor with this place in the file has an account."""
    return ["usmf", *(company for company, every in _ALSO_IN.items() if index % every == 0)]


def _accounts(index: int, vendor: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for company in companies_of(index):
        yield {
            "dataAreaId": company,
            "VendorAccountNumber": vendor["account_number"],
            "VendorGroupId": "10",
            "VendorOrganizationName": vendor["name"],
            "CurrencyCode": COMPANIES[company],
            "AddressDescription": "Office",
            "AddressStreet": vendor["street"],
            "AddressCity": vendor["city"],
            "AddressZipCode": vendor["postal_code"],
            "AddressStateId": vendor["state"],
            "AddressCountryRegionId": vendor["country"],
            "OnHoldStatus": "No" if vendor["active"] == "1" else "All",
            "DefaultVendorPaymentMethodName": _METHODS[index % len(_METHODS)],
        }


def _purchase_orders(vendors: Sequence[Mapping[str, str]], orders: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    places = {vendor["id"]: index for index, vendor in enumerate(vendors)}
    heads: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    of_order: dict[str, list[Mapping[str, str]]] = {}
    for line in _rows("purchase_order_lines.csv"):
        of_order.setdefault(line["order_id"], []).append(line)
    for order in orders:
        index = places.get(order["vendor_id"])
        if index is None:
            continue
        companies = companies_of(index)
        key = {
            "dataAreaId": companies[int(order["id"]) % len(companies)],
            "PurchaseOrderNumber": f"PO-{int(order['id']):06d}",
        }
        heads.append(_header(key, vendors[index], order))
        status = {"PurchaseOrderLineStatus": _STATUS[order["status"]]}
        lines += [{**_line(key, number, line), **status} for number, line in enumerate(of_order[order["id"]], start=1)]
    return {"PurchaseOrderHeadersV2": heads, "PurchaseOrderLinesV2": lines}


def _header(key: Mapping[str, str], vendor: Mapping[str, str], order: Mapping[str, str]) -> dict[str, Any]:
    return {
        **key,
        "OrderVendorAccountNumber": vendor["account_number"],
        "VendorOrderReference": f"AW/{order['id']}",
        "AccountingDate": order["order_date"],
        "RequestedDeliveryDate": order["ship_date"],
        "PurchaseOrderStatus": _STATUS[order["status"]],
        "DocumentApprovalStatus": _APPROVAL[order["status"]],
    }


def _line(key: Mapping[str, str], number: int, line: Mapping[str, str]) -> dict[str, Any]:
    return {
        **key,
        "LineNumber": number,
        "ProcurementProductCategoryName": _CATEGORY,
        "LineDescription": line["product_name"],
        "ExternalItemNumber": line["product_number"],
        "OrderedPurchaseQuantity": int(line["quantity"]),
        "PurchasePrice": float(Decimal(line["unit_price"])),
        "RequestedDeliveryDate": line["due_date"],
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("headrace.cli.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
