"""The demo's story: deals are won while things go wrong, and each becomes exactly one order.

Every trouble is real: the sandbox drops a reply after it has committed, webhooks come twice or never, and the
processor is killed with SIGKILL in the middle of its work.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CRM, ERP, Deployment
from headrace.cli.demo.verdict import Crm, Verdict, judge, judge_crm
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
        return world, team, latecomer

    def play(self, world: World, team: SalesTeam, latecomer: Item) -> Verdict:
        """Play it to the end and return the verdict.

        Raises:
            StoryStuck: an expected turn did not come.
        """
        team.subscribe(f"{self.deployment.hook_url}/{CRM}")
        released = [item for item in world.items if item is not latecomer]
        self._masters_arrive(team, released, world.deals[0].reseller)
        team.add_item(latecomer)
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
        self.until(lambda: self._numbered(team) == len(world.deals), "the orders' numbers on the deals")
        conflict = self._both_sides_edit(team, world.deals[0].reseller)
        ledger = self._settled_ledger()
        self.events |= self._troubles()
        verdict = judge(self._won, ledger)
        judge_crm(verdict, Crm(team.records("product"), team.records("deal")), ledger, self._won, world.items)
        verdict.wrong += conflict
        return verdict

    # --- turns ---

    def _masters_arrive(self, team: SalesTeam, released: Sequence[Item], known: Reseller) -> None:
        """Wait until the CRM has what the ERP sells, and the customer that it knows already."""
        wanted = {item.number for item in released}
        self.until(lambda: wanted <= set(team.learn_catalogue()), "the ERP's items in the CRM")
        self.tell(f"{len(wanted)} items of the ERP are in the CRM: sellers quote what can be sold")
        account = "Account number"
        self.until(lambda: any(row["custom"].get(account) for row in team.records("organization")), "its customer")
        (row,) = [row for row in team.records("organization") if row["custom"].get(account)]
        team.add_person(known, row["id"])
        self.tell(f"so is {row['name']}, with its account number {row['custom'][account]}")
        self.events["items from the ERP"] = len(wanted)
        self.events["customers from the ERP"] = 1

    def _numbered(self, team: SalesTeam) -> int:
        return sum(bool(row["custom"].get("Sales order number")) for row in team.records("deal"))

    def _both_sides_edit(self, team: SalesTeam, reseller: Reseller) -> list[str]:
        """Change one telephone number on both sides at once; return what did not end as the rules say."""
        organization = team.organizations[reseller.account_number]
        key = f"dataAreaId={reseller.company},CustomerAccount={_EXISTING}"
        team.phone(organization, "+1 555 0101")
        self.deployment.erp.edit("CustomersV3", key, {"PrimaryContactPhone": "+1 555 0199"})
        self.tell(f"a seller and an ERP clerk change the telephone number of {reseller.name} at once")

        def phones() -> tuple[str, str]:
            (there,) = [row for row in team.records("organization") if row["id"] == organization]
            here = self.deployment.erp.get(f"records/CustomersV3/{key}")["data"]["PrimaryContactPhone"]
            return there["custom"].get("Phone") or "", here

        self.until(lambda: len(set(phones())) == 1, "one telephone number on both sides")
        ends = phones()
        self.tell(f"both sides end with {ends[0]}: the later word counts (ownership: latest)")
        self.events["fields edited on both sides"] = 1
        return [] if ends[0] == "+1 555 0199" else [f"telephone number: {ends} instead of the later one"]

    def _sellers_work(self, world: World, team: SalesTeam) -> None:
        crm, erp = self.deployment.crm, self.deployment.erp
        sold_to = {deal.reseller.account_number for deal in world.deals}
        entered = [each for each in world.resellers if each.account_number in sold_to - set(team.organizations)]
        for reseller in entered:
            team.add_reseller(reseller)
        self.tell(f"{len(entered)} organizations entered by the sellers")
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
        self.kill(f"after {self._orders()} orders")
        self.tell("it is back; open intents are looked up before anything is written again")

    def kill(self, when: str) -> None:
        """Kill the ERP's processor with SIGKILL, tell it, and start it again."""
        self._kill("processor", lambda: self.tell(f"the processor was killed (SIGKILL) {when}"))

    def kill_service(self, name: str) -> None:
        """Kill a service with SIGKILL and start it again."""
        self._kill(name, lambda: self.tell(f"the {name} was killed (SIGKILL)"))

    def _kill(self, name: str, tell: Callable[[], None]) -> None:
        process = self.deployment.processes[name]
        process.kill()
        ended = process.returncode
        tell()
        process.start()
        process.wait_ready()
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

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so; raises StoryStuck if it does not come, or a process ended."""
        started = time.monotonic()
        while not condition():
            self._still_going(started, what)
            time.sleep(0.2)
        self.timings[what] = round(time.monotonic() - started, 1)

    def _still_going(self, started: float, what: str) -> None:
        if time.monotonic() - started > PATIENCE:
            raise StoryStuck(f"{what}: not after {PATIENCE:g} s; see {self.deployment.folder}/logs")
        for process in self.deployment.processes.values():
            if not process.running:
                raise StoryStuck(f"{process.name} ended with {process.returncode}:\n{process.tail()}")

    def _wait_for(self, count: int, what: str) -> None:
        started = time.monotonic()
        while (done := self._complete()) < count:
            self.progress(done, len(self._won))
            self._still_going(started, f"{what}: {done} of {count}")
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


_EXISTING = "C-OLD-1"


def _existing_customer(reseller: Reseller) -> dict[str, Any]:
    return {
        "dataAreaId": reseller.company,
        "CustomerAccount": _EXISTING,
        "CustomerGroupId": "10",
        "SalesCurrencyCode": COMPANIES[reseller.company],
        "PartyType": "Organization",
        "OrganizationName": reseller.name.upper(),
        "TaxExemptNumber": reseller.vat_number,
    }
