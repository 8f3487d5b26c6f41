"""What people keep in the documents chapter: opportunities with proposals, and papers of vendors, drawn by a seed."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

_SPACE = uuid.UUID("0d0c5a4d-9a2f-4f77-8f6b-2f1c5f7a1e10")
_FIRST_DAY = date(2026, 2, 2)


@dataclass(frozen=True, slots=True)
class Paper:
    """A file, and what RecordEngine will read in it."""

    filename: str
    content: bytes
    doc_type: str
    number: str
    day: date
    amount: Decimal
    party: str
    summary: str
    confidence: int = 93
    lines: tuple[tuple[str, Decimal], ...] = ()

    @property
    def script(self) -> dict[str, Any]:
        """What the sandbox is told to read in it."""
        fields = {
            "vendor": self.party,
            "invoice_number": self.number,
            "invoice_date": self.day.isoformat(),
            "due_date": (self.day + timedelta(days=30)).isoformat(),
            "currency": "USD",
            "subtotal": f"{self.amount:.2f}",
            "total_amount": f"{self.amount:.2f}",
        }
        lines = [
            {"description": text, "quantity": "1", "unit_price": f"{amount:.2f}", "amount": f"{amount:.2f}"}
            for text, amount in self.lines
        ]
        return {
            "filename": self.filename,
            "doc_type": self.doc_type,
            "fields": fields,
            "line_items": lines,
            "ai_summary": self.summary,
            "confidence_score": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal of Dataverse, with the proposals that lie in its notes."""

    id: str
    name: str
    account: str
    papers: tuple[Paper, ...]

    @property
    def row(self) -> dict[str, Any]:
        """The record as people enter it."""
        return {
            "opportunityid": self.id,
            "name": self.name,
            "stepname": "2-Develop",
            "_customerid_value": f"account/{self.account}",
        }

    @property
    def notes(self) -> list[dict[str, Any]]:
        """Its notes, a file in each."""
        return [
            {
                "annotationid": str(uuid.uuid5(_SPACE, f"{self.id} {paper.filename}")),
                "subject": paper.filename,
                "isdocument": True,
                "filename": paper.filename,
                "mimetype": "application/pdf",
                "documentbody": base64.b64encode(paper.content).decode(),
                "_objectid_value": f"opportunity/{self.id}",
            }
            for paper in self.papers
        ]


@dataclass(slots=True)
class DocumentsWorld:
    """All of it."""

    accounts: list[dict[str, Any]] = field(default_factory=list)
    opportunities: list[Opportunity] = field(default_factory=list)
    invoices: list[Paper] = field(default_factory=list)
    orders: list[Paper] = field(default_factory=list)

    @property
    def papers(self) -> list[Paper]:
        """Every file that RecordEngine will read."""
        return [*(each for deal in self.opportunities for each in deal.papers), *self.invoices, *self.orders]


def draw_documents(vendors: Sequence[str], deals: int, invoices: int, seed: int = 7) -> DocumentsWorld:
    """Draw a world.

    Args:
        vendors: names of vendors that the ERP knows; their papers come from them.
        deals: how many opportunities; every third has two proposals, the second one is read with little confidence.
        invoices: how many invoices of vendors; a quarter as many orders.
        seed: draws another one.
    """
    draw = random.Random(seed)  # noqa: S311 - a story, no secret
    world = DocumentsWorld()
    for index in range(deals):
        account = str(uuid.uuid5(_SPACE, f"account {index}"))
        world.accounts.append({"accountid": account, "name": f"Customer {index + 1} Ltd"})
        count = 2 if index % 3 == 0 else 1
        papers = tuple(_proposal(index, number, draw, 93 if number == 0 else 41) for number in range(count))
        id_ = str(uuid.uuid5(_SPACE, f"opportunity {index}"))
        world.opportunities.append(Opportunity(id_, f"Pumps {index + 1}", account, papers))
    world.invoices = [_paper("Invoice", "INV", index, draw, vendors) for index in range(invoices)]
    world.orders = [_paper("Purchase Order", "ORD", index, draw, vendors) for index in range(max(1, invoices // 4))]
    return world


def _proposal(deal: int, number: int, draw: random.Random, confidence: int) -> Paper:
    name = f"proposal-{deal + 1}-{number + 1}.pdf"
    amount = Decimal(draw.randint(100_00, 9_000_00)) / 100
    text = f"Proposal {deal + 1}.{number + 1} for pumps, {amount:.2f} USD."
    day = _FIRST_DAY + timedelta(days=deal)
    return Paper(name, _pdf(name, draw), "Proposal", f"P-{deal + 1}-{number + 1}", day, amount, "Us", text, confidence)


def _paper(kind: str, prefix: str, index: int, draw: random.Random, vendors: Sequence[str]) -> Paper:
    number, vendor = f"{prefix}-{8800 + index}", vendors[index % len(vendors)]
    lines = tuple(
        (f"{word} {number}", Decimal(draw.randint(10_00, 900_00)) / 100) for word in ("Parts", "Work")[: 1 + index % 2]
    )
    amount = sum((each for _, each in lines), Decimal())
    text = f"{kind} {number} of {vendor}, {amount:.2f} USD."
    name = f"{number}.pdf"
    day = _FIRST_DAY + timedelta(days=index)
    return Paper(name, _pdf(name, draw), kind, number, day, amount, vendor, text, lines=lines)


def _pdf(name: str, draw: random.Random) -> bytes:
    return b"%PDF-1.7\n% " + name.encode() + b"\n" + draw.randbytes(2_000) + b"\n%%EOF\n"
