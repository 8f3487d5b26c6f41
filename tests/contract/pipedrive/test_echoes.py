"""An account that keeps values in its own form: a change tells that form, and reading tells the same (I7)."""

from decimal import Decimal
from typing import Any

import pytest

from headrace.core import values
from headrace.core.contracts import Action
from tests.contract.pipedrive.world import World, fetched, operation

RULES = {
    "organization.name": "truncate:4",
    "organization.address.locality": "fold",
    "organization.custom.VAT number": "fold",
    "person.emails": "fold",
    "product.prices": "round:1",
    "product.tax": "round:0",
}
ADDRESS = {"address.value": "Torget 2, BERGEN", "address.locality": "BERGEN"}
CASES = [
    ("organization", {"name": "Bergsson", **ADDRESS, "custom.VAT number": "NO-1X"}, {"name": "Berg"}),
    ("person", {"email": "NEW@Example.com"}, {"email": "new@example.com"}),
    ("product", {"prices.EUR": Decimal("9.95"), "tax": Decimal("19.5")}, {"prices.EUR": 10, "tax": 20}),
]


@pytest.mark.parametrize(("obj", "fields", "kept"), CASES, ids=[case[0] for case in CASES])
async def test_the_echo_is_known_field_by_field(
    sandbox: World, obj: str, fields: dict[str, Any], kept: dict[str, Any]
) -> None:
    await sandbox.settings(transform=RULES)
    written = await sandbox.target().apply(operation(Action.UPDATE, obj, fields, "1"))
    assert {name: written.record[name] for name in kept} == kept
    mark = values.mark({name: written.record[name] for name in fields})
    source = sandbox.source()
    echo = await fetched(source, obj, 1)
    assert values.matching(mark, echo.data) == set(fields)
    assert echo.version == written.version
    name = next(iter(fields))
    await sandbox.advance(2)
    person = {"name": "Anders"} if obj == "organization" else {}
    person |= {"emails": [{"value": "x@y.z"}]} if obj == "person" else {}
    person |= {"prices": [{"currency": "EUR", "price": 11}]} if obj == "product" else {}
    edited = await sandbox.api.patch(f"/_sandbox/records/{obj}/1", json=person)
    assert edited.status_code == 200, edited.text
    news = await fetched(source, obj, 1)
    assert values.differing(mark, news.data) == {name}
    assert news.version > written.version
