"""What `ping` says about an account; each line is made to fail through the sandbox."""

from typing import Any

import pytest

from headrace.core.contracts import Check, CheckState
from headrace.core.needs import FieldNeed, Needs
from tests.contract.pipedrive.world import CANARY, World

ADDRESS = "http://127.0.0.1:9/hooks/crm"
HOOK = {"user": "hook", "password": "hook-password", "url": ADDRESS}
PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


async def checks(sandbox: World, needs: Needs | None = None, **changes: Any) -> dict[str, Check]:
    connection = sandbox.connect(**changes)
    found = await (connection.ping() if needs is None else connection.ping(needs))
    assert CANARY not in repr(found)
    assert all(check.remedy for check in found if check.state is not PASS), "whatever does not pass has a remedy"
    return {check.name: check for check in found}


async def register(sandbox: World, **changes: Any) -> None:
    """Register a webhook as the connection's own user: an account shows webhooks to the user who made them."""
    body = {"subscription_url": ADDRESS, "event_action": "*", "event_object": "deal", "name": "by hand", **changes}
    body |= {"http_auth_user": "hook", "http_auth_password": "hook-password"}
    (await sandbox.api.post("/api/v1/webhooks", json=body, headers={"x-api-token": CANARY})).raise_for_status()


def read(obj: str, name: str, *types: str) -> FieldNeed:
    return FieldNeed(obj, f"custom.{name}", f"mappings/{obj}.yaml:7", types=frozenset(types) or None)


def written(obj: str, name: str, *types: str, searched: bool = False) -> FieldNeed:
    return FieldNeed(
        obj, name, f"mappings/{obj}.yaml:7", writes=True, types=frozenset(types) or None, searched=searched
    )


async def test_all_is_well(sandbox: World) -> None:
    for obj in ("deal", "deal_product", "organization", "person", "product"):
        await register(sandbox, event_object=obj)
    needs = Needs((read("deal", "Requested delivery", "date"), written("organization", "name")))
    found = await checks(sandbox, needs, webhook=HOOK, integration_user_id=2, custom_fields={"deal": ["Legal entity"]})
    assert {name: check.detail for name, check in found.items() if check.state is not PASS} == {}
    assert {"TLS", "sign-in", "clock", "permissions", "read deal", "custom fields of deal", "marker of deal"} <= set(
        found
    )
    assert {"webhook address", "webhooks", "daily budget"} <= set(found)
    assert found["custom fields of deal"].detail == "Legal entity (enum), Requested delivery (date)"


async def test_a_bad_token_ends_it(sandbox: World) -> None:
    found = await checks(sandbox, api_token="wrong-token")
    assert list(found) == ["TLS", "sign-in"]
    assert found["sign-in"].state is FAIL


async def test_everything_that_is_wrong_is_named(sandbox: World) -> None:
    found = await checks(
        sandbox,
        integration_user_id=77,
        webhook=HOOK,
        markers={"deal": "Legal entity", "person": "No such field"},
        custom_fields={"deal": ["Legal entity", "Busines unit"]},
    )
    failed = {name: check for name, check in found.items() if check.state is FAIL}
    assert set(failed) == {
        "integration user",
        "marker of deal",
        "marker of person",
        'custom field "Busines unit" of deal',
        "webhooks",
    }
    assert "headrace pipedrive webhooks sync" in failed["webhooks"].remedy


