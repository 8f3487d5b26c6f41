"""Upserts and look-ups in bundles: one call for what waits together, a result for each item."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from headrace.core.contracts import Action, Operation, Target, Written
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater
from tests.contract.avidxchange.harness import ADDRESS, DEMF, USMF, AvidxchangeHarness


async def applied(target: Target, operations: Sequence[Operation]) -> list[Written | BaseException]:
    return await asyncio.gather(*(target.apply(each) for each in operations), return_exceptions=True)


def refused(text: str) -> dict[str, Any]:
    return {"exception": {"reason": "BadRequest", "detail": text}}


class TestTogether:
    async def test_what_waits_together_goes_out_together(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        creates = [harness.create(f"Vendor {number}", f"V-{number:03}") for number in range(200)]
        written = await applied(target, creates)
        assert [each.target_id for each in written if isinstance(each, Written)] == [
            f"LegalEntity=usmf,VendorExternalSystemID=V-{number:03}" for number in range(200)
        ]
        assert len(harness.requests("POST")) == 1
        assert len(harness.ledger("vendor", "create")) == 200

    async def test_a_bundle_has_a_size(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {"bundle_size": 3}
        target = harness.target()
        assert len(await applied(target, [harness.create("V", f"V-{number}") for number in range(8)])) == 8
        assert len(harness.requests("POST")) == 3
        assert len(harness.ledger("vendor", "create")) == 8

    async def test_look_ups_go_out_together(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        creates = [harness.create(f"Vendor {number}", f"V-{number}") for number in range(20)]
        await applied(target, creates[:10])
        before = len(harness.requests("GET"))
        found = await asyncio.gather(*(target.find(each) for each in creates))
        assert [each is not None for each in found] == [True] * 10 + [False] * 10
        assert [each.record["VendorName"] for each in found if each] == [f"Vendor {number}" for number in range(10)]
        assert len(harness.requests("GET")) == before + 1

    async def test_objects_and_companies_have_calls_of_their_own(self, harness: AvidxchangeHarness) -> None:
        harness.configuration = {
            "entities": {"usmf": {"accounting_system_id": USMF}, "demf": {"accounting_system_id": DEMF}}
        }
        other = harness.create("German", "V-1")
        demf = {"LegalEntity": "demf"}
        other = replace(other, fields={**other.fields, **demf}, key={**other.key, **demf})
        target = harness.target()
        await applied(target, [harness.create("American", "V-1"), other, harness.code("014", Description="Building")])
        assert len(harness.requests("POST")) == 3
        kept = {
            entry["after"]["AccountingSystemId"]: entry["after"]["VendorName"] for entry in harness.ledger("vendor")
        }
        assert kept == {USMF: "American", DEMF: "German"}
        assert len(harness.ledger("enterprise_code")) == 1

    async def test_two_changes_of_one_record_go_out_one_after_the_other(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        await target.apply(harness.create("First", "V-1"))
        id_ = "LegalEntity=usmf,VendorExternalSystemID=V-1"
        results = await applied(target, [harness.update(id_, VendorName=text) for text in ("Second", "Third")])
        assert all(isinstance(each, Written) for each in results)
        names = [entry["after"]["VendorName"] for entry in harness.ledger("vendor")]
        assert names == ["First", "Second", "Third"]


class TestResults:
    async def test_each_item_has_its_own_result(self, harness: AvidxchangeHarness) -> None:
        """Status 200 is no success: what is refused parks with the system's words, all others are written (I11)."""
        harness.sandbox.settings.change({"required_address_fields": ["Line1", "City", "Country"]})
        target = harness.target()
        good, bad = harness.create("Good", "V-1"), harness.create("Bad", "V-2")
        bad = replace(bad, fields={name: value for name, value in bad.fields.items() if name != "Address.Country"})
        results = await applied(target, [bad, good])
        assert isinstance(results[0], RejectRecord)
        assert "vendor V-2" in results[0].detail
        assert "Address.Country is required" in results[0].detail
        assert isinstance(results[1], Written)
        assert len(harness.requests("POST")) == 1

    @pytest.mark.parametrize("form", [{"results_shape": "object"}, {"successful_as_text": True}])
    async def test_other_forms_of_results(self, harness: AvidxchangeHarness, form: dict[str, Any]) -> None:
        harness.sandbox.settings.change(form)
        target = harness.target()
        assert (await target.apply(harness.create("Good", "V-1"))).record["VendorName"] == "Good"
        bad = harness.create("Bad", "V-2")
        bad = replace(bad, fields={**bad.fields, "CurrencyCode": "dollars"})
        with pytest.raises(RejectRecord, match="ISO 4217"):
            await target.apply(bad)

    async def test_results_that_are_missing_are_unknown(self, harness: AvidxchangeHarness) -> None:
        echo = {"Successful": True, "Item": {"VendorExternalSystemID": "V-2"}, "Errors": []}
        harness.fault("status", "POST", status=200, body={"Results": [echo]}, handle=True)
        first, second = await applied(harness.target(), [harness.create("A", "V-1"), harness.create("B", "V-2")])
        assert isinstance(first, OutcomeUnknown)
        assert isinstance(second, Written)

    async def test_a_lost_reply_is_unknown_for_each_and_verified_in_one_call(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        creates = [harness.create("V", f"V-{number}") for number in range(10)]
        harness.fault("drop_reply", "POST")
        assert {type(each) for each in await applied(target, creates)} == {OutcomeUnknown}
        before = len(harness.requests())
        assert all(await asyncio.gather(*(target.find(each) for each in creates)))
        assert len(harness.requests()) == before + 1
        assert len(harness.ledger("vendor")) == 10

    async def test_a_call_that_is_refused_as_a_whole_is_halved(self, harness: AvidxchangeHarness) -> None:
        """One item that makes the system refuse the call does not park the others (I11)."""
        path = "/v1/vendors"
        creates = [harness.create("V", f"V-{number}") for number in range(8)]
        rule = {"match": {"method": "POST", "path": path, "body": "V-5"}, "kind": "status", "status": 400}
        await harness.call("POST", "faults", **rule, times=None, body=refused("item 5 is odd"))
        results = await applied(harness.target(), creates)
        assert [type(each) for each in results] == [RejectRecord if number == 5 else Written for number in range(8)]
        assert len(harness.ledger("vendor", "create")) == 7

    async def test_not_now_is_for_all(self, harness: AvidxchangeHarness) -> None:
        harness.sandbox.settings.change({"requests_per_minute": 1, "retry_after_seconds": 40})
        target = harness.target()
        await target.find(harness.create("V", "V-0"))
        results = await applied(target, [harness.create("V", f"V-{number}") for number in range(3)])
        assert [(type(each), getattr(each, "after", 0)) for each in results] == [(RetryLater, 40.0)] * 3

    async def test_version_of_each_item_is_its_own(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        await applied(target, [harness.create("V", f"V-{number}") for number in (1, 2)])
        first, second = [await target.find(harness.create("V", f"V-{number}")) for number in (1, 2)]
        assert first is not None
        assert second is not None
        harness.sandbox.clock.advance(2)
        await target.apply(harness.update(second.target_id, NameOnCheck="By another"))
        updates = [
            replace(harness.update(each.target_id, VendorName="Ours"), expected_version=each.version)
            for each in (first, second)
        ]
        results = await applied(target, updates)
        assert [type(each) for each in results] == [Written, ChangedMeanwhile]
        assert len(harness.ledger("vendor", "update")) == 2


class TestItems:
    async def test_what_is_sent(self, harness: AvidxchangeHarness) -> None:
        bank = "021000021"
        target = harness.target()
        create = harness.create("Lakeside", "V-1", IsActive=True, FedTaxId=None, **{"RemitToAddress.Line1": None})
        target.check(create)
        await target.apply(create)
        (entry,) = harness.ledger("vendor")
        parts = {name.partition(".")[2]: value for name, value in ADDRESS.items()}
        key = {"VendorExternalSystemID": "V-1", "VendorName": "Lakeside"}
        assert entry["fields"] == {**key, "IsActive": True, "Address": parts}
        with pytest.raises(RejectRecord, match="BankAccount"):
            target.check(harness.create("Lakeside", "V-1", BankAccount=bank))

    async def test_a_part_of_an_address_leaves_the_rest(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        written = await target.apply(harness.create("Lakeside", "V-1", **{"Address.Line2": "Dock 4"}))
        update = {"Address.City": "Durham", "Address.Line2": None, "RemitToAddress.Line1": None}
        written = await target.apply(harness.update(written.target_id, **update))
        assert {name: written.record[name] for name in update} == update
        assert written.record["Address.Line1"] == "14 Dock St"
        (entry,) = harness.ledger("vendor", "update")
        assert set(entry["fields"]) == {"VendorExternalSystemID", "Address", "RemitToAddress"}
        assert entry["fields"]["RemitToAddress"] is None

    async def test_a_system_that_empties_what_is_not_sent(self, harness: AvidxchangeHarness, tmp_path: Any) -> None:
        contract = tmp_path / "contract.yaml"
        contract.write_text("bulk: {keeps_absent_fields: false}\n", encoding="utf-8")
        harness.configuration = {"contract": contract}
        target = harness.target()
        written = await target.apply(harness.create("Lakeside", "V-1", Terms="NET30"))
        await target.apply(harness.update(written.target_id, VendorName="Renamed"))
        (entry,) = harness.ledger("vendor", "update")
        assert entry["fields"]["VendorName"] == "Renamed"
        assert entry["fields"]["Terms"] == "NET30"
        assert entry["fields"]["Address"]["City"] == "Charlotte"

    async def test_a_long_description_of_a_code_is_cut(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        create = harness.code("601500", Description="601500 : " + "Repairs and maintenance " * 3, IsActive=True)
        target.check(create)
        written = await target.apply(create)
        assert written.record["Description"] == ("601500 : " + "Repairs and maintenance " * 3)[:50].rstrip()
        assert len(harness.ledger("enterprise_code")) == 1

    async def test_codes_are_found_group_by_group(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        codes = [harness.code("014", Description="Building 14"), harness.code("022")]
        department = {"LegalEntity": "usmf", "GroupName": "Department", "CodeValue": "014"}
        codes.append(replace(codes[0], fields={**department, "Description": "Sales"}, key=department))
        await applied(target, codes)
        found = await asyncio.gather(*(target.find(each) for each in codes))
        assert [each.record["Description"] for each in found if each] == ["Building 14", None, "Sales"]
        assert [each.matches for each in found if each] == [1, 1, 1]

    async def test_an_update_of_a_code_makes_none(self, harness: AvidxchangeHarness) -> None:
        """Its key is all that an upsert would need."""
        with pytest.raises(RejectRecord, match="not in AvidXchange"):
            await harness.target().apply(harness.code("404", Action.UPDATE, Description="x"))
        assert harness.ledger("enterprise_code") == []

    async def test_a_code_is_made_inactive_once(self, harness: AvidxchangeHarness) -> None:
        target = harness.target()
        await target.apply(harness.code("014", Description="Building 14"))
        for _ in range(2):
            await target.apply(harness.code("014", Action.DELETE))
        assert [entry["action"] for entry in harness.ledger("enterprise_code")] == ["create", "delete"]
        (entry,) = harness.ledger("enterprise_code", "delete")
        assert entry["after"]["Description"] == "Building 14"
        assert json.loads(json.dumps(entry["fields"]))["IsActive"] is False
