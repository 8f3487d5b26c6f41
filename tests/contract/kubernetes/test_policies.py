"""Selectors meet pods; what guards, watches and scales them fits what they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.contract.kubernetes.rendering import (
    EXAMPLE,
    K8S,
    NAME,
    PART_OF,
    Manifest,
    container,
    lasting,
    of,
    pod,
    pod_labels,
    workloads,
)

KAFKA: dict[str, Any] = yaml.safe_load((EXAMPLE / "headrace.yaml").read_text(encoding="utf-8"))["kafka"]
LASTING = pytest.mark.parametrize("name", lasting())


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector meets a pod, as Kubernetes reads it."""
    for each in selector.get("matchExpressions", []):
        assert each["operator"] in ("In", "NotIn")
        if (labels.get(each["key"]) in each["values"]) != (each["operator"] == "In"):
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def selected(selector: dict[str, Any]) -> set[str]:
    return {name for name, workload in workloads().items() if selects(selector, pod_labels(workload))}


@LASTING
def test_workload_selects_its_own_pods(name: str) -> None:
    assert selected(lasting()[name]["spec"]["selector"]) == {name}


@LASTING
def test_has_a_budget_for_disruptions(name: str) -> None:
    (budget,) = [each["spec"] for each in of("PodDisruptionBudget") if selected(each["spec"]["selector"]) == {name}]

    wanted = {"minAvailable": 1} if lasting()[name]["kind"] == "Deployment" else {"maxUnavailable": 1}
    assert {key: value for key, value in budget.items() if key in ("minAvailable", "maxUnavailable")} == wanted
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@LASTING
def test_spreads_over_nodes_and_zones(name: str) -> None:
    constraints = pod(lasting()[name])["topologySpreadConstraints"]

    assert {each["topologyKey"] for each in constraints} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(selected(each["labelSelector"]) == {name} for each in constraints)


@LASTING
def test_service_leads_to_its_pods(name: str) -> None:
    (service,) = [each for each in of("Service") if each["metadata"]["name"] == name]
    (port,) = service["spec"]["ports"]

    assert selected({"matchLabels": service["spec"]["selector"]}) == {name}
    assert port["targetPort"] in [each["name"] for each in container(lasting()[name])["ports"]]
    if lasting()[name]["kind"] == "StatefulSet":
        assert service["spec"]["clusterIP"] == "None"
        assert lasting()[name]["spec"]["serviceName"] == name


def test_only_webhooks_pass_from_outside() -> None:
    (ingress,) = of("Ingress")
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    urls = yaml.safe_load((EXAMPLE / "headrace.yaml").read_text(encoding="utf-8"))["connections"]["crm"]["config"]
    url = urlsplit(urls["webhook"]["url"])

    assert (path["path"], path["pathType"]) == ("/hooks/", "Prefix")
    assert rule["host"] == url.hostname
    assert url.path.startswith(path["path"])
    assert ingress["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": "ingest-receiver-tls"}]


