"""The F&O sandbox's pure parts: declarations, keys, filters, dimension strings, values."""

from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.dimensions import join, split
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES, stored_set
from headrace.sandbox.dynamics_fo.entities.enums import ENUM_VALUES, ENUMS
from headrace.sandbox.dynamics_fo.filters import compile_filter
from headrace.sandbox.dynamics_fo.paths import KeyRefused, key_predicate, parse_key, parse_path
from headrace.sandbox.dynamics_fo.rules import RULES
from headrace.sandbox.dynamics_fo.values import ValueRefused, parse_value

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")))


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.set)
def test_declarations_hold_together(entity):
    names = [field.name for field in entity.properties]
    assert len(names) == len(set(names))
    assert set(entity.key) | set(entity.indexed) | {each.field for each in entity.sequences} <= set(names)
    for field in entity.properties:
        assert field.kind != "enum" or field.enum in ENUMS
        if field.lookup is not None:
            for target in field.lookup.sets:
                assert field.lookup.field in ENTITIES[stored_set(ENTITIES[target])].by_name
    for navigation in entity.navigations:
        assert navigation.own_field in names
        assert navigation.target_field in ENTITIES[navigation.target_set].indexed
    if entity.view_of:
        plain = {name for name in entity.source_fields.values() if not name.startswith("@")}
        assert plain <= set(ENTITIES[entity.view_of].by_name)
        assert set(names) <= set(entity.source_fields)


def test_rules_and_enum_values_name_what_exists():
    assert set(RULES) <= set(ENTITIES)
    assert all(len(values) == len(ENUMS[name]) for name, values in ENUM_VALUES.items())


@given(account=TEXT)
def test_keys_survive_their_own_notation(account):
    entity = ENTITIES["CustomersV3"]
    key = {"dataAreaId": "usmf", "CustomerAccount": account}
    path = parse_path(unquote(f"CustomersV3{key_predicate(entity, key)}/KnownAs"))
    assert path is not None
    assert (parse_key(entity, path.key_text or ""), path.rest) == (key, "KnownAs")


def test_keys_of_other_types():
    rates = ENTITIES["ExchangeRates"]
    text = "RateTypeName='Default',FromCurrency='EUR',ToCurrency='USD',StartDate=2026-01-01T12:00:00Z"
    assert parse_key(rates, text)["StartDate"] == "2026-01-01T12:00:00Z"
    formats = ENTITIES["DimensionIntegrationFormats"]
    literal = "Microsoft.Dynamics.DataEntities.DimensionFormatType'DataEntityLedgerDimensionFormat'"
    key = parse_key(formats, f"DimensionFormatName='L',DimensionFormatType={literal}")
    assert key["DimensionFormatType"] == "DataEntityLedgerDimensionFormat"
    with pytest.raises(KeyRefused):
        parse_key(formats, "DimensionFormatName='L',DimensionFormatType='DataEntityLedgerDimensionFormat'")


@given(segments=st.lists(TEXT.filter(lambda text: "\\" not in text), min_size=1), by=st.sampled_from("-|"))
def test_dimension_strings_escape_their_delimiter(segments, by):
    assert split(join(segments, by), by) == segments


@given(name=TEXT)
def test_a_filter_finds_any_text(name):
    text = "OrganizationName eq '{}'".format(name.replace("'", "''"))
    if "*" in name or "\x01" in name:
        return
    record = Record("CustomersV3", "k", {"OrganizationName": name}, 1, NOW)
    found = compile_filter(ENTITIES["CustomersV3"], text, string_functions=False)
    assert found.predicate(record)
    assert found.equalities == {"OrganizationName": name}


def test_dates_in_filters_compare_as_moments():
    entity = ENTITIES["SalesTableBiEntities"]
    record = Record("SalesOrderHeadersV2", "k", {}, 1, datetime(2026, 3, 1, 10, 0, 0, 700_000, tzinfo=UTC))
    for text, expected in (
        ("SysModifiedDateTime ge 2026-03-01T10:00:00Z", True),
        ("SysModifiedDateTime gt 2026-03-01T10:00:00Z", False),
        ("SysModifiedDateTime gt 2026-03-01T10:59:59+01:00", True),
    ):
        assert compile_filter(entity, text, string_functions=False).predicate(record) is expected


def test_values_take_only_their_type():
    fields = ENTITIES["SalesOrderLines"].by_name
    assert parse_value(fields["SalesPrice"], 3) == Decimal(3)
    assert parse_value(fields["SalesPrice"], None) == 0
    assert parse_value(fields["RequestedShippingDate"], "2026-03-02") == "2026-03-02T12:00:00Z"
    for name, value in (
        ("SalesPrice", "3"),
        ("SalesPrice", True),
        ("CustomersLineNumber", 2**31),
        ("CustomersLineNumber", Decimal("1.5")),
        ("IsLineStopped", "yes"),
        ("IsLineStopped", 1),
        ("RequestedShippingDate", "2026-03-02T12:00:00"),
        ("ItemNumber", 1000),
    ):
        with pytest.raises(ValueRefused):
            parse_value(fields[name], value)
