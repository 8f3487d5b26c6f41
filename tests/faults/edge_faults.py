"""Faults of the systems around us: replies that get lost, refusals, slowness, and webhooks that go astray."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from headrace.cli.demo.deployment import CRM, HOOK_PASSWORD, HOOK_USER
from headrace.cli.demo.world import COMPANIES
from tests.faults.business import Load
from tests.faults.site import Site

Evidence = dict[str, Any]

PATHS: Mapping[str, tuple[str, str, str]] = {
    "create": ("dynamics_fo", "POST", "/data/CustomersV3"),
    "update": ("dynamics_fo", "PATCH", "/data/CustomersV3"),
    "order": ("dynamics_fo", "POST", "/data/SalesOrder"),
    "invoice": ("dynamics_fo", "POST", "/data/VendorInvoice"),
    "batch": ("avidxchange", "POST", "/v1/vendors"),
}
"""Kind → the sandbox that its changing calls go to, and how they are told from others."""


def target(kind: str, each: int = 2, **rule: Any) -> Callable[[Site, Load], Evidence]:
    """Let so many changing calls of every kind of operation meet a fault rule (`headrace.sandbox.common.faults`).

    Args:
        kind: of the rule.
        each: how many calls of a kind it meets.
        rule: its other fields.
    """

    def inject(site: Site, load: Load) -> Evidence:
        rules = dict(_set_rules(site, load.kinds, kind=kind, times=each, **rule))
        site.wait(lambda: all(hits >= each for hits in _hits(site, rules).values()), f"{each} calls that meet {kind}")
        site.lift()
        met = _hits(site, rules)
        clear(site)
        return {"calls hit": met}

    return inject


def storm(
    status: int, times: int = 30, retry_after: str = "1", handle: bool = False
) -> Callable[[Site, Load], Evidence]:
    """Answer every request to the targets, reads too, with a status, so many times.

    Args:
        status: of HTTP.
        times: requests of each target.
        retry_after: seconds, or "date" for a date two seconds ahead, or "" for none.
        handle: carry the request out and answer so all the same.
    """

    def inject(site: Site, load: Load) -> Evidence:
        ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        wait = {"": {}, "date": {"Retry-After": ahead}}.get(retry_after, {"Retry-After": retry_after})
        names = {PATHS[kind][0] for kind in load.kinds}
        for name in names:
            rule = {"kind": "status", "status": status, "times": times, "headers": wait, "handle": handle}
            site.deployment.control(name).post("faults", rule)

        def left() -> dict[str, int]:
            return {name: site.deployment.control(name).get("faults")["faults"][-1]["hits"] for name in names}

        site.wait(lambda: all(hits >= times for hits in left().values()), f"{times} requests that meet {status}")
        site.lift()
        met = left()
        clear(site)
        return {"requests hit": met}

    return inject


def tokens_end(rounds: int = 4) -> Callable[[Site, Load], Evidence]:
    """Let every access token of F&O end before its time, again and again."""

    def inject(site: Site, load: Load) -> Evidence:
        expired = 0
        for _ in range(rounds):
            expired += int(site.deployment.erp.post("expire_tokens")["expired"])
            load.goes_on(site.wait)
        site.lift()
        return {"tokens ended": expired}

    return inject


def hooks(**knobs: Any) -> Callable[[Site, Load], Evidence]:
    """Turn the knobs of the CRM's webhooks (`headrace.sandbox.common.deliveries`) until all counts are used up."""

    def inject(site: Site, load: Load) -> Evidence:
        crm = site.deployment.crm
        crm.post("webhooks", knobs)
        counted = [name for name in knobs if name.endswith("_next")]
        if counted:
            site.wait(lambda: not any(crm.get("webhooks")[name] for name in counted), f"{counted} used up")
        else:
            load.goes_on(site.wait, 4)
        site.lift()
        crm.post("webhooks", {"paused": False, "delay_seconds": 0.0})
        return {"knobs": knobs}

    return inject


def poisonous_hooks(site: Site, load: Load) -> Evidence:
    """Send the receiver what is no webhook, with the right credentials, in between the right ones."""
    url = f"{site.deployment.hook_url}/{CRM}"
    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"meta": 7}',
        b'{"data": {"id": "x"}, "meta": {"entity": "deal"}}',
        b"\xff\xfe\x00",
    ]
    meta = {"version": "2.0", "action": "change", "entity": "deal", "entity_id": "../../etc", "id": "p"}
    strange = json.dumps({"meta": meta, "data": None, "previous": None}).encode()
    with httpx.Client(auth=(HOOK_USER, HOOK_PASSWORD), trust_env=False) as client:
        headers = {"content-type": "application/json"}
        answers = [client.post(url, content=body, headers=headers).status_code for body in (*bodies, strange)]
    load.goes_on(site.wait)
    site.lift()
    if any(status >= 500 for status in answers):
        raise AssertionError(f"the receiver failed over bad bodies: {answers}")
    return {"answers": answers}


def lose_replies(site: Site, kinds: Sequence[str]) -> None:
    """Let the reply to one changing call of each kind get lost after the commit."""
    dict(_set_rules(site, kinds, kind="drop_reply", times=1))


def slow_down(site: Site, kinds: Sequence[str], seconds: float) -> Callable[[], int]:
    """Let every changing call of these kinds take time; returns how the calls that met it are counted."""
    rules = dict(_set_rules(site, kinds, kind="delay", times=None, seconds=seconds))
    return lambda: sum(_hits(site, rules).values())


@dataclass(slots=True)
class Late:
    """A document that must wait for what is not there yet."""

    enter: Callable[[], None]
    release: Callable[[], None]


def waiting_document(site: Site, kind: str) -> Late:
    """Return an order for an item, or an invoice of a vendor, that F&O has only once it is released."""
    business = site.business
    if kind == "order":
        with business.alone:
            item = business.unreleased_item()
        return Late(lambda: business.sell([item]), lambda: business.release(item))
    number = business.unknown_vendor()

    def enter() -> None:
        with business.alone:
            for company in COMPANIES:
                business.bill(company, number, unchecked=True)

    def release() -> None:
        for company in COMPANIES:
            business.add_vendor(number, company)

    return Late(enter, release)


def _set_rules(site: Site, kinds: Sequence[str], **rule: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    for kind in kinds:
        sandbox, method, path = PATHS[kind]
        match = {"method": method, "path": path}
        yield kind, (sandbox, site.deployment.control(sandbox).post("faults", {"match": match, **rule})["id"])


def _hits(site: Site, rules: Mapping[str, tuple[str, str]]) -> dict[str, int]:
    books = {
        name: {each["id"]: each["hits"] for each in site.deployment.control(name).get("faults")["faults"]}
        for name in {sandbox for sandbox, _ in rules.values()}
    }
    return {kind: books[sandbox][number] for kind, (sandbox, number) in rules.items()}


def clear(site: Site) -> None:
    """Take every fault rule back."""
    for name in site.deployment.sandboxes:
        site.deployment.control(name).delete("faults")
