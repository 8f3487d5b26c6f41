"""Keys of the credential store: which encrypts, which decrypt, and what wrong ones are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.errors import ConfigurationError, StopConnection
from headrace.platform.credentials import Keyring
from headrace.platform.credentials.keyring import key_id
from headrace.platform.settings import CredentialSettings
from headrace.testing.mounts import Mount

ONE, TWO = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def keyring(*keys: str, files: tuple[Path, ...] = ()) -> Keyring:
    return Keyring(CredentialSettings.model_validate({"keys": list(keys), "key_files": list(files)}))


@given(st.text())
def test_what_is_encrypted_comes_back_and_cannot_be_read(value: str) -> None:
    ring = keyring(ONE)
    hidden = ring.encrypt("crm", value)
    assert ring.decrypt("crm", key_id(ONE), hidden) == value
    assert len(value) < 4 or value.encode("utf-8", "replace") not in hidden


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old, both, new = keyring(ONE), keyring(TWO, ONE), keyring(TWO)
    assert both.decrypt("crm", key_id(ONE), old.encrypt("crm", "value")) == "value"
    assert new.decrypt("crm", key_id(TWO), both.encrypt("crm", "value")) == "value"
    assert list(both.ids) == [key_id(TWO), key_id(ONE)]


def test_a_missing_key_is_named_by_its_id() -> None:
    hidden = keyring(ONE).encrypt("crm", "value")
    with pytest.raises(StopConnection, match=rf"encrypted with key {key_id(ONE)}; credentials.keys") as caught:
        keyring(TWO).decrypt("crm", key_id(ONE), hidden)
    assert ONE not in str(caught.value)
    assert TWO not in str(caught.value)


def test_a_value_cannot_be_put_under_another_name() -> None:
    ring = keyring(ONE)
    with pytest.raises(StopConnection, match="erp holds what was stored as crm"):
        ring.decrypt("erp", key_id(ONE), ring.encrypt("crm", "value"))


@pytest.mark.parametrize(
    "bad", ["", "short", "canary-" * 9, ONE[:-4], "ä" * 44], ids=["empty", "short", "long", "cut", "not ASCII"]
)
def test_what_is_no_key_is_named_and_not_shown(bad: str) -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\.keys\[1\]: not a key") as caught:
        keyring(ONE, bad)
    assert not bad or bad not in str(caught.value)


def test_no_key_at_all() -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\.keys: .*openssl rand"):
        keyring()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\.key_files\[0\]: cannot read"):
        keyring(files=(tmp_path / "key",))


def test_mounted_keys_are_exchanged(tmp_path: Path) -> None:
    mount = Mount(tmp_path, new=ONE, old=ONE)
    ring = keyring(files=(tmp_path / "new", tmp_path / "old"))
    hidden = ring.encrypt("crm", "value")
    mount.exchange(new=TWO, old=ONE)
    assert ring.ids[0] == key_id(TWO)
    assert ring.decrypt("crm", key_id(ONE), hidden) == "value"
    mount.exchange(new="half a k", old=ONE)
    assert ring.ids[0] == key_id(TWO), "what is no key leaves the last ones in force"


def test_nothing_shows() -> None:
    ring = keyring(ONE)
    assert ONE not in repr(ring)
    assert ONE not in repr(CredentialSettings.model_validate({"keys": [ONE]}))
