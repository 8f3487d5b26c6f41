"""One opened instance: client, source and target put together."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.recordengine import ping
from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.names import Names
from headrace.connectors.recordengine.reading import Reader
from headrace.connectors.recordengine.source import RecordengineSource
from headrace.connectors.recordengine.target import RecordengineTarget
from headrace.core.attachments import Attachments
from headrace.core.contracts import ALONE, Check, Source, Surroundings, Target
from headrace.core.needs import NOTHING, Needs


class RecordengineConnection:
    """Source and target of one instance share its HTTP client, its budget and its contract."""

    def __init__(self, name: str, config: RecordengineConfig, attachments: Attachments | None = None) -> None:
        self.name = name
        self.config = config
        self.client = RecordengineClient(name, config)
        reader = Reader(config)
        self.source: Source | None = RecordengineSource(config, self.client, reader, Names(config.rules, self.client))
        self.target: Target | None = RecordengineTarget(config, self.client, attachments)

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, read the lists, and hold contract and configuration against what the instance shows."""
        return await ping.ping(self.config, self.client, needs)

    async def close(self) -> None:
        """Close the HTTP client."""
        await self.client.close()


def open_connection(name: str, config: RecordengineConfig, around: Surroundings = ALONE) -> RecordengineConnection:
    """Return the connection `name`; nothing is called until it is used. It keeps no files, and replaces no secrets."""
    return RecordengineConnection(name, config, around.attachments)
