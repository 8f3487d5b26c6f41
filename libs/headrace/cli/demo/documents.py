"""Documents on this machine: RecordEngine, Dataverse, Finance and Operations, and the services between them."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.cli.demo.deployment import ERP, Deployment, Sandbox, merged
from headrace.cli.demo.payables import LEDGER_FORMAT
from headrace.platform.local_process import LocalProcess

SALES, DOCUMENTS = "sales", "documents"
DATAVERSE_CLIENT = "00000000-0000-0000-0000-00000000da7a"
API_TOKEN = "re_5a4db0c5a4db0c5a4db0c5a4db0c5a4db0c5a4db"  # noqa: S105 - of a sandbox
STEP_CODE = "steps-of-the-sandbox-0001"
STAGE = "3-Propose"
"""Opportunities in this stage send their files to RecordEngine."""

CONTACT, FOLDER = 31, 77
"""Where files of opportunities go, and vendors' documents come from."""

SECONDS = 2
"""Between two polls; webhooks are quicker. Real connections wait for minutes."""


def recordengine(base_url: str) -> dict[str, Any]:
    """Return the connection of RecordEngine."""
    return {
        "system": "recordengine",
        "settle_seconds": 1.0,
        "retry_seconds": 5.0,
        "polls": {"document": {"seconds": SECONDS}},
        "accepts": {"opportunity": {"connections": [SALES]}},
        "config": {
            "base_url": base_url,
            "api_token": API_TOKEN,
            "filing": {"default": {"contact": CONTACT, "folder": FOLDER}},
            "legal_entities": {"default": "usmf"},
            "accounts": {"default": "601500"},
            "confidence": {"minimum": 80},
            "amounts": {"decimal": "point"},
            "currencies": {"default": "USD"},
            "requests_per_minute": 6000,
            "call_deadline": 10.0,
            "settle_seconds": 1.0,
        },
    }


def dataverse(base_url: str, signin_url: str, authority_file: str, hook: str) -> dict[str, Any]:
    """Return the connection of Dataverse, whose steps tell changes to `hook`."""
    return {
        "system": "dataverse",
        "settle_seconds": 1.0,
        "retry_seconds": 5.0,
        "polls": {"opportunity": {"seconds": SECONDS}},
        "accepts": {"document": {"connections": [DOCUMENTS]}},
        "config": {
            "environment_url": base_url,
            "authority": signin_url,
            "instance_discovery": False,
            "verify": authority_file,
            "tenant_id": "contoso",
            "client_id": DATAVERSE_CLIENT,
            "client_secret": "sandbox-secret",
            "documents": {"stages": [STAGE]},
            "webhook": {"codes": [STEP_CODE], "url": hook},
            "call_deadline": 5.0,
            "settle_seconds": 1.0,
        },
    }


class DocumentsSystems(Deployment):
    """A deployment with RecordEngine and Dataverse among its systems; RecordEngine's sandbox counts no calls."""

    @property
    def documents(self) -> Sandbox:
        """The control side of RecordEngine."""
        return self.control("recordengine")

    @property
    def sales(self) -> Sandbox:
        """The control side of Dataverse."""
        return self.control("dataverse")

    def start_sandboxes(self) -> None:
        """Start the sandboxes and wait until they answer."""
        super().start_sandboxes()
        self.documents.post("settings", {"requests_per_minute": 0})

    def upload(self, filename: str, content: bytes, references: str = "{ }") -> int:
        """Upload a file to RecordEngine as people's own programs do; returns the document's id."""
        answer = httpx.post(
            f"{self._url('recordengine')}/api/documents/upload",
            headers={"Authorization": f"Bearer {API_TOKEN}"},
            data={"contact_id": str(CONTACT), "folder_id": str(FOLDER), "external_refs": references},
            files={"file": (filename, content, "application/pdf")},
            trust_env=False,
        )
        answer.raise_for_status()
        return int(answer.json()["id"])

    def register_steps(self) -> None:
        """Have Dataverse tell of changes, as an operator does."""
        logs = self.folder / "logs"
        arguments = ["dataverse", "webhooks", "register", SALES]
        command = LocalProcess("register", "headrace.cli.main", arguments, self.environment, logs, "")
        command.start()
        if command.wait_ended() != 0:
            raise RuntimeError(f"the steps were not registered: {command.tail()}")

    def _document_connections(self) -> dict[str, Any]:
        signin = f"https://localhost:{self.ports['dataverse-signin']}"
        authority = str(self.folder / "sandbox" / "dataverse" / "tls" / "ca.pem")
        return {
            DOCUMENTS: recordengine(self._url("recordengine")),
            SALES: dataverse(self._url("dataverse"), signin, authority, f"{self.hook_url}/{SALES}"),
        }


class DocumentsDeployment(DocumentsSystems):
    """RecordEngine, Dataverse, Finance and Operations, and the services between them."""

    sandboxes: tuple[str, ...] = ("dynamics_fo", "recordengine", "dataverse")
    services: tuple[str, ...] = ("receiver", "ingest", "processor", "documents-processor", "sales-processor")

    def _connections(self) -> dict[str, Any]:
        taken = ("vendor_invoice", "purchase_order", "customer_invoice")
        erp = merged(
            {**self._erp(), "polls": {}},
            {
                "polls": {name: {"seconds": SECONDS} for name in ("VendorsV2", "MainAccounts", "CustomersV3")},
                "accepts": {entity: {"connections": [DOCUMENTS]} for entity in taken},
                "config": {"ledger_format": {"dimensions": list(LEDGER_FORMAT)}},
            },
        )
        return {ERP: erp, **self._document_connections()}
