from typing import Any

import pytest

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import checked

VALUES = {"environment_url": "https://org.crm4.dynamics.com/", "tenant_id": "t", "client_id": "c", "client_secret": "s"}
CODE = "a-code-that-nobody-guesses"


def config(**changes: Any) -> DataverseConfig:
    found = checked(DataverseConfig, {**VALUES, **changes}, "connections.sales.config")
    assert isinstance(found, DataverseConfig)
    return found


def test_defaults() -> None:
    found = config()
    assert (found.scope, found.host) == ("https://org.crm4.dynamics.com/.default", "org.crm4.dynamics.com")
    assert (found.stage_column, found.summaries, found.documents.stages) == ("stepname", "note", [])
    assert found.record_url("lead", "1") == "https://org.crm4.dynamics.com/main.aspx?etn=lead&id=1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment_url": "http://org.crm4.dynamics.com"}, "https"),
        ({"environment_url": "https://org.crm4.dynamics.com/api/data/v9.2"}, "environment alone"),
        ({"environment_url": "org.crm4.dynamics.com"}, "an address such as"),
        ({"client_secret": None}, "either client_secret"),
        ({"certificate_file": "a.pem", "private_key_file": "b.pem"}, "either client_secret"),
        ({"webhook": {}}, "open webhook"),
        ({"webhook": {"codes": ["short"]}}, "at least 16"),
        ({"webhook": {"headers": [{"name": "a b", "value": CODE}]}}, "name"),
        ({"objects": ["opportunities"]}, "unknown object opportunities"),
        ({"objects": []}, "objects"),
        ({"stage_column": "StepName"}, "logical name"),
        ({"summaries": "email"}, "note"),
        ({"page_size": 5001}, "page_size"),
        ({"concurrency": 53}, "concurrency"),
        ({"stages": []}, "stages"),
    ],
)
def test_what_cannot_work(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        config(**changes)


def test_a_stage_in_any_case() -> None:
    documents = config(documents={"stages": ["3-Propose"]}).documents
    assert documents.concerns(" 3-PROPOSE ")
    assert not documents.concerns("3-Proposed")
    assert not documents.concerns(None)
    assert not config().documents.concerns("3-Propose")
