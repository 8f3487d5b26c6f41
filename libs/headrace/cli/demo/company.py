"""The demo's company: all five systems, and the services between them."""

from __future__ import annotations

from typing import Any

from headrace.cli.demo.deployment import CRM, ERP, merged
from headrace.cli.demo.documents import DOCUMENTS, DocumentsSystems
from headrace.cli.demo.payables import AP, TradeDeployment


class Demo(TradeDeployment, DocumentsSystems):
    """All systems. What one takes is said where it would take too much."""

    sandboxes = (*TradeDeployment.sandboxes, "recordengine", "dataverse")
    services = (*TradeDeployment.services, "documents-processor", "sales-processor")

    def _connections(self) -> dict[str, Any]:
        connections = {**super()._connections(), **self._document_connections()}
        # Accounts of Dataverse are customers as well: here they are nobody's but its own.
        customers = {"customer": {"connections": [CRM, ERP]}, "contact": {"connections": [CRM, ERP]}}
        taken = {
            CRM: {"accepts": customers},
            ERP: {"accepts": {**customers, "purchase_order": {"connections": [DOCUMENTS]}}},
            AP: {"accepts": {"purchase_order": {"connections": [ERP]}}},
        }
        return dict(merged(connections, taken))
