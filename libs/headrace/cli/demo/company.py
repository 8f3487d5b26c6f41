"""The demo's company: all five systems, and the services between them."""

from __future__ import annotations

from typing import Any

from headrace.cli.demo.deployment import CRM, ERP, merged
from headrace.cli.demo.documents import DOCUMENTS, DocumentsSystems
from headrace.cli.demo.payables import AP, avidxchange, with_payables


class Demo(DocumentsSystems):
    """All systems. What one takes is said where it would take too much."""

    sandboxes = ("pipedrive", "dynamics_fo", "avidxchange", "recordengine", "dataverse")
    services = (
        *("receiver", "ingest", "processor", "crm-processor", "ap-processor"),
        *("documents-processor", "sales-processor"),
    )

    def start_sandboxes(self) -> None:
        """Start the sandboxes and wait until they answer."""
        super().start_sandboxes()
        self.control("avidxchange").post("settings", {"requests_per_minute": 0})

    def _connections(self) -> dict[str, Any]:
        erp = self._erp()
        connections = {
            CRM: self._crm(),
            ERP: merged(with_payables(erp), {"polls": erp["polls"]}),
            AP: avidxchange(self._url("avidxchange")),
            **self._document_connections(),
        }
        orders = {
            ERP: {"accepts": {"purchase_order": {"connections": [DOCUMENTS]}}},
            AP: {"accepts": {"purchase_order": {"connections": [ERP]}}},
        }
        return dict(merged(connections, orders))
