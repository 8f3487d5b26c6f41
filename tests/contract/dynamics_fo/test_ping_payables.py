"""What `ping` says about accounts payable; each line is made to fail."""

from typing import Any

import pytest

from headrace.core.contracts import Check, CheckState
from headrace.core.needs import FieldNeed, Needs
from tests.contract.dynamics_fo import payables
from tests.contract.dynamics_fo.payables import DOCUMENTS, INVOICES, JOURNALS, LINES, PAYMENTS, SETTLED, connect
from tests.contract.dynamics_fo.world import World

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


def written(obj: str, name: str, **more: Any) -> FieldNeed:
    return FieldNeed(obj, name, "mappings/it.yaml:7", writes=True, **more)


def read(obj: str, name: str) -> FieldNeed:
    return FieldNeed(obj, name, "mappings/it.yaml:7")


INVOICE = written(INVOICES, "InvoiceNumber", types=frozenset({"string"}))
LINE = written(LINES, "MainAccountDisplayValue")
JOURNAL = written(JOURNALS, "JournalName", by_company={"usmf": "VendPay", "demf": "VendPay"})
PAYMENT = written(PAYMENTS, "PaymentMethodName", values=("CHECK", "ELECTRONIC"))
MARK = written(SETTLED, "InvoiceNumber")
VENDOR = read("VendorsV2", "RemitToCity")
ORDER = read("PurchaseOrderHeadersV2", "Lines[].LineNumber")


@pytest.fixture(autouse=True)
async def payables_world(sandbox: World) -> None:
    await payables.prepare(sandbox)


async def checks(sandbox: World, *needs: FieldNeed, **changes: Any) -> dict[str, Check]:
    found = await connect(sandbox, **changes).ping(Needs(needs))
    assert all(check.remedy for check in found if check.state is not PASS), "whatever does not pass has a remedy"
    return {check.name: check for check in found if check.name != "business events"}  # none are registered here


class TestAllIsWell:
    async def test_with_everything_that_mappings_use(self, sandbox: World) -> None:
        content = written(DOCUMENTS, "FileContents", types=frozenset({"object"}))
        posted = read("VendInvoiceJourBiEntities", "InvoiceId")
        account = read("MainAccounts", "LegalEntities")
        found = await checks(sandbox, INVOICE, LINE, content, JOURNAL, PAYMENT, VENDOR, ORDER, posted, account)
        assert [check for check in found.values() if check.state is FAIL] == []
        assert found["ledger format"].detail == "MainAccount-Department-CostCenter"
        assert found["invoice numbers in usmf"].state is PASS
        assert found[f"{JOURNALS}.JournalName"].detail == "demf: VendPay, usmf: VendPay"
        assert found[f"{PAYMENTS}.PaymentMethodName"].state is PASS
        assert found["bank accounts in usmf"].detail == "USMF OPER (USD)"
        assert found["read VendVendorPostalAddresses"].state is PASS
        assert found["read Ledgers"].state is PASS
        assert found["changes of MainAccounts"].detail == "by MainAccountBiEntities.SysModifiedDateTime"
        assert found["fields of VendInvoiceJourBiEntities"].state is PASS

    async def test_what_no_mapping_uses_is_not_looked_at(self, sandbox: World) -> None:
        found = await checks(sandbox, VENDOR)
        assert "read VendorsV2" in found
        assert not [name for name in found if "Invoice" in name or "invoice" in name or "CustomersV3" in name]


