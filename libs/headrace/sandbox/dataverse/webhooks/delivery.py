"""How webhooks are delivered: one more attempt after 502, 503, 504 alone; what fails is a failed system job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree import ElementTree

from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.webhooks import (
    HEADER_AUTHENTICATION,
    KEPT_APART,
    KEY_AUTHENTICATION,
    QUERY_AUTHENTICATION,
)

RETRY_DELAYS = (5.0,)
_NETWORK_TROUBLE = (502, 503, 504)


class WebhookDeliveries(Deliveries):
    """The common queue with the service's one retry; how long an answer is awaited is a switch."""

    def __init__(
        self, store: Store, settings: DataverseSettings, on_end: Callable[[Mapping[str, Any], bool], None]
    ) -> None:
        super().__init__(
            store,
            settings,
            RETRY_DELAYS,
            on_end=on_end,
            worth_retrying=lambda status: status in _NETWORK_TROUBLE,
        )
        self._switches = settings

    def timeout(self) -> float:
        """Return for how many seconds an answer is awaited."""
        return self._switches.webhook_timeout_seconds


def address_of(endpoint: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the address that a webhook is sent to, and the headers that its authentication adds.

    Raises:
        ValueError: the values of the authentication cannot be read.
    """
    url, value = str(endpoint.get("url", "")), str(endpoint.get(KEPT_APART) or "")
    kind = endpoint.get("authtype")
    if kind == KEY_AUTHENTICATION:
        return _with_query(url, {"code": value}), {}
    if kind == HEADER_AUTHENTICATION:
        return url, _named_values(value)
    if kind == QUERY_AUTHENTICATION:
        return _with_query(url, _named_values(value)), {}
    return url, {}


def _with_query(url: str, more: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _named_values(text: str) -> dict[str, str]:
    """Read `<settings><setting name="x" value="y"/></settings>`."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - comes from the owner of this sandbox
    except ElementTree.ParseError as error:
        raise ValueError(f"authvalue is not the XML of names and values: {error}") from error
    return {str(each.get("name")): str(each.get("value")) for each in root.iter("setting")}
