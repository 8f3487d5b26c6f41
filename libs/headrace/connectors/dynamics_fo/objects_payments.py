"""Vendor payment journals: headers, lines, and the invoices that a line settles.

Amounts are positive, in a debit and a credit column; a line's number is a decimal that the service gives. Lines of one
journal change its totals, so they are written one after the other. Source: Microsoft, "Vendor payment journal line".
"""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    COMPANY,
    DIMENSIONS,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

JOURNAL_NUMBER = "JournalBatchNumber"

PAYMENT_JOURNALS = EntitySet(
    name="VendorPaymentJournalHeaders",
    key=(COMPANY, JOURNAL_NUMBER),
    required=(("JournalName",),),
    fields={
        **texts(4, COMPANY),
        **texts(10, JOURNAL_NUMBER, "JournalName"),
        **texts(60, "Description"),
        **read_only(every("boolean", "IsPosted")),
        **every("boolean", "OverrideSalesTax"),
    },
)

PAYMENT_LINES = EntitySet(
    name="VendorPaymentJournalLines",
    key=(COMPANY, JOURNAL_NUMBER, "LineNumber"),
    required=((JOURNAL_NUMBER,), ("AccountDisplayValue",), ("CurrencyCode",), ("DebitAmount", "CreditAmount")),
    keeps_dimensions=True,
    fields={
        **texts(4, COMPANY, "Company", "OffsetCompany", "MarkedInvoiceCompany"),
        **texts(10, JOURNAL_NUMBER),
        **every("decimal", "LineNumber"),
        "AccountType": Field("enum", enum="LedgerJournalACType"),
        "AccountDisplayValue": Field("string", 500, display="account", account_type=("AccountType", "Vend")),
        "OffsetAccountType": Field("enum", enum="LedgerJournalACType"),
        "OffsetAccountDisplayValue": Field(
            "string", 500, display="account", account_type=("OffsetAccountType", "Bank")
        ),
        **every("date", "TransactionDate"),
        **texts(3, "CurrencyCode"),
        **every("decimal", "DebitAmount", "CreditAmount", "ExchangeRate"),
        **texts(10, "PaymentMethodName", "PaymentSpecification", "BankTransactionType", "PostingProfile"),
        **texts(20, "PaymentReference", "CheckNumber", "MarkedInvoice"),
        **texts(60, "PaymentId", "TransactionText", "OffsetTransactionText"),
        "SettleVoucher": Field("enum", enum="SettlementType"),
        **every("boolean", "IsPrepayment"),
        **texts(20, "Voucher"),
        **read_only(texts(100, "VendorName")),
        **read_only(texts(10, "ErrorCodePayment")),
        "DefaultDimensionsForAccountDisplayValue": DIMENSIONS,
        "DefaultDimensionsForOffsetAccountDisplayValue": DIMENSIONS,
    },
)

SETTLED_INVOICES = EntitySet(
    name="VendorPaymentJournalLineSettledInvoices",
    key=(
        "JournalLineCompany",
        JOURNAL_NUMBER,
        "JournalLineNumber",
        "InvoiceNumber",
        "InvoiceCompany",
        "InvoiceDueDate",
    ),
    companies=("JournalLineCompany", "InvoiceCompany"),
    required=(
        ("JournalLineCompany",),
        (JOURNAL_NUMBER,),
        ("JournalLineNumber",),
        ("InvoiceNumber",),
        ("InvoiceCompany",),
        ("InvoiceDueDate", "invoiceAccount"),  # the due date of an invoice of a known vendor is looked up
        ("SettlementAmountInInvoiceCurrency",),
    ),
    fields={
        **texts(4, "JournalLineCompany", "InvoiceCompany"),
        **texts(10, JOURNAL_NUMBER),
        **every("decimal", "JournalLineNumber"),
        **texts(20, "InvoiceNumber", "invoiceAccount"),
        **every("date", "InvoiceDueDate"),
        **every("decimal", "SettlementAmountInInvoiceCurrency", "CashDiscountToTakeInInvoiceCurrency"),
        **every("decimal", "InvoiceToPaymentCrossRate"),
        "AccountDisplayValue": Field("string", 500, display="account", account_type=("", "Vend")),
    },
)
