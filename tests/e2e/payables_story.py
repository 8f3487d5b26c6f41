"""What people, AvidXchange and F&O do in the accounts-payable test, and what both keep of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.cli.demo.deployment import ERP
from headrace.cli.demo.payables import AP, SYSTEMS, PayablesDeployment
from headrace.cli.demo.payables_books import Books, Companies
from headrace.cli.demo.payables_verdict import IMAGES, INVOICES, LINES, PAYMENTS, SETTLED
from headrace.pipeline.backlog import Backlog
from headrace.pipeline.state import Parked
from headrace.platform.lag import Lag
from headrace.platform.settings import load_settings
from headrace.platform.topics import TopicNames
from headrace.sandbox.avidxchange.images import invoice_pdf
from headrace.testing.waiting import wait_until
from tests.e2e.parked import parked

PATIENCE = 120.0
ENTITIES = {
    ERP: ["vendor_invoice", "payment_batch", "vendor_payment"],
    AP: ["vendor", "ledger_account", "dimension_value"],
}


class Payables:
    """Acts on both sandboxes of a running deployment, through their control sides alone."""

    def __init__(self, deployment: PayablesDeployment) -> None:
        self.deployment = deployment
        self.erp, self.avidxchange = deployment.erp, deployment.avidxchange
        self.kills: list[tuple[int | None, int]] = []
        """How the processor ended each time, and how many records of the kind under way F&O had then."""
        self.unsettled: list[dict[str, Any]] = []
        """Payments whose invoices are settled already, so that people must decide."""

    # --- people ---

    @property
    def today(self) -> date:
        """The day that it is in AvidXchange."""
        return datetime.fromisoformat(self.avidxchange.post("clock", {"advance_seconds": 0})["now"]).date()

    def enter(self, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Enter approved invoices in AvidXchange."""
        return list(self.avidxchange.post("invoices", {"invoices": list(documents)})["invoices"])

    def close_batch(self, company: str, invoices: Sequence[Mapping[str, Any]]) -> str:
        """Close a batch of invoices; returns its id."""
        body = {"accounting_system": SYSTEMS[company], "invoices": [each["Id"] for each in invoices]}
        return str(self.avidxchange.post("batches", body)["BatchGUID"])

    def pay(self, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Enter payments in AvidXchange."""
        return list(self.avidxchange.post("payments", {"payments": list(documents)})["payments"])

    def move(self, action: str, payments: Sequence[Mapping[str, Any]], **more: Any) -> list[dict[str, Any]]:
        """Move payments on: clear, jump, switch, void, reissue."""
        body = {"ids": [each["PaymentId"] for each in payments], **more}
        return list(self.avidxchange.post(f"payments/{action}", body)["payments"])

    def post_invoices(self, company: str, keep: Sequence[str] = ()) -> int:
        """Post all pending invoices of a company in F&O but those with these numbers; returns how many."""
        references = [
            each["HeaderReference"]
            for each in self.rows(INVOICES)
            if each["dataAreaId"] == company and each["InvoiceNumber"] not in keep
        ]
        result = self.erp.post(f"vendor_invoices/{company}/post", {"references": references})
        assert not result["refused"], result["refused"][:3]
        return len(result["done"])

    def post_journals(self, company: str) -> list[str]:
        """Post the payment journals of a company that have lines; returns their numbers."""
        result = self.erp.post(f"payment_journals/{company}/post")
        assert not result["refused"], result["refused"][:3]
        return [str(each["JournalBatchNumber"]) for each in result["done"]]

    def kill_when(self, obj: str, count: int) -> None:
        """Kill the processor of F&O once there are so many records of an object, and start it again."""
        self.until(lambda: self.count(obj) >= count, f"{count} {obj}")
        processor = self.deployment.processes["processor"]
        processor.kill()
        self.kills.append((processor.returncode, self.count(obj)))
        processor.start()
        processor.wait_ready()

    # --- what is there ---

    def count(self, obj: str) -> int:
        """Return how many records of an object F&O has now."""
        return int(self.erp.get("records").get(obj, 0))

    def rows(self, obj: str) -> list[dict[str, Any]]:
        """Return the records of an object that F&O has now."""
        return [each["data"] for each in self.erp.get(f"records/{obj}")["records"]]

    def kept(self, obj: str) -> list[dict[str, Any]]:
        """Return the records of an object that AvidXchange has now."""
        return [each["data"] for each in self.avidxchange.get(f"records/{obj}")["records"]]

    def scans(self) -> dict[int, bytes]:
        """Return the scan of each invoice of AvidXchange by its id: as it came, with two places in amounts."""

        def exact(amount: Any) -> Decimal:
            return Decimal(str(amount)).quantize(Decimal("0.01"))

        found = {}
        for entry in self.avidxchange.ledger(object="invoices"):
            if entry["action"] == "create":
                invoice = entry["after"]
                lines = [{**each, "Amount": exact(each["Amount"])} for each in invoice["Distributions"]]
                whole = {**invoice, "GrossAmount": exact(invoice["GrossAmount"]), "Distributions": lines}
                found[invoice["Id"]] = invoice_pdf(whole)
        return found

    def vendors_of(self, company: str) -> list[str]:
        """Return the vendors of a company that may be invoiced, in the order of F&O."""
        return [
            each["VendorAccountNumber"]
            for each in self.rows("VendorsV2")
            if each["dataAreaId"] == company
            and each.get("OnHoldStatus", "No") == "No"
            and each.get("IsOneTimeVendor") != "Yes"
        ]

    def pending(self, number: str) -> dict[str, Any] | None:
        """Return the pending invoice of F&O with this number."""
        return next((each for each in self.rows(INVOICES) if each["InvoiceNumber"] == number), None)

    def lines_of(self, number: str) -> list[tuple[Decimal, str]]:
        """Return amount and account of each line of a pending invoice."""
        header = self.pending(number)
        return [
            (Decimal(str(each["NetAmount"])), each["MainAccountDisplayValue"])
            for each in self.rows(LINES)
            if header is not None and each["HeaderReference"] == header["HeaderReference"]
        ]

    def has_invoices(self, expected: Sequence[Mapping[str, Any]], others: int = 0) -> bool:
        """Say whether F&O has so many pending invoices and lines as these have, each with its image."""
        counts = self.erp.get("records")
        wanted = {INVOICES: len(expected), LINES: sum(len(each["Distributions"]) for each in expected)}
        return all(counts.get(name, 0) == count + others for name, count in wanted.items()) and counts.get(
            IMAGES, 0
        ) == len(expected)

    def has_paid(self, payments: Sequence[Mapping[str, Any]], others: int = 0) -> bool:
        """Say whether F&O has a line for each of these payments and all that they settle, and so many other lines."""
        counts = self.erp.get("records")
        settled = sum(len(each["Remittances"]) for each in payments)
        return (counts.get(PAYMENTS, 0), counts.get(SETTLED, 0)) == (len(payments) + others, settled)

    def books(self) -> Books:
        """Return F&O's ledger."""
        return Books(self.erp.ledger())

    def companies(self) -> Companies:
        """Return which accounting system stands for which company."""
        names = {name: company for company, name in SYSTEMS.items()}
        return Companies({each["ID"]: names[each["Name"]] for each in self.kept("accountingSystems")})

    # --- waiting ---

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so.

        Raises:
            AssertionError: it does not come, or a process ended.
        """

        def holds() -> bool:
            if condition():
                return True
            for process in self.deployment.processes.values():
                assert process.running, f"{process.name} ended with {process.returncode}:\n{process.tail()}"
            return False

        wait_until(holds, what, seconds=PATIENCE, seen=lambda: f"parked: {self.reasons()}", every=0.2)

    def settle(self) -> None:
        """Wait until what AvidXchange and F&O have told is settled or parked: a late double would come before."""
        with self.deployment.environ():
            asyncio.run(_settled())

    def parked(self, connection: str = ERP) -> dict[str, Parked]:
        """Return what is parked on a connection, by canonical id."""
        return parked(self.deployment, connection)

    def reasons(self) -> list[str]:
        """Return why things are parked, with how many of each."""
        found: dict[str, int] = {}
        for connection in (ERP, AP):
            for each in self.parked(connection).values():
                words = f"{connection} {each.reason}: {each.label}: {each.detail}"
                found[words] = found.get(words, 0) + 1
        return [f"{count} × {words}" for words, count in sorted(found.items(), key=lambda item: -item[1])][:8]


async def _settled() -> None:
    settings = load_settings()
    names, lag = TopicNames(settings.kafka.prefix), Lag(settings.kafka)
    await lag.start()
    try:
        for source in (ERP, AP):
            targets = {name: entities for name, entities in ENTITIES.items() if name != source}
            await Backlog(lag, names, source, targets).settled(lambda behind: None)
    finally:
        await lag.stop()
