"""Lines of `headrace ping` about accounts payable: what invoices and payments of the mappings meet in each company."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.connectors.dynamics_fo import field_checks, odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet
from headrace.connectors.dynamics_fo.objects import (
    INVOICES,
    MAIN_ACCOUNTS,
    PAYMENT_JOURNALS,
    PAYMENT_LINES,
    POSTED_INVOICES,
    PURCHASE_ORDERS,
    SETTLED_INVOICES,
    VENDORS,
)
from headrace.connectors.dynamics_fo.objects_purchasing import PURCHASE_ORDER_LINES
from headrace.connectors.dynamics_fo.remittance import ADDRESSES
from headrace.connectors.dynamics_fo.scope import LEDGERS
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import Needs

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL

_PARAMETERS = "Accounts payable > Setup > Accounts payable parameters > Invoice"
_JOURNALS = "General ledger > Journal setup > Journal names"
_BANKS = "Cash and bank management > Bank accounts > Bank accounts"
_DISBURSEMENT = "Payment"
"""Journal type of what the client calls "Vendor disbursement"."""
_UNIQUE = ("NoDuplicate", "NoDuplicateInYear")

_READ_BESIDES: Mapping[str, tuple[EntitySet, str]] = {
    VENDORS.name: (ADDRESSES, "absent_fields: {VendorsV2: [RemitToStreet]}"),
    PURCHASE_ORDERS.name: (PURCHASE_ORDER_LINES, "absent_fields: {PurchaseOrderHeadersV2: [Lines]}"),
    MAIN_ACCOUNTS.name: (LEDGERS, ""),
    INVOICES.name: (POSTED_INVOICES, ""),
}
"""Object → the set that is read besides, and the option without which it is not."""


async def payables(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return the lines of what mappings use; none where they use nothing of accounts payable."""
    lines = [
        await _besides(config, client, name)
        for name, (besides, _) in _READ_BESIDES.items()
        if needs.of(name) and not needs.of(besides.name)
    ]
    if needs.of(INVOICES.name, writes=True):
        lines += await _invoice_numbers(config, client)
    if needs.of(PAYMENT_JOURNALS.name, writes=True):
        lines += await _journal_names(config, client, needs)
    if needs.of(PAYMENT_LINES.name, writes=True):
        lines += await _banks(config, client)
    if needs.of(SETTLED_INVOICES.name, writes=True):
        lines.append(await _settled_invoices(client))
    return lines


async def _besides(config: DynamicsFoConfig, client: ODataClient, name: str) -> Check:
    entity_set, option = _READ_BESIDES[name]
    title = f"read {entity_set.name}"
    field = option.partition("[")[2].rstrip("]}")
    if option and field in config.absent_fields.get(name, []):
        return Check(title, PASS, f"not read: {field} is absent")
    try:
        await client.page(entity_set.name, odata.Query(select=tuple(entity_set.fields), top=1))
    except HeadraceError as error:
        without = f", or go without: {option}" if option else ""
        return Check(title, FAIL, f"{name} needs it: {error}", f"Give the user's roles this entity{without}.")
    return Check(title, PASS, f"for {name}")


async def _invoice_numbers(config: DynamicsFoConfig, client: ODataClient) -> list[Check]:
    select = (COMPANY, "IsCheckInvoiceNumberUsed")
    title = "invoice numbers"
    try:
        modes = dict.fromkeys(config.legal_entities, "")
        for row in await _of_companies(config, client, "VendorParameters", select):
            modes[str(row[COMPANY]).lower()] = str(row["IsCheckInvoiceNumberUsed"])
    except HeadraceError as error:
        text = f"what F&O does with a number that is used already cannot be looked at: {error}"
        return [Check(title, WARN, text, f"It should reject duplicates: {_PARAMETERS}.")]
    lines = []
    for company, mode in modes.items():
        name = f"{title} in {company}"
        if mode in _UNIQUE:
            lines.append(Check(name, PASS, mode))
            continue
        told = f"F&O takes a vendor's number twice ({mode})" if mode else "the parameters are not visible"
        remedy = f"Set the check of used invoice numbers to reject duplicates: {_PARAMETERS}."
        lines.append(Check(name, WARN, f"{told}; what people enter besides is found only before a create", remedy))
    return lines


