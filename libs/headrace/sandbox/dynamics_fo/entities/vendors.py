"""Vendors, their addresses and bank accounts, and the reference data of accounts payable."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import (
    COMPANY,
    Entity,
    Property,
    Sequence,
    choice,
    dates,
    decimals,
    moments,
    text,
    texts,
    yes_no,
)


def _address() -> tuple[Property, ...]:
    """Return the parts of an address, named as vendors name them: not as customers do."""
    return (
        *texts(60, "AddressDescription", "AddressCity"),
        text("AddressStreet", 250),
        text("AddressStreetNumber", 20),
        *texts(10, "AddressZipCode", "AddressStateId", "AddressCountyId", "AddressCountryRegionId"),
        text("AddressLocationRoles", 250),
    )


VENDORS = Entity(
    set="VendorsV2",
    type="VendorV2",
    aot="VendVendorV2Entity",
    table="VendTable",
    label="Vendors",
    key=("dataAreaId", "VendorAccountNumber"),
    data_sources=4,
    sequences=(
        Sequence("VendorAccountNumber", "{company}-V######", "both"),
        Sequence("VendorPartyNumber", "P########", "both", first=70_000_000),
    ),
    indexed=("VendorAccountNumber", "TaxExemptNumber", "VendorPartyNumber"),
    properties=(
        COMPANY,
        text("VendorAccountNumber", 20, label="Vendor account"),
        text("VendorGroupId", 10, label="Group", required=True, lookup=lookups.VENDOR_GROUP),
        text("VendorOrganizationName", 100, label="Name"),
        text("VendorPartyType", 20, label="Party type", default="Organization"),
        *texts(25, "PersonFirstName", "PersonLastName"),
        text("CurrencyCode", 3, label="Currency", lookup=lookups.CURRENCY),
        text("VendorSearchName", 20, label="Search name"),
        *texts(60, "VendorKnownAsName"),
        text("VendorPartyNumber", 40, label="Party ID"),
        text("InvoiceVendorAccountNumber", 20, label="Invoice account", lookup=lookups.VENDOR),
        text("DefaultPaymentTermsName", 10, label="Terms of payment", lookup=lookups.PAYMENT_TERMS),
        text("DefaultVendorPaymentMethodName", 10, label="Method of payment", lookup=lookups.VENDOR_PAYMENT_METHOD),
        *texts(10, "DefaultPaymentScheduleName", "CashDiscountCode", "SalesTaxGroupCode", "BankAccountId"),
        *texts(20, "TaxExemptNumber", "OurAccountNumber"),
        *_address(),
        *moments("AddressValidFrom", "AddressValidTo"),
        text("AddressLocationId", 20),
        text("FormattedPrimaryAddress", 250, read_only=True),
        *texts(255, "PrimaryEmailAddress", "PrimaryPhoneNumber", "PrimaryURL"),
        *decimals("CreditLimit"),
        choice("OnHoldStatus", "CustVendorBlocked"),
        *moments("VendorHoldReleaseDate"),
        text("LanguageId", 7),
        *texts(50, "OrganizationNumber", "DUNSNumber"),
        text("DefaultLedgerDimensionDisplayValue", 500, dimension="default"),
        choice("DefaultOffsetAccountType", "LedgerJournalACType"),
        text("DefaultOffsetLedgerAccountDisplayValue", 500),
        text("Notes"),
        *yes_no("IsOneTimeVendor"),
    ),
)

ADDRESSES = Entity(
    set="VendVendorPostalAddresses",
    type="VendVendorPostalAddress",
    aot="VendVendorPostalAddressEntity",
    table="LogisticsPostalAddress",
    label="Vendor postal addresses",
    key=("dataAreaId", "VendorLegalEntityId", "VendorAccountNumber", "AddressLocationId", "AddressValidFrom"),
    data_sources=5,
    sequences=(Sequence("AddressLocationId", "#########", "both"),),
    indexed=("VendorAccountNumber",),
    properties=(
        COMPANY,
        text("VendorLegalEntityId", 4, label="Legal entity"),
        text("VendorAccountNumber", 20, label="Vendor account", required=True, lookup=lookups.VENDOR),
        text("AddressLocationId", 20, label="Location ID"),
        *moments("AddressValidFrom", "AddressValidTo"),
        *_address(),
        *texts(60, "AddressDistrictName", "BuildingCompliment", "AttentionToAddressLine"),
        text("AddressPostBox", 20),
        text("AddressCountryRegionISOCode", 2),
        text("FormattedAddress", 250, read_only=True),
        *yes_no("IsPrimary", "IsRoleBusiness", "IsRoleDelivery", "IsRoleHome", "IsRoleInvoice", "IsPrivate"),
    ),
)

GROUPS = Entity(
    set="VendorGroups",
    type="VendorGroup",
    aot="VendVendorGroupEntity",
    table="VendGroup",
    label="Vendor groups",
    key=("dataAreaId", "VendorGroupId"),
    properties=(
        COMPANY,
        text("VendorGroupId", 10, label="Vendor group", required=True),
        text("Description", 60),
        text("DefaultPaymentTermName", 10, label="Terms of payment", lookup=lookups.PAYMENT_TERMS),
        text("DefaultTaxGroupCode", 10),
    ),
)

PAYMENT_METHODS = Entity(
    set="VendorPaymentMethods",
    type="VendorPaymentMethod",
    aot="VendorPaymentMethodEntity",
    table="VendPaymModeTable",
    label="Methods of payment - vendors",
    category="Reference",
    key=("dataAreaId", "Name"),
    properties=(
        COMPANY,
        text("Name", 10, label="Method of payment", required=True),
        text("Description", 60),
        choice("PaymentType", "PaymentType"),
        choice("AccountType", "LedgerJournalACType", default="Bank"),
        text("PaymentAccountDisplayValue", 500, label="Payment account"),
        text("PaymentJournalName", 10),
    ),
)

BANK_ACCOUNTS_OF_VENDORS = Entity(
    set="VendorBankAccounts",
    type="VendorBankAccount",
    aot="VendVendorBankAccountEntity",
    table="VendBankAccount",
    label="Vendor bank accounts",
    key=("dataAreaId", "VendorAccountNumber", "VendorBankAccountId"),
    indexed=("VendorAccountNumber",),
    properties=(
        COMPANY,
        text("VendorAccountNumber", 20, label="Vendor account", required=True, lookup=lookups.VENDOR),
        text("VendorBankAccountId", 10, label="Bank account", required=True),
        text("BankName", 60),
        *texts(48, "BankAccountNumber", "IBAN"),
        *texts(20, "RoutingNumber", "SWIFTCode"),
        choice("BankAccountType", "BankAccountType"),
        text("CurrentCurrencyCode", 3, label="Currency", lookup=lookups.CURRENCY),
        *dates("ActiveDate", "ExpirationDate"),
        *yes_no("IsDefaultBankAccount"),
    ),
)

BANK_ACCOUNTS = Entity(
    set="BankAccounts",
    type="BankAccount",
    aot="BankBankAccountEntity",
    table="BankAccountTable",
    label="Bank accounts",
    key=("dataAreaId", "BankAccountId"),
    indexed=("BankAccountId",),
    properties=(
        COMPANY,
        text("BankAccountId", 10, label="Bank account", required=True),
        text("Name", 60),
        text("CurrencyCode", 3, label="Currency", required=True, lookup=lookups.CURRENCY),
        *texts(48, "AccountNumber", "IBAN"),
        *texts(20, "RoutingNumber", "SWIFTCode"),
        text("BankMainAccountIdDisplayValue", 500, label="Main account"),
        *yes_no("AllowTransactionsInAdditionalCurrencies"),
        *dates("ActiveFrom", "ActiveTo"),
    ),
)

PARAMETERS = Entity(
    set="VendorParameters",
    type="VendorParameter",
    aot="VendParametersEntity",
    table="VendParameters",
    label="Accounts payable parameters",
    category="Parameter",
    key=("dataAreaId",),
    properties=(
        COMPANY,
        choice("IsCheckInvoiceNumberUsed", "ReuseVoucher"),
        *yes_no("VendInvoiceInUseRecoverEnable"),
    ),
)

JOURNAL_NAMES = Entity(
    set="JournalNames",
    type="JournalName",
    aot="LedgerJournalNameEntity",
    table="LedgerJournalName",
    label="Journal names",
    category="Reference",
    key=("dataAreaId", "Name"),
    properties=(
        COMPANY,
        text("Name", 10, label="Name", required=True),
        text("Description", 60),
        choice("Type", "LedgerJournalType"),
        text("VoucherSeriesCode", 10),
        choice("OffsetAccountType", "LedgerJournalACType"),
        text("OffsetAccountDisplayValue", 500),
        text("Currency", 3, label="Currency", lookup=lookups.CURRENCY),
        *yes_no("IsApprovalActive", "IsWorkflowApprovalActive", "AllowOnlyPositiveDebitsAndCredits"),
        Property("PostingLineLimit", "int32"),
    ),
)

ENTITIES = (
    VENDORS,
    ADDRESSES,
    GROUPS,
    PAYMENT_METHODS,
    BANK_ACCOUNTS_OF_VENDORS,
    BANK_ACCOUNTS,
    PARAMETERS,
    JOURNAL_NAMES,
)
