"""What the ERP gives AvidXchange: vendors, enterprise codes, purchase orders; and the list of accounting systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from headrace.sandbox.avidxchange.bulk import Upsert
from headrace.sandbox.avidxchange.calls import Call, Endpoint
from headrace.sandbox.avidxchange.errors import ApiError
from headrace.sandbox.avidxchange.fields import ADDRESS, CHANGED, CODES, FIELDS, ORDERS, VENDORS
from headrace.sandbox.avidxchange.paging import page_of
from headrace.sandbox.avidxchange.suite import COMPANY, Suite
from headrace.sandbox.avidxchange.values import money, wrong_currency, wrong_flags, wrong_texts
from headrace.sandbox.common.store import Record

_VENDOR_TEXTS = ("VendorName", "NameOnCheck", "FedTaxId", "Email", "Telephone1", "Website", "Terms")


def _check_vendor(suite: Suite, system: int, values: dict[str, Any]) -> list[str]:
    problems = wrong_texts(values, _VENDOR_TEXTS) + wrong_flags(values, ("IsActive",)) + wrong_currency(values)
    if isinstance(values.get("VendorName"), str | None) and not (values.get("VendorName") or "").strip():
        problems.append("VendorName is required")
    required = suite.settings.required_address_fields
    problems += _wrong_address(values.get("Address"), "Address", required)
    if values.get("RemitToAddress") is not None:
        problems += _wrong_address(values["RemitToAddress"], "RemitToAddress", required)
    return problems


def _wrong_address(address: Any, place: str, required: Iterable[str]) -> list[str]:
    if not isinstance(address, Mapping):
        return [f"{place} is required"]
    problems = wrong_texts(address, ADDRESS, f"{place}.")
    problems += [f"Unknown field {place}.{name}" for name in address if name not in ADDRESS]
    return problems + [f"{place}.{name} is required" for name in required if not address.get(name)]


def _check_code(suite: Suite, system: int, values: dict[str, Any]) -> list[str]:
    problems = wrong_texts(values, ("Description",)) + wrong_flags(values, ("IsActive",))
    limit = suite.settings.description_limit
    if not problems and len(values.get("Description") or "") > limit:
        problems.append(f"Description exceeds {limit} characters")
    return problems


def _check_order(suite: Suite, system: int, values: dict[str, Any]) -> list[str]:
    problems = wrong_texts(values, ("OrderNumber", "VendorExternalCode", "OrderDate", "Status", "Description"))
    problems += wrong_flags(values, ("IsActive",)) + wrong_currency(values)
    problems += [f"{name} is required" for name in ("OrderNumber", "VendorExternalCode") if not values.get(name)]
    for name in ("TotalAmount", "Taxes", "Discount"):
        try:
            values[name] = money(values[name], name)
        except ValueError as error:
            problems.append(str(error))
    lines = values["LineItems"]
    if not isinstance(lines, list) or not all(isinstance(line, Mapping) for line in lines):
        problems.append("LineItems must be a list of objects")
    if problems:
        return problems
    vendor = VENDOR.find(suite, system, {"VendorExternalSystemID": values["VendorExternalCode"]})
    return [] if vendor else [f"Vendor {values['VendorExternalCode']} does not exist"]


_ZERO = Decimal("0.00")
VENDOR = Upsert(VENDORS, "Vendors", ("VendorExternalSystemID",), {"IsActive": True}, _check_vendor, "VendorID")
CODE = Upsert(CODES, "EnterpriseCodes", ("GroupName", "CodeValue"), {"IsActive": True}, _check_code, "EnterpriseCodeID")
ORDER = Upsert(
    ORDERS,
    "PurchaseOrders",
    ("ExternalCode",),
    {"IsActive": True, "TotalAmount": _ZERO, "Taxes": _ZERO, "Discount": _ZERO, "LineItems": []},
    _check_order,
)


def endpoints() -> list[Endpoint]:
    """Return the endpoints of master data."""
    return [
        Endpoint("GET", "/v1/accountingSystems", _accounting_systems),
        Endpoint("POST", "/v1/vendors", VENDOR.answer),
        Endpoint("GET", "/v1/vendors", _vendors),
        Endpoint("POST", "/v1/enterpriseCodes", CODE.answer),
        Endpoint("GET", "/v1/enterpriseCodes", _codes),
        Endpoint("POST", "/v1/purchaseOrders", _post_orders),
        Endpoint("GET", "/v1/purchaseOrders", _orders),
    ]


def _accounting_systems(call: Call) -> Any:
    rows = [*call.suite.systems(call.company)]
    return page_of(call, call.suite.settings, rows, lambda each: call.suite.shown(each.data, hidden=(CHANGED, COMPANY)))


def _vendors(call: Call) -> Any:
    return _listed(call, VENDORS, {"vendorExternalSystemIds": "VendorExternalSystemID"})


def _codes(call: Call) -> Any:
    return _listed(call, CODES, {"groupNames": "GroupName", "codeValues": "CodeValue"})


def _post_orders(call: Call) -> Any:
    _require_orders(call)
    return ORDER.answer(call)


def _orders(call: Call) -> Any:
    _require_orders(call)
    return _listed(call, ORDERS, {"externalCodes": "ExternalCode", "orderNumbers": "OrderNumber"})


def _require_orders(call: Call) -> None:
    if not call.suite.settings.purchase_orders:
        raise ApiError(404, "The resource does not exist")


def _listed(call: Call, object_: str, filters: Mapping[str, str]) -> Any:
    """List records of one accounting system; `filters` gives the field that each parameter with commas selects by."""
    suite = call.suite
    same = str if suite.settings.key_case == "exact" else lambda value: str(value).casefold()
    rows: list[Record] = suite.of_system(object_, call.accounting_system())
    for parameter, field in filters.items():
        wanted = call.words(parameter)
        if wanted is not None:
            words = {same(word) for word in wanted}
            rows = [each for each in rows if same(each.data.get(field)) in words]
    window = call.window("lastModifiedFrom", "lastModifiedTo", suite.settings.filter_days)
    if window is not None:
        rows = [each for each in rows if window[0] <= each.data[CHANGED] < window[1]]
    rows.sort(key=lambda each: (each.data[CHANGED], each.key))
    # Fields that were never set are shown empty, as those of vendors that nobody gave an id.
    empty = dict.fromkeys(FIELDS[object_])
    return page_of(call, suite.settings, rows, lambda each: {**empty, **suite.shown(each.data)})
