"""What no document may say, whatever the systems look like: a verb in the wrong direction, unknown steps and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from headrace.core.event import Meta
from headrace.core.spelling import closest
from headrace.mapping import expressions as ex
from headrace.mapping.checks import TargetTotal, check_names
from headrace.mapping.paths import Path
from headrace.mapping.running import RecordMeta
from headrace.mapping.walking import Location, walk

if TYPE_CHECKING:
    from headrace.mapping.documents import InMapping, OutMapping, Step

Finding = tuple[Location, str]

META_IN = tuple(item.name for item in fields(RecordMeta))
META_OUT = tuple(item.name for item in fields(Meta))


def contradictions(document: InMapping | OutMapping) -> list[Finding]:
    """Return every contradiction of a document with itself: location and sentence."""
    outgoing = document.direction == "out"
    found = [*_verbs(document, outgoing), *_tables(document), *_meta(document, META_OUT if outgoing else META_IN)]
    if document.direction == "out":
        found += [*_steps(document), *_holds(document), *check_names(document)]
    return found


def _verbs(document: InMapping | OutMapping, outgoing: bool) -> Iterator[Finding]:
    wrong: tuple[type[ex.Verb], ...] = (
        (ex.ReferenceTo,) if outgoing else (ex.Link, ex.FromStep, ex.Marker, ex.ConversionPart)
    )
    for place in walk(document):
        if isinstance(place.part, wrong):
            word = next(name for name, model in ex.VERBS.items() if model is type(place.part))
            yield place.location, f"{word} is a verb of the other direction ({'in' if outgoing else 'out'})"


def _tables(document: InMapping | OutMapping) -> Iterator[Finding]:
    used = set()
    for place in walk(document):
        if isinstance(place.part, TargetTotal) and place.part.tax_groups is not None:
            used.add(place.part.tax_groups)
        if isinstance(place.part, ex.LookupArguments):
            used.add(place.part.table)
            if place.part.table not in document.tables:
                hint = closest(place.part.table, list(document.tables))
                yield (
                    (*place.location, "table"),
                    f'there is no table "{place.part.table}"{hint or "; add it to `tables`"}',
                )
    for name in document.tables:
        if name not in used:
            yield ("tables", name), "no lookup uses this table; remove it, or name it in a lookup"


def _meta(document: InMapping | OutMapping, names: tuple[str, ...]) -> Iterator[Finding]:
    for place in walk(document):
        path = place.part
        if not isinstance(path, Path) or path.segments[:1] != ("meta",) or not (path.absolute or place.at_root):
            continue
        if len(path.segments) != 2 or path.segments[1] not in names:
            word = ".".join(path.segments[1:])
            hint = closest(word, list(names)) or f"; there are: {', '.join(names)}"
            yield place.location, f'meta has no "{word}"{hint}'


def _holds(document: OutMapping) -> Iterator[Finding]:
    for name, hold in document.holds.items():
        if (hold.in_ is None) == (hold.below is None):
            yield ("holds", name), "give one of `in` and `below`"
        if hold.unit is not None and hold.below is None:
            yield ("holds", name, "unit"), "belongs to `below`; remove it"


def _steps(document: OutMapping) -> Iterator[Finding]:
    earlier: dict[str, Step] = {}
    for position, step in enumerate(document.steps):
        location: Location = ("steps", position)
        if step.step in earlier:
            yield (*location, "step"), f'there is a step "{step.step}" already; give each its own name'
        if step.each is not None and step.id is None:
            yield location, "`each` needs `id`: items are told apart by their id (I12)"
        if step.keep and step.each is None:
            yield (*location, "keep"), "belongs to `each`; remove it"
        yield from _named(step, location)
        if step.create != "never" and not step.marker and step.record is None:
            yield (*location, "marker"), "missing; by it our own write is found again (I4). Or say `create: never`"
        for part, names in (("once", step.once), ("adopt", step.adopt)):
            for name in names:
                if name not in step.fields:
                    yield (*location, part), f'"{name}" is no field of this step{closest(name, list(step.fields))}'
        if step.after is not None and step.after not in earlier:
            hint = closest(step.after, list(earlier)) or f"; earlier steps: {', '.join(earlier) or 'none'}"
            yield (*location, "after"), f'there is no earlier step "{step.after}"{hint}'
        yield from _keys(step, location)
        yield from _from_steps(step, location, earlier)
        earlier.setdefault(step.step, step)


def _named(step: Step, location: Location) -> Iterator[Finding]:
    if step.record is None:
        return
    for name in ("each", "id", "create", "marker", "match", "once", "adopt", "identity"):
        if name in step.model_fields_set:
            yield (*location, name), "the step names a record that is not ours (`record`); remove one of the two"


def _keys(step: Step, location: Location) -> Iterator[Finding]:
    lists = [
        ((*location, "marker"), step.marker),
        *(((*location, "match", at), key) for at, key in enumerate(step.match)),
    ]
    for where, names in lists:
        for at, name in enumerate(names):
            if not _writes(step.fields, name):
                hint = closest(name, list(step.fields))
                yield (
                    (*where, at),
                    f'"{name}" is not among the fields that the step writes{hint or "; add it to `fields`"}',
                )


def _writes(written: dict[str, ex.Expression], name: str) -> bool:
    if name in written:
        return True
    first, _, rest = name.partition(".")
    nested = written.get(first)
    if not rest or nested is None:
        return False
    return not isinstance(nested, ex.ObjectOf) or _writes(nested.object.fields, rest)


def _from_steps(step: Step, location: Location, earlier: dict[str, Step]) -> Iterator[Finding]:
    for name, expression in step.fields.items():
        where = (*location, "fields", name)
        if isinstance(expression, ex.FromStep):
            wanted = earlier.get(expression.from_step)
            if wanted is None:
                hint = (
                    closest(expression.from_step, list(earlier)) or f"; earlier steps: {', '.join(earlier) or 'none'}"
                )
                yield (*where, "from_step"), f'there is no earlier step "{expression.from_step}"{hint}'
            elif wanted.each is not None or wanted.id is not None:
                yield (
                    (*where, "from_step"),
                    f'step "{expression.from_step}" writes one record per item; which is not said',
                )
        for place in walk(expression, where):
            if isinstance(place.part, ex.FromStep) and place.location != where:
                yield place.location, "from_step stands alone, as the whole of a step's field: its value comes later"
    for part, label in ((step.id, "id"), (step.create, "create")):
        for place in walk(part, (*location, label)):
            if isinstance(place.part, ex.FromStep):
                yield place.location, "from_step stands alone, as the whole of a step's field: its value comes later"
