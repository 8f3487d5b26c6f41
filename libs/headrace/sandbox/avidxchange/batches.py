"""Batches of approved invoices: closed for the ERP, reopened, and closed again under the same id."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from headrace.sandbox.avidxchange import times
from headrace.sandbox.avidxchange.documents import BatchDocument, ClosingDocument
from headrace.sandbox.avidxchange.fields import ACKNOWLEDGEMENTS, BATCHES, INVOICES, SYSTEM
from headrace.sandbox.avidxchange.invoices import BATCH, Invoices
from headrace.sandbox.avidxchange.suite import Suite, visible
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record


class Batches:
    """Batches of all accounting systems; every method that changes needs an open transaction."""

    def __init__(self, suite: Suite, invoices: Invoices) -> None:
        self._suite = suite
        self._invoices = invoices

    def close(self, document: BatchDocument, note: RequestNote) -> Record:
        """Close a new batch.

        Raises:
            ControlError: no invoice, or one that is not approved, in another batch or accounting system.
        """
        suite = self._suite
        system = suite.system_named(document.accounting_system)
        number = suite.next_id(BATCHES)
        guid = str(uuid.uuid5(uuid.NAMESPACE_OID, f"batch/{number}"))
        chosen = self._free(system) if document.invoices is None else self._chosen(system, document.invoices)
        if not chosen:
            raise ControlError(f"batches: accounting system {system} has no approved invoice outside of a batch")
        for record in chosen:
            suite.mark(record, {BATCH: guid})
        data = {
            "BatchGUID": guid,
            "BatchName": document.name or f"{suite.now():%Y-%m-%d} {number}",
            SYSTEM: system,
            **self._sums(guid),
            "DateClosed": times.kept(suite.now()),
            "#closed": "",
        }
        return suite.insert(BATCHES, guid, data, note)

    def reopen(self, guid: str, note: RequestNote) -> Record | None:
        """Take a closed batch back; None if there is none.

        Raises:
            ControlError: it is open already.
        """
        record = self._suite.store.get(BATCHES, guid)
        if record is not None and record.data["DateClosed"] is None:
            raise ControlError(f"batch {guid} is open already")
        if record is None:
            return None
        return self._suite.change(record, {"DateClosed": None, "#closed": record.data["DateClosed"]}, note)

    def close_again(self, guid: str, document: ClosingDocument, note: RequestNote) -> Record | None:
        """Close a reopened batch, with other invoices if the document says so; None if there is none.

        Raises:
            ControlError: it is closed, would be empty, or an invoice does not fit.
        """
        suite = self._suite
        record = suite.store.get(BATCHES, guid)
        if record is None:
            return None
        if record.data["DateClosed"] is not None:
            raise ControlError(f"batch {guid} is closed already; first POST /batches/{guid}/reopen")
        for number in document.remove:
            invoice = self._invoices.get(number)
            if invoice.data[BATCH] != guid:
                raise ControlError(f"invoice {number} is not in batch {guid}")
            suite.mark(invoice, {BATCH: ""})
        for invoice in self._chosen(record.data[SYSTEM], document.add):
            suite.mark(invoice, {BATCH: guid})
        if not self.invoices_of(guid):
            raise ControlError(f"batch {guid} would be empty")
        closed = times.kept(times.after(suite.now(), record.data["#closed"], suite.settings))
        return suite.change(record, {**self._sums(guid), "DateClosed": closed}, note)

    def invoices_of(self, guid: str) -> list[Record]:
        """Return the invoices of a batch in the order of their creation."""
        return sorted(self._suite.store.find(INVOICES, BATCH, guid), key=lambda each: int(each.key))

    def describe(self, guid: str) -> dict[str, Any] | None:
        """Return a batch with the ids of its invoices and its acknowledgements; None if there is none."""
        record = self._suite.store.get(BATCHES, guid)
        if record is None:
            return None
        told = [visible(each.data) for each in self._suite.store.find(ACKNOWLEDGEMENTS, "BatchId", guid)]
        numbers = [each.data["Id"] for each in self.invoices_of(guid)]
        return {**visible(record.data), "invoices": numbers, "acknowledgements": told}

    def _free(self, system: int) -> list[Record]:
        return [each for each in self._suite.of_system(INVOICES, system) if _fits(each)]

    def _chosen(self, system: int, numbers: Iterable[int]) -> list[Record]:
        chosen = [self._invoices.get(number) for number in numbers]
        for each in chosen:
            if not _fits(each) or each.data[SYSTEM] != system:
                status, batch = each.data["Status"]["Description"], each.data[BATCH] or "none"
                text = f"is {status}, in accounting system {each.data[SYSTEM]}, in batch {batch}"
                raise ControlError(f"invoice {each.key} {text}; a batch of {system} takes approved ones that are free")
        return chosen

    def _sums(self, guid: str) -> dict[str, Any]:
        invoices = self.invoices_of(guid)
        total = sum((each.data["GrossAmount"] for each in invoices), Decimal("0.00"))
        return {"InvoiceCount": len(invoices), "BatchTotal": total}


def _fits(invoice: Record) -> bool:
    return invoice.data["Status"]["Description"] == "Approved" and not invoice.data[BATCH]
