"""The initial load on whole processes: told beforehand without a trace, killed, gone on with, judged by the ledgers."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from headrace.cli.demo.crm import SalesTeam, crm_seed
from headrace.cli.demo.deployment import CRM, ERP
from headrace.cli.demo.world import draw, erp_seed
from headrace.cli.load import STOPPED
from headrace.pipeline.backlog import Backlog
from headrace.pipeline.history import Span
from headrace.pipeline.loading import last_load
from headrace.pipeline.poll import Cursors
from headrace.pipeline.shared import Shared
from headrace.platform.lag import Lag
from headrace.platform.local_process import LocalProcess
from headrace.platform.settings import KafkaSettings, load_settings
from headrace.platform.topics import TopicNames
from headrace.testing.waiting import wait_until
from tests.faults.harness import PATIENCE

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

AHEAD = 40
FRESH, MATCHED, BARE, TWINS, UNFIT, KEYED = 205, 40, 10, 20, 20, 4
LONG_AGO = datetime(2019, 3, 1, tzinfo=UTC)


def organization(name: str, vat: str | None, number: int) -> dict[str, Any]:
    moment = (LONG_AGO + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    custom = {"Legal entity": "usmf", **({"VAT number": vat} if vat else {})}
    return {"name": name, "custom": custom, "add_time": moment, "update_time": moment}


def customer(account: str, name: str, vat: str = "") -> dict[str, Any]:
    fields = {"dataAreaId": "usmf", "CustomerAccount": account, "CustomerGroupId": "10", "SalesCurrencyCode": "USD"}
    return {**fields, "PartyType": "Organization", "OrganizationName": name, "TaxExemptNumber": vat}


class Company:
    """A CRM and an ERP that both hold customers from years, and are connected now."""

    def __init__(self, deployment: Any) -> None:
        self.deployment = deployment
        self.files = deployment.folder / "load"
        world = draw(5, 3)
        erp, crm = deployment.erp, deployment.crm
        erp.post("seed", erp_seed(world, world.items))
        known = [customer(f"C-{number:03d}", f"Known {number}", f"US1{number:06d}") for number in range(MATCHED)]
        known += [customer(f"K-{number}", f"Keyed {number}") for number in range(KEYED)]
        known += [customer("D-1", "Double one", "US9999"), customer("D-2", "Double two", "US9999")]
        erp.post("seed", {"records": {"CustomersV3": known}})
        self.team = SalesTeam(crm.url, crm.post("seed", {**crm_seed(), "organizations": self.organizations()}))
        self.seeded = len(erp.ledger())
        self.runs: list[LocalProcess] = []

    def organizations(self) -> list[dict[str, Any]]:
        rows: list[tuple[str, str | None]] = [(f"Fresh {number}", f"US2{number:06d}") for number in range(FRESH)]
        # Every fourth is spelt otherwise in the ERP.
        rows += [
            (f"Known {number}" if number % 4 else f"Known {number} Inc.", f"US1{number:06d}")
            for number in range(MATCHED)
        ]
        rows += [(f"Bare {number}", None) for number in range(BARE)]
        rows += [(f"Twin {number}", f"us2{number:06d} ") for number in range(TWINS)]
        rows += [(f"Unfit {number}", f"US3{number:06d}-and-much-too-long") for number in range(UNFIT)]
        rows += [("Ambiguous", "US9999")]
        rows += [(f"Keyed {number}", None) for number in range(KEYED)]
        return [organization(name, vat, number) for number, (name, vat) in enumerate(rows)]

    def start(self, *arguments: str, **environment: str) -> LocalProcess:
        """Start `headrace …` as a process of its own, so that it can be killed."""
        name, folder = f"headrace-{len(self.runs) + 1}", self.deployment.folder
        process = LocalProcess(
            name, "headrace.cli.main", arguments, self.deployment.environment, folder / "logs", ready_url=""
        )
        process.start(**environment)
        self.runs.append(process)
        return process

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        process = self.start(*arguments, **environment)
        assert process.wait_ended(240) == code, process.tail(60)
        return " ".join(process.tail(1000).split())

    def arguments(self, *more: str, ahead: int = AHEAD) -> tuple[str, ...]:
        return ("load", CRM, *more, "--folder", str(self.files), "--ahead", str(ahead))

    def stop(self, loading: LocalProcess) -> None:
        """Press Ctrl-C, which a load obeys whatever it is at."""
        assert loading.running, loading.tail(60)
        loading.interrupt()
        assert loading.wait_ended(20) == STOPPED, loading.tail(60)
        assert "stopped; the same command goes on from the last page" in loading.tail()

    def load(self, *more: str, code: int = 0, **environment: str) -> str:
        return self.run(*self.arguments(*more), code=code, **environment)

    def file(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.files / f"{name}.jsonl").read_text("utf-8").splitlines()]

    def keys(self, rows: list[tuple[str, ...]]) -> str:
        path = self.deployment.folder / "keys.csv"
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(("external_id", "other_connection", "other_object", "other_external_id"))
            writer.writerows(rows)
        return str(path)

    def id_of(self, name: str) -> str:
        numbers = {row["name"]: number for number, row in enumerate(self.organizations(), 1)}
        return str(numbers[name])

    def keyed(self) -> str:
        return self.keys(
            [
                (self.id_of(f"Keyed {number}"), ERP, "CustomersV3", f"dataAreaId=usmf,CustomerAccount=K-{number}")
                for number in range(KEYED)
            ]
        )

    def changes(self) -> list[dict[str, Any]]:
        """What was done to the ERP's customers since it was seeded."""
        return [entry for entry in self.deployment.erp.ledger()[self.seeded :] if entry["object"] == "CustomersV3"]

    def everything(self) -> tuple[Any, ...]:
        """All that a dry run could have left behind."""
        kafka = KafkaSettings(bootstrap=self.deployment.stack.bootstrap, prefix=self.deployment.prefix)
        ledgers = (self.deployment.erp.ledger(), self.deployment.crm.ledger())
        return (*map(len, ledgers), asyncio.run(ends(kafka)))

    def unfinished(self) -> int:
        """How many deliveries in the CRM's inbox are not worked off."""
        with self.deployment.environ():
            return asyncio.run(unfinished())

    def loaded(self) -> datetime | None:
        """When the last load had read everything, None while it has not."""
        with self.deployment.environ():
            return asyncio.run(loaded())

    def wait_until(self, condition: Callable[[], Any], what: str) -> None:
        wait_until(condition, what, seconds=PATIENCE, seen=self.logs)

    def logs(self) -> str:
        processes = [*self.deployment.processes.values(), *self.runs[-1:]]
        return "\n".join(f"--- {process.name}\n{process.tail(15)}" for process in processes)


