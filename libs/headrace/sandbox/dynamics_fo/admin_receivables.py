"""Control calls of accounts receivable: what people and batch jobs do with invoices that have no order.

`POST /_sandbox/customer_invoices/{company}/post` takes `{"references": […]}` of external invoice ids, or posts all that
are open; each document succeeds or fails by itself. `POST /_sandbox/orders/…` stands in `admin.py`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox, control_route
from headrace.sandbox.dynamics_fo.admin_payables import chosen, each_by_itself
from headrace.sandbox.dynamics_fo.posting.customer_invoices import post_customer_invoice
from headrace.sandbox.dynamics_fo.rows import visible
from headrace.sandbox.dynamics_fo.rules.customer_invoices import HEADERS
from headrace.sandbox.dynamics_fo.writes import Writer


def receivables_routes(sandbox: Sandbox, writer: Writer) -> list[Route]:
    """Return the routes below /_sandbox for accounts receivable."""

    def post_invoices(request: Request, body: Any) -> Any:
        company, references = request.path_params["company"].lower(), body.get("references")
        rows = chosen(sandbox, HEADERS, "ExternalInvoiceId", company, references)
        if references is None:
            rows = [row for row in rows if row.data.get("IsPosted") != "Yes"]
        return each_by_itself(
            sandbox, writer, request, rows, lambda work, row: visible(post_customer_invoice(work, row).data)
        )

    return [control_route("/customer_invoices/{company}/post", "POST", post_invoices)]
