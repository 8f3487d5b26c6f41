from typing import Any

import pytest

from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.objects import OBJECTS
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import checked

BASE = {"base_url": "https://acme.pipedrive.com/", "api_token": "canary-token"}


def made(**values: Any) -> PipedriveConfig:
    return checked(PipedriveConfig, {**BASE, **values}, "crm")


def test_defaults() -> None:
    config = made()
    assert config.base_url == "https://acme.pipedrive.com"
    assert config.objects == ["deal", "organization", "person", "product"]
    assert config.overlap_seconds == 120
    assert "canary" not in repr(config)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"base_url": "http://acme.pipedrive.com"}, "https"),
        ({"base_url": "acme.pipedrive.com"}, "address"),
        ({"base_url": "https://acme.pipedrive.com/api/v2"}, "address"),
        ({"base_url": "https://user:canary-x@acme.pipedrive.com"}, "address"),
        ({"api_token": " "}, "empty"),
        ({"api_token": "canary\n"}, "line end"),
        ({"api_token": "canary-ä"}, "characters"),
        ({"objects": ["deals"]}, "unknown object deals"),
        ({"markers": {"lead": "x"}}, "unknown object lead"),
        ({"page_size": 501}, "500"),
        ({"webhook": {}}, "open webhook"),
        ({"webhook": {"user": "x"}}, "together"),
        ({"webhook": {"user": "x", "password": "canary"}}, "8 characters"),
        ({"webhook": {"secret": "canary"}}, "8 characters"),
        ({"webhook": {"version": "3", "user": "x", "password": "canary-long"}}, "version"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_cannot_work_is_named_without_secrets(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        made(**values)
    assert "canary" not in str(caught.value)


def test_localhost_may_be_plain() -> None:
    assert made(base_url="http://127.0.0.1:9000").base_url == "http://127.0.0.1:9000"


async def test_opening_calls_nothing() -> None:
    connection = CONNECTOR.open("crm", made())
    assert connection.source is not None
    assert connection.target is not None
    await connection.close()


def test_every_object_is_described() -> None:
    assert set(CONNECTOR.objects) == {"deal", "organization", "person", "product"}
    for description in OBJECTS.values():
        assert "custom." in description.open_prefixes
        assert description.writable is not None
        assert all(name in description.fields for name in description.writable), (
            f"{description.name}: a writable field is not described"
        )
