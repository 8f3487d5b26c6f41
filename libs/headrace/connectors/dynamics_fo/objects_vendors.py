"""Vendors. Their bank accounts are not declared here, so nothing ever asks for them."""

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

_ADDRESS = ("Description", "Street", "StreetNumber", "City", "ZipCode", "StateId", "CountyId", "CountryRegionId")
REMIT_TO = "RemitTo"
OF_ORDER = "PurchaseOrderNumber"
REMIT_TO_PARTS = ("Street", "City", "ZipCode", "StateId", "CountryRegionId")

VENDORS = EntitySet(
    name="VendorsV2",
    key=(COMPANY, "VendorAccountNumber"),
    creatable=False,  # who is paid is decided in the ERP alone
    fields=read_only(
        {
            **texts(4, COMPANY),
            **texts(20, "VendorAccountNumber", "InvoiceVendorAccountNumber", "VendorSearchName", "TaxExemptNumber"),
            **texts(20, "VendorPartyType", "OurAccountNumber"),
            **texts(10, "VendorGroupId", "DefaultPaymentTermsName", "DefaultVendorPaymentMethodName"),
            **texts(10, "DefaultPaymentScheduleName", "CashDiscountCode", "SalesTaxGroupCode"),
            **texts(100, "VendorOrganizationName"),
            **texts(25, "PersonFirstName", "PersonLastName"),
            **texts(60, "VendorKnownAsName"),
            **texts(40, "VendorPartyNumber"),
            **texts(3, "CurrencyCode"),
            **texts(7, "LanguageId"),
            **texts(50, "OrganizationNumber", "DUNSNumber"),
            **address("Address", *_ADDRESS),
            **texts(255, "PrimaryEmailAddress", "PrimaryPhoneNumber", "PrimaryURL"),
            **every("decimal", "CreditLimit"),
            "OnHoldStatus": Field("enum", enum="CustVendorBlocked"),
            **every("datetime", "VendorHoldReleaseDate"),
            **every("boolean", "IsOneTimeVendor"),
            "DefaultLedgerDimensionDisplayValue": DIMENSIONS,
        }
    ),
    # The address that payments go to, which stands among the vendor's other addresses; and the order by which a vendor
    # is found (`natural_keys.py`).
    pseudo=read_only({**address(REMIT_TO, *REMIT_TO_PARTS), **texts(20, OF_ORDER)}),
)
