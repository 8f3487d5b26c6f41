"""What `ping` says about an account."""

from typing import Any

from headrace.core.contracts import Check, CheckState
from tests.contract.pipedrive.world import CANARY, World


async def checks(sandbox: World, **changes: Any) -> dict[str, Check]:
    found = await sandbox.connect(**changes).ping()
    assert CANARY not in repr(found)
    return {check.name: check for check in found}


async def test_all_is_well(sandbox: World) -> None:
    hook = {"user": "hook", "password": "hook-password", "url": "https://example.com/hooks/crm"}
    body = {"subscription_url": hook["url"], "event_action": "*", "event_object": "*", "name": "all"}
    # An account shows webhooks to the user who made them.
    answer = await sandbox.api.post("/api/v1/webhooks", json=body, headers={"x-api-token": CANARY})
    answer.raise_for_status()
    found = await checks(
        sandbox, webhook=hook, integration_user_id=2, custom_fields={"deal": ["Legal entity", "Requested delivery"]}
    )
    assert {name: check.detail for name, check in found.items() if check.state is not CheckState.PASS} == {}
    assert {"sign-in", "clock", "read deal", "custom fields of deal", "marker of deal", "webhooks"} <= set(found)
    assert "daily budget" in found


async def test_a_bad_token_ends_it(sandbox: World) -> None:
    found = await checks(sandbox, api_token="wrong-token")
    assert list(found) == ["sign-in"]
    assert found["sign-in"].state is CheckState.FAIL
    assert found["sign-in"].remedy


async def test_everything_that_is_wrong_is_named(sandbox: World) -> None:
    found = await checks(
        sandbox,
        integration_user_id=77,
        webhook={"user": "hook", "password": "hook-password", "url": "https://example.com/hooks/crm"},
        markers={"deal": "Legal entity", "person": "No such field"},
        custom_fields={"deal": ["Legal entity", "Busines unit"]},
    )
    failed = {name: check for name, check in found.items() if check.state is CheckState.FAIL}
    assert set(failed) >= {
        "integration user",
        "marker of deal",
        "marker of person",
        "custom fields of deal",
        "webhooks",
    }
    assert "Busines unit" in failed["custom fields of deal"].detail
    assert all(check.remedy for name, check in failed.items() if name.startswith(("marker", "custom", "webhook")))


async def test_a_budget_that_is_used_up(sandbox: World) -> None:
    found = await checks(sandbox, daily_reserve=10**12)
    assert found["daily budget"].state is CheckState.FAIL
    assert "reserved" in found["daily budget"].detail


async def test_a_missing_permission_is_one_line(sandbox: World) -> None:
    await sandbox.fault("status", "GET", "/api/v2/products", status=403, body={"error": "no"}, times=None)
    found = await checks(sandbox)
    assert found["read product"].state is CheckState.FAIL
    assert found["read deal"].state is CheckState.PASS
