"""`headrace ping` names what is missing: privilege, column, step."""

from collections.abc import Sequence
from typing import Any

import pytest

from headrace.core.contracts import Check, Checked, CheckState
from headrace.core.needs import FieldNeed, Needs
from headrace.sandbox.dataverse.installation import MESSAGES, filter_id, user_id
from tests.contract.dataverse.harness import CODE
from tests.contract.dataverse.world import World

URL = "https://hooks.example.com/hooks/sales"
HOOK = {"codes": [CODE], "url": URL}


def need(obj: str, name: str, *, writes: bool = True, types: frozenset[str] | None = None) -> FieldNeed:
    return FieldNeed(obj, name, "document.yaml:30", writes, types)


NEEDS = Needs(
    [
        need("opportunity", "custom.new_documenttotal", types=frozenset({"object"})),
        need("opportunity", "custom.new_documentdate", types=frozenset({"date"})),
        need("summary", "text", types=frozenset({"string"})),
        need("account", "name", writes=False),
    ]
)


async def lines(sandbox: World, needs: Needs = NEEDS, **changes: Any) -> dict[str, Check]:
    found: Sequence[Check] = await sandbox.connect(**changes).ping(needs)
    assert len({line.name for line in found}) == len(found), "each line has a name of its own"
    return {line.name: line for line in found}


async def test_all_is_well(sandbox: World) -> None:
    found = await lines(sandbox)
    failing = [line for line in found.values() if line.state is CheckState.FAIL]
    assert failing == []
    assert found["application user"].state is CheckState.PASS
    assert found["privileges on opportunity"].detail == "AppendTo, Read, Write"
    assert found["privileges on annotation"].detail == "Append, Create, Read, Write"
    assert found["columns of opportunity"].state is CheckState.PASS
    assert found["notes on opportunity"].state is CheckState.PASS
    assert found["stage of opportunities"].detail == "stepname"


async def test_wrong_secret_and_no_user(sandbox: World) -> None:
    found = await lines(sandbox, client_secret="canary-of-another-one")
    assert (found["sign-in"].state, "secret" in found["sign-in"].remedy) == (CheckState.FAIL, True)
    sandbox.sandbox.seed({"clients": [{"client_id": "stranger", "client_secret": "canary-x", "user": False}]})
    found = await lines(sandbox, client_id="stranger", client_secret="canary-x")
    assert "application user" in found["sign-in"].remedy
    assert set(found) == {"TLS", "sign-in"}


async def test_missing_privileges_by_name(sandbox: World) -> None:
    await sandbox.role(prvWriteOpportunity="none", prvAppendToOpportunity="none", prvCreateNote="none")
    found = await lines(sandbox)
    assert (
        found["privileges on opportunity"].detail
        == "the application user lacks prvAppendToOpportunity, prvWriteOpportunity"
    )
    assert "prvCreateNote" in found["privileges on annotation"].detail
    assert found["privileges on account"].state is CheckState.PASS


async def test_change_tracking_needs_the_whole_table(sandbox: World) -> None:
    await sandbox.role(prvReadAccount="user")
    found = await lines(sandbox)
    assert found["privileges on account"].state is CheckState.FAIL
    assert "organization" in found["privileges on account"].detail


async def test_tables_that_do_not_track_changes(sandbox: World) -> None:
    await sandbox.control("PATCH", "tables/account", {"tracking": False})
    found = await lines(sandbox)
    assert (found["changes of account"].state, "Track changes" in found["changes of account"].remedy) == (
        CheckState.WARN,
        True,
    )


@pytest.mark.parametrize(
    ("wanted", "line", "words"),
    [
        (need("opportunity", "custom.new_documentotal"), "new_documentotal", 'did you mean "new_documenttotal"'),
        (need("opportunity", "custom.stepname"), "stepname", "named stepname in mappings"),
        (need("opportunity", "custom.new_documentdate", types=frozenset({"datetime"})), "new_documentdate", "DateTime"),
        (need("opportunity", "custom.new_documenttotal", types=frozenset({"decimal"})), "new_documenttotal", "Money"),
        (need("opportunity", "totaltax", types=frozenset({"object"})), "totaltax", "cannot be written"),
    ],
)
async def test_columns_that_are_not_right(sandbox: World, wanted: FieldNeed, line: str, words: str) -> None:
    found = await lines(sandbox, Needs([wanted]))
    check = found[f"column opportunity.{line}"]
    assert check.state is CheckState.FAIL
    assert words in check.detail
    assert "document.yaml:30" in check.detail
    connection = sandbox.connect()
    assert isinstance(connection, Checked)
    assert list(await connection.check_names(Needs([wanted]))) == [check], "a worker is told the same when it starts"


async def test_notes_that_are_not_enabled(sandbox: World) -> None:
    await sandbox.control("PATCH", "tables/opportunity", {"notes": False})
    found = await lines(sandbox)
    assert found["notes on opportunity"].state is CheckState.FAIL
    assert "summaries: task" in found["notes on opportunity"].remedy


async def test_a_stage_column_that_is_not_there(sandbox: World) -> None:
    found = await lines(sandbox, stage_column="stepnam", documents={"stages": ["3-Propose"]})
    check = found["stage of opportunities"]
    assert (check.state, 'did you mean "stepname"' in check.detail) == (CheckState.FAIL, True)


class TestSteps:
    async def test_no_endpoint(self, sandbox: World) -> None:
        found = await lines(sandbox, webhook=HOOK)
        assert found["webhook steps"].state is CheckState.FAIL
        assert found["webhook steps"].remedy == "Run: headrace dataverse webhooks register sales"

    async def test_missing_and_wrong_steps_are_named(self, sandbox: World) -> None:
        step = {
            "name": "of people",
            "mode": 0,
            "stage": 40,
            "filteringattributes": "name",
            "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({user_id('endpoint')})",
            "sdkmessageid@odata.bind": f"/sdkmessages({MESSAGES['Update']})",
            "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filter_id('Update', 'opportunity')})",
        }
        endpoint = {"serviceendpointid": user_id("endpoint"), "name": "x", "url": f"{URL}/", "contract": 8}
        sandbox.seed(serviceendpoint=[endpoint], sdkmessageprocessingstep=[step])
        documents = {"stages": ["3-Propose"]}
        found = await lines(sandbox, webhook=HOOK, documents=documents)
        assert "synchronous" in found["step Update of opportunity"].detail
        assert "Delete of opportunity" in found["webhook steps"].detail
        ((row),) = sandbox.sandbox.store.list("sdkmessageprocessingstep")
        sandbox.edit("sdkmessageprocessingstep", row.key, mode=1)
        found = await lines(sandbox, webhook=HOOK, documents=documents)
        assert "lack stepname" in found["step Update of opportunity"].detail
        found = await lines(sandbox, webhook=HOOK)
        assert "step Update of opportunity" not in found, "nobody asks for the stage"
