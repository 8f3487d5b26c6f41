"""Keys, filters and values on the wire."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.objects import (
    CUSTOMERS,
    DIMENSION_VALUES,
    INVOICE_DOCUMENTS,
    LINES,
    ORDERS,
    PAYMENT_LINES,
    PRODUCTS,
    SETTLED_INVOICES,
    Field,
)
from headrace.core.errors import RejectRecord
from headrace.platform import odata_text


class TestKeys:
    @pytest.mark.parametrize(
        ("number", "text"),
        [
            ("US-001", "CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')"),
            ("O'Hara", "CustomersV3(dataAreaId='usmf',CustomerAccount='O''Hara')"),
            ("a/b#c%d", "CustomersV3(dataAreaId='usmf',CustomerAccount='a%2Fb%23c%25d')"),
            ("Ä 1", "CustomersV3(dataAreaId='usmf',CustomerAccount='%C3%84%201')"),
        ],
    )
    def test_path_of_a_key(self, number: str, text: str) -> None:
        assert odata.key_path(CUSTOMERS, {"dataAreaId": "usmf", "CustomerAccount": number}) == text

    def test_a_short_key_is_refused_before_the_call(self) -> None:
        with pytest.raises(RejectRecord):
            odata.key_path(CUSTOMERS, {"dataAreaId": "usmf"})

    @given(st.text(min_size=1))
    def test_target_ids_come_back(self, number: str) -> None:
        text = odata.target_id(PRODUCTS, {"dataAreaId": "USMF", "ItemNumber": number, "SearchName": "x"})
        assert odata.parse_target_id(PRODUCTS, text) == {"dataAreaId": "usmf", "ItemNumber": number}

    @pytest.mark.parametrize("number", [1, Decimal("1"), Decimal("1.0"), Decimal("1.0000000000"), "1.00"])
    def test_an_id_spells_a_number_one_way(self, number: object) -> None:
        row = {"dataAreaId": "USMF", "JournalBatchNumber": "00010", "LineNumber": number}
        text = odata.target_id(PAYMENT_LINES, row)
        assert text == "dataAreaId=usmf,JournalBatchNumber=00010,LineNumber=1"
        path = odata.key_path(PAYMENT_LINES, odata.parse_target_id(PAYMENT_LINES, text))
        assert path.endswith("(dataAreaId='usmf',JournalBatchNumber='00010',LineNumber=1)")

    @pytest.mark.parametrize(
        ("number", "text"),
        [(Decimal(10), "10"), (Decimal("2.50"), "2.5"), (Decimal("1E+2"), "100")],
    )
    def test_no_number_becomes_an_exponent(self, number: Decimal, text: str) -> None:
        row = {"dataAreaId": "usmf", "JournalBatchNumber": "1", "LineNumber": number}
        assert odata.target_id(PAYMENT_LINES, row).endswith(f"LineNumber={text}")
        assert "E" not in odata.equals(PAYMENT_LINES, {"LineNumber": number}).removeprefix("LineNumber eq ")

    @pytest.mark.parametrize("day", [date(2026, 3, 31), "2026-03-31T12:00:00Z", "2026-03-31"])
    def test_an_id_spells_a_day_one_way_and_companies_in_lower_case(self, day: object) -> None:
        row = {
            "JournalLineCompany": "USMF",
            "JournalBatchNumber": "1",
            "JournalLineNumber": 1,
            "InvoiceNumber": "A-1",
            "InvoiceCompany": "DEMF",
            "InvoiceDueDate": day,
        }
        text = odata.target_id(SETTLED_INVOICES, row)
        assert text.startswith("JournalLineCompany=usmf,")
        assert text.endswith("InvoiceCompany=demf,InvoiceDueDate=2026-03-31")
        path = odata.key_path(SETTLED_INVOICES, odata.parse_target_id(SETTLED_INVOICES, text))
        assert path.endswith("InvoiceDueDate=2026-03-31T12:00:00Z)")

    @pytest.mark.parametrize("company", ["", None])
    def test_a_part_that_may_be_empty(self, company: str | None) -> None:
        key = {"FinancialDimension": "Department", "LegalEntityId": company, "DimensionValue": "022"}
        text = odata.target_id(DIMENSION_VALUES, key)
        assert text == "FinancialDimension=Department,LegalEntityId=,DimensionValue=022"
        path = odata.key_path(DIMENSION_VALUES, odata.parse_target_id(DIMENSION_VALUES, text))
        assert "LegalEntityId=''," in path

    def test_content_of_files_is_not_decoded(self) -> None:
        row = {"HeaderReference": "HR-1", "FileContents": "JVBERi0=", "@odata.etag": "x"}
        assert odata.decode_row(INVOICE_DOCUMENTS, row) == {"HeaderReference": "HR-1"}

    def test_an_id_of_something_else_is_refused(self) -> None:
        with pytest.raises(RejectRecord):
            odata.parse_target_id(PRODUCTS, "dataAreaId=usmf,CustomerAccount=1")


class TestFilters:
    def test_literals_by_kind(self) -> None:
        values = {
            "dataAreaId": "usmf",
            "OnHoldStatus": "All",
            "IsOneTimeCustomer": True,
            "CreditLimit": Decimal("1.50"),
            "NameAlias": "it's",
        }
        assert odata.equals(CUSTOMERS, values) == (
            "dataAreaId eq 'usmf' and OnHoldStatus eq Microsoft.Dynamics.DataEntities.CustVendorBlocked'All' and "
            "IsOneTimeCustomer eq Microsoft.Dynamics.DataEntities.NoYes'Yes' and CreditLimit eq 1.50 and "
            "NameAlias eq 'it''s'"
        )
        assert odata.equals(ORDERS, {"RequestedShippingDate": date(2026, 3, 2)}).endswith("eq 2026-03-02T12:00:00Z")

    def test_a_number_field_takes_no_expression(self) -> None:
        with pytest.raises(RejectRecord):
            odata.equals(LINES, {"LineNumber": "1 or true"})

    def test_any_of(self) -> None:
        assert odata_text.any_of(["a eq 1"]) == "a eq 1"
        assert odata_text.any_of(["a eq 1", "b eq 2"]) == "((a eq 1) or (b eq 2))"

    def test_every_read_crosses_companies(self) -> None:
        query = odata.Query("a eq 1", ("a", "b"), "a", 2, 4, True)
        assert query.parameters() == {
            "cross-company": "true",
            "$filter": "a eq 1",
            "$select": "a,b",
            "$orderby": "a",
            "$top": "2",
            "$skip": "4",
            "$count": "true",
        }

    def test_wildcards_and_collation(self) -> None:
        assert odata.is_wildcard("a*")
        assert not odata.is_wildcard("a")
        assert odata.same_text("Abc ", "aBC")
        assert not odata.same_text("abc", "abd")


class TestValues:
    @pytest.mark.parametrize(
        ("value", "kind", "wire"),
        [
            (date(2026, 3, 1), "date", "2026-03-01T12:00:00Z"),
            (datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2))), "date", "2026-03-02T12:00:00Z"),
            (datetime(2026, 3, 1, 8, tzinfo=timezone(timedelta(hours=2))), "datetime", "2026-03-01T06:00:00Z"),
            (True, "boolean", "Yes"),
            (False, "string", "No"),
            (Decimal("0.10"), "decimal", Decimal("0.10")),
            ("5", "decimal", Decimal(5)),  # as a part of an id has it
            ("-2.50", "decimal", Decimal("-2.50")),
            (None, "string", ""),
            (None, "date", odata.EMPTY_DATE),
            (None, "decimal", 0),
            (None, "boolean", "No"),
            ("Ünïcode 漢", "string", "Ünïcode 漢"),
        ],
    )
    def test_encode(self, value: object, kind: str, wire: object) -> None:
        assert odata.encode(value, Field(kind)) == wire  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (0.1, "decimal"),
            (Decimal("NaN"), "decimal"),
            ("x", "decimal"),
            ("maybe", "boolean"),
            ("soon", "date"),
            (datetime(2026, 1, 1), "datetime"),
        ],
    )
    def test_what_is_not_of_the_kind_is_refused(self, value: object, kind: str) -> None:
        with pytest.raises(RejectRecord):
            odata.encode(value, Field(kind))  # type: ignore[arg-type]

    def test_decode_turns_empty_forms_into_none(self) -> None:
        row = {
            "@odata.etag": 'W/"x"',
            "dataAreaId": "usmf",
            "SalesOrderName": "",
            "RequestedShippingDate": "2026-03-02T12:00:00Z",
            "ConfirmedShippingDate": "1900-01-01T00:00:00Z",
            "OrderCreationDateTime": "2154-12-31T23:59:59Z",
            "ArePricesIncludingSalesTax": "Yes",
            "SalesOrderStatus": "Backorder",
            "TotalDiscountAmount": Decimal("0.00"),
            "Custom_Guid": odata.EMPTY_GUID,
        }
        assert odata.decode_row(ORDERS, row) == {
            "dataAreaId": "usmf",
            "SalesOrderName": None,
            "RequestedShippingDate": date(2026, 3, 2),
            "ConfirmedShippingDate": None,
            "OrderCreationDateTime": None,
            "ArePricesIncludingSalesTax": True,
            "SalesOrderStatus": "Backorder",
            "TotalDiscountAmount": Decimal("0.00"),
            "Custom_Guid": None,
        }

    @given(st.dates(min_value=date(1901, 1, 1), max_value=date(2153, 12, 31)))
    def test_days_survive(self, day: date) -> None:
        field = Field("date")
        assert odata.decode(odata.encode(day, field), field) == day

    @given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2153, 1, 1), timezones=st.just(UTC)))
    def test_times_survive_to_the_second(self, moment: datetime) -> None:
        field = Field("datetime")
        assert odata.decode(odata.encode(moment, field), field) == moment.replace(microsecond=0)
