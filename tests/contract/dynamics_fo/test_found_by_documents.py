"""Vendors, customers and accounts found by what a document tells of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.core.errors import RejectRecord, RetryLater
from headrace.testing.harness import target_of
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.documents import look, purchase
from tests.contract.dynamics_fo.payables import connect, vendor
from tests.contract.dynamics_fo.world import World, customer

ACME = "dataAreaId=usmf,VendorAccountNumber=V-1"


@pytest.fixture
async def sandbox(sandbox: World) -> World:
    await payables.prepare(sandbox)
    found = [
        vendor("V-1", VendorOrganizationName="Acme Office*Supplies", TaxExemptNumber="DE123456789"),
        vendor("V-2", VendorOrganizationName="Lakeside  Plumbing", TaxExemptNumber="US 12-3456"),
        vendor("V-3", VendorOrganizationName="Fabrikam", TaxExemptNumber="77"),
        vendor("V-4", VendorOrganizationName="fabrikam", TaxExemptNumber="77"),
        vendor("V-1", "demf", VendorOrganizationName="Acme Europe", TaxExemptNumber="DE999"),
    ]
    await sandbox.seed(records={"VendorsV2": found, "CustomersV3": [customer("US-009", OrganizationName="Zoë & Co")]})
    return sandbox


class TestVendor:
    @pytest.mark.parametrize(
        ("key", "account"),
        [
            ({"VendorAccountNumber": "v-1"}, "V-1"),
            ({"VendorOrganizationName": "  acme office*supplies "}, "V-1"),
            ({"VendorOrganizationName": "ACME"}, ""),
            ({"VendorOrganizationName": "Acme*"}, ""),
            ({"VendorOrganizationName": "Acme Europe"}, ""),
            ({"TaxExemptNumber": "DE123456789"}, "V-1"),
            ({"TaxExemptNumber": "de 123.456.789"}, "V-1"),
            ({"TaxExemptNumber": "US 12-3456"}, "V-2"),
            ({"TaxExemptNumber": "DE999"}, ""),
            ({"TaxExemptNumber": "DE12345678"}, ""),
        ],
    )
    async def test_by_number_name_or_tax_number(self, sandbox: World, key: Mapping[str, Any], account: str) -> None:
        found = await target_of(connect(sandbox)).find(look("VendorsV2", dataAreaId="USMF", **key))
        assert (found.target_id if found else "") == (
            f"dataAreaId=usmf,VendorAccountNumber={account}" if account else ""
        )
        assert found is None or found.matches == 1

    @pytest.mark.parametrize("key", [{"VendorOrganizationName": "Fabrikam"}, {"TaxExemptNumber": "77"}])
    async def test_several_are_told_as_several(self, sandbox: World, key: Mapping[str, Any]) -> None:
        found = await target_of(connect(sandbox)).find(look("VendorsV2", dataAreaId="usmf", **key))
        assert found is not None
        assert found.matches == 2

    async def test_by_the_purchase_order_that_an_invoice_names(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        header = await target.apply(purchase("HR-1", OrderVendorAccountNumber="V-1"))
        number = header.record["PurchaseOrderNumber"]
        found = await target.find(look("VendorsV2", dataAreaId="usmf", PurchaseOrderNumber=number))
        assert found is not None
        assert (found.target_id, found.matches) == (ACME, 1)
        for company, order in (("usmf", "PO-999999"), ("demf", number)):
            assert await target.find(look("VendorsV2", dataAreaId=company, PurchaseOrderNumber=order)) is None

    async def test_who_sends_the_invoices_counts(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        other = {"OrderVendorAccountNumber": "V-1", "InvoiceVendorAccountNumber": "V-2"}
        number = (await target.apply(purchase("HR-1", **other))).record["PurchaseOrderNumber"]
        found = await target.find(look("VendorsV2", dataAreaId="usmf", PurchaseOrderNumber=number))
        assert found is not None
        assert found.target_id == "dataAreaId=usmf,VendorAccountNumber=V-2"

    async def test_an_order_that_cannot_be_read_now_is_no_missing_one(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/PurchaseOrderHeadersV2", status=503, times=None)
        with pytest.raises(RetryLater):
            await target_of(connect(sandbox)).find(look("VendorsV2", dataAreaId="usmf", PurchaseOrderNumber="PO-1"))

    async def test_two_ways_to_say_one_thing_are_refused(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        number = (await target.apply(purchase("HR-1"))).record["PurchaseOrderNumber"]
        key = {"dataAreaId": "usmf", "PurchaseOrderNumber": number, "VendorAccountNumber": "V-1"}
        with pytest.raises(RejectRecord, match="VendorAccountNumber twice"):
            await target.find(look("VendorsV2", **key))

    async def test_without_a_company_nobody_is_looked_for(self, sandbox: World) -> None:
        with pytest.raises(RejectRecord) as caught:
            await target_of(connect(sandbox)).find(look("VendorsV2", VendorOrganizationName="Fabrikam"))
        assert caught.value.reason == "no legal entity"


async def test_a_customer_by_name(sandbox: World) -> None:
    found = await target_of(connect(sandbox)).find(
        look("CustomersV3", dataAreaId="usmf", OrganizationName=" zoë  & co")
    )
    assert found is not None
    assert found.target_id == "dataAreaId=usmf,CustomerAccount=US-009"


class TestAccount:
    async def test_in_the_chart_of_the_company(self, sandbox: World) -> None:
        other = {"ChartOfAccounts": "Other", "MainAccountId": "601500", "Name": "Theirs", "MainAccountType": "Expense"}
        await sandbox.seed(records={"MainAccounts": [other]})
        target = target_of(connect(sandbox))
        found = await target.find(look("MainAccounts", MainAccountId="601500", LegalEntities="USMF"))
        assert found is not None
        assert (found.target_id, found.matches) == ("ChartOfAccounts=Shared,MainAccountId=601500", 1)
        several = await target.find(look("MainAccounts", MainAccountId="601500"))
        assert several is not None
        assert several.matches == 2

    async def test_one_that_is_not_there(self, sandbox: World) -> None:
        target = target_of(connect(sandbox))
        for key in ({"MainAccountId": "999999"}, {"MainAccountId": "601500", "LegalEntities": "none"}):
            assert await target.find(look("MainAccounts", **key)) is None
