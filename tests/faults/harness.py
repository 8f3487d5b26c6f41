"""A deployment that sells, for tests that break it: deals in, ledgers out, nothing else believed."""

from __future__ import annotations

from collections.abc import Callable

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CRM, Deployment
from headrace.cli.demo.verdict import Verdict, judge
from headrace.cli.demo.world import Deal, World, draw, erp_seed
from headrace.testing.waiting import wait_unchanged, wait_until

PATIENCE = 90.0


class Trade:
    """Sells through a deployment's CRM and judges by its ERP's ledger."""

    def __init__(self, deployment: Deployment, deals: int = 60, seed: int = 11) -> None:
        self.deployment = deployment
        self.world: World = draw(seed, deals)
        deployment.erp.post("seed", erp_seed(self.world, self.world.items))
        self.team = SalesTeam(deployment.crm.url, deployment.crm.post("seed", crm_seed()))
        for item in self.world.items:
            self.team.add_item(item)
        for reseller in self.world.resellers:
            self.team.add_reseller(reseller)
        self.team.subscribe(f"{deployment.hook_url}/{CRM}")
        self.won: dict[str, Deal] = {}
        self._waiting = list(self.world.deals)

    def close(self) -> None:
        self.team.close()

    def sell(self, count: int) -> list[str]:
        """Win the next deals; returns the references that their orders must carry."""
        return [self.sell_this(self._waiting.pop(0)) for _ in range(count)]

    def sell_this(self, deal: Deal) -> str:
        """Win a deal; returns the reference that its order must carry."""
        number = self.team.enter(deal)
        reference = f"{CRM}/deal/{number}"
        self.won[reference] = deal
        self.team.win(number)
        return reference

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        wait_until(condition, what, seconds=seconds, seen=self.logs, every=0.1)

    def wait_complete(self) -> None:
        """Wait until the ledger shows every order with all its lines."""
        self.wait_until(lambda: not self.verdict().lost, "complete orders")

    def verdict(self) -> Verdict:
        return judge(self.won, self.deployment.erp.ledger())

    def quiet_verdict(self) -> Verdict:
        """Return the verdict once the ledger has stopped growing: a late double would come before that."""
        wait_unchanged(lambda: len(self.deployment.erp.ledger()), "the ledger's growth", still=2.0, seconds=PATIENCE)
        return self.verdict()

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{process.tail(15)}" for name, process in self.deployment.processes.items())
