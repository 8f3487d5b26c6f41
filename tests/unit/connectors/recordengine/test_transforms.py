"""Named functions of mappings, beside what cases show of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.transforms import file_name, party_key, transforms, upload_key, vendor_number
from headrace.core.errors import NeedsReview, RejectRecord


def functions(**changes: Any) -> Mapping[str, Callable[..., Any]]:
    given = {"base_url": "https://re.example.com", "api_token": "re_token", **changes}
    return transforms(RecordengineConfig.model_validate(given))


def test_without_a_configuration_there_are_the_same_names() -> None:
    assert set(transforms()) == set(functions())
    with pytest.raises(RejectRecord, match="configuration"):
        transforms()["amount"](text="1")


def test_amounts_that_cannot_be_read_name_field_and_remedy() -> None:
    with pytest.raises(RejectRecord, match=r"total_amount: '1,280'.*amounts.by_contact for contact 31") as caught:
        functions()["amount"](text="1,280", field="total_amount", contact=31)
    assert caught.value.reason == "amount cannot be read"


@pytest.mark.parametrize(
    ("text", "doc_type", "total", "amount"),
    [
        ("80.25", "Invoice", "1280.25", "80.25"),
        ("80.25", "credit note", "1280.25", "-80.25"),
        ("80.25", "Credit Note", "-1280.25", "80.25"),
        ("-20", "Credit Note", "1280.25", "20"),
        ("80.25", "Credit Note", None, "-80.25"),
        ("0", "Credit Note", None, "0"),
    ],
)
def test_a_credit_without_a_sign_counts_the_other_way(text: str, doc_type: str, total: str | None, amount: str) -> None:
    assert functions()["amount"](text=text, doc_type=doc_type, total=total) == Decimal(amount)


def test_totals_agree_to_a_cent_for_each_line() -> None:
    checked = functions()["checked_total"]
    two = [{"position": 1, "amount": "600.01"}, {"position": 2, "amount": "600.01"}]
    assert checked(total="1280.25", subtotal="1200.00", tax="80.25", lines=two) == Decimal("1280.25")
    assert checked(total="1280.26", subtotal="1200.00", tax="80.25") == Decimal("1280.26")
    assert checked(total="1200.00", lines=two[:1] * 2) == Decimal("1200.00"), "without tax, the lines are the total"
    assert checked(total="1280.25", tax="80.25", lines=two) == Decimal("1280.25"), "and with it nobody knows"
    assert checked(total="5", lines=[{"position": 1}]) == Decimal(5), "a line without an amount is not compared"
    with pytest.raises(NeedsReview) as caught:
        checked(total="1280.27", subtotal="1200.00", tax="80.25")
    assert caught.value.differences == {"total": ("1280.27", "1280.25")}


@pytest.mark.parametrize(
    ("quantity", "price", "amount", "agrees"),
    [
        ("3", "33.33", "99.99", True),
        ("3", "33.33", "100.00", True),
        ("3", "33.33", "100.02", False),
        ("1000", "0.333", "333.00", True),
        ("1000", "0.33", "333.00", True),
        ("2", "600.00", "1300.00", False),
    ],
)
def test_a_price_is_as_exact_as_its_last_digit(quantity: str, price: str, amount: str, agrees: bool) -> None:
    line = {"position": 1, "quantity": quantity, "unit_price": price, "amount": amount}
    if agrees:
        functions()["checked_total"](total=amount, lines=[line])
        return
    with pytest.raises(NeedsReview, match="line 1: quantity"):
        functions()["checked_total"](total=amount, lines=[line])


def test_days() -> None:
    found = functions(dates={"order": "dmy"})
    assert found["day"](text="02.03.2026") == date(2026, 3, 2)
    assert found["due_day"](text="02.03.2026", doc_type="Invoice", total="5") == date(2026, 3, 2)
    assert found["due_day"](text="02.03.2026", doc_type="Invoice", total="-5") is None
    with pytest.raises(RejectRecord, match=r"due_date: 'Upon receipt'.*no_value"):
        found["day"](text="Upon receipt", field="due_date")


def test_currencies() -> None:
    found = functions(currencies={"default": "USD", "by_company": {"demf": "EUR"}, "signs": {"€": "EUR"}})
    code = found["currency_code"]
    assert [code(text=each) for each in ("usd", "€", None, "")] == ["USD", "EUR", "USD", "USD"]
    assert code(company="DEMF") == "EUR"
    for sign in ("$", "¥", "Dollars"):
        with pytest.raises(RejectRecord, match=r"currencies\.signs"):
            code(text=sign)
    with pytest.raises(RejectRecord, match=r"currencies\.default"):
        functions()["currency_code"](text=None, company="usmf")


def test_accounts() -> None:
    found = functions(accounts={"default": "618160", "by_type": {"Receipt": "601500"}})
    assert [found["account_for"](doc_type=each) for each in ("receipt", "Invoice", None)] == [
        "601500",
        "618160",
        "618160",
    ]
    with pytest.raises(RejectRecord, match=r"accounts\.default"):
        functions()["account_for"](doc_type="Invoice")


FILING = {
    "default": {"contact": 1, "folder": 10},
    "by_type": {"opportunity": {"contact": 2, "folder": 20, "profile": 3}},
    "by_customer": {"Northwind": {"contact": 4, "folder": 40}, "10001": {"contact": 5, "folder": 50}},
}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"record_type": "opportunity"}, (2, 20, 3)),
        ({"record_type": "lead"}, (1, 10, None)),
        ({"record_type": "opportunity", "customer": "northwind "}, (4, 40, None)),
        ({"record_type": "opportunity", "customer": "Northwind", "number": "10001"}, (5, 50, None)),
        ({"record_type": "opportunity", "customer": "Contoso", "number": 7}, (2, 20, 3)),
    ],
)
def test_where_files_go(given: dict[str, Any], found: tuple[int, int, int | None]) -> None:
    bound = functions(filing=FILING)
    assert tuple(bound[name](**given) for name in ("contact_for", "folder_for", "profile_for")) == found


def test_files_with_no_place_are_told() -> None:
    with pytest.raises(RejectRecord, match=r"opportunity, customer Contoso.*filing.default"):
        functions()["contact_for"](record_type="opportunity", customer="Contoso")


def test_keys_of_uploads() -> None:
    key = upload_key("sales", "opportunity", "5B0E", "AB" * 32)
    assert key == upload_key("sales", "opportunity", "5b0e", "ab" * 32) == f"sales/opportunity/5b0e/{'ab' * 32}"
    with pytest.raises(RejectRecord):
        upload_key("sales", "opportunity", None, "ab")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Proposal.pdf", "Proposal.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a<b>:"c"|d?*.pdf', "a_b_c_d_.pdf"),
        ("Größe 提案.pdf", "Größe 提案.pdf"),
        ("line\r\nfeed.pdf", "line_feed.pdf"),
        (f"{'x' * 200}.pdf", f"{'x' * 116}.pdf"),
        ("x" * 200, "x" * 120),
        (" . ", None),
        (None, None),
    ],
)
def test_names_of_files(name: str | None, safe: str | None) -> None:
    assert file_name(name) == safe


def test_parties() -> None:
    assert party_key("Lakeside Plumbing, LLC") == party_key("LAKESIDE PLUMBING LLC")
    assert party_key(" ") is None
    assert vendor_number({"record_type": "VendorsV2", "record_id": "usmf|V00123"}) == "V00123"
    assert vendor_number({"record_type": "vendor", "record_id": "V00123"}) == "V00123"
    assert vendor_number({"record_type": "VendorInvoiceHeaders", "record_id": "usmf|INV-1"}) is None
    assert vendor_number(None) is None
