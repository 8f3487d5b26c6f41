"""What is drawn by a seed number."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from headrace.sandbox.avidxchange.documents import InvoiceDocument, PaymentDocument
from headrace.sandbox.avidxchange.samples import draw_invoices, draw_payments

DAY = date(2026, 3, 2)
CODES = {"GL Account": ["601500", "605100"], "CostCenter": ["014"]}


def drawn(seed: int, count: int = 200) -> list[dict[str, Any]]:
    return draw_invoices(4811, ["V1", "V2", "V3"], CODES, count, seed, DAY)


def entered(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return invoices as the lab gives them, as far as payments look at them."""
    return [
        {
            "Id": number,
            "GrossAmount": sum(Decimal(each["Amount"]) for each in document["Distributions"]),
            "CurrencyCode": "USD",
            "BuyerVendor": {"VendorExternalSystemID": document["VendorExternalSystemID"], "VendorName": "x"},
        }
        for number, document in enumerate(documents)
    ]


def test_a_seed_draws_the_same_again() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    invoices = entered(drawn(7))
    assert draw_payments(invoices, 7) == draw_payments(invoices, 7)
    assert draw_payments(invoices, 7) != draw_payments(invoices, 8)


def test_invoices_have_variety_and_fit_the_lab() -> None:
    documents = [InvoiceDocument.model_validate(each) for each in drawn(1)]
    assert len({each.Number for each in documents}) == 200
    assert {each.VendorExternalSystemID for each in documents} == {"V1", "V2", "V3"}
    assert all([*line.codes] == [*CODES] for each in documents for line in each.Distributions)
    days = {date.fromisoformat(each.InvoiceDate or "") for each in documents}
    assert DAY - timedelta(days=60) <= min(days) < max(days) <= DAY
    memos = [each for each in documents if sum(line.Amount for line in each.Distributions) < 0]
    assert 0 < len(memos) < 30
    assert any(each.TaxAmount for each in documents)


def test_payments_pay_several_invoices_with_discounts_and_in_part() -> None:
    invoices = entered(drawn(1))
    gross = {each["Id"]: each["GrossAmount"] for each in invoices}
    payments = [PaymentDocument.model_validate(each) for each in draw_payments(invoices, 1)]
    lines = [line for each in payments for line in each.Remittances]
    paid = [line.InvoiceId for line in lines]
    assert len(paid) == len(set(paid))
    assert {each["Id"] for each in invoices if each["GrossAmount"] > 0} <= set(paid)
    assert max(len(each.Remittances) for each in payments) == 4
    assert any(line.Discount for line in lines)
    assert any(0 < (line.Gross or 0) < gross[line.InvoiceId] for line in lines if line.InvoiceId is not None)
    assert all(sum((line.Gross or 0) - line.Discount for line in each.Remittances) > 0 for each in payments)


def test_nothing_is_drawn_from_nothing() -> None:
    for vendors, codes in (([], CODES), (["V1"], {}), (["V1"], {"GL Account": []})):
        with pytest.raises(ValueError, match="push or seed them first"):
            draw_invoices(4811, vendors, codes, 1, 1, DAY)
