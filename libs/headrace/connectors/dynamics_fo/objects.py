"""The objects of Finance and Operations that are read and written: keys, fields, types and sizes as data.

Names and types are those of the service metadata of 2025; sizes are those of the predecessor product's data types and
can be raised in the configuration. `$metadata` itself names no sizes and marks every text as nullable, so neither can
be learnt from it. Source: Microsoft's data-entity pages (Customers V3, Sales order headers V2, Sales order lines V2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.core.contracts import ObjectDescription

NAMESPACE = "Microsoft.Dynamics.DataEntities"
"""Namespace of every enumeration in a filter literal."""

COMPANY = "dataAreaId"
STOPPED = "IsSalesProcessingStopped"

Kind = Literal["string", "memo", "decimal", "integer", "boolean", "enum", "date", "datetime"]
"""`boolean` is the enumeration NoYes, `memo` text without limit that no filter accepts, `date` a day at noon UTC."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind, its size as text, its enumeration type, and when it may be written."""

    kind: Kind
    size: int | None = None
    enum: str = ""
    read_only: bool = False
    dimension: bool = False


TEXT = Field("string")
"""What a field that is not declared here (an extension of a customer's own) is taken for."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One OData entity set. `required` lists, for a create, groups of fields of which one must be set."""

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    required: tuple[tuple[str, ...], ...] = ()
    pseudo: Mapping[str, Field] | None = None
    """Fields that F&O does not have: the target replaces them before it calls, or the source adds them."""
    creatable: bool = True

    @property
    def has_company(self) -> bool:
        """Whether its rows belong to legal entities; shared ones have no `dataAreaId`."""
        return COMPANY in self.key

    def field(self, name: str) -> Field:
        """Return the field; one that is not declared counts as plain text."""
        return self.fields.get(name, TEXT)

    def describe(self) -> ObjectDescription:
        """Return the description for mapping checks."""
        fields = {**self.fields, **(self.pseudo or {})}
        return ObjectDescription(
            name=self.name,
            fields={name: _WORDS.get(field.kind, field.kind) for name, field in fields.items()},
            writable=frozenset(name for name, field in fields.items() if not field.read_only),
        )


_WORDS = {"memo": "string", "enum": "string"}


def _texts(size: int, *names: str) -> dict[str, Field]:
    return {name: Field("string", size) for name in names}


def _all(kind: Kind, *names: str) -> dict[str, Field]:
    return {name: Field(kind) for name in names}


def _read_only(fields: Mapping[str, Field]) -> dict[str, Field]:
    return {name: Field(field.kind, field.size, field.enum, read_only=True) for name, field in fields.items()}


def _address(prefix: str, names: Iterable[str]) -> dict[str, Field]:
    return {f"{prefix}{name}": Field("string", _ADDRESS_SIZES[name]) for name in names}


_ADDRESS_SIZES = {
    "Description": 60,
    "Street": 250,
    "StreetNumber": 20,
    "City": 60,
    "ZipCode": 10,
    "State": 10,
    "StateId": 10,
    "County": 10,
    "CountyId": 10,
    "CountryRegionId": 10,
    "LocationId": 20,
    "Name": 60,
}
_CUSTOMER_ADDRESS = ("Description", "Street", "StreetNumber", "City", "ZipCode", "State", "County", "CountryRegionId")
_ORDER_ADDRESS = (
    "Name",
    "Description",
    "Street",
    "StreetNumber",
    "City",
    "ZipCode",
    "StateId",
    "CountyId",
    "CountryRegionId",
)
_DIMENSIONS = Field("string", 500, dimension=True)

