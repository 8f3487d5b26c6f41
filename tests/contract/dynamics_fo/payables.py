"""A world with accounts payable: vendors, accounts, and short names for what the tests write."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.core.contracts import Action, Operation, Surroundings
from headrace.core.refs import encode_key
from headrace.testing.files import StoredFiles
from tests.contract.dynamics_fo.world import FORMAT, World, operation

LEDGER_FORMAT = {**FORMAT, "dimensions": ["MainAccount", *FORMAT["dimensions"]]}
INVOICES, LINES, DOCUMENTS = "VendorInvoiceHeaders", "VendorInvoiceLines", "VendorInvoiceDocumentAttachments"
POSTED = "VendInvoiceJourBiEntities"
JOURNALS, PAYMENTS = "VendorPaymentJournalHeaders", "VendorPaymentJournalLines"
SETTLED = "VendorPaymentJournalLineSettledInvoices"
BANK_NUMBER = "canary-account-4417"


def vendor(number: str, company: str = "usmf", **fields: Any) -> dict[str, Any]:
    return {
        "dataAreaId": company,
        "VendorAccountNumber": number,
        "VendorGroupId": "10",
        "VendorOrganizationName": f"Vendor {number}",
        "CurrencyCode": "USD",
        **fields,
    }


async def prepare(sandbox: World) -> None:
    values = {"Department": ["022", "R-D"], "CostCenter": ["007"], "Project": ["P-1"]}
    formats = {"default": FORMAT["dimensions"], "ledger": LEDGER_FORMAT["dimensions"], "values": values}
    await sandbox.seed(dimension_formats=formats, accounts_payable=["usmf", "demf"])
    account = {"dataAreaId": "usmf", "VendorAccountNumber": "1001", "VendorBankAccountId": "MAIN"}
    await sandbox.seed(
        records={
            "VendorsV2": [vendor("1001"), vendor("US-101"), vendor("1001", "demf", CurrencyCode="EUR")],
            "VendorBankAccounts": [{**account, "BankAccountNumber": BANK_NUMBER}],
        }
    )


def connect(sandbox: World, content: Mapping[str, bytes] | None = None, **changes: Any) -> DynamicsFoConnection:
    around = Surroundings(attachments=StoredFiles(**(content or {})))
    return sandbox.connect(around=around, **{"ledger_format": LEDGER_FORMAT, **changes})


def invoice(reference: str, number: str = "A-1", company: str = "usmf", **fields: Any) -> Operation:
    """Return the create of a pending invoice, with the mark that its vendor and number belong to."""
    base = {
        "dataAreaId": company,
        "HeaderReference": reference,
        "InvoiceAccount": "1001",
        "InvoiceNumber": number,
        "InvoiceDate": date(2026, 3, 1),
        "Currency": "USD",
        "ImportedAmount": Decimal("100.00"),
    }
    key = ("dataAreaId", "HeaderReference", "InvoiceAccount", "InvoiceNumber")
    return operation(INVOICES, {**base, **fields}, key=key)


def line(reference: str, number: int = 1, **fields: Any) -> Operation:
    base = {
        "dataAreaId": "usmf",
        "HeaderReference": reference,
        "InvoiceLineNumber": Decimal(number),
        "Currency": "USD",
        "NetAmount": Decimal("100.00"),
        "MainAccountDisplayValue": "601500-022-007",
    }
    return operation(LINES, {**base, **fields})


def document(reference: str, name: str = "A-1.pdf", key: str = "scan", **fields: Any) -> Operation:
    base = {"dataAreaId": "usmf", "HeaderReference": reference, "TypeId": "File", "FileName": name, "FileType": "pdf"}
    content = {"FileContents": {"key": key, "sha256": "unused", "size": Decimal(1)}}
    return operation(DOCUMENTS, {**base, **content, **fields}, key=("dataAreaId", "HeaderReference", "FileName"))


def journal(description: str, **fields: Any) -> Operation:
    base = {"dataAreaId": "usmf", "JournalName": "VendPay", "Description": description}
    return operation(JOURNALS, {**base, **fields}, key=("dataAreaId", "Description"))


def payment(number: str, reference: str, **fields: Any) -> Operation:
    base = {
        "dataAreaId": "usmf",
        "JournalBatchNumber": number,
        "AccountType": "Vend",
        "AccountDisplayValue": "1001",
        "CurrencyCode": "USD",
        "DebitAmount": Decimal("100.00"),
        "PaymentReference": reference,
    }
    return operation(PAYMENTS, {**base, **fields}, key=("dataAreaId", "JournalBatchNumber", "PaymentReference"))


def settlement(number: str, invoice_number: str = "A-1", **fields: Any) -> Operation:
    base = {
        "JournalLineCompany": "usmf",
        "JournalBatchNumber": number,
        "JournalLineNumber": Decimal(1),
        "InvoiceCompany": "usmf",
        "InvoiceNumber": invoice_number,
        "invoiceAccount": "1001",
        "SettlementAmountInInvoiceCurrency": Decimal("60.00"),
    }
    key = ("JournalLineCompany", "JournalBatchNumber", "JournalLineNumber", "InvoiceNumber", "InvoiceCompany")
    return operation(SETTLED, {**base, **fields}, key=key)


def update(obj: str, target_id: str, key: Mapping[str, Any] | None = None, **fields: Any) -> Operation:
    found = operation(obj, fields, action=Action.UPDATE, target_id=target_id)
    return found if key is None else with_key(found, key)


def deletion(obj: str, target_id: str, key: Mapping[str, Any] | None = None) -> Operation:
    found = operation(obj, {}, action=Action.DELETE, target_id=target_id)
    return found if key is None else with_key(found, key)


def with_key(changed: Operation, key: Mapping[str, Any]) -> Operation:
    return replace(changed, key=key)


def header_id(reference: str, company: str = "usmf") -> str:
    return encode_key({"dataAreaId": company, "HeaderReference": reference})


async def act(sandbox: World, path: str, **body: Any) -> list[dict[str, Any]]:
    """Let people do something, and expect no refusal."""
    response = await sandbox.admin.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 200, response.text
    assert response.json()["refused"] == []
    return list(response.json()["done"])


async def post_invoices(sandbox: World, *references: str) -> list[dict[str, Any]]:
    return await act(sandbox, "vendor_invoices/usmf/post", **({"references": list(references)} if references else {}))


async def post_journal(sandbox: World, number: str) -> None:
    await act(sandbox, "payment_journals/usmf/post", journals=[number])


async def edit(sandbox: World, obj: str, key: str, **fields: Any) -> None:
    """Do what a person does in the client."""
    (await sandbox.admin.patch(f"/_sandbox/records/{obj}/{key}", json=fields)).raise_for_status()


async def requests(sandbox: World) -> list[dict[str, Any]]:
    """Return what was asked of the environment so far."""
    answer = await sandbox.admin.get("/_sandbox/requests")
    answer.raise_for_status()
    return list(answer.json()["requests"])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
