"""The demo's third chapter: proposals go out for reading, and what is read comes back, into CRM and ERP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.cli.demo.documents import CONTACT, DOCUMENTS, FOLDER, STAGE, DocumentsSystems
from headrace.cli.demo.documents_verdict import judge_erp, judge_notes, judge_records, judge_uploads
from headrace.cli.demo.documents_world import DocumentsWorld, Opportunity, Paper, draw_documents

INVOICES, ORDERS = "VendorInvoiceHeaders", "PurchaseOrderHeadersV2"
READING_SECONDS = 600
"""What reading takes at most, by RecordEngine's clock."""

Until = Callable[[Callable[[], bool], str], None]


@dataclass(slots=True)
class DocumentsStory:
    """Plays the chapter. `until` waits for a condition; `kill` ends a service with SIGKILL and starts it again."""

    deployment: DocumentsSystems
    tell: Callable[[str], None]
    until: Until
    kill: Callable[[str], None]
    deals: int = 6
    invoices: int = 4
    seed: int = 7
    world: DocumentsWorld = field(default_factory=DocumentsWorld)
    events: dict[str, Any] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Opportunity and summary of each note that must come."""

    # --- the world ---

    def prepare(self) -> None:
        """Give the three systems what people keep there. The ERP has its vendors and accounts already."""
        vendors = sorted({each["VendorOrganizationName"] for each in self._erp_rows("VendorsV2") if _usable(each)})
        self.world = draw_documents(vendors[:3], self.deals, self.invoices, self.seed)
        deals = self.world.opportunities
        self.deployment.sales.post(
            "seed",
            {
                "records": {
                    "account": self.world.accounts,
                    "opportunity": [deal.row for deal in deals],
                    "annotation": [note for deal in deals for note in deal.notes],
                }
            },
        )
        documents = self.deployment.documents
        documents.post(
            "seed",
            {
                "contacts": [{"id": CONTACT, "name": "Head office", "type": "Internal"}],
                "folders": [{"id": FOLDER, "name": "2026", "contact_id": CONTACT}],
                "scripts": [paper.script for paper in self.world.papers],
            },
        )
        documents.post("channels", {"channels": {"documents": {"url": self.hook, "enabled": True}}})

    @property
    def hook(self) -> str:
        """Where RecordEngine tells of documents."""
        return f"{self.deployment.hook_url}/{DOCUMENTS}"

    @property
    def late(self) -> Opportunity:
        """The opportunity that never reaches the stage."""
        return self.world.opportunities[-1]

    @property
    def proposed(self) -> list[Opportunity]:
        """The opportunities that do."""
        return self.world.opportunities[:-1]

    @property
    def lost(self) -> Opportunity:
        """The opportunity that is closed before its document comes back."""
        return self.proposed[-1]

    # --- turns ---

    def play(self) -> list[str]:
        """Play it to the end; return what is wrong.

        Raises:
            StoryStuck: an expected turn did not come.
        """
        self._proposals_go_out()
        self._what_was_read_comes_back()
        self._one_is_read_again()
        self._vendors_papers()
        return self.verdict()

    def _proposals_go_out(self) -> None:
        drop = {"match": {"method": "POST", "path": "/api/documents/upload"}, "skip": 1, "times": 1}
        self.deployment.documents.post("faults", {**drop, "kind": "drop_reply"})
        for deal in self.proposed:
            self.deployment.sales.edit("opportunity", deal.id, {"stepname": STAGE})
        wanted = sum(len(deal.papers) for deal in self.proposed)
        self.tell(f"{len(self.proposed)} opportunities reach the stage {STAGE}; their proposals lie in notes")
        self.until(lambda: self._uploaded() >= wanted // 2, "the first uploads")
        self.kill("documents-processor")
        self.until(lambda: self._uploaded() >= wanted, "all uploads")
        self.tell(
            f"{wanted} files are in RecordEngine, once each, though a reply was lost and the processor was killed"
        )
        self.events["proposals sent"] = wanted

    def _what_was_read_comes_back(self) -> None:
        deals = [deal for deal in self.proposed if deal is not self.lost]
        self.deployment.sales.edit("opportunity", self.lost.id, {"statecode": 2, "statuscode": 4})
        self._read()
        self.deployment.documents.post("webhooks", {"duplicate_next": 2, "reorder_next": 2})
        self._release([paper for deal in self.proposed for paper in deal.papers])
        self.notes = [(deal.id, deal.papers[0].summary) for deal in deals]
        self.until(lambda: self._noted() >= len(self.notes) // 2, "the first notes")
        self.kill("sales-processor")
        self.until(lambda: self._noted() >= len(self.notes), "all notes")
        self.tell(f"{len(deals)} opportunities show what their proposals say, with a note each; webhooks came twice")
        self.events["opportunities completed"] = len(deals)

    def _one_is_read_again(self) -> None:
        deal = self.proposed[0]
        before = deal.papers[0]
        script = {**before.script, "ai_summary": f"Second version. {before.summary}"}
        self.deployment.documents.post("scripts", script)
        number = self._documents()[before.filename]
        self.deployment.documents.post(
            f"documents/{number}/version", {"filename": before.filename, "text": "%PDF-1.7 2"}
        )
        self._read()
        self._release([before])
        self.notes.append((deal.id, script["ai_summary"]))
        self.until(lambda: self._noted() >= len(self.notes), "the second note")
        self.tell("a proposal comes in a second version: it has a note of its own, the first one stays")

    def _vendors_papers(self) -> None:
        papers = [*self.world.invoices, *self.world.orders]
        for paper in papers:
            self.deployment.upload(paper.filename, paper.content, json.dumps({"upload": {"id": str(uuid.uuid4())}}))
        self._read()
        self._release(papers)
        invoices, orders = len(self.world.invoices), len(self.world.orders)
        self.until(lambda: self._made(INVOICES) >= invoices, "invoices of vendors")
        self.until(lambda: self._made(ORDERS) >= orders, "orders to vendors")
        self.tell(f"{invoices} invoices and {orders} order(s) of vendors were read and are in the ERP, once each")
        self.events["papers of vendors"] = len(papers)

    def verdict(self) -> list[str]:
        """Return what is wrong, by the sandboxes alone."""
        sales, erp = self.deployment.sales, self.deployment.control("dynamics_fo")
        rows = {each["opportunityid"]: each for each in self._sales_rows("opportunity")}
        written = {deal.id: deal.papers[0] for deal in self.proposed if deal is not self.lost}
        deals = sales.ledger(object="opportunity")
        return [
            *judge_uploads(self.proposed, self.deployment.documents.ledger(object="documents"), [self.late]),
            *judge_records(written, [self.lost.id, self.late.id], rows, deals),
            *judge_notes(self.notes, sales.ledger(object="annotation")),
            *judge_erp(self.world.invoices, INVOICES, "InvoiceNumber", "ImportedAmount", erp.ledger(object=INVOICES)),
            *judge_erp(self.world.orders, ORDERS, "PurchaseOrderName", "", erp.ledger(object=ORDERS)),
        ]

    # --- people ---

    def _read(self) -> None:
        self.deployment.documents.post("clock", {"advance_seconds": READING_SECONDS})

    def _release(self, papers: Sequence[Paper]) -> None:
        numbers = self._documents()
        ids = [numbers[paper.filename] for paper in papers]
        self.deployment.documents.post("documents/approve", {"ids": ids})
        self.deployment.documents.post("documents/export", {"ids": ids})

    # --- what is there ---

    def _documents(self) -> dict[str, int]:
        return {each["filename"]: int(each["id"]) for each in _rows(self.deployment.documents.get("records/documents"))}

    def _uploaded(self) -> int:
        return int(self.deployment.documents.get("records").get("documents", 0))

    def _noted(self) -> int:
        return sum(bool(each.get("notetext")) for each in self._sales_rows("annotation"))

    def _made(self, obj: str) -> int:
        ledger = self.deployment.control("dynamics_fo").ledger(object=obj)
        return sum(
            entry["action"] == "create" and str(entry["request"]["path"]).startswith("/data") for entry in ledger
        )

    def _sales_rows(self, table: str) -> list[dict[str, Any]]:
        return _rows(self.deployment.sales.get(f"records/{table}"))

    def _erp_rows(self, obj: str) -> list[dict[str, Any]]:
        return _rows(self.deployment.control("dynamics_fo").get(f"records/{obj}"))


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each["data"] for each in answer["records"]]


def _usable(vendor: Mapping[str, Any]) -> bool:
    return vendor["dataAreaId"] == "usmf" and str(vendor.get("OnHoldStatus", "No")) == "No"
