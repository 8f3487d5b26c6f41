"""Sign-in and what `headrace ping` says; and that no secret shows anywhere."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from headrace.core.contracts import CheckState, WebhookRequest
from headrace.core.errors import DeliveryRefused
from headrace.core.event import Ref
from headrace.testing.harness import source_of
from tests.contract.dynamics_fo.world import CANARY, CODE, FORMAT, World

EVENT = "SalesInvoicePostedBusinessEvent"


def key_pair(folder: Path) -> tuple[Path, Path, str]:
    """Return the files of a private key and its certificate, and the certificate's PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "headrace")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    files = folder / "app.pem", folder / "app.key"
    files[0].write_bytes(certificate)
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files[0], files[1], certificate.decode()


class TestSignIn:
    async def test_with_a_certificate(self, sandbox: World, tmp_path: Path) -> None:
        certificate, key, pem = key_pair(tmp_path)
        await sandbox.seed(clients=[{"client_id": "by-certificate", "certificate_pem": pem, "user": "Admin"}])
        connection = sandbox.connect(
            client_id="by-certificate",
            client_secret=None,
            certificate_file=str(certificate),
            private_key_file=str(key),
        )
        assert await source_of(connection).fetch(Ref("CustomersV3", "dataAreaId=usmf,CustomerAccount=US-001"))


class TestPing:
    async def test_all_is_well(self, sandbox: World) -> None:
        await sandbox.seed(
            business_events={
                "endpoints": [{"name": "headrace", "url": "http://127.0.0.1:9/hooks"}],
                "configurations": [{"event": EVENT, "endpoint": "headrace"}],
            }
        )
        checks = {check.name: check for check in await sandbox.connect().ping()}
        assert [check for check in checks.values() if check.state is CheckState.FAIL] == []
        assert checks["sign-in"].state is CheckState.PASS
        assert checks["dimension format"].detail == "Department-CostCenter"
        assert checks[f"business event {EVENT} in demf"].state is CheckState.PASS
        assert checks["read CustomersV3"].state is CheckState.PASS
        assert checks["read SalesOrderLines"].state is CheckState.WARN
        assert checks["changes of CustomersV3"].state is CheckState.PASS

    @pytest.mark.parametrize(
        ("changes", "name", "words"),
        [
            ({"client_secret": "wrong"}, "sign-in", "AADSTS7000215"),
            ({"tenant_id": "fabrikam"}, "sign-in", "tenant"),
            ({"legal_entities": ["usmf", "frrt"]}, "legal entities", "frrt"),
            ({"dimension_format": {"dimensions": ["CostCenter", "Department"]}}, "dimension format", "configured is"),
            ({"dimension_format": {**FORMAT, "delimiter": "|"}}, "dimension format", "separates by '-'"),
            ({}, "business events", "no endpoint is registered"),
        ],
    )
    async def test_says_what_is_wrong(self, sandbox: World, changes: dict[str, Any], name: str, words: str) -> None:
        checks = {check.name: check for check in await sandbox.connect(**changes).ping()}
        assert checks[name].state is CheckState.FAIL
        assert words in f"{checks[name].detail} {checks[name].remedy}"

    async def test_names_a_field_that_the_version_lacks(self, sandbox: World) -> None:
        body = {"error": {"message": "Could not find a property named 'KnownAs' on type 'CustomerV3'."}}
        await sandbox.fault("status", "GET", "/data/CustomersV3.*KnownAs", status=400, body=body,
                            headers={"content-type": "application/json"}, times=None)  # fmt: skip
        broken = {check.name: check for check in await sandbox.connect().ping()}["read CustomersV3"]
        assert broken.state is CheckState.FAIL
        assert "KnownAs" in broken.detail
        connection = sandbox.connect(absent_fields={"CustomersV3": ["KnownAs"]})
        mended = {check.name: check for check in await connection.ping()}["read CustomersV3"]
        assert mended.state is CheckState.PASS


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class TestVerify:
    async def test_code_or_login_is_asked_for(self, sandbox: World) -> None:
        login = {"user": "relay", "password": "p:w"}
        source = source_of(sandbox.connect(webhook={"codes": [CODE, CANARY], "basic": [login]}))
        for headers, query in (
            ({}, {"code": CODE}),
            ({}, {"code": CANARY}),
            (basic("relay", "p:w"), {}),
            ({"content-type": "application/json; charset=utf-8"}, {"code": CODE}),
        ):
            source.verify(WebhookRequest(headers, b"{}", query))
        for headers, query in (
            ({}, {}),
            ({}, {"code": ""}),
            ({}, {"code": CODE[:-1]}),
            ({}, {"code": "ü"}),
            (basic("relay", "wrong"), {}),
            (basic("other", "p:w"), {}),
            ({"authorization": "Basic %%%"}, {}),
        ):
            with pytest.raises(DeliveryRefused) as caught:
                source.verify(WebhookRequest(headers, b"{}", query))
            assert caught.value.status == 401
        with pytest.raises(DeliveryRefused) as caught:
            source.verify(WebhookRequest({"content-type": "text/html"}, b"{}", {"code": CODE}))
        assert caught.value.status == 415

    async def test_without_a_webhook_nobody_is_believed(self, sandbox: World) -> None:
        source = source_of(sandbox.connect(webhook=None))
        with pytest.raises(DeliveryRefused):
            source.verify(WebhookRequest({}, b"{}", {"code": ""}))
