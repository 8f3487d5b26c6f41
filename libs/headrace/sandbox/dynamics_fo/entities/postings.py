"""What posting leaves behind: journals, subledger, bank and general ledger; read-only, under the tables' field names.

The service shows these tables as BI entities only, so the sandbox keeps them under those names.
"""

from __future__ import annotations

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

_MODIFIED, _CREATED = Property("SysModifiedDateTime", "moment"), Property("CreatedOn", "moment")
_CLOCKS = {"SysModifiedDateTime": "@modified", "CreatedOn": "@created"}


def _table(
    table: str,
    label: str,
    *properties: Property,
    clocks: tuple[Property, ...] = (_MODIFIED, _CREATED),
    indexed: tuple[str, ...] = (),
    sequences: tuple[Sequence, ...] = (),
    company: bool = True,
) -> Entity:
    fields = (*((COMPANY,) if company else ()), Property("SourceKey", "int64"), *properties, *clocks)
    return Entity(
        set=f"{table}BiEntities",
        type=f"{table}BiEntity",
        aot=f"{table}BiEntity",
        table=table,
        label=label,
        category="Transaction",
        key=("dataAreaId", "SourceKey") if company else ("SourceKey",),
        record_key="SourceKey",
        read_only=True,
        indexed=indexed,
        sequences=sequences,
        source_fields={each.name: _CLOCKS.get(each.name, each.name) for each in fields},
        properties=fields,
    )


VENDOR_INVOICES = _table(
    "VendInvoiceJour",
    "Vendor invoices",
    *texts(20, "InvoiceId", "InvoiceAccount", "OrderAccount", "PurchId", "LedgerVoucher", "DocumentNum"),
    *texts(20, "InternalInvoiceId"),
    *texts(10, "VendGroup", "Payment", "TaxGroup"),
    text("CurrencyCode", 3),
    text("Description", 60),
    *dates("InvoiceDate", "DueDate", "DocumentDate", "ReceivedDate"),
    *decimals("InvoiceAmount", "InvoiceAmountMST", "SumTax", "SalesBalance", "Qty", "ExchRate"),
    *yes_no("InclTax", "Proforma"),
    indexed=("InvoiceId", "InvoiceAccount", "PurchId"),
    sequences=(Sequence("LedgerVoucher", "APIN######", "auto"),),
)

VENDOR_INVOICE_LINES = _table(
    "VendInvoiceTrans",
    "Vendor invoice lines",
    *texts(20, "InvoiceId", "PurchID", "OrigPurchId", "InternalInvoiceId", "ItemId"),
    *dates("InvoiceDate"),
    *decimals("LineNum", "Qty", "PurchPrice", "PriceUnit", "LineAmount", "LineAmountMST", "TaxAmount"),
    text("CurrencyCode", 3),
    text("PurchUnit", 10),
    text("Name", 1000),
    *texts(10, "TaxGroup", "TaxItemGroup"),
    Property("PurchaseLineLineNumber", "int64"),
    text("LedgerDimensionValuesJson", 1000),
    indexed=("InvoiceId", "PurchID"),
)

VENDOR_TRANSACTIONS = _table(
    "VendTrans",
    "Vendor transactions",
    *texts(20, "AccountNum", "Invoice", "Voucher", "LastSettleVoucher", "LastSettleAccountNum", "DocumentNum"),
    *texts(20, "PaymReference"),
    text("PaymId", 60),
    text("JournalNum", 10),
    text("Txt", 60),
    *texts(10, "PaymMode", "PaymTermId", "CompanyBankAccountId"),
    text("CurrencyCode", 3),
    text("LastSettleCompany", 4),
    choice("TransType", "LedgerTransType"),
    *dates("TransDate", "DueDate", "DocumentDate", "Closed", "LastSettleDate"),
    *decimals("AmountCur", "AmountMST", "SettleAmountCur", "SettleAmountMST", "ExchRate"),
    *yes_no("Approved", "Settlement", "Prepayment", "Cancel"),
    indexed=("AccountNum", "Invoice", "Voucher", "JournalNum"),
)

VENDOR_SETTLEMENTS = _table(
    "VendSettlement",
    "Vendor settlements",
    *texts(20, "AccountNum", "OffsetAccountNum", "OffsetTransVoucher", "SettlementVoucher"),
    *texts(4, "TransCompany", "OffsetCompany"),
    *dates("TransDate", "DueDate", "ClosedDate"),
    *decimals("SettleAmountCur", "SettleAmountMST", "UtilizedCashDisc"),
    *(Property(name, "int64") for name in ("TransRecId", "OffsetRecid")),
    choice("TransType", "LedgerTransType"),
    *yes_no("CanBeReversed"),
    clocks=(_CREATED,),
    indexed=("TransRecId", "OffsetTransVoucher"),
)

