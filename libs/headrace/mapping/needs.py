"""What mappings use of a system's objects: every field with its place, the types that do, and the constants written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from headrace.core.contracts import ObjectDescription
from headrace.core.needs import FieldNeed
from headrace.mapping import expressions as ex
from headrace.mapping.checking import check
from headrace.mapping.conditions import Condition
from headrace.mapping.documents import InMapping, OutMapping, Step
from headrace.mapping.loading import MappingDocument
from headrace.mapping.paths import Path
from headrace.mapping.typing_rules import ANY
from headrace.mapping.values import to_text
from headrace.mapping.walking import Place, verbs, walk

SCALARS = frozenset({"string", "integer", "decimal", "boolean", "date", "datetime"})
WORDS = (*sorted(SCALARS), "list", "object")
"""Every type word that a field may turn out to have."""
_CONVERTIBLE: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"string", "integer", "decimal"}),
    "decimal": frozenset({"string", "integer", "decimal"}),
    "boolean": frozenset({"string", "integer", "boolean"}),
    "date": frozenset({"string", "date", "datetime"}),
    "datetime": frozenset({"string", "date", "datetime"}),
}
"""What `as:` makes the word of; any single value becomes text."""


@dataclass(frozen=True, slots=True)
class System:
    """What a mapping is held against: canonical fields by entity, the system's objects and its transforms."""

    entities: Mapping[str, Mapping[str, str]]
    objects: Mapping[str, ObjectDescription]
    transforms: Collection[str]


def needs_of(documents: Iterable[MappingDocument], system: System) -> list[FieldNeed]:
    """Return every field of the system's objects that the documents read or write, each once for a document.

    Args:
        documents: mappings of this system that `check` finds nothing wrong with.
        system: its objects and what else they are held against.
    """
    found: list[FieldNeed] = []
    for document in documents:
        found += _read(document, system) if isinstance(document, InMapping) else _written(document, system)
    return found


def companies_of(documents: Iterable[MappingDocument]) -> dict[str, str]:
    """Return the legal entities (lower case) that inward mappings name, each with the place of its first mention."""
    found: dict[str, str] = {}
    for document in documents:
        if isinstance(document, InMapping) and document.legal_entity is not None:
            where = f"{document.file}:{document.line(('legal_entity',))}"
            for value in _constants(document.legal_entity, document):
                found.setdefault(value.lower(), where)
    return found


# --- in ---


def _read(document: InMapping, system: System) -> Iterator[FieldNeed]:
    places: dict[str, Place] = {}
    for place in walk(document):
        if isinstance(place.part, Path) and not _is_meta(place.part, place.scope):
            name = place.part.below(place.scope)
            if name and not name.endswith("[]"):
                places.setdefault(name, place)
    single = _single_values(document)
    for name, place in places.items():
        types = _types(document, document.object, name, system)
        if name in single:
            types = single[name] if types is None else types & single[name]
        yield FieldNeed(document.object, name, _where(document, place.location), types=types)


def _single_values(document: InMapping) -> dict[str, frozenset[str]]:
    """Return the paths whose value must be a single one, with the types that do."""
    found: dict[str, frozenset[str]] = {}

    def note(expression: ex.Verb | None, scope: str, types: frozenset[str] = SCALARS) -> None:
        for path in _copied(expression):
            name = path.below(scope)
            found[name] = found.get(name, SCALARS) & types

    for place, verb in verbs(document):
        if isinstance(verb, ex.ValueVerb) and (verb.as_ is not None or verb.max is not None):
            note(verb, place.scope, _CONVERTIBLE.get(verb.as_ or "", SCALARS))
        for part in _single_parts(verb):
            note(part, place.scope)
        if isinstance(verb, ex.EnumOf):
            found.setdefault(verb.enum.copy_.below(place.scope), SCALARS)
    for expression in (document.legal_entity, document.marker, *document.natural_keys.values()):
        note(expression, "")
    for place in walk(document):
        part = place.part
        if isinstance(part, Condition) and part.field is not None and set(part.operands()) - {"present", "absent"}:
            found.setdefault(part.field.below(place.scope), SCALARS)
    return found


def _single_parts(verb: ex.Verb) -> list[ex.Verb | None]:
    if isinstance(verb, ex.Lookup):
        return [verb.lookup.key]
    if isinstance(verb, ex.Join):
        return [*verb.join]
    if isinstance(verb, ex.MoneyOf):
        return [verb.money.amount, verb.money.currency]
    if isinstance(verb, ex.ReferenceTo):
        about = verb.reference
        return [about.id, about.name, about.number, about.email, about.tax_number]
    return []


