"""Pods get the files and variables that the code reads, by the names by which it reads them; and no secret is here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from headrace.cli.systems import CONNECTORS
from headrace.mapping.loading import load_directory
from headrace.platform.settings import KafkaSettings, Settings, checked, load_settings
from tests.contract.kubernetes.rendering import (
    EXAMPLE,
    K8S,
    ROOT,
    environment,
    in_example,
    lasting,
    module_of,
    mounts,
    of,
    pod,
    render,
    workloads,
)

CONFIG = EXAMPLE / "headrace.yaml"
TEXT = CONFIG.read_text(encoding="utf-8")
FILES = re.findall(r"\$\{file:([^}]+)\}", re.sub(r"#.*", "", TEXT))
VARIABLES = set(re.findall(r"\$\{([A-Z_]+)\}", re.sub(r"#.*", "", TEXT)))
EVERY = pytest.mark.parametrize("name", workloads())
IN_EXAMPLE = pytest.mark.parametrize("name", in_example())


def config_map(name: str) -> dict[str, str]:
    (found,) = [each for each in of("ConfigMap") if each["metadata"]["name"] == name]
    data: dict[str, str] = found["data"]
    return data


@EVERY
def test_variables_are_read_by_something(name: str) -> None:
    known = {f"HEADRACE_{field.upper()}" for field in Settings.model_fields}
    known |= {f"HEADRACE_KAFKA__{field.upper()}" for field in KafkaSettings.model_fields}
    for file in (ROOT / "libs").rglob("*.py"):
        known |= set(re.findall(r"""["'](HEADRACE_[A-Z_]+)["']""", file.read_text(encoding="utf-8")))

    assert set(environment(workloads()[name])) <= known | VARIABLES


@IN_EXAMPLE
def test_variables_of_the_configuration_are_set(name: str) -> None:
    assert set(environment(in_example()[name])) >= VARIABLES


@IN_EXAMPLE
def test_configuration_is_mounted_where_it_is_looked_for(name: str) -> None:
    workload = in_example()[name]
    path = Path(environment(workload)["HEADRACE_CONFIG"])
    volume = mounts(workload)[str(path.parent)]

    assert config_map(volume["configMap"]["name"])[path.name] == TEXT


@IN_EXAMPLE
def test_every_file_that_the_configuration_names_is_mounted(name: str) -> None:
    folders = mounts(in_example()[name])
    kafka = yaml.safe_load(TEXT)["kafka"]

    assert FILES
    for path in map(Path, [*FILES, kafka["ca_file"]]):
        secret = folders[str(path.parent)]["secret"]
        assert path.name in _keys(secret), f"{path} is in no Secret that is mounted there"


def test_secrets_reload() -> None:
    """A file mounted by subPath keeps its first content, and a changed secret would need a restart."""
    for workload in workloads().values():
        for each in pod(workload)["containers"]:
            assert not [mount for mount in each["volumeMounts"] if "subPath" in mount]


def test_every_secret_is_used() -> None:
    (external,) = of("ExternalSecret")
    used = {Path(path).name for path in FILES if Path(path).parent.name == "headrace"}

    assert {each["secretKey"] for each in external["spec"]["data"]} == used


def test_configuration_loads_with_its_secrets(tmp_path: Path) -> None:
    text = TEXT
    for index, path in enumerate(FILES):
        file = tmp_path / str(index)
        file.write_text(f"secret-number-{index}-of-the-test\n", encoding="utf-8")
        text = text.replace(path, str(file))
    config = tmp_path / "headrace.yaml"
    config.write_text(text, encoding="utf-8")

    settings = load_settings(config, {"KAFKA_USER": "headrace-ingest-worker"})

    systems = {connector.system: connector for connector in CONNECTORS}
    for name, each in settings.connections.items():
        connector = systems[each.system]
        opened = connector.open(name, checked(connector.config, each.config, name))
        assert not each.source or opened.source is not None
        assert not each.target or opened.target is not None
        assert set(each.polls) <= set(connector.objects)


def test_no_secret_is_in_the_repository() -> None:
    literal = [
        f"{file.relative_to(K8S)}: {line.strip()}"
        for file in [*K8S.rglob("*.yaml"), *K8S.rglob("*.md")]
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"(?i)\b\w*(?:password|token|secret|code)s?\b\s*[:=]\s*\[?[\"']?[^\s${\[\"'<…].*", line)
        and not re.search(r"secretName|secretKey|key: |parameter: |automountServiceAccountToken|#", line)
    ]

    assert not of("Secret")
    assert literal == []


