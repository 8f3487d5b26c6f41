"""Summaries of documents: a note or a task for each revision, never two, whatever the configuration says later."""

from dataclasses import replace
from typing import Any

import pytest

from headrace.connectors.dataverse.guids import made_of
from headrace.core.contracts import Action, AlreadyThere, Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord
from tests.contract.dataverse.world import CONTACT, OPPORTUNITY, World, operation

TEXT = "Two ovens & <script>alert(1)</script>\x07 二つ 🥨"


def summary(revision: int = 1, **fields: Any) -> Operation:
    own = {"id": made_of("document-1", "summary", revision)}
    base = {"subject": "Document INV-8841.pdf", "text": TEXT, "regarding": f"opportunity={OPPORTUNITY}"}
    return operation(Action.CREATE, "summary", {**own, **base, **fields}, key=own)


def update(target_id: str, **fields: Any) -> Operation:
    return operation(Action.UPDATE, "summary", fields, target_id)


@pytest.mark.parametrize(
    ("kind", "table", "column"), [("note", "annotation", "notetext"), ("task", "task", "description")]
)
class TestBothForms:
    async def test_create_find_update_delete(self, sandbox: World, kind: str, table: str, column: str) -> None:
        target = sandbox.target(summaries=kind)
        create = summary()
        target.check(create)
        assert await target.find(create) is None
        written = await target.apply(create)
        assert written.target_id == f"{table}={create.fields['id']}"
        assert dict(written.record) == dict(create.fields), "texts are told as they were given"
        found = await target.find(create)
        assert found is not None
        assert (found.target_id, found.version, found.record) == (written.target_id, written.version, written.record)
        held = sandbox.row(table, create.fields["id"])
        assert held[column] == "Two ovens &amp; &lt;script&gt;alert(1)&lt;/script&gt; 二つ 🥨"
        await target.apply(update(written.target_id, text="Three ovens"))
        assert sandbox.row(table, create.fields["id"])[column] == "Three ovens"
        await target.apply(operation(Action.DELETE, "summary", {}, written.target_id))
        assert await target.find(create) is None
        assert [entry["action"] for entry in sandbox.ledger(table)] == ["create", "update", "delete"]

    async def test_the_record_that_it_is_about_lists_it(
        self, sandbox: World, kind: str, table: str, column: str
    ) -> None:
        for about in (f"opportunity={OPPORTUNITY}", f"contact={CONTACT}"):
            written = await sandbox.target(summaries=kind).apply(summary(hash(about) % 1000, regarding=about))
            assert written.record["regarding"] == about

    async def test_long_texts_are_cut_with_a_sign(self, sandbox: World, kind: str, table: str, column: str) -> None:
        target = sandbox.target(summaries=kind)
        create = summary(subject="S" * 600, text="&" * 200_000)
        target.check(create)
        written = await target.apply(create)
        held = sandbox.row(table, create.fields["id"])
        assert held[column].endswith("&amp; […]")
        assert held["subject"].endswith("S […]")
        assert dict(written.record) == dict(create.fields), "what was cut is no difference"

    async def test_a_lost_reply_makes_no_second_one(self, sandbox: World, kind: str, table: str, column: str) -> None:
        target = sandbox.target(summaries=kind)
        await target.find(summary())
        await sandbox.fault("drop_reply", "PATCH")
        with pytest.raises(OutcomeUnknown):
            await target.apply(summary())
        found = await target.find(summary())
        assert found is not None
        with pytest.raises(AlreadyThere):
            await target.apply(summary())
        assert len(sandbox.ledger(table)) == 1


async def test_another_configuration_finds_and_changes_what_the_first_one_wrote(sandbox: World) -> None:
    written = await sandbox.target(summaries="note").apply(summary())
    later = sandbox.target(summaries="task")
    found = await later.find(summary())
    assert found is not None
    assert found.target_id == written.target_id
    with pytest.raises(AlreadyThere):
        await later.apply(summary())
    await later.apply(update(written.target_id, text="Three ovens"))
    assert sandbox.row("annotation", summary().fields["id"])["notetext"] == "Three ovens"
    assert (await later.apply(summary(2))).target_id.startswith("task=")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": "4711"}, "id is '4711'"),
        ({"regarding": OPPORTUNITY}, "table=GUID"),
        ({"regarding": None}, "table=GUID"),
        ({"subject": ""}, "subject is empty"),
        ({"priority": 1}, "it has no priority"),
    ],
)
async def test_refused_before_any_call(sandbox: World, fields: Any, words: str) -> None:
    with pytest.raises(RejectRecord, match=words):
        sandbox.target().check(summary(**fields))
    assert sandbox.requests("GET", "/api/data/") == []


async def test_an_id_of_something_else(sandbox: World) -> None:
    with pytest.raises(RejectRecord, match="neither annotation=GUID nor task=GUID"):
        sandbox.target().check(replace(update("account=" + OPPORTUNITY, text="x")))


async def test_notes_that_a_table_does_not_have(sandbox: World) -> None:
    with pytest.raises(RejectRecord, match="leads to"):
        await sandbox.target().apply(summary(regarding=f"pricelevel={OPPORTUNITY}"))
