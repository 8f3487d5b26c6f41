"""Lines of `headrace ping` about what administrators set up: user and roles, number sequences, currencies, values.

Sets: `SysAADClients`, `SystemUsers`, `SecurityUserRoleAssociations`, `SequenceV2Tables` ("Number sequence code V2"),
`NumberSequencesV2References`, `Ledgers`. Environments publish them or not: what cannot be read is a warning that says
where to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import (
    CONTACTS,
    CUSTOMERS,
    LINES,
    ORDERS,
    PAYMENT_JOURNALS,
    PURCHASE_ORDERS,
)
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import Needs

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL

_APPLICATIONS = "System administration > Setup > Microsoft Entra applications"
_USERS = "System administration > Users > Users"
_SEQUENCES = "Organization administration > Number sequences > Number sequences"
_ADMINISTRATOR = "-SYSADMIN-"
_FEW = 1000
"""Numbers left below which a sequence is told."""

NUMBERED: Mapping[tuple[str, str], tuple[str, ...]] = {
    (CUSTOMERS.name, "CustomerAccount"): ("CustAccount",),
    (CONTACTS.name, "ContactPersonId"): ("ContactPersonId",),
    (ORDERS.name, "SalesOrderNumber"): ("SalesIdBase", "SalesId"),
    (LINES.name, "InventoryLotId"): ("InventTransId",),
    (PURCHASE_ORDERS.name, "PurchaseOrderNumber"): ("PurchIdBase", "PurchId"),
    (PAYMENT_JOURNALS.name, "JournalBatchNumber"): ("LedgerJournalId",),
}
"""Object and key field → data types under which its number sequence may be referred to."""
_CONFIRMED = frozenset({"CustAccount", "InventTransId"})
"""Data types seen in use; that nothing refers to another one may only mean that it has another name."""

_IN_COMPANY: Mapping[str, tuple[str, str, str]] = {
    "CustomerGroupId": ("CustomerGroups", "CustomerGroupId", "Accounts receivable > Setup > Customer groups"),
    "DefaultShippingSiteId": ("OperationalSitesV2", "SiteId", "Warehouse management > Setup > Warehouse > Sites"),
    "DefaultShippingWarehouseId": (
        "Warehouses",
        "WarehouseId",
        "Warehouse management > Setup > Warehouse > Warehouses",
    ),
    "PaymentMethodName": ("VendorPaymentMethods", "Name", "Accounts payable > Payment setup > Methods of payment"),
    "PaymentTermsName": ("PaymentTerms", "Name", "Accounts payable > Payment setup > Terms of payment"),
    "TermsOfPayment": ("PaymentTerms", "Name", "Accounts receivable > Payments setup > Terms of payment"),
    "MethodOfPayment": ("VendorPaymentMethods", "Name", "Accounts payable > Payment setup > Methods of payment"),
}
"""Field that is given constants → the set and field where they must exist in each company, and the menu for people."""
_CURRENCIES = ("SalesCurrencyCode", "CurrencyCode")


async def user(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return the lines about the user that the application is mapped to, and what its roles are."""
    name = "user"
    try:
        mapped = await _rows(client, "SysAADClients", {"AADClientId": config.client_id})
        if not mapped:
            text = f"the mapping of application {config.client_id} is not visible"
            return [Check(name, WARN, text, f"Look there: {_APPLICATIONS}.")]
        user_id = str(mapped[0]["UserId"])
        found = await _rows(client, "SystemUsers", {"UserID": user_id})
    except (HeadraceError, KeyError) as error:
        return [Check(name, WARN, f"cannot be looked at: {error}", f"Look there: {_APPLICATIONS}, and {_USERS}.")]
    language = str(found[0].get("UserInfo_language") or "") if found else ""
    if language and language.lower() != "en-us":
        text = f"{user_id}'s language is {language}: refusals come as text, and would not be understood"
        lines = [Check(name, FAIL, text, f"Set it to en-US: {_USERS} > {user_id} > User options.")]
    elif not language:
        text = f"{user_id}; its language is not told, and must be en-US: refusals come as text"
        lines = [Check(name, WARN, text, f"Look there: {_USERS} > {user_id} > User options.")]
    else:
        lines = [Check(name, PASS, f"{user_id}, {language}")]
    return [*lines, await _roles(client, user_id, needs)]


