"""What an operator may configure, and what is told when it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import checked

BASE: dict[str, Any] = {"base_url": "https://re.company.com/", "api_token": "re_canary"}


def config(**changes: Any) -> RecordengineConfig:
    return checked(RecordengineConfig, {**BASE, **changes}, "connections.documents.config")


def test_defaults() -> None:
    found = config()
    assert (found.base_url, found.host) == ("https://re.company.com", "re.company.com")
    assert (found.confidence.wanted("Invoice"), found.amounts.decimal, found.dates.order) == (80, "auto", None)
    assert "canary" not in repr(found)


def test_names_that_yaml_takes_for_numbers() -> None:
    found = config(
        filing={"by_customer": {10001: {"contact": 1, "folder": 2}}},
        accounts={"default": 618160},
        legal_entities={"default": "USMF", "folders": {"77": "DEMF"}},
    )
    assert list(found.filing.by_customer) == ["10001"]
    assert (found.accounts.default, found.legal_entities.default, found.legal_entities.folders) == (
        "618160",
        "usmf",
        {77: "demf"},
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base_url": "http://re.company.com"}, "https"),
        ({"base_url": "https://re.company.com/api"}, "must be an address"),
        ({"api_token": "re canary"}, "api_token"),
        ({"webhook": {"tokens": ["a", "b", "c"]}}, "webhook.tokens"),
        ({"webhook": {"tokens": ["with space"]}}, "a token is empty"),
        ({"webhook": {"codes": ["short"]}}, "32 characters"),
        ({"webhook": {"mode": "v3"}}, "webhook.mode"),
        ({"verify_by_readback": False}, "verify_by_readback"),
        ({"confidence": {"minimum": 0.8}}, "confidence.minimum"),
        ({"legal_entities": {"default": "toolong"}}, "legal_entities.default"),
        ({"filing": {"default": {"contact": 1}}}, "filing.default.folder"),
        ({"currencies": {"default": "Dollar"}}, "currencies.default"),
        ({"dates": {"order": "ymd"}}, "dates.order"),
        ({"token": "x"}, "token"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        config(**changes)
    assert "canary" not in str(caught.value)


def test_a_contract_that_signs_needs_its_secret(tmp_path: Path) -> None:
    contract = tmp_path / "contract.yaml"
    contract.write_text("webhook: {hmac: {enabled: true}}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="signature_secret"):
        config(contract=contract)
    contract.write_text("pathes: {}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="did you mean paths"):
        config(contract=contract)
