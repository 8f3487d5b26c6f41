"""How clients reach the brokers: settings that belong together, and one way for every client."""

from __future__ import annotations

import ast
import ssl
from pathlib import Path
from typing import Any

import pytest

from headrace.core.errors import ConfigurationError
from headrace.platform.broker_access import client_options
from headrace.platform.settings import KafkaSettings, checked
from headrace.sandbox.common.tls import local_certificate

PRODUCT = Path(__file__).resolve().parents[3] / "libs" / "headrace"
PASSWORD = "not-to-be-seen"


def settings(**values: Any) -> KafkaSettings:
    return checked(KafkaSettings, values, "headrace.yaml: kafka")


def test_without_security_nothing_is_sent() -> None:
    assert client_options(settings(bootstrap="kafka:9092")) == {
        "bootstrap_servers": "kafka:9092",
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_user_and_password_over_tls() -> None:
    options = client_options(settings(security_protocol="SASL_SSL", user="worker", password=PASSWORD))

    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "worker")
    assert options["sasl_plain_password"] == PASSWORD
    assert options["ssl_context"].check_hostname
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_an_authority_that_is_named_is_the_only_one(tmp_path: Path) -> None:
    authority = local_certificate(tmp_path).authority_file

    context = client_options(settings(security_protocol="SSL", ca_file=authority))["ssl_context"]

    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname


def test_a_client_certificate_is_loaded(tmp_path: Path) -> None:
    files = local_certificate(tmp_path)
    given = {"certificate_file": files.certificate_file, "private_key_file": files.key_file}

    assert client_options(settings(security_protocol="SSL", **given))["ssl_context"] is not None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"security_protocol": "SASL_SSL", "user": "worker"}, "needs user and password"),
        ({"security_protocol": "SSL", "user": "worker", "password": PASSWORD}, "not used with security_protocol SSL"),
        ({"password": PASSWORD}, "not used with security_protocol PLAINTEXT"),
        ({"ca_file": "ca.pem"}, "speaks no TLS"),
        ({"security_protocol": "SSL", "certificate_file": "a.pem"}, "belong together"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
    ],
)
def test_what_does_not_belong_together_is_told(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as raised:
        settings(**values)

    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"kafka\.ca_file"):
        client_options(settings(security_protocol="SSL", ca_file=file))


def test_settings_do_not_show_the_password() -> None:
    made = settings(security_protocol="SASL_SSL", user="worker", password=PASSWORD)

    assert PASSWORD not in f"{made!r} {made.model_dump_json()}"


def test_every_client_is_made_with_them() -> None:
    """One client that forgot would work on an open cluster and fail on a closed one."""
    made, without = 0, []
    for file in PRODUCT.rglob("*.py"):
        if file.parent.name == "stack":  # it talks to brokers that it has started itself
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("AIOKafka"):
                made += 1
                starred = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg is None]
                if not any(value.startswith("client_options(") for value in starred):
                    without.append(f"{file.name}:{node.lineno}")

    assert made >= 6
    assert without == []
