"""Reading Dataverse over HTTP."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from headrace.core.attachments import Attached
from headrace.core.contracts import Source
from headrace.core.errors import RejectRecord, StopConnection
from headrace.core.event import Ref
from headrace.platform.record_json import dump_record, load_record
from headrace.testing.serving import receiver
from headrace.testing.suites import SourceSuite
from tests.contract.dataverse.harness import DataverseHarness
from tests.contract.dataverse.world import ACCOUNT, CONTACT, INVOICE, NOBODY, NOTE, OPPORTUNITY, World, fetched, poll

FILE = bytes(range(256)) * 1000


class TestSource(SourceSuite):
    not_applicable: ClassVar = {
        "any_key_is_read": "ids of rows are GUIDs; nobody chooses other ones",
        "duplicate_delivery_keeps_its_id": "Dataverse repeats after 502, 503 and 504 alone; TestDeliveries shows it",
    }


class TestFetch:
    async def test_an_opportunity_with_names_labels_and_money(self, sandbox: World) -> None:
        record = await fetched(sandbox.source(), "opportunity", OPPORTUNITY.upper())
        assert record.ref == Ref("opportunity", OPPORTUNITY)
        data = record.data
        assert data["estimatedvalue"] == {"amount": Decimal("1234.50"), "currency": "EUR"}
        assert data["customerid"] == {"type": "account", "id": ACCOUNT, "name": "Bäckerei Müller 🥨"}
        assert (data["statecode"], data["statecode_label"]) == (0, "Open")
        assert (data["estimatedclosedate"], data["stage"], data["currency"]) == (date(2026, 12, 24), "2-Develop", "EUR")
        assert data["record_url"].endswith(f"/main.aspx?etn=opportunity&id={OPPORTUNITY}")
        assert data["custom"]["new_documentnumber"] is None
        assert "new_documenttotal_base" not in data["custom"]
        assert len(record.version) == 20

    async def test_records_of_all_tables_survive_storage(self, sandbox: World) -> None:
        source = sandbox.source()
        for obj, id_ in (
            ("account", ACCOUNT),
            ("contact", CONTACT),
            ("invoice", INVOICE),
            ("opportunity", OPPORTUNITY),
        ):
            record = await fetched(source, obj, id_)
            assert load_record(dump_record(record)) == record

    async def test_our_own_changes_are_told(self, sandbox: World) -> None:
        connection = sandbox.connect()
        assert connection.source is not None
        assert not (await fetched(connection.source, "account", ACCOUNT)).own
        await connection.client.write(
            "PATCH", f"accounts({ACCOUNT})", "test", {"name": "Ours"}, condition={"If-Match": "*"}
        )
        record = await fetched(connection.source, "account", ACCOUNT)
        assert (record.own, record.data["own"]) == (True, True)

    async def test_ids_that_are_none(self, sandbox: World) -> None:
        for ref in (Ref("account", "4711"), Ref("account", ""), Ref("systemuser", ACCOUNT)):
            with pytest.raises(RejectRecord):
                await sandbox.source().fetch(ref)

    async def test_many_at_once_go_out_in_few_batches(self, sandbox: World) -> None:
        source = sandbox.source()
        await fetched(source, "account", ACCOUNT)
        ids = [f"bbbbbbbb-0000-4000-8000-{number:012}" for number in range(40)]
        sandbox.seed(account=[{"accountid": id_, "name": f"A {id_[-2:]}"} for id_ in ids])
        found = await asyncio.gather(*(source.fetch(Ref("account", id_)) for id_ in [*ids, NOBODY]))
        assert [record.ref.external_id if record else None for record in found] == [*ids, None]
        assert len(sandbox.requests("POST", "$batch")) <= 8
        assert len(sandbox.requests("GET", "/accounts(")) <= 8

    async def test_a_stage_in_another_column(self, sandbox: World) -> None:
        stages = {"name": "new_stage", "kind": "choice", "options": {1: "Draft", 2: "Proposal"}}
        await sandbox.control("POST", "tables/opportunity/columns", stages)
        sandbox.edit("opportunity", OPPORTUNITY, new_stage=2)
        source = sandbox.source(stage_column="new_stage")
        assert (await fetched(source, "opportunity", OPPORTUNITY)).data["stage"] == "Proposal"

    async def test_a_missing_privilege_parks_the_record_and_stops_polls(self, sandbox: World) -> None:
        await sandbox.role(prvReadAccount="none")
        with pytest.raises(RejectRecord, match="prvReadAccount"):
            await sandbox.source().fetch(Ref("account", ACCOUNT))
        with pytest.raises(StopConnection, match="prvReadAccount"):
            await poll(sandbox.source(), "account")


class TestChanges:
    async def test_deletions_are_told(self, sandbox: World) -> None:
        source = sandbox.source()
        _, cursor = await poll(source, "account")
        assert sandbox.sandbox.remove("account", ACCOUNT) is not None
        (record,), cursor = await poll(source, "account", cursor)
        assert (record.ref, record.deleted) == (Ref("account", ACCOUNT), True)
        assert (await poll(source, "account", cursor))[0] == []

    @pytest.mark.parametrize("status", [400, 410])
    async def test_an_expired_link_reads_everything_anew(
        self, sandbox: World, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        await sandbox.settings(change_tracking_expired_status=status)
        source = sandbox.source()
        _, cursor = await poll(source, "account")
        sandbox.sandbox.clock.advance(timedelta(days=8).total_seconds())
        records, after = await poll(source, "account", cursor)
        assert [record.ref.external_id for record in records] == [ACCOUNT]
        assert "expired" in caplog.text
        assert (await poll(source, "account", after))[0] == []

    async def test_a_new_column_reads_everything_anew(self, sandbox: World) -> None:
        _, cursor = await poll(sandbox.source(), "account")
        await sandbox.control("POST", "tables/account/columns", {"name": "new_fresh", "kind": "string"})
        records, _ = await poll(sandbox.source(), "account", cursor)
        assert [record.data["custom"]["new_fresh"] for record in records] == [None]

    async def test_a_table_without_change_tracking_is_read_by_time(self, sandbox: World) -> None:
        await sandbox.control("PATCH", "tables/account", {"tracking": False})
        sandbox.sandbox.clock.advance(-86_400)
        sandbox.seed(account=[{"accountid": NOBODY, "name": "Old"}])
        sandbox.sandbox.clock.advance(86_400)
        source = sandbox.source(page_size=1)
        records, cursor = await poll(source, "account")
        assert [record.ref.external_id for record in records] == [NOBODY, ACCOUNT]
        assert set(cursor) == {"modified_since"}
        records, _ = await poll(source, "account", cursor)
        assert [record.ref.external_id for record in records] == [ACCOUNT], "the overlap"

    async def test_a_load_begins_in_the_middle(self, sandbox: World) -> None:
        sandbox.sandbox.clock.advance(-86_400)
        sandbox.seed(account=[{"accountid": NOBODY, "name": "Old"}])
        sandbox.sandbox.clock.advance(86_400)
        source: Any = sandbox.source()
        cursor = source.cursor_at("account", datetime.now(UTC) - timedelta(hours=1))
        assert [record.ref.external_id for record in (await poll(source, "account", cursor))[0]] == [ACCOUNT]

    async def test_links_of_another_host_are_refused(self, harness: DataverseHarness) -> None:
        async with receiver() as stranger:
            source = harness.source()
            await harness.make("Contoso")
            await poll(source, "account")
            for name in ("@odata.nextLink", "@odata.deltaLink"):
                body = {"value": [], name: f"{stranger.url}/api/data/v9.2/accounts?$deltatoken=1"}
                harness.fault("status", "GET", path="/accounts", status=200, body=body)
                with pytest.raises(RejectRecord, match="address outside the connection"):
                    await poll(source, "account")
            assert stranger.requests == []


class TestFiles:
    @pytest.fixture
    def noted(self, sandbox: World) -> World:
        document = {"isdocument": True, "filename": "offer.pdf", "mimetype": "application/pdf"}
        about = {"objectid_opportunity@odata.bind": f"/opportunities({OPPORTUNITY})"}
        body = base64.b64encode(FILE).decode()
        rows = [
            {"annotationid": NOTE, "subject": "Offer", **document, "documentbody": body, **about},
            {"subject": "Only text", "notetext": "x", **about},
            {"subject": "Of another", **document, "documentbody": body},
        ]
        sandbox.seed(annotation=rows)
        return sandbox

    @staticmethod
    def source(sandbox: World, **documents: Any) -> Source:
        return sandbox.source(documents={"stages": ["3-Propose"], **documents})

    async def test_files_come_with_the_stage(self, noted: World) -> None:
        source = self.source(noted)
        assert isinstance(source, Attached)
        before = await fetched(source, "opportunity", OPPORTUNITY)
        assert "files" not in before.data
        assert list(source.attachments(before)) == []
        noted.edit("opportunity", OPPORTUNITY, stepname="3-propose ")
        listed, _ = await poll(source, "opportunity")
        assert [record.complete for record in listed] == [False]
        record = await fetched(source, "opportunity", OPPORTUNITY)
        (attachment,) = source.attachments(record)
        assert (attachment.id, attachment.name, attachment.media_type) == (NOTE, "offer.pdf", "application/pdf")
        parts = [part async for part in source.read(record.ref, attachment)]
        assert b"".join(parts) == FILE
        assert len(parts) > 1, "it comes in parts"

    async def test_a_file_that_is_too_large_gone_or_changed(self, noted: World) -> None:
        noted.edit("opportunity", OPPORTUNITY, stepname="3-Propose")
        source = self.source(noted, largest_file=1000)
        assert isinstance(source, Attached)
        record = await fetched(source, "opportunity", OPPORTUNITY)
        (attachment,) = source.attachments(record)
        with pytest.raises(RejectRecord, match="largest_file allows 1000"):
            [part async for part in source.read(record.ref, attachment)]
        assert noted.sandbox.remove("annotation", NOTE) is not None
        with pytest.raises(RejectRecord, match="was deleted"):
            [part async for part in source.read(record.ref, attachment)]

    async def test_a_file_that_is_cut_off_is_not_taken(self, noted: World) -> None:
        noted.edit("opportunity", OPPORTUNITY, stepname="3-Propose")
        source = self.source(noted)
        assert isinstance(source, Attached)
        record = await fetched(source, "opportunity", OPPORTUNITY)
        (attachment,) = source.attachments(record)
        short = {"content-type": "text/plain"}
        await noted.fault("status", "GET", "documentbody", status=200, body="QUJD", headers=short)
        with pytest.raises(RejectRecord, match="its note says"):
            [part async for part in source.read(record.ref, attachment)]


class TestDeliveries:
    async def test_a_repeat_has_the_same_id(self, harness: DataverseHarness) -> None:
        harness.sandbox.settings.change({"retry_time_scale": 0.01})
        assert harness.sandbox.deliveries is not None
        async with receiver(statuses=[503]) as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            made = await harness.make("Contoso")
            notices = [harness.source().notice(request) for request in await hook.received(2)]
        assert {notice.ref for notice in notices} == {Ref("account", made)}
        assert len({notice.delivery_id for notice in notices}) == 1

    async def test_a_truncated_body_still_names_its_row(self, harness: DataverseHarness) -> None:
        harness.sandbox.settings.change({"webhook_payload_limit": 100})
        async with receiver() as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            made = await harness.make("Contoso")
            (request,) = await hook.received(1)
        assert b"InputParameters" not in request.body
        source = harness.source()
        assert source.notice(request).ref == Ref("account", made)
        assert source.decode(Ref("account", made), request.body) is None

    async def test_a_deletion_is_carried_once_we_know_our_organization(self, harness: DataverseHarness) -> None:
        made, source = await harness.make("Contoso"), harness.source()
        async with receiver() as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            assert harness.sandbox.remove("account", made) is not None
            (request,) = await hook.received(1)
        ref = Ref("account", made)
        assert source.decode(ref, request.body) is None, "it is read, and not there"
        assert await source.fetch(ref) is None
        await fetched(source, "account", await harness.make("Another"))
        record = source.decode(ref, request.body)
        assert record is not None
        assert (record.ref, record.deleted, record.own) == (ref, True, False)
        context = {**json.loads(request.body), "OrganizationId": NOBODY}
        assert source.decode(ref, json.dumps(context).encode()) is None, "a copy of the environment tells of its own"

    async def test_other_tables_need_no_work(self, harness: DataverseHarness) -> None:
        async with receiver() as hook:
            await harness.subscribe(hook.url)
            hook.requests.clear()
            await harness.make("Contoso")
            (request,) = await hook.received(1)
        body = {**json.loads(request.body), "PrimaryEntityName": "systemuser"}
        assert harness.source().notice(replace(request, body=json.dumps(body).encode())).ref is None
