"""Invoices to customers without an order: free text invoices, by the pair of entities whose key the client chooses.

`FreeTextInvoiceLines` hang on the RecId of a header that shows none, so `CDSFreeTextInvoiceHeaders` and
`CDSFreeTextInvoiceLines` are written: `ExternalInvoiceId` is key and mark. A posted one stays in its set with
`IsPosted`, and then has its number. Source: Microsoft's data-entity pages and the service metadata.
"""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DOCUMENT_NUMBER,
    LEDGER_ACCOUNT,
    TOTAL_AMOUNT,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

EXTERNAL_INVOICE = "ExternalInvoiceId"

CUSTOMER_INVOICES = EntitySet(
    name="CDSFreeTextInvoiceHeaders",
    key=(COMPANY, EXTERNAL_INVOICE),
    required=((EXTERNAL_INVOICE,), ("CustomerAccount",), ("InvoiceDate",)),
    fields={
        **texts(4, COMPANY),
        **texts(20, EXTERNAL_INVOICE, "CustomerAccount"),
        **read_only(texts(20, "FreeTextNumber")),
        **texts(60, "CustomerReference"),
        **texts(3, "CurrencyCode"),
        **texts(10, "TermsOfPayment"),
        **every("date", "InvoiceDate", "DueDate"),
        **read_only(every("boolean", "IsPosted")),
    },
    # What an invoice that is there already is known by; neither is written.
    pseudo={DOCUMENT_NUMBER: Field("string"), TOTAL_AMOUNT: Field("decimal")},
)

CUSTOMER_INVOICE_LINES = EntitySet(
    name="CDSFreeTextInvoiceLines",
    key=(COMPANY, EXTERNAL_INVOICE, "LineNumber"),
    required=((EXTERNAL_INVOICE,), ("LineNumber",), ("MainAccountDisplayValue",)),
    keeps_dimensions=True,
    fields={
        **texts(4, COMPANY),
        **texts(20, EXTERNAL_INVOICE),
        **every("decimal", "LineNumber", "Quantity", "UnitPrice", "TransactionCurrencyAmount"),
        **texts(60, "Description"),
        **texts(1000, "InvoiceText"),
        **texts(10, "SalesTaxGroupId", "SalesTaxItemGroupId"),
        "MainAccountDisplayValue": LEDGER_ACCOUNT,
    },
)
