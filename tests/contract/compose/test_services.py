"""What docker-compose.yml starts, in which order, and with which rights."""

import re
from pathlib import Path

import pytest

from headrace.platform.stack.lock import KAFKA_VERSION, REGISTRY_VERSION
from tests.contract.compose.files import (
    ROOT,
    Service,
    document,
    lasting,
    module_of,
    mounts,
    own_services,
    services,
)

EVERY = pytest.mark.parametrize("name", services())
OWN = pytest.mark.parametrize("name", own_services())
ONE_SHOTS = ("schemas", "topics")


def test_the_parts_are_there() -> None:
    modules = {module_of(service) for service in services().values()} - {""}

    assert {"kafka", "registry", "prometheus", *ONE_SHOTS} <= set(services())
    assert modules == {
        "services.sandbox.app",
        *(
            ".".join(file.relative_to(ROOT).with_suffix("").parts)
            for file in (ROOT / "services").glob("*/*.py")
            if file.stem in ("worker", "receiver")
        ),
    }


def test_the_versions_are_those_of_the_local_stack() -> None:
    assert services()["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert services()["registry"]["image"] == f"apicurio/apicurio-registry:{REGISTRY_VERSION}"


@EVERY
def test_depends_on_what_can_be_waited_for(name: str) -> None:
    for needed, how in services()[name].get("depends_on", {}).items():
        assert needed in services(), f"{name} waits for {needed}, which is not there"
        if how["condition"] == "service_healthy":
            assert "healthcheck" in services()[needed], f"{name} waits for the health of {needed}, which has no check"
        else:
            assert how["condition"] == "service_completed_successfully"
            assert services()[needed]["restart"] == "no", f"{needed} would be started again instead of being complete"


def test_nothing_waits_in_a_circle() -> None:
    left = {name: set(service.get("depends_on", {})) for name, service in services().items()}
    while ready := {name for name, needed in left.items() if not needed}:
        left = {name: needed - ready for name, needed in left.items() if name not in ready}

    assert not left


def test_flows_start_after_contracts_and_topics() -> None:
    for name, service in lasting().items():
        if module_of(service) != "services.sandbox.app":
            assert set(ONE_SHOTS) <= set(service["depends_on"]), name


@EVERY
def test_lasting_services_restart_and_show_their_health(name: str) -> None:
    service = services()[name]
    if name in ONE_SHOTS:
        assert service["restart"] == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@EVERY
def test_is_held_short(name: str) -> None:
    service = services()[name]

    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert not {"privileged", "cap_add", "network_mode", "pid", "user"} & set(service)


@pytest.mark.parametrize("name", [*own_services(), "prometheus"])
def test_writes_only_where_a_volume_is(name: str) -> None:
    service = services()[name]

    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - in a container
    if name in lasting():
        assert "/var/lib/headrace" in [target for _, target in mounts(service)]


@EVERY
def test_image_is_pinned(name: str) -> None:
    tag = services()[name]["image"].partition(":")[2]

    assert tag
    assert tag != "latest"


def test_host_ports_are_unique_and_local() -> None:
    given = [port for service in services().values() for port in service.get("ports", [])]
    hosts = [port.split(":") for port in given]

    assert all(len(parts) == 3 and parts[0] == "127.0.0.1" for parts in hosts), given
    assert len({parts[1] for parts in hosts}) == len(hosts), given


def test_every_mount_is_there() -> None:
    for name, service in services().items():
        for source, _ in mounts(service):
            if source.startswith("."):
                assert (ROOT / source).is_file(), f"{name} mounts {source}, which does not exist"
            else:
                assert source in document()["volumes"], f"{name} mounts the volume {source}, which is not declared"


def test_every_volume_is_used() -> None:
    used = {source for service in services().values() for source, _ in mounts(service)}

    assert set(document()["volumes"]) <= used


def test_durable_folders_have_volumes_of_their_own() -> None:
    written = [
        source
        for service in services().values()
        for source, target in mounts(service)
        if target in ("/var/lib/headrace", "/var/lib/kafka/data", "/prometheus")
    ]

    assert len(written) == len(set(written))
    kafka = services()["kafka"]
    assert (kafka["environment"]["KAFKA_LOG_DIRS"],) in [(target,) for _, target in mounts(kafka)]


def test_clients_reach_kafka_where_it_says_that_it_is() -> None:
    kafka: Service = services()["kafka"]
    advertised = dict(part.split("://") for part in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))

    assert kafka["ports"] == ["127.0.0.1:9092:9092"]
    assert advertised["HOST"] == "localhost:9092"
    for service in own_services().values():
        assert (
            service.get("environment", {}).get("HEADRACE_KAFKA__BOOTSTRAP", advertised["INTERNAL"])
            == (advertised["INTERNAL"])
        )
    assert services()["registry"]["environment"]["APICURIO_KAFKASQL_BOOTSTRAP_SERVERS"] == advertised["INTERNAL"]


@OWN
def test_environment_variables_are_read_by_something(name: str) -> None:
    from headrace.platform.settings import KafkaSettings, Settings

    known = {f"HEADRACE_{field.upper()}" for field in Settings.model_fields}
    known |= {f"HEADRACE_KAFKA__{field.upper()}" for field in KafkaSettings.model_fields}
    known |= {word for file in (ROOT / "libs").rglob("*.py") for word in _names(file)}
    given = {variable for variable in own_services()[name].get("environment", {}) if variable.startswith("HEADRACE_")}

    assert given <= known


def _names(file: Path) -> list[str]:
    """Environment variables that a module names in a text of its own, which is how it reads them."""
    return re.findall(r"""["'](HEADRACE_[A-Z_]+)["']""", file.read_text(encoding="utf-8"))