async def _journal_names(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return a line for each name that mappings give as a constant: it is one of vendor payments."""
    title = f"{PAYMENT_JOURNALS.name}.JournalName"
    wanted = {
        (company, name)
        for need in needs.of(PAYMENT_JOURNALS.name, writes=True)
        if need.name == "JournalName"
        for company in config.legal_entities
        for name in (*need.values, *([need.by_company[company]] if company in need.by_company else []))
    }
    try:
        rows = await _of_companies(config, client, "JournalNames", (COMPANY, "Name", "Type"))
    except HeadraceError as error:
        text = f"journal names cannot be looked at: {error}"
        return [Check(title, WARN, text, f"They must be of the type Vendor disbursement: {_JOURNALS}.")]
    kinds = {(str(row[COMPANY]).lower(), str(row["Name"]).casefold()): str(row["Type"]) for row in rows}
    wrong = []
    for company, name in sorted(wanted):
        kind = kinds.get((company, name.casefold()), "")
        if kind != _DISBURSEMENT:
            told = f"{company}: {name} is of the type {kind}" if kind else f"{company} has no journal name {name}"
            remedy = f"Use one of the type Vendor disbursement: {_JOURNALS}, or correct the mapping."
            wrong.append(Check(title, FAIL, told, remedy))
    return wrong or [Check(title, PASS, ", ".join(f"{company}: {name}" for company, name in sorted(wanted)))]


async def _banks(config: DynamicsFoConfig, client: ODataClient) -> list[Check]:
    """Return what bank accounts each company has; which one a payment goes from, its source says."""
    title = "bank accounts"
    try:
        rows = await _of_companies(config, client, "BankAccounts", (COMPANY, "BankAccountId", "CurrencyCode"))
    except HeadraceError as error:
        remedy = f"Payments need one of the name that their source gives: {_BANKS}."
        return [Check(title, WARN, f"cannot be looked at: {error}", remedy)]
    lines = []
    for company in config.legal_entities:
        names = [
            f"{row['BankAccountId']} ({row['CurrencyCode']})" for row in rows if str(row[COMPANY]).lower() == company
        ]
        name = f"{title} in {company}"
        if names:
            lines.append(Check(name, PASS, ", ".join(sorted(names))))
        else:
            lines.append(Check(name, WARN, "there are none", f"Payments of this company need one: {_BANKS}."))
    return lines


async def _settled_invoices(client: ODataClient) -> Check:
    """Whether invoices can be marked for a payment; the vendor documents the set, not that it takes writes."""
    title, remedy = f"write {SETTLED_INVOICES.name}", "Mark one invoice for each line by MarkedInvoice instead."
    try:
        described = await client.public_entity(field_checks.entity_type(SETTLED_INVOICES.name))
    except HeadraceError as error:
        return Check(title, WARN, f"whether it takes writes cannot be looked at: {error}", remedy)
    if described is None or described.get("IsReadOnly") is True:
        return Check(title, FAIL, "the environment's metadata has it read-only, or not at all", remedy)
    text = "no read tells whether it takes writes; one that it does not take is told at the first payment"
    return Check(title, WARN, text, f"Try it with one payment. {remedy}")


async def _of_companies(config: DynamicsFoConfig, client: ODataClient, name: str, select: tuple[str, ...]) -> list[Row]:
    """Return these fields of a set's rows in the configured companies."""
    entity_set = EntitySet(name=name, key=(COMPANY,), fields={})
    keys = [{COMPANY: company} for company in config.legal_entities]
    return [row async for row in client.of_keys(entity_set, keys, select)]
