"""Sign-in against a small Entra that answers in memory; the real protocol runs in tests/contract/dynamics_fo."""

import asyncio
import functools
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from headrace.core.errors import ConfigurationError, RetryLater, StopConnection
from headrace.platform import auth
from headrace.platform.auth import RENEWAL_MARGIN, EntraCredentials
from headrace.platform.metrics import TOKEN_LEFT_SECONDS
from headrace.platform.secrets import FileText, Reference, Secret
from headrace.testing.mounts import Mount

CANARY = "canary-secret-7f3a"


class Entra:
    """Answers discovery and token requests; `answers` overrides what the token endpoint says, in order."""

    def __init__(self) -> None:
        self.tokens = 0
        self.lifetime = 3600
        self.answers: list[httpx.Response | Exception] = []
        self.discovery_status = 200
        self.last: dict[str, list[str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        base = "https://login.example/contoso"
        if request.url.path.endswith("openid-configuration"):
            endpoint = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/oauth2/v2.0/token"}
            return httpx.Response(self.discovery_status, json={**endpoint, "issuer": base})
        self.last = parse_qs(request.content.decode())
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        self.tokens += 1
        body = {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": self.lifetime}
        return httpx.Response(200, json=body)


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch) -> Entra:
    server = Entra()
    client = functools.partial(httpx.Client, transport=httpx.MockTransport(server))
    monkeypatch.setattr(httpx, "Client", client)
    return server


def credentials(**changes: object) -> EntraCredentials:
    options = {
        "scope": "https://erp.example/.default",
        "secret": SecretStr(CANARY),
        "authority": "https://login.example",
        "instance_discovery": False,
    }
    return EntraCredentials("erp", "contoso", "client-1", **{**options, **changes})  # type: ignore[arg-type]


def refused(code: str, text: str, status: int = 400, error: str = "invalid_client") -> httpx.Response:
    return httpx.Response(status, json={"error": error, "error_description": f"{code}: {text} Trace ID: 1"})


class TestToken:
    async def test_is_kept_until_five_minutes_before_its_end(self, entra: Entra) -> None:
        signed_in = credentials()
        assert [await signed_in.token() for _ in range(3)] == ["token-1"] * 3
        assert entra.last["scope"] == ["https://erp.example/.default"]
        assert entra.last["grant_type"] == ["client_credentials"]
        assert signed_in.seconds_left() > 3500
        await signed_in.close()

    async def test_is_renewed_within_the_margin(self, entra: Entra) -> None:
        entra.lifetime = int(RENEWAL_MARGIN) - 1
        signed_in = credentials()
        assert [await signed_in.token(), await signed_in.token()] == ["token-1", "token-2"]

    async def test_one_renewal_serves_all_who_wait(self, entra: Entra) -> None:
        signed_in = credentials()
        tokens = await asyncio.gather(*(signed_in.token() for _ in range(20)))
        assert set(tokens) == {"token-1"}
        await asyncio.gather(*(signed_in.renew() for _ in range(20)))
        assert entra.tokens == 2

    async def test_a_forced_renewal_passes_the_cache_of_msal(self, entra: Entra) -> None:
        signed_in = credentials()
        await signed_in.token()
        await signed_in.renew()
        assert await signed_in.token() == "token-2"
        assert (await signed_in.headers())["Authorization"] == "Bearer token-2"

    async def test_a_mounted_secret_that_was_exchanged_is_used_at_the_next_sign_in(
        self, entra: Entra, tmp_path: Path
    ) -> None:
        mount = Mount(tmp_path, secret=CANARY)
        signed_in = credentials(secret=Secret(Reference([FileText(tmp_path / "secret")])))
        await signed_in.token()
        assert entra.last["client_secret"] == [CANARY]
        mount.exchange(secret="canary-second")
        entra.answers = [refused("AADSTS7000215", "Invalid client secret canary-second provided.", 401)]
        with pytest.raises(StopConnection) as caught:
            await signed_in.renew()
        assert "canary" not in str(caught.value)
        await signed_in.renew()
        assert entra.last["client_secret"] == ["canary-second"]

    async def test_the_metric_counts_down(self, entra: Entra) -> None:
        signed_in = credentials()
        await signed_in.token()
        (sample,) = [
            sample
            for metric in TOKEN_LEFT_SECONDS.collect()
            for sample in metric.samples
            if sample.labels == {"connection": "erp"}
        ]
        assert 3000 < sample.value <= 3600


class TestFailures:
    async def test_a_wrong_secret_stops_the_connection_with_a_remedy(self, entra: Entra) -> None:
        entra.answers = [refused("AADSTS7000215", f"Invalid client secret {CANARY} provided.", 401)]
        with pytest.raises(StopConnection) as caught:
            await credentials().token()
        assert "value of the client secret" in caught.value.remedy
        assert "AADSTS7000215" in str(caught.value)
        assert CANARY not in str(caught.value)
        assert "Trace ID" not in str(caught.value)

    async def test_an_unknown_tenant_stops_the_connection(self, entra: Entra) -> None:
        entra.discovery_status = 400
        with pytest.raises(StopConnection, match="tenant_id"):
            await credentials().token()

    async def test_a_repaired_application_works_at_once(self, entra: Entra) -> None:
        entra.answers = [refused("AADSTS7000215", "Invalid client secret provided.", 400)]
        signed_in = credentials()
        with pytest.raises(StopConnection):
            await signed_in.token()
        assert await signed_in.token() == "token-1"

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ConnectError("no route"),
            httpx.ReadTimeout("slow"),
            httpx.Response(503, text="<html>busy</html>", request=httpx.Request("POST", "https://login.example")),
            refused("AADSTS90033", "A transient error has occurred.", 400, "temporarily_unavailable"),
        ],
    )
    async def test_trouble_on_the_way_is_for_later(self, entra: Entra, answer: httpx.Response | Exception) -> None:
        entra.answers = [answer]
        signed_in = credentials()
        with pytest.raises(RetryLater):
            await signed_in.token()
        assert await signed_in.token() == "token-1"

    async def test_a_living_token_outlasts_a_failed_renewal(self, entra: Entra) -> None:
        entra.lifetime = 200
        signed_in = credentials()
        await signed_in.token()
        entra.answers = [httpx.ConnectError("no route")]
        assert await signed_in.token() == "token-1"

    async def test_missing_key_files_are_named(self, entra: Entra, tmp_path: object) -> None:
        from pathlib import Path

        signed_in = credentials(secret=None, certificate=Path("absent.pem"), private_key=Path("absent.key"))
        with pytest.raises(StopConnection, match=r"absent\.key"):
            await signed_in.token()

    def test_exactly_one_kind_of_credential(self) -> None:
        for changes in ({"secret": None}, {"certificate": "a.pem", "private_key": "a.key"}):
            with pytest.raises(ConfigurationError, match="either"):
                credentials(**changes)

    def test_an_unreadable_authority_file_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match=r"absent-ca\.pem"):
            auth.trust("absent-ca.pem")


def test_the_secret_stands_in_no_representation() -> None:
    signed_in = credentials()
    assert CANARY not in repr(signed_in)
    assert CANARY not in str(vars(signed_in))
