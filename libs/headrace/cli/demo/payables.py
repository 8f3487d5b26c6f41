"""Accounts payable on this machine: Finance and Operations, AvidXchange, and the services between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.cli.demo.deployment import ERP, Deployment, Sandbox, merged

AP = "ap"
COMPANY_TOKEN, USER_TOKEN = "ct_sandbox-company-token", "ut_sandbox-user-token"
SYSTEMS: Mapping[str, str] = {"usmf": "F&O USMF", "demf": "F&O DEMF", "gbsi": "F&O GBSI"}
"""Legal entity → its accounting system in AvidXchange."""
LEDGER_FORMAT = ("MainAccount", "Department", "CostCenter")

SECONDS = 1
"""Between two polls. Real connections wait for minutes, as AvidXchange counts calls."""


def with_payables(erp: Mapping[str, Any]) -> Any:
    """Return the connection of Finance and Operations with what accounts payable reads and needs besides."""
    objects = ("VendorsV2", "MainAccounts", "FinancialDimensionValues", "VendInvoiceJourBiEntities")
    return merged(
        dict(erp),
        {
            "polls": {name: {"seconds": SECONDS} for name in objects},
            "config": {"ledger_format": {"dimensions": list(LEDGER_FORMAT)}},
        },
    )


def avidxchange(base_url: str) -> dict[str, Any]:
    """Return the connection of AvidXchange."""
    return {
        "system": "avidxchange",
        "settle_seconds": 1.0,
        "retry_seconds": 5.0,
        "polls": {name: {"seconds": SECONDS} for name in ("invoice", "payment")},
        "config": {
            "base_url": base_url,
            "auth": {"company_token": COMPANY_TOKEN, "user_token": USER_TOKEN},
            "entities": {company: {"accounting_system": name} for company, name in SYSTEMS.items()},
            "requests_per_minute": 6000,
            "call_deadline": 10.0,
            "settle_seconds": 1.0,
            "history_days": 7,
        },
    }


class TradeDeployment(Deployment):
    """A CRM, the ERP and AvidXchange, and the services between them; AvidXchange's sandbox counts no calls."""

    sandboxes: tuple[str, ...] = ("pipedrive", "dynamics_fo", "avidxchange")
    services: tuple[str, ...] = ("receiver", "ingest", "processor", "crm-processor", "ap-processor")

    def start_sandboxes(self) -> None:
        """Start the sandboxes and wait until they answer."""
        super().start_sandboxes()
        self.control("avidxchange").post("settings", {"requests_per_minute": 0})

    def _connections(self) -> dict[str, Any]:
        erp = self._erp()
        payables = with_payables(erp)
        return {
            **super()._connections(),
            ERP: merged(payables, {"polls": erp["polls"]}),
            AP: avidxchange(self._url("avidxchange")),
        }


class PayablesDeployment(Deployment):
    """Both systems and the services between them, without a CRM; AvidXchange's sandbox counts no calls."""

    sandboxes = ("dynamics_fo", "avidxchange")
    services = ("ingest", "processor", "ap-processor")

    @property
    def avidxchange(self) -> Sandbox:
        """The control side of AvidXchange."""
        return self.control("avidxchange")

    def start_sandboxes(self) -> None:
        """Start the sandboxes and wait until they answer."""
        super().start_sandboxes()
        self.avidxchange.post("settings", {"requests_per_minute": 0})

    def _connections(self) -> dict[str, Any]:
        erp = {**self._erp(), "polls": {}}
        return {ERP: with_payables(erp), AP: avidxchange(self._url("avidxchange"))}
