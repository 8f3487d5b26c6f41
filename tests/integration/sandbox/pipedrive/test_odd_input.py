"""No endpoint falls over: whatever is sent, the answer is in the vendor's grammar."""

import re
from pathlib import Path

import httpx

from headrace.sandbox.common.clock import Clock
from headrace.sandbox.common.ledger import Ledger
from headrace.sandbox.common.store import Store
from headrace.sandbox.pipedrive.account import Account
from headrace.sandbox.pipedrive.app import endpoints
from headrace.sandbox.pipedrive.search_index import SearchIndex
from headrace.sandbox.pipedrive.settings import Settings

BODIES = [
    b"",
    b"null",
    b"[]",
    b"[1]",
    b'"text"',
    b"{}",
    b"{not json",
    b"\xff\xfe",
    b'{"title":null,"name":7,"custom_fields":[],"data":{},"options":5,"conditions":[1]}',
    b'{"name":"n","title":"t","type":"deals","conditions":{"conditions":[[],5]},"add_time":"soon","user_id":"x"}',
    b'{"label":"a,b","email":{"value":1},"prices":[1],"participants":[1],"options":[1],"address":5,"merge_with_id":[]}',
]
PATHS = ["1", "abc"]
QUERIES = ["", "?limit=x&start=x&cursor=e30&sort=id%20DESC&filter_id=1", "?term=x&entity_type=deal&field=title"]
FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


def _all_paths(folder: Path) -> set[tuple[str, str]]:
    store = Store(folder / "paths.sqlite")
    clock = Clock()
    account = Account(store, Ledger(store, clock.now), clock, Settings())
    prefixes = {"v1": "/v1", "v2": "/api/v2"}
    found = {(item.method, prefixes[item.version] + item.path) for item in endpoints(SearchIndex(account))}
    store.close()
    return found


async def test_odd_input_never_ends_in_a_server_error(sandbox: httpx.AsyncClient, tmp_path: Path) -> None:
    seed = {
        "organizations": [{"name": "Org"}],
        "persons": [{"name": "Ada"}],
        "products": [{"name": "Valve"}],
        "deals": [{"title": "Pump", "products": [{"product": "Valve", "item_price": 1, "quantity": 1}]}],
    }
    bad: list[str] = []
    for method, pattern in sorted(_all_paths(tmp_path / "paths")):
        await sandbox.post("/_sandbox/reset")
        await sandbox.post("/_sandbox/seed", json=seed)
        calls = (
            [(query, b"", {}) for query in QUERIES]
            if method == "GET"
            else [("", body, headers) for body in BODIES for headers in ({}, FORM) if not headers or "/v1/" in pattern]
            + [("", b"--x\r\n", MULTIPART)]
        )
        for value in PATHS if "{" in pattern else ["1"]:
            for query, body, headers in calls:
                url = re.sub(r"{\w+}", value, pattern) + query
                try:
                    reply = await sandbox.request(method, url, content=body, headers=headers)
                except httpx.HTTPError as error:
                    bad.append(f"{method} {url} {body!r}: {error!r}")
                    continue
                if reply.status_code >= 500:
                    bad.append(f"{method} {url} {body!r}: {reply.status_code}")
    assert bad == []
