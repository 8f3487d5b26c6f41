"""Control calls that only this sandbox has: what people do in the client, and what time does to tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.common.control import ControlError, Sandbox, control_route
from headrace.sandbox.common.entra import EntraDirectory
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.rows import find, visible
from headrace.sandbox.dynamics_fo.rules.holds import posting_refused
from headrace.sandbox.dynamics_fo.rules.sales import HEADERS, LINES, order_lines
from headrace.sandbox.dynamics_fo.rules.totals import order_totals
from headrace.sandbox.dynamics_fo.seeding import Seeder
from headrace.sandbox.dynamics_fo.writes import Writer

# Action: statuses it starts from, status of header and lines after it (None: unchanged), processing status after it.
_STEPS: Mapping[str, tuple[tuple[str, ...], str | None, str]] = {
    "confirm": (("Backorder",), None, "Confirmed"),
    "ship": (("Backorder",), "Delivered", "Delivered"),
    "invoice": (("Backorder", "Delivered"), "Invoiced", "Invoiced"),
    "cancel": (("Backorder",), "Canceled", "Canceled"),
}
_TOTAL = "total"
"""Opening the totals of an order, which computes and keeps them."""
_POSTING = ("ship", "invoice")


def admin_routes(sandbox: Sandbox, writer: Writer, seeder: Seeder, directory: EntraDirectory) -> list[Route]:
    """Return the routes below /_sandbox that F&O adds."""

    def move_order(request: Request, body: Any) -> Any:
        company, number = request.path_params["company"].lower(), request.path_params["number"]
        record = find(sandbox.store, ENTITIES[HEADERS], {"dataAreaId": company, "SalesOrderNumber": number})
        if record is None:
            return None
        note = RequestNote("POST", request.url.path)
        with sandbox.store.transaction():
            return visible(_move(writer.work(note), record, request.path_params["action"]).data)

    def block_product(request: Request, body: Any) -> Any:
        action = request.path_params["action"]
        if action not in ("block", "unblock"):
            raise ControlError(f"{action!r} is not an action on products; use block or unblock")
        seeder.block(request.path_params["company"], request.path_params["item"], action == "block")
        return {"status": "ok"}

    return [
        control_route("/orders/{company}/{number}/{action}", "POST", move_order),
        control_route("/products/{company}/{item}/{action}", "POST", block_product),
        control_route("/expire_tokens", "POST", lambda r, b: {"expired": directory.expire_tokens()}),
    ]


def _move(work: Work, order: Record, action: str) -> Record:
    if action == _TOTAL:
        return work.revise(HEADERS, order, _totals(work, order), work.note)
    if action not in _STEPS:
        raise ControlError(f"{action!r} is not an action on orders; use one of {sorted((*_STEPS, _TOTAL))}")
    before, status, processing = _STEPS[action]
    current = order.data.get("SalesOrderStatus", "None")
    if current not in before:
        raise ControlError(f"order {order.data['SalesOrderNumber']} is {current}; {action} needs {' or '.join(before)}")
    refused = posting_refused(work, order) if action in _POSTING else ""
    if refused:
        raise ControlError(refused)
    lines = order_lines(work, order)
    if status is not None:
        for line in lines:
            work.revise(LINES, line, {"SalesOrderLineStatus": status}, work.note)
    changes = {"SalesOrderProcessingStatus": processing}
    order = work.revise(HEADERS, order, changes | ({"SalesOrderStatus": status} if status else {}), work.note)
    if action == "confirm":
        _confirm(work, order, _totals(work, order))
    if action == "invoice":
        _invoice(work, order, _totals(work, order))
    return order


def _totals(work: Work, order: Record) -> dict[str, Any]:
    return order_totals(order, order_lines(work, order), work.settings.item_tax_percent)


def _shared(order: Record) -> dict[str, Any]:
    names = ("dataAreaId", "SalesOrderNumber", "CustomersOrderReference")
    return {name: order.data[name] for name in names if name in order.data}


def _confirm(work: Work, order: Record, totals: Mapping[str, Any]) -> None:
    existing = work.store.find("SalesOrderConfirmationHeaders", "SalesOrderNumber", order.data["SalesOrderNumber"])
    values = {
        **_shared(order),
        "ConfirmationNumber": f"{order.data['SalesOrderNumber']}-{len(existing) + 1}",
        "ConfirmationDate": f"{work.now:%Y-%m-%d}T12:00:00Z",
        "TotalConfirmedAmount": totals["OrderTotalAmount"],
        "TotalSalesTaxAmount": totals["OrderTotalTaxAmount"],
    }
    work.insert("SalesOrderConfirmationHeaders", values, work.note)


def _invoice(work: Work, order: Record, totals: Mapping[str, Any]) -> None:
    number = len(work.store.list("SalesInvoiceHeadersV2")) + 1
    values = {
        **_shared(order),
        "InvoiceNumber": f"INV-{number:06d}",
        "LedgerVoucher": f"ARIV{number:06d}",
        "InvoiceDate": f"{work.now:%Y-%m-%d}T12:00:00Z",
        "InvoiceCustomerAccountNumber": order.data.get("InvoiceCustomerAccountNumber", ""),
        "CurrencyCode": order.data.get("CurrencyCode", ""),
        "PaymentTermsName": order.data.get("PaymentTermsName", ""),
        "TotalInvoiceAmount": totals["OrderTotalAmount"],
        "TotalTaxAmount": totals["OrderTotalTaxAmount"],
        "TotalDiscountAmount": totals["OrderTotalDiscountAmount"],
    }
    work.insert("SalesInvoiceHeadersV2", values, work.note)
