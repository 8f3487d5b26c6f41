"""Control calls of accounts payable: what people, workflows and batch jobs do with invoices, payments and orders.

`POST /_sandbox/vendor_invoices/{company}/{post|submit|approve|reject}` and
`POST /_sandbox/payment_journals/{company}/post` take `{"references": […]}` or `{"journals": […]}`, or work on all that
are pending; each document succeeds or fails by itself. With the setting `journal_posting: batch` journals wait for
`POST /_sandbox/batch/run`. `POST /_sandbox/purchase_orders/{company}/{number}/{confirm|receive|cancel|finalize}` moves
an order. Holds, suspensions and formats are edits of their rows: `PATCH /_sandbox/records/{set}/{key}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.common.control import ControlError, Sandbox, control_route
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.posting.vendor_invoices import post_invoice, totals_of
from headrace.sandbox.dynamics_fo.posting.vendor_payments import post_journal
from headrace.sandbox.dynamics_fo.rows import find, visible
from headrace.sandbox.dynamics_fo.rules import purchasing, vendor_invoices, vendor_payments
from headrace.sandbox.dynamics_fo.settings import FinanceSettings
from headrace.sandbox.dynamics_fo.writes import Writer

BATCH = "#batch"
_REVIEW = {"submit": "InReview", "approve": "Approved", "reject": "Rejected"}
# Action: statuses it starts from, status of the order after it (None: unchanged), approval status after it.
_ORDER_STEPS: Mapping[str, tuple[tuple[str, ...], str | None, str | None]] = {
    "confirm": (("Backorder",), None, "Confirmed"),
    "receive": (("Backorder",), "Received", None),
    "cancel": (("Backorder",), "Canceled", None),
    "finalize": (("Received", "Invoiced", "Canceled"), None, "Finalized"),
}

Step = Callable[[Work, Record], Mapping[str, Any]]


def payables_routes(sandbox: Sandbox, settings: FinanceSettings, writer: Writer) -> list[Route]:
    """Return the routes below /_sandbox for accounts payable."""
    store = sandbox.store

    def each(request: Request, rows: Sequence[Record], step: Step) -> dict[str, Any]:
        return each_by_itself(sandbox, writer, request, rows, step)

    def on_invoices(request: Request, body: Any) -> Any:
        action, company = request.path_params["action"], request.path_params["company"].lower()
        if action != "post" and action not in _REVIEW:
            raise ControlError(f"{action!r} is not an action on vendor invoices; use post, {', '.join(_REVIEW)}")
        rows = chosen(sandbox, vendor_invoices.HEADERS, "HeaderReference", company, body.get("references"))

        def step(work: Work, row: Record) -> Mapping[str, Any]:
            if action == "post":
                return visible(post_invoice(work, row).data)
            return visible(_review(work, row, _REVIEW[action]).data)

        return each(request, rows, step)

    def total_invoice(request: Request, body: Any) -> Any:
        company = request.path_params["company"].lower()
        rows = chosen(sandbox, vendor_invoices.HEADERS, "HeaderReference", company, [request.query_params["reference"]])
        totals = totals_of(writer.work(RequestNote("GET", request.url.path)), rows[0])
        return {"net": totals.net, "tax": totals.tax, "amount": totals.amount}

    def post_journals(request: Request, body: Any) -> Any:
        company, journals = request.path_params["company"].lower(), body.get("journals")
        rows = chosen(sandbox, vendor_payments.HEADERS, "JournalBatchNumber", company, journals)
        if journals is None:
            work = writer.work(RequestNote("POST", request.url.path))
            rows = [
                row for row in rows if row.data.get("IsPosted") != "Yes" and vendor_payments.journal_lines(work, row)
            ]
        if settings.journal_posting == "batch":
            with store.transaction():
                for row in rows:
                    store.put(BATCH, row.key, {"journal": row.key}, sandbox.clock.now())
            return {"scheduled": [row.key for row in rows]}
        return each(request, rows, lambda work, row: visible(post_journal(work, row).data))

    def run_batch(request: Request, body: Any) -> Any:
        waiting = store.list(BATCH)
        rows = [found for job in waiting if (found := store.get(vendor_payments.HEADERS, job.key)) is not None]
        with store.transaction():
            for job in waiting:
                store.delete(BATCH, job.key)
        return each(request, rows, lambda work, row: visible(post_journal(work, row).data))

    def move_order(request: Request, body: Any) -> Any:
        company, number = request.path_params["company"].lower(), request.path_params["number"]
        key = {"dataAreaId": company, "PurchaseOrderNumber": number}
        record = find(store, ENTITIES[purchasing.HEADERS], key)
        if record is None:
            return None
        with store.transaction():
            work = writer.work(RequestNote("POST", request.url.path))
            return visible(_move_order(work, record, request.path_params["action"]).data)

    return [
        control_route("/vendor_invoices/{company}/total", "GET", total_invoice),
        control_route("/vendor_invoices/{company}/{action}", "POST", on_invoices),
        control_route("/payment_journals/{company}/post", "POST", post_journals),
        control_route("/batch/run", "POST", run_batch),
        control_route("/purchase_orders/{company}/{number}/{action}", "POST", move_order),
    ]


def each_by_itself(
    sandbox: Sandbox, writer: Writer, request: Request, rows: Sequence[Record], step: Step
) -> dict[str, Any]:
    """Take a step with each row in a transaction of its own; what is refused changes nothing."""
    done: list[Mapping[str, Any]] = []
    refused: list[Mapping[str, Any]] = []
    for row in rows:
        try:
            with sandbox.store.transaction():
                done.append(step(writer.work(RequestNote("POST", request.url.path)), row))
        except WriteRefused as error:
            refused.append({"key": row.key, "error": str(error)})
    return {"done": done, "refused": refused}


def chosen(sandbox: Sandbox, set_name: str, field: str, company: str, numbers: Any) -> list[Record]:
    """Return the named rows of a company, all of them where none is named.

    Raises:
        ControlError: a name that no row has.
    """
    if numbers is None:
        return [row for row in sandbox.store.list(set_name) if row.data["dataAreaId"] == company]
    rows = []
    for number in numbers:
        record = find(sandbox.store, ENTITIES[set_name], {"dataAreaId": company, field: number})
        if record is None:
            raise ControlError(f"{set_name}: company {company} has no {field} {number!r}")
        rows.append(record)
    return rows


def _review(work: Work, header: Record, status: str) -> Record:
    for line in vendor_invoices.invoice_lines(work, header):
        work.revise(vendor_invoices.LINES, line, {"VendorInvoiceLineReviewStatus": status}, work.note)
    return work.revise(vendor_invoices.HEADERS, header, {"VendorInvoiceReviewStatus": status}, work.note)


def _move_order(work: Work, order: Record, action: str) -> Record:
    if action not in _ORDER_STEPS:
        raise ControlError(f"{action!r} is not an action on purchase orders; use one of {sorted(_ORDER_STEPS)}")
    before, status, approval = _ORDER_STEPS[action]
    current = order.data.get("PurchaseOrderStatus", "None")
    if current not in before:
        raise ControlError(
            f"purchase order {order.data['PurchaseOrderNumber']} is {current}; {action} needs {' or '.join(before)}"
        )
    changes: dict[str, Any] = {"DocumentApprovalStatus": approval} if approval else {}
    if status is not None:
        changes["PurchaseOrderStatus"] = status
        for line in purchasing.order_lines(work, order):
            work.revise(purchasing.LINES, line, {"PurchaseOrderLineStatus": status}, work.note)
    return work.revise(purchasing.HEADERS, order, changes, work.note)
