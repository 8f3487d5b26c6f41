"""Customers, contacts and their reference data."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import (
    COMPANY,
    Entity,
    Property,
    Sequence,
    choice,
    decimals,
    moments,
    text,
    texts,
    yes_no,
)

_ADDRESS_PARTS = (
    ("Description", 60),
    ("Street", 250),
    ("StreetNumber", 20),
    ("City", 60),
    ("ZipCode", 10),
    ("State", 10),
    ("County", 10),
    ("CountryRegionId", 10),
    ("CountryRegionISOCode", 2),
    ("LocationId", 20),
)
_CONTACT_KINDS = ("Email", "Phone", "Fax", "URL")


def _address(prefix: str) -> tuple[Property, ...]:
    return tuple(text(f"{prefix}{suffix}", size) for suffix, size in _ADDRESS_PARTS)


def _contact() -> tuple[Property, ...]:
    names = [f"PrimaryContact{kind}{part}" for kind in _CONTACT_KINDS for part in ("", "Description", "Purpose")]
    return texts(255, *names)


CUSTOMERS = Entity(
    set="CustomersV3",
    type="CustomerV3",
    aot="CustCustomerV3Entity",
    table="CustTable",
    label="Customers",
    key=("dataAreaId", "CustomerAccount"),
    data_sources=4,
    sequences=(
        Sequence("CustomerAccount", "{company}-C######", "both"),
        Sequence("PartyNumber", "P########", "both"),
    ),
    indexed=("CustomerAccount", "PartyNumber", "PrimaryContactEmail", "TaxExemptNumber", "NameAlias"),
    properties=(
        COMPANY,
        text("CustomerAccount", 20, label="Customer account"),
        text("CustomerGroupId", 10, label="Customer group", required=True, lookup=lookups.CUSTOMER_GROUP),
        text("SalesCurrencyCode", 3, label="Currency", required=True, lookup=lookups.CURRENCY),
        text("PartyType", 20, label="Party type", default="Organization"),
        text("OrganizationName", 100, label="Name"),
        *texts(25, "PersonFirstName", "PersonMiddleName", "PersonLastName"),
        text("NameAlias", 20, label="Search name"),
        *texts(60, "KnownAs", "LanguageId"),
        text("PartyNumber", 40, label="Party ID"),
        *_address("Address"),
        text("AddressLocationRoles", 250),
        *moments("AddressValidFrom", "AddressValidTo"),
        Property("AddressRecordId", "int64", read_only=True),
        text("FullPrimaryAddress", 250, read_only=True),
        *_address("DeliveryAddress"),
        *_address("InvoiceAddress"),
        *_contact(),
        *yes_no("PrimaryContactPhoneIsMobile"),
        text("ContactPersonId", 20, label="Contact", lookup=lookups.CONTACT_PERSON),
        text("InvoiceAccount", 20, label="Invoice account", lookup=lookups.CUSTOMER),
        choice("InvoiceAddress", "InvoiceOrderAccount"),
        text("PaymentTerms", 10, label="Terms of payment", lookup=lookups.PAYMENT_TERMS),
        *texts(10, "PaymentMethod", "PaymentSchedule", "PaymentSpecification", "PaymentCashDiscount"),
        Property("PaymentTermsBaseDays", "int32"),
        *decimals("CreditLimit"),
        *yes_no("CreditLimitIsMandatory"),
        text("CreditRating", 10),
        choice("OnHoldStatus", "CustVendorBlocked", label="Invoicing and delivery on hold"),
        *texts(10, "DeliveryTerms", "DeliveryMode"),
        text("SiteId", 10, label="Site", lookup=lookups.SITE),
        text("WarehouseId", 10, label="Warehouse", lookup=lookups.WAREHOUSE),
        *texts(10, "SalesTaxGroup"),
        text("TaxExemptNumber", 20, label="Tax exempt number"),
        *yes_no("IsSalesTaxIncludedInPrices", "IsOneTimeCustomer", "IsElectronicInvoice", "IsExternallyMaintained"),
        *texts(10, "DiscountPriceGroupId", "LineDiscountCode", "SalesSegmentId", "SalesDistrict"),
        text("SalesMemo"),
        text("EmployeeResponsibleNumber", 25),
        *texts(50, "IdentificationNumber", "OrganizationNumber"),
        text("VendorAccount", 20),
        text("DefaultDimensionDisplayValue", 500, dimension="default"),
    ),
)

CONTACTS = Entity(
    set="ContactPersons",
    type="ContactPerson",
    aot="smmContactPersonEntity",
    table="ContactPerson",
    label="Contacts",
    key=("dataAreaId", "ContactPersonId"),
    data_sources=3,
    sequences=(
        Sequence("ContactPersonId", "CP######", "both"),
        Sequence("ContactPersonPartyNumber", "P########", "both", first=50_000_000),
    ),
    indexed=("ContactPersonId", "AssociatedPartyNumber", "PrimaryEmailAddress", "ContactPersonPartyNumber"),
    properties=(
        COMPANY,
        text("ContactPersonId", 20, label="Contact ID"),
        text("AssociatedPartyNumber", 40, label="Contact for", required=True, lookup=lookups.CUSTOMER_PARTY),
        *texts(25, "FirstName", "MiddleName", "LastName"),
        text("ContactPersonName", 100, label="Name"),
        text("ContactPersonPartyNumber", 40),
        *texts(255, "PrimaryEmailAddress", "PrimaryPhoneNumber"),
        *texts(60, "EmploymentJobTitle", "EmploymentDepartment"),
        *yes_no("IsInactive", "IsDefaultContactPerson", "IsContactPersonExternallyMaintained"),
        text("Notes"),
        *moments("LastEditDateTime", read_only=True),
    ),
)

CUSTOMER_GROUPS = Entity(
    set="CustomerGroups",
    type="CustomerGroup",
    aot="CustCustomerGroupEntity",
    table="CustGroup",
    label="Customer groups",
    key=("dataAreaId", "CustomerGroupId"),
    properties=(
        COMPANY,
        text("CustomerGroupId", 10, label="Customer group", required=True),
        text("Description", 60),
        text("PaymentTermId", 10, label="Terms of payment", lookup=lookups.PAYMENT_TERMS),
        text("TaxGroupId", 10),
        *yes_no("IsSalesTaxIncludedInPrice"),
    ),
)

PAYMENT_TERMS = Entity(
    set="PaymentTerms",
    type="PaymentTerm",
    aot="PaymentTermEntity",
    table="PaymTerm",
    label="Terms of payment",
    key=("dataAreaId", "Name"),
    properties=(
        COMPANY,
        text("Name", 10, label="Terms of payment", required=True),
        text("Description", 60),
        Property("NumberOfDays", "int32"),
        Property("NumberOfMonths", "int32"),
    ),
)

ENTITIES = (CUSTOMERS, CONTACTS, CUSTOMER_GROUPS, PAYMENT_TERMS)
