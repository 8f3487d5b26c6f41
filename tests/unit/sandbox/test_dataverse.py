"""The Dataverse sandbox's pure parts: declarations, keys, annotations, values, wire forms."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.paths import RowKey, Segment, parse_key, parse_path, relative
from headrace.sandbox.dataverse.rows import FORMATTED, LOOKUP_TABLE, wanted_annotations
from headrace.sandbox.dataverse.rules import RULES
from headrace.sandbox.dataverse.tables.catalog import TABLES
from headrace.sandbox.dataverse.tables.model import AlternateKey
from headrace.sandbox.dataverse.tables.sales import LINES
from headrace.sandbox.dataverse.values import parse_value
from headrace.sandbox.dataverse.webhooks.delivery import address_of
from headrace.sandbox.dataverse.webhooks.wire import wire_time

ACCOUNT = TABLES["account"]
KEY = AlternateKey("new_number", ("accountnumber",))
KEYED = replace(ACCOUNT, keys=(KEY,))
SAFE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="/<>*%&:\\?+"))


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_declarations_hold_together(table):
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert table.by_name[table.key].kind == "guid"
    assert not table.primary_name or table.by_name[table.primary_name].kind == "string"
    assert set(table.frozen) <= {state.value for state in table.states}
    for column in table.columns:
        assert (column.kind in ("string", "memo")) == (column.size is not None)
        assert (column.kind == "lookup") == bool(column.targets)
        assert {target.table for target in column.targets} <= set(TABLES)
        assert len(column.targets) < 2 or column.type_column
        assert column.kind != "money" or column.name.endswith("_base") or f"{column.name}_base" in names


def test_sets_and_ways_back_are_unique():
    assert len({table.set for table in TABLES.values()}) == len(TABLES)
    ways = [
        (target.table, target.collection)
        for table in TABLES.values()
        for column in table.columns
        for target in column.targets
        if target.collection
    ]
    assert len(ways) == len(set(ways))


def test_rules_and_lines_name_what_exists():
    assert set(RULES) <= set(TABLES)
    assert all(TABLES[lines].by_name[lookup].targets[0].table == head for lines, (lookup, head) in LINES.items())


@given(number=SAFE)
def test_alternate_keys_survive_their_own_notation(number):
    shown = RowKey("", KEY, {"accountnumber": number}).shown(KEYED)
    (segment,) = parse_path(unquote(f"accounts({shown})"))
    assert segment.name == "accounts"
    assert parse_key(KEYED, segment.key or "", "2026-01-01T00:00:00Z").values == {"accountnumber": number}


def test_paths():
    assert parse_path("accounts(1)/Microsoft.Dynamics.CRM.X/$ref") == [
        Segment("accounts", "1"),
        Segment("Microsoft.Dynamics.CRM.X"),
        Segment("$ref"),
    ]
    assert parse_path("WhoAmI()") == [Segment("WhoAmI", "")]
    for address in ("/accounts(1)", "accounts(1)", "https://h/api/data/v9.2/accounts(1)", "/api/data/v9.2/accounts(1)"):
        assert relative(address) == "accounts(1)"


@pytest.mark.parametrize("text", ["", "nonsense", "accountnumber=5", "name='x'", "accountnumber='a/b'"])
def test_keys_that_are_none(text):
    with pytest.raises(ServiceError) as refused:
        parse_key(KEYED, text, "2026-01-01T00:00:00Z")
    assert refused.value.status == 400


def test_annotations_that_are_wanted():
    everything = wanted_annotations('odata.maxpagesize=5,odata.include-annotations="*"')
    assert everything(FORMATTED)
    some = wanted_annotations('odata.include-annotations="Microsoft.Dynamics.CRM.*"')
    assert (some(FORMATTED), some(LOOKUP_TABLE)) == (False, True)
    without = wanted_annotations(f'odata.include-annotations="-{FORMATTED},*"')
    assert (without(FORMATTED), without(LOOKUP_TABLE)) == (False, True)
    assert not wanted_annotations("")(FORMATTED)


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("revenue", Decimal("1.005"), Decimal("1.01")),
        ("revenue", 5, Decimal("5.00")),
        ("new_documentdate", "2026-01-31", "2026-01-31"),
        ("overriddencreatedon", "2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
        ("creditonhold", True, True),
        ("name", None, None),
        ("accountid", "AAAAAAAA-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000001"),
    ],
)
def test_values_are_kept_in_one_form(name, sent, kept):
    assert parse_value(ACCOUNT, ACCOUNT.by_name[name], sent) == kept


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("revenue", "5"),
        ("revenue", Decimal("1e20")),
        ("new_documentdate", "2026-01-31T00:00:00Z"),
        ("overriddencreatedon", "2026-01-31T10:00:00"),
        ("creditonhold", 1),
        ("numberofemployees", True),
        ("accountid", "x"),
    ],
)
def test_values_that_do_not_fit(name, sent):
    with pytest.raises(ServiceError) as refused:
        parse_value(ACCOUNT, ACCOUNT.by_name[name], sent)
    assert refused.value.status == 400


def test_times_on_the_wire():
    assert wire_time(datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)) == "/Date(1506384247000)/"


@pytest.mark.parametrize(
    ("kind", "value", "url", "headers"),
    [
        (4, "a b", "https://h/x?y=1&code=a+b", {}),
        (5, '<settings><setting name="k" value="v"/></settings>', "https://h/x?y=1", {"k": "v"}),
        (6, '<settings><setting name="k" value="v"/></settings>', "https://h/x?y=1&k=v", {}),
    ],
)
def test_addresses_of_webhooks(kind, value, url, headers):
    endpoint = {"url": "https://h/x?y=1", "authtype": kind, "#authvalue": value}
    assert address_of(endpoint) == (url, headers)
