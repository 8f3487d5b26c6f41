"""Vendor invoices: pending ones with lines and documents, which are written, and posted ones, which are read.

A pending invoice vanishes from its set when somebody posts it, and is then found among the posted ones alone, without
its `HeaderReference`. Source: Microsoft, "Vendor invoice header" and "Vendor invoice line" entities.
"""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    LEDGER_ACCOUNT,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

HEADER_REFERENCE = "HeaderReference"
POSTED = "@posted"
"""Stands in the record of an invoice that was found posted."""

INVOICES = EntitySet(
    name="VendorInvoiceHeaders",
    key=(COMPANY, HEADER_REFERENCE),
    required=((HEADER_REFERENCE,), ("InvoiceAccount",), ("InvoiceNumber",)),
    keeps_dimensions=True,
    fields={
        **texts(4, COMPANY),
        **texts(20, HEADER_REFERENCE, "InvoiceAccount", "InvoiceNumber", "VendorAccount", "PurchaseOrderNumber"),
        **texts(20, "DocumentNumber", "PaymentId", "InvoiceGroup"),
        **texts(3, "Currency"),
        **texts(60, "InvoiceDescription"),
        **texts(10, "TermsOfPayment", "PaymentSchedule", "MethodOfPayment", "PaymentSpecification", "PaymentGroupCode"),
        **texts(10, "PostingProfile", "SalesTaxGroup", "CashDiscountCode"),
        **texts(25, "ApproverPersonnelNumber"),
        **every("date", "InvoiceDate", "Date", "DueDate", "InvoiceReceivedDate"),
        **every("decimal", "ImportedAmount", "ImportedSalesTax", "TotalDiscount", "CashDiscount"),
        **every("boolean", "IsPricesIncludeSalesTax", "OverrideSalesTax", "IsApproved", "IsOnHold"),
        "VendorInvoiceType": Field("enum", enum="PurchInvoiceType"),
        "VendorInvoiceReviewStatus": Field("enum", enum="VendInvoiceRequestStatus", read_only=True),
        "DimensionDisplayValue": DIMENSIONS,
    },
)

INVOICE_LINES = EntitySet(
    name="VendorInvoiceLines",
    key=(COMPANY, HEADER_REFERENCE, "InvoiceLineNumber"),
    required=((HEADER_REFERENCE,), ("InvoiceLineNumber",), ("Currency",)),
    keeps_dimensions=True,
    fields={
        **texts(4, COMPANY),
        **texts(20, HEADER_REFERENCE, "ItemNumber", "PurchaseOrder", "VendorAccount", "InvoiceAccount"),
        **every("decimal", "InvoiceLineNumber", "LineNumber"),
        **texts(3, "Currency"),
        **texts(60, "ProcurementCategoryName", "ProcurementCategoryHierarchyName"),
        "MainAccountDisplayValue": LEDGER_ACCOUNT,
        **every("decimal", "ReceiveNow", "UnitPrice", "PriceUnit", "NetAmount", "Amount", "Discount"),
        **every("decimal", "DiscountPercent"),
        **texts(10, "Unit", "SalesTaxGroup", "ItemSalesTax", "InventorySiteId", "InventoryWarehouseId"),
        **texts(1000, "LineDescription"),
        **every("integer", "PurchLineNumber"),
        **every("boolean", "CloseForReceipt"),
        "LineType": Field("enum", enum="PurchInvoiceLineType"),
        "DimensionDisplayValue": DIMENSIONS,
    },
)

INVOICE_DOCUMENTS = EntitySet(
    name="VendorInvoiceDocumentAttachments",
    key=(COMPANY, HEADER_REFERENCE),
    required=((HEADER_REFERENCE,), ("TypeId",), ("FileName",), ("FileContents",)),
    fields={
        **texts(4, COMPANY),
        **texts(20, HEADER_REFERENCE),
        **texts(10, "TypeId", "FileType"),
        **texts(254, "Name"),
        **texts(259, "FileName"),
        **every("memo", "Notes"),
        **every("binary", "FileContents"),  # written from a reference to stored content, and never read
        **every("boolean", "DefaultAttachment"),
        "Restriction": Field("enum", enum="DocuRestriction"),
    },
)

POSTED_INVOICES = EntitySet(
    name="VendInvoiceJourBiEntities",
    key=(COMPANY, "SourceKey"),
    creatable=False,
    fields=read_only(
        {
            **texts(4, COMPANY),
            **every("integer", "SourceKey"),
            **texts(20, "InvoiceId", "InvoiceAccount", "OrderAccount", "PurchId", "LedgerVoucher"),
            **texts(3, "CurrencyCode"),
            **every("date", "InvoiceDate", "DueDate"),
            **every("decimal", "InvoiceAmount"),
            **every("datetime", "SysModifiedDateTime"),
        }
    ),
)
