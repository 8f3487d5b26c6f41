"""One opened environment: sign-in, HTTP, source and target put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from headrace.connectors.dataverse import field_checks, ping
from headrace.connectors.dataverse.client import HEADERS, DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.errors import THROTTLE_SECONDS
from headrace.connectors.dataverse.lookup import Lookup
from headrace.connectors.dataverse.reading import Reader
from headrace.connectors.dataverse.source import DataverseSource
from headrace.connectors.dataverse.tables import Currencies, Ourselves, Tables
from headrace.connectors.dataverse.target import DataverseTarget
from headrace.connectors.dataverse.transforms import transforms
from headrace.core.contracts import ALONE, Check, Source, Surroundings, Target
from headrace.core.needs import NOTHING, Needs
from headrace.platform.auth import EntraCredentials
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts


class DataverseConnection:
    """Source and target of one environment share its sign-in, its HTTP clients, its budget and its metadata."""

    def __init__(self, name: str, config: DataverseConfig) -> None:
        self.name = name
        self.config = config
        self.transforms: Mapping[str, Callable[..., Any]] = transforms(config)
        self.credentials = EntraCredentials(
            name,
            config.tenant_id,
            config.client_id,
            scope=config.scope,
            secret=config.client_secret,
            certificate=config.certificate_file,
            private_key=config.private_key_file,
            authority=config.authority,
            verify=config.verify,
            instance_discovery=config.instance_discovery,
        )
        http = HttpClient(
            name,
            config.environment_url,
            budget=Budget(name, config.requests_per_second, config.concurrency, heed=_heed),
            headers=self._headers,
            reauthenticate=self.credentials.renew,
            timeouts=Timeouts(read=max(config.read_timeout, config.call_deadline)),
            verify=config.verify,
            concurrency=config.concurrency,
        )
        self.client = DataverseClient(http)
        self.tables = Tables(self.client)
        currencies, self.ourselves = Currencies(self.client), Ourselves(self.client)
        reader = Reader(config, self.tables, currencies, self.ourselves)
        self._lookup = Lookup(self.client, self.tables, reader)
        self.source: Source | None = DataverseSource(
            config, self.client, self.tables, reader, self._lookup, self.ourselves
        )
        self.target: Target | None = DataverseTarget(config, self.client, self.tables, currencies, reader, self._lookup)

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, and compare configuration and what mappings need with the environment, privileges among it."""
        return await ping.ping(self.name, self.config, self.credentials, self.client, self.tables, needs)

    async def check_names(self, needs: Needs) -> Sequence[Check]:
        """Hold the logical names that mappings use against the metadata of the tables."""
        return await field_checks.tables_and_columns(self.config, self.tables, needs)

    async def close(self) -> None:
        """Close the HTTP clients and forget the token."""
        await self._lookup.close()
        await self.client.close()
        await self.credentials.close()

    async def _headers(self) -> Mapping[str, str]:
        return {**await self.credentials.headers(), **HEADERS}


def open_connection(name: str, config: DataverseConfig, around: Surroundings = ALONE) -> DataverseConnection:
    """Return the connection `name`; nothing is called until it is used. It keeps no files, and replaces no secrets."""
    del around
    return DataverseConnection(name, config)


def _heed(budget: Budget, status: int, headers: Mapping[str, str]) -> None:
    """Show what is left of the service protection limits, and pause all callers after a 429 without a time.

    The headers are informational: they are of the web server that answered, and the next call may meet another.
    """
    for name, header in (("requests", _REQUESTS), ("execution seconds", _SECONDS)):
        text = headers.get(header, "")
        if text.replace(".", "", 1).isdigit():
            budget.left(name, float(text))
    if status == httpx.codes.TOO_MANY_REQUESTS and "retry-after" not in headers:
        budget.pause(THROTTLE_SECONDS, "answered with 429")


_REQUESTS = "x-ms-ratelimit-burst-remaining-xrm-requests"
_SECONDS = "x-ms-ratelimit-time-remaining-xrm-requests"
