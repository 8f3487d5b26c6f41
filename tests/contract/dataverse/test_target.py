"""Writing to Dataverse; the sandbox's ledger says what really happened."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headrace.connectors.dataverse.guids import made_of
from headrace.core.contracts import Action, AlreadyThere, Operation
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.sandbox.dataverse.installation import currency_id
from headrace.testing.suites import TargetSuite
from tests.contract.dataverse.harness import NotesHarness, harness
from tests.contract.dataverse.world import ACCOUNT, CONTACT, INVOICE, NOBODY, OPPORTUNITY, World, operation

EURO = {"amount": Decimal("1280.25"), "currency": "EUR"}


class TestAccounts(TargetSuite):
    pass


def note(key: str, **fields: Any) -> Operation:
    own = {"annotationid": made_of("note", key)}
    return operation(Action.CREATE, "annotation", {**own, "subject": "Ovens", **fields}, key=own)


def update(obj: str, id_: str, **fields: Any) -> Operation:
    return operation(
        Action.UPDATE, obj, {name.replace("custom_", "custom."): each for name, each in fields.items()}, id_
    )


class TestOwnIds:
    async def test_a_repeated_create_is_refused_by_the_service(self, sandbox: World) -> None:
        target = sandbox.target()
        create = note("1", notetext="Two ovens", objectid=f"opportunity={OPPORTUNITY}")
        target.check(create)
        written = await target.apply(create)
        assert written.target_id == create.fields["annotationid"]
        with pytest.raises(AlreadyThere):
            await target.apply(create)
        found = await target.find(create)
        assert found is not None
        assert found.record["objectid"] == {"type": "opportunity", "id": OPPORTUNITY, "name": "Ovens"}
        assert len(sandbox.ledger("annotation")) == 1

    async def test_a_lost_reply_is_found_by_the_id(self, sandbox: World) -> None:
        target = sandbox.target()
        await target.find(note("1"))  # the metadata is known
        await sandbox.fault("drop_reply", "PATCH")
        with pytest.raises(OutcomeUnknown):
            await target.apply(note("1"))
        assert await target.find(note("1")) is not None

    async def test_a_deleted_record_is_not_made_again_by_an_update(self, sandbox: World) -> None:
        with pytest.raises(RejectRecord, match="deleted"):
            await sandbox.target().apply(update("account", NOBODY, name="Contoso"))
        assert sandbox.ledger("account") == []

    async def test_ids_that_are_none(self, sandbox: World) -> None:
        for id_ in ("4711", "accounts(1)", "x=1", ""):
            with pytest.raises(RejectRecord):
                await sandbox.target().apply(update("account", id_, name="Contoso"))


class TestAlternateKeys:
    @pytest.fixture
    async def keyed(self, sandbox: World) -> World:
        await sandbox.control("POST", "tables/account/columns", {"name": "new_sourceid", "kind": "string"})
        await sandbox.control("POST", "tables/account/keys", {"name": "new_source", "columns": ["new_sourceid"]})
        return sandbox

    @staticmethod
    def create(key: str) -> Operation:
        marker = {"custom.new_sourceid": key}
        return operation(Action.CREATE, "account", {"name": "Contoso", **marker}, key=marker)

    async def test_a_create_goes_to_the_key_and_never_makes_a_second_row(self, keyed: World) -> None:
        target = keyed.target()
        written = await target.apply(self.create("C-42's"))
        assert written.record["custom.new_sourceid"] == "C-42's"
        assert len(keyed.requests("PATCH", "new_sourceid=")) == 1
        with pytest.raises(AlreadyThere):
            await target.apply(self.create("C-42's"))
        found = await target.find(self.create("C-42's"))
        assert found is not None
        assert (found.target_id, found.matches) == (written.target_id, 1)
        assert len(keyed.ledger("account")) == 1

    async def test_a_value_that_breaks_addresses_goes_into_the_body_and_is_as_unique(self, keyed: World) -> None:
        target = keyed.target()
        await target.apply(self.create("A/1?b"))
        assert keyed.requests("PATCH", "new_sourceid=") == []
        with pytest.raises(AlreadyThere):
            await target.apply(self.create("A/1?b"))
        assert await target.find(self.create("A/1?b")) is not None

    async def test_a_key_that_is_not_built_yet_is_none(self, sandbox: World) -> None:
        await sandbox.control("POST", "tables/account/columns", {"name": "new_sourceid", "kind": "string"})
        key = {"name": "new_source", "columns": ["new_sourceid"], "active": False}
        await sandbox.control("POST", "tables/account/keys", key)
        await sandbox.target().apply(self.create("C-42"))
        assert sandbox.requests("PATCH", "new_sourceid=") == []

    async def test_a_record_is_addressed_by_its_key(self, keyed: World) -> None:
        target = keyed.target()
        written = await target.apply(self.create("C-42"))
        found = await target.find(operation(Action.UPDATE, "account", {}, "new_sourceid=C-42"))
        assert found is not None
        assert found.target_id == written.target_id
        assert (await target.apply(update("account", "new_sourceid=C-42", name="Renamed"))).target_id == found.target_id
        with pytest.raises(RejectRecord):
            await target.apply(update("account", "new_sourceid=NONE", name="Renamed"))


class TestColumns:
    @pytest.mark.parametrize(
        ("obj", "fields", "words"),
        [
            ("opportunity", {"totalamount": EURO}, "computes it from the lines"),
            ("invoice", {"createdon": datetime(2026, 1, 1, tzinfo=UTC)}, "write a custom column"),
            ("invoice", {"invoicenumber": "1"}, "with a create only"),
            ("opportunity", {"statecode": 1}, "action of the table"),
            ("account", {"nam": "x"}, "no known column"),
            ("account", {"name": "x" * 161}, "160"),
            ("opportunity", {"customerid": ACCOUNT}, "table=GUID"),
            ("opportunity", {"estimatedvalue": Decimal(5)}, "with its currency"),
        ],
    )
    async def test_refused_before_any_call(self, sandbox: World, obj: str, fields: Any, words: str) -> None:
        with pytest.raises(RejectRecord, match=words):
            sandbox.target().check(operation(Action.UPDATE, obj, fields, OPPORTUNITY))
        assert sandbox.requests("GET", "/api/data/") == []

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"custom.new_documentnumbr": "1"}, 'did you mean "new_documentnumber"'),
            ({"custom.stepname": "1"}, "named stepname in mappings"),
            ({"custom.new_documenttotal_base": EURO}, "has no column"),
            ({"custom.new_documentdate": datetime(2026, 1, 1, tzinfo=UTC)}, "calendar date"),
            ({"custom.new_documentconfidence": "93"}, "whole number"),
            ({"custom.new_documentnumber": "9" * 101}, "holds 100"),
            ({"customerid": f"lead={ACCOUNT}"}, "leads to account, contact"),
        ],
    )
    async def test_refused_by_the_metadata_before_the_change(self, sandbox: World, fields: Any, words: str) -> None:
        with pytest.raises(RejectRecord, match=words):
            await sandbox.target().apply(operation(Action.UPDATE, "opportunity", fields, OPPORTUNITY))
        assert sandbox.requests("PATCH", "/api/data/") == []

    async def test_every_kind_of_value_arrives(self, sandbox: World) -> None:
        fields = {
            "estimatedclosedate": date(2027, 1, 31),
            "closeprobability": 70,
            "isrevenuesystemcalculated": False,
            "customerid": f"contact={CONTACT}",
            "estimatedvalue": EURO,
            "custom.new_documentdate": date(2026, 3, 2),
            "custom.new_documenttotal": EURO,
            "custom.new_documentconfidence": 93,
            "description": "二つ 🥨",
        }
        target = sandbox.target()
        change = operation(Action.UPDATE, "opportunity", fields, OPPORTUNITY)
        target.check(change)
        written = await target.apply(change)
        assert not written.lost
        assert written.record["customerid"] == {"type": "contact", "id": CONTACT, "name": "Ada Berg"}
        told = {name: value for name, value in written.record.items() if name in fields and name != "customerid"}
        assert told == {name: value for name, value in fields.items() if name != "customerid"}
        held = sandbox.row("opportunity", OPPORTUNITY)
        assert (held["estimatedclosedate"], held["new_documenttotal"]) == ("2027-01-31", Decimal("1280.25"))
        await target.apply(update("opportunity", OPPORTUNITY, customerid=None))
        assert sandbox.row("opportunity", OPPORTUNITY).get("customerid") is None

    async def test_a_new_column_is_learnt_without_a_restart(self, sandbox: World) -> None:
        target = sandbox.target()
        await target.apply(update("account", ACCOUNT, telephone1="1"))
        await sandbox.control("POST", "tables/account/columns", {"name": "new_fresh", "kind": "string"})
        await target.apply(update("account", ACCOUNT, custom_new_fresh="x"))
        assert sandbox.row("account", ACCOUNT)["new_fresh"] == "x"

    async def test_a_column_that_went_is_told_and_looked_for_again(self, sandbox: World) -> None:
        target = sandbox.target()
        await target.apply(update("account", ACCOUNT, custom_new_documentnumber="1"))
        await sandbox.control("DELETE", "tables/account/columns/new_documentnumber")
        for words in ("new_documentnumber. does not exist", "has no column new_documentnumber"):
            with pytest.raises(RejectRecord, match=words):
                await target.apply(update("account", ACCOUNT, custom_new_documentnumber="2"))

    async def test_what_the_service_ignores_is_lost(self, sandbox: World) -> None:
        # The metadata says that it can be written, and then nothing comes of it.
        target = sandbox.target()
        await target.apply(update("account", ACCOUNT, description="x"))
        await sandbox.control("PATCH", "tables/account/columns/description", {"update": False})
        written = await target.apply(update("account", ACCOUNT, description="y"))
        assert written.lost == {"description": ("y", "x")}


class TestMoney:
    async def test_amounts_of_another_currency_are_refused(self, sandbox: World) -> None:
        target = sandbox.target()
        dollars = {"amount": Decimal(5), "currency": "USD"}
        with pytest.raises(RejectRecord, match="is in EUR, the amounts are in USD") as caught:
            await target.apply(update("opportunity", OPPORTUNITY, custom_new_documenttotal=dollars))
        assert caught.value.reason == "another currency"
        assert sandbox.ledger("opportunity") == []

    async def test_a_record_without_a_currency_gets_that_of_the_amounts(self, sandbox: World) -> None:
        sandbox.seed(lead=[{"leadid": NOBODY, "subject": "x", "lastname": "y", "transactioncurrencyid": None}])
        record = sandbox.sandbox.store.get("lead", NOBODY)
        bare = {
            name: value for name, value in record.data.items() if name not in ("transactioncurrencyid", "exchangerate")
        }
        with sandbox.sandbox.store.transaction():
            sandbox.sandbox.store.put("lead", NOBODY, bare, record.modified_at)
        written = await sandbox.target().apply(update("lead", NOBODY, custom_new_documenttotal=EURO))
        assert written.record["currency"] == "EUR"

    async def test_a_new_record_is_in_the_currency_of_its_amounts(self, sandbox: World) -> None:
        marker = {"accountnumber": "C-7"}
        create = operation(Action.CREATE, "account", {"name": "x", **marker, "revenue": EURO}, key=marker)
        written = await sandbox.target().apply(create)
        assert written.record["revenue"] == EURO
        assert sandbox.row("account", written.target_id)["transactioncurrencyid"] == currency_id("EUR")

    async def test_what_changes_after_it_was_looked_at_is_not_written(self, sandbox: World) -> None:
        target = sandbox.target()
        change = update("opportunity", OPPORTUNITY, estimatedvalue=EURO)
        found = await target.find(change)
        assert found is not None
        sandbox.edit("opportunity", OPPORTUNITY, name="Renamed")
        with pytest.raises(ChangedMeanwhile):
            await target.apply(replace(change, expected_version=found.version))
        assert (await target.apply(change)).record["estimatedvalue"] == EURO

    async def test_a_currency_that_is_not_there(self, sandbox: World) -> None:
        marker = {"accountnumber": "C-7"}
        amount = {"amount": Decimal(5), "currency": "CHF"}
        with pytest.raises(RejectRecord, match="no currency CHF"):
            await sandbox.target().apply(operation(Action.CREATE, "account", {"revenue": amount, **marker}, key=marker))

    async def test_amounts_of_several_currencies(self, sandbox: World) -> None:
        fields = {"estimatedvalue": EURO, "budgetamount": {"amount": Decimal(5), "currency": "USD"}}
        with pytest.raises(RejectRecord, match="EUR, USD"):
            sandbox.target().check(operation(Action.UPDATE, "opportunity", fields, OPPORTUNITY))


class TestRefusals:
    async def test_a_closed_invoice_is_refused_with_the_remedy(self, sandbox: World) -> None:
        sandbox.edit("invoice", INVOICE, statecode=2, statuscode=100001)
        with pytest.raises(RejectRecord, match="open it in Dynamics"):
            await sandbox.target().apply(update("invoice", INVOICE, name="Renamed"))

    async def test_a_missing_privilege_is_named_and_stops_nothing_else(self, sandbox: World) -> None:
        await sandbox.role(prvWriteAccount="none")
        target = sandbox.target()
        with pytest.raises(RejectRecord, match="prvWriteAccount") as caught:
            await target.apply(update("account", ACCOUNT, name="Renamed"))
        assert caught.value.reason == "privilege is missing"
        await target.apply(update("opportunity", OPPORTUNITY, name="Renamed"))

    async def test_an_application_without_user_stops_the_connection(self, sandbox: World) -> None:
        sandbox.sandbox.seed({"clients": [{"client_id": "stranger", "client_secret": "canary-x", "user": False}]})
        target = sandbox.target(client_id="stranger", client_secret="canary-x")
        with pytest.raises(StopConnection, match="application user"):
            await target.apply(update("account", ACCOUNT, name="Renamed"))

    async def test_a_deadlock_leaves_the_outcome_open(self, sandbox: World) -> None:
        target = sandbox.target()
        await target.find(update("account", ACCOUNT))
        await sandbox.settings(deadlock_next=1)
        with pytest.raises(OutcomeUnknown, match="deadlocked"):
            await target.apply(update("account", ACCOUNT, name="Renamed"))

    async def test_a_throttled_change_was_not_made(self, sandbox: World) -> None:
        target = sandbox.target()
        await target.find(update("account", ACCOUNT))
        await sandbox.settings(throttle_next=["requests"], retry_after_seconds=7)
        with pytest.raises(RetryLater) as caught:
            await target.apply(update("account", ACCOUNT, name="Renamed"))
        assert caught.value.after == pytest.approx(7, abs=1)
        assert sandbox.ledger("account") == []


class TestNotes(TargetSuite):
    not_applicable: ClassVar = {
        "find_by_marker_when_there_are_two": "the mark is the row's own id, which no two rows have",
        "find_by_target_id": "the mark is the row's own id, which no two rows have",
        "amounts_are_exact": "notes hold no numbers; accounts show it",
        "written_record_is_known_again_by_the_source": "the behaviour writes an amount, and notes hold none",
    }

    @pytest.fixture
    async def harness(self, tmp_path: Path) -> AsyncIterator[NotesHarness]:
        async with harness(tmp_path, NotesHarness) as found:
            yield found
