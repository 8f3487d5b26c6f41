"""What a vendor's hold stops.

Vendor page on placing vendors on hold: `All` stops everything; `Invoice`, `Payment`, `Requisition` and `PurchOrder`
stop their document; `Never` and `No` stop nothing. A hold ends at its release date, which is a time in spite of its
name (that it ends by itself is unverified). Whether a hold for invoices is met at saving or at posting is unverified,
hence a setting.
"""

from __future__ import annotations

from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_MOMENT
from headrace.sandbox.dynamics_fo.errors import WriteRefused, validate_write
from headrace.sandbox.dynamics_fo.values import moment_text

ALL, INVOICE, PAYMENT, PURCHASE_ORDER = "All", "Invoice", "Payment", "PurchOrder"


def vendor(work: Work, account: Any, company: str) -> Record | None:
    """Return a vendor of a company."""
    return work.related("VendorsV2", "VendorAccountNumber", account, company)


def hold_on(work: Work, account: Any, company: str, document: str) -> str:
    """Return why a vendor gets no such document now, "" if it does."""
    found = vendor(work, account, company)
    status = "No" if found is None else str(found.data.get("OnHoldStatus", "No"))
    if found is None or status not in (ALL, document):
        return ""
    until = found.data.get("VendorHoldReleaseDate", EMPTY_MOMENT)
    if EMPTY_MOMENT < until <= moment_text(work.now):
        return ""
    return f"Error: Vendor {found.data['VendorAccountNumber']} is on hold for {status}."


def check_vendor(work: Work, account: Any, company: str, document: str, table: str) -> None:
    """Refuse a document of a vendor that is on hold for it.

    Raises:
        WriteRefused: it is.
    """
    refused = hold_on(work, account, company, document)
    if refused:
        raise WriteRefused(refused, validate_write(table))
