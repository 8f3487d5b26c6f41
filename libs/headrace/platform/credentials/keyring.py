"""The keys that open stored credentials: the first encrypts, all decrypt.

Source: cryptography, "Fernet (symmetric encryption)": AES-128-CBC with HMAC-SHA256; `MultiFernet` tries key after key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from headrace.core.errors import ConfigurationError, StopConnection
from headrace.platform.secrets import FileText, Reference, Secret
from headrace.platform.settings import CredentialSettings

_REMEDY = "a key is 32 random bytes in URL-safe base64: openssl rand -base64 32 | tr +/ -_"


class Keyring:
    """Encrypts and decrypts. Keys that come from files are followed as they change.

    Args:
        settings: where the keys are.

    Raises:
        ConfigurationError: there is no key, or one is none; names the setting, never the key.
    """

    def __init__(self, settings: CredentialSettings) -> None:
        self._secrets = [(f"credentials.keys[{number}]", key) for number, key in enumerate(settings.keys)]
        self._secrets += [
            (place := f"credentials.key_files[{number}]", _of_file(place, path))
            for number, path in enumerate(settings.key_files)
        ]
        if not self._secrets:
            raise ConfigurationError(f"credentials.keys: the credential store needs a key; {_REMEDY}")
        self._texts: list[str] = []
        self._fernet: MultiFernet
        self._use([(place, secret.get_secret_value()) for place, secret in self._secrets])

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self.ids)})"

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all keys; the first encrypts. An id is part of a hash, from which no key can be found."""
        self._follow()
        return [key_id(text) for text in self._texts]

    def encrypt(self, name: str, value: str) -> bytes:
        """Return a credential as it is stored; the name is bound to it, so that nobody can put it under another."""
        self._follow()
        return self._fernet.encrypt(json.dumps({"name": name, "value": value}).encode())

    def decrypt(self, name: str, key: str, ciphertext: bytes) -> str:
        """Return the value of a stored credential.

        Args:
            name: under which it lies.
            key: id of the key that encrypted it, for the message.
            ciphertext: as `encrypt` made it.

        Raises:
            StopConnection: no key opens it, or it was stored under another name.
        """
        self._follow()
        try:
            content = json.loads(self._fernet.decrypt(ciphertext))
        except InvalidToken:
            raise StopConnection(
                f"credential {name} was encrypted with key {key}; credentials.keys has {', '.join(self.ids)}",
                f"Add that key to credentials.keys, or store the value anew: headrace credentials set {name}.",
            ) from None
        if content["name"] != name:
            raise StopConnection(
                f"credential {name} holds what was stored as {content['name']}",
                f"Find out who wrote it, then: headrace credentials set {name}.",
            )
        return str(content["value"])

    def _follow(self) -> None:
        texts = [(place, secret.get_secret_value()) for place, secret in self._secrets]
        if [text for _, text in texts] != self._texts:
            try:
                self._use(texts)
            except ConfigurationError:
                return  # half written, or no key at all: those at hand stay in force

    def _use(self, texts: Sequence[tuple[str, str]]) -> None:
        fernets = []
        for place, text in texts:
            try:
                fernets.append(Fernet(text))
            except ValueError:
                raise ConfigurationError(f"{place}: not a key; {_REMEDY}") from None
        self._texts, self._fernet = [text for _, text in texts], MultiFernet(fernets)


def key_id(key: str) -> str:
    """Return how a key is told from others: 8 hexadecimal digits of a hash."""
    return hashlib.sha256(b"headrace key id " + key.encode()).hexdigest()[:8]


def _of_file(place: str, path: Path) -> Secret:
    try:
        return Secret(Reference([FileText(path)]))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{place}: cannot read {path}: {getattr(error, 'strerror', '') or 'no text'}"
        ) from None