async def ends(kafka: KafkaSettings) -> dict[str, list[int]]:
    admin, lag = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap), Lag(kafka)
    await admin.start()
    await lag.start()
    try:
        return await lag.marks(sorted(name for name in await admin.list_topics() if name.startswith(kafka.prefix)))
    finally:
        await lag.stop()
        await admin.close()


async def unfinished() -> int:
    settings = load_settings()
    names, lag = TopicNames(settings.kafka.prefix), Lag(settings.kafka)
    await lag.start()
    try:
        return sum((await Backlog(lag, names, CRM, {}).behind()).values())
    finally:
        await lag.stop()


async def loaded() -> datetime | None:
    shared = Shared(load_settings(), "test")
    await shared.start(links=False)
    try:
        cursors = Cursors(shared.settings.kafka, shared.names.cursors, shared.codec, shared.producer)
        state = await last_load(cursors, CRM, "organization", Span())
        return None if state is None else state.finished_at
    finally:
        await shared.stop()


def silent(*objects: str) -> dict[str, Any]:
    """Polls that never run by themselves."""
    return {name: {"seconds": 0} for name in objects}


@pytest.fixture(scope="module")
def company(deploy_once):
    crm = {"target": False, "polls": silent("organization", "person", "product", "deal"), "config": {"page_size": 50}}
    erp = {"polls": silent("CustomersV3", "ReleasedProductsV2", "SalesOrderHeadersV2")}
    owned = {"customer": dict.fromkeys(("number", "name", "*"), ERP)}
    overrides = {"connections": {CRM: crm, ERP: erp}, "ownership": owned}
    company = Company(deploy_once(**overrides))
    yield company
    company.team.close()
    for process in company.runs:
        process.terminate()