CUSTOMERS = EntitySet(
    name="CustomersV3",
    key=(COMPANY, "CustomerAccount"),
    required=(("CustomerGroupId",), ("SalesCurrencyCode",), ("OrganizationName", "PersonFirstName", "PersonLastName")),
    fields={
        **_texts(4, COMPANY),
        **_texts(
            20, "CustomerAccount", "InvoiceAccount", "NameAlias", "TaxExemptNumber", "VendorAccount", "ContactPersonId"
        ),
        **_texts(10, "CustomerGroupId", "PaymentTerms", "PaymentMethod", "PaymentSchedule", "PaymentCashDiscount"),
        **_texts(10, "DeliveryTerms", "DeliveryMode", "SiteId", "WarehouseId", "SalesTaxGroup", "CreditRating"),
        **_texts(10, "DiscountPriceGroupId", "LineDiscountCode", "SalesSegmentId", "SalesDistrict"),
        **_texts(3, "SalesCurrencyCode"),
        **_texts(20, "PartyType"),
        **_texts(100, "OrganizationName"),
        **_texts(25, "PersonFirstName", "PersonMiddleName", "PersonLastName", "EmployeeResponsibleNumber"),
        **_texts(60, "KnownAs"),
        **_texts(7, "LanguageId"),
        **_texts(40, "PartyNumber"),
        **_address("Address", _CUSTOMER_ADDRESS),
        **_address("DeliveryAddress", _CUSTOMER_ADDRESS),
        **_read_only(_texts(250, "FullPrimaryAddress")),
        **_texts(255, "PrimaryContactEmail", "PrimaryContactPhone", "PrimaryContactFax", "PrimaryContactURL"),
        **_texts(50, "IdentificationNumber", "OrganizationNumber"),
        "OnHoldStatus": Field("enum", enum="CustVendorBlocked"),
        "InvoiceAddress": Field("enum", enum="InvoiceOrderAccount"),
        **_all("decimal", "CreditLimit"),
        **_all("boolean", "CreditLimitIsMandatory", "IsSalesTaxIncludedInPrices", "IsOneTimeCustomer"),
        **_all("memo", "SalesMemo"),
        "DefaultDimensionDisplayValue": _DIMENSIONS,
    },
)

CONTACTS = EntitySet(
    name="ContactPersons",
    key=(COMPANY, "ContactPersonId"),
    required=(("AssociatedPartyNumber", "AssociatedCustomer"), ("FirstName", "LastName", "ContactPersonName")),
    pseudo={"AssociatedCustomer": Field("string")},
    fields={
        **_texts(4, COMPANY),
        **_texts(20, "ContactPersonId"),
        **_texts(40, "AssociatedPartyNumber", "ContactPersonPartyNumber"),
        **_texts(25, "FirstName", "MiddleName", "LastName"),
        **_texts(100, "ContactPersonName"),
        **_texts(255, "PrimaryEmailAddress", "PrimaryPhoneNumber"),
        **_texts(60, "EmploymentJobTitle", "EmploymentDepartment"),
        **_all("boolean", "IsInactive", "IsDefaultContactPerson", "IsContactPersonExternallyMaintained"),
        **_all("memo", "Notes"),
        **_read_only(_all("datetime", "LastEditDateTime")),
    },
)

PRODUCTS = EntitySet(
    name="ReleasedProductsV2",
    key=(COMPANY, "ItemNumber"),
    creatable=False,  # a product is made and released through ReleasedProductCreationsV2
    fields={
        **_texts(4, COMPANY),
        **_texts(20, "ItemNumber", "SearchName", "PrimaryVendorAccountNumber"),
        **_texts(70, "ProductNumber"),
        **_texts(60, "ProductSearchName"),
        "ProductType": Field("enum", enum="EcoResProductType"),
        "ProductSubType": Field("enum", enum="EcoResProductSubtype"),
        **_texts(10, "ItemModelGroupId", "ProductGroupId", "BuyerGroupId"),
        **_texts(10, "InventoryUnitSymbol", "SalesUnitSymbol", "PurchaseUnitSymbol"),
        **_texts(10, "SalesSalesTaxItemGroupCode", "PurchaseSalesTaxItemGroupCode"),
        **_texts(20, "StorageDimensionGroupName", "TrackingDimensionGroupName", "ProductDimensionGroupName"),
        **_texts(20, "ProductLifecycleStateId"),
        **_all("decimal", "SalesPrice", "SalesPriceQuantity", "PurchasePrice", "PurchasePriceQuantity", "UnitCost"),
        **_all("decimal", "NetProductWeight"),
        **_all("date", "SalesPriceDate"),
        "DefaultLedgerDimensionDisplayValue": _DIMENSIONS,
    },
    # The shared product's texts, which the source reads from ProductsV2: a released product has no name of its own.
    # And whether it is stopped for sales, which its default order settings say.
    pseudo=_read_only({**_texts(60, "ProductName"), **_all("memo", "ProductDescription"), **_all("boolean", STOPPED)}),
)

