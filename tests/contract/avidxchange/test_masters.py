"""Vendors and codes as they are there, to be compared with ours; nothing of them is news."""

from __future__ import annotations

import pytest

from headrace.core.errors import RejectRecord, StopConnection
from headrace.core.event import Ref
from headrace.testing.suites.values import fetched, polled, records_of
from tests.contract.avidxchange.harness import DEMF, USMF, AvidxchangeHarness


async def test_every_poll_gives_all_of_them(harness: AvidxchangeHarness) -> None:
    target = harness.target()
    for number in range(3):
        await target.apply(harness.create(f"Vendor {number}", f"V-{number}"))
    source = harness.source(page_size=2)
    cursor: dict[str, str] = {}
    for _ in range(2):
        pages = await polled(source, "vendor", cursor)
        assert sorted(each.data["VendorName"] for each in records_of(pages)) == ["Vendor 0", "Vendor 1", "Vendor 2"]
        cursor = dict(pages[-1].cursor)
    assert set(cursor) == {"usmf"}


async def test_ids_are_those_of_the_target(harness: AvidxchangeHarness) -> None:
    target = harness.target()
    vendor = await target.apply(harness.create("Lakeside", "V,1%=ä".replace(",", ";")))
    code = await target.apply(harness.code("014", Description="Building 14"))
    source = harness.source()
    assert (await fetched(source, "vendor", vendor.target_id)).data["VendorName"] == "Lakeside"
    assert (await fetched(source, "enterprise_code", code.target_id)).data["Description"] == "Building 14"
    assert [each.ref.external_id for each in records_of(await polled(source, "enterprise_code"))] == [code.target_id]
    assert await source.fetch(Ref("vendor", "LegalEntity=usmf,VendorExternalSystemID=V-9")) is None
    assert await source.fetch(Ref("vendor", "LegalEntity=demf,VendorExternalSystemID=V-1")) is None


async def test_a_vendor_that_people_made_there(harness: AvidxchangeHarness) -> None:
    """It has no id of ours; it is told under its own, and cannot be asked for alone."""
    address = {"Line1": "1 Way", "City": "Durham", "State": "NC", "PostalCode": "27701"}
    seed = {"accounting_system": USMF, "VendorExternalSystemID": None, "VendorName": "Local", "Address": address}
    harness.sandbox.seed({"vendors": [seed]})
    source = harness.source()
    (record,) = records_of(await polled(source, "vendor"))
    assert record.ref.external_id == f"LegalEntity=usmf,VendorID={record.data['VendorID']}"
    with pytest.raises(RejectRecord, match="cannot be read alone"):
        await source.fetch(record.ref)


async def test_an_accounting_system_is_looked_up_once(harness: AvidxchangeHarness) -> None:
    harness.configuration = {
        "entities": {"usmf": {"accounting_system": " f&o usmf "}, "demf": {"accounting_system_id": DEMF}}
    }
    source = harness.source()
    for _ in range(2):
        await polled(source, "vendor")
    assert len([each for each in harness.requests() if "accountingSystems" in each["path"]]) == 1


async def test_a_wrong_name_stops_the_connection_with_the_right_ones(harness: AvidxchangeHarness) -> None:
    harness.configuration = {"entities": {"usmf": {"accounting_system": "F&O USM"}}}
    with pytest.raises(StopConnection, match="'F&O USMF'"):
        await polled(harness.source(), "vendor")
