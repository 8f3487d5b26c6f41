"""Uploads: what arrives, what is refused before and by the instance, and how one is found again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core import values
from headrace.core.contracts import Action
from headrace.core.errors import OutcomeUnknown, RejectRecord, StopConnection
from headrace.platform.multipart import IN_MEMORY
from tests.contract.recordengine.harness import CONTACT, FOLDER, OTHER_FOLDER, PDF, REFS, RecordengineHarness, running

A_DAY = 24 * 3600.0


async def test_what_arrives(harness: RecordengineHarness) -> None:
    """The file to the byte, where it belongs, with the references as they were given and our own beside them."""
    content = bytes(range(256)) * (IN_MEMORY // 256 + 300)
    file = harness.stored.keep(content)
    create = harness.create("Proposal", "sales/opportunity/5b0e/9f", file=file, profile_id=3)
    written = await harness.target().apply(create)
    (entry,) = harness.ledger("upload")
    after = entry["after"]
    assert (after["contact_id"], after["folder_id"], after["profile_id"]) == (CONTACT, FOLDER, 3)
    assert (after["filename"], after["sha256"], after["size"]) == ("Proposal.pdf", file["sha256"], len(content))
    own = {"key": "sales/opportunity/5b0e/9f", "sha256": file["sha256"], "tenant": "under-test"}
    assert after["external_refs"] == {**REFS, "connector": own}
    assert written.target_id == str(after["id"])


async def test_what_is_told_of_it(harness: RecordengineHarness) -> None:
    """By id and by key the same: that it is ours, and what it holds. Where it lies and how it is named is people's."""
    target = harness.target()
    create = harness.create("Proposal", "K-1")
    written = await target.apply(create)
    by_key = await target.find(create)
    by_id = await target.find(harness.operation(Action.CREATE, {}, {}, written.target_id))
    assert by_key == by_id
    assert by_key is not None
    assert values.same(by_key.record["file"], create.fields["file"])
    assert set(by_key.record) == set(written.record) == {"key", "file"}
    assert by_key.record["key"] == "K-1"


async def test_it_is_found_wherever_it_was_moved(harness: RecordengineHarness) -> None:
    """Rules and people move documents to other folders, and the status is nothing by which it is known."""
    target = harness.target()
    create = harness.create("Proposal", "K-1")
    written = await target.apply(create)
    await harness.call("POST", "documents/finish", ids=[int(written.target_id)])
    await harness.edit(written.target_id, folder_id=OTHER_FOLDER)
    found = await target.find(create)
    assert found is not None
    assert found.target_id == written.target_id


async def test_one_of_the_same_name_is_another(harness: RecordengineHarness, tmp_path: Path) -> None:
    """Only what carries our key is ours; pages of others of the same name are read one by one."""
    for _ in range(3):
        await harness.document("New", filename="Proposal.pdf", external_refs=REFS)
    contract = tmp_path / "contract.yaml"
    contract.write_text("lists: {largest_size: 2}", encoding="utf-8")
    harness.configuration = {"contract": str(contract)}
    target = harness.target()
    assert await target.find(harness.create("Proposal", "K-1")) is None
    written = await target.apply(harness.create("Proposal", "K-1"))
    found = await target.find(harness.create("Proposal", "K-1"))
    assert found is not None
    assert (found.target_id, found.matches) == (written.target_id, 1)


async def test_it_is_looked_for_among_the_uploads_of_some_days(harness: RecordengineHarness) -> None:
    """A worker that was down for a weekend finds what it had sent before."""
    create = harness.create("Proposal", "K-1")
    harness.sandbox.clock.advance(-3 * A_DAY)
    await harness.target().apply(create)
    harness.sandbox.clock.advance(3 * A_DAY)
    assert await harness.target().find(create) is not None
    harness.configuration = {"lookup_days": 2}
    assert await harness.target().find(create) is None


@pytest.mark.parametrize("form", ["object", "text"])
async def test_references_come_back_in_any_form(harness: RecordengineHarness, form: str) -> None:
    harness.sandbox.settings.change({"refs_form": form})
    target = harness.target()
    await target.apply(harness.create("Proposal", "K-1"))
    found = await target.find(harness.create("Proposal", "K-1"))
    assert found is not None
    assert found.record["key"] == "K-1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"filename": "setup.exe"}, "file type not accepted"),
        ({"filename": "README"}, "file type not accepted"),
        ({"filename": "a\r\nb.pdf"}, "value does not fit"),
        ({"media_type": "application/pdf\r\nX-Evil: 1"}, "value does not fit"),
        ({"contact_id": None}, "required field is empty"),
        ({"contact_id": "31"}, "value does not fit"),
        ({"file": {"size": 1}}, "no stored content"),
        ({"external_refs": "{}"}, "value does not fit"),
        ({"notes": "x"}, "field cannot be written"),
    ],
)
async def test_what_would_not_be_taken_is_not_sent(
    harness: RecordengineHarness, changes: dict[str, Any], reason: str
) -> None:
    create = harness.create("Proposal", "K-1", **changes)
    with pytest.raises(RejectRecord) as caught:
        harness.target().check(create)
    assert caught.value.reason == reason
    if reason == "file type not accepted":
        assert ".pdf" in caught.value.detail, "what is accepted is told"
    assert harness.requests() == []


