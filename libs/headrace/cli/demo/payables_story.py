"""The demo's second chapter: invoices that AvidXchange has approved become payable in the ERP, and are paid once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.cli.demo.company import Demo
from headrace.cli.demo.deployment import Sandbox
from headrace.cli.demo.payables import SYSTEMS
from headrace.cli.demo.payables_books import Books, Companies
from headrace.cli.demo.payables_verdict import judge_invoices, judge_payments
from headrace.cli.demo.purchasing import payables_seed
from headrace.cli.demo.world import COMPANIES
from headrace.sandbox.avidxchange.images import invoice_pdf
from headrace.sandbox.avidxchange.samples import draw_invoices, draw_payments

INVOICES, IMAGES = "VendorInvoiceHeaders", "VendorInvoiceDocumentAttachments"
PAYMENTS, SETTLED, JOURNALS = (
    "VendorPaymentJournalLines",
    "VendorPaymentJournalLineSettledInvoices",
    "VendorPaymentJournalHeaders",
)
VENDORS = 12
"""Of the excerpt of AdventureWorks; some of them have accounts in several companies."""
ACCOUNTS = ("601500", "602100", "606300")
BY_HAND = "HAND-7001"

Until = Callable[[Callable[[], bool], str], None]


@dataclass(slots=True)
class PayablesStory:
    """Plays the chapter. `until` waits for a condition; `kill` ends the ERP's processor with SIGKILL and starts it."""

    deployment: Demo
    tell: Callable[[str], None]
    until: Until
    kill: Callable[[str], None]
    departments: Sequence[str]
    invoices: int = 10
    """In each company."""
    seed: int = 7
    events: dict[str, Any] = field(default_factory=dict)

    @property
    def erp(self) -> Sandbox:
        """Finance and Operations, as people see it."""
        return self.deployment.erp

    @property
    def avidxchange(self) -> Sandbox:
        """AvidXchange, as people see it."""
        return self.deployment.control("avidxchange")

    def prepare(self) -> None:
        """Give the ERP vendors, accounts, bank accounts and journal names; its companies are there already."""
        self.erp.post("seed", payables_seed(VENDORS, orders=0))

    def play(self) -> list[str]:
        """Play it to the end; return what is wrong.

        Raises:
            StoryStuck: an expected turn did not come.
        """
        self._masters_arrive()
        entered = self._invoices_arrive()
        self._clerks_post()
        paid = self._payments_arrive(entered)
        self._one_is_void(paid)
        return self._verdict()

    # --- turns ---

    def _masters_arrive(self) -> None:
        wanted = [each for each in self._rows("VendorsV2") if each.get("OnHoldStatus", "No") == "No"]
        codes = len(self._rows("MainAccounts")) * len(COMPANIES)
        self.until(
            lambda: (
                sum(each["IsActive"] for each in self._kept("vendors")) >= len(wanted)
                and sum(each["GroupName"] == "GL Account" for each in self._kept("enterpriseCodes")) >= codes
            ),
            "vendors and accounts in AvidXchange",
        )
        self.tell(f"{len(wanted)} vendors and the chart of accounts of three companies are in AvidXchange")
        self.events["vendors from the ERP"] = len(wanted)

    def _invoices_arrive(self) -> dict[str, list[dict[str, Any]]]:
        day = datetime.fromisoformat(self.avidxchange.post("clock", {"advance_seconds": 0})["now"]).date()
        drop = {"match": {"method": "POST", "path": f"/data/{INVOICES}"}, "skip": 5, "times": 1, "kind": "drop_reply"}
        self.erp.post("faults", drop)
        entered: dict[str, list[dict[str, Any]]] = {}
        for company, system in SYSTEMS.items():
            documents = self._drawn(company, day)
            if company == "usmf":
                documents.append(self._entered_twice(documents[0], day))
            entered[company] = self.avidxchange.post("invoices", {"invoices": documents})["invoices"]
            ids = [each["Id"] for each in entered[company]]
            self.avidxchange.post("batches", {"accounting_system": system, "invoices": ids})
        count = sum(map(len, entered.values()))
        self.tell(f"{count} invoices are approved in AvidXchange; a clerk has typed one of them into the ERP already")
        self.until(lambda: self._count(IMAGES) >= count // 3, "the first invoices")
        self.kill(f"after {self._count(INVOICES) - 1} invoices")
        self.until(lambda: self._count(INVOICES) == count and self._count(IMAGES) == count - 1, "all invoices")
        self.tell("each is in the ERP once, coded and with its image; the clerk's was recognised and left as it is")
        self.events["invoices approved"] = count
        return entered

    def _clerks_post(self) -> None:
        for company in SYSTEMS:
            self.erp.post(f"vendor_invoices/{company}/post")
        self.tell("the ERP's clerks post them")

    def _payments_arrive(self, entered: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        paid: list[dict[str, Any]] = []
        for company, invoices in entered.items():
            bank = {"BankAccount": f"{company.upper()} OPER"}
            documents = [{**each, **bank} for each in draw_payments([_exact(each) for each in invoices], self.seed)]
            payments = self.avidxchange.post("payments", {"payments": documents})["payments"]
            ids = [each["PaymentId"] for each in payments]
            paid += self.avidxchange.post("payments/clear", {"ids": ids})["payments"]
        settled = sum(len(each["Remittances"]) for each in paid)
        self.until(lambda: (self._count(PAYMENTS), self._count(SETTLED)) == (len(paid), settled), "all payments")
        self.tell(
            f"{len(paid)} payments are settled, in {self._count(JOURNALS)} payment journals: one for each company"
        )
        self.events["payments settled"] = len(paid)
        self.events["invoices that they settle"] = settled
        return paid

    def _one_is_void(self, paid: Sequence[Mapping[str, Any]]) -> None:
        self.avidxchange.post("payments/void", {"ids": [paid[0]["PaymentId"]]})
        self.until(lambda: self._count(PAYMENTS) == len(paid) + 1, "the reversal")
        self.tell(f"payment {paid[0]['PaymentId']} becomes void afterwards: a line of its own reverses it")

    def _verdict(self) -> list[str]:
        companies = self._companies()
        books = Books(self.erp.ledger())
        approved = self._kept("invoices")
        scans = {each["Id"]: invoice_pdf(_exact(each)) for each in self._created("invoices")}
        return [
            *judge_invoices(approved, books, companies, scans, by_hand=(BY_HAND,)),
            *judge_payments(self._kept("payments"), books, companies),
        ]

    # --- parts ---

    def _drawn(self, company: str, day: date) -> list[dict[str, Any]]:
        codes = {"GL Account": ACCOUNTS, "Department": self.departments}
        vendors = [
            each["VendorAccountNumber"]
            for each in self._rows("VendorsV2")
            if each["dataAreaId"] == company and each.get("OnHoldStatus", "No") == "No"
        ]
        drawn = draw_invoices(SYSTEMS[company], vendors, codes, self.invoices, self.seed, day)
        return [{**each, "CurrencyCode": COMPANIES[company]} for each in drawn]

    def _entered_twice(self, like: Mapping[str, Any], day: date) -> dict[str, Any]:
        """Have a clerk type an invoice into the ERP; return what AvidXchange is told of it."""
        reference = {"dataAreaId": "usmf", "HeaderReference": BY_HAND}
        header = {
            **reference,
            "InvoiceAccount": like["VendorExternalSystemID"],
            "InvoiceNumber": BY_HAND,
            "InvoiceDate": f"{day.isoformat()}T12:00:00Z",
            "Currency": "USD",
            "ImportedAmount": 250.0,
        }
        line = {**reference, "InvoiceLineNumber": 1, "Currency": "USD", "NetAmount": 250.0}
        line |= {"MainAccountDisplayValue": f"{ACCOUNTS[0]}-{self.departments[0]}-"}
        self.erp.post("seed", {"records": {INVOICES: [header], "VendorInvoiceLines": [line]}})
        only = {"Amount": "250.00", "Description": "Desks", "codes": {"GL Account": ACCOUNTS[0]}}
        return {**like, "Number": BY_HAND, "InvoiceDate": day.isoformat(), "TaxAmount": "0", "Distributions": [only]}

    def _companies(self) -> Companies:
        names = {name: company for company, name in SYSTEMS.items()}
        return Companies({each["ID"]: names[each["Name"]] for each in self._kept("accountingSystems")})

    def _created(self, obj: str) -> list[dict[str, Any]]:
        ledger = self.avidxchange.ledger(object=obj)
        return [entry["after"] for entry in ledger if entry["action"] == "create"]

    def _count(self, obj: str) -> int:
        return int(self.erp.get("records").get(obj, 0))

    def _rows(self, obj: str) -> list[dict[str, Any]]:
        return [each["data"] for each in self.erp.get(f"records/{obj}")["records"]]

    def _kept(self, obj: str) -> list[dict[str, Any]]:
        return [each["data"] for each in self.avidxchange.get(f"records/{obj}")["records"]]


def _exact(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """Return an invoice with two places in its amounts, as its image shows them."""
    lines = [{**each, "Amount": _cents(each["Amount"])} for each in invoice["Distributions"]]
    return {**invoice, "GrossAmount": _cents(invoice["GrossAmount"]), "Distributions": lines}


def _cents(amount: Any) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))
