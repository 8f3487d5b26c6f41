"""Display values of financial dimensions, and the other transforms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.dynamics_fo.config import DimensionFormat
from headrace.connectors.dynamics_fo.dimensions import (
    check_display_value,
    display_value,
    same_display_value,
    segments,
)
from headrace.connectors.dynamics_fo.transforms import transforms
from headrace.core.errors import RejectRecord

LAYOUT = DimensionFormat(dimensions=["Department", "CostCenter", "BusinessUnit"], aliases={"Sector": "BusinessUnit"})


def pairs(**values: str | None) -> list[dict[str, str | None]]:
    return [{"name": name.replace("__", " "), "value": value} for name, value in values.items()]


class TestDisplayValue:
    @pytest.mark.parametrize(
        ("values", "text"),
        [
            (pairs(BusinessUnit="001", Department="022"), "022--001"),
            (pairs(Cost__center="7", department="22"), "22-7-"),
            (pairs(Sector="9"), "--9"),
            (pairs(CostCenter="US-101"), "-US\\-101-"),
            (pairs(CostCenter=None), None),
            (pairs(CostCenter="", Department="1"), "1--"),
            ([], None),
            (None, None),
        ],
    )
    def test_order_and_escaping(self, values: list[dict[str, str]] | None, text: str | None) -> None:
        assert display_value(values, LAYOUT) == text

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (pairs(Project="1"), "unknown dimension"),
            (pairs(CostCenter="1", Cost__center="2"), "dimension given twice"),
            (pairs(CostCenter="a\\b"), "dimension cannot be written"),
        ],
    )
    def test_what_cannot_be_written_is_rejected(self, values: list[dict[str, str]], reason: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            display_value(values, LAYOUT)
        assert caught.value.reason == reason

    def test_dimensions_without_a_format_are_never_dropped(self) -> None:
        with pytest.raises(RejectRecord, match="dimension_format"):
            display_value(pairs(CostCenter="1"), None)

    @given(st.lists(st.text(alphabet="ab-|1 é", max_size=5).map(str.strip), min_size=3, max_size=3))
    def test_segments_undo_it(self, values: list[str]) -> None:
        text = display_value(
            [{"name": name, "value": value} for name, value in zip(LAYOUT.dimensions, values, strict=True)], LAYOUT
        )
        if text is None:
            assert not any(values)
            return
        assert segments(text, "-") == values
        check_display_value("DefaultLedgerDimensionDisplayValue", text, LAYOUT)

    @pytest.mark.parametrize("text", ["022-007", "022-007-001-9", "US-101-022-007", "022- 007-1", "022-a\\b-1"])
    def test_a_wrong_form_is_found_before_the_call(self, text: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            check_display_value("DefaultDimensionDisplayValue", text, LAYOUT)
        assert caught.value.reason == "wrong dimension format"

    def test_empty_values_at_the_end_do_not_count(self) -> None:
        assert same_display_value("022-007-", "022-007", "-")
        assert same_display_value("a--", "A", "-")
        assert not same_display_value("022--007", "022-007", "-")


def test_names_are_known_without_a_configuration() -> None:
    assert set(transforms()) == set(transforms(None)) >= {"dimension_display_value", "order_total"}
    assert transforms()["dimension_display_value"](values=[]) is None
