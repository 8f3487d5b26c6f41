"""Customers and contacts: names, addresses, the party behind them."""

from __future__ import annotations

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, must_be_filled, validate_write
from headrace.sandbox.dynamics_fo.values import moment_text


class CustomerRules(EntityRules):
    """`CustomersV3`: an organisation needs a name, a person one part of a name; an address needs its country."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Take terms and tax from the customer group, and the search name from the name."""
        group = work.related("CustomerGroups", "CustomerGroupId", draft.get("CustomerGroupId"), draft.company)
        if group is not None:
            draft.default("PaymentTerms", group.data.get("PaymentTermId", ""))
            draft.default("SalesTaxGroup", group.data.get("TaxGroupId", ""))
        if draft.get("PartyType") == "Person":
            parts = (draft.get(f"Person{part}Name") for part in ("First", "Middle", "Last"))
            draft.default("OrganizationName", " ".join(part for part in parts if part)[:100])
        draft.default("NameAlias", draft.get("OrganizationName")[:20])
        draft.default("LanguageId", "en-us")
        lines = (
            f"{draft.get('AddressStreet')} {draft.get('AddressStreetNumber')}".strip(),
            f"{draft.get('AddressZipCode')} {draft.get('AddressCity')}".strip(),
            draft.get("AddressCountryRegionId"),
        )
        draft.values["FullPrimaryAddress"] = "\n".join(line for line in lines if line)[:250]

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse a customer without a name, or with an address without a country."""
        if draft.get("PartyType") not in ("Organization", "Person"):
            raise WriteRefused(
                f"Warning: The party type '{draft.get('PartyType')}' is not valid.", validate_write("CustTable")
            )
        if not draft.get("OrganizationName"):
            raise WriteRefused(must_be_filled("Name"), validate_write("CustTable"))
        if draft.get("AddressDescription") and not draft.get("AddressCountryRegionId"):
            raise WriteRefused(must_be_filled("Country/region"), validate_write("LogisticsPostalAddress"))

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse while orders of the customer exist."""
        account, company = record.data["CustomerAccount"], record.data["dataAreaId"]
        if work.related("SalesOrderHeadersV2", "OrderingCustomerAccountNumber", account, company):
            raise WriteRefused("Error: Customers cannot be deleted while dependent Sales orders exist.")


class ContactRules(EntityRules):
    """`ContactPersons`: name from its parts, and the time of the last edit."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Join the name and stamp the edit."""
        names = (draft.get(name) for name in ("FirstName", "MiddleName", "LastName"))
        joined = " ".join(name for name in names if name)[:100]
        if "ContactPersonName" not in draft.supplied and joined:
            draft.values["ContactPersonName"] = joined
        draft.values["LastEditDateTime"] = moment_text(work.now)

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse a contact without a name."""
        if not draft.get("ContactPersonName"):
            raise WriteRefused(must_be_filled("Name"), validate_write("ContactPerson"))


RULES: dict[str, EntityRules] = {"CustomersV3": CustomerRules(), "ContactPersons": ContactRules()}