ORDERS = EntitySet(
    name="SalesOrderHeadersV2",
    key=(COMPANY, "SalesOrderNumber"),
    required=(("OrderingCustomerAccountNumber",),),
    fields={
        **_texts(4, COMPANY),
        **_texts(20, "SalesOrderNumber", "OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber"),
        **_texts(20, "CustomerRequisitionNumber", "QuotationNumber", "CampaignId", "ProjectId", "ContactPersonId"),
        **_texts(60, "CustomersOrderReference", "SalesOrderName"),
        **_texts(3, "CurrencyCode"),
        **_texts(10, "SalesOrderOriginCode", "SalesOrderPoolId", "NumberSequenceGroupId"),
        **_texts(10, "DefaultShippingSiteId", "DefaultShippingWarehouseId", "DeliveryModeCode", "DeliveryTermsCode"),
        **_texts(10, "PaymentTermsName", "PaymentScheduleName", "CustomerPaymentMethodName", "CashDiscountCode"),
        **_texts(10, "SalesTaxGroupCode"),
        **_texts(255, "Email", "URL"),
        **_texts(7, "LanguageId"),
        **_texts(25, "OrderTakerPersonnelNumber", "OrderResponsiblePersonnelNumber"),
        **_address("DeliveryAddress", _ORDER_ADDRESS),
        **_read_only(_texts(250, "FormattedDelveryAddress")),
        **_all(
            "date", "RequestedShippingDate", "RequestedReceiptDate", "ConfirmedShippingDate", "ConfirmedReceiptDate"
        ),
        **_all("date", "FixedDueDate"),
        **_read_only(_all("datetime", "OrderCreationDateTime")),
        "SalesOrderStatus": Field("enum", enum="SalesStatus", read_only=True),
        "SalesOrderProcessingStatus": Field("enum", enum="SalesOrderProcessingStatus", read_only=True),
        "InventoryReservationMethod": Field("enum", enum="ItemReservation"),
        **_all("boolean", "IsSalesProcessingStopped", "IsDeliveryAddressOrderSpecific", "ArePricesIncludingSalesTax"),
        **_all("boolean", "SkipCreateAutoCharges", "OverrideSalesTax"),
        **_read_only(_all("boolean", "AreTotalsCalculated")),
        **_all("decimal", "TotalDiscountPercentage", "TotalDiscountAmount", "FixedExchangeRate"),
        **_read_only(_all("decimal", "OrderTotalAmount", "OrderTotalTaxAmount", "OrderTotalDiscountAmount")),
        "DefaultLedgerDimensionDisplayValue": _DIMENSIONS,
    },
)

LINES = EntitySet(
    name="SalesOrderLines",
    key=(COMPANY, "InventoryLotId"),
    required=(("SalesOrderNumber",), ("ItemNumber", "SalesProductCategoryName")),
    fields={
        **_texts(4, COMPANY),
        **_texts(
            20, "InventoryLotId", "SalesOrderNumber", "ItemNumber", "ExternalItemNumber", "CustomerRequisitionNumber"
        ),
        **_texts(20, "ProjectId", "ProjectCategoryId"),
        **_texts(60, "SalesProductCategoryName", "OrderLineReference"),
        **_texts(1000, "LineDescription"),
        **_texts(3, "CurrencyCode"),
        **_texts(
            10, "SalesUnitSymbol", "ShippingSiteId", "ShippingWarehouseId", "SalesTaxGroupCode", "SalesTaxItemGroupCode"
        ),
        **_texts(10, "ProductColorId", "ProductSizeId", "ProductStyleId"),
        **_texts(50, "ProductConfigurationId", "ProductVersionId"),
        **_all("decimal", "OrderedSalesQuantity", "SalesPrice", "SalesPriceQuantity", "LineAmount", "LineNumber"),
        **_all(
            "decimal", "LineDiscountAmount", "LineDiscountPercentage", "MultilineDiscountAmount", "FixedPriceCharges"
        ),
        **_all("integer", "LineCreationSequenceNumber", "CustomersLineNumber"),
        **_all(
            "date", "RequestedShippingDate", "RequestedReceiptDate", "ConfirmedShippingDate", "ConfirmedReceiptDate"
        ),
        "SalesOrderLineStatus": Field("enum", enum="SalesStatus", read_only=True),
        **_all("boolean", "IsLineStopped", "IsPriceLocked", "CalculateLineAmount"),
        **_texts(20, "MainAccountIdDisplayValue"),
        "DefaultLedgerDimensionDisplayValue": _DIMENSIONS,
    },
)

RATES = EntitySet(
    name="ExchangeRates",
    key=("RateTypeName", "FromCurrency", "ToCurrency", "StartDate"),
    creatable=False,  # rates are kept in the ERP; here they are only read
    fields={
        **_read_only(_texts(20, "RateTypeName")),
        **_read_only(_texts(3, "FromCurrency", "ToCurrency")),
        **_read_only(_all("date", "StartDate", "EndDate")),
        **_read_only(_all("decimal", "Rate")),
        "ConversionFactor": Field("enum", enum="ExchangeRateDisplayFactor", read_only=True),
    },
)

ENTITY_SETS: Mapping[str, EntitySet] = {
    each.name: each for each in (CUSTOMERS, CONTACTS, PRODUCTS, ORDERS, LINES, RATES)
}
OBJECTS: Mapping[str, ObjectDescription] = {name: each.describe() for name, each in ENTITY_SETS.items()}
