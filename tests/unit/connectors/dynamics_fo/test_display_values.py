"""Main accounts and account numbers as display values, and what is in force."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import ledger_value
from headrace.connectors.dynamics_fo.display_values import DisplayValues
from headrace.connectors.dynamics_fo.objects import CUSTOMERS, PAYMENT_LINES, SETTLED_INVOICES
from headrace.connectors.dynamics_fo.transforms import transforms
from headrace.core.errors import RejectRecord
from headrace.platform.settings import checked

LEDGER = DimensionFormat(dimensions=["MainAccount", "Department", "CostCenter"], aliases={"Cost center": "CostCenter"})
DIMENSIONS = [{"name": "Cost center", "value": "0-7"}]


def config(**changes: Any) -> DynamicsFoConfig:
    values = {
        "environment_url": "https://contoso.operations.dynamics.com",
        "tenant_id": "contoso",
        "client_id": "app",
        "client_secret": "not-a-secret",
        "legal_entities": ["usmf"],
        "ledger_format": LEDGER.model_dump(),
        **changes,
    }
    return checked(DynamicsFoConfig, values, "erp")


class TestLedger:
    @pytest.mark.parametrize(
        ("account", "dimensions", "text"),
        [
            ("601500", DIMENSIONS, "601500--0\\-7"),
            ("601500", None, "601500--"),
            (" 60-1 ", [], "60\\-1--"),
            ("", DIMENSIONS, None),
            (None, DIMENSIONS, None),
        ],
    )
    def test_account_and_dimensions_in_the_order_of_the_format(
        self, account: str | None, dimensions: list[dict[str, str]] | None, text: str | None
    ) -> None:
        assert ledger_value(account, dimensions, LEDGER) == text
        assert transforms(config())["ledger_display_value"](account=account, values=dimensions) == text

    def test_what_cannot_be_written_is_rejected(self) -> None:
        with pytest.raises(RejectRecord, match="ledger_format"):
            ledger_value("601500", [], None)
        with pytest.raises(RejectRecord) as caught:
            ledger_value("601500", [{"name": "Project", "value": "1"}], LEDGER)
        assert caught.value.reason == "unknown dimension"
        assert "ledger_format" in caught.value.detail


class TestAccounts:
    @given(st.text(alphabet="AB-1 ", min_size=1))
    def test_an_escaped_number_comes_back(self, number: str) -> None:
        display = DisplayValues(config())
        wire = display.wire(PAYMENT_LINES, {"AccountType": "Vend", "AccountDisplayValue": number})
        assert wire["AccountDisplayValue"].replace("\\-", "") == number.replace("-", "")
        assert display.plain(PAYMENT_LINES, wire)["AccountDisplayValue"] == number

    @pytest.mark.parametrize(
        ("fields", "wire"),
        [
            ({"AccountDisplayValue": "US-101"}, "US\\-101"),
            ({"AccountDisplayValue": "US-101", "AccountType": "Cust"}, "US\\-101"),
            ({"AccountDisplayValue": "601500-022-", "AccountType": "Ledger"}, "601500-022-"),
            ({"AccountDisplayValue": None}, None),
        ],
    )
    def test_the_kind_of_account_decides(self, fields: dict[str, Any], wire: str | None) -> None:
        assert DisplayValues(config()).wire(PAYMENT_LINES, fields)["AccountDisplayValue"] == wire

    def test_the_delimiter_is_that_of_the_format(self) -> None:
        bar = {"dimensions": ["MainAccount"], "delimiter": "|"}
        display = DisplayValues(config(ledger_format=bar))
        assert display.wire(SETTLED_INVOICES, {"AccountDisplayValue": "US-1|2"}) == {"AccountDisplayValue": "US-1\\|2"}

    def test_other_texts_are_left_alone(self) -> None:
        fields = {"CustomerAccount": "US-101", "DefaultDimensionDisplayValue": "022-007"}
        assert DisplayValues(config()).wire(CUSTOMERS, fields) == fields


class TestInForce:
    @pytest.mark.parametrize(
        ("record", "expected"),
        [
            ({}, True),
            ({"suspended": None, "manual": False}, True),
            ({"suspended": True}, False),
            ({"suspended": False, "manual": True}, False),
            ({"active_from": date(2026, 3, 1)}, True),
            ({"active_from": date(2026, 3, 2)}, False),
            ({"active_to": date(2026, 3, 1)}, True),
            ({"active_to": date(2026, 2, 28)}, False),
            ({"active_from": date(2026, 1, 1), "active_to": date(2026, 12, 31), "suspended": False}, True),
        ],
    )
    def test_on_a_day(self, record: dict[str, Any], expected: bool) -> None:
        assert transforms(config(), lambda: date(2026, 3, 1))["in_force"](**record) is expected
