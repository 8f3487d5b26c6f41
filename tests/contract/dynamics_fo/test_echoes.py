"""An environment that keeps values in its own form: a change tells that form, and reading tells the same (I7)."""

from decimal import Decimal

from headrace.core import values
from headrace.core.contracts import Action
from headrace.core.event import Ref
from headrace.testing.harness import source_of, target_of
from headrace.testing.suites.values import fetched
from tests.contract.dynamics_fo.world import World, operation

RULES = {
    "CustomersV3.OrganizationName": "truncate:7",
    "CustomersV3.PrimaryContactEmail": "fold",
    "CustomersV3.CreditLimit": "round:0",
}
FIELDS = {
    "OrganizationName": "Contoso Retail",
    "PrimaryContactEmail": "Info@Contoso.com",
    "CreditLimit": Decimal("2500.40"),
    "KnownAs": "Contoso",
}
KEPT = {"OrganizationName": "Contoso", "PrimaryContactEmail": "info@contoso.com", "CreditLimit": 2500}
US_001 = "dataAreaId=usmf,CustomerAccount=US-001"


async def test_the_echo_is_known_field_by_field(sandbox: World) -> None:
    await sandbox.settings(transform=RULES)
    connection = sandbox.connect()
    update = operation("CustomersV3", FIELDS, action=Action.UPDATE, target_id=US_001)
    written = await target_of(connection).apply(update)
    assert {name: written.record[name] for name in KEPT} == KEPT
    assert sorted(written.record["@differs"]) == sorted(KEPT)
    mark = values.mark({name: written.record[name] for name in FIELDS})
    echo = await fetched(source_of(connection), "CustomersV3", US_001)
    assert values.matching(mark, echo.data) == set(FIELDS)
    edited = await sandbox.admin.patch(f"/_sandbox/records/CustomersV3/{US_001}", json={"OrganizationName": "Fabrikam"})
    assert edited.status_code == 200, edited.text
    news = await source_of(connection).fetch(Ref("CustomersV3", US_001))
    assert news is not None
    assert values.differing(mark, news.data) == {"OrganizationName"}
