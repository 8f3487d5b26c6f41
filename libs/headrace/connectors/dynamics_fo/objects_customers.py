"""Customers and contact persons."""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    EntitySet,
    Field,
    address,
    every,
    read_only,
    texts,
)

_ADDRESS = ("Description", "Street", "StreetNumber", "City", "ZipCode", "State", "County", "CountryRegionId")

CUSTOMERS = EntitySet(
    name="CustomersV3",
    key=(COMPANY, "CustomerAccount"),
    required=(("CustomerGroupId",), ("SalesCurrencyCode",), ("OrganizationName", "PersonFirstName", "PersonLastName")),
    fields={
        **texts(4, COMPANY),
        **texts(
            20, "CustomerAccount", "InvoiceAccount", "NameAlias", "TaxExemptNumber", "VendorAccount", "ContactPersonId"
        ),
        **texts(10, "CustomerGroupId", "PaymentTerms", "PaymentMethod", "PaymentSchedule", "PaymentCashDiscount"),
        **texts(10, "DeliveryTerms", "DeliveryMode", "SiteId", "WarehouseId", "SalesTaxGroup", "CreditRating"),
        **texts(10, "DiscountPriceGroupId", "LineDiscountCode", "SalesSegmentId", "SalesDistrict"),
        **texts(3, "SalesCurrencyCode"),
        **texts(20, "PartyType"),
        **texts(100, "OrganizationName"),
        **texts(25, "PersonFirstName", "PersonMiddleName", "PersonLastName", "EmployeeResponsibleNumber"),
        **texts(60, "KnownAs"),
        **texts(7, "LanguageId"),
        **texts(40, "PartyNumber"),
        **address("Address", *_ADDRESS),
        **address("DeliveryAddress", *_ADDRESS),
        **read_only(texts(250, "FullPrimaryAddress")),
        **texts(255, "PrimaryContactEmail", "PrimaryContactPhone", "PrimaryContactFax", "PrimaryContactURL"),
        **texts(50, "IdentificationNumber", "OrganizationNumber"),
        "OnHoldStatus": Field("enum", enum="CustVendorBlocked"),
        "InvoiceAddress": Field("enum", enum="InvoiceOrderAccount"),
        **every("decimal", "CreditLimit"),
        **every("boolean", "CreditLimitIsMandatory", "IsSalesTaxIncludedInPrices", "IsOneTimeCustomer"),
        **every("memo", "SalesMemo"),
        "DefaultDimensionDisplayValue": DIMENSIONS,
    },
)

CONTACTS = EntitySet(
    name="ContactPersons",
    key=(COMPANY, "ContactPersonId"),
    required=(("AssociatedPartyNumber", "AssociatedCustomer"), ("FirstName", "LastName", "ContactPersonName")),
    pseudo={"AssociatedCustomer": Field("string")},
    fields={
        **texts(4, COMPANY),
        **texts(20, "ContactPersonId"),
        **texts(40, "AssociatedPartyNumber", "ContactPersonPartyNumber"),
        **texts(25, "FirstName", "MiddleName", "LastName"),
        **texts(100, "ContactPersonName"),
        **texts(255, "PrimaryEmailAddress", "PrimaryPhoneNumber"),
        **texts(60, "EmploymentJobTitle", "EmploymentDepartment"),
        **every("boolean", "IsInactive", "IsDefaultContactPerson", "IsContactPersonExternallyMaintained"),
        **every("memo", "Notes"),
        **read_only(every("datetime", "LastEditDateTime")),
    },
)
