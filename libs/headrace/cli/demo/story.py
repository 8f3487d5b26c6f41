"""The demo's story: deals are won while things go wrong, and each becomes exactly one order.

Every trouble is real: the sandbox drops a reply after it has committed, webhooks come twice or never, and the
processor is killed with SIGKILL in the middle of its work.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CRM, ERP, Deployment
from headrace.cli.demo.verdict import Verdict, judge
from headrace.cli.demo.world import COMPANIES, Deal, Item, Reseller, World, draw, erp_seed, released_product
from headrace.core.errors import HeadraceError

Tell = Callable[[str], None]

PATIENCE = 150.0
"""Seconds that the story waits for each of its turns; it normally takes a tenth of that."""


class StoryStuck(HeadraceError):
    """Something that should have happened did not; the services' logs say why."""


@dataclass(slots=True)
class Story:
    """Plays the story on a deployment whose sandboxes run; `tell` hears what happens."""

    deployment: Deployment
    tell: Tell
    deals: int = 24
    seed: int = 7
    events: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)
    _won: dict[str, Deal] = field(default_factory=dict)

    def prepare(self) -> tuple[World, SalesTeam, Item]:
        """Fill both systems: companies and items in the ERP, catalogue and custom fields in the CRM."""
        world = draw(self.seed, self.deals)
        latecomer = world.deals[len(world.deals) // 2].lines[0].item
        released = [item for item in world.items if item is not latecomer]
        self.deployment.erp.post("seed", erp_seed(world, released))
        known = world.deals[0].reseller
        self.deployment.erp.post("seed", {"records": {"CustomersV3": [_existing_customer(known)]}})
        team = SalesTeam(self.deployment.crm.url, self.deployment.crm.post("seed", crm_seed()))
        for item in world.items:
            team.add_item(item)
        return world, team, latecomer

    def play(self, world: World, team: SalesTeam, latecomer: Item) -> Verdict:
        """Play it to the end and return the verdict.

        Raises:
            StoryStuck: an expected turn did not come.
        """
        team.subscribe(f"{self.deployment.hook_url}/{CRM}")
        self._sellers_work(world, team)
        late_orders = sum(any(line.item is latecomer for line in deal.lines) for deal in world.deals)
        self._kill_the_processor(len(world.deals) // 3)
        self._wait_for(len(world.deals) - late_orders, "orders whose items are all released")
        self.tell(
            f"{late_orders} orders wait: item {latecomer.number} is not released in the ERP yet "
            f"(try: headrace parked {ERP})"
        )
        self.deployment.erp.post(
            "seed",
            {
                "records": {
                    "ProductsV2": [{"ProductNumber": latecomer.number, "ProductName": latecomer.name}],
                    "ReleasedProductsV2": [released_product(latecomer, company) for company in COMPANIES],
                }
            },
        )
        self.tell(f"item {latecomer.number} is released now; the waiting orders resume by themselves")
        self._wait_for(len(world.deals), "all orders")
        self.events["orders that waited for an item"] = late_orders
        ledger = self._settled_ledger()
        self.events |= self._troubles()
        return judge(self._won, ledger)

    # --- turns ---

    def _sellers_work(self, world: World, team: SalesTeam) -> None:
        crm, erp = self.deployment.crm, self.deployment.erp
        sold_to = {deal.reseller.account_number for deal in world.deals}
        for reseller in world.resellers:
            if reseller.account_number in sold_to:
                team.add_reseller(reseller)
        self.tell(f"{len(sold_to)} organizations entered; {world.deals[0].reseller.name} is a customer already")
        numbers = [team.enter(deal) for deal in world.deals]
        self._won = {f"{CRM}/deal/{number}": deal for number, deal in zip(numbers, world.deals, strict=True)}
        erp.post(
            "faults",
            {
                "match": {"method": "POST", "path": "/data/SalesOrderHeadersV2"},
                "skip": 4,
                "times": 1,
                "kind": "drop_reply",
            },
        )
        erp.post(
            "faults",
            {"match": {"method": "POST", "path": "/data/SalesOrderLines"}, "skip": 9, "times": 1, "kind": "drop_reply"},
        )
        for position, number in enumerate(numbers):
            if position == 2:
                crm.post("webhooks", {"duplicate_next": 1})
                self.tell("one webhook will come twice")
            if position == 5:
                crm.post("webhooks", {"drop_next": 1})
                self.tell("one webhook will never come; the poll has to find the deal")
            team.win(number)
        self.tell(f"{len(numbers)} deals won in {len({deal.currency for deal in world.deals})} currencies")
        self.tell("two replies of the ERP will be lost after it has committed")
        self.events["deals won"] = len(numbers)

    def _kill_the_processor(self, after_orders: int) -> None:
        self._wait_for(after_orders, "the first orders")
        processor = self.deployment.processes["processor"]
        processor.kill()
        ended = processor.returncode
        self.tell(f"the processor was killed (SIGKILL) after {self._orders()} orders")
        processor.start()
        processor.wait_ready()
        self.tell("it is back; open intents are looked up before anything is written again")
        self.events["processor killed"] = self.events.get("processor killed", 0) + (ended == -signal.SIGKILL)

    def _orders(self) -> int:
        return len({entry["key"] for entry in self._ledger_of("SalesOrderHeadersV2")} if self._won else ())

    def _ledger_of(self, obj: str) -> list[dict[str, Any]]:
        entries = self.deployment.erp.ledger(object=obj)
        return [entry for entry in entries if entry["action"] == "create" and entry["request"]["method"] != "SEED"]

    def _complete(self) -> int:
        """Count orders that have as many lines as their deal."""
        lines: dict[str, int] = {}
        for entry in self._ledger_of("SalesOrderLines"):
            order = f"{entry['after']['dataAreaId']}/{entry['after']['SalesOrderNumber']}"
            lines[order] = lines.get(order, 0) + 1
        done = 0
        for entry in self._ledger_of("SalesOrderHeadersV2"):
            after = entry["after"]
            deal = self._won.get(after.get("CustomersOrderReference", ""))
            order = f"{after['dataAreaId']}/{after['SalesOrderNumber']}"
            done += deal is not None and lines.get(order, 0) >= len(deal.lines)
        return done

    def _wait_for(self, count: int, what: str) -> None:
        started, deadline = time.monotonic(), time.monotonic() + PATIENCE
        while (done := self._complete()) < count:
            self.progress(done, len(self._won))
            if time.monotonic() > deadline:
                raise StoryStuck(f"{what}: {done} of {count} after {PATIENCE:g} s; see {self.deployment.folder}/logs")
            for process in self.deployment.processes.values():
                if not process.running:
                    raise StoryStuck(f"{process.name} ended with {process.returncode}:\n{process.tail()}")
            time.sleep(0.2)
        self.progress(done, len(self._won))
        self.timings[what] = round(time.monotonic() - started, 1)

    def _troubles(self) -> dict[str, int]:
        """Count what really went wrong, as the sandboxes kept it."""
        crm, erp = self.deployment.crm, self.deployment.erp
        hooks = crm.get("deliveries", limit=100_000)["deliveries"]
        sent = Counter(str(hook["payload"].get("meta", {}).get("id")) for hook in hooks)
        return {
            "webhooks that came twice": sum(count > 1 for count in sent.values()),
            "webhooks that never came": sum(hook["state"] == "dropped" for hook in hooks),
            "replies lost after commit": sum(rule["hits"] for rule in erp.get("faults")["faults"]),
        }

    def _settled_ledger(self) -> list[dict[str, Any]]:
        """Return the ledger once nothing is added to it any more: a late double would come now."""
        quiet_since, ledger = time.monotonic(), self.deployment.erp.ledger()
        while time.monotonic() - quiet_since < 3.0:
            time.sleep(0.3)
            now = self.deployment.erp.ledger()
            if len(now) != len(ledger):
                quiet_since, ledger = time.monotonic(), now
        return ledger


def _existing_customer(reseller: Reseller) -> dict[str, Any]:
    return {
        "dataAreaId": reseller.company,
        "CustomerAccount": "C-OLD-1",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": COMPANIES[reseller.company],
        "PartyType": "Organization",
        "OrganizationName": reseller.name.upper(),
        "TaxExemptNumber": reseller.vat_number,
    }