CUSTOMER_INVOICES = _table(
    "CustInvoiceJour",
    "Customer invoices",
    *texts(20, "InvoiceId", "InvoiceAccount", "OrderAccount", "SalesId", "LedgerVoucher"),
    text("CurrencyCode", 3),
    text("CustomerRef", 60),
    *dates("InvoiceDate", "DueDate"),
    *decimals("InvoiceAmount", "InvoiceAmountMST", "SumTax"),
    indexed=("InvoiceId",),
    sequences=(Sequence("InvoiceId", "FTI-########"), Sequence("LedgerVoucher", "ARIF######")),
)

BANK_TRANSACTIONS = _table(
    "BankAccountTrans",
    "Bank transactions",
    *texts(20, "Voucher", "ChequeNum", "PaymReference"),
    text("AccountId", 10),
    text("PaymentMode", 10),
    text("Txt", 60),
    *texts(3, "CurrencyCode", "BankTransCurrencyCode"),
    *dates("TransDate"),
    *decimals("AmountCur", "AmountMST", "BankTransAmountCur"),
    choice("LedgerTransType", "LedgerTransType"),
    *yes_no("Reconciled", "Cancel"),
    indexed=("AccountId", "Voucher"),
)

LEDGER_ENTRIES = _table(
    "GeneralJournalAccountEntry",
    "Voucher transactions",
    Property("GeneralJournalEntry", "int64"),
    Property("MainAccount", "int64"),
    text("LedgerAccount", 500),
    text("Text", 60),
    text("TransactionCurrencyCode", 3),
    *decimals("TransactionCurrencyAmount", "AccountingCurrencyAmount"),
    *yes_no("IsCredit"),
    clocks=(),
    indexed=("GeneralJournalEntry",),
    company=False,
)

GENERAL_JOURNAL = Entity(
    set="GeneralJournalEntryBiEntities",
    type="GeneralJournalEntryBiEntity",
    aot="GeneralJournalEntryBiEntity",
    table="GeneralJournalEntry",
    label="General journal",
    category="Transaction",
    key=("JournalNumber", "FiscalCalendarYear", "Ledger"),
    read_only=True,
    sequences=(Sequence("JournalNumber", "{company}-######", "auto"),),
    indexed=("SubledgerVoucher",),
    source_fields={
        **{name: name for name in ("JournalNumber", "FiscalCalendarYear", "Ledger", "SubledgerVoucher")},
        **{name: name for name in ("SubledgerVoucherDataAreaId", "AccountingDate", "DocumentDate", "JournalCategory")},
        "DocumentNumber": "DocumentNumber",
        "SourceKey": "@recid",
        "CreatedOn": "@created",
    },
    properties=(
        text("JournalNumber", 20),
        Property("FiscalCalendarYear", "int64"),
        Property("Ledger", "int64"),
        text("SubledgerVoucher", 20),
        text("SubledgerVoucherDataAreaId", 4),
        *dates("AccountingDate", "DocumentDate"),
        text("DocumentNumber", 20),
        choice("JournalCategory", "LedgerTransType"),
        Property("SourceKey", "int64"),
        _CREATED,
    ),
)

JOURNALS = Entity(
    set="LedgerJournalTableBiEntities",
    type="LedgerJournalTableBiEntity",
    aot="LedgerJournalTableBiEntity",
    table="LedgerJournalTable",
    label="Ledger journal table",
    category="Transaction",
    key=("dataAreaId", "JournalNum"),
    read_only=True,
    indexed=("JournalNum",),
    properties=(
        COMPANY,
        text("JournalNum", 10),
        text("JournalName", 10),
        text("Name", 60),
        choice("JournalType", "LedgerJournalType"),
        text("CurrencyCode", 3),
        text("IntegrationKey", 60),
        *yes_no("Posted"),
        *moments("PostedDateTime"),
        Property("NumOfLines", "int32"),
        *decimals("JournalTotalDebit", "JournalTotalCredit", "JournalBalance"),
        text("Log", 1000),
    ),
)

ENTITIES = (
    VENDOR_INVOICES,
    VENDOR_INVOICE_LINES,
    VENDOR_TRANSACTIONS,
    VENDOR_SETTLEMENTS,
    CUSTOMER_INVOICES,
    BANK_TRANSACTIONS,
    LEDGER_ENTRIES,
    GENERAL_JOURNAL,
    JOURNALS,
)
