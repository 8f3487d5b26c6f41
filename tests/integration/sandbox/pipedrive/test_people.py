"""People beside us: merges with all that moves, edits in the app, and an account that keeps values in its own form."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import Receiver, data, ledger, settings, subscribe

MERGED = {
    "fields": {"deal": [{"name": "ERP", "type": "varchar"}, {"name": "Rank", "type": "double"}]},
    "products": [{"name": "Valve", "prices": [{"currency": "EUR", "price": 2}]}],
    "organizations": [{"name": "Berg"}],
    "deals": [
        {"title": "Loser", "organization": "Berg", "currency": "EUR", "custom": {"ERP": "C-1", "Rank": 1},
         "products": [{"product": "Valve", "item_price": 2, "quantity": 3}]},
        {"title": "Winner", "currency": "EUR", "custom": {"Rank": 2}},
    ],
    "quiet": True,
}  # fmt: skip


async def test_what_belongs_to_a_merged_deal_moves(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    seeded = (await sandbox.post("/_sandbox/seed", json=MERGED)).json()
    for deal in (1, 2):
        await data(sandbox.post(f"/api/v2/deals/{deal}/followers", json={"user_id": 1}), 201)
    discount = {"description": "loyal", "amount": 1, "type": "amount"}
    await data(sandbox.post("/api/v2/deals/1/discounts", json=discount), 201)
    await subscribe(sandbox, receiver.url, event_object="deal")
    merged = await data(sandbox.put("/v1/deals/1/merge", json={"merge_with_id": 2}))
    assert merged["merge_what_id"] == 1
    deal = await data(sandbox.get("/api/v2/deals/2"))
    assert (deal["title"], deal["org_id"], deal["value"]) == ("Winner", 1, 5)
    codes = {name: field["code"] for name, field in seeded["fields"]["deal"].items()}
    assert (deal["custom_fields"][codes["ERP"]], deal["custom_fields"][codes["Rank"]]) == ("C-1", 2)
    assert [line["deal_id"] for line in await data(sandbox.get("/api/v2/deals/2/products"))] == [2]
    assert len(await data(sandbox.get("/api/v2/deals/2/discounts"))) == 1
    assert len(await data(sandbox.get("/api/v2/deals/2/followers"))) == 1
    assert (await data(sandbox.get("/api/v2/deals/1")))["is_deleted"] is True
    assert [deal["id"] for deal in await data(sandbox.get("/api/v2/deals"))] == [2]
    (gone,) = [body for body in await receiver.wait_for(2) if body["meta"]["action"] == "delete"]
    assert (gone["meta"]["merged_to_id"], gone["data"], gone["previous"]["title"]) == ("2", None, "Loser")


@pytest.mark.parametrize("setting", ["refuse", "accept"])
async def test_a_product_that_cannot_be_linked(sandbox: httpx.AsyncClient, setting: str) -> None:
    await settings(sandbox, unlinkable_products=setting)
    await data(sandbox.post("/api/v2/products", json={"name": "Old", "is_linkable": False}), 201)
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    answer = await sandbox.post("/api/v2/deals/1/products", json={"product_id": 1, "item_price": 2, "quantity": 1})
    assert answer.status_code == (400 if setting == "refuse" else 201)


async def test_a_person_edits_and_deletes_a_record(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    fields = {"organization": [{"name": "Rating", "type": "enum", "options": ["A", "B"]}]}
    body = {"fields": fields, "organizations": [{"name": "Berg"}], "quiet": True}
    seeded = (await sandbox.post("/_sandbox/seed", json=body)).json()
    await settings(sandbox, transform={"organization.name": "truncate:4"})
    await subscribe(sandbox, receiver.url, event_object="organization")
    edit: dict[str, Any] = {"name": "Berg AS", "custom": {"Rating": "B"}}
    assert (await sandbox.patch("/_sandbox/records/organization/1", json=edit)).json()["name"] == "Berg AS"
    rating = seeded["fields"]["organization"]["Rating"]
    shown = await data(sandbox.get("/api/v2/organizations/1"))
    assert shown["custom_fields"][rating["code"]] == rating["options"]["B"]
    assert (await sandbox.delete("/_sandbox/records/organization/1")).status_code == 200
    bodies = await receiver.wait_for(2)
    assert [(each["meta"]["action"], each["meta"]["change_source"]) for each in bodies] == [
        ("change", "app"),
        ("delete", "app"),
    ]
    assert [row["request"]["method"] for row in await ledger(sandbox, "organization")][1:] == ["PERSON", "PERSON"]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("organization/1", {"name": "x"}, 404, "not found"),
        ("invoice/1", {"name": "x"}, 400, "invoice"),
        ("deal/1", {"custom": {"Nope": 1}}, 400, "Nope"),
        ("deal/1", {"nope": 1}, 400, "nope"),
    ],
)
async def test_an_edit_that_makes_no_sense(
    sandbox: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    answer = await sandbox.patch(f"/_sandbox/records/{path}", json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


async def test_values_are_kept_in_the_accounts_own_form(sandbox: httpx.AsyncClient) -> None:
    fields = {"organization": [{"name": "VAT number", "type": "varchar"}]}
    seeded = (await sandbox.post("/_sandbox/seed", json={"fields": fields})).json()
    code = seeded["fields"]["organization"]["VAT number"]["code"]
    rules = {"organization.name": "truncate:4", "organization.address.locality": "fold", "person.emails": "fold"}
    rules |= {"product.prices": "round:1", "organization.custom.VAT number": "truncate:2"}
    await settings(sandbox, transform=rules)
    body = {"name": "Bergsson", "address": {"value": "X", "locality": "OSLO"}, "custom_fields": {code: "NO1"}}
    organization = await data(sandbox.post("/api/v2/organizations", json=body))
    assert (organization["name"], organization["address"]["locality"]) == ("Berg", "oslo")
    assert organization["custom_fields"][code] == "NO"
    person = await data(sandbox.post("/api/v2/persons", json={"name": "A", "emails": [{"value": "A@B.no"}]}))
    assert person["emails"][0]["value"] == "a@b.no"
    prices = [{"currency": "EUR", "price": 1.25}]
    product = await data(sandbox.post("/api/v2/products", json={"name": "V", "prices": prices}), 201)
    assert product["prices"][0]["price"] == 1.3
    renamed = await data(sandbox.patch("/api/v2/organizations/1", json={"name": "Bergssen"}))
    assert renamed["name"] == "Berg"
    rows = await ledger(sandbox, "organization")
    assert (rows[0]["fields"]["name"], rows[0]["after"]["name"]) == ("Bergsson", "Berg")


@pytest.mark.parametrize("rules", [{"organization.nmae": "fold"}, {"invoice.name": "fold"}, {"deal.title": "shout"}])
async def test_rules_that_fit_nothing(sandbox: httpx.AsyncClient, rules: dict[str, str]) -> None:
    answer = await sandbox.post("/_sandbox/settings", json={"transform": rules})
    assert answer.status_code == 400
    assert "transform" in answer.json()["error"]
