"""One opened company: client, source and target put together."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.avidxchange import ping
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.lookups import Lookups
from headrace.connectors.avidxchange.reading import Reader
from headrace.connectors.avidxchange.source import AvidxchangeSource
from headrace.connectors.avidxchange.target import AvidxchangeTarget
from headrace.core.contracts import ALONE, Check, Source, Surroundings, Target
from headrace.core.needs import NOTHING, Needs


class AvidxchangeConnection:
    """Source and target of one company share its HTTP clients, its budget, its look-ups and its contract."""

    def __init__(self, name: str, config: AvidxchangeConfig) -> None:
        self.name = name
        self.config = config
        self.client = AvidxchangeClient(name, config)
        self.companies = Companies(config, self.client)
        reader = Reader(config)
        self._lookups = Lookups(config, self.client, self.companies, reader)
        self._written = AvidxchangeTarget(config, self.client, self.companies, reader, self._lookups)
        self.source: Source | None = AvidxchangeSource(config, self.client, self.companies, reader, self._lookups)
        self.target: Target | None = self._written

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, read every list of every company, and hold the contract against what the answers show."""
        return await ping.ping(self.config, self.client, self.companies, needs)

    async def close(self) -> None:
        """Close the HTTP clients; what is under way is given up."""
        await self._written.close()
        await self._lookups.close()
        await self.client.close()


def open_connection(name: str, config: AvidxchangeConfig, around: Surroundings = ALONE) -> AvidxchangeConnection:
    """Return the connection `name`; nothing is called until it is used. It keeps no files, and replaces no secrets."""
    return AvidxchangeConnection(name, config)
