"""A mapping against the schema on one side and the system's objects on the other: every name exists, types fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.contracts import ObjectDescription
from headrace.core.spelling import closest
from headrace.mapping import expressions as ex
from headrace.mapping.checks import TargetTotal
from headrace.mapping.conditions import Condition
from headrace.mapping.documents import InMapping, OutMapping, Step
from headrace.mapping.loading import MappingDocument, Problem, dotted
from headrace.mapping.paths import Path
from headrace.mapping.typing_rules import ANY, Names, fits, literal_type, type_of
from headrace.mapping.walking import Location, walk

_META_TYPES = {"occurred_at": "datetime", "observed_at": "datetime", "modified_at": "datetime"} | {
    "deleted": "boolean",
    "own": "boolean",
    "told": "boolean",
    "asserted": "list",
}
_SCALARS = ("string", "integer", "decimal", "boolean", "date", "datetime")
_REFERENCE_PARTS = ("entity", "canonical_id")


def check(
    document: MappingDocument,
    canonical_fields: Mapping[str, str],
    objects: Mapping[str, ObjectDescription],
    transforms: Collection[str],
) -> list[Problem]:
    """Return everything wrong with a mapping, in the order of its lines; empty if it fits both sides.

    Args:
        document: a loaded mapping.
        canonical_fields: the entity's data fields: dotted path → type word, items of lists as "lines[].quantity".
        objects: the system's objects by name.
        transforms: names of the connector's functions.
    """
    sides = _Sides(document, Names(f"the entity {document.entity}", canonical_fields), objects, transforms)
    found = sides.incoming(document) if isinstance(document, InMapping) else sides.outgoing(document)
    problems = {Problem(document.file, document.line(place), dotted(place), text) for place, text in found}
    return sorted(problems, key=lambda problem: (problem.line, problem.field, problem.message))


Finding = tuple[Location, str]


@dataclass(frozen=True, slots=True)
class _Sides:
    document: MappingDocument
    canonical: Names
    objects: Mapping[str, ObjectDescription]
    transforms: Collection[str]

    # --- in ---

    def incoming(self, document: InMapping) -> Iterator[Finding]:
        if document.object not in self.objects:
            yield ("object",), self._no_object(document.object)
            return
        source = Names.of(self.objects[document.object])
        yield from self._reads(document, source)
        for name, expression in document.fields.items():
            yield from self._written(expression, ("fields", name), name, "", self.canonical, source)
        if document.occurred_at is not None:
            given = self._type(document.occurred_at, source, "")
            if given not in ("datetime", "string", ANY):
                yield ("occurred_at",), f"a {given} is no time; copy a datetime field"

    # --- out ---

    def outgoing(self, document: OutMapping) -> Iterator[Finding]:
        yield from self._reads(document, self.canonical)
        for position, step in enumerate(document.steps):
            location: Location = ("steps", position)
            description = self.objects.get(step.object)
            if description is None:
                yield (*location, "object"), self._no_object(step.object)
                continue
            scope = f"{step.each.below('')}[]" if step.each is not None else ""
            for name, expression in step.fields.items():
                yield from self._field(description, name, expression, (*location, "fields", name), scope)
            yield from self._answers(document, step, location)

    def _field(
        self, description: ObjectDescription, name: str, expression: ex.Verb, where: Location, scope: str
    ) -> Iterator[Finding]:
        yield from self._written(expression, where, name, scope, Names.of(description), self.canonical)
        if description.writable is not None and name in description.fields and name not in description.writable:
            yield where, f"{name} of {description.name} cannot be written; remove it"

    def _answers(self, document: OutMapping, step: Step, location: Location) -> Iterator[Finding]:
        steps = {other.step: other for other in document.steps}
        for name, expression in step.fields.items():
            if not isinstance(expression, ex.FromStep) or expression.from_step not in steps:
                continue
            description = self.objects.get(steps[expression.from_step].object)
            if description is not None and Names.of(description).type_of(expression.field) is None:
                hint = Names.of(description).hint(expression.field)
                yield (*location, "fields", name, "field"), f'{description.name} has no "{expression.field}"{hint}'

    # --- both ---

    def _reads(self, document: MappingDocument, names: Names) -> Iterator[Finding]:
        """Every path, condition, transform and target object that the document names."""
        for place in walk(document):
            part, where = place.part, place.location
            if isinstance(part, Path):
                name = part.below(place.scope)
                if not _is_meta(part, place.scope) and name and self._lookup(name, names) is None:
                    yield where, f'{names.owner} has no "{name}"{names.hint(name)}'
            elif isinstance(part, Condition):
                yield from self._condition(part, where, place.scope, names)
            elif isinstance(part, ex.Transform | TargetTotal) and part.transform not in self.transforms:
                known = list(self.transforms)
                yield (
                    (*where, "transform"),
                    f'the connector has no transform "{part.transform}"' + closest(part.transform, known),
                )
            elif isinstance(part, ex.LinkArguments):
                yield from self._link(part, where, place.scope, names)
            elif isinstance(part, ex.ReferenceArguments) and part.object not in self.objects:
                yield (*where, "object"), self._no_object(part.object)
            elif isinstance(part, ex.DateOf):
                given = self._type(part.date.of, names, place.scope)
                if given not in ("date", "datetime", "string", ANY):
                    yield (*where, "date", "of"), f"a {given} is no time; copy a date or datetime field"
            each = getattr(part, "each", None)
            if isinstance(each, Path):
                given = self._path_type(each, names, place.scope)
                if given not in ("list", ANY):
                    yield (*where, "each"), f"{each.text} is a {given}, not a list"

    def _condition(self, condition: Condition, where: Location, scope: str, names: Names) -> Iterator[Finding]:
        if condition.field is None:
            return
        given = self._path_type(condition.field, names, scope)
        for operator, operand in condition.operands().items():
            if operator in ("present", "absent") or given == ANY:
                continue
            for value in operand if isinstance(operand, list) else [operand]:
                literal = literal_type(value)
                if not fits(literal, given) and not fits(given, literal):
                    yield (
                        (*where, operator),
                        f"{condition.field.text} is a {given} and never compares with {literal} {value}",
                    )

    def _link(self, link: ex.LinkArguments, where: Location, scope: str, names: Names) -> Iterator[Finding]:
        target = link.to.below(scope)
        if self._lookup(target, names) is not None:
            lacking = [part for part in _REFERENCE_PARTS if names.type_of(f"{target}.{part}") is None]
            if lacking:
                yield (*where, "to"), f"{link.to.text} is not a reference; name a field that refers to a record"
        description = self.objects.get(link.object)
        if description is None:
            yield (*where, "object"), self._no_object(link.object)
            return
        known = Names.of(description)
        named = [((*where, "part"), link.part)] if link.part is not None else []
        keys = [((*where, *place, name), name) for place, key in link.keys for name in key]
        for place, name in [*named, *keys]:
            if known.type_of(name) is None:
                yield place, f'{link.object} has no "{name}"{known.hint(name)}'

    def _written(
        self, expression: ex.Verb, where: Location, name: str, scope: str, target: Names, source: Names
    ) -> Iterator[Finding]:
        """The field exists on the written side, and the value is of a type that it can take; nested fields too."""
        wanted = target.type_of(name)
        if wanted is None:
            yield where, f'{target.owner} has no "{name}"{target.hint(name)}'
            return
        branches = _branches(expression)
        if branches:
            for place, branch in branches:
                yield from self._written(branch, (*where, *place), name, scope, target, source)
            return
        yield from self._inner(expression, where, name, scope, target, source)
        given = self._type(expression, source, scope)
        if not fits(given, wanted):
            remedy = f"; write `as: {wanted}`" if given in _SCALARS and wanted in _SCALARS else ""
            yield where, f"a {given} does not fit {name}, which is a {wanted}{remedy}"

    def _inner(
        self, expression: ex.Verb, where: Location, name: str, scope: str, target: Names, source: Names
    ) -> Iterator[Finding]:
        """The fields of nested records."""
        if isinstance(expression, ex.ObjectOf):
            for inner, part in expression.object.fields.items():
                place = (*where, "object", "fields", inner)
                yield from self._written(part, place, f"{name}.{inner}", scope, target, source)
        elif isinstance(expression, ex.Each):
            below = f"{expression.each.below(scope)}[]"
            for inner, part in expression.fields.items():
                yield from self._written(part, (*where, "fields", inner), f"{name}[].{inner}", below, target, source)
        elif isinstance(expression, ex.ListOf):
            for at, part in enumerate(expression.list_):
                yield from self._inner(part, (*where, "list", at), f"{name}[]", scope, target, source)

    def _type(self, expression: ex.Verb, names: Names, scope: str) -> str:
        tables: Mapping[str, Mapping[Any, Any]] = self.document.tables
        return type_of(expression, lambda path: self._path_type(path, names, scope), tables)

    def _path_type(self, path: Path, names: Names, scope: str) -> str:
        if _is_meta(path, scope):
            return _META_TYPES.get(path.segments[-1], "string")
        return self._lookup(path.below(scope), names) or ANY

    def _lookup(self, name: str, names: Names) -> str | None:
        return ANY if name.endswith("[]") else names.type_of(name)

    def _no_object(self, name: str) -> str:
        hint = closest(name, list(self.objects)) or f"; there are: {', '.join(self.objects) or 'none'}"
        return f'{self.document.system} has no object "{name}"{hint}'


def _branches(expression: ex.Verb) -> list[tuple[Location, ex.Verb]]:
    """Return the expressions one of which is the value as it stands, with their places."""
    if isinstance(expression, ex.First) and expression.as_ is None:
        return [(("first", at), part) for at, part in enumerate(expression.first)]
    if isinstance(expression, ex.Cases) and expression.as_ is None:
        found: list[tuple[Location, ex.Verb]] = [
            (("cases", at, "then"), case.then) for at, case in enumerate(expression.cases)
        ]
        return found + ([(("otherwise",), expression.otherwise)] if expression.otherwise is not None else [])
    return []


def _is_meta(path: Path, scope: str) -> bool:
    return path.segments[:1] == ("meta",) and (path.absolute or not scope)
