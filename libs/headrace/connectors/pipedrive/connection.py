"""One opened account: client, source and target put together."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.pipedrive import ping
from headrace.connectors.pipedrive.client import PipedriveClient
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import FieldBook
from headrace.connectors.pipedrive.source import PipedriveSource
from headrace.connectors.pipedrive.target import PipedriveTarget
from headrace.core.contracts import ALONE, Check, Source, Surroundings, Target
from headrace.core.needs import NOTHING, Needs
from headrace.core.secrets import Secrets


class PipedriveConnection:
    """Source and target of one account share its HTTP clients, its budget and its field definitions."""

    def __init__(self, name: str, config: PipedriveConfig, secrets: Secrets | None = None) -> None:
        self.name = name
        self.config = config
        self.client = PipedriveClient(name, config, secrets)
        self.fields = FieldBook(self.client)
        self.source: Source | None = PipedriveSource(config, self.client, self.fields)
        self.target: Target | None = PipedriveTarget(config, self.client, self.fields)

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, read every object, and compare the configuration and what mappings need with the account."""
        return await ping.ping(self.config, self.client, self.fields, needs)

    async def close(self) -> None:
        """Close the HTTP clients."""
        await self.client.close()


def open_connection(name: str, config: PipedriveConfig, around: Surroundings = ALONE) -> PipedriveConnection:
    """Return the connection `name`; nothing is called until it is used. It keeps no files in `state_dir`.

    Raises:
        ConfigurationError: `oauth` is configured, and there is no credential store for its tokens.
    """
    return PipedriveConnection(name, config, around.secrets)
