"""The declared topics and users as resources of Strimzi, which makes them in a cluster that it runs.

Source: Strimzi, "Custom Resource API Reference", `KafkaTopic` and `KafkaUser` of `kafka.strimzi.io/v1`.
"""

from __future__ import annotations

import re
from typing import Any

from headrace.core.errors import ConfigurationError
from headrace.platform.settings import Settings
from headrace.platform.topic_access import User, users
from headrace.platform.topics import Topic, declared

API_VERSION = "kafka.strimzi.io/v1"
CLUSTER_LABEL = "strimzi.io/cluster"


def resources(settings: Settings, cluster: str) -> list[dict[str, Any]]:
    """Return a KafkaTopic for each declared topic and a KafkaUser for each kind of process, in a stable order.

    Args:
        settings: the deployment's.
        cluster: name of the `Kafka` resource, as the label `strimzi.io/cluster` tells Strimzi.

    Raises:
        ConfigurationError: two names would become one in Kubernetes, which knows no underscores and no capitals.
    """
    made = [_topic(topic, settings.kafka.replication, cluster) for topic in declared(settings)]
    made += [_user(user, cluster) for user in users(settings)]
    taken: dict[tuple[str, str], str] = {}
    for resource in made:
        metadata, spec = resource["metadata"], resource["spec"]
        address, name = (resource["kind"], metadata["name"]), spec.get("topicName", metadata["name"])
        if address in taken:
            raise ConfigurationError(
                f"{taken[address]} and {name} would both be the {address[0]} {address[1]}: rename a connection"
            )
        taken[address] = name
    return made


def resource_name(name: str) -> str:
    """Return a name as Kubernetes allows it: lower case, digits, dashes, and dots between (RFC 1123 subdomain)."""
    labels = (re.sub(r"[^a-z0-9]+", "-", label).strip("-") for label in name.lower().split("."))
    return ".".join(label for label in labels if label)


def _topic(topic: Topic, replicas: int, cluster: str) -> dict[str, Any]:
    name = resource_name(topic.name)
    spec: dict[str, Any] = {"partitions": topic.partitions, "replicas": replicas, "config": dict(topic.config)}
    if name != topic.name:
        spec = {"topicName": topic.name, **spec}
    return {"apiVersion": API_VERSION, "kind": "KafkaTopic", "metadata": _metadata(name, cluster), "spec": spec}


def _user(user: User, cluster: str) -> dict[str, Any]:
    acls = [
        {
            "resource": {"type": right.kind, "name": right.name, "patternType": "literal"},
            "operations": list(right.operations),
        }
        for right in user.rights
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "KafkaUser",
        "metadata": _metadata(resource_name(user.name), cluster),
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def _metadata(name: str, cluster: str) -> dict[str, Any]:
    return {"name": name, "labels": {CLUSTER_LABEL: cluster}}
