"""Deliveries of both generations, as the instance really sends them, and what is read of their documents."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.contracts import WebhookRequest
from headrace.core.event import Ref
from headrace.testing.harness import source_of
from headrace.testing.serving import receiver
from headrace.testing.suites.values import fetched
from tests.contract.recordengine.harness import CONTACT, FOLDER, TOKEN, RecordengineHarness

FIELDS = {"vendor": "Lakeside", "invoice_number": "INV-8841", "total_amount": "1280.25", "po_number": "PO-000412"}
LINE = {"description": "Pump repair", "quantity": "2", "unit_price": "600.00", "amount": "1200.00"}
SCRIPT = {"filename": "INV-8841.pdf", "fields": FIELDS, "line_items": [LINE], "custom_fields": {"Cost Center": "014"}}


async def delivered(harness: RecordengineHarness, count: int = 1, **channels: Any) -> list[WebhookRequest]:
    """Export a document and return what the instance sends."""
    await harness.call("POST", "scripts", **SCRIPT)
    async with receiver([200] * 10) as hook:
        await harness.call("POST", "channels", channels={"documents": {"url": hook.url}}, **channels)
        await harness.exported()
        return list(await hook.received(count))


@pytest.mark.parametrize("generation", ["v1", "v2"])
@pytest.mark.parametrize("placement", ["extracted", "top", "custom", "mixed"])
async def test_both_generations_name_their_document(
    harness: RecordengineHarness, generation: str, placement: str
) -> None:
    """Wherever fields stand, in the delivery and in what is read, the same is read."""
    harness.sandbox.settings.change(
        {"webhook_generation": generation, f"{generation}_placement": placement, "document_placement": placement}
    )
    harness.configuration = {"webhook": {}}
    (request,) = await delivered(harness, auth="api_token")
    source = harness.source()
    source.verify(request)
    notice = source.notice(request)
    assert notice.status == 200
    assert notice.ref is not None
    assert source.decode(notice.ref, request.body) is None
    record = await fetched(source, "document", notice.ref.external_id)
    found = {name: each["value"] for name, each in record.data["extracted"].items()}
    assert found == {**FIELDS, "cost_center": "014"}
    (line,) = record.data["line_items"]
    assert (line["description"], line["unit_price"]) == ("Pump repair", "600.00")
    assert (record.data["contact_name"], record.data["folder_name"]) == ("Lakeside Plumbing LLC", "2026 Q1")
    assert record.data["doc_url"].startswith(harness.url)


async def test_a_code_in_our_address(harness: RecordengineHarness) -> None:
    code = "c" * 40
    harness.configuration = {"webhook": {"codes": [code]}}
    await harness.call("POST", "scripts", **SCRIPT)
    async with receiver([200]) as hook:
        channels = {"documents": {"url": f"{hook.url}?code={code}"}}
        await harness.call("POST", "channels", channels=channels, auth="blank")
        await harness.exported()
        (request,) = await hook.received(1)
    assert "authorization" not in request.headers
    harness.source().verify(request)


async def test_a_document_that_was_taken_back_tells_its_present_status(harness: RecordengineHarness) -> None:
    """Deliveries come late and in any order: what counts is what the document is now."""
    made = await harness.exported()
    source = harness.source()
    before = await fetched(source, "document", made)
    harness.sandbox.clock.advance(5)
    await harness.act("pull_back", made)
    after = await fetched(source, "document", made)
    assert (before.data["status"], after.data["status"]) == ("export", "needs_review")
    assert before.version < after.version


async def test_amounts_stay_as_they_were_read(harness: RecordengineHarness) -> None:
    harness.sandbox.settings.change({"amounts": "local"})
    await harness.call("POST", "scripts", **SCRIPT)
    record = await fetched(harness.source(), "document", await harness.exported())
    assert record.data["extracted"]["total_amount"]["value"] == "1.280,25"


async def test_what_is_not_read_yet_has_no_values(harness: RecordengineHarness) -> None:
    record = await fetched(harness.source(), "document", await harness.document("New"))
    assert (record.data["extracted"], record.data["ai_summary"]) == ({}, None)
    assert "line_items" not in record.data
    assert record.data["uncertain"] is True


async def test_names_are_asked_for_once(harness: RecordengineHarness) -> None:
    made = [await harness.exported() for _ in range(3)]
    source = harness.source()
    for each in made:
        await fetched(source, "document", each)
    asked = [entry["path"] for entry in harness.requests("GET")]
    assert asked.count(f"/api/contacts/{CONTACT}") == asked.count(f"/api/folders/{FOLDER}") == 1


async def test_the_token_of_the_api_is_no_longer_believed_once_another_is_configured(
    harness: RecordengineHarness,
) -> None:
    (request,) = await delivered(harness, auth="api_token")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    with pytest.raises(Exception, match="401"):
        source_of(harness.connect()).verify(request)
    assert source_of(harness.connect()).notice(request).ref == Ref("document", "1201")
