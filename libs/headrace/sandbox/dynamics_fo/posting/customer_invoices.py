"""Posting a free text invoice: it gets its number and stays; a row in the invoice journal and a voucher appear."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_DATE
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.posting.vouchers import (
    RECEIVABLES,
    SALES_TAX,
    Entry,
    Voucher,
    accounting_amount,
    book,
)
from headrace.sandbox.dynamics_fo.rules import holds
from headrace.sandbox.dynamics_fo.rules.customer_invoices import HEADERS, check_open, invoice_lines
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.values import to_decimal

POSTED = "CustInvoiceJourBiEntities"


def post_customer_invoice(work: Work, header: Record) -> Record:
    """Post a free text invoice and return it as it is then.

    Raises:
        WriteRefused: a rule stops it; the caller's transaction undoes what was written.
    """
    check_open(header)
    data, lines = header.data, invoice_lines(work, header)
    company, currency = str(data["dataAreaId"]), str(data.get("CurrencyCode", ""))
    if not lines:
        raise WriteRefused(f"Error: Free text invoice {data['ExternalInvoiceId']} has no lines.")
    refused = holds.invoice_refused(work, data["CustomerAccount"], company, posting=True)
    if refused:
        raise WriteRefused(refused)
    date = str(data.get("InvoiceDate") or work.today)
    number, voucher = work.number(POSTED, "InvoiceId", company), work.number(POSTED, "LedgerVoucher", company)
    taxes = sum((_tax(work, line, currency) for line in lines), Decimal())
    total = sum((to_decimal(line.data.get("TransactionCurrencyAmount", 0)) for line in lines), taxes)
    work.insert(
        POSTED,
        {
            "dataAreaId": company,
            "InvoiceId": number,
            "InvoiceAccount": data["CustomerAccount"],
            "OrderAccount": data["CustomerAccount"],
            "LedgerVoucher": voucher,
            "CurrencyCode": currency,
            "CustomerRef": data.get("CustomerReference", ""),
            "InvoiceDate": date,
            "DueDate": data.get("DueDate", EMPTY_DATE),
            "InvoiceAmount": total,
            "InvoiceAmountMST": accounting_amount(work, company, currency, total, date),
            "SumTax": taxes,
        },
        work.note,
    )
    entries = [
        Entry(
            str(line.data["MainAccountDisplayValue"]),
            -to_decimal(line.data.get("TransactionCurrencyAmount", 0)),
            str(line.data.get("Description", "")),
        )
        for line in lines
    ]
    tax = [Entry(SALES_TAX, -taxes, profile=True)] if taxes else []
    owed = Entry(RECEIVABLES, total, number, profile=True)
    book(work, Voucher(voucher, company, date, currency, "Cust", number), [*entries, *tax, owed])
    return work.revise(HEADERS, header, {"IsPosted": "Yes", "FreeTextNumber": number}, work.note)


def _tax(work: Work, line: Record, currency: str) -> Decimal:
    rate = work.settings.item_tax_percent.get(str(line.data.get("SalesTaxItemGroupId", "")), Decimal()) / 100
    return to_currency(to_decimal(line.data.get("TransactionCurrencyAmount", 0)) * rate, currency)
