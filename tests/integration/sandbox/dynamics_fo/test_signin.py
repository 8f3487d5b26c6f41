"""Sign-in as connectors do it: msal over TLS, with a secret and with a certificate."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from headrace.testing.serving import Served
from tests.integration.sandbox.dynamics_fo.server import CLIENT_ID, SECRET, TENANT, running, token_for


@pytest.fixture
async def secure(tmp_path: Path):
    async with running(tmp_path, tls=True) as server:
        yield server


def msal_token(
    server: Served, credential: object, client_id: str = CLIENT_ID, instance_discovery: bool | str = False
) -> dict[str, object]:
    with requests.Session() as session:
        session.verify = str(server.authority_file)
        session.trust_env = False  # else REQUESTS_CA_BUNDLE in the environment wins over `verify`
        application = msal.ConfidentialClientApplication(
            client_id,
            authority=f"{server.url}/{TENANT}",
            client_credential=credential,
            instance_discovery=instance_discovery,
            http_client=session,
        )
        return application.acquire_token_for_client(scopes=[f"{server.url}/.default"])


async def test_msal_signs_in_with_a_secret(secure: Served):
    result = await asyncio.to_thread(msal_token, secure, SECRET)
    assert result.get("token_type") == "Bearer", result
    headers = {"authorization": f"Bearer {result['access_token']}"}
    trust = ssl.create_default_context(cafile=secure.authority_file)
    async with httpx.AsyncClient(base_url=secure.url, headers=headers, verify=trust) as client:
        assert (await client.get("/data/LegalEntities")).json()["value"][0]["LegalEntityId"] == "usmf"


async def test_msal_asks_the_sandbox_itself_for_instances(secure: Served):
    url = f"{secure.url}/common/discovery/instance"
    result = await asyncio.to_thread(msal_token, secure, SECRET, instance_discovery=url)
    assert result.get("token_type") == "Bearer", result


async def test_msal_reports_a_wrong_secret(secure: Served):
    result = await asyncio.to_thread(msal_token, secure, "wrong")
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000215])


async def test_msal_signs_in_with_a_certificate(secure: Served):
    private_key, certificate, thumbprint = new_certificate()
    trust = ssl.create_default_context(cafile=secure.authority_file)
    client_id = "11111111-0000-0000-0000-000000000000"
    seed = {"clients": [{"client_id": client_id, "certificate_pem": certificate, "user": "Admin"}]}
    async with httpx.AsyncClient(base_url=secure.url, verify=trust) as client:
        (await client.post("/_sandbox/seed", json=seed)).raise_for_status()
    credential = {"private_key": private_key, "thumbprint": thumbprint}
    result = await asyncio.to_thread(msal_token, secure, credential, client_id)
    assert result.get("token_type") == "Bearer", result
    stranger = {"private_key": new_certificate()[0], "thumbprint": thumbprint}
    result = await asyncio.to_thread(msal_token, secure, stranger, client_id)
    assert result["error"] == "invalid_client"


class PlainSession(requests.Session):
    """The other way for msal: an http_client that carries the https address to a plain-HTTP port."""

    def request(self, method, url, **options):
        headers = {**(options.pop("headers", None) or {}), "X-Forwarded-Proto": "https"}
        return super().request(method, url.replace("https://", "http://", 1), headers=headers, **options)


async def test_msal_reaches_a_plain_http_sandbox_through_its_http_client(tmp_path: Path):
    async with running(tmp_path) as server:
        secure_url = server.url.replace("http://", "https://")

        def acquire() -> dict[str, object]:
            with PlainSession() as session:
                application = msal.ConfidentialClientApplication(
                    CLIENT_ID,
                    authority=f"{secure_url}/{TENANT}",
                    client_credential=SECRET,
                    instance_discovery=False,
                    http_client=session,
                )
                return application.acquire_token_for_client(scopes=[f"{server.url}/.default"])

        result = await asyncio.to_thread(acquire)
        assert "access_token" in result, result
        headers = {"authorization": f"Bearer {result['access_token']}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
            assert (await client.get("/data/")).status_code == 200


async def test_version_1_endpoint(sandbox: httpx.AsyncClient):
    origin = str(sandbox.base_url).rstrip("/")
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": SECRET, "resource": origin}
    answer = (await sandbox.post(f"/{TENANT}/oauth2/token", data=form)).json()
    assert answer["resource"] == origin
    assert int(answer["expires_on"]) > int(answer["not_before"])


@pytest.mark.parametrize("audience", ["{}/", "http://LOCALHOST", CLIENT_ID])
async def test_tokens_for_another_audience_are_refused(sandbox: httpx.AsyncClient, audience: str):
    origin = str(sandbox.base_url).rstrip("/")
    answer = await token_for(sandbox, origin, scope=f"{audience.format(origin)}/.default")
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await sandbox.get("/data/CustomersV3", headers=headers)).status_code == 401


async def test_an_unmapped_application_is_refused(sandbox: httpx.AsyncClient):
    origin = str(sandbox.base_url).rstrip("/")
    await sandbox.post("/_sandbox/seed", json={"clients": [{"client_id": "stranger", "client_secret": "s"}]})
    answer = await token_for(sandbox, origin, client_id="stranger", client_secret="s")
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    response = await sandbox.get("/data/CustomersV3", headers=headers)
    assert (response.status_code, response.content) == (401, b"")


async def test_tokens_end_by_time_and_by_control_call(sandbox: httpx.AsyncClient):
    assert (await sandbox.get("/data/CustomersV3")).status_code == 200
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 3600})
    assert (await sandbox.get("/data/CustomersV3")).status_code == 401
    origin = str(sandbox.base_url).rstrip("/")
    token = (await token_for(sandbox, origin)).json()["access_token"]
    sandbox.headers["authorization"] = f"Bearer {token}"
    assert (await sandbox.get("/data/CustomersV3")).status_code == 200
    assert (await sandbox.post("/_sandbox/expire_tokens")).json() == {"expired": 1}
    assert (await sandbox.get("/data/CustomersV3")).status_code == 401


async def test_no_secret_is_remembered(sandbox: httpx.AsyncClient):
    remembered = (await sandbox.get("/_sandbox/requests")).text + (await sandbox.get("/_sandbox/ledger")).text
    assert "#" not in "".join((await sandbox.get("/_sandbox/records")).json())
    assert (await sandbox.get("/_sandbox/records/%23clients")).json() == {"records": []}
    assert "oauth2" in remembered
    assert SECRET not in remembered


def new_certificate() -> tuple[str, str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "headrace")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return private.decode(), public.decode(), certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303
