"""The objects of AvidXchange that are read and written: fields and types as data, under the names that mappings use.

Where the system itself keeps a field is said by `contract.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.core import attachments
from headrace.core.contracts import ObjectDescription

INVOICE, PAYMENT = "invoice", "payment"
VENDOR, CODE, ORDER = "vendor", "enterprise_code", "purchase_order"
LEGAL_ENTITY = "LegalEntity"
IS_ACTIVE = "IsActive"
CHANGED = "LastChangedDate"

DISTRIBUTION_FIELDS: Mapping[str, str] = {
    "LineNumber": "integer",
    "Amount": "decimal",
    "Description": "string",
    # of the enterprise codes
    "Account": "string",
    "Dimensions": "list",
}
DIMENSION_FIELDS: Mapping[str, str] = {"name": "string", "value": "string"}
REMITTANCE_FIELDS: Mapping[str, str] = {
    "InvoiceId": "string",
    "Number": "string",
    "Date": "date",
    "Gross": "decimal",
    "Discount": "decimal",
    "Net": "decimal",
}
ORDER_LINE_FIELDS: Mapping[str, str] = {
    "LineNumber": "integer",
    "ItemNumber": "string",
    "Description": "string",
    "Quantity": "decimal",
    "Unit": "string",
    "UnitPrice": "decimal",
    "Amount": "decimal",
}
_ADDRESS = ("Line1", "Line2", "City", "State", "PostalCode", "Country")


@dataclass(frozen=True, slots=True)
class Object:
    """One object.

    `key` names the fields that tell records apart, company first; empty for what is never written. `read` are fields
    that only the system sets. `path` and `list` are names under `paths` and `bulk` of the contract.
    """

    name: str
    fields: Mapping[str, str]
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    read: frozenset[str] = frozenset()
    path: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of nested records, which are written as a whole."""
        return tuple(dict.fromkeys(name.partition(".")[0] for name in self.fields if "." in name))

    @property
    def written(self) -> tuple[str, ...]:
        """Fields that can be written, without the company."""
        return tuple(name for name in self.fields if name not in self.read and name != LEGAL_ENTITY)

    def describe(self) -> ObjectDescription:
        """Return the description for mapping checks."""
        names = dict(self.fields)
        names |= dict.fromkeys(self.parts, "object")
        for part, fields in self.lists.items():
            names |= {part: "list", **{f"{part}[].{name}": word for name, word in fields.items()}}
        writable = frozenset({LEGAL_ENTITY, *self.written, *self.lists}) if self.key else frozenset()
        return ObjectDescription(self.name, names, writable=writable)


INVOICES = Object(
    name=INVOICE,
    fields={
        "Id": "integer",
        LEGAL_ENTITY: "string",
        "Number": "string",
        "InvoiceType": "string",
        "Status": "string",
        "VendorAccount": "string",
        "VendorAddressId": "string",
        "VendorName": "string",
        "AccountNo": "string",
        "InvoiceDate": "date",
        "InvoiceDueDate": "date",
        "GrossAmount": "decimal",
        "TaxAmount": "decimal",
        "FreightAmount": "decimal",
        "CurrencyCode": "string",
        "PONumber": "string",
        "Memo": "string",
        "IsDuplicateSuspect": "boolean",
        "HasImage": "boolean",
        # of the closed batch
        "BatchGUID": "string",
        "DateClosed": "datetime",
        "Released": "boolean",  # false once it left its batch; nobody knows of one that was read by its id
    },
    lists={
        "Distributions": {
            **DISTRIBUTION_FIELDS,
            **{f"Dimensions[].{name}": word for name, word in DIMENSION_FIELDS.items()},
        },
        "attachments": attachments.DESCRIBED,
    },
    path="invoices",
)

PAYMENTS = Object(
    name=PAYMENT,
    fields={
        "PaymentId": "integer",
        LEGAL_ENTITY: "string",
        "BatchId": "string",
        "VendorAccount": "string",
        "VendorName": "string",
        "PaymentAccount": "string",
        "Amount": "decimal",
        "CurrencyCode": "string",
        "PaymentDate": "date",
        "ClearedDate": "date",
        "SettledDate": "date",
        "VoidDate": "date",
        "Method": "string",
        "CheckNumber": "string",
        "AvidPayCheckNumber": "string",
        "AchTraceNumber": "string",
        "CardReference": "string",
        "Status": "string",
        "ReplacesPaymentId": "string",
        "ReplacedByPaymentId": "string",
        # told by the contract's words
        "State": "string",
        "PostingDate": "date",
        "MethodKind": "string",
        "ErrorReasons": "list",
    },
    lists={"Remittances": REMITTANCE_FIELDS},
    path="payments",
)

VENDORS = Object(
    name=VENDOR,
    fields={
        LEGAL_ENTITY: "string",
        "VendorID": "integer",
        "VendorExternalSystemID": "string",
        "VendorName": "string",
        "NameOnCheck": "string",
        "FedTaxId": "string",
        IS_ACTIVE: "boolean",
        "CurrencyCode": "string",
        "Email": "string",
        "Telephone1": "string",
        "Terms": "string",
        **{f"{part}.{name}": "string" for part in ("Address", "RemitToAddress") for name in _ADDRESS},
    },
    key=(LEGAL_ENTITY, "VendorExternalSystemID"),
    read=frozenset({"VendorID"}),
    path="vendors",
)

CODES = Object(
    name=CODE,
    fields={
        LEGAL_ENTITY: "string",
        "GroupName": "string",
        "CodeValue": "string",
        "Description": "string",
        IS_ACTIVE: "boolean",
    },
    key=(LEGAL_ENTITY, "GroupName", "CodeValue"),
    path="enterprise_codes",
)

ORDERS = Object(
    name=ORDER,
    fields={
        LEGAL_ENTITY: "string",
        "OrderNumber": "string",
        "VendorExternalSystemID": "string",
        "CurrencyCode": "string",
        "OrderDate": "date",
        "TotalAmount": "decimal",
        "Status": "string",
        IS_ACTIVE: "boolean",
    },
    lists={"LineItems": ORDER_LINE_FIELDS},
    key=(LEGAL_ENTITY, "OrderNumber"),
    path="purchase_orders",
)

MASTERS: Mapping[str, Object] = {each.name: each for each in (VENDORS, CODES)}
"""What is read to be compared with ours."""
READABLE: Mapping[str, Object] = {each.name: each for each in (INVOICES, PAYMENTS)} | dict(MASTERS)
WRITABLE: Mapping[str, Object] = {each.name: each for each in (VENDORS, CODES, ORDERS)}
OBJECTS: Mapping[str, ObjectDescription] = {
    each.name: each.describe() for each in (INVOICES, PAYMENTS, VENDORS, CODES, ORDERS)
}
"""What the connector declares to mappings."""
