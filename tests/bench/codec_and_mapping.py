"""Encoding, decoding and mapping of one record, in operations per second of CPU time; the bare library is the floor."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import fastavro

from headrace.connectors.dynamics_fo.transforms import transforms as fo_transforms
from headrace.connectors.pipedrive.transforms import transforms as pipedrive_transforms
from headrace.core.ids import mint_canonical_id
from headrace.core.rates import Quote
from headrace.mapping import InMapping, OutMapping, load, map_in, map_out
from headrace.pipeline import state as states
from headrace.pipeline.inbox import SCHEMA as DELIVERY
from headrace.platform.codec import Codec, event_to_record
from headrace.platform.paths import project_root, schemas_dir
from headrace.platform.record_json import dump_record
from headrace.platform.schemas import Schemas
from tests.bench import samples
from tests.bench.measuring import Effort, Report, per_core_second, take_turns
from tests.bench.world import World

SERVICES = project_root() / "services"


class Identities:
    """What mappings ask while they run; every record is linked."""

    connection = samples.CRM

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        """Return the id that the record would be minted."""
        return mint_canonical_id(self.connection, obj, external_id)

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        """Return an id of the target."""
        last = "ItemNumber=BK-M68B-42" if obj == "ReleasedProductsV2" else "CustomerAccount=US-000007"
        return f"dataAreaId={scope or 'usmf'},{last}"

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        return None

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        """Nothing is on hold."""
        return None


async def run(effort: Effort, world: World) -> Report:
    """Measure every part on its own."""
    report = Report("Codec and mapping, operations per second of CPU time")
    codec = Codec.offline(Schemas(schemas_dir()))
    works: dict[str, Callable[[], object]] = {}
    for name, record in _records().items():
        encoded = codec.encode(name, record)
        report.notes[f"bytes of {name}"] = len(encoded)
        works |= _codec_works(codec, name, record, encoded)
    works |= _mapping_works()
    works["A/A: encode canonical/customer.v1"] = works["encode canonical/customer.v1"]
    count = 100 if effort.quick else 2_000

    def turn(work: Callable[[], object]) -> Callable[[], Any]:
        async def measured() -> float:
            return per_core_second(work, count)

        return measured

    found = await take_turns({name: turn(work) for name, work in works.items()}, effort.rounds * 2, warm=True)
    for name, rates in found.items():
        report.add(name, "per s", rates)
    for name in _records():
        for verb in ("encode", "decode"):
            report.ratio(f"{verb} {name} / bare fastavro", found[f"{verb} {name}"], found[f"bare {verb} {name}"])
    control = found["A/A: encode canonical/customer.v1"]
    report.ratio("A/A control", control, found["encode canonical/customer.v1"])
    return report


def _records() -> Mapping[str, dict[str, Any]]:
    record = samples.customer_record(1)
    delivery = {
        "connection": samples.ERP,
        "object": record.ref.object,
        "external_id": record.ref.external_id,
        "arrival": "poll",
        "received_at": samples.START,
        "content_type": "application/json",
        "body": dump_record(record),
        "traceparent": samples.TRACE,
        "version": record.version,
        "delivery_id": "",
        "headers": {},
    }
    return {
        "canonical/customer.v1": event_to_record(samples.customer_event(1)),
        "canonical/sales_order.v1": event_to_record(samples.order_event(1)),
        DELIVERY: delivery,
        states.SCHEMA: states.to_record(samples.settled_state(1), samples.START),
    }


def _codec_works(codec: Codec, name: str, record: dict[str, Any], encoded: bytes) -> dict[str, Callable[[], object]]:
    parsed = codec.schemas.parsed(name)
    schema: Any = fastavro.parse_schema(dict(parsed))

    def bare_encode() -> bytes:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, schema, record)
        return buffer.getvalue()

    def bare_decode() -> object:
        buffer = io.BytesIO(encoded)
        buffer.seek(5)
        return fastavro.schemaless_reader(buffer, schema, None)

    return {
        f"encode {name}": lambda: codec.encode(name, record),
        f"bare encode {name}": bare_encode,
        f"decode {name}": lambda: codec.decode(encoded),
        f"bare decode {name}": bare_decode,
    }


def _mapping_works() -> dict[str, Callable[[], object]]:
    fo, crm, identities = fo_transforms(samples.fo_config()), pipedrive_transforms(None), Identities()
    incoming = {
        "map in CustomersV3": ("dynamics_fo/CustomersV3.customer.yaml", samples.customer_record(1), fo),
        "map in deal of 5 lines": ("pipedrive/deal.sales_order.yaml", samples.deal_record(1), crm),
    }
    outgoing = {
        "map out customer": ("customer.yaml", samples.customer_event(1)),
        "map out order of 5 lines": ("sales_order.yaml", samples.order_event(1)),
    }
    works: dict[str, Callable[[], object]] = {}
    for name, (file, record, functions) in incoming.items():
        document = load(SERVICES / "ingest" / "mappings" / file)
        if isinstance(document, InMapping):
            works[name] = lambda d=document, r=record, f=functions: map_in(d, r, identities, f)  # type: ignore[misc]
    for name, (file, event) in outgoing.items():
        out = load(SERVICES / "dynamics_fo" / "mappings" / file)
        if isinstance(out, OutMapping):
            works[name] = lambda d=out, e=event: map_out(d, e, identities, fo)  # type: ignore[misc]
    return works