def test_a_literal_secret_would_be_found() -> None:
    line = "  api_" + "token: 0123456789abcdef"

    assert re.search(r"(?i)\b\w*(?:password|token|secret|code)s?\b\s*[:=]\s*\[?[\"']?[^\s${\[\"'<…].*", line)


def test_mappings_are_those_of_the_repository() -> None:
    """Every mapping of a service that the example runs, from its real file, where that service looks for it."""
    mounted: dict[str, str] = {}
    for workload in in_example().values():
        for path, volume in mounts(workload).items():
            if path.startswith("/app/services/"):
                data = config_map(volume["configMap"]["name"])
                mounted |= {f"{path}/{name}".removeprefix("/app/"): text for name, text in data.items()}
    services = {module_of(workload).split(".")[1] for workload in in_example().values() if module_of(workload)}
    files = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for service in services
        for file in (ROOT / "services" / service / "mappings").rglob("*.yaml")
    }

    assert files
    assert mounted == files, "list every mapping in the kustomization.yaml of its service"


def test_mappings_of_other_services_are_mounted_too() -> None:
    for name, workload in lasting().items():
        service = module_of(workload).split(".")[1]
        if workload["kind"] == "StatefulSet" and any((ROOT / "services" / service / "mappings").rglob("*.yaml")):
            assert [path for path in mounts(workload) if path.startswith(f"/app/services/{service}/mappings")], name


def test_mounted_mappings_load_once(tmp_path: Path) -> None:
    """As a kubelet lays them out: files in a hidden folder, a link to that, and links to the files."""
    data = config_map(next(name for name in _names("ConfigMap") if name.startswith("dynamics-fo-mappings")))
    hidden = tmp_path / "..2026_11_21_10_00_00.1"
    hidden.mkdir()
    (tmp_path / "..data").symlink_to(hidden.name)
    for name, text in data.items():
        (hidden / name).write_text(text, encoding="utf-8")
        (tmp_path / name).symlink_to(f"..data/{name}")

    loaded = load_directory(tmp_path)

    assert len(loaded) == len(data)


def test_a_changed_file_replaces_the_pods() -> None:
    for each in of("ConfigMap"):
        if each["metadata"]["name"] != "headrace-autoscaler":
            assert re.search(r"-[a-z0-9]{10}$", each["metadata"]["name"])


def test_names_that_pods_refer_to_are_there() -> None:
    made = {*_names("ConfigMap")}
    (external,) = of("ExternalSecret")
    secrets = {external["spec"]["target"]["name"], "kafka-cluster-ca-cert", *_names("KafkaUser")}
    for workload in in_example().values():
        for volume in mounts(workload).values():
            assert volume.get("configMap", {}).get("name") in {None, *made}
            assert volume.get("secret", {}).get("secretName") in {None, *secrets}


def _names(kind: str) -> list[str]:
    return [each["metadata"]["name"] for each in render(EXAMPLE) if each["kind"] == kind]


def _keys(secret: dict[str, object]) -> set[str]:
    """Keys that a mounted Secret has: what ExternalSecret puts in, or what Strimzi does."""
    (external,) = of("ExternalSecret")
    if secret["secretName"] == external["spec"]["target"]["name"]:
        return {each["secretKey"] for each in external["spec"]["data"]}
    if secret["secretName"] in _names("KafkaUser"):
        return {"password"}
    return {"ca.crt"} if secret["secretName"] == "kafka-cluster-ca-cert" else set()
