"""Secrets by reference: followed as files and stored credentials change, never shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.cli.systems import CONNECTORS
from headrace.connectors.pipedrive import CONNECTOR, webhooks
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.core.contracts import WebhookRequest
from headrace.core.errors import ConfigurationError, DeliveryRefused, StopConnection
from headrace.platform.secrets import FileText, Reference, Secret, StoredName
from headrace.platform.settings import ConnectionSettings, Settings, Strict, checked, load_settings
from headrace.testing.mounts import Mount

CANARY = "canary-first-value"


class Model(Strict):
    secret: Secret
    text: str = ""
    plain: SecretStr | None = None


def config_file(folder: Path, text: str) -> Path:
    path = folder / "headrace.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def follow(path: Path) -> Secret:
    return checked(Model, {"secret": Reference([FileText(path)])}, "here").secret


def test_a_mounted_secret_is_exchanged(tmp_path: Path) -> None:
    mount = Mount(tmp_path, token=f"{CANARY}\n")
    secret = follow(tmp_path / "token")
    assert secret.get_secret_value() == CANARY
    mount.exchange(token="second")
    assert (secret.get_secret_value(), len(secret)) == ("second", 6)


def test_the_same_length_in_the_same_moment_is_another_file(tmp_path: Path) -> None:
    mount = Mount(tmp_path, token="one")
    secret, stamp = follow(tmp_path / "token"), (tmp_path / "token").stat().st_mtime_ns
    mount.exchange(token="two")
    os.utime(tmp_path / "token", ns=(stamp, stamp))
    assert secret.get_secret_value() == "two"


def test_what_cannot_be_read_leaves_the_last_value(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(CANARY)
    secret = follow(path)
    path.write_text("")
    assert secret.get_secret_value() == CANARY, "somebody is writing it"
    path.unlink()
    assert secret.get_secret_value() == CANARY
    path.write_text("second")
    assert secret.get_secret_value() == "second"


def test_parts_around_references_stay(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    text = f"secret: a-${{file:{path}}}-${{WORD}}-${{credential:crm}}"
    settings = load_settings(
        config_file(tmp_path, f"connections:\n  c:\n    system: x\n    config:\n      {text}"), {"WORD": "${file:no}"}
    )
    made = checked(Model, settings.connections["c"].config, "c", {"crm": "stored"}.__getitem__)
    path.write_text("other")
    assert made.secret.get_secret_value() == "a-other-${file:no}-stored"


def test_a_field_that_is_no_secret_keeps_the_files_text(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("one")
    made = checked(Model, {"secret": "s", "text": Reference([FileText(path)])}, "here")
    path.write_text("another")
    assert (type(made.text), made.text) == (str, "one")


@pytest.mark.parametrize("field", ["text", "plain"])
def test_a_stored_credential_stands_only_where_it_is_followed(field: str) -> None:
    values = {"secret": "s", field: Reference([StoredName("crm")])}
    with pytest.raises(ConfigurationError, match=f"here: {field}: a stored credential"):
        checked(Model, values, "here", lambda name: CANARY)


def test_settings_outside_connections_cannot_be_stored(tmp_path: Path) -> None:
    path = config_file(tmp_path, "kafka: {bootstrap: '${credential:kafka}'}")
    with pytest.raises(ConfigurationError, match="kafka: bootstrap"):
        load_settings(path, {})


def test_a_store_that_is_not_open_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"credential crm .*credentials\.keys"):
        checked(Model, {"secret": Reference([StoredName("crm")])}, "here")


def test_a_stored_credential_that_goes_stops_its_connection_only() -> None:
    held = {"crm": CANARY}

    def lookup(name: str) -> str:
        if name not in held:
            raise StopConnection(f"credential {name} is not stored", "headrace credentials set")
        return held[name]

    secret = checked(Model, {"secret": Reference([StoredName("crm")])}, "here", lookup).secret
    held.clear()
    with pytest.raises(StopConnection, match="crm"):
        secret.get_secret_value()


def test_nothing_shows(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(CANARY)
    reference = Reference(["Bearer canary-prefix ", FileText(path)])
    made = checked(Model, {"secret": reference}, "here")
    shown = [repr(reference), repr(made), str(made), str(made.model_dump()), made.model_dump_json(), str(made.secret)]
    settings = Settings(connections={"c": ConnectionSettings(system="x", config={"secret": reference})})
    assert not [text for text in [*shown, repr(settings)] if "canary" in text]


@pytest.mark.parametrize("value", [7, None, ["x"], {"a": "b"}])
def test_what_is_no_text_is_refused_without_being_shown(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"here: secret: .*text") as caught:
        checked(Model, {"secret": value}, "here")
    assert repr(value) not in str(caught.value)


def test_a_webhook_password_is_exchanged_between_two_requests(tmp_path: Path) -> None:
    mount = Mount(tmp_path, password="password-1")
    hook = {"user": "hook", "password": Reference([FileText(tmp_path / "password")])}
    values = {"base_url": "https://acme.pipedrive.com", "api_token": "t", "webhook": hook}
    config = checked(PipedriveConfig, values, "crm")
    old = WebhookRequest({"authorization": "Basic aG9vazpwYXNzd29yZC0x", "content-type": "application/json"}, b"{}")
    webhooks.verify(config, old)
    mount.exchange(password="password-2")
    with pytest.raises(DeliveryRefused, match="401"):
        webhooks.verify(config, old)
    new = WebhookRequest({"authorization": "Basic aG9vazpwYXNzd29yZC0y", "content-type": "application/json"}, b"{}")
    webhooks.verify(config, new)


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda connector: connector.system)
def test_connectors_follow_all_their_secrets(connector: Any) -> None:
    """A field of pydantic's own type would keep for ever what it was given at start."""
    assert CONNECTOR in CONNECTORS
    shapes = str(connector.config.__pydantic_core_schema__)
    assert "Secret" in shapes
    assert "SecretStr" not in shapes
