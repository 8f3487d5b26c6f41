"""What an operator may configure, and what is told when it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import checked

TOKENS = {"company_token": "ct_canary", "user_token": "ut_canary"}
BASE: dict[str, Any] = {
    "base_url": "https://api.example.com/",
    "auth": TOKENS,
    "entities": {"USMF": {"accounting_system": "F&O USMF"}},
}


def config(**changes: Any) -> AvidxchangeConfig:
    return checked(AvidxchangeConfig, {**BASE, **changes}, "connections.ap.config")


def test_defaults() -> None:
    found = config()
    assert found.base_url == "https://api.example.com"
    assert list(found.entities) == ["usmf"]
    assert (found.auth.profile, found.payments.post_when) == ("company_user_tokens", ["Cleared"])
    assert list(found.targets) == ["vendor", "enterprise_code"]
    assert list(config(purchase_orders=True).targets) == ["vendor", "enterprise_code", "purchase_order"]
    assert "canary" not in repr(found)


PARTNER = {"profile": "partner_oauth", "client_id": "c", "client_secret": "s", "company_id": "7"}
USER = {"profile": "avidsuite_v1", "gateway_key": "k", "username": "anna@example.com", "password": "pass word"}


@pytest.mark.parametrize("auth", [PARTNER, USER])
def test_other_ways_to_sign_in(auth: dict[str, Any]) -> None:
    assert config(auth=auth).auth.profile == auth["profile"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base_url": "http://api.example.com"}, "https"),
        ({"base_url": "https://api.example.com/v1"}, "api_prefix"),
        ({"auth": {"company_token": "ct"}}, "needs user_token"),
        ({"auth": {**TOKENS, "password": "canary-p"}}, "does not use password"),
        ({"auth": {**TOKENS, "user_token": "ut canary"}}, "user_token is empty, or has characters"),
        ({"auth": {**PARTNER, "company_id": None}}, "needs company_id"),
        ({"entities": {}}, "entities"),
        ({"entities": {"usmf": {}}}, "either accounting_system"),
        ({"entities": {"usmf": {"accounting_system": "a", "accounting_system_id": 1}}}, "either accounting_system"),
        ({"entities": {"usmf": {"accounting_system": "a"}, "demf": {"accounting_system": " A "}}}, "share"),
        ({"entities": {"usmf": {"accounting_system": "a"}, "USMF": {"accounting_system": "b"}}}, "listed twice"),
        ({"image_hosts": ["https://images.example.com/"]}, "without scheme"),
        ({"payments": {"post_when": []}}, "post_when"),
        ({"poll_days": 1}, "poll_days"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=r"connections\.ap\.config") as caught:
        config(**changes)
    assert told in str(caught.value)
    assert "canary" not in str(caught.value)


def test_problems_of_the_contract_are_the_configurations(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text("pathes: {}\ncurency: EUR\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        config(contract=path)
    assert "did you mean paths?" in str(caught.value)
    assert "did you mean currency?" in str(caught.value)