class TestWhatIsWrong:
    async def test_a_ledger_format_that_is_not_configured_or_another(self, sandbox: World) -> None:
        line = (await checks(sandbox, LINE, ledger_format=None))["ledger format"]
        assert line.state is WARN
        assert "Set ledger_format: {dimensions: [MainAccount, Department, CostCenter]" in line.remedy
        other = {"dimensions": ["Department", "MainAccount", "CostCenter"]}
        line = (await checks(sandbox, LINE, ledger_format=other))["ledger format"]
        assert line.state is FAIL

    @pytest.mark.parametrize("mode", ["AcceptDuplicate", "WarnDuplicate"])
    async def test_numbers_that_are_taken_twice(self, sandbox: World, mode: str) -> None:
        await payables.edit(sandbox, "VendorParameters", "dataAreaId=demf", IsCheckInvoiceNumberUsed=mode)
        found = await checks(sandbox, INVOICE)
        assert (found["invoice numbers in usmf"].state, found["invoice numbers in demf"].state) == (PASS, WARN)
        assert mode in found["invoice numbers in demf"].detail

    @pytest.mark.parametrize(("name", "words"), [("NoSuch", "has no journal name"), ("GenJrn", "of the type Daily")])
    async def test_a_journal_name(self, sandbox: World, name: str, words: str) -> None:
        line = (await checks(sandbox, written(JOURNALS, "JournalName", values=(name,))))[f"{JOURNALS}.JournalName"]
        assert line.state is FAIL
        assert words in line.detail

    async def test_a_method_of_payment(self, sandbox: World) -> None:
        line = await checks(sandbox, written(PAYMENTS, "PaymentMethodName", values=("CASH",)))
        assert line[f"{PAYMENTS}.PaymentMethodName"].state is FAIL

    async def test_a_company_without_bank_account(self, sandbox: World) -> None:
        await sandbox.seed(companies={"frrt": {}})
        found = await checks(sandbox, PAYMENT, legal_entities=["usmf", "frrt"])
        assert (found["bank accounts in usmf"].state, found["bank accounts in frrt"].state) == (PASS, WARN)

    async def test_whether_invoices_can_be_marked_only_a_payment_tells(self, sandbox: World) -> None:
        line = (await checks(sandbox, MARK))[f"write {SETTLED}"]
        assert (line.state, "MarkedInvoice" in line.remedy) == (WARN, True)
        body = {"Name": "VendorPaymentJournalLineSettledInvoice", "IsReadOnly": True, "Properties": []}
        await sandbox.fault("status", "GET", "/metadata/PublicEntities", status=200, body=body, times=None,
                            headers={"content-type": "application/json"})  # fmt: skip
        assert (await checks(sandbox, MARK))[f"write {SETTLED}"].state is FAIL

    @pytest.mark.parametrize(
        ("need", "entity_set", "option"),
        [
            (VENDOR, "VendVendorPostalAddresses", {"VendorsV2": ["RemitToStreet"]}),
            (ORDER, "PurchaseOrderLinesV2", {"PurchaseOrderHeadersV2": ["Lines"]}),
        ],
    )
    async def test_what_completes_a_record_and_may_not_be_read(
        self, sandbox: World, need: FieldNeed, entity_set: str, option: dict[str, list[str]]
    ) -> None:
        await sandbox.fault("status", "GET", f"/data/{entity_set}", status=403, times=None)
        line = (await checks(sandbox, need))[f"read {entity_set}"]
        assert line.state is FAIL
        assert "absent_fields" in line.remedy
        assert (await checks(sandbox, need, absent_fields=option))[f"read {entity_set}"].state is PASS

    async def test_posted_invoices_that_nobody_may_see(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/data/VendInvoiceJourBiEntities", status=404, times=None)
        line = (await checks(sandbox, INVOICE))["read VendInvoiceJourBiEntities"]
        assert (line.state, "VendorInvoiceHeaders needs it" in line.detail) == (FAIL, True)

    @pytest.mark.parametrize("entity_set", ["VendorParameters", "JournalNames", "BankAccounts"])
    async def test_sets_that_are_not_published_are_left_to_people(self, sandbox: World, entity_set: str) -> None:
        await sandbox.fault("status", "GET", f"/data/{entity_set}", status=404, times=None)
        found = await checks(sandbox, INVOICE, JOURNAL, PAYMENT)
        assert [check for check in found.values() if check.state is FAIL] == []
        assert any("cannot be looked at" in check.detail for check in found.values())
