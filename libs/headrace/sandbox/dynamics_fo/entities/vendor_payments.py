"""Vendor payment journals: headers, lines, and the invoices that a line settles."""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import (
    COMPANY,
    Entity,
    Navigation,
    Property,
    Sequence,
    choice,
    dates,
    decimals,
    text,
    texts,
    yes_no,
)

HEADERS = Entity(
    set="VendorPaymentJournalHeaders",
    type="VendorPaymentJournalHeader",
    aot="VendorPaymentJournalHeaderEntity",
    table="LedgerJournalTable",
    label="Ledger journal table",
    category="Transaction",
    key=("dataAreaId", "JournalBatchNumber"),
    sequences=(Sequence("JournalBatchNumber", "#####", "auto"),),
    indexed=("JournalBatchNumber", "Description"),
    navigations=(
        Navigation("VendorPaymentJournalLine", "VendorPaymentJournalLines", "JournalBatchNumber", "JournalBatchNumber"),
    ),
    properties=(
        COMPANY,
        text("JournalBatchNumber", 10, label="Journal batch number"),
        text("JournalName", 10, label="Name", required=True, lookup=lookups.JOURNAL_NAME),
        text("Description", 60, label="Description"),
        *yes_no("IsPosted", read_only=True),
        *yes_no("OverrideSalesTax"),
        *(Property(name, "int64") for name in ("ChargeBearer", "CategoryPurpose", "ServiceLevel")),
    ),
)

LINES = Entity(
    set="VendorPaymentJournalLines",
    type="VendorPaymentJournalLine",
    aot="VendorPaymentJournalLineEntity",
    table="LedgerJournalTrans",
    label="Journal lines",
    category="Transaction",
    key=("dataAreaId", "JournalBatchNumber", "LineNumber"),
    data_sources=2,
    sequences=(Sequence("Voucher", "APPM######", "both"),),
    indexed=("JournalBatchNumber", "PaymentReference", "PaymentId"),
    properties=(
        COMPANY,
        text("JournalBatchNumber", 10, label="Journal batch number", required=True, lookup=lookups.PAYMENT_JOURNAL),
        Property("LineNumber", "decimal", label="Line number"),
        choice("AccountType", "LedgerJournalACType", label="Account type"),
        text("AccountDisplayValue", 500, label="Account", required=True),
        text("VendorName", 100, read_only=True),
        *dates("TransactionDate"),
        text("CurrencyCode", 3, label="Currency", required=True, lookup=lookups.CURRENCY),
        *decimals("DebitAmount", "CreditAmount", "ExchangeRate"),
        choice("OffsetAccountType", "LedgerJournalACType", label="Offset account type"),
        text("OffsetAccountDisplayValue", 500, label="Offset account"),
        *texts(4, "Company", "OffsetCompany", "MarkedInvoiceCompany"),
        text("PaymentMethodName", 10, label="Method of payment", lookup=lookups.VENDOR_PAYMENT_METHOD),
        *texts(10, "PaymentSpecification", "BankTransactionType", "ThirdPartyBankAccountId", "PostingProfile"),
        text("PaymentReference", 20, label="Payment reference"),
        text("PaymentId", 60, label="Payment ID"),
        text("CheckNumber", 20, label="Check number"),
        text("MarkedInvoice", 20, label="Invoice"),
        choice("SettleVoucher", "SettlementType"),
        *yes_no("IsPrepayment", "OverrideSalesTax"),
        text("TransactionText", 60, label="Description"),
        text("OffsetTransactionText", 60),
        text("Voucher", 20, label="Voucher"),
        text("DefaultDimensionsForAccountDisplayValue", 500, dimension="default"),
        text("DefaultDimensionsForOffsetAccountDisplayValue", 500, dimension="default"),
        text("FinTagDisplayValue", 500),
        text("ErrorCodePayment", 10),
        text("NewJournalBatchNumber", 10),
    ),
)

SETTLED_INVOICES = Entity(
    set="VendorPaymentJournalLineSettledInvoices",
    type="VendorPaymentJournalLineSettledInvoice",
    aot="VendorPaymentJournalLineSettledInvoiceEntity",
    table="SpecTrans",
    label="Marked invoices",
    category="Transaction",
    key=(
        "JournalLineCompany",
        "JournalBatchNumber",
        "JournalLineNumber",
        "InvoiceNumber",
        "InvoiceCompany",
        "InvoiceDueDate",
    ),
    data_sources=3,
    indexed=("JournalBatchNumber", "InvoiceNumber"),
    properties=(
        text("JournalLineCompany", 4, label="Company", required=True, lookup=lookups.LEGAL_ENTITY),
        text("JournalBatchNumber", 10, label="Journal batch number", required=True),
        Property("JournalLineNumber", "decimal", label="Line number"),
        text("InvoiceNumber", 20, label="Invoice", required=True),
        text("InvoiceCompany", 4, label="Invoice company", lookup=lookups.LEGAL_ENTITY),
        *dates("InvoiceDueDate"),
        *decimals("SettlementAmountInInvoiceCurrency", "CashDiscountToTakeInInvoiceCurrency"),
        *decimals("InvoiceToPaymentCrossRate"),
        text("invoiceAccount", 20, label="Invoice account"),
        text("AccountDisplayValue", 500, label="Account"),
    ),
)

ENTITIES = (HEADERS, LINES, SETTLED_INVOICES)
