"""Tokens: asked for once, renewed once, whoever needs them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headrace.core.errors import RetryLater, StopConnection
from headrace.core.event import Ref
from tests.contract.avidxchange.harness import AvidxchangeHarness, PartnerHarness, UserHarness, running

REF = Ref("payment", "99")
kinds = pytest.mark.parametrize("kind", [PartnerHarness, UserHarness])


@kinds
async def test_callers_at_the_same_time_share_a_token(tmp_path: Path, kind: type[AvidxchangeHarness]) -> None:
    async with running(tmp_path, kind) as harness:
        source = harness.source()
        await asyncio.gather(*(source.fetch(REF) for _ in range(8)))
        assert harness.sign_ins() == 1
        harness.expire_tokens()
        await asyncio.gather(*(source.fetch(REF) for _ in range(8)))
        assert harness.sign_ins() == 2


@kinds
async def test_a_refused_sign_in_stops_the_connection(tmp_path: Path, kind: type[AvidxchangeHarness]) -> None:
    async with running(tmp_path, kind) as harness:
        with pytest.raises(StopConnection) as caught:
            await harness.source(credential="another-one").fetch(REF)
        assert caught.value.remedy
        assert harness.requests() == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"status": 200, "body": "<html>"}])
async def test_a_sign_in_that_cannot_be_had_now_is_for_later(tmp_path: Path, fault: dict[str, object]) -> None:
    async with running(tmp_path, PartnerHarness) as harness:
        harness.fault("status", "POST", path="/oauth2/token", **fault)
        with pytest.raises(RetryLater):
            await harness.source().fetch(REF)
        assert await harness.source().fetch(REF) is None


async def test_a_token_endpoint_may_lie_elsewhere(tmp_path: Path) -> None:
    async with running(tmp_path, PartnerHarness) as harness:
        contract = tmp_path / "contract.yaml"
        address = harness.url.replace("127.0.0.1", "localhost")
        contract.write_text(f"auth: {{token_url: '{address}/oauth2/token'}}\n", encoding="utf-8")
        harness.configuration = {"contract": contract}
        assert await harness.source().fetch(REF) is None
        assert harness.sign_ins() == 1


async def test_another_companys_credentials_are_told_as_such(harness: AvidxchangeHarness) -> None:
    """403: good tokens that do not belong together."""
    other = {"id": "fabrikam", "company_token": "ct_of-fabrikam", "user_token": "ut_of-fabrikam"}
    harness.sandbox.seed({"companies": [other]})
    with pytest.raises(StopConnection, match="403") as caught:
        await harness.source(credential="ut_of-fabrikam").fetch(REF)
    assert "company" in caught.value.remedy