async def test_a_file_that_is_too_large_names_both_sizes(harness: RecordengineHarness) -> None:
    file = {**harness.stored.keep(PDF), "size": 51 * 1_048_576}
    with pytest.raises(RejectRecord, match=r"53477376 bytes, 52428800 are taken"):
        harness.target().check(harness.create("Film", "K-1", file=file))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"contact_id": 999}, "contact or folder is not there"),
        ({"folder_id": 999}, "contact or folder is not there"),
        ({"profile_id": 999}, "contact or folder is not there"),
    ],
)
async def test_what_the_instance_refuses(harness: RecordengineHarness, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(RejectRecord) as caught:
        await harness.target().apply(harness.create("Proposal", "K-1", **changes))
    assert caught.value.reason == reason
    assert harness.ledger("upload") == []


async def test_a_size_that_only_the_instance_knows(harness: RecordengineHarness) -> None:
    """It answers before it has read all of the file, and the connection is of no more use; the next upload is."""
    harness.sandbox.settings.change({"contract": {"upload": {"max_mb": 1}}})
    target = harness.target()
    large = harness.stored.keep(b"x" * 8_000_000)
    with pytest.raises(RejectRecord) as caught:
        await target.apply(harness.create("Film", "K-1", file=large))
    assert caught.value.reason == "file too large"
    await target.apply(harness.create("Proposal", "K-2"))
    assert len(harness.ledger("upload")) == 1


async def test_nothing_is_sent_of_content_that_is_not_whole(harness: RecordengineHarness) -> None:
    create = harness.create("Proposal", "K-1")
    harness.stored.lose(create.fields["file"])
    with pytest.raises(RejectRecord, match="not there"):
        await harness.target().apply(create)
    assert harness.requests("POST") == []


async def test_a_token_that_was_regenerated_stops_the_connection(harness: RecordengineHarness) -> None:
    target = harness.target()
    await harness.call("POST", "token")
    with pytest.raises(StopConnection, match="401") as caught:
        await target.apply(harness.create("Proposal", "K-1"))
    assert "regenerated" in caught.value.remedy


async def test_a_code_of_success_that_the_contract_does_not_name_is_unknown(
    harness: RecordengineHarness, tmp_path: Path
) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text("upload: {ok: [201]}", encoding="utf-8")
    harness.configuration = {"contract": str(contract)}
    with pytest.raises(OutcomeUnknown, match=r"upload\.ok"):
        await harness.target().apply(harness.create("Proposal", "K-1"))


@pytest.fixture
async def renamed(tmp_path: Path) -> AsyncIterator[RecordengineHarness]:
    """An instance whose API names everything otherwise, and the contract that says so."""
    names = {
        "paths": {"upload": "/api/v2/files", "documents": "/api/v2/docs", "document": "/api/v2/docs/{id}"},
        "upload": {"ok": [201], "parts": {"file": "content", "contact_id": "owner", "external_refs": "refs"}},
        "lists": {"params": {"contact_id": "owner"}, "page_param": "p", "first_page": 0, "items": "rows"},
        "fields": {"upload": {"id": "doc.number"}, "row": {"id": "number"}, "document": {"id": "number"}},
        "refs": {"own_key": "headrace"},
    }
    own = tmp_path / "contract.yaml"
    own.write_text(json.dumps(names), encoding="utf-8")
    async with running(tmp_path, contract=names) as found:
        found.configuration = {"contract": str(own)}
        yield found


async def test_names_of_the_contract_are_used_all_the_way(renamed: RecordengineHarness) -> None:
    target = renamed.target()
    written = await target.apply(renamed.create("Proposal", "K-1"))
    found = await target.find(renamed.create("Proposal", "K-1"))
    assert found is not None
    assert (found.target_id, found.record["key"]) == (written.target_id, "K-1")
    (entry,) = renamed.ledger("upload")
    assert set(entry["after"]["external_refs"]) == {"dynamics", "headrace"}
