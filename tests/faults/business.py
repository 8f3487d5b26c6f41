"""What people do in the three systems while faults happen: a seeded load of every kind of operation."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CLIENT_ID, CLIENT_SECRET, CRM
from headrace.cli.demo.payables import LEDGER_FORMAT, SYSTEMS, TradeDeployment
from headrace.cli.demo.purchasing import payables_seed
from headrace.cli.demo.world import COMPANIES, Deal, DealLine, Item, Reseller, draw, erp_seed, released_product
from tests.e2e.payables_world import document, line

ACCOUNTS = ("601500", "602100", "603200", "605110", "606300", "618160")
DEPARTMENTS, COST_CENTERS = ("022", "023", "024"), ("SALES", "100", "007")
COUNTRIES = {"US": "usmf", "DE": "demf", "GB": "gbsi"}
VENDORS_AT_ONCE = 3


class Business:
    """Acts on the sandboxes of a deployment, as people do; the same seed does the same things."""

    def __init__(self, deployment: TradeDeployment, seed: int) -> None:
        self.deployment = deployment
        self._erp, self._ap = deployment.erp, deployment.control("avidxchange")
        self._chance = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._world = draw(seed, 1, resellers=1, items=12)
        self._items = self._world.items
        self._buyers: list[Reseller] = []
        self._vendors: list[tuple[str, str]] = []
        self._count: Counter[str] = Counter()
        self.alone = threading.RLock()
        """Held by whoever acts: the load, or a fault that has something done."""
        self.team: SalesTeam

    def open(self) -> None:
        """Seed the systems, before the services start."""
        seed = erp_seed(self._world, self._items)
        values = {"Department": list(DEPARTMENTS), "CostCenter": list(COST_CENTERS)}
        seed["dimension_formats"] |= {"values": values, "default": list(LEDGER_FORMAT[1:])}
        seed["clients"] = [{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "user": "Admin", "company": "usmf"}]
        self._erp.post("seed", seed)
        payables = payables_seed(vendors=6, orders=0, dimensions=LEDGER_FORMAT[1:])
        self._erp.post("seed", payables)
        self._vendors = [
            (row["dataAreaId"], row["VendorAccountNumber"])
            for row in payables["records"]["VendorsV2"]
            if row["OnHoldStatus"] == "No"
        ]
        self.team = SalesTeam(self.deployment.crm.url, self.deployment.crm.post("seed", crm_seed()))
        self.deployment.crm.post("settings", {"retry_time_scale": 0.05, "webhook_ban_seconds": 5.0})
        for item in self._items:
            self.team.add_item(item)
        self.team.subscribe(f"{self.deployment.hook_url}/{CRM}")
        for _ in range(2 * len(COUNTRIES)):
            self.create()

    def close(self) -> None:
        """Close the client."""
        self.team.close()

    @property
    def masters(self) -> int:
        """How many codes AvidXchange must have before anybody can code an invoice there."""
        values = len(self._erp.get("records/FinancialDimensionValues")["records"])
        return len(SYSTEMS) * (values + int(self._erp.get("records")["MainAccounts"]))

    def act(self, kind: str) -> None:
        """Do one thing of a kind."""
        with self.alone:
            actions = {
                "create": self.create,
                "update": self.update,
                "order": self.order,
                "invoice": self.invoice,
                "batch": self.batch,
            }
            actions[kind]()

    # --- one for each kind ---

    def create(self) -> None:
        """Enter an organization with its person."""
        number, country = self._next("buyer"), self._chance.choice(list(COUNTRIES))
        place = {"street": f"{number} Mill Lane", "city": "Millbrook", "postal_code": f"{10_000 + number}"}
        reseller = Reseller(f"AW{number:08d}", f"Buyer {number:05d}", **place, country=country, person=f"Pat {number}")
        self.team.add_reseller(reseller)
        self._buyers.append(reseller)

    def update(self) -> None:
        """Give an organization another telephone number."""
        buyer = self._chance.choice(self._buyers[-6:])
        self.team.phone(self.team.organizations[buyer.account_number], f"+1 555 {self._next('phone'):06d}")

    def order(self) -> None:
        """Enter a deal with its lines and win it."""
        self.sell(self._chance.sample(self._items, self._chance.randint(1, 3)))

    def invoice(self) -> None:
        """Enter an approved invoice and close its batch."""
        self.bill(*self._chance.choice(self._vendors[:6]))

    def batch(self) -> None:
        """Rename some vendors and enter a new one, all at the same moment."""
        for company, number in self._chance.sample(self._vendors, VENDORS_AT_ONCE):
            name = {"VendorOrganizationName": f"Vendor {number} as of {self._next('name'):05d}"}
            self._erp.edit("VendorsV2", f"dataAreaId={company},VendorAccountNumber={number}", name)
        self.add_vendor(f"LOAD{self._next('vendor'):08d}")

    # --- and what they are made of ---

    def sell(self, items: Sequence[Item]) -> None:
        """Win a deal of these items."""
        buyer = self._chance.choice(self._buyers[-6:])
        currency = COMPANIES[buyer.company]
        lines = tuple(
            DealLine(item, self._chance.randint(1, 9), item.price, Decimal(self._chance.choice((0, 5, 10))))
            for item in items
        )
        title = f"Deal {self._next('deal'):05d}"
        self.team.win(self.team.enter(Deal(title, buyer, currency, lines, self._chance.choice(DEPARTMENTS))))

    def bill(self, company: str, vendor: str, *, unchecked: bool = False) -> None:
        """Enter an invoice of a vendor, and close a batch with it."""
        number = self._next("invoice")
        lines = [
            line(
                str(Decimal(self._chance.randint(1_000, 200_000)).scaleb(-2)),
                self._chance.choice(ACCOUNTS),
                self._chance.choice(DEPARTMENTS),
                self._chance.choice(COST_CENTERS),
                f"Work {number}, part {place + 1}",
            )
            for place in range(self._chance.randint(1, 3))
        ]
        more = {"unchecked": True} if unchecked else {}
        bill = document(company, vendor, f"LOAD-{number:06d}", lines, self._today(), **more)
        (entered,) = self._ap.post("invoices", {"invoices": [bill]})["invoices"]
        self._ap.post("batches", {"accounting_system": SYSTEMS[company], "invoices": [entered["Id"]]})

    def add_vendor(self, number: str, company: str = "usmf") -> None:
        """Enter a vendor in F&O."""
        vendor = {
            "dataAreaId": company,
            "VendorAccountNumber": number,
            "VendorGroupId": "10",
            "VendorOrganizationName": f"Vendor {number}",
            "CurrencyCode": COMPANIES[company],
            "AddressStreet": "1 Mill Lane",
            "AddressCity": "Bellingham",
            "AddressZipCode": "98225",
            "AddressStateId": "WA",
            "AddressCountryRegionId": "US",
        }
        self._erp.post("seed", {"records": {"VendorsV2": [vendor]}})

    def unknown_vendor(self) -> str:
        """Return the number of a vendor that F&O does not have yet."""
        return f"LATE{self._next('late vendor'):08d}"

    def unreleased_item(self) -> Item:
        """Put an item into the CRM's catalogue that F&O does not have yet."""
        number = self._next("late item")
        item = Item(f"LATE-{number:04d}", f"Comes later {number}", Decimal("12.50"))
        self.team.add_item(item)
        return item

    def release(self, item: Item) -> None:
        """Release an item in all companies of F&O."""
        products = [{"ProductNumber": item.number, "ProductName": item.name}]
        released = [released_product(item, company) for company in COMPANIES]
        self._erp.post("seed", {"records": {"ProductsV2": products, "ReleasedProductsV2": released}})

    def _today(self) -> date:
        return datetime.fromisoformat(self._ap.post("clock", {"advance_seconds": 0})["now"]).date()

    def _next(self, what: str) -> int:
        self._count[what] += 1
        return self._count[what]


class Load:
    """People at work in the background: one thing after the other, of given kinds in turn, until told to stop.

    Args:
        business: where they work.
        kinds: of what they do.
        pause: seconds from the end of one thing to the next.
    """

    def __init__(self, business: Business, kinds: Sequence[str], pause: float = 0.15) -> None:
        self._business = business
        self.kinds = kinds
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.done: Counter[str] = Counter()
        self.error: BaseException | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    @property
    def total(self) -> int:
        """How many things were done."""
        return self.done.total()

    def goes_on(self, wait: Callable[[Callable[[], bool], str], None], rounds: int = 1) -> None:
        """Wait until each kind was done so many times more."""
        goal = self.total + rounds * len(self.kinds)
        wait(lambda: self.total >= goal or self.error is not None, f"{goal} actions of the load")

    def _work(self) -> None:
        place = 0
        try:
            while not self._ended.wait(self._pause):
                kind = self.kinds[place % len(self.kinds)]
                self._business.act(kind)
                self.done[kind] += 1
                place += 1
        except Exception as error:
            self.error = error


def words_of(load: Counter[str]) -> dict[str, Any]:
    """Return what a load has done, for the results."""
    return dict(sorted(load.items()))