def _copied(expression: ex.Verb | None) -> Iterator[Path]:
    """Yield the paths one of whose values is the expression's own."""
    if isinstance(expression, ex.Copy):
        yield expression.copy_
    elif isinstance(expression, ex.First):
        for part in expression.first:
            yield from _copied(part)
    elif isinstance(expression, ex.Cases):
        for then in (*(case.then for case in expression.cases), expression.otherwise):
            yield from _copied(then)


# --- out ---


def _written(document: OutMapping, system: System) -> Iterator[FieldNeed]:
    for position, step in enumerate(document.steps):
        searched = {*step.marker, *(name for names in step.match for name in names)}
        for name, expression in step.fields.items():
            yield FieldNeed(
                step.object,
                name,
                _where(document, ("steps", position, "fields", name)),
                writes=True,
                types=_types(document, step.object, name, system),
                searched=name in searched,
                values=tuple(dict.fromkeys(_constants(expression, document, by_company=False))),
                by_company=_by_company(expression, document),
            )
        yield from _looked_up(document, step, position)


def _looked_up(document: OutMapping, step: Step, position: int) -> Iterator[FieldNeed]:
    """Fields of other objects by which a step's links are found."""
    for place, verb in verbs(step.fields, ("steps", position, "fields")):
        if isinstance(verb, ex.Link):
            by = [name for _, key in verb.link.keys for name in key]
            names = [*by, *([verb.link.part] if verb.link.part is not None else [])]
            for name in dict.fromkeys(names):
                where = _where(document, place.location)
                yield FieldNeed(verb.link.object, name, where, searched=name in by)


def _by_company(expression: ex.Verb, document: OutMapping) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _branches(expression):
        if isinstance(part, ex.Lookup) and _is_company(part.lookup.key):
            table = document.tables.get(part.lookup.table, {})
            found |= {to_text(key).lower(): to_text(value) for key, value in table.items() if value is not None}
    return found


def _is_company(key: ex.Verb) -> bool:
    return isinstance(key, ex.Copy) and key.copy_.segments == ("meta", "legal_entity")


# --- both ---


def _constants(expression: ex.Verb, document: MappingDocument, *, by_company: bool = True) -> Iterator[str]:
    """Yield the constants that an expression may give, those of tables too; `by_company`: also by legal entity."""
    for part in _branches(expression):
        if isinstance(part, ex.Const) and part.const is not None:
            yield to_text(part.const)
        elif isinstance(part, ex.Lookup):
            if by_company or not _is_company(part.lookup.key):
                table = document.tables.get(part.lookup.table, {})
                yield from (to_text(value) for value in table.values() if value is not None)
            if part.lookup.otherwise is not None:
                yield from _constants(part.lookup.otherwise, document, by_company=by_company)
        elif isinstance(part, ex.EnumOf):
            yield from (to_text(value) for value in part.enum.values.values() if value is not None)


def _branches(expression: ex.Verb) -> Iterator[ex.Verb]:
    if isinstance(expression, ex.First):
        for part in expression.first:
            yield from _branches(part)
    elif isinstance(expression, ex.Cases):
        for other in (*(case.then for case in expression.cases), expression.otherwise):
            if other is not None:
                yield from _branches(other)
    else:
        yield expression


def _types(document: MappingDocument, obj: str, name: str, system: System) -> frozenset[str] | None:
    """Return the types with which the mapping still passes its check: the declared one, or of an open name those found.

    A name below an open prefix has whatever type the account gave it, so every type is tried.
    """
    described = system.objects[obj]
    declared = described.fields.get(name)
    if declared is not None:
        return None if declared == ANY else frozenset({declared})
    if not any(name.startswith(prefix) for prefix in described.open_prefixes):
        return None
    fields = system.entities[document.entity]

    def problems(word: str) -> int:
        tried = replace(described, fields={**described.fields, name: word})
        return len(check(document, fields, {**system.objects, obj: tried}, system.transforms))

    least = problems(ANY)
    return frozenset(word for word in WORDS if problems(word) <= least)


def _where(document: MappingDocument, location: tuple[str | int, ...]) -> str:
    return f"{document.file}:{document.line(location)}"


def _is_meta(path: Path, scope: str) -> bool:
    return path.segments[:1] == ("meta",) and (path.absolute or not scope)