def test_a_dry_run_tells_each_record_s_end_and_leaves_no_trace(company):
    before = company.everything()
    told = company.load("organization", "--dry-run", "--keys", company.keyed(), code=3)
    assert company.everything() == before

    assert "300 records read, nothing written" in told
    assert f"keys: {KEYED} would be linked" in told
    counts = {name: len(company.file(name)) for name in ("create", "match", "conflict", "reject")}
    assert counts == {
        "create": FRESH + BARE,
        "match": MATCHED + KEYED,
        "conflict": TWINS + 1,
        "reject": UNFIT,
    }
    assert not (company.files / "skip.jsonl").exists()

    match = {line["record"]: line for line in company.file("match")}
    first = match[f"crm:organization:{company.id_of('Known 0 Inc.')}"]
    assert first["target"] == ERP
    assert first["target_id"] == "dataAreaId=usmf,CustomerAccount=C-000"
    assert first["keys"] == {"dataAreaId": "usmf", "TaxExemptNumber": "US1000000"}
    assert "OrganizationName: Known 0 instead of Known 0 Inc." in first["differences"]
    keyed = match[f"crm:organization:{company.id_of('Keyed 2')}"]
    assert keyed["target_id"] == "dataAreaId=usmf,CustomerAccount=K-2"

    conflicts = {line["record"]: line["reason"] for line in company.file("conflict")}
    twin = conflicts[f"crm:organization:{company.id_of('Twin 3')}"]
    assert f"has the tax_number of organization {company.id_of('Fresh 3')}" in twin
    assert "2 records have" in conflicts[f"crm:organization:{company.id_of('Ambiguous')}"]
    assert all("TaxExemptNumber" in line["reason"] for line in company.file("reject"))
    created = company.file("create")[0]["changes"][0]
    assert created["action"] == "create"
    assert created["fields"]["OrganizationName"] == "Fresh 0"


def test_wrong_keys_are_all_named_and_nothing_is_linked(company):
    before = company.everything()
    wrong = company.keys(
        [
            ("1", "nowhere", "CustomersV3", "x"),
            ("1", ERP, "SalesOrderHeadersV2", "x"),
            ("2", ERP, "CustomersV3", "dataAreaId=usmf,CustomerAccount=NONE"),
            ("999999", ERP, "CustomersV3", "dataAreaId=usmf,CustomerAccount=C-001"),
            ("3", "", "", ""),
        ]
    )
    told = company.load("organization", "--keys", wrong, code=1)
    for words in (
        "keys.csv:2: other_connection: nowhere is not configured",
        "keys.csv:3: other_object: erp has no SalesOrderHeadersV2 that is a customer",
        "keys.csv:4: erp has no CustomersV3 dataAreaId=usmf,CustomerAccount=NONE",
        "keys.csv:5: crm has no organization 999999",
        "keys.csv:6: four values are needed",
    ):
        assert words in told
    assert company.everything() == before


def test_documents_of_all_time_are_not_loaded_by_accident(company):
    company.team._call("POST", "/api/v2/deals", {"title": "Open", "currency": "USD", "org_id": 1})
    old = company.team._call("POST", "/api/v2/deals", {"title": "Old", "currency": "USD", "org_id": 2})
    company.team.win(old["id"])
    before = company.everything()
    told = company.load("deal", code=1)
    assert "deal becomes sales_order in erp" in told
    assert "--since" in told
    told = company.load("deal", "--dry-run")
    assert "careful: 1 documents (sales_order) would be created in erp" in told
    (waiting,) = company.file("wait")
    assert 'customer "Fresh 1" is not in CustomersV3' in waiting["reason"]
    (skipped,) = [line for line in company.file("skip") if line["entity"] == "sales_order"]
    assert skipped["reason"].startswith("deal-"), "the rule's name"
    told = company.load("deal", "--dry-run", "--since", "2100-01-01")
    assert "0 records read" in told
    assert company.everything() == before


