"""headrace.example.yaml: it loads, connectors accept it, it shows every setting, and its defaults are the real ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from headrace.cli.systems import CONNECTORS
from headrace.connectors.avidxchange.config import Auth, Entity
from headrace.connectors.dataverse.config import Documents
from headrace.connectors.dataverse.config import Webhook as DataverseWebhook
from headrace.connectors.dynamics_fo.config import DimensionFormat
from headrace.connectors.dynamics_fo.config import Webhook as EventsWebhook
from headrace.connectors.pipedrive.config import OAuth
from headrace.connectors.pipedrive.config import Webhook as PipedriveWebhook
from headrace.connectors.recordengine.config import (
    Accounts,
    Amounts,
    Currencies,
    Filing,
    Filings,
    LegalEntities,
)
from headrace.connectors.recordengine.config import Webhook as DocumentsWebhook
from headrace.core.errors import ConfigurationError
from headrace.pipeline.policies import ownership, routes
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import (
    ConnectionSettings,
    CredentialSettings,
    KafkaSettings,
    Settings,
    checked,
    load_settings,
)

EXAMPLE = Path(__file__).resolve().parents[3] / "headrace.example.yaml"
SYSTEMS = {connector.system: connector for connector in CONNECTORS}
_VARIABLE = re.compile(r"(?<=\$\{)[A-Z][A-Z0-9_]*(?=\})")
_SECOND = re.compile(r"^  # --- a second .*\Z", re.MULTILINE | re.DOTALL)
"""The last block: in comments, because most deployments have one connection of each kind."""
TEXT = EXAMPLE.read_text(encoding="utf-8")
VARIABLES = sorted(set(_VARIABLE.findall(_SECOND.sub("", TEXT))) - {"NAME"})
ENVIRONMENT = {name: f"value-of-{name.lower()}" for name in _VARIABLE.findall(TEXT)}
RAW: Any = {"connections": {"__all__": {"config"}}}
"""What only a connector can check."""
_SHOWN_DEFAULT = re.compile(r"^( *)#([a-z_0-9]+: )", re.MULTILINE)


def loaded(path: Path = EXAMPLE) -> tuple[Settings, dict[str, BaseModel]]:
    settings = load_settings(path, ENVIRONMENT)
    configs = {
        name: checked(SYSTEMS[each.system].config, each.config, f"connections.{name}.config")
        for name, each in settings.connections.items()
    }
    return settings, configs


@pytest.fixture
def spelled_out(tmp_path: Path) -> Path:
    """The example with every shown default taken out of its comment."""
    path = tmp_path / "headrace.yaml"
    path.write_text(_SHOWN_DEFAULT.sub(r"\1\2", EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def test_every_connector_accepts_its_configuration() -> None:
    settings, configs = loaded()
    assert set(ownership(settings, Schemas(schemas_dir()))) == set(settings.ownership)
    assert {each.system for each in settings.connections.values()} == set(SYSTEMS)
    assert set(configs) == set(settings.connections)


def test_connections_are_used_as_their_connectors_can() -> None:
    settings, configs = loaded()
    for name, each in settings.connections.items():
        opened = SYSTEMS[each.system].open(name, configs[name])
        assert not each.source or opened.source is not None
        assert not each.target or opened.target is not None
        assert set(each.polls) <= set(SYSTEMS[each.system].objects)


def test_shown_defaults_are_the_defaults(spelled_out: Path) -> None:
    settings, configs = loaded(spelled_out)
    as_shipped, as_shipped_configs = loaded()
    assert configs == as_shipped_configs
    assert settings.model_dump(exclude=RAW) == as_shipped.model_dump(exclude=RAW)
    assert settings.connections["crm"].config != as_shipped.connections["crm"].config, "no default was taken out"


def test_the_last_block_is_one_to_copy(tmp_path: Path) -> None:
    (block,) = _SECOND.findall(TEXT)
    connections = block[block.index("  # crm-us:") :]
    path = tmp_path / "headrace.yaml"
    path.write_text(TEXT + re.sub("^  # ", "  ", connections, flags=re.MULTILINE), encoding="utf-8")
    settings, configs = loaded(path)
    assert set(configs) == {"crm", "erp", "sales", "payables", "documents", "crm-us", "erp-us"}
    assert {"customer", "sales_order"} <= set(routes(settings, "crm-us")) & set(routes(settings, "erp-us"))

    (rules,) = re.findall(r"each: (\{number.*\}), (\{.*\})\.", block)
    accepts = dict(re.findall(r"^  #   (crm|erp|payables): (\{.*\})$", block, re.MULTILINE))
    changed = settings.model_dump()
    changed["ownership"] = dict(zip(("customer", "product"), map(yaml.safe_load, rules), strict=True))
    for name, each in accepts.items():
        changed["connections"][name]["accepts"] = yaml.safe_load(each)
    settings = checked(Settings, changed, "headrace.yaml")
    assert set(ownership(settings, Schemas(schemas_dir()))) == {"customer", "product"}
    assert "sales_order" in routes(settings, "crm")
    assert "contact" in routes(settings, "erp")
    assert "vendor" in routes(settings, "payables")
    assert "payment_batch" in routes(settings, "erp-us")


@pytest.mark.parametrize("name", VARIABLES)
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}
    with pytest.raises(ConfigurationError, match=name):
        load_settings(EXAMPLE, environment)


def test_it_shows_every_setting(spelled_out: Path) -> None:
    """A setting that nobody can find is as good as none. Alternatives that exclude each other stand in the prose."""
    document = yaml.safe_load(spelled_out.read_text(encoding="utf-8"))
    prose = EXAMPLE.read_text(encoding="utf-8")
    missing = [place for place, name in _lacking(document) if not re.search(rf"\b{name}\b", prose)]
    assert missing == []


def _lacking(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = ("crm", "erp", "payables", "documents", "sales")
    crm, erp, payables, documents, sales = (document["connections"][name] for name in names)
    for place, model, shown in (
        ("settings", Settings, document),
        ("kafka", KafkaSettings, document["kafka"]),
        ("credentials", CredentialSettings, document["credentials"]),
        ("connection crm", ConnectionSettings, crm),
        ("connection erp", ConnectionSettings, erp),
        ("connection payables", ConnectionSettings, payables),
        ("connection sales", ConnectionSettings, sales),
        ("avidxchange", SYSTEMS["avidxchange"].config, payables["config"]),
        ("avidxchange auth", Auth, payables["config"]["auth"]),
        ("avidxchange entity", Entity, payables["config"]["entities"]["usmf"]),
        ("dataverse", SYSTEMS["dataverse"].config, sales["config"]),
        ("dataverse webhook", DataverseWebhook, sales["config"]["webhook"]),
        ("dataverse documents", Documents, sales["config"]["documents"]),
        ("pipedrive", SYSTEMS["pipedrive"].config, crm["config"]),
        ("pipedrive webhook", PipedriveWebhook, crm["config"]["webhook"]),
        ("pipedrive oauth", OAuth, {}),
        ("connection documents", ConnectionSettings, documents),
        ("recordengine", SYSTEMS["recordengine"].config, documents["config"]),
        ("recordengine webhook", DocumentsWebhook, documents["config"]["webhook"]),
        ("recordengine legal_entities", LegalEntities, documents["config"]["legal_entities"]),
        ("recordengine filing", Filings, documents["config"]["filing"]),
        ("recordengine filing default", Filing, documents["config"]["filing"]["default"]),
        ("recordengine amounts", Amounts, documents["config"]["amounts"]),
        ("recordengine currencies", Currencies, documents["config"]["currencies"]),
        ("recordengine accounts", Accounts, documents["config"]["accounts"]),
        ("dynamics_fo", SYSTEMS["dynamics_fo"].config, erp["config"]),
        ("dynamics_fo webhook", EventsWebhook, erp["config"]["webhook"]),
        ("dynamics_fo dimension_format", DimensionFormat, erp["config"]["dimension_format"]),
    ):
        for name in model.model_fields:
            if name not in shown:
                yield f"{place}: {name}", name
