"""Topics and users: what the generator gives for the example, no more than is used, and no less."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from headrace.cli.main import app
from headrace.core.errors import ConfigurationError
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.loading import load_directory
from headrace.platform.settings import ConnectionSettings, KafkaSettings, Settings, load_settings
from headrace.platform.strimzi import resource_name, resources
from headrace.platform.topic_access import AUTOSCALER, DEPLOY, INGEST, OPERATOR, RECEIVER, RECONCILE, User, users
from headrace.platform.topics import TopicNames, declared
from tests.contract.kubernetes.rendering import EXAMPLE, ROOT, environment, in_example, mounts, of, render

NAMES = TopicNames()
CONNECTIONS = ("crm", "documents", "erp", "payables", "sales")
PIPELINE = ROOT / "libs" / "headrace" / "pipeline"


def settings() -> Settings:
    return load_settings(EXAMPLE / "headrace.yaml", {}, complete=False)


def user(process: str) -> User:
    (found,) = [each for each in users(settings()) if each.process == process]
    return found


def may(process: str, operation: str, kind: str = "topic") -> set[str]:
    return {right.name for right in user(process).rights if right.kind == kind and operation in right.operations}


def test_the_committed_file_is_what_the_command_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    written = tmp_path / "kafka.yaml"
    monkeypatch.setenv("HEADRACE_CONFIG", str(EXAMPLE / "headrace.yaml"))

    done = CliRunner().invoke(app, ["topics", "manifests", "--output", str(written)])

    assert done.exit_code == 0, done.output
    again = "HEADRACE_CONFIG=k8s/example/headrace.yaml headrace topics manifests --output k8s/example/kafka.yaml"
    assert written.read_text() == (EXAMPLE / "kafka.yaml").read_text(), f"make it again: {again}"


def test_topics_are_the_declared_ones() -> None:
    made = {each["spec"].get("topicName", each["metadata"]["name"]): each["spec"] for each in of("KafkaTopic")}
    wanted = declared(settings())

    assert set(made) == {topic.name for topic in wanted}
    for topic in wanted:
        spec = made[topic.name]
        assert (spec["partitions"], spec["config"]) == (topic.partitions, dict(topic.config))
        assert spec["replicas"] == settings().kafka.replication >= settings().kafka.min_insync


def test_rights_are_on_what_is_declared_and_named_in_full() -> None:
    topics = {topic.name for topic in declared(settings())}
    for each in users(settings()):
        assert {right.name for right in each.rights if right.kind == "topic"} <= topics
    for manifest in of("KafkaUser"):
        for acl in manifest["spec"]["authorization"]["acls"]:
            assert acl["resource"]["patternType"] == "literal"
            assert not {"All", "Delete", "Alter", "AlterConfigs", "ClusterAction"} & set(acl["operations"])


def test_every_declared_topic_is_written_and_read_by_a_service() -> None:
    services = [
        each.process for each in users(settings()) if each.process not in (DEPLOY, OPERATOR, AUTOSCALER, RECONCILE)
    ]
    written = set().union(*(may(name, "Write") for name in (*services, OPERATOR)))
    read = set().union(*(may(name, "Read") for name in (*services, OPERATOR)))

    assert written == read == {topic.name for topic in declared(settings())}


def test_the_nightly_comparison_reads_and_lets_polls_run_and_orders_nothing() -> None:
    for name in CONNECTIONS:
        assert {NAMES.emitted(name), NAMES.state(name), NAMES.parked(name)} <= may(RECONCILE, "Read")
    written = may(RECONCILE, "Write") - {NAMES.credentials}
    assert written == {*map(NAMES.inbox, CONNECTIONS), NAMES.cursors}
    assert not may(RECONCILE, "Read", "group")


def test_receiver_only_adds_to_inboxes() -> None:
    assert may(RECEIVER, "Write") - {NAMES.credentials} == set(map(NAMES.inbox, CONNECTIONS))
    assert may(RECEIVER, "Read") <= {NAMES.credentials}


def test_ingest_reads_its_inboxes_and_never_a_target() -> None:
    for name in CONNECTIONS:
        assert {NAMES.inbox(name), NAMES.emitted(name)} <= may(INGEST, "Read") & may(INGEST, "Write")
        assert NAMES.group(f"ingest.{name}") in may(INGEST, "Read", "group")
        assert NAMES.parked(name) in may(INGEST, "Write")
    entities = {
        each.entity for each in load_directory(ROOT / "services" / "ingest" / "mappings") if isinstance(each, InMapping)
    }
    assert {NAMES.canonical(entity) for entity in entities} <= may(INGEST, "Write")
    assert not {NAMES.state("erp"), NAMES.commands("erp")} & (may(INGEST, "Read") | may(INGEST, "Write"))


@pytest.mark.parametrize("name", CONNECTIONS)
def test_processor_reads_events_and_writes_its_own_state(name: str) -> None:
    system = settings().connections[name].system
    process = system.replace("_", "-")
    entities = {
        each.entity for each in load_directory(ROOT / "services" / system / "mappings") if isinstance(each, OutMapping)
    }
    others = tuple(f".{other}" for other in CONNECTIONS if other != name)
    assert {NAMES.canonical(entity) for entity in entities} | {NAMES.commands(name)} <= may(process, "Read")
    assert {NAMES.state(name), NAMES.links} <= may(process, "Read") & may(process, "Write")
    assert {NAMES.parked(name), NAMES.audit} <= may(process, "Write")
    assert may(process, "Read", "group") == {NAMES.group(name)}
    assert not [topic for topic in may(process, "Write") if topic.startswith("canonical.") or topic.endswith(others)]


def test_files_of_records_are_stored_by_ingest_and_read_by_who_sends_them() -> None:
    assert NAMES.attachments in may(INGEST, "Write") & may("dynamics-fo", "Read")
    assert NAMES.attachments not in may(RECEIVER, "Write") | may("dynamics-fo", "Write")


def test_each_system_has_a_user_for_its_own_targets_alone() -> None:
    both = Settings(
        connections={
            "crm": ConnectionSettings(system="pipedrive"),
            "eu": ConnectionSettings(system="dynamics_fo"),
            "us": ConnectionSettings(system="dynamics_fo"),
        }
    )
    rights = {each.process: {right.name for right in each.rights} for each in users(both)}

    assert {"state.eu", "state.us"} <= rights["dynamics-fo"]
    assert "state.crm" in rights["pipedrive"]
    assert not {"state.crm", "commands.crm"} & rights["dynamics-fo"]


def test_only_deployment_makes_topics_and_only_people_and_processors_send_commands() -> None:
    """A processor orders what must happen in the lane of another record, of its own connections alone."""
    own = {each.system.replace("_", "-"): {NAMES.commands(name)} for name, each in settings().connections.items()}
    senders = {**own, OPERATOR: set(map(NAMES.commands, CONNECTIONS))}
    for each in users(settings()):
        made = {right.name for right in each.rights if "Create" in right.operations}
        assert bool(made) == (each.process == DEPLOY)
        sent = {right.name for right in each.rights if "Write" in right.operations and "commands." in right.name}
        assert sent == senders.get(each.process, set())
    assert not may(AUTOSCALER, "Read") | may(AUTOSCALER, "Write") | may(AUTOSCALER, "Read", "group")


def test_every_topic_that_the_pipeline_names_has_a_rule() -> None:
    """A kind of topic that is new in the pipeline needs rights before it works in a cluster with users."""
    named = {
        node.attr
        for file in PIPELINE.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("names")
    }
    kinds = {name for name in dir(TopicNames("")) if not name.startswith("_")}
    rules = (ROOT / "libs" / "headrace" / "platform" / "topic_access.py").read_text(encoding="utf-8")

    assert named & kinds
    assert not [name for name in named & kinds if f"names.{name}" not in rules]


def test_each_workload_signs_in_as_its_user() -> None:
    made = {each["metadata"]["name"] for each in of("KafkaUser")}
    for name, workload in in_example().items():
        process = {"Job": DEPLOY, "CronJob": RECONCILE}.get(workload["kind"], name)
        who = environment(workload)["KAFKA_USER"]
        assert who == f"headrace-{process}"
        assert who in made
        assert mounts(workload)["/run/secrets/kafka"]["secret"]["secretName"] == who


def test_prefix_is_part_of_topics_groups_and_users() -> None:
    made = Settings(kafka=KafkaSettings(prefix="Eu_1."), connections={"erp": ConnectionSettings(system="dynamics_fo")})
    for each in users(made):
        assert each.name.startswith("Eu_1.")
        assert all(right.name.startswith("Eu_1.") for right in each.rights)
    names = [each["metadata"]["name"] for each in resources(made, "kafka")]
    assert "eu-1.headrace-dynamics-fo" in names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("canonical.sales_order.v1", "canonical.sales-order.v1"), ("_A__b._", "a-b"), ("links", "links")],
)
def test_names_as_kubernetes_allows_them(name: str, wanted: str) -> None:
    assert resource_name(name) == wanted


def test_names_that_become_one_are_refused() -> None:
    made = Settings(
        connections={
            "erp_1": ConnectionSettings(system="dynamics_fo"),
            "erp-1": ConnectionSettings(system="dynamics_fo"),
        }
    )
    with pytest.raises(ConfigurationError, match=r"parked\.erp-1 and parked\.erp_1 would both be.*rename a connection"):
        resources(made, "kafka")


def test_every_resource_belongs_to_the_cluster() -> None:
    for each in (*of("KafkaTopic"), *of("KafkaUser")):
        assert each["metadata"]["labels"]["strimzi.io/cluster"] == "kafka"
    host = yaml.safe_load((EXAMPLE / "headrace.yaml").read_text())["kafka"]["bootstrap"]
    assert host.startswith("kafka-kafka-bootstrap."), "Strimzi names the address for the cluster"
    triggers = [trigger["metadata"] for each in of("ScaledObject") for trigger in each["spec"]["triggers"]]
    assert {each["bootstrapServers"] for each in triggers} == {host}


def test_autoscaler_watches_what_its_workers_read() -> None:
    for each in of("ScaledObject", render(EXAMPLE)):
        process = each["spec"]["scaleTargetRef"]["name"]
        groups = {trigger["metadata"]["consumerGroup"] for trigger in each["spec"]["triggers"]}
        assert groups == may(process, "Read", "group")
        assert groups <= may(AUTOSCALER, "Describe", "group")
        for trigger in each["spec"]["triggers"]:
            topic = trigger["metadata"].get("topic")
            watched = {topic} if topic else {name for name in may(process, "Read") if name.startswith("canonical.")}
            assert watched <= may(process, "Read")
            assert watched <= may(AUTOSCALER, "Describe")
