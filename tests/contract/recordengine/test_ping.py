"""`headrace ping` against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.contracts import Check, CheckState
from headrace.core.needs import FieldNeed, Needs
from tests.contract.recordengine.harness import CONTACT, FOLDER, RecordengineHarness

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL
A_DAY = 24 * 3600.0


async def lines(harness: RecordengineHarness, needs: Needs | None = None) -> dict[str, Check]:
    return {check.name: check for check in await harness.connect().ping(needs or Needs())}


async def test_a_right_token_and_a_wrong_one(harness: RecordengineHarness) -> None:
    await harness.exported()
    right = await harness.connect().ping()
    wrong = await harness.connect(credential="re_another").ping()
    assert not [check for check in right if check.state is FAIL]
    (failed,) = [check for check in wrong if check.state is FAIL]
    assert (failed.name, "regenerated" in failed.remedy) == ("sign-in", True)


async def test_a_whole_instance(harness: RecordengineHarness) -> None:
    fields = {"vendor": "Lakeside", "total_amount": "1280.25"}
    await harness.call("POST", "scripts", filename="INV-8841.pdf", fields=fields)
    await harness.exported()
    found = await lines(harness)
    names = ("sign-in", "clock", "webhook", "read contacts", "read folders", "filing default", "legal entities")
    assert {name: found[name].state for name in names} == dict.fromkeys(names, PASS)
    assert found["filing default"].detail == "Lakeside Plumbing LLC / 2026 Q1"
    assert found["waiting documents"].state is PASS
    assert found["exported documents"].state is PASS
    assert "invoice_number (label 'Invoice Number')" in found["extracted fields"].detail


async def test_only_what_mappings_read_is_missed(harness: RecordengineHarness) -> None:
    await harness.call("POST", "scripts", filename="INV-8841.pdf", fields={"vendor": "Lakeside"})
    await harness.exported()

    def reads(*names: str) -> Needs:
        return Needs([FieldNeed("document", f"extracted.{name}.value", "x.yaml:1") for name in names])

    assert (await lines(harness, reads("vendor")))["extracted fields"].state is PASS
    found = (await lines(harness, reads("vendor", "due_date")))["extracted fields"]
    assert found.state is WARN
    assert found.detail == "no value in 1 documents: due_date (label 'Due Date')"


async def test_an_api_that_names_fields_otherwise(harness: RecordengineHarness) -> None:
    await harness.exported()
    harness.sandbox.settings.change({"contract": {"fields": {"document": {"ai_summary": "summary"}}}})
    found = await lines(harness)
    assert (found["exported documents"].state, found["exported documents"].detail) == (
        WARN,
        "never seen in 1 answers: ai_summary",
    )
    harness.sandbox.settings.change({"contract": {"paths": {"documents": "/api/v2/documents"}}})
    stopped = await lines(harness)
    assert stopped["sign-in"].state is FAIL
    assert "/api/docs" in stopped["sign-in"].remedy


@pytest.mark.parametrize(
    ("filing", "told"),
    [
        ({"contact": 999, "folder": FOLDER}, "there is no contact 999"),
        ({"contact": CONTACT, "folder": 999}, "there is no folder 999"),
    ],
)
async def test_filing_that_is_not_there(harness: RecordengineHarness, filing: dict[str, Any], told: str) -> None:
    await harness.exported()
    harness.configuration = {"filing": {"by_type": {"opportunity": filing}}}
    found = (await lines(harness))["filing by_type.opportunity"]
    assert (found.state, found.detail) == (FAIL, told)


async def test_a_folder_of_another_contact(harness: RecordengineHarness) -> None:
    await harness.exported()
    other = (await harness.call("POST", "contacts", name="Harbor Electric", type="Vendor"))["id"]
    harness.configuration = {"filing": {"default": {"contact": other, "folder": FOLDER}}}
    found = (await lines(harness))["filing default"]
    assert found.state is FAIL
    assert f"belongs to contact {CONTACT}" in found.detail


async def test_uploads_with_no_place(harness: RecordengineHarness) -> None:
    await harness.exported()
    harness.configuration = {"filing": {}}
    needs = Needs([FieldNeed("upload", "filename", "x.yaml:1", writes=True)])
    assert (await lines(harness, needs))["filing"].state is FAIL
    harness.configuration = {}
    assert (await lines(harness, needs))["permissions"].state is WARN


async def test_legal_entities_of_folders_that_are_not_there(harness: RecordengineHarness) -> None:
    await harness.exported()
    harness.configuration = {"legal_entities": {"folders": {"77": "usmf", "999": "demf"}}}
    assert (await lines(harness))["legal entities"].detail == "not there: folders.999"
    harness.configuration = {"legal_entities": {"folders": {"77": "usmf"}}}
    assert (await lines(harness))["legal entities"].state is WARN


async def test_documents_that_nobody_will_hear_of(harness: RecordengineHarness) -> None:
    harness.sandbox.clock.advance(-5 * A_DAY)
    forgotten = await harness.document("Needs Review")
    harness.sandbox.clock.advance(5 * A_DAY)
    fresh, failed, asked = [await harness.document("Needs Review") for _ in range(3)]
    await harness.act("fail", failed)
    await harness.act("ask", asked)
    found = (await lines(harness))["waiting documents"]
    assert found.state is WARN
    assert found.detail == "1 in Exception, 1 in Missing Info, 1 in Needs Review for more than 3 days"
    assert forgotten
    assert fresh


async def test_deliveries_with_the_token_of_the_api(harness: RecordengineHarness) -> None:
    harness.configuration = {"webhook": {}}
    found = (await lines(harness))["webhook"]
    assert found.state is WARN
    assert "webhook.tokens" in found.remedy
    harness.configuration = {"webhook": {"codes": ["c" * 32]}}
    assert (await lines(harness))["webhook"].state is PASS
