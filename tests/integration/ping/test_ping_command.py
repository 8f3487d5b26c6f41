"""`headrace ping` and `headrace pipedrive webhooks sync` as an operator runs them: real Kafka, both sandboxes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from headrace.cli.demo.deployment import API_TOKEN, CRM, ERP, Deployment
from headrace.cli.main import app
from headrace.platform.paths import project_root
from headrace.testing.serving import closed_address

pytestmark = pytest.mark.kafka

EVENT = "SalesInvoicePostedBusinessEvent"
ADDRESS = "http://127.0.0.1:9/hooks/crm"
TEXTS = ("Department", "Cost center", "Business unit")
_FIELD = re.compile(r'custom field "(?P<name>.+)" of (?P<object>\w+)')
_TYPE = re.compile(r" as (?:text \()?(?P<type>\w+)")


@pytest.fixture(scope="module")
def deployment(deploy_once: Callable[..., Deployment]) -> Iterator[Deployment]:
    webhook = {"url": ADDRESS}
    made = deploy_once(connections={CRM: {"config": {"integration_user_id": 2, "webhook": webhook}}})
    user = {"name": "Integration", "email": "integration@example.com", "is_admin": True, "api_token": API_TOKEN}
    made.crm.post("seed", {"users": [user]})
    made.erp.post("seed", {"companies": {"demf": {"currency": "EUR"}, "gbsi": {"currency": "GBP"}}})
    made.erp.post("seed", {"dimension_formats": {"default": ["Department", "CostCenter"]}})
    with made.environ():
        yield made


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), env=dict(environment or {}))


def lines(*arguments: str, **environment: str) -> tuple[dict[tuple[str, str], dict[str, str]], int]:
    """Run ping for scripts; returns its lines by connection and check, and the exit code."""
    result = run("ping", *arguments, "--json", environment=environment)
    told = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert told, result.output
    return {(line["connection"], line["check"]): line for line in told}, result.exit_code


def failing(told: Mapping[tuple[str, str], Mapping[str, str]]) -> set[tuple[str, str]]:
    return {name for name, line in told.items() if line["state"] == "fail"}


class TestDeployment:
    def test_it_is_as_declared(self, deployment: Deployment) -> None:
        told, _ = lines()
        for name in ("Kafka", "topics", "schemas"):
            assert told["", name]["state"] == "pass"
        assert told["", "copies"]["state"] == "warn", "one broker, one copy"
        assert {connection for connection, _ in told} == {"", CRM, ERP}

    def test_one_connection_alone_says_nothing_of_it(self, deployment: Deployment) -> None:
        told, _ = lines(ERP)
        assert {connection for connection, _ in told} == {ERP}

    def test_topics_that_nobody_made(self, deployment: Deployment) -> None:
        told, code = lines(HEADRACE_KAFKA__PREFIX="nobody-made-these.")
        assert code == 1
        assert told["", "topics"]["state"] == "fail"
        assert told["", "topics"]["remedy"] == "Run: headrace topics apply"

    def test_topics_of_another_partition_count(self, deployment: Deployment) -> None:
        told, code = lines(HEADRACE_KAFKA__PARTITIONS="3")
        assert code == 1
        assert "declared 3" in told["", f"topic {deployment.prefix}links"]["detail"]

    def test_kafka_that_does_not_answer(self, deployment: Deployment) -> None:
        told, code = lines(HEADRACE_KAFKA__BOOTSTRAP=closed_address().removeprefix("http://"))
        assert code == 1
        assert told["", "Kafka"]["state"] == "fail"
        assert told["", "schemas"]["state"] == "pass"
        assert told[ERP, "sign-in"]["state"] == "pass", "connections are looked at all the same"

    def test_a_registry_that_does_not_answer(self, deployment: Deployment) -> None:
        told, code = lines(HEADRACE_KAFKA__REGISTRY_URL=closed_address())
        assert code == 1
        assert told["", "schemas"]["state"] == "fail"

    def test_a_schema_that_is_not_registered(self, deployment: Deployment, tmp_path: Path) -> None:
        for name in ("schemas", "services"):
            shutil.copytree(project_root() / name, tmp_path / name)
        for name in ("pyproject.toml", "Makefile"):
            shutil.copy(project_root() / name, tmp_path / name)
        changed = tmp_path / "schemas" / "internal" / "cursor.v1.avsc"
        contract = json.loads(changed.read_text(encoding="utf-8"))
        contract["fields"].append({"name": "weather", "type": ["null", "string"], "default": None})
        changed.write_text(json.dumps(contract), encoding="utf-8")
        told, code = lines(HEADRACE_ROOT=str(tmp_path))
        assert code == 1
        assert "cursor.v1" in told["", "schemas"]["detail"]
        assert told["", "schemas"]["remedy"] == "Run: headrace schemas register"


class TestMappings:
    def test_one_that_does_not_pass_its_check(self, deployment: Deployment, tmp_path: Path) -> None:
        shutil.copytree(project_root() / "services", tmp_path / "services")
        broken = tmp_path / "services" / "dynamics_fo" / "mappings" / "customer.yaml"
        text = broken.read_text(encoding="utf-8")
        broken.write_text(
            text.replace("KnownAs", "KnownAsWhat").replace("{copy: website", "{copy: web_site"), encoding="utf-8"
        )
        told, code = lines(ERP, HEADRACE_MAPPINGS=str(tmp_path / "services"))
        assert code == 1
        assert "web_site" in told[ERP, "mappings"]["detail"]
        assert told[ERP, "mappings"]["remedy"] == "Run: headrace mapping check"
        assert (ERP, "fields of SalesOrderHeadersV2") in told, "what the others need is looked at"


class TestGoingLive:
    """In the order of the tests: what ping asks for is done, until nothing fails any more."""

    def test_what_is_missing_is_told(self, deployment: Deployment) -> None:
        told, code = lines()
        assert code == 1
        wanted = {f'custom field "{name}" of deal' for name in ("Legal entity", "Requested delivery", *TEXTS)}
        assert {check for connection, check in failing(told) if connection == CRM} >= {*wanted, "webhooks"}
        assert "deal.sales_order.yaml" in told[CRM, 'custom field "Requested delivery" of deal']["detail"]
        assert failing(told) & {(ERP, "business events")}

    def test_a_dry_run_registers_nothing(self, deployment: Deployment) -> None:
        result = run("pipedrive", "webhooks", "sync", "--dry-run")
        assert result.exit_code == 0, result.output
        assert "crm: would create webhook for deal_product" in result.stdout
        assert deployment.crm.get("records/webhook")["records"] == []

    def test_webhooks_are_registered_once(self, deployment: Deployment) -> None:
        first = run("pipedrive", "webhooks", "sync", CRM)
        assert first.exit_code == 0, first.output
        assert "crm: 0 right, 5 missing, 0 stale: done" in first.stdout
        assert "crm: 5 right, 0 missing, 0 stale: nothing to do" in run("pipedrive", "webhooks", "sync").stdout
        assert "hook-password" not in first.output

    def test_a_reply_that_is_lost_is_told_and_the_next_run_mends_it(self, deployment: Deployment) -> None:
        (hook, *_) = deployment.crm.get("records/webhook")["records"]
        deployment.crm.post("faults", {"match": {"method": "POST", "path": "/webhooks"}, "kind": "drop_request"})
        environment = {"HEADRACE_CONFIG": str(_without(deployment, "product"))}
        assert "product is not configured" in run("pipedrive", "webhooks", "sync", environment=environment).stdout
        lost = run("pipedrive", "webhooks", "sync")
        assert lost.exit_code == 1
        assert "run `headrace pipedrive webhooks sync` again in a minute" in lost.output
        assert run("pipedrive", "webhooks", "sync").exit_code == 0
        assert hook["data"]["is_active"]

    def test_what_the_remedies_say_is_enough(self, deployment: Deployment) -> None:
        fields: dict[str, list[dict[str, str]]] = {}
        for (connection, check), line in lines()[0].items():
            if connection == CRM and line["state"] == "fail" and (about := _FIELD.fullmatch(check)):
                type_ = _TYPE.search(line["remedy"])
                assert type_, line["remedy"]
                fields.setdefault(about["object"], []).append({"name": about["name"], "type": type_["type"]})
        deployment.crm.post("seed", {"fields": fields})
        events = {"endpoints": [{"name": "headrace", "url": "http://127.0.0.1:9/hooks/erp"}]}
        deployment.erp.post(
            "seed", {"business_events": {**events, "configurations": [{"event": EVENT, "endpoint": "headrace"}]}}
        )
        told, code = lines()
        assert failing(told) == set()
        assert code == 0
        assert told[CRM, "custom fields of deal"]["detail"].startswith("Legal entity (varchar)")
        assert told[ERP, "number sequence of ContactPersons.ContactPersonId in gbsi"]["state"] == "pass"

    def test_people_read_it_too(self, deployment: Deployment) -> None:
        result = run("ping", ERP)
        assert result.exit_code == 0
        assert "pass erp: sign-in: token for" in result.stdout
        assert " → " in result.stdout, "a warning says what to look at"


def _without(deployment: Deployment, obj: str) -> Path:
    """Return a configuration whose CRM does not read an object."""
    settings: dict[str, Any] = yaml.safe_load(deployment.config_file.read_text(encoding="utf-8"))
    config = settings["connections"][CRM]["config"]
    config["objects"] = [name for name in ("deal", "organization", "person", "product") if name != obj]
    settings["connections"][CRM]["polls"].pop(obj)
    path = deployment.folder / f"without-{obj}.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path
