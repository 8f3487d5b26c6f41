"""What the configuration accepts, and that it shows no secret."""

from typing import Any

import pytest

from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import checked

CANARY = "canary-secret-7f3a-canary"
GOOD: dict[str, Any] = {
    "environment_url": "https://contoso.operations.dynamics.com/",
    "tenant_id": "contoso.onmicrosoft.com",
    "client_id": "app",
    "client_secret": CANARY,
    "legal_entities": ["USMF", "demf", "usmf"],
    "webhook": {"codes": [CANARY]},
}


def config(**changes: Any) -> DynamicsFoConfig:
    return checked(DynamicsFoConfig, {**GOOD, **changes}, "connection erp")


def test_the_usual_configuration() -> None:
    found = config()
    assert found.environment_url == "https://contoso.operations.dynamics.com"
    assert found.scope == "https://contoso.operations.dynamics.com/.default"
    assert found.legal_entities == ["usmf", "demf"]
    assert found.size("SalesOrderHeadersV2", "CustomersOrderReference") == 60
    assert found.poll("CustomersV3").strategy == "auto"
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment_url": "http://contoso.operations.dynamics.com"}, "must be https"),
        ({"environment_url": "contoso"}, "must be an address"),
        ({"client_secret": None}, "either client_secret"),
        ({"certificate_file": "a.pem", "private_key_file": "a.key"}, "either client_secret"),
        ({"legal_entities": []}, "legal_entities"),
        ({"legal_entities": ["toolong"]}, "legal_entities"),
        ({"sizes": {"Customers": {}}}, "unknown object Customers"),
        ({"webhook": {}}, "at least one code"),
        ({"webhook": {"codes": ["short"]}}, "at least 16"),
        ({"events": {"X": {"object": "Orders", "key": {}}}}, "is not one of"),
        ({"events": {"X": {"object": "CustomersV3", "key": {"Account": "A"}}}}, "must name exactly CustomerAccount"),
        ({"dimension_format": {"dimensions": ["A", "a"]}}, "named twice"),
        ({"dimension_format": {"dimensions": ["A"], "aliases": {"B": "C"}}}, "lacks: C"),
        ({"ledger_format": {"dimensions": ["Department"]}}, "MainAccount is not among its dimensions"),
        (
            {
                "dimension_format": {"dimensions": ["Department"]},
                "ledger_format": {"dimensions": ["MainAccount", "Department"], "delimiter": "|"},
            },
            "one delimiter",
        ),
        ({"verify": False}, "verify"),
        ({"tennant": "x"}, "tennant"),
    ],
)
def test_what_cannot_work_is_named_without_secrets(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config(**changes)
    assert words in str(caught.value)
    assert CANARY not in str(caught.value)


def test_which_dimensions_are_read_and_what_separates_them() -> None:
    ledger = {"dimensions": ["MainAccount", "Department", "Fund"], "delimiter": "|"}
    found = config(ledger_format=ledger, dimensions=["Project", "Department"])
    assert found.read_dimensions == ["Department", "Fund", "Project"]
    assert (found.delimiter, config().delimiter) == ("|", "-")


def test_content_of_files_is_never_selected() -> None:
    assert "FileContents" not in config().select("VendorInvoiceDocumentAttachments")
    assert "FileName" in config().select("VendorInvoiceDocumentAttachments")