def test_metrics_of_every_process_are_collected() -> None:
    (monitor,) = of("PodMonitor")
    collected = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}

    assert selected(monitor["spec"]["selector"]) >= set(lasting())
    assert {port["name"] for each in lasting().values() for port in container(each)["ports"]} == collected
    assert {endpoint["path"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} == {"/metrics"}


# --- who may speak with whom ---


def policies(direction: str) -> list[Manifest]:
    return [each for each in of("NetworkPolicy") if direction in each["spec"]["policyTypes"]]


def test_nothing_passes_that_is_not_named() -> None:
    closed = [each["spec"] for each in of("NetworkPolicy") if not {"ingress", "egress"} & set(each["spec"])]

    assert [(selected(each["podSelector"]), set(each["policyTypes"])) for each in closed] == [
        (set(workloads()), {"Ingress", "Egress"})
    ]


def test_every_rule_names_ports_and_peers() -> None:
    for direction, peer in (("Ingress", "from"), ("Egress", "to")):
        rules = [rule for each in policies(direction) for rule in each["spec"].get(direction.lower(), [])]
        assert rules
        assert all(rule.get("ports") and rule.get(peer) for rule in rules)


def allowed(name: str, direction: str) -> set[Any]:
    labels = pod_labels(workloads()[name])
    return {
        port["port"]
        for each in policies(direction)
        if selects(each["spec"]["podSelector"], labels)
        for rule in each["spec"].get(direction.lower(), [])
        for port in rule["ports"]
    }


@pytest.mark.parametrize("name", workloads())
def test_brokers_registry_and_names_can_be_reached(name: str) -> None:
    brokers = {int(address.rpartition(":")[2]) for address in KAFKA["bootstrap"].split(",")}
    needed = {53, *brokers, urlsplit(KAFKA["registry_url"]).port}

    assert allowed(name, "Egress") == needed | (set() if name in ("ingest-receiver", "headrace-deploy") else {443})


def test_brokers_are_looked_for_where_the_configuration_says() -> None:
    hosts = {address.rpartition(":")[0] for address in KAFKA["bootstrap"].split(",")}
    hosts.add(str(urlsplit(KAFKA["registry_url"]).hostname))
    (policy,) = [each for each in policies("Egress") if each["metadata"]["name"] == "headrace-kafka-and-registry"]
    spaces = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
    }

    assert spaces == {"kube-system", *(host.split(".")[1] for host in hosts)}


@LASTING
def test_metrics_and_webhooks_come_in(name: str) -> None:
    (port,) = container(lasting()[name])["ports"]

    assert port["name"] in allowed(name, "Ingress")


def test_private_addresses_stay_closed() -> None:
    (policy,) = [each for each in policies("Egress") if each["metadata"]["name"] == "headrace-outside-systems"]
    (rule,) = policy["spec"]["egress"]
    closed = {network for peer in rule["to"] for network in peer["ipBlock"]["except"]}

    assert closed >= {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}


# --- how many ---


def test_one_alone_says_how_many() -> None:
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]
        for kind in ("ScaledObject", "HorizontalPodAutoscaler")
        for each in of(kind)
    }
    for name, workload in lasting().items():
        assert ("replicas" in workload["spec"]) == (name not in scaled), f"{name}: each apply would undo the scaling"


def test_receiver_is_never_alone() -> None:
    (scaler,) = of("HorizontalPodAutoscaler")

    assert scaler["spec"]["scaleTargetRef"]["name"] == "ingest-receiver"
    assert scaler["spec"]["minReplicas"] >= 2
    assert "cpu" in container(lasting()["ingest-receiver"])["resources"]["requests"], "utilisation is counted from it"


@pytest.mark.parametrize("scaler", of("ScaledObject"), ids=lambda each: str(each["metadata"]["name"]))
def test_workers_scale_within_their_partitions_and_slowly_down(scaler: Manifest) -> None:
    spec = scaler["spec"]
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]

    assert lasting()[spec["scaleTargetRef"]["name"]]["kind"] == spec["scaleTargetRef"]["kind"] == "StatefulSet"
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= KAFKA["partitions"]
    assert down["stabilizationWindowSeconds"] >= 600
    assert [policy["value"] for policy in down["policies"]] == [1]
    assert all(trigger["metadata"]["excludePersistentLag"] == "true" for trigger in spec["triggers"])
    assert all(trigger["metadata"]["allowIdleConsumers"] == "false" for trigger in spec["triggers"])


def test_sets_are_no_larger_than_their_partitions() -> None:
    for file in (K8S / "services").glob("*/statefulset.yaml"):
        assert 1 <= yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]["replicas"] <= KAFKA["partitions"]


def test_everything_is_labelled() -> None:
    for name, workload in workloads().items():
        assert pod_labels(workload)[PART_OF] == "headrace"
        assert pod_labels(workload)[NAME] == workload["metadata"]["labels"][NAME] == name.removeprefix("headrace-")
