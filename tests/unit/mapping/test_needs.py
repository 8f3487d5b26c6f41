"""What mappings use of a system: names, places, the types that do, and constants."""

from collections.abc import Sequence

import pytest

from headrace.core.contracts import ObjectDescription
from headrace.core.needs import FieldNeed, Needs
from headrace.mapping.loading import parse
from headrace.mapping.needs import System, companies_of, needs_of

CANONICAL = {
    "customer": {
        "name": "string",
        "due_on": "date",
        "credit": "decimal",
        "tags": "list",
        "customer": "object",
        "customer.entity": "string",
        "customer.canonical_id": "string",
    }
}
SYSTEM = System(
    CANONICAL,
    {
        "account": ObjectDescription(
            "account", {"name": "string", "lines": "list", "lines[].price": "decimal"}, ["custom."]
        ),
        "item": ObjectDescription("item", {"number": "string"}),
    },
    ["shout"],
)
SINGLE = {"string", "integer", "decimal", "boolean", "date", "datetime"}


def used(text: str) -> dict[str, FieldNeed]:
    return {need.name: need for need in needs_of([parse(text, "it.yaml")], SYSTEM)}


def reading(fields: str, more: str = "") -> str:
    return f"direction: in\nsystem: books\nobject: account\nentity: customer\nversion: 1\n{more}\nfields: {fields}\n"


def writing(fields: str, more: str = "") -> str:
    step = f"{{step: one, object: account, marker: [custom.Mark], fields: {{custom.Mark: {{marker: 18}}, {fields}}}}}"
    return f"direction: out\nsystem: books\nentity: customer\nversion: 1\n{more}\nsteps: [{step}]\n"


class TestReading:
    def test_a_declared_field_has_its_type_and_place(self) -> None:
        need = used(reading("{name: {copy: name}}"))["name"]
        assert (need.object, need.where, need.types, need.writes) == ("account", "it.yaml:7", {"string"}, False)

    @pytest.mark.parametrize(
        ("fields", "types"),
        [
            ("{name: {copy: custom.X}}", {"string"}),
            ("{due_on: {copy: custom.X}}", {"date"}),
            ("{due_on: {copy: custom.X, as: date}}", {"string", "date", "datetime"}),
            ("{credit: {copy: custom.X}}", {"integer", "decimal"}),
            ("{name: {copy: custom.X, as: string}}", SINGLE),
            ("{tags: {copy: custom.X}}", {"list"}),
            ("{name: {join: [{copy: custom.X}, {copy: name}]}}", SINGLE),
            ("{name: {enum: {copy: custom.X, values: {a: b}}}}", SINGLE),
            ("{name: {first: [{copy: custom.X}, {copy: name}], max: 5}}", {"string"}),
            ("{name: {transform: shout, with: {of: {copy: custom.X}}}}", SINGLE | {"list", "object"}),
        ],
    )
    def test_the_types_that_do_for_a_field_that_nobody_declared(self, fields: str, types: set[str]) -> None:
        assert used(reading(fields))["custom.X"].types == types

    def test_a_field_that_is_read_twice_must_do_for_both(self) -> None:
        assert used(reading("{name: {copy: custom.X}, due_on: {copy: custom.X}}"))["custom.X"].types == set()

    def test_of_a_field_that_nothing_narrows_any_type_does(self) -> None:
        system = System(CANONICAL, {"account": ObjectDescription("account", {"name": "any"})}, [])
        (need,) = needs_of([parse(reading("{name: {copy: name}}"), "it.yaml")], system)
        assert need.types is None

    @pytest.mark.parametrize(
        "more",
        [
            "natural_keys: {tax: {copy: custom.X}}",
            "legal_entity: {first: [{copy: custom.X}, {const: usmf}]}",
            "when: {rule: {field: custom.X, in: [a]}}",
            "tables: {t: {a: b}}\nlegal_entity: {lookup: {table: t, key: {copy: custom.X}}}",
        ],
    )
    def test_what_is_compared_or_looked_up_is_one_value(self, more: str) -> None:
        assert used(reading("{name: {copy: name}}", more))["custom.X"].types <= SINGLE

    def test_fields_of_meta_are_no_fields_of_the_system(self) -> None:
        assert set(used(reading("{name: {first: [{copy: meta.connection}, {copy: name}]}}"))) == {"name"}

    def test_items_of_lists(self) -> None:
        assert "lines[].price" in used(reading("{credit: {copy: lines.0.price}}"))


class TestWriting:
    def test_marks_are_searched(self) -> None:
        found = used(writing("name: {copy: name}"))
        assert found["custom.Mark"].searched
        assert found["custom.Mark"].writes
        assert not found["name"].searched

    def test_a_type_into_which_the_value_fits(self) -> None:
        assert used(writing("custom.X: {copy: due_on}"))["custom.X"].types == {"date"}

    @pytest.mark.parametrize(
        ("expression", "values", "by_company"),
        [
            ("{const: 10}", ("10",), {}),
            ("{first: [{copy: name}, {const: a}, {const: null}]}", ("a",), {}),
            (
                "{cases: [{when: {field: name, in: [x]}, then: {const: a}}], otherwise: {const: b}}",
                ("a", "b"),
                {},
            ),
            ("{lookup: {table: t, key: {copy: name}, otherwise: {const: z}}}", ("EUR", "USD", "z"), {}),
            ("{lookup: {table: t, key: {copy: meta.legal_entity}}}", (), {"demf": "EUR", "usmf": "USD"}),
            ("{copy: name}", (), {}),
        ],
    )
    def test_constants(self, expression: str, values: Sequence[str], by_company: dict[str, str]) -> None:
        tables = "tables: {t: {DEMF: EUR, usmf: USD}}" if "table: t" in expression else ""
        need = used(writing(f"name: {expression}", tables))["name"]
        assert (tuple(need.values), need.by_company) == (tuple(values), by_company)

    def test_what_links_are_found_by(self) -> None:
        link = "{to: customer, object: item, part: number, by: {number: {copy: name}}}"
        need = used(writing(f"name: {{link: {link}}}"))["number"]
        assert (need.object, need.writes, need.searched) == ("item", False, True)


def test_companies_that_inward_mappings_name() -> None:
    text = "tables: {t: {A: usmf}}\nlegal_entity: {first: [{lookup: {table: t, key: {copy: name}}}, {const: DEMF}]}"
    assert companies_of([parse(reading("{name: {copy: name}}", text), "in.yaml")]) == {
        "usmf": "in.yaml:7",
        "demf": "in.yaml:7",
    }
    assert companies_of([parse(writing("name: {copy: name}"))]) == {}


def test_needs_are_asked_by_object() -> None:
    needs = Needs([FieldNeed("a", "x", "f:1"), FieldNeed("b", "y", "f:2", writes=True), FieldNeed("b", "z", "f:3")])
    assert needs.written == ["b"]
    assert [need.name for need in needs.of("b")] == ["y", "z"]
    assert [need.name for need in needs.of("b", writes=False)] == ["z"]
