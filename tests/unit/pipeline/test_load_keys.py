"""Cross-reference keys: what a file of them may say, and what it comes to."""

from __future__ import annotations

import pytest

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.core.ids import mint_canonical_id
from headrace.mapping.loading import parse
from headrace.pipeline.links import Link, Links
from headrace.pipeline.load_keys import COLUMNS, Keys, KeysUnusable, Side
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings

from .bench import CUSTOMER, ORDER
from .doubles import MemoryProducer

ORGANIZATION = """
direction: in
system: test
object: organization
entity: customer
version: 1
fields: {name: {copy: name}}
"""
DEAL = """
direction: in
system: test
object: deal
identity: deal-order
entity: sales_order
version: 1
fields: {reference: {copy: title}}
"""


class Reader:
    """Has the records of these ids, and spells them in capitals."""

    def __init__(self, *ids):
        self.ids = ids

    async def fetch(self, ref):
        if ref.external_id == "odd":
            raise RejectRecord("not an id", "odd is no id")
        known = ref.external_id.upper() in self.ids
        return Record(Ref(ref.object, ref.external_id.upper()), {}) if known else None


class Bench:
    def __init__(self, path, rows, obj="organization", header=COLUMNS):
        path.write_text("\n".join([",".join(header), *rows]) + "\n", encoding="utf-8")
        self.producer = MemoryProducer()
        self.links = Links(KafkaSettings(), "links", Codec.offline(Schemas(schemas_dir())), self.producer)
        sides = {
            "crm": Side(Reader("1", "2", "3", "4"), [parse(ORGANIZATION), parse(DEAL)], []),
            "erp": Side(Reader("A", "B"), [], [parse(CUSTOMER), parse(ORDER)]),
        }
        self.keys = Keys(path, "crm", obj, sides, self.links)

    async def problems(self):
        with pytest.raises(KeysUnusable) as caught:
            await self.keys.check()
        assert self.producer.sent == []
        return [problem.partition("keys.csv:")[2] for problem in caught.value.problems]

    async def link(self):
        return await self.keys.link(await self.keys.check())

    def canonical(self, connection, obj, external_id):
        link = self.links.get(connection, obj, external_id)
        return link and link.canonical_id


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys.csv"


async def test_a_key_links_both_records_and_again_changes_nothing(path):
    bench = Bench(path, ["1,erp,Customers,a", "2,erp,Customers,B"])
    (first, _) = await bench.link()
    assert first.key.other_external_id == "A", "as the system spells it"
    minted = mint_canonical_id("crm", "organization", "1")
    assert bench.canonical("crm", "organization", "1") == bench.canonical("erp", "Customers", "A") == minted
    written = len(bench.producer.sent)
    assert [linking.links for linking in await bench.link()] == [(), ()]
    assert len(bench.producer.sent) == written


async def test_what_is_linked_already_gives_its_identity(path):
    bench = Bench(path, ["1,erp,Customers,A"])
    await bench.links.put(Link("erp", "Customers", "A", "C-ERP", "customer", "minted"))
    await bench.link()
    assert bench.canonical("crm", "organization", "1") == "C-ERP"


async def test_a_record_may_be_the_same_as_another_of_its_connection_or_as_nobody(path):
    bench = Bench(path, ["2,crm,organization,1", "4,crm,organization,1", "3,crm,organization,3"])
    await bench.link()
    assert bench.canonical("crm", "organization", "1") == bench.canonical("crm", "organization", "2")
    assert bench.canonical("crm", "organization", "3") == mint_canonical_id("crm", "organization", "3")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ([("crm", "organization", "1", "C1"), ("erp", "Customers", "A", "C2")], "linked to two identities"),
        ([("erp", "Customers", "A", "C2"), ("crm", "organization", "9", "C2")], "linked to crm organization 9"),
        ([("crm", "organization", "1", "C1"), ("erp", "Customers", "Z", "C1")], "linked to erp Customers Z"),
    ],
)
async def test_a_conflict_with_what_is_known_is_told_and_nothing_at_all_is_linked(path, known, words):
    bench = Bench(path, ["1,erp,Customers,A", "2,erp,Customers,B"])
    for connection, obj, external_id, canonical_id in known:
        await bench.links.put(Link(connection, obj, external_id, canonical_id, "customer", "minted"))
    (conflict, other) = await bench.link()
    assert words in conflict.conflict
    assert other.conflict == ""
    assert bench.canonical("crm", "organization", "2") is None


async def test_every_problem_of_a_file_is_named_with_its_line(path):
    rows = ["1,shop,Customers,A", "1,erp,Invoices,A", "1,erp,Customers", "7,erp,Customers,A", "1,erp,Customers,odd"]
    bench = Bench(path, rows)
    assert await bench.problems() == [
        "2: other_connection: shop is not configured; there are crm, erp",
        "3: other_object: erp has no Invoices that is a customer",
        f"4: four values are needed: {', '.join(COLUMNS)}",
        "5: crm has no organization 7; correct the id",
        "6: erp Customers odd: odd is no id",
    ]


async def test_keys_that_contradict_each_other_are_named(path):
    bench = Bench(path, ["1,erp,Customers,A", "1,erp,Customers,B", "2,erp,Customers,A"])
    assert await bench.problems() == [
        "3: 1 stands in line 2 too, as another erp Customers",
        "4: A stands in line 2 too, as another crm organization",
    ]


async def test_documents_with_items_are_not_linked(path):
    bench = Bench(path, ["1,erp,Orders,A"], obj="deal")
    (problem,) = await bench.problems()
    assert "Orders is a document with items" in problem
    assert "--since" in problem


async def test_a_wrong_header_and_a_missing_file_are_told(path):
    bench = Bench(path, ["1,2"], header=("a", "b"))
    assert await bench.problems() == [f"1: the header must be {','.join(COLUMNS)}"]
    path.unlink()
    with pytest.raises(KeysUnusable, match="cannot be read: No such file"):
        await bench.keys.check()
