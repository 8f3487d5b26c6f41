"""Exchange rates of F&O: shared by all companies, without a time of change, keyed by a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.contracts import Action, Page
from headrace.core.errors import RejectRecord, StopConnection
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from tests.contract.dynamics_fo.world import World, operation

RATES = "ExchangeRates"
EURO = "RateTypeName=Default,FromCurrency=EUR,ToCurrency=USD,StartDate=2026-11-01"


def rate(day: str, value: float = 108.34, **more: Any) -> dict[str, Any]:
    return {
        "RateTypeName": "Default",
        "FromCurrency": "EUR",
        "ToCurrency": "USD",
        "StartDate": f"{day}T12:00:00Z",
        "Rate": value,
        "ConversionFactor": "Hundred",
        **more,
    }


async def poll(source: Any, cursor: Mapping[str, str] | None = None) -> list[Page]:
    return [page async for page in source.changes(RATES, cursor or {})]


async def test_a_rate_is_read_by_its_key_in_plain_values(sandbox: World) -> None:
    await sandbox.seed(records={RATES: [rate("2026-11-01")]})
    record = await source_of(sandbox.connect()).fetch(Ref(RATES, EURO))
    assert record is not None
    assert record.ref == Ref(RATES, EURO)
    assert record.data == {
        "RateTypeName": "Default",
        "FromCurrency": "EUR",
        "ToCurrency": "USD",
        "StartDate": date(2026, 11, 1),
        "EndDate": None,
        "Rate": Decimal("108.34"),
        "ConversionFactor": "Hundred",
    }


async def test_every_poll_reads_all_of_them_in_one_sweep(sandbox: World) -> None:
    """Two companies are configured; rates belong to none and must not come twice."""
    await sandbox.seed(records={RATES: [rate(f"2026-11-0{day}") for day in range(1, 6)]})
    source = source_of(sandbox.connect(page_size=2))
    pages = await poll(source)
    found = [record.ref.external_id for page in pages for record in page.records]
    assert found == [EURO.replace("11-01", f"11-0{day}") for day in range(1, 6)]
    again = await poll(source, pages[-1].cursor)
    assert len([record for page in again for record in page.records]) == 5


async def test_a_cursor_in_the_middle_goes_on_there(sandbox: World) -> None:
    await sandbox.seed(records={RATES: [rate(f"2026-11-0{day}") for day in range(1, 6)]})
    source = source_of(sandbox.connect(page_size=2))
    first = await anext(source.changes(RATES, {}))
    rest = [record.ref.external_id for page in await poll(source, first.cursor) for record in page.records]
    assert rest == [EURO.replace("11-01", f"11-0{day}") for day in (3, 4, 5)]


async def test_they_have_no_time_of_change_to_insist_on(sandbox: World) -> None:
    for strategy in ("modified", "created"):
        source = source_of(sandbox.connect(polls={RATES: {"strategy": strategy}}))
        with pytest.raises(StopConnection, match="to auto or full"):
            await poll(source)


async def test_they_are_not_written(sandbox: World) -> None:
    written = operation(RATES, {"RateTypeName": "Default", "Rate": Decimal(1)}, action=Action.CREATE)
    with pytest.raises(RejectRecord):
        target_of(sandbox.connect()).check(written)
    assert await sandbox.ledger(RATES) == []
