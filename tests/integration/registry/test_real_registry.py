"""Client, codec and offline checker against a real registry: what it accepts is what `headrace schemas check` says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from headrace.cli.schemas import app
from headrace.core.errors import ConfigurationError
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas
from headrace.platform.stack import Stack, StackConfig

pytestmark = pytest.mark.kafka

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DEFAULTS = {"string": "", "int": 0}
SCHEMAS = Schemas(schemas_dir())
TABLE = Path(__file__).parents[2] / "unit" / "platform" / "schemas" / "compatibility.yaml"
CASES = [case for case in yaml.safe_load(TABLE.read_text(encoding="utf-8")) if case.get("registry") != "skip"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stack = Stack(StackConfig(data_dir=tmp_path_factory.mktemp("stack"), kafka_port=0, registry_port=0))
    try:
        yield stack.up().registry_url
    finally:
        stack.down()


@pytest.fixture
async def registry(url: str) -> AsyncIterator[Registry]:
    async with Registry(url) as client:
        await client.set_compatibility()
        yield client


def schema(case: dict[str, Any]) -> str:
    record = {"type": "record", "name": "R", "namespace": "com.x", "fields": case.get("fields")}
    return json.dumps(case.get("schema", record))


def test_the_command_registers_everything_and_again_changes_nothing(url: str) -> None:
    first, second = (CliRunner().invoke(app, ["register", "--registry-url", url]) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.output == second.output
    assert all(SCHEMAS.subject(name) in first.output for name in SCHEMAS.names())


async def test_a_schema_comes_back_with_its_version(registry: Registry, url: str) -> None:
    name = "canonical/sales_order.v1"
    number = await registry.register(SCHEMAS.subject(name), SCHEMAS.flattened(name))
    async with Registry(url) as other:
        text = await other.by_id(number)
    assert text is not None
    assert json.loads(text)["version"] == 1
    assert SCHEMAS.name_of(json.loads(text)) == name
    assert await registry.by_id(2_000_000_000) is None


async def test_an_older_process_reads_what_a_newer_one_writes(registry: Registry) -> None:
    texts = {f"{path}.avsc": json.dumps(SCHEMAS.raw(path)) for path in (*SCHEMAS.shared(), *SCHEMAS.names())}
    document = json.loads(texts["internal/cursor.v1.avsc"])
    document["fields"].append({"name": "note", "type": ["null", "string"], "default": None, "doc": "New."})
    newer = Codec(Schemas({**texts, "internal/cursor.v1.avsc": json.dumps(document)}), registry)
    ours = Codec(SCHEMAS, registry)
    await ours.start(["internal/cursor.v1"])
    await newer.start(["internal/cursor.v1"])
    cursor = ours.decode(ours.encode("internal/cursor.v1", {"connection": "crm", "object": "deal", "updated_at": NOW}))[
        1
    ]
    data = newer.encode("internal/cursor.v1", {**cursor, "note": "x"})
    await ours.ensure(data)
    assert ours.decode(data) == ("internal/cursor.v1", cursor)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_the_registry_and_the_offline_checker_agree(registry: Registry, case: dict[str, Any]) -> None:
    subject = f"table.{case['name'].replace(' ', '-').replace(',', '')}"
    await registry.register(subject, schema(case["old"]))
    messages = await registry.check_compatibility(subject, schema(case["new"]))
    assert bool(messages) == ("problem" in case), messages
    if messages:
        with pytest.raises(ConfigurationError, match="schemas check"):
            await registry.register(subject, schema(case["new"]))
    else:
        await registry.register(subject, schema(case["new"]))


async def test_versions_long_ago_count(registry: Registry) -> None:
    def version(kind: str | None) -> str:
        fields = [{"name": "a", "type": "int", "default": 0}]
        return schema({"fields": fields + ([{"name": "b", "type": kind, "default": DEFAULTS[kind]}] if kind else [])})

    await registry.register("transitive", version("string"))
    await registry.register("transitive", version(None))
    assert await registry.check_compatibility("transitive", version("int")) != []
    assert await registry.check_compatibility("never-registered", version("int")) == []


async def test_processes_that_start_at_once_get_the_same_ids(url: str) -> None:
    async def start() -> bytes:
        async with Registry(url) as client:
            codec = Codec(SCHEMAS, client)
            await codec.start(SCHEMAS.names())
            return codec.encode("internal/cursor.v1", {"connection": "c", "object": "o", "updated_at": NOW})

    assert len(set(await asyncio.gather(*(start() for _ in range(4))))) == 1
