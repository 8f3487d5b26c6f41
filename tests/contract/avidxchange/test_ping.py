"""`headrace ping` against the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.core.contracts import Check, CheckState
from tests.contract.avidxchange.harness import (
    DEMF,
    USMF,
    AvidxchangeHarness,
    PartnerHarness,
    UserHarness,
    running,
)

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


async def lines(harness: AvidxchangeHarness) -> dict[str, Check]:
    return {check.name: check for check in await harness.connect().ping()}


@pytest.mark.parametrize("kind", [AvidxchangeHarness, PartnerHarness, UserHarness])
async def test_ping_tells_a_right_credential_from_a_wrong_one(tmp_path: Path, kind: type[AvidxchangeHarness]) -> None:
    async with running(tmp_path, kind) as harness:
        right = await harness.connect().ping()
        wrong = await harness.connect(credential="another-one").ping()

    assert right
    assert not [check for check in right if check.state is FAIL]
    assert [check.remedy for check in wrong if check.state is FAIL and check.remedy]


async def test_a_whole_company(harness: AvidxchangeHarness) -> None:
    target = harness.target()
    await target.apply(harness.create("Lakeside", "V00123"))
    await target.apply(harness.code("014"))
    await harness.invoices({})
    await harness.batch()
    await harness.payments({})
    found = await lines(harness)
    names = ("sign-in", "legal entities", "clock", "read vendor", "read invoice", "read payment", "time zone")
    assert {name: found[name].state for name in names} == dict.fromkeys(names, PASS)
    assert found["legal entities"].detail == f"usmf: 'F&O USMF' ({USMF})"
    assert (found["code groups"].state, found["fields of invoice"].state) == (WARN, PASS)
    assert "CostCenter" in found["code groups"].detail
    harness.configuration = {"codes": {"gl_group": "costcenter"}}
    assert (await lines(harness))["code groups"].state is PASS


async def test_a_name_that_no_accounting_system_has(harness: AvidxchangeHarness) -> None:
    harness.configuration = {"entities": {"usmf": {"accounting_system": "F&O USFM"}}}
    found = await lines(harness)
    assert found["legal entities"].state is FAIL
    assert "'F&O USFM'" in found["legal entities"].detail
    assert f"'F&O DEMF' ({DEMF})" in found["legal entities"].remedy
    assert "read vendor" not in found


async def test_an_id_that_the_credential_does_not_see(harness: AvidxchangeHarness) -> None:
    harness.configuration = {"entities": {"usmf": {"accounting_system_id": 9}}}
    found = await lines(harness)
    assert found["legal entities"].state is FAIL
    assert "usmf (9)" in found["legal entities"].detail


async def test_times_that_lie_in_the_future_tell_another_zone(harness: AvidxchangeHarness) -> None:
    harness.sandbox.settings.change({"timezone": "Asia/Tokyo"})
    await harness.payments({})
    found = await lines(harness)
    assert found["time zone"].state is FAIL
    assert "9.0 hours in the future" in found["time zone"].detail


async def test_a_list_that_cannot_be_read(harness: AvidxchangeHarness) -> None:
    harness.fault("status", "GET", status=403, path="/v1/payments", times=None)
    found = await lines(harness)
    assert (found["read payment in usmf"].state, found["read vendor"].state) == (FAIL, WARN)
