"""What a dry run is given in place of what writes: it reads, answers as if, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.core.contracts import Action, ObjectDescription
from headrace.core.errors import RejectRecord
from headrace.pipeline.audit import Audit
from headrace.pipeline.effects import Effects
from headrace.pipeline.gate import Gate
from headrace.pipeline.links import Link
from headrace.pipeline.rehearsal import NEW, KeptLinks, KeptProducer, KeptTable, RehearsedTarget
from headrace.pipeline.state import EffectState
from headrace.pipeline.store import TargetStore
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings

from .doubles import LedgerTarget, no_note, operation

OBJECTS = {"Customers": ObjectDescription("Customers", {"name": "string", "number": "string", "size": "integer"})}


@pytest.fixture
def codec():
    return Codec.offline(Schemas(schemas_dir()))


@pytest.fixture
def real():
    return LedgerTarget()


@pytest.fixture
def target(real):
    return RehearsedTarget(real, OBJECTS)


async def test_a_create_is_noted_and_answered_with_stand_ins(real, target):
    written = await target.apply(operation())
    assert written.target_id.startswith(NEW)
    assert written.record == {"number": written.target_id}, "texts that the target fills, and no others"
    (change,) = target.changes("C1")
    assert (change.action, change.object, change.fields["name"]) == ("create", "Customers", "Ada")
    assert target.changes("C1") == []
    assert real.ledger == []


async def test_the_effect_protocol_runs_on_it_and_the_target_stays_as_it_was(real, target, codec):
    real.records["T9"] = {"marker": "M9", "name": "Ada"}
    effects = Effects(target, TargetStore(KeptTable(), codec), Gate("erp", 0.01), "dry")
    created = await effects.run(EffectState(entity="customer"), operation(), no_note)
    assert not created.adopted
    found = replace(operation(), key={"marker": "M9"})
    adopted = await effects.run(EffectState(entity="customer"), found, no_note)
    assert adopted.adopted
    assert target.found_by("C1", "Customers", "T9") == {"marker": "M9"}
    assert real.ledger == []


async def test_what_belongs_to_a_record_that_is_not_there_yet_is_not_looked_for(real, target):
    assert await target.find(operation(Action.UPDATE, target_id=f"{NEW}1)")) is None
    assert await target.find(replace(operation(), key={"order": f"{NEW}1)"})) is None
    assert real.finds == 0


def test_the_target_checks_what_it_can_judge(real, target):
    judged = []

    def check(given):
        judged.append(dict(given.fields))
        if "bad" in given.fields.values():
            raise RejectRecord("unfit", "name: bad")

    real.check = check
    target.check(operation(fields={"name": "Ada", "number": f"{NEW}1)", "size": f"{NEW}1)"}))
    assert judged == [{"name": "Ada", "number": f"{NEW}1)"}]
    with pytest.raises(RejectRecord):
        target.check(operation(fields={"name": "bad"}))
    target.check(operation(Action.UPDATE, fields={"name": "bad"}, target_id=f"{NEW}1)"))


async def test_what_is_produced_stays_in_memory_and_is_no_message_that_was_done(codec):
    producer = KeptProducer(KafkaSettings())
    await producer.start()
    audit = Audit(producer, codec, "audit", "dry")
    await audit.attempt("erp", "C1", "settle", "created")
    await audit.flush("C1")
    (message,) = producer.take()
    assert (message.topic, message.key, message.partition) == ("audit", "C1", -1)
    assert producer.take() == []
    await producer.stop()


async def test_links_are_seen_at_once_but_lead_to_nothing_that_is_not_there(codec):
    producer = KeptProducer(KafkaSettings())
    links = KeptLinks(KafkaSettings(), "links", codec, producer)
    await links.put(Link("erp", "Customers", "T1", "C1", "customer", "adopted"))
    await links.put(Link("erp", "Customers", f"{NEW}1)", "C2", "customer", "written"))
    assert links.external("C1", "erp", "Customers") == "T1"
    assert links.external("C2", "erp", "Customers") is None


async def test_the_first_record_of_a_run_has_the_natural_key(codec):
    links = KeptLinks(KafkaSettings(), "links", codec, KeptProducer(KafkaSettings()))
    key = ("*", "key/customer/tax_number", "no1")
    assert (await links.claim(Link(*key, "C1", "customer", "matched"))).canonical_id == "C1"
    assert (await links.claim(Link(*key, "C2", "customer", "matched"))).canonical_id == "C1"
    assert links.match("customer", {"tax_number": "NO1"}) == {"C1"}
