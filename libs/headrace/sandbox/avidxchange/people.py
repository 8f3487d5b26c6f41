"""What a person edits in AvidXchange's own pages, through the control API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from headrace.sandbox.avidxchange.bulk import Upsert
from headrace.sandbox.avidxchange.documents import InvoiceDocument, PaymentEdit
from headrace.sandbox.avidxchange.fields import CODES, FIELDS, INVOICES, ORDERS, PAYMENTS, SYSTEM, VENDORS
from headrace.sandbox.avidxchange.invoices import Invoices
from headrace.sandbox.avidxchange.masters import CODE, ORDER, VENDOR
from headrace.sandbox.avidxchange.payments import Payments
from headrace.sandbox.avidxchange.suite import Suite, visible
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record

_UPSERTS: Mapping[str, Upsert] = {VENDORS: VENDOR, CODES: CODE, ORDERS: ORDER}


class People:
    """Edits records of one sandbox."""

    def __init__(self, suite: Suite, invoices: Invoices, payments: Payments) -> None:
        self._suite = suite
        self._invoices = invoices
        self._payments = payments

    def edit(self, object_: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Change fields of a record; None if it is not there. The status of payments moves by the lab's own calls.

        Raises:
            ControlError: an object or field that people do not edit, or a value that does not fit.
        """
        note = RequestNote(PERSON, f"{object_} {key}")
        try:
            with self._suite.store.transaction():
                changed = self._edit(object_, key, fields, note)
        except ValidationError as error:
            raise ControlError(f"{object_} {key}: {error}") from error
        return None if changed is None else visible(changed.data)

    def _edit(self, object_: str, key: str, fields: Mapping[str, Any], note: RequestNote) -> Record | None:
        if object_ == INVOICES:
            return self._invoices.edit(key, InvoiceDocument.model_validate(fields), note)
        if object_ == PAYMENTS:
            return self._payments.edit(key, PaymentEdit.model_validate(fields), note)
        if object_ not in _UPSERTS:
            raise ControlError(f"people edit no {object_!r}; known are {', '.join((INVOICES, PAYMENTS, *_UPSERTS))}")
        upsert, record = _UPSERTS[object_], self._suite.store.get(object_, key)
        if record is None:
            return None
        held = {name: record.data[name] for name in upsert.key}
        if any(value is None for value in held.values()):
            return self._edit_keyless(upsert, record, fields, note)
        return upsert.put(self._suite, record.data[SYSTEM], {**held, **fields}, note)

    def _edit_keyless(self, upsert: Upsert, record: Record, fields: Mapping[str, Any], note: RequestNote) -> Record:
        """Change a record that was entered here and has no id of the ERP."""
        problems = [f"Unknown field {name}" for name in fields if name not in FIELDS[upsert.object]]
        problems += [f"{name} comes from the ERP" for name in fields if name in upsert.key]
        problems = problems or upsert.check(self._suite, record.data[SYSTEM], {**record.data, **fields})
        if problems:
            raise ControlError(f"{record.object} {record.key}: {'; '.join(problems)}")
        return self._suite.change(record, fields, note)

    def remove(self, object_: str, key: str) -> Mapping[str, Any] | None:
        """Delete an invoice that is in no closed batch; None if it is not there.

        Raises:
            ControlError: another object, or an invoice in a closed batch.
        """
        if object_ != INVOICES:
            raise ControlError(f"people delete no {object_!r}; only {INVOICES}")
        with self._suite.store.transaction():
            record = self._invoices.remove(key, RequestNote(PERSON, f"{object_} {key}"))
        return None if record is None else visible(record.data)
