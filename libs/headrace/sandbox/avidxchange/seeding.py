"""Filling the sandbox: what a new one knows, and seeds through the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.core.refs import encode_key
from headrace.sandbox.avidxchange.access import Access
from headrace.sandbox.avidxchange.batches import Batches
from headrace.sandbox.avidxchange.bulk import Upsert
from headrace.sandbox.avidxchange.documents import BatchDocument, InvoiceDocument, PaymentDocument
from headrace.sandbox.avidxchange.fields import SYSTEM, SYSTEMS, VENDORS
from headrace.sandbox.avidxchange.invoices import Invoices
from headrace.sandbox.avidxchange.masters import CODE, ORDER, VENDOR
from headrace.sandbox.avidxchange.payments import Payments
from headrace.sandbox.avidxchange.suite import COMPANY, Suite
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record

SEED = "SEED"
"""In place of an HTTP method, in ledger rows of seeds."""


class Seeder:
    """Applies seed documents; each is one transaction."""

    def __init__(
        self,
        suite: Suite,
        access: Access,
        invoices: Invoices,
        batches: Batches,
        payments: Payments,
        base: Mapping[str, Any],
    ) -> None:
        self._suite = suite
        self._access = access
        self._base = base
        self._sections: Mapping[str, Callable[[Any, RequestNote], Record]] = {
            "companies": self._company,
            "accounting_systems": self._system,
            "vendors": self._vendor,
            "codes": lambda item, note: self._put(CODE, item, note),
            "purchase_orders": lambda item, note: self._put(ORDER, item, note),
            "invoices": lambda item, note: invoices.create(InvoiceDocument.model_validate(item), note),
            "batches": lambda item, note: batches.close(BatchDocument.model_validate(item), note),
            "payments": lambda item, note: payments.create(PaymentDocument.model_validate(item), note),
        }

    def install(self) -> None:
        """Give an empty sandbox its company and accounting systems."""
        self.seed(self._base)

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a seed document and return the keys of its records, and the ledger's last sequence number.

        Its lists are `companies`, `accounting_systems`, `vendors`, `codes`, `purchase_orders`, `invoices`, `batches`
        and `payments`, each with fields as on the wire.

        Raises:
            ControlError: an unknown section, or a record that does not fit; nothing was applied.
        """
        unknown = sorted(set(body) - set(self._sections))
        if unknown:
            raise ControlError(f"unknown seed sections {unknown}; known are {', '.join(self._sections)}")
        note = RequestNote(SEED, "/_sandbox/seed")
        created: dict[str, list[str]] = {}
        with self._suite.store.transaction():
            for name, apply in self._sections.items():
                for position, item in enumerate(body.get(name, ())):
                    try:
                        created.setdefault(name, []).append(apply(item, note).key)
                    except KeyError as error:
                        raise ControlError(f"{name}[{position}]: {error} is missing") from error
                    except ValueError as error:
                        raise ControlError(f"{name}[{position}]: {error}") from error
        return {"status": "ok", "last": self._suite.ledger.last(), "keys": created}

    def _company(self, item: Mapping[str, Any], note: RequestNote) -> Record:
        credentials = {name: value for name, value in item.items() if name != "id"}
        return self._access.register(item["id"], credentials)

    def _system(self, item: Mapping[str, Any], note: RequestNote) -> Record:
        number, name = item["ID"], item["Name"]
        data = {"ID": number, "Name": name, COMPANY: item["company"]}
        record = self._suite.store.get(SYSTEMS, str(number))
        if record is None:
            return self._suite.insert(SYSTEMS, str(number), data, note)
        return self._suite.change(record, data, note)

    def _vendor(self, item: Mapping[str, Any], note: RequestNote) -> Record:
        if item.get("VendorExternalSystemID") is not None:
            return self._put(VENDOR, item, note)
        # Entered in AvidXchange itself: nobody gave it an id of the ERP.
        system, number = self._suite.system_named(item["accounting_system"]), self._suite.next_id(VENDORS)
        own = {name: value for name, value in item.items() if name != "accounting_system"}
        data = {"VendorID": number, "VendorExternalSystemID": None, **VENDOR.defaults, SYSTEM: system, **own}
        problems = VENDOR.check(self._suite, system, data)
        if problems:
            raise ControlError("; ".join(problems))
        return self._suite.insert(VENDORS, encode_key({SYSTEM: system, "VendorID": number}), data, note)

    def _put(self, upsert: Upsert, item: Mapping[str, Any], note: RequestNote) -> Record:
        system = self._suite.system_named(item["accounting_system"])
        fields = {name: value for name, value in item.items() if name != "accounting_system"}
        return upsert.put(self._suite, system, fields, note)