def test_killed_and_gone_on_with_the_load_makes_every_customer_once(company):
    company.deployment.start_services(("receiver", "ingest", "processor"))
    company.team.subscribe(f"{company.deployment.hook_url}/{CRM}")
    arguments = ("organization", "--keys", company.keyed())
    company.load(*arguments, code=-signal.SIGKILL, HEADRACE_CRASH_AT="load.before-cursor:2")

    # Live traffic beside the load: its place in the ledger tells how much it waited for.
    loading = company.start(*company.arguments(*arguments))
    begun = len(company.changes())
    company.wait_until(lambda: len(company.changes()) >= begun + 10, "the load's progress")
    company.team._call("POST", "/api/v2/organizations", {"name": "Live"})
    seen = len(company.changes())
    assert loading.wait_ended(240) == 0, loading.tail(60)

    company.wait_until(lambda: "Live" in names(company), "the live customer")
    place = names(company).index("Live")
    assert place - seen <= 3 * AHEAD
    assert place < len(company.changes()) - 1, "it came last: it waited for the whole load"

    changes = company.changes()
    assert {entry["action"] for entry in changes} == {"create"}, "what was there is left as it is"
    made = Counter(entry["after"]["OrganizationName"] for entry in changes)
    expected = [f"Fresh {number}" for number in range(FRESH)] + [f"Bare {number}" for number in range(BARE)]
    assert made == Counter([*expected, "Live"])

    # Before a record that differs is taken over, the ERP's own word is read: that may come after the load's last.
    wanted = {"create": FRESH + BARE, "match": MATCHED + KEYED, "conflict": TWINS + 1, "reject": UNFIT}
    company.wait_until(lambda: endings(company, *arguments) == wanted, "all endings")
    results = {line["record"]: line for line in company.file("result")}
    matched = results[f"crm:organization:{company.id_of('Known 5')}"]
    assert matched["target_id"] == "dataAreaId=usmf,CustomerAccount=C-005"


def test_loaded_again_nothing_changes(company):
    before = len(company.changes())
    told = company.load("organization")
    assert "--restart begins anew" in told
    told = company.load("organization", "--restart")
    assert "301 records read" in told
    results = Counter(line["ending"] for line in company.file("result"))
    assert set(results) <= {"unchanged", "conflict", "reject"}
    assert len(company.changes()) == before
    dry = company.load("organization", "--dry-run", code=3)
    assert "nothing written" in dry
    assert not (company.files / "create.jsonl").exists()


def test_stopped_by_hand_it_says_how_to_go_on_and_does(company):
    # The second page never comes, so the load is not done before it is stopped, however fast it is.
    crm = company.deployment.crm
    crm.post("faults", {"match": {"path": r"/organizations\?"}, "kind": "hang", "skip": 1, "times": None})
    loading = company.start(*company.arguments("organization", "--restart"))
    company.wait_until(lambda: crm.get("faults")["faults"][-1]["hits"], "the question for the second page")
    company.stop(loading)
    crm.delete("faults")
    told = company.load("organization")
    # One more than there are: the record at the cursor is read again. Begun anew, it would read each once.
    assert "organization: loaded. 302 records read" in told


def test_it_stops_while_the_registry_does_not_answer(company):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        loading = company.start(*company.arguments("organization"), HEADRACE_KAFKA__REGISTRY_URL=address)
        connected, _ = silent.accept()
        with connected:
            company.stop(loading)


@pytest.fixture
def idle(company):
    """Nobody works off what is put into the inbox."""
    assert company.deployment.processes["ingest"].terminate() == 0
    yield
    company.deployment.start_services(("ingest",))


@pytest.mark.usefixtures("idle")
def test_it_stops_while_it_rests_and_while_it_waits_for_the_workers(company):
    resting = company.start(*company.arguments("organization", "--restart"))
    company.wait_until(lambda: company.unfinished() >= AHEAD, "so many messages that the load rests")
    company.stop(resting)
    assert company.loaded() is None

    waiting = company.start(*company.arguments("organization", "--restart", ahead=1000))
    company.wait_until(lambda: company.loaded() is not None, "the end of the reading")
    company.stop(waiting)


def test_the_first_poll_goes_on_where_the_load_ended(company):
    told = company.run("poll", CRM, "organization")
    count = int(told.rsplit("organization: ", 1)[1].split()[0])
    assert count <= 1, "it read what was loaded"


def endings(company: Company, *arguments: str) -> Counter[str]:
    company.load(*arguments)
    seeded = [line for line in company.file("result") if int(line["record"].rsplit(":", 1)[1]) <= 300]
    return Counter(line["ending"] for line in seeded)


def names(company: Company) -> list[str]:
    return [entry["after"]["OrganizationName"] for entry in company.changes()]
