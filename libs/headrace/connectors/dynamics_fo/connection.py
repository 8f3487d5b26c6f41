"""One opened environment: sign-in, HTTP, source and target put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from headrace.connectors.dynamics_fo import ping
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.errors import THROTTLE_SECONDS
from headrace.connectors.dynamics_fo.source import DynamicsFoSource
from headrace.connectors.dynamics_fo.target import DynamicsFoTarget
from headrace.connectors.dynamics_fo.transforms import transforms
from headrace.core.contracts import ALONE, Check, Source, Surroundings, Target
from headrace.core.needs import NOTHING, Needs
from headrace.platform.auth import EntraCredentials
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts


class DynamicsFoConnection:
    """Source and target of one environment share its sign-in, its HTTP clients and its budget."""

    def __init__(self, name: str, config: DynamicsFoConfig, around: Surroundings = ALONE) -> None:
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
        self.client = ODataClient(http)
        self.source: Source | None = DynamicsFoSource(config, self.client)
        self.target: Target | None = DynamicsFoTarget(config, self.client, around.attachments)

    async def ping(self, needs: Needs = NOTHING) -> Sequence[Check]:
        """Sign in, read every object in every company, and compare configuration and mappings with the environment."""
        return await ping.ping(self.config, self.credentials, self.client, needs)

    async def close(self) -> None:
        """Close the HTTP clients and forget the token."""
        await self.client.close()
        await self.credentials.close()

    async def _headers(self) -> Mapping[str, str]:
        return {
            **await self.credentials.headers(),
            "Accept": "application/json;odata.metadata=minimal",
            "OData-Version": "4.0",
        }


def open_connection(name: str, config: DynamicsFoConfig, around: Surroundings = ALONE) -> DynamicsFoConnection:
    """Return the connection `name`; nothing is called until it is used. It keeps no files, and replaces no secrets."""
    return DynamicsFoConnection(name, config, around)


def _heed(budget: Budget, status: int, headers: Mapping[str, str]) -> None:
    """Pause all callers after a 429: the environment says so under load, and pushing on lengthens it."""
    if status == httpx.codes.TOO_MANY_REQUESTS and "retry-after" not in headers:
        budget.pause(THROTTLE_SECONDS, "answered with 429")
