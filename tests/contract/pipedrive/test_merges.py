"""Two records become one: what the webhooks tell of the one that vanished and of the one that is left."""

import pytest

from headrace.core.event import Ref
from headrace.testing.serving import receiver
from headrace.testing.waiting import eventually
from tests.contract.pipedrive.hooks import PASSWORD, USER, subscribe
from tests.contract.pipedrive.world import World, fetched


@pytest.mark.parametrize("obj", ["deal", "organization", "person"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_the_vanished_record_names_the_one_that_is_left(sandbox: World, obj: str, version: str) -> None:
    source = sandbox.source(webhook={"user": USER, "password": PASSWORD, "version": "both"})
    body = {"title": "Winner"} if obj == "deal" else {"name": "Winner"}
    winner = await sandbox.call("POST", f"/api/v2/{obj}s", **body)
    async with receiver() as hook:
        await subscribe(sandbox, hook, version)
        await sandbox.call("PUT", f"/api/v1/{obj}s/1/merge", merge_with_id=winner["id"])
        gone, left = Ref(obj, "1"), Ref(obj, str(winner["id"]))
        await eventually(lambda: {gone, left} <= {source.notice(request).ref for request in hook.requests})
        told = {source.notice(request).ref: request for request in hook.requests}
    record = source.decode(gone, told[gone].body)
    assert record is not None
    assert record.deleted
    # Webhooks v1 say "deleted" of one and "merged" of the other, and nothing joins them.
    assert record.data.get("merged_into") == (left.external_id if version == "2.0" else None)
    assert source.decode(left, told[left].body) is None
    assert (await fetched(source, obj, gone.external_id)).deleted
    assert not (await fetched(source, obj, left.external_id)).deleted
