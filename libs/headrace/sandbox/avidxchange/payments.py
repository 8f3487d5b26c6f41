"""Payments of AvidPay, as people and the payment network move them on."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.sandbox.avidxchange import times
from headrace.sandbox.avidxchange.documents import Method, PaymentDocument, PaymentEdit, RemittanceDocument
from headrace.sandbox.avidxchange.fields import HISTORY, INVOICES, PAYMENTS, SYSTEM
from headrace.sandbox.avidxchange.masters import VENDOR
from headrace.sandbox.avidxchange.statuses import (
    CLEARED,
    ERROR,
    FUNDED,
    HELD,
    HOLDABLE,
    METHOD_IDS,
    PROCESSES,
    REASONS,
    STATUS_IDS,
    VOID,
    WALKS,
    passed,
)
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.avidxchange.times import date_text, midnight
from headrace.sandbox.avidxchange.values import money
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record

BEFORE = "#before"
"""Where a payment goes on after Held or Error."""


class Payments:
    """Payments of all accounting systems; every method that changes needs an open transaction."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def get(self, number: int | str) -> Record:
        """Return a payment by id.

        Raises:
            ControlError: there is none.
        """
        record = self._suite.store.get(PAYMENTS, str(number))
        if record is None:
            raise ControlError(f"payments: there is no {number}; create it with POST /_sandbox/payments")
        return record

    def create(self, document: PaymentDocument, note: RequestNote) -> Record:
        """Enter a payment and move it on to its status.

        Raises:
            ControlError: something is missing, unknown or contradicts itself.
        """
        suite = self._suite
        invoices = [self._invoice(each) for each in document.Remittances]
        first = next((each for each in invoices if each is not None), None)
        if document.accounting_system is None and first is None:
            raise ControlError("payments: give accounting_system, or remittances with InvoiceId")
        named = document.accounting_system if document.accounting_system is not None or first is None else first[SYSTEM]
        system = suite.system_named(named)
        remittances = [
            self._remittance(each, invoice, document.broken_sum)
            for each, invoice in zip(document.Remittances, invoices, strict=True)
        ]
        total = sum((each["Net"] for each in remittances), Decimal("0.00"))
        amount = total if document.Amount is None else money(document.Amount, "payments: Amount")
        if amount != total and not document.broken_sum:
            raise ControlError(f"payments: Net of remittances comes to {total}, Amount is {amount}")
        number = suite.next_id(PAYMENTS)
        day = midnight(suite.now().date())
        data = {
            "PaymentId": number,
            "BatchId": document.BatchId or f"AP-{suite.now():%Y-%m%d}",
            "ExternalPaymentIds": [{"Value": value} for value in document.ExternalPaymentIds],
            "Payee": self._payee(document, system, first),
            "BankAccount": {"ClientIds": [document.BankAccount]},
            SYSTEM: system,
            "Amount": amount,
            "CurrencyCode": document.CurrencyCode,
            "PaymentDate": date_text(document.PaymentDate, "payments: PaymentDate") or day,
            "PaymentMethod": _method(document.method),
            "CheckNumber": document.CheckNumber,
            "AvidPayChecknumber": None,
            "AchTraceNumber": None,
            "VirtualCard": None,
            "Status": _status("Pending Approval"),
            "ClearedDate": None,
            "SettledDate": None,
            "VoidDate": None,
            "Exceptions": [],
            "HasClearedCheckImages": False,
            "ReplacesPaymentId": None,
            "ReplacedByPaymentId": None,
            "Remittances": remittances,
            BEFORE: "",
        }
        record = suite.insert(PAYMENTS, str(number), data, note)
        self._tell(record, "Pending Approval", "")
        return record if document.status == "Pending Approval" else self.jump(record, document.status, note)

    def edit(self, number: str, document: PaymentEdit, note: RequestNote) -> Record | None:
        """Change the fields of a payment that the document gives; None if it is not there."""
        record = self._suite.store.get(PAYMENTS, number)
        if record is None:
            return None
        changes = document.given("CheckNumber", "AvidPayChecknumber", "AchTraceNumber")
        if "BankAccount" in document.model_fields_set:
            changes["BankAccount"] = {"ClientIds": [document.BankAccount]}
        if "ExternalPaymentIds" in document.model_fields_set:
            changes["ExternalPaymentIds"] = [{"Value": value} for value in document.ExternalPaymentIds]
        return self._suite.change(record, changes, note)

    # Moving on

    def step(self, record: Record, note: RequestNote) -> Record:
        """Move a payment to the next status of its method.

        Raises:
            ControlError: there is none.
        """
        walk, status = WALKS[_method_of(record)], _status_of(record)
        if status not in walk[:-1]:
            raise ControlError(f"payment {record.key} is {status}; there is no step from it")
        return self._move(record, (walk[walk.index(status) + 1],), note)

    def jump(self, record: Record, status: str, note: RequestNote) -> Record:
        """Move a payment to a status ahead in one change, as a poller sees several steps between two polls.

        Raises:
            ControlError: the status does not lie ahead.
        """
        begin = record.data[BEFORE] or _status_of(record)
        path = () if begin == VOID else passed(_method_of(record), begin, status)
        if not path:
            raise ControlError(f"payment {record.key} is {_status_of(record)}; {status!r} does not lie ahead of it")
        return self._move(record, path, note)

    def hold(self, record: Record, note: RequestNote) -> Record:
        """Hold a payment that is not debited yet."""
        status = _status_of(record)
        if status not in HOLDABLE:
            raise ControlError(f"payment {record.key} is {status}; hold needs {' or '.join(HOLDABLE)}")
        return self._set(record, HELD, {BEFORE: status}, note)

    def fail(self, record: Record, reasons: Mapping[int, str], note: RequestNote) -> Record:
        """Put a payment into Error, for reasons by id."""
        status = _status_of(record)
        if status in (CLEARED, VOID, HELD):
            raise ControlError(f"payment {record.key} is {status}; it cannot fail")
        exceptions = [
            {"ReasonCode": {"Id": number, "Description": text or REASONS.get(number, f"Reason {number}")}}
            for number, text in reasons.items()
        ]
        before = record.data[BEFORE] if status == ERROR else status
        return self._set(record, ERROR, {BEFORE: before, "Exceptions": exceptions}, note)

    def resume(self, record: Record, note: RequestNote) -> Record:
        """Let a payment that is held or in error go on where it was."""
        status = _status_of(record)
        if status not in (HELD, ERROR):
            raise ControlError(f"payment {record.key} is {status}; resume needs {HELD} or {ERROR}")
        return self._set(record, record.data[BEFORE], {BEFORE: "", "Exceptions": []}, note)

    def void(self, record: Record, note: RequestNote, comment: str = "") -> Record:
        """Void a payment, cleared ones too (stopped cheque, returned credit)."""
        if _status_of(record) == VOID:
            raise ControlError(f"payment {record.key} is {VOID} already")
        changes = {"VoidDate": midnight(self._suite.now().date()), "Exceptions": [], BEFORE: ""}
        return self._set(record, VOID, changes, note, comment)

    def reissue(self, record: Record, method: Method | None, note: RequestNote) -> Record:
        """Void a payment if it is not void, and return the new one that replaces it."""
        if record.data["ReplacedByPaymentId"] is not None:
            raise ControlError(f"payment {record.key} is replaced by {record.data['ReplacedByPaymentId']} already")
        if _status_of(record) != VOID:
            record = self.void(record, note, "Reissued")
        number = self._suite.next_id(PAYMENTS)
        fresh: dict[str, Any] = {
            "PaymentId": number,
            "PaymentDate": midnight(self._suite.now().date()),
            "PaymentMethod": _method(method) if method else record.data["PaymentMethod"],
            "Status": _status("Processing"),
            "Exceptions": [],
            "HasClearedCheckImages": False,
            "ReplacesPaymentId": record.data["PaymentId"],
            **dict.fromkeys(("AvidPayChecknumber", "AchTraceNumber", "VirtualCard", "ClearedDate")),
            **dict.fromkeys(("SettledDate", "VoidDate", "ReplacedByPaymentId")),
        }
        new = self._suite.insert(PAYMENTS, str(number), {**record.data, **fresh}, note)
        self._suite.change(record, {"ReplacedByPaymentId": number}, note)
        self._tell(new, "Processing", f"Replaces {record.data['PaymentId']}")
        return new

    def switch(self, record: Record, method: Method, note: RequestNote) -> Record:
        """Change the method under the same id; what was issued by the old one is issued anew by the new one."""
        status = _status_of(record)
        if status == VOID:
            raise ControlError(f"payment {record.key} is {VOID}; it has no method to switch")
        references = dict.fromkeys(("AvidPayChecknumber", "AchTraceNumber", "VirtualCard"))
        changes: dict[str, Any] = {"PaymentMethod": _method(method), **references}
        if status == CLEARED:
            changes |= self._references(record, method)
        target = status if status in (*WALKS[method], HELD, ERROR) else FUNDED
        if record.data[BEFORE] and record.data[BEFORE] not in WALKS[method]:
            changes[BEFORE] = FUNDED
        return self._set(record, target, changes, note, f"Payment method changed to {method}")

    def reprint(self, record: Record, note: RequestNote) -> Record:
        """Print a cheque again: the same payment with another cheque number."""
        if record.data["AvidPayChecknumber"] is None:
            raise ControlError(f"payment {record.key} has no printed cheque")
        return self._suite.change(record, {"AvidPayChecknumber": self._cheque_number()}, note)

    # Inside

    def _move(self, record: Record, path: tuple[str, ...], note: RequestNote) -> Record:
        changes: dict[str, Any] = {}
        for status in path:
            if status in ("Sent to Check Printer", "ACH Credit Issued", "VCC Processing"):
                changes |= self._references(record, _method_of(record))
            if status == CLEARED:
                day = midnight(self._suite.now().date())
                cheque = _method_of(record) == "Check"
                changes |= {"ClearedDate": day, "SettledDate": day, "HasClearedCheckImages": cheque}
        for status in path[:-1]:
            self._tell(record, status, "")
        return self._set(record, path[-1], {**changes, "Exceptions": [], BEFORE: ""}, note)

    def _set(
        self, record: Record, status: str, changes: Mapping[str, Any], note: RequestNote, comment: str = ""
    ) -> Record:
        self._tell(record, status, comment)
        return self._suite.change(record, {"Status": _status(status), **changes}, note)

    def _tell(self, record: Record, status: str, comment: str) -> None:
        """Add a line to the history, which is no object of the ledger: it follows from the payment."""
        suite = self._suite
        number = suite.next_id(HISTORY)
        data = {
            "Id": number,
            "PaymentID": record.data["PaymentId"],
            "PaymentProcessName": PROCESSES.get(status, "Issue"),
            "Description": status,
            "Comment": comment,
            "InsertDateTime": times.kept(suite.now()),
        }
        suite.store.put(HISTORY, str(number), data, suite.now())

    def _references(self, record: Record, method: str) -> dict[str, Any]:
        number = record.data["PaymentId"]
        if method == "Check":
            return {"AvidPayChecknumber": self._cheque_number()}
        if method == "AvidPay Direct":
            return {"AchTraceNumber": f"0910000{self._suite.next_id('#trace'):08d}"}
        if method == "Virtual Credit Card":
            return {"VirtualCard": {"Last4": f"{number % 10_000:04d}", "Reference": f"VC-{number}"}}
        return {}

    def _cheque_number(self) -> str:
        return str(20_044_870 + self._suite.next_id("#cheque"))

    def _invoice(self, remittance: RemittanceDocument) -> Mapping[str, Any] | None:
        if remittance.InvoiceId is None:
            return None
        record = self._suite.store.get(INVOICES, str(remittance.InvoiceId))
        if record is None:
            raise ControlError(
                f"payments: there is no invoice {remittance.InvoiceId}; leave InvoiceId out, or create it"
            )
        return record.data

    def _remittance(
        self, document: RemittanceDocument, invoice: Mapping[str, Any] | None, broken: bool
    ) -> dict[str, Any]:
        held = invoice or {}
        number = document.Number or held.get("Number")
        place = f"payments: remittance {number}"
        gross = document.Gross if document.Gross is not None else held.get("GrossAmount")
        day = document.Date or held.get("InvoiceDate")
        if number is None or gross is None or day is None:
            raise ControlError(f"{place}: give InvoiceId, or Number, Date and Gross")
        gross, discount = money(gross, place), money(document.Discount, place)
        net = gross - discount if document.Net is None else money(document.Net, place)
        if gross - discount != net and not broken:
            raise ControlError(f"{place}: Gross {gross} less Discount {discount} is not Net {net}")
        values = {"InvoiceId": document.InvoiceId, "Number": number, "Date": date_text(day, place)}
        return {**values, "Gross": gross, "Discount": discount, "Net": net}

    def _payee(self, document: PaymentDocument, system: int, invoice: Mapping[str, Any] | None) -> dict[str, Any]:
        vendor = invoice["BuyerVendor"] if invoice else {}
        external = document.VendorExternalSystemID or vendor.get("VendorExternalSystemID")
        external = external.partition("|")[0] if external else None
        known = None
        if external:
            known = VENDOR.find(self._suite, system, {"VendorExternalSystemID": external})
        name = document.PayeeName or (known.data["VendorName"] if known else vendor.get("VendorName") or external)
        if not name:
            raise ControlError("payments: give VendorExternalSystemID or PayeeName, or remittances with InvoiceId")
        return {"Name": name, "VendorExternalSystemID": external}


def _status(status: str) -> dict[str, Any]:
    return {"Id": STATUS_IDS[status], "Description": status}


def _method(method: Method) -> dict[str, Any]:
    return {"Id": METHOD_IDS[method], "Description": method}


def _status_of(record: Record) -> str:
    return str(record.data["Status"]["Description"])


def _method_of(record: Record) -> str:
    return str(record.data["PaymentMethod"]["Description"])
