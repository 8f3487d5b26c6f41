"""What stops a sales order: a customer on hold, an exceeded credit limit, an item that is stopped for sales.

How far a hold goes is told by consultants, not by the vendor's reference: `All` refuses new orders, `Invoice` takes
them and refuses delivery and invoice; the other members are for vendors. The checks of credit and lifecycle follow the
predecessor product and are unverified over OData, so settings turn them on.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, validate_write
from headrace.sandbox.dynamics_fo.values import to_decimal

ORDER_SETTINGS = "ProductDefaultOrderSettings"
STOPPED = "IsSalesProcessingStopped"
_OPEN = ("None", "Backorder", "Delivered")
_CUSTOMERS = ("OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber")


def check_new_order(work: Work, draft: Draft) -> None:
    """Refuse an order of a customer that is on hold for everything.

    Raises:
        WriteRefused: it is.
    """
    for name in _CUSTOMERS:
        customer = _customer(work, draft.get(name), draft.company)
        if customer is not None and customer.data.get("OnHoldStatus") == "All":
            raise WriteRefused(_on_hold(customer), validate_write("SalesTable"))


def invoice_refused(work: Work, account: Any, company: str, *, posting: bool) -> str:
    """Return why a customer gets no invoice, "" if it does: a hold for invoices is met when one is posted."""
    customer = _customer(work, account, company)
    if customer is None or customer.data.get("OnHoldStatus") not in (("All", "Invoice") if posting else ("All",)):
        return ""
    return _on_hold(customer)


def posting_refused(work: Work, order: Record) -> str:
    """Return why an order can be neither delivered nor invoiced, "" if it can."""
    for name in _CUSTOMERS:
        customer = _customer(work, order.data.get(name), str(order.data["dataAreaId"]))
        if customer is not None and customer.data.get("OnHoldStatus") in ("All", "Invoice"):
            return _on_hold(customer)
    return ""


def check_item(work: Work, item: Record | None) -> None:
    """Refuse an item that is stopped for sales, by its default order settings or by its lifecycle state.

    Raises:
        WriteRefused: it is.
    """
    if item is None:
        return
    number, company = item.data["ItemNumber"], item.data["dataAreaId"]
    settings = work.related(ORDER_SETTINGS, "ItemNumber", number, company)
    state = item.data.get("ProductLifecycleStateId", "")
    if (
        settings is not None and settings.data.get(STOPPED) == "Yes"
    ) or state in work.settings.stopped_lifecycle_states:
        raise WriteRefused(f"Error: Item '{number}' is blocked for 'Sales order'.", validate_write("SalesLine"))


def check_credit(work: Work, draft: Draft, header: Record) -> None:
    """Refuse a line with which a customer's open orders exceed its limit; amounts are taken in any one currency.

    Raises:
        WriteRefused: they do, and the parameters say "error" instead of "warning", which OData does not show.
    """
    account = header.data.get("InvoiceCustomerAccountNumber") or header.data["OrderingCustomerAccountNumber"]
    customer = _customer(work, account, draft.company)
    if customer is None or work.settings.credit_limit_message == "warning":
        return
    limit = to_decimal(customer.data.get("CreditLimit", 0))
    if not limit and customer.data.get("CreditLimitIsMandatory", "No") != "Yes":
        return  # zero means "no limit" unless a limit is mandatory
    amount = to_decimal(draft.get("LineAmount")) + sum(
        (to_decimal(line.data.get("LineAmount", 0)) for line in _open_lines(work, account, draft)), Decimal()
    )
    if amount > limit:
        raise WriteRefused(
            f"Error: Credit limit {limit:f} for customer {account} has been exceeded.", validate_write("SalesLine")
        )


def _open_lines(work: Work, account: Any, draft: Draft) -> list[Record]:
    found = []
    for order in work.store.list("SalesOrderHeadersV2"):
        payer = order.data.get("InvoiceCustomerAccountNumber") or order.data.get("OrderingCustomerAccountNumber")
        if payer == account and order.data["dataAreaId"] == draft.company:
            found += work.store.find("SalesOrderLines", "SalesOrderNumber", order.data["SalesOrderNumber"])
    own = draft.original.key if draft.original else None
    return [
        line
        for line in found
        if line.key != own
        and line.data["dataAreaId"] == draft.company
        and line.data.get("SalesOrderLineStatus", "None") in _OPEN
    ]


def _customer(work: Work, account: Any, company: str) -> Record | None:
    return work.related("CustomersV3", "CustomerAccount", account, company)


def _on_hold(customer: Record) -> str:
    return f"Error: Customer {customer.data['CustomerAccount']} is on hold for {customer.data['OnHoldStatus']}."