async def _roles(client: ODataClient, user_id: str, needs: Needs) -> Check:
    """Whether the user may write, as far as anything but a write tells: only the administrator's role says it."""
    name, where = "roles", f"{_USERS} > {user_id} > User's roles"
    written = ", ".join(needs.written) or "nothing by mappings"
    try:
        rows = await _rows(client, "SecurityUserRoleAssociations", {"UserId": user_id})
    except HeadraceError as error:
        text = f"cannot be looked at: {error}"
        return Check(name, WARN, text, f"Check that they may write {written}: {where}.")
    roles = {
        str(row.get("SecurityRoleIdentifier")): str(row.get("SecurityRoleName"))
        for row in rows
        if row.get("AssignmentStatus") != "Disabled"
    }
    if not roles:
        return Check(name, FAIL, f"{user_id} has none", f"Assign roles that may write {written}: {where}.")
    if _ADMINISTRATOR in roles:
        return Check(name, PASS, f"{roles[_ADMINISTRATOR]}: reads and writes everything")
    text = f"{', '.join(sorted(roles.values()))}; no read tells whether they may write {written}"
    return Check(name, WARN, text, f"Look there: {where}; a role that may not shows at the first write.")


async def number_sequences(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return a line for each number sequence that mappings depend on, in each company.

    A key that a mapping writes must be allowed by hand; one that it leaves out must be automatic.
    """
    lines = []
    for (obj, field), data_types in NUMBERED.items():
        written = {each.name for each in needs.of(obj, writes=True)}
        if not written:
            continue
        title = f"number sequence of {obj}.{field}"
        try:
            references = [
                row for each in data_types for row in await _rows(client, _REFERENCES, {"DataTypeName": each})
            ]
            lines += [
                await _sequence(client, title, company, references, data_types, by_hand=field in written)
                for company in config.legal_entities
            ]
        except HeadraceError as error:
            mode = "allow manual numbers" if field in written else "be automatic"
            text = f"cannot be looked at: {error}"
            lines.append(Check(title, WARN, text, f"It must {mode} in every company: {_SEQUENCES}."))
    return lines


_REFERENCES = "NumberSequencesV2References"


async def _sequence(
    client: ODataClient,
    title: str,
    company: str,
    references: Sequence[Row],
    data_types: Sequence[str],
    *,
    by_hand: bool,
) -> Check:
    title = f"{title} in {company}"
    mine = next((row for row in references if _of(row, company)), None)
    shared = next((row for row in references if not row.get("ScopeValue")), None)
    reference = mine or shared
    if reference is None or not reference.get("NumberSequenceCode"):
        remedy = f"Assign one in the module's parameters, tab Number sequences, or generate them: {_SEQUENCES}."
        if _CONFIRMED.isdisjoint(data_types):
            text = f"none is found under {' or '.join(data_types)}"
            return Check(title, WARN, text, f"Look whether it has another name there. {remedy}")
        return Check(title, FAIL, "none is assigned", remedy)
    code = str(reference["NumberSequenceCode"])
    found = [
        row
        for row in await _rows(client, "SequenceV2Tables", {"NumberSequenceCode": code})
        if row.get("ScopeValue") == reference.get("ScopeValue")
    ]
    if not found:
        return Check(title, FAIL, f"{code} does not exist", f"Assign another one: {_SEQUENCES}.")
    row, where = found[0], f"{_SEQUENCES} > {code} > General."
    if row.get("Stopped") == "Yes":
        return Check(title, FAIL, f"{code} is stopped", f"Switch Stopped off: {where}")
    manual = row.get("Manual") == "Yes"
    if manual and not by_hand:
        text = f"{code} is manual, and the mapping gives no number"
        return Check(title, FAIL, text, f"Switch Manual off, or write the field in the mapping: {where}")
    if by_hand and not manual and "Yes" not in (row.get("ToALowerNumber"), row.get("ToAHigherNumber")):
        text = f"{code} allows no numbers by hand, and the mapping gives one"
        return Check(title, FAIL, text, f"Switch Manual on: {where}")
    left = int(row.get("Largest") or 0) - int(row.get("Next") or 0)
    if not by_hand and row.get("Largest") and left < _FEW:
        return Check(
            title, WARN if left >= 0 else FAIL, f"{code} has {max(left, 0)} numbers left", f"Extend it: {where}"
        )
    return Check(title, PASS, f"{code}, {'by hand' if by_hand else 'automatic'}")


def companies(config: DynamicsFoConfig, needs: Needs) -> list[Check]:
    """Return a line if inward mappings name legal entities that this connection neither reads nor writes."""
    missing = {name: where for name, where in needs.companies.items() if name not in config.legal_entities}
    if not missing:
        return []
    text = ", ".join(f"{name} (in {where})" for name, where in missing.items())
    remedy = "Add them to legal_entities, or take them out of the mapping; records of them are not written here."
    return [Check("legal entities of mappings", WARN, f"not in legal_entities: {text}", remedy)]


async def mapped_values(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return the lines about constants of outward mappings: they exist in each company, currencies are the ledger's."""
    lines: list[Check] = []
    for need in needs.fields:
        if not need.writes:
            continue
        absent = [name for name in config.legal_entities if need.by_company and name not in need.by_company]
        if absent:
            text = f"the table has no entry for {', '.join(absent)} ({need.where})"
            lines.append(Check(f"{need.name} by legal entity", WARN, text, "Add one, unless a default does."))
        wanted = {name: {need.by_company[name]} for name in config.legal_entities if name in need.by_company}
        for name in config.legal_entities:
            wanted.setdefault(name, set()).update(need.values)
        title = f"{need.object}.{need.name}"
        try:
            if need.name in _IN_COMPANY and any(wanted.values()):
                lines += await _existing(client, title, need.where, wanted, *_IN_COMPANY[need.name])
            elif need.name in _CURRENCIES and need.by_company:
                lines += await _ledger_currencies(client, title, need.where, wanted)
        except HeadraceError as error:
            text = f"the values of {need.where} cannot be compared: {error}"
            lines.append(Check(title, WARN, text, "Compare the mapping's tables with the environment by hand."))
    return lines


async def _existing(
    client: ODataClient, title: str, where: str, wanted: Mapping[str, set[str]], entity_set: str, field: str, menu: str
) -> list[Check]:
    lines = []
    rows = [row async for row in client.rows(entity_set, odata.Query(select=("dataAreaId", field)))]
    for company, values in wanted.items():
        there = {str(row[field]).casefold() for row in rows if str(row["dataAreaId"]).lower() == company}
        missing = sorted(value for value in values if value.casefold() not in there)
        if missing:
            text = f"{company} has no {', '.join(missing)}, which the mapping writes ({where})"
            lines.append(Check(title, FAIL, text, f"Create it there ({menu}), or correct the mapping."))
    listed = "; ".join(f"{company}: {', '.join(sorted(values))}" for company, values in wanted.items() if values)
    return lines or [Check(title, PASS, listed)]


async def _ledger_currencies(
    client: ODataClient, title: str, where: str, wanted: Mapping[str, set[str]]
) -> list[Check]:
    ledgers = {
        str(row["LegalEntityId"]).lower(): str(row["AccountingCurrency"])
        async for row in client.rows("Ledgers", odata.Query(select=("LegalEntityId", "AccountingCurrency")))
    }
    different = [
        f"{company}: {', '.join(sorted(values))}, its ledger {ledgers[company]}"
        for company, values in wanted.items()
        if company in ledgers and values and values != {ledgers[company]}
    ]
    if different:
        text = f"{'; '.join(different)} ({where})"
        return [Check(title, WARN, text, "Correct the mapping's table, unless that is meant.")]
    return [Check(title, PASS, ", ".join(f"{name}: {ledgers[name]}" for name in wanted if name in ledgers))]


async def _rows(client: ODataClient, entity_set: str, values: Mapping[str, str]) -> list[Row]:
    condition = " and ".join(f"{name} eq {_quoted(value)}" for name, value in values.items())
    return [row async for row in client.rows(entity_set, odata.Query(condition))]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _of(row: Row, company: str) -> bool:
    return str(row.get("ScopeValue") or "").lower() == company
