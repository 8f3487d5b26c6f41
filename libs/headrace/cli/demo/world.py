"""The demo's world: resellers, items and deals, drawn from AdventureWorks by a seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from typing import Any

COMPANIES = {"usmf": "USD", "demf": "EUR", "gbsi": "GBP"}
"""Legal entities of the demo's Finance and Operations, with their currencies."""

RATES = {"USD": Decimal(1), "EUR": Decimal("0.95"), "GBP": Decimal("0.80")}

_COMPANY_OF = {"US": "usmf", "CA": "usmf", "AU": "usmf", "DE": "demf", "FR": "demf", "GB": "gbsi"}


@dataclass(frozen=True, slots=True)
class Reseller:
    """A customer to be: an organization of the CRM with a person."""

    account_number: str
    name: str
    street: str
    city: str
    postal_code: str
    country: str
    person: str

    @property
    def company(self) -> str:
        """The legal entity that sells to it."""
        return _COMPANY_OF[self.country]

    @property
    def vat_number(self) -> str:
        """A number that is its own."""
        return f"{self.country}{int(self.account_number.removeprefix('AW')):09d}"


@dataclass(frozen=True, slots=True)
class Item:
    """A product."""

    number: str
    name: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class DealLine:
    """What is sold: price in the deal's currency, discount in percent."""

    item: Item
    quantity: int
    price: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal that will be won."""

    title: str
    reseller: Reseller
    currency: str
    lines: tuple[DealLine, ...]
    department: str


@dataclass(slots=True)
class World:
    """Everything that there is before the story begins."""

    resellers: list[Reseller] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)


def draw(seed: int, deals: int, resellers: int = 18, items: int = 24) -> World:
    """Return a world; the same seed gives the same one."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    world = World(
        resellers=[_reseller(row, chance) for row in chance.sample(_rows("organizations.csv"), resellers)],
        items=[
            Item(row["product_number"], row["name"], Decimal(row["list_price"]).quantize(Decimal("0.01")))
            for row in chance.sample(_rows("products.csv"), items)
        ],
    )
    world.deals = [_deal(number, world, chance) for number in range(1, deals + 1)]
    return world


def erp_seed(world: World, released: Sequence[Item]) -> dict[str, Any]:
    """Return the seed of the F&O sandbox: companies, items released in all of them, dimension values."""
    departments = sorted({deal.department for deal in world.deals})
    return {
        "companies": {
            name: {"name": f"Contoso {name.upper()}", "currency": currency} for name, currency in COMPANIES.items()
        },
        "clients": [
            {
                "client_id": "00000000-0000-0000-0000-00000000f0f0",
                "client_secret": "sandbox-secret",
                "user": "Admin",
                "company": "usmf",
            }
        ],
        "dimension_formats": {
            "delimiter": "-",
            "default": ["Department", "CostCenter"],
            "values": {"Department": departments, "CostCenter": ["SALES"]},
        },
        "records": {
            "ProductsV2": [{"ProductNumber": item.number, "ProductName": item.name} for item in released],
            "ReleasedProductsV2": [released_product(item, company) for item in released for company in COMPANIES],
        },
    }


def released_product(item: Item, company: str) -> dict[str, Any]:
    """Return an item as a released product of one legal entity."""
    return {
        "dataAreaId": company,
        "ItemNumber": item.number,
        "ProductNumber": item.number,
        "SearchName": item.name[:20],
        "SalesPrice": float(item.price),
        "SalesUnitSymbol": "ea",
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("headrace.cli.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _reseller(row: dict[str, str], chance: random.Random) -> Reseller:
    person = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
    return Reseller(
        row["account_number"],
        row["name"],
        row["street"],
        row["city"],
        row["postal_code"],
        row["country"],
        person,
    )


def _deal(number: int, world: World, chance: random.Random) -> Deal:
    reseller = chance.choice(world.resellers)
    currency = COMPANIES[reseller.company]
    lines = tuple(
        DealLine(
            item,
            chance.randint(1, 12),
            (item.price * RATES[currency]).quantize(Decimal("0.01")),
            Decimal(chance.choice((0, 0, 5, 10))),
        )
        for item in chance.sample(world.items, chance.randint(1, 4))
    )
    return Deal(f"Order {number:03d} for {reseller.name}", reseller, currency, lines, chance.choice(_DEPARTMENTS))


_DEPARTMENTS = ("022", "023", "024")
_FIRST = ("Ada", "Björn", "Chloé", "Dieter", "Elif", "Françoise", "Grace", "Håkon", "Inés", "Jürgen", "Zoë")
_LAST = ("Berg", "Curie", "Dvořák", "Eriksen", "Faure", "Großmann", "Hopper", "Işık", "Jansen", "O'Neill")
