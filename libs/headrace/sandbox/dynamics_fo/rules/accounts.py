r"""Accounts of journal lines as display values: what stands there depends on the account type beside it.

For `Ledger` it is a display value in the ledger format; for vendors, customers and banks it is their number, in which
the delimiter is escaped with a backslash as well: vendor `US-101` is written `US\-101`.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo import dimensions
from headrace.sandbox.dynamics_fo.drafts import Draft, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, related_value, validate_field

_TABLES = {
    "Vend": ("VendorsV2", "VendorAccountNumber", "Vendors"),
    "Cust": ("CustomersV3", "CustomerAccount", "Customers"),
    "Bank": ("BankAccounts", "BankAccountId", "Bank accounts"),
}


@dataclass(frozen=True, slots=True)
class Account:
    """A resolved account: its type, its display value, and the row behind it, which ledger accounts have none of."""

    kind: str
    display_value: str
    record: Record | None = None

    @property
    def number(self) -> str:
        """Return the plain number of a vendor, customer or bank account."""
        return "" if self.record is None else str(self.record.data[_TABLES[self.kind][1]])


def plain_number(work: Work, display_value: str) -> str:
    """Return the number of a vendor, customer or bank account from its display value."""
    return dimensions.split(display_value, dimensions.delimiter(work.store))[0]


def resolve_account(work: Work, draft: Draft, type_field: str, field: str) -> Account:
    """Return the account that two fields of a line name.

    Raises:
        WriteRefused: it does not exist, or nothing may be booked on it.
    """
    kind, value = str(draft.get(type_field)), str(draft.get(field))
    label = draft.entity.by_name[field].shown_label
    generic = validate_field(draft.entity.aot, field)
    if kind == "Ledger":
        try:
            return Account(kind, dimensions.resolve(work.store, "ledger", value, draft.company))
        except dimensions.DimensionRefused as error:
            raise WriteRefused(f"Error: {error}", generic) from error
    if kind not in _TABLES:
        raise WriteRefused(f"Error: Account type {kind} is not supported in this journal.", generic)
    set_name, key_field, related = _TABLES[kind]
    by = dimensions.delimiter(work.store)
    segments = dimensions.split(value, by)
    found = work.related(set_name, key_field, segments[0], draft.company) if len(segments) == 1 else None
    if found is None:
        raise WriteRefused(related_value(value, label, related), generic)
    return Account(kind, dimensions.join([str(found.data[key_field])], by), found)
