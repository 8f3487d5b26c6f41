"""The invoice lab: what people enter, code, approve, reject and hold in AvidInvoice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from headrace.sandbox.avidxchange.documents import CodeDocument, DistributionDocument, InvoiceDocument
from headrace.sandbox.avidxchange.fields import BATCHES, INVOICES, SYSTEM
from headrace.sandbox.avidxchange.images import PAPER, invoice_text
from headrace.sandbox.avidxchange.masters import CODE, VENDOR
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.avidxchange.times import date_text, midnight
from headrace.sandbox.avidxchange.values import CENT, money
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record

STATUS_IDS: Mapping[str, int] = {"Pending Approval": 1, "On Hold": 2, "Approved": 3, "Rejected": 4}
BATCH = "#batch"
_NET_DAYS = 30
_ACTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "approve": (("Pending Approval", "On Hold"), "Approved"),
    "reject": (("Pending Approval", "On Hold", "Approved"), "Rejected"),
    "hold": (("Pending Approval", "Approved"), "On Hold"),
    "release": (("On Hold", "Rejected"), "Pending Approval"),
}


class Invoices:
    """Invoices of all accounting systems; every method that changes needs an open transaction."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def get(self, number: int | str) -> Record:
        """Return an invoice by id.

        Raises:
            ControlError: there is none.
        """
        record = self._suite.store.get(INVOICES, str(number))
        if record is None:
            raise ControlError(f"invoices: there is no {number}; create it with POST /_sandbox/invoices")
        return record

    def create(self, document: InvoiceDocument, note: RequestNote) -> Record:
        """Enter an invoice.

        Raises:
            ControlError: something is missing, unknown or contradicts itself.
        """
        suite = self._suite
        if not document.Number:
            raise ControlError("invoices: Number is required")
        place = f"invoices: {document.Number}"
        system = suite.system_named(document.accounting_system)
        today = suite.now().date()
        distributions = self._distributions(document, system, place)
        total = sum((each["Amount"] for each in distributions), Decimal("0.00"))
        gross = total if document.GrossAmount is None else money(document.GrossAmount, place)
        invoice_date = date_text(document.InvoiceDate, place) or midnight(today)
        vendor = self._vendor(document, system, place)
        number = suite.next_id(INVOICES)
        same = f"{system}/{vendor['VendorExternalSystemID'] or vendor['VendorName']}/{document.Number}"
        suspect = bool(suite.store.find(INVOICES, "#vendor_number", same))
        data = {
            "Id": number,
            SYSTEM: system,
            "Number": document.Number,
            "InvoiceDate": invoice_date,
            "InvoiceDueDate": self._due(document, invoice_date, gross, place),
            "GrossAmount": gross,
            "TaxAmount": money(document.TaxAmount, place),
            "FreightAmount": money(document.FreightAmount, place),
            "CurrencyCode": document.CurrencyCode,
            "InvoiceType": document.InvoiceType or ("Credit Memo" if gross < 0 else "Standard"),
            "Status": _status(document.status),
            "PONumber": document.PONumber,
            "Memo": document.Memo,
            "IsDuplicateSuspect": suspect if document.IsDuplicateSuspect is None else document.IsDuplicateSuspect,
            "BuyerVendor": vendor,
            "BuyerVendorAccount": {"AccountNo": document.AccountNo},
            "Distributions": _broken(distributions) if document.broken_sum else distributions,
            BATCH: "",
            "#vendor_number": same,
            "#image": document.image,
            "#broken": document.broken_sum,
        }
        if document.status == "Approved":
            _require_sum(data)
        return suite.insert(INVOICES, str(number), {**data, PAPER: invoice_text(data)}, note)

    def edit(self, number: str, document: InvoiceDocument, note: RequestNote) -> Record | None:
        """Change the fields of an invoice that the document gives, its status with them; None if it is not there.

        Raises:
            ControlError: the invoice is in a closed batch, or a value does not fit.
        """
        record = self._suite.store.get(INVOICES, number)
        if record is None:
            return None
        self.require_open(record)
        if "accounting_system" in document.model_fields_set:
            raise ControlError(f"invoice {number} stays in its accounting system; delete it and create another")
        place, system = f"invoices: {number}", record.data[SYSTEM]
        changes: dict[str, Any] = document.given(
            "Number", "CurrencyCode", "InvoiceType", "PONumber", "Memo", "IsDuplicateSuspect"
        )
        for name in ("GrossAmount", "TaxAmount", "FreightAmount"):
            if name in document.model_fields_set:
                changes[name] = money(getattr(document, name), place)
        for name in ("InvoiceDate", "InvoiceDueDate"):
            if name in document.model_fields_set:
                changes[name] = date_text(getattr(document, name), place)
        if document.model_fields_set & {"VendorExternalSystemID", "VendorName"}:
            changes["BuyerVendor"] = self._vendor(document, system, place)
        if "AccountNo" in document.model_fields_set:
            changes["BuyerVendorAccount"] = {"AccountNo": document.AccountNo}
        if "Distributions" in document.model_fields_set:
            distributions = self._distributions(document, system, place)
            changes["Distributions"] = _broken(distributions) if document.broken_sum else distributions
            changes["#broken"] = document.broken_sum
        if "image" in document.model_fields_set:
            changes["#image"] = document.image
        if "status" in document.model_fields_set:
            changes["Status"] = _status(document.status)
            if document.status != "Approved":
                changes[BATCH] = ""
        after = {**record.data, **changes}
        if after["Status"]["Description"] == "Approved":
            _require_sum(after)
        return self._suite.change(record, changes, note)

    def act(self, action: str, numbers: Iterable[int], note: RequestNote) -> list[Record]:
        """Approve, reject, hold or release invoices, all or none; one that leaves Approved leaves its open batch.

        Raises:
            ControlError: no such action, or one that an invoice's status or batch does not allow.
        """
        if action not in _ACTIONS:
            raise ControlError(f"{action!r} is not an action on invoices; use one of {sorted(_ACTIONS)}")
        before, status = _ACTIONS[action]
        changed = []
        for record in [self.get(number) for number in numbers]:
            self.require_open(record)
            current = record.data["Status"]["Description"]
            if current not in before:
                raise ControlError(f"invoice {record.key} is {current}; {action} needs {' or '.join(before)}")
            if status == "Approved":
                _require_sum(record.data)
            left = self._suite.mark(record, {BATCH: ""}) if current == "Approved" else record
            changed.append(self._suite.change(left, {"Status": _status(status)}, note))
        return changed

    def remove(self, number: str, note: RequestNote) -> Record | None:
        """Delete an invoice; None if it is not there.

        Raises:
            ControlError: it is in a closed batch.
        """
        record = self._suite.store.get(INVOICES, number)
        if record is not None:
            self.require_open(record)
            self._suite.remove(record, note)
        return record

    def require_open(self, record: Record) -> None:
        """Refuse what a closed batch forbids.

        Raises:
            ControlError: the invoice is in a closed batch.
        """
        batch = self._suite.store.get(BATCHES, record.data[BATCH])
        if batch is not None and batch.data["DateClosed"] is not None:
            raise ControlError(f"invoice {record.key} is in a closed batch; first POST /batches/{batch.key}/reopen")

    def _vendor(self, document: InvoiceDocument, system: int, place: str) -> dict[str, Any]:
        external, name = document.VendorExternalSystemID, document.VendorName
        known = None
        if external:
            known = VENDOR.find(self._suite, system, {"VendorExternalSystemID": external.partition("|")[0]})
            if not document.unchecked and (known is None or not known.data["IsActive"]):
                state = "inactive" if known else "unknown"
                raise ControlError(f"{place}: vendor {external} is {state}; push it first, or say unchecked: true")
        shown = name or (known.data["VendorName"] if known else external)
        if not shown:
            raise ControlError(f"{place}: give VendorExternalSystemID or VendorName")
        return {"VendorName": shown, "VendorExternalSystemID": external}

    def _due(self, document: InvoiceDocument, invoice_date: str, gross: Decimal, place: str) -> str | None:
        if "InvoiceDueDate" in document.model_fields_set or gross < 0:
            return date_text(document.InvoiceDueDate, place)
        return midnight(date.fromisoformat(invoice_date[:10]) + timedelta(days=_NET_DAYS))

    def _distributions(self, document: InvoiceDocument, system: int, place: str) -> list[dict[str, Any]]:
        return [
            self._distribution(each, number, system, f"{place}: distribution {number}", document.unchecked)
            for number, each in enumerate(document.Distributions, 1)
        ]

    def _distribution(
        self, document: DistributionDocument, number: int, system: int, place: str, unchecked: bool
    ) -> dict[str, Any]:
        return {
            "LineNumber": number,
            "Amount": money(document.Amount, place),
            "Description": document.Description,
            "EnterpriseCodes": [self._code(each, system, place, unchecked) for each in document.code_list()],
        }

    def _code(self, document: CodeDocument, system: int, place: str, unchecked: bool) -> dict[str, Any]:
        known = CODE.find(self._suite, system, {"GroupName": document.group, "CodeValue": document.value})
        if document.value and not unchecked and (known is None or not known.data["IsActive"]):
            state = "inactive" if known else "unknown"
            code = f"code {document.value} of {document.group}"
            raise ControlError(f"{place}: {code} is {state}; push it first, or say unchecked: true")
        description = document.description or (known.data.get("Description") if known else None)
        return {
            "EnterpriseCodeValue": document.value,
            "EnterpriseCodeValueDescription": description,
            "EnterpriseCodeGroups": [{"CodeGroupName": document.group}],
        }


def _status(status: str) -> dict[str, Any]:
    return {"Id": STATUS_IDS[status], "Description": status}


def _broken(distributions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    *first, last = distributions
    return [*first, {**last, "Amount": last["Amount"] + CENT}]


def _require_sum(invoice: Mapping[str, Any]) -> None:
    amounts = [each["Amount"] for each in invoice["Distributions"]]
    if not amounts:
        raise ControlError(f"invoice {invoice['Number']} has no distributions; code it before it is approved")
    if sum(amounts) != invoice["GrossAmount"] and not invoice["#broken"]:
        text = f"distributions come to {sum(amounts)}, GrossAmount is {invoice['GrossAmount']}"
        raise ControlError(f"invoice {invoice['Number']}: {text}; correct one, or say broken_sum: true")
