"""Vendors and their addresses: names, roles, and the primary address that both sets show."""

from __future__ import annotations

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.entities.model import OPEN_END
from headrace.sandbox.dynamics_fo.errors import WriteRefused, must_be_filled, validate_write
from headrace.sandbox.dynamics_fo.values import moment_text

VENDORS, ADDRESSES = "VendorsV2", "VendVendorPostalAddresses"
_SHARED = (
    "AddressDescription",
    "AddressStreet",
    "AddressStreetNumber",
    "AddressCity",
    "AddressZipCode",
    "AddressStateId",
    "AddressCountyId",
    "AddressCountryRegionId",
    "AddressLocationRoles",
)
_ROLES = {"IsRoleBusiness": "Business", "IsRoleDelivery": "Delivery", "IsRoleHome": "Home", "IsRoleInvoice": "Invoice"}
_DEPENDENT = (
    ("PurchaseOrderHeadersV2", "OrderVendorAccountNumber", "Purchase orders"),
    ("VendorInvoiceHeaders", "InvoiceAccount", "Vendor invoice headers"),
    ("VendTransBiEntities", "AccountNum", "Vendor transactions"),
)


class VendorRules(EntityRules):
    """`VendorsV2`: an organisation needs a name, a person one part of a name; an address needs its country."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Take terms from the group, the currency from the ledger, names from each other."""
        group = work.related("VendorGroups", "VendorGroupId", draft.get("VendorGroupId"), draft.company)
        if group is not None:
            draft.default("DefaultPaymentTermsName", group.data.get("DefaultPaymentTermName", ""))
            draft.default("SalesTaxGroupCode", group.data.get("DefaultTaxGroupCode", ""))
        ledgers = work.store.find("Ledgers", "LegalEntityId", draft.company)
        if ledgers:
            draft.default("CurrencyCode", ledgers[0].data.get("AccountingCurrency", ""))
        if draft.get("VendorPartyType") == "Person":
            joined = f"{draft.get('PersonFirstName')} {draft.get('PersonLastName')}".strip()
            draft.default("VendorOrganizationName", joined[:100])
        draft.default("VendorSearchName", draft.get("VendorOrganizationName")[:20])
        draft.default("LanguageId", "en-us")
        if any(draft.get(name) for name in _SHARED) and not draft.get("AddressLocationId"):
            draft.values["AddressLocationId"] = work.number(ADDRESSES, "AddressLocationId", draft.company)
            draft.values["AddressValidFrom"] = moment_text(work.now)
            draft.values["AddressValidTo"] = OPEN_END
            draft.default("AddressLocationRoles", "Business")
        draft.values["FormattedPrimaryAddress"] = _formatted(draft)

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse a vendor without a name, or with an address without a country."""
        if draft.get("VendorPartyType") not in ("Organization", "Person"):
            raise WriteRefused(
                f"Warning: The party type '{draft.get('VendorPartyType')}' is not valid.", validate_write("VendTable")
            )
        if not draft.get("VendorOrganizationName"):
            raise WriteRefused(must_be_filled("Name"), validate_write("VendTable"))
        if draft.get("AddressDescription") and not draft.get("AddressCountryRegionId"):
            raise WriteRefused(must_be_filled("Country/region"), validate_write("LogisticsPostalAddress"))

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Show the primary address as a row of its own, too."""
        location = record.data.get("AddressLocationId")
        if not location:
            return
        values = {name: record.data.get(name, "") for name in (*_SHARED, "AddressValidTo")}
        values |= _flags(values["AddressLocationRoles"])
        values["FormattedAddress"] = record.data.get("FormattedPrimaryAddress", "")
        known = next((row for row in addresses_of(work, record) if row.data["AddressLocationId"] == location), None)
        if known is not None:
            work.revise(ADDRESSES, known, values, work.note)
            return
        key = {name: record.data[name] for name in ("dataAreaId", "VendorAccountNumber", "AddressLocationId")}
        more = {"AddressValidFrom": record.data.get("AddressValidFrom", moment_text(work.now)), "IsPrimary": "Yes"}
        work.insert(ADDRESSES, {**key, "VendorLegalEntityId": draft.company, **more, **values}, work.note)

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse while documents of the vendor exist; its addresses go with it."""
        account, company = record.data["VendorAccountNumber"], record.data["dataAreaId"]
        for set_name, field, label in _DEPENDENT:
            if work.related(set_name, field, account, company):
                raise WriteRefused(f"Error: Vendors cannot be deleted while dependent {label} exist.")
        for address in addresses_of(work, record):
            work.remove(ADDRESSES, address, work.note)


class AddressRules(EntityRules):
    """`VendVendorPostalAddresses`: one of a vendor's addresses is the primary one, which the vendor's row shows."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Default the company, the validity and the flags that the roles stand for."""
        draft.default("VendorLegalEntityId", draft.company)
        draft.default("AddressValidFrom", moment_text(work.now))
        draft.default("AddressValidTo", OPEN_END)
        draft.values.update(_flags(str(draft.get("AddressLocationRoles"))))
        draft.values["FormattedAddress"] = _formatted(draft)

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse an address without a country."""
        if not draft.get("AddressCountryRegionId"):
            raise WriteRefused(must_be_filled("Country/region"), validate_write("LogisticsPostalAddress"))

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Show the primary address on the vendor, whose own time of change stays: the address is another table."""
        vendor = work.related(
            VENDORS, "VendorAccountNumber", record.data["VendorAccountNumber"], str(record.data["dataAreaId"])
        )
        if vendor is None or record.data.get("IsPrimary") != "Yes":
            return
        for other in addresses_of(work, vendor):
            if other.key != record.key and other.data.get("IsPrimary") == "Yes":
                work.revise(ADDRESSES, other, {"IsPrimary": "No"}, work.note)
        names = (*_SHARED, "AddressLocationId", "AddressValidFrom", "AddressValidTo")
        shown = {name: record.data.get(name, "") for name in names}
        shown["FormattedPrimaryAddress"] = record.data.get("FormattedAddress", "")
        work.reflect(VENDORS, vendor, shown, work.note)


def addresses_of(work: Work, vendor: Record) -> list[Record]:
    """Return the addresses of a vendor."""
    found = work.store.find(ADDRESSES, "VendorAccountNumber", vendor.data["VendorAccountNumber"])
    return [row for row in found if row.data["dataAreaId"] == vendor.data["dataAreaId"]]


def _flags(text: str) -> dict[str, str]:
    """Return the flags that stand for some of the roles."""
    roles = {role.strip() for role in text.split(";")}
    return {flag: "Yes" if role in roles else "No" for flag, role in _ROLES.items()}


def _formatted(draft: Draft) -> str:
    lines = (
        f"{draft.get('AddressStreet')} {draft.get('AddressStreetNumber')}".strip(),
        f"{draft.get('AddressCity')}, {draft.get('AddressStateId')} {draft.get('AddressZipCode')}".strip(" ,"),
        draft.get("AddressCountryRegionId"),
    )
    return "\n".join(line for line in lines if line)[:250]


RULES: dict[str, EntityRules] = {VENDORS: VendorRules(), ADDRESSES: AddressRules()}
