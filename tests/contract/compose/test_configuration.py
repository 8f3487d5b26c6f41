"""services/compose/headrace.yaml works with what docker-compose.yml gives it."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from headrace.cli.systems import CONNECTORS
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import ConnectionSettings, Settings, checked, load_settings
from headrace.sandbox.avidxchange.app import ACCOUNTING_SYSTEMS, CREDENTIALS
from headrace.sandbox.common.tls import local_certificate
from tests.contract.compose.files import CONFIG, mounts, own_services, services

CONFIGURED = [name for name, service in own_services().items() if "environment" in service]
CONNECTORS_BY_SYSTEM = {connector.system: connector for connector in CONNECTORS}


def settings(service: str = "ingest-worker") -> Settings:
    return load_settings(CONFIG, own_services()[service]["environment"])


def connections() -> dict[str, ConnectionSettings]:
    return dict(settings().connections)


EACH = pytest.mark.parametrize("name", connections())


@pytest.mark.parametrize("service", CONFIGURED)
def test_loads_in_every_service(service: str) -> None:
    found = settings(service)
    (target,) = [target for source, target in mounts(own_services()[service]) if source.endswith(CONFIG.name)]

    assert own_services()[service]["environment"]["HEADRACE_CONFIG"] == target
    assert found.kafka.bootstrap == "kafka:19092"
    assert urlsplit(found.kafka.registry_url).hostname in services()


def test_fails_without_its_secrets() -> None:
    with pytest.raises(ConfigurationError, match="PIPEDRIVE_API_TOKEN is not set"):
        load_settings(CONFIG, {})


@EACH
def test_connection_is_what_its_connector_takes(name: str) -> None:
    connection = connections()[name]
    connector = CONNECTORS_BY_SYSTEM[connection.system]

    checked(connector.config, connection.config, f"connections.{name}.config")
    assert set(connection.polls) <= set(connector.objects)


@EACH
def test_connection_reaches_a_sandbox_that_it_trusts(name: str) -> None:
    config = connections()[name].config
    address = urlsplit(config.get("base_url") or config["environment_url"])
    sandbox = services()[str(address.hostname)]
    command = sandbox["command"]

    assert connections()[name].system == command[3]
    assert str(address.port) == command[command.index("--tls-port") + 1]
    data = command[command.index("--data") + 1]
    (volume,) = [source for source, target in mounts(sandbox) if target == data]
    for service in _users(name):
        (seen,) = [target for source, target in mounts(services()[service]) if source == volume]
        assert config["verify"] == f"{seen}/tls/ca.pem", service
        assert str(address.hostname) in services()[service]["depends_on"]


def test_the_sandbox_of_avidxchange_knows_its_tokens_and_companies() -> None:
    config = connections()["payables"].config
    companies = {each["accounting_system"] for each in config["entities"].values()}

    assert {name: CREDENTIALS[name] for name in config["auth"]} == config["auth"]
    assert companies == set(ACCOUNTING_SYSTEMS.values())
    assert set(config["entities"]) == set(connections()["erp"].config["legal_entities"]), "they get its accounts"


@EACH
def test_certificate_of_the_sandbox_names_its_host(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = connections()[name].config
    host = str(urlsplit(config.get("base_url") or config["environment_url"]).hostname)
    monkeypatch.setattr(socket, "gethostname", lambda: host)

    pem = local_certificate(tmp_path / "tls").certificate_file.read_bytes()

    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert host in names.value.get_values_for_type(x509.DNSName)


def _users(connection: str) -> list[str]:
    """Services that open a connection: ingest reads every source, a processor writes its own system."""
    found = connections()[connection]
    users = ["ingest-receiver", "ingest-worker"] if found.source else []
    return [*users, found.system.replace("_", "-")] if found.target else users