class TestFields:
    async def test_one_that_a_mapping_reads_and_nobody_made(self, sandbox: World) -> None:
        found = await checks(sandbox, Needs((read("deal", "Promised delivery", "date", "string"),)))
        line = found['custom field "Promised delivery" of deal']
        assert line.state is FAIL
        assert "mappings/deal.yaml:7" in line.detail
        assert "date" in line.remedy
        assert "text (varchar)" in line.remedy

    async def test_one_of_another_type(self, sandbox: World) -> None:
        found = await checks(sandbox, Needs((read("deal", "Department", "date"),)))
        line = found['custom field "Department" of deal']
        assert (line.state, line.detail) == (FAIL, "is of type varchar (named in mappings/deal.yaml:7)")
        assert "create another one as date" in line.remedy

    async def test_one_of_the_organization_that_a_deal_is_read_with(self, sandbox: World) -> None:
        need = FieldNeed("deal", "org_custom.Legal unit", "mappings/deal.yaml:9")
        found = await checks(sandbox, Needs((need,)))
        assert found['custom field "Legal unit" of organization'].state is FAIL

    async def test_a_part_of_one(self, sandbox: World) -> None:
        found = await checks(sandbox, Needs((read("deal", "Budget.value"), read("deal", "Score.value"))))
        assert found["custom fields of deal"].detail == "Budget (monetary)"
        assert "double" in found['custom field "Score" of deal'].detail

    async def test_another_case_is_pointed_at(self, sandbox: World) -> None:
        found = await checks(sandbox, Needs((read("organization", "Vat Number", "string"),)))
        assert 'there is "VAT number"' in found['custom field "Vat Number" of organization'].remedy

    @pytest.mark.parametrize(
        ("name", "word", "state"),
        [
            ("Order status", "decimal", PASS),
            ("Legal entity", "string", PASS),
            ("Regions", "list", PASS),
            ("Score", "string", FAIL),
            ("Budget", "decimal", FAIL),
            ("Requested delivery", "list", FAIL),
        ],
    )
    async def test_what_is_written_into_one(self, sandbox: World, name: str, word: str, state: CheckState) -> None:
        found = await checks(sandbox, Needs((written("deal", f"custom.{name}", word),)))
        assert (f'custom field "{name}" of deal' in found) is (state is FAIL)

    async def test_a_mark_that_no_search_finds(self, sandbox: World) -> None:
        need = written("deal", "custom.Legal entity", "string", searched=True)
        assert (await checks(sandbox, Needs((need,)), markers={}))["marker of deal"].state is FAIL

    async def test_fields_that_may_not_be_read(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/api/v2/dealFields", status=403, body={"error": "no"}, times=None)
        found = await checks(sandbox, Needs((read("deal", "Department"),)))
        assert found["custom fields of deal"].state is FAIL


class TestPermissions:
    async def user(self, sandbox: World, **permissions: bool) -> None:
        about = {"name": "Clerk", "email": "clerk@example.com", "api_token": "clerk-token", "permissions": permissions}
        (await sandbox.api.post("/_sandbox/seed", json={"users": [about]})).raise_for_status()

    async def test_no_admin_who_only_reads(self, sandbox: World) -> None:
        await self.user(sandbox)
        line = (await checks(sandbox, api_token="clerk-token"))["permissions"]
        assert line.state is WARN
        assert "not an admin" in line.detail

    async def test_no_admin_who_may_write(self, sandbox: World) -> None:
        await self.user(sandbox)
        needs = Needs((written("organization", "name"),))
        line = (await checks(sandbox, needs, api_token="clerk-token"))["permissions"]
        assert line.state is WARN
        assert line.detail == "the user is not an admin: records that it may not see are missing without a word"

    @pytest.mark.parametrize(
        ("permission", "words"),
        [
            ("can_add_organizations", "add organization"),
            ("can_edit_other_users_organizations", "change organization of other owners"),
        ],
    )
    async def test_one_that_is_missing_to_write(self, sandbox: World, permission: str, words: str) -> None:
        await self.user(sandbox, **{permission: False})
        needs = Needs((written("organization", "name"), written("deal", "custom.Order status")))
        line = (await checks(sandbox, needs, api_token="clerk-token"))["permissions"]
        assert (line.state, line.detail) == (FAIL, f"the user may not {words}")
        assert "Permission sets" in line.remedy

    async def test_an_account_that_does_not_tell(self, sandbox: World) -> None:
        await self.user(sandbox)
        await sandbox.fault("status", "GET", "/permissions", status=403, body={"error": "no"}, times=None)
        needs = Needs((written("organization", "name"),))
        assert (await checks(sandbox, needs, api_token="clerk-token"))["permissions"].state is WARN

    async def test_a_missing_one_to_read_is_one_line(self, sandbox: World) -> None:
        await sandbox.fault("status", "GET", "/api/v2/products", status=403, body={"error": "no"}, times=None)
        found = await checks(sandbox)
        assert found["read product"].state is FAIL
        assert found["read deal"].state is PASS


class TestWebhooks:
    async def test_without_address(self, sandbox: World) -> None:
        assert (await checks(sandbox))["webhooks"].state is WARN
        assert (await checks(sandbox, webhook=None))["webhooks"].state is WARN

    async def test_a_missing_one(self, sandbox: World) -> None:
        await register(sandbox, event_object="deal")
        line = (await checks(sandbox, webhook=HOOK, objects=["deal"]))["webhooks"]
        assert line.state is FAIL
        assert line.detail == f"no subscription to {ADDRESS} for deal_product"

    async def test_a_stale_one(self, sandbox: World) -> None:
        for obj in ("product", "note"):
            await register(sandbox, event_object=obj)
        found = await checks(sandbox, webhook=HOOK, objects=["product"])
        assert "webhooks" not in found
        assert found["stale webhooks"].state is WARN
        assert "note is not configured" in found["stale webhooks"].detail

    async def test_an_address_in_clear(self, sandbox: World) -> None:
        found = await checks(sandbox, webhook={**HOOK, "url": "http://hooks.example.com/hooks/crm"})
        assert found["webhook address"].state is FAIL


@pytest.mark.parametrize(("ahead", "state"), [(0, PASS), (120, WARN), (-120, WARN), (3600, FAIL)])
async def test_the_clock(sandbox: World, ahead: int, state: CheckState) -> None:
    await sandbox.advance(ahead)
    assert (await checks(sandbox))["clock"].state is state


async def test_a_budget_that_is_used_up(sandbox: World) -> None:
    found = await checks(sandbox, daily_reserve=10**12)
    assert found["daily budget"].state is FAIL
    assert "reserved" in found["daily budget"].detail


async def test_a_budget_that_nobody_tells(sandbox: World) -> None:
    await sandbox.settings(daily_headers=False)
    assert (await checks(sandbox))["daily budget"].state is WARN
