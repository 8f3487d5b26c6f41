"""How the client answers when the registry refuses, is down, or does not know; the real one is met in integration."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from headrace.core.errors import ConfigurationError, RetryLater
from headrace.platform.registry import Registry

URL = "http://robot:hunter2@registry:8081/apis/ccompat/v7/"


def registry(handler: Callable[[httpx.Request], httpx.Response], clock: Callable[[], float] = lambda: 0.0) -> Registry:
    return Registry(URL, httpx.AsyncClient(transport=httpx.MockTransport(handler)), clock)


def answers(status: int, body: object = None, headers: dict[str, str] | None = None) -> Registry:
    return registry(lambda _: httpx.Response(status, json=body, headers=headers))


async def test_register_sends_the_schema_to_its_subject() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": 7})

    client = registry(handler)
    assert await client.register("com.x.R-v1", '"string"') == 7
    assert await client.by_id(7) == '"string"'  # what was registered need not be asked for
    assert len(seen) == 1
    assert seen[0].url.path == "/apis/ccompat/v7/subjects/com.x.R-v1/versions"
    assert json.loads(seen[0].content) == {"schema": '"string"'}
    assert seen[0].headers["authorization"].startswith("Basic ")


async def test_a_known_id_is_kept_for_ever_and_an_unknown_one_for_a_while() -> None:
    now = [0.0]
    there: dict[str, str] = {}
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        number = request.url.path.rpartition("/")[2]
        asked.append(number)
        return httpx.Response(200, json={"schema": there[number]}) if number in there else httpx.Response(404, json={})

    client = registry(handler, lambda: now[0])
    assert await client.by_id(1) is None
    there["1"] = '"int"'
    now[0] = 9.9
    assert await client.by_id(1) is None
    assert asked == ["1"]
    now[0] = 10.1
    assert await client.by_id(1) == '"int"'
    now[0] = 1e9
    assert await client.by_id(1) == '"int"'
    assert asked == ["1", "1"]


@pytest.mark.parametrize(
    ("status", "headers", "after"), [(503, {}, None), (500, {}, None), (429, {"Retry-After": "7"}, 7)]
)
async def test_down_means_later(status: int, headers: dict[str, str], after: float | None) -> None:
    with pytest.raises(RetryLater) as raised:
        await answers(status, {}, headers).by_id(1)
    assert raised.value.after == after


async def test_no_connection_means_later_and_tells_no_password() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(RetryLater, match=r"registry:8081/apis/ccompat/v7 does not answer: ConnectError") as raised:
        await registry(handler).register("s", "{}")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(409, "schemas check"), (422, "check kafka.registry_url and the schema"), (401, "check the credentials")],
)
async def test_a_refusal_is_configuration_and_tells_no_password(status: int, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"com\.x\.R-v1") as raised:
        await answers(status, {"error_code": status, "message": "no"}).register("com.x.R-v1", "{}")
    assert remedy in str(raised.value)
    assert "hunter2" not in str(raised.value)


async def test_an_address_that_is_no_registry() -> None:
    client = registry(lambda _: httpx.Response(200, text="<html>"))
    with pytest.raises(ConfigurationError, match="answers no JSON"):
        await client.register("s", "{}")


async def test_compatibility() -> None:
    assert await answers(404, {"error_code": 40401}).check_compatibility("new", "{}") == []
    assert await answers(200, {"is_compatible": True}).check_compatibility("s", "{}") == []
    refused = answers(200, {"is_compatible": False, "messages": ["a"]})
    assert await refused.check_compatibility("s", "{}") == ["a"]
    assert await answers(200, {"is_compatible": False}).check_compatibility("s", "{}") != []
