"""The verdict: what was won in the CRM against what the ERP's ledger says, and what the CRM shows of it.

It reads neither Headrace's topics nor its metrics: only what the sandboxes keep.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from headrace.cli.demo.world import Deal, Item


@dataclass(slots=True)
class Verdict:
    """Counts of what went wrong, with a sentence for each case. All empty means that the promise was kept."""

    orders: int = 0
    lines: int = 0
    numbered: int = 0
    """Deals that show the number of their order."""
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
            "deals_with_order_number": self.numbered,
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


@dataclass(frozen=True, slots=True)
class Crm:
    """What people see in the CRM at the end: products and deals, custom fields by name."""

    products: Sequence[Mapping[str, Any]]
    deals: Sequence[Mapping[str, Any]]


def judge_crm(
    verdict: Verdict, crm: Crm, ledger: Iterable[Mapping[str, Any]], won: Mapping[str, Deal], items: Sequence[Item]
) -> None:
    """Add what is wrong in the CRM: items once each and at their price, deals with the number of their order."""
    codes = Counter(product["code"] for product in crm.products)
    verdict.duplicated += [f"product {code}: {count} times in the CRM" for code, count in codes.items() if count > 1]
    verdict.lost += [f"product {item.number} is not in the CRM" for item in items if item.number not in codes]
    prices = {item.number: item.price for item in items}
    for product in crm.products:
        for price in product["prices"]:
            if product["code"] in prices and _decimal(price["price"]) != prices[product["code"]]:
                verdict.wrong.append(f"product {product['code']}: {price['price']} {price['currency']}")
    numbers = {
        entry["after"].get("CustomersOrderReference"): entry["after"]["SalesOrderNumber"]
        for entry in ledger
        if entry["object"] == "SalesOrderHeadersV2" and entry["action"] == "create"
    }
    shown = {deal["id"]: deal["custom"].get("Sales order number") for deal in crm.deals}
    for reference in won:
        number = shown.get(int(reference.rpartition("/")[2]))
        verdict.numbered += number is not None
        if number != numbers.get(reference):
            verdict.wrong.append(f"{reference}: the deal shows order {number} instead of {numbers.get(reference)}")


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
