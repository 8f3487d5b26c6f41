"""Messages that close what was sold."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import API, NOBODY, error_of, ledger_of, new, read


async def close(client: httpx.AsyncClient, action: str, opportunity: str, status: int, **more: Any) -> httpx.Response:
    activity = {"subject": "Done", "opportunityid@odata.bind": f"/opportunities({opportunity})", **more}
    return await client.post(API + action, json={"Status": status, "OpportunityClose": activity})


async def test_an_opportunity_is_won(sandbox: httpx.AsyncClient):
    opportunity = await new(sandbox, "opportunities", name="Deal", estimatedvalue=100)
    assert (await close(sandbox, "WinOpportunity", opportunity, 3, actualrevenue=90)).status_code == 204
    row = await read(sandbox, f"opportunities({opportunity})")
    assert (row["statecode"], row["statuscode"], row["actualvalue"]) == (1, 3, 90)
    assert row["actualclosedate"] == row["modifiedon"][:10]
    (activity,) = (await read(sandbox, "opportunitycloses"))["value"]
    assert (activity["_opportunityid_value"], activity["statecode"]) == (opportunity, 1)
    again = await close(sandbox, "WinOpportunity", opportunity, 3)
    assert again.status_code == 400
    assert "already been closed" in again.json()["error"]["message"]
    assert len(await ledger_of(sandbox, "opportunityclose")) == 2
    refused = await sandbox.patch(f"{API}opportunities({opportunity})", json={"name": "x"})
    assert refused.status_code == 400
    assert (await sandbox.patch(f"{API}opportunities({opportunity})", json={"statecode": 0})).status_code == 204


async def test_an_opportunity_is_lost(sandbox: httpx.AsyncClient):
    opportunity = await new(sandbox, "opportunities", name="Deal")
    assert error_of(await close(sandbox, "LoseOpportunity", opportunity, 3)) == (400, "0x80048408")
    assert (await close(sandbox, "LoseOpportunity", opportunity, 5)).status_code == 204
    row = await read(sandbox, f"opportunities({opportunity})")
    assert (row["statecode"], row["statuscode"]) == (2, 5)


async def test_quotes_and_orders(sandbox: httpx.AsyncClient):
    quote, order = await new(sandbox, "quotes", name="Q"), await new(sandbox, "salesorders", name="O")
    body = {"Status": 4, "QuoteClose": {"subject": "s", "quoteid@odata.bind": f"/quotes({quote})"}}
    assert (await sandbox.post(f"{API}WinQuote", json=body)).status_code == 400
    assert (await sandbox.patch(f"{API}quotes({quote})", json={"statecode": 1, "statuscode": 2})).status_code == 204
    assert (await sandbox.post(f"{API}WinQuote", json=body)).status_code == 204
    closing = {"subject": "s", "salesorderid@odata.bind": f"/salesorders({order})"}
    fulfil = {"Status": 100001, "OrderClose": closing}
    assert (await sandbox.post(f"{API}FulfillSalesOrder", json=fulfil)).status_code == 204
    row = await read(sandbox, f"salesorders({order})")
    assert (row["statecode"], row["statuscode"]) == (3, 100001)
    assert row["datefulfilled"] is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"Status": 3}, 400),
        ({"Status": 3, "OpportunityClose": {"subject": "s"}}, 400),
        ({"Status": 3, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({NOBODY})"}}, 404),
        ({"Status": 3, "OpportunityClose": {}, "More": 1}, 400),
    ],
)
async def test_calls_that_are_refused(sandbox: httpx.AsyncClient, body: dict[str, Any], status: int):
    assert (await sandbox.post(f"{API}WinOpportunity", json=body)).status_code == status
