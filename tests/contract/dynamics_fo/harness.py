"""What the inherited suites must know of Finance and Operations: customers, read and written."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from headrace.connectors.dynamics_fo import CONNECTOR
from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.core.contracts import Action, Connection, Operation, WebhookRequest
from headrace.core.refs import decode_key, encode_key
from headrace.platform.settings import checked
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.dynamics_fo.app import create_app
from headrace.testing.harness import Changed, SourceHarness, TargetHarness
from headrace.testing.serving import Served, serve

CLIENT = "00000000-0000-0000-0000-0000000c0de1"
SECRET = "canary-client-secret-7f3a"
CODE = "canary-code-that-nobody-guesses"
PASSWORD = "canary-relay-password"
SEED: dict[str, Any] = {
    "companies": {"usmf": {}},
    "clients": [{"client_id": CLIENT, "client_secret": SECRET, "user": "Admin"}],
}


class DynamicsFoHarness(SourceHarness, TargetHarness):
    """Customers of a company that starts with none."""

    vendor_path = "^/data/"
    sign_in_path = "/oauth2/v2.0/token"
    canaries = (SECRET, CODE, PASSWORD)
    source_object = target_object = "CustomersV3"
    source_text = target_text = "OrganizationName"
    source_clearable = target_clearable = "KnownAs"
    target_amount = "CreditLimit"
    absent_record = absent_target = "dataAreaId=usmf,CustomerAccount=NOBODY"
    event: ClassVar = "CustomerChangedBusinessEvent"
    event_key: ClassVar = {"CustomerAccount": "CustomerAccount"}
    keys = ("K/1", "K#1", "K%1", "K'1", "K 1", "Ä-1", "K+1", "K,1=2", "K*1", "K?1", 'K"1', "K&1", "K;1", "漢字", "k--1")

    def __init__(self, sandbox: Sandbox, served: Served) -> None:
        super().__init__(sandbox)
        self._served = served
        self._made = 0

    def open(self, changed: Changed) -> Connection:
        return self._open(self._values(changed))

    def expire_tokens(self) -> None:
        self.sandbox.clock.advance(2 * 3600)

    async def secrets(self, connection: Connection) -> Sequence[str]:
        assert isinstance(connection, DynamicsFoConnection)
        return (*self.canaries, await connection.credentials.token())

    def _values(self, changed: Changed) -> dict[str, Any]:
        values: dict[str, Any] = {
            "environment_url": changed.address or self._served.url,
            "resource": self._served.url,
            "tenant_id": "contoso",
            "client_id": CLIENT,
            "client_secret": changed.credential or SECRET,
            "authority": self._served.url,
            "instance_discovery": False,
            "verify": str(self._served.authority_file),
            "legal_entities": ["usmf"],
            "webhook": {"codes": [CODE], "basic": [{"user": "relay", "password": PASSWORD}]},
            "events": {self.event: {"object": self.source_object, "key": self.event_key}},
        }
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        return values

    def _open(self, values: Mapping[str, Any]) -> Connection:
        return CONNECTOR.open("under-test", checked(CONNECTOR.config, values, "under-test"))

    # --- somebody else ---

    async def make(self, text: str, key: str = "") -> str:
        self._made += 1
        account = key or f"C{self._made:04}"
        self._seed_customer(account, OrganizationName=text)
        (record,) = [each for each in self.sandbox.store.list("CustomersV3") if each.data["CustomerAccount"] == account]
        assert record.data["OrganizationName"] == text
        return encode_key({"dataAreaId": "usmf", "CustomerAccount": account})

    async def change(self, external_id: str, text: str) -> None:
        self._seed_customer(decode_key(external_id)["CustomerAccount"], OrganizationName=text)

    def _seed_customer(self, account: str, **fields: Any) -> None:
        row = {"dataAreaId": "usmf", "CustomerAccount": account, "CustomerGroupId": "10", "SalesCurrencyCode": "USD"}
        self.sandbox.seed({"records": {"CustomersV3": [{**row, **fields}]}})

    async def hiding(self) -> Connection:
        values = self._values(Changed())
        return self.keep(self._open({**values, "absent_fields": {self.source_object: [self.source_clearable]}}))

    async def subscribe(self, url: str) -> None:
        endpoint = {"name": "headrace", "url": f"{url}?code={CODE}"}
        events = {"endpoints": [endpoint], "configurations": [{"event": self.event, "endpoint": "headrace"}]}
        self.sandbox.seed({"business_events": events})

    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        codes = ["", CODE[:-1], f"{CODE}x", "ü", PASSWORD]
        logins = ["relay:wrong", "other:" + PASSWORD, f"{PASSWORD}:relay", "relay"]
        headers = ["Basic " + base64.b64encode(login.encode()).decode() for login in logins] + ["Basic %%%", "Bearer x"]
        return [
            *(replace(request, query={"code": code}) for code in codes),
            *(replace(request, query={}, headers={**request.headers, "authorization": value}) for value in headers),
        ]

    def foreign_page(self, url: str) -> Mapping[str, Any]:
        return {"value": [], "@odata.nextLink": f"{url}/data/{self.source_object}?$skiptoken=1"}

    # --- sample operations ---

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"dataAreaId": "usmf", "NameAlias": key}
        base = {"CustomerGroupId": "10", "SalesCurrencyCode": "USD", "OrganizationName": text}
        return self.operation(Action.CREATE, {**marker, **base, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 101, "HR-1")

    def with_natural_key(self, key: str) -> Operation:
        create = self.create("Contoso", "HR-1", CustomerAccount=key)
        return replace(create, key={"dataAreaId": "usmf", "CustomerAccount": key})


Kind = TypeVar("Kind", bound=DynamicsFoHarness)


class OrdersHarness(DynamicsFoHarness):
    """Sales orders, which must be written once whatever fails when (I12): F&O keeps no field of them unique."""

    target_object = "SalesOrderHeadersV2"
    target_text = "SalesOrderName"
    target_clearable = "CustomerRequisitionNumber"
    target_amount = "TotalDiscountAmount"
    absent_target = "dataAreaId=usmf,SalesOrderNumber=NONE"

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"dataAreaId": "usmf", "CustomersOrderReference": key}
        base = {"OrderingCustomerAccountNumber": "US-001", "SalesOrderName": text}
        return self.operation(Action.CREATE, {**marker, **base, **fields}, marker)


class VendorsHarness(DynamicsFoHarness):
    """Vendors, which are only read, and together with an address that stands elsewhere."""

    source_object = "VendorsV2"
    source_text = "VendorOrganizationName"
    source_clearable = "VendorKnownAsName"
    absent_record = "dataAreaId=usmf,VendorAccountNumber=NOBODY"
    event = "VendorChangedBusinessEvent"
    event_key: ClassVar = {"VendorAccountNumber": "VendorAccount"}

    async def make(self, text: str, key: str = "") -> str:
        self._made += 1
        account = key or f"V{self._made:04}"
        self._seed_vendor(account, text)
        return encode_key({"dataAreaId": "usmf", "VendorAccountNumber": account})

    async def change(self, external_id: str, text: str) -> None:
        self._seed_vendor(decode_key(external_id)["VendorAccountNumber"], text)

    def _seed_vendor(self, account: str, text: str) -> None:
        row = {"dataAreaId": "usmf", "VendorAccountNumber": account, "VendorGroupId": "10", "CurrencyCode": "USD"}
        address = {
            "dataAreaId": "usmf",
            "VendorAccountNumber": account,
            "VendorLegalEntityId": "USMF",
            "AddressLocationId": "1",
            "AddressValidFrom": "2020-01-01T00:00:00Z",
            "AddressValidTo": "2154-12-31T23:59:59Z",
            "AddressLocationRoles": "RemitTo",
            "AddressStreet": f"Box of {account}",
        }
        rows = {"VendorsV2": [{**row, "VendorOrganizationName": text}], "VendVendorPostalAddresses": [address]}
        self.sandbox.seed({"records": rows})


class InvoicesHarness(DynamicsFoHarness):
    """Pending vendor invoices, whose key and number are ours, and which must be written once (I12)."""

    target_object = "VendorInvoiceHeaders"
    target_text = "InvoiceDescription"
    target_clearable = "DocumentNumber"
    target_amount = "ImportedAmount"
    absent_target = "dataAreaId=usmf,HeaderReference=NONE"

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"dataAreaId": "usmf", "HeaderReference": key}
        base = {"InvoiceAccount": "1001", "InvoiceNumber": key, "InvoiceDescription": text}
        return self.operation(Action.CREATE, {**marker, **base, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 61, "HR-1")

    def with_natural_key(self, key: str) -> Operation:
        return self.create("Contoso", key)


class PurchaseOrdersHarness(DynamicsFoHarness):
    """Purchase orders, which F&O numbers and which must be written once (I12)."""

    target_object = "PurchaseOrderHeadersV2"
    target_text = "PurchaseOrderName"
    target_clearable = "PurchaseOrderPoolId"
    target_amount = "TotalDiscountPercentage"
    absent_target = "dataAreaId=usmf,PurchaseOrderNumber=NONE"

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"dataAreaId": "usmf", "VendorOrderReference": key}
        base = {"OrderVendorAccountNumber": "1001", "PurchaseOrderName": text}
        return self.operation(Action.CREATE, {**marker, **base, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 61, "HR-1")


class CustomerInvoicesHarness(DynamicsFoHarness):
    """Free text invoices, whose key is ours, and which must be written once (I12)."""

    target_object = "CDSFreeTextInvoiceHeaders"
    target_text = "CustomerReference"
    absent_target = "dataAreaId=usmf,ExternalInvoiceId=NONE"

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"dataAreaId": "usmf", "ExternalInvoiceId": key}
        base = {"CustomerAccount": "US-001", "InvoiceDate": date(2026, 3, 1), "CustomerReference": text}
        return self.operation(Action.CREATE, {**marker, **base, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 61, "HR-1")

    def with_natural_key(self, key: str) -> Operation:
        return self.create("Contoso", key)


@asynccontextmanager
async def harness(data_dir: Path) -> AsyncIterator[DynamicsFoHarness]:
    """Run an environment and give its harness for customers."""
    async with _running(data_dir, DynamicsFoHarness, SEED) as found:
        yield found


@asynccontextmanager
async def orders_harness(data_dir: Path) -> AsyncIterator[OrdersHarness]:
    """Run an environment with a customer and give its harness for sales orders."""
    customer = {"dataAreaId": "usmf", "CustomerAccount": "US-001", "CustomerGroupId": "10", "SalesCurrencyCode": "USD"}
    records = {"CustomersV3": [{**customer, "OrganizationName": "Contoso", "SiteId": "1", "WarehouseId": "11"}]}
    async with _running(data_dir, OrdersHarness, {**SEED, "records": records}) as found:
        yield found


@asynccontextmanager
async def purchase_orders_harness(data_dir: Path) -> AsyncIterator[PurchaseOrdersHarness]:
    """Run an environment with a vendor and give its harness for purchase orders."""
    vendor = {"dataAreaId": "usmf", "VendorAccountNumber": "1001", "VendorGroupId": "10", "CurrencyCode": "USD"}
    seed = {**SEED, "accounts_payable": ["usmf"], "records": {"VendorsV2": [vendor]}}
    async with _running(data_dir, PurchaseOrdersHarness, seed) as found:
        yield found


@asynccontextmanager
async def customer_invoices_harness(data_dir: Path) -> AsyncIterator[CustomerInvoicesHarness]:
    """Run an environment with a customer and give its harness for free text invoices."""
    customer = {"dataAreaId": "usmf", "CustomerAccount": "US-001", "CustomerGroupId": "10", "SalesCurrencyCode": "USD"}
    async with _running(data_dir, CustomerInvoicesHarness, {**SEED, "records": {"CustomersV3": [customer]}}) as found:
        yield found


@asynccontextmanager
async def invoices_harness(data_dir: Path) -> AsyncIterator[InvoicesHarness]:
    """Run an environment with a vendor and give its harness for pending vendor invoices."""
    vendor = {"dataAreaId": "usmf", "VendorAccountNumber": "1001", "VendorGroupId": "10", "CurrencyCode": "USD"}
    seed = {**SEED, "accounts_payable": ["usmf"], "records": {"VendorsV2": [vendor]}}
    async with _running(data_dir, InvoicesHarness, seed) as found:
        yield found


@asynccontextmanager
async def vendors_harness(data_dir: Path) -> AsyncIterator[VendorsHarness]:
    """Run an environment and give its harness for vendors."""
    async with _running(data_dir, VendorsHarness, {**SEED, "accounts_payable": ["usmf"]}) as found:
        yield found


@asynccontextmanager
async def _running(data_dir: Path, kind: type[Kind], seed: Mapping[str, Any]) -> AsyncIterator[Kind]:
    application = create_app(data_dir)
    sandbox: Sandbox = application.state.sandbox
    sandbox.seed(seed)
    async with serve(application, data_dir / "tls") as served:
        found = kind(sandbox, served)
        try:
            yield found
        finally:
            await found.close()
