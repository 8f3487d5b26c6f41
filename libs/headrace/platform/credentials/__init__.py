"""The credential store: secrets on a compacted topic, encrypted, and replaced by one process at a time."""

from headrace.platform.credentials.keyring import Keyring
from headrace.platform.credentials.store import CredentialStore

__all__ = ["CredentialStore", "Keyring"]
