"""Business events: a configurable catalog, endpoints, activations, and emission with the commit of the change."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.rows import reader
from headrace.sandbox.dynamics_fo.settings import FinanceSettings

TEST_EVENT = "BusinessEventsTestEndpointContract"
RETRY_DELAYS = (1.0, 1.0)
ENDPOINTS, CONFIGURATIONS = "BusinessEventsEndpoints", "BusinessEventsConfigurations"
ENDPOINT_URL = "#url"
TRIGGERS, KEY_VAULT, CONTROL_NUMBER = "#event_triggers", "#key_vault", "#control_number"
_FIRST_CONTROL_NUMBER = 5_637_990_000
_TEST_CONTROL_NUMBER = -(2**63)
_ZERO_USER = "{00000000-0000-0000-0000-000000000000}"


class CatalogEntry(BaseModel):
    """One event of the catalog: its id, the changes that raise it, and its contract fields by property."""

    model_config = ConfigDict(extra="forbid")

    id: str
    set: str
    on: tuple[str, ...] = ("create", "update")
    fields: dict[str, str]
    category: str = ""
    description: str = ""


class BusinessEvents:
    """Raises events for changes; deliveries are queued in the transaction of the change."""

    def __init__(self, store: Store, deliveries: Deliveries, settings: FinanceSettings) -> None:
        self._store = store
        self._deliveries = deliveries
        self._settings = settings
        # Gaps between control numbers only need to be irregular.
        self._random = random.Random(1)  # noqa: S311

    def changed(self, entity: Entity, action: str, after: Mapping[str, Any], record: Record, now: datetime) -> None:
        """Queue the events that a change raises, inside its transaction."""
        if not self._store.list(CONFIGURATIONS):
            return
        for trigger in self._store.list(TRIGGERS):
            entry = trigger.data
            if entry["set"] == entity.set and action in entry["on"]:
                self._raise(entry, entity, record, now)

    def _raise(self, entry: Mapping[str, Any], entity: Entity, record: Record, now: datetime) -> None:
        company = str(record.data.get("dataAreaId", ""))
        urls = self._subscribers(entry["id"], company)
        if not urls:
            return
        contract = {name: _contract_value(entity, field, record) for name, field in entry["fields"].items()}
        shown = company.upper() if self._settings.legal_entity_case == "upper" else company
        payload = self._envelope(entry["id"], company, self._next_control_number(now), now)
        payload |= {"LegalEntity": shown, **contract}
        for url in urls:
            self._deliveries.enqueue(url, dict(sorted(payload.items())), topic=entry["id"])

    def _subscribers(self, event_id: str, company: str) -> Sequence[str]:
        urls = []
        for configuration in self._store.list(CONFIGURATIONS):
            data = configuration.data
            if data["BusinessEventsTable"] != event_id or data.get("Disabled") == "Yes":
                continue
            if str(data.get("LegalEntity", "")).lower() not in ("", company):
                continue
            endpoint = self._store.find(ENDPOINTS, "Name", data["BusinessEventsEndpoint_Name"])
            url = self.url_of(endpoint[0].data) if endpoint else ""
            if url:
                urls.append(url)
        return urls

    def url_of(self, endpoint: Mapping[str, Any]) -> str:
        """Return where an HTTPS endpoint sends: the secret of its key vault holds the address."""
        if endpoint.get(ENDPOINT_URL):
            return str(endpoint[ENDPOINT_URL])
        secret = self._store.get(KEY_VAULT, str(endpoint.get("KeyVaultSecretName", "")))
        return str(secret.data["value"]) if secret else ""

    def _next_control_number(self, now: datetime) -> int:
        last = self._store.get(CONTROL_NUMBER, "last")
        number = int(last.data["value"]) if last else _FIRST_CONTROL_NUMBER
        number += self._random.randint(1, self._settings.control_number_gap)
        self._store.put(CONTROL_NUMBER, "last", {"value": number}, now)
        return number

    def _envelope(self, event_id: str, company: str, control_number: int, now: datetime) -> dict[str, Any]:
        envelope: dict[str, Any] = {
            "BusinessEventId": event_id,
            "ControlNumber": control_number,
            "EventId": str(uuid.uuid4()).upper(),
            "EventTime": _ax_date(now),
            "MajorVersion": 0,
            "MinorVersion": 0,
        }
        if self._settings.event_envelope == "full":
            envelope |= {
                "BusinessEventLegalEntity": company.upper(),
                "ContextRecordSubject": "",
                "EventTimeIso8601": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06d}0Z",
                "InitiatingUserAADObjectId": _ZERO_USER,
                "ParentContextRecordSubjects": [],
            }
        return envelope

    async def test_endpoint(self, url: str, now: datetime) -> str:
        """Send the test message of a new endpoint; return "" when it was taken, else the reason."""
        payload = self._envelope(TEST_EVENT, "", _TEST_CONTROL_NUMBER, now)
        headers = {"content-type": "application/json"}
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                reply = await client.post(url, content=dump_bytes(dict(sorted(payload.items()))), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"the endpoint could not be reached ({type(error).__name__})"
        return "" if reply.is_success else f"the endpoint answered {reply.status_code}"


def _contract_value(entity: Entity, name: str, record: Record) -> Any:
    value = reader(entity, name)(record)
    return _ax_date(datetime.fromisoformat(value)) if entity.by_name[name].kind in ("date", "moment") else value


def _ax_date(moment: datetime) -> str:
    return f"/Date({int(moment.timestamp() * 1000)})/"


# Partner-style events (an id is a class name); environments differ, so a seed may replace them.
DEFAULT_CATALOG = (
    CatalogEntry(
        id="CustomerChangedBusinessEvent",
        set="CustomersV3",
        fields={"CustomerAccount": "CustomerAccount"},
        category="Accounts receivable",
    ),
    CatalogEntry(
        id="SalesOrderChangedBusinessEvent",
        set="SalesOrderHeadersV2",
        fields={
            "SalesOrderId": "SalesOrderNumber",
            "CustomerAccount": "OrderingCustomerAccountNumber",
            "SalesStatus": "SalesOrderStatus",
        },
        category="Sales and marketing",
    ),
    CatalogEntry(
        id="ReleasedProductChangedBusinessEvent",
        set="ReleasedProductsV2",
        fields={"ItemNumber": "ItemNumber"},
        category="Product information management",
    ),
    CatalogEntry(
        id="SalesInvoicePostedBusinessEvent",
        set="SalesInvoiceHeadersV2",
        on=("create",),
        fields={
            "InvoiceAccount": "InvoiceCustomerAccountNumber",
            "InvoiceId": "InvoiceNumber",
            "SalesOrderId": "SalesOrderNumber",
            "InvoiceDate": "InvoiceDate",
            "InvoiceAmountInAccountingCurrency": "TotalInvoiceAmount",
            "InvoiceTaxAmount": "TotalTaxAmount",
        },
        category="Accounts receivable",
    ),
    CatalogEntry(
        id="VendorChangedBusinessEvent",
        set="VendorsV2",
        fields={"VendorAccount": "VendorAccountNumber"},
        category="Accounts payable",
    ),
    # The vendor names this event and not its fields; these are those of its sales sibling.
    CatalogEntry(
        id="VendorInvoicePostedBusinessEvent",
        set="VendInvoiceJourBiEntities",
        on=("create",),
        fields={
            "InvoiceAccount": "InvoiceAccount",
            "InvoiceId": "InvoiceId",
            "PurchaseOrderNumber": "PurchId",
            "InvoiceDate": "InvoiceDate",
            "InvoiceDueDate": "DueDate",
            "InvoiceAmountInAccountingCurrency": "InvoiceAmountMST",
            "InvoiceTaxAmount": "SumTax",
        },
        category="Accounts payable",
    ),
)
