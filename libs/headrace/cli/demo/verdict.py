"""The verdict: what was won in the CRM against what the ERP's ledger says, and nothing else.

It reads neither Headrace's topics nor its metrics: only the ledgers that the sandboxes keep of every change.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from headrace.cli.demo.world import Deal


@dataclass(slots=True)
class Verdict:
    """Counts of what went wrong, with a sentence for each case. All empty means that the promise was kept."""

    orders: int = 0
    lines: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or wrong."""
        return not (self.lost or self.duplicated or self.wrong)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for `build/demo.json`."""
        return {
            "orders": self.orders,
            "lines": self.lines,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "wrong": self.wrong,
            "clean": self.clean,
        }


def judge(won: Mapping[str, Deal], ledger: Iterable[Mapping[str, Any]]) -> Verdict:
    """Hold the ERP's ledger against the deals that were won.

    Args:
        won: the reference that each order must carry (`CustomersOrderReference`) to its deal.
        ledger: every change of the ERP, oldest first.
    """
    headers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    lines: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    customers: Counter[str] = Counter()
    for entry in ledger:
        if entry["action"] != "create" or entry["request"]["method"] == "SEED":
            continue
        after = entry["after"]
        if entry["object"] == "SalesOrderHeadersV2":
            headers[after.get("CustomersOrderReference", "")].append(after)
        elif entry["object"] == "SalesOrderLines":
            lines[after["dataAreaId"], after["SalesOrderNumber"]].append(after)
        elif entry["object"] == "CustomersV3":
            customers[after.get("TaxExemptNumber") or after["OrganizationName"]] += 1
    verdict = Verdict()
    for reference, deal in won.items():
        found = headers.pop(reference, [])
        if not found:
            verdict.lost.append(f"{reference}: no order for {deal.title}")
            continue
        if len(found) > 1:
            verdict.duplicated.append(f"{reference}: {len(found)} orders")
        verdict.orders += 1
        header = found[0]
        _compare(verdict, reference, deal, header, lines[header["dataAreaId"], header["SalesOrderNumber"]])
    verdict.wrong += [f"{reference}: an order that nobody asked for" for reference in headers]
    verdict.duplicated += [f"customer {name}: {count} times" for name, count in customers.items() if count > 1]
    return verdict


def _compare(
    verdict: Verdict, reference: str, deal: Deal, header: Mapping[str, Any], lines: list[Mapping[str, Any]]
) -> None:
    expected = {
        "dataAreaId": deal.reseller.company,
        "CurrencyCode": deal.currency,
        "DefaultLedgerDimensionDisplayValue": f"{deal.department}-SALES",
    }
    for name, value in expected.items():
        if header.get(name) != value:
            verdict.wrong.append(f"{reference}: {name} is {header.get(name)!r} instead of {value!r}")
    wanted = Counter((line.item.number, Decimal(line.quantity), line.price, line.discount) for line in deal.lines)
    present = Counter(
        (
            line["ItemNumber"],
            _decimal(line.get("OrderedSalesQuantity")),
            _decimal(line.get("SalesPrice")),
            _decimal(line.get("LineDiscountPercentage")),
        )
        for line in lines
    )
    verdict.lines += present.total()
    verdict.lost += [f"{reference}: line {line} is missing" for line in (wanted - present).elements()]
    for line in (present - wanted).elements():
        known = line[0] in {item for item, *_ in wanted}
        (verdict.duplicated if known else verdict.wrong).append(f"{reference}: line {line} is too many")


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value or 0))
