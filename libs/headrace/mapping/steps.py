"""One step of an out mapping, compiled: the fields of one record on the target, or of one per item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.core.errors import RejectRecord
from headrace.mapping.compiling import Scope, compile_expression, compile_path, compile_test
from headrace.mapping.paths import getter
from headrace.mapping.results import PlannedStep
from headrace.mapping.running import Run
from headrace.mapping.values import ABSENT, UNLINKED, is_empty, shown, to_text
from headrace.mapping.walking import root_fields
from headrace.mapping.words import words

if TYPE_CHECKING:
    from headrace.mapping.documents import Step


class StepProgram:
    """A compiled step."""

    def __init__(self, step: Step, tables: Mapping[str, Mapping[Any, Any]]) -> None:
        self.name = step.step
        self.object = step.object
        self._identity = step.identity or ""
        self._create = step.create != "never"
        self._after = step.after
        self._open, self._adopt = step.open, tuple(step.adopt)
        self._once = frozenset(step.once)
        self.reads = {} if step.each is not None else {name: root_fields(each) for name, each in step.fields.items()}
        """Field → canonical fields that its value is made of; nothing for items, which no rule of ownership sees."""
        self.reasons = {name: words(expression) for name, expression in step.fields.items()}
        root = Scope(step.step, tables)
        inner = root if step.each is None else Scope(step.step, tables, at_root=False)
        self._record = None if step.record is None else compile_expression(step.record, root.inside("record"))
        self._each, self._keep = step.each, step.keep
        self._items = None if step.each is None else compile_path(step.each, root)
        self._id = None if step.id is None else compile_expression(step.id, inner.inside("id"))
        self._where = None if step.where is None else compile_test(step.where, inner)
        self._may_create = None if isinstance(step.create, str) else compile_test(step.create, inner)
        self._fields = tuple(
            (
                name,
                compile_expression(expression, inner.inside(name)),
                # An item cannot tell "cleared" from "unknown": only root fields are asserted.
                None if step.each is not None else root_fields(expression) or None,
            )
            for name, expression in step.fields.items()
        )
        self._marker = tuple((name, _written(name, step)) for name in step.marker)
        self._match = tuple(tuple((name, _written(name, step)) for name in key) for key in step.match)

    def plan(self, run: Run, asserted: frozenset[str], planned: list[PlannedStep]) -> None:
        """Append what this step asks for: nothing, one record, or one per item."""
        if run.lenient and self._id is not None and self._each is None:
            return  # of a record that is gone nobody tells which of its revisions was the last
        if self._after is not None and not self._comes_after(self._after, run, planned):
            return
        if self._items is None:
            run.place = run.label = ""
            if self._where is None or self._where(run.root, run):
                name = self.name if self._id is None else f"{self.name}:{self._item_id(run.root, run)}"
                if self._due(run.root, run, name):
                    planned.append(self._one(run.root, run, name, asserted))
            return
        items = self._items(run.root, run)
        if items is None or items is ABSENT:
            return
        if not isinstance(items, list | tuple):
            raise RejectRecord("value does not fit", f"{self.name}: {shown(items)} is not a list; correct `each`")
        place = self._each.text.lstrip("/") if self._each is not None else ""
        names = set()
        marks: list[dict[str, Any]] = []
        for position, item in enumerate(items):
            run.place, run.label = f"{place}[{position}].", f"{self.name} {position + 1}: "
            if self._where is not None and not self._where(item, run):
                continue
            name = f"{self.name}:{self._item_id(item, run)}"
            if name in names:
                detail = f"{run.label}the id {shown(name.partition(':')[2])} is there twice; ids tell items apart (I12)"
                raise RejectRecord("item id is not unique", detail)
            names.add(name)
            if not self._due(item, run, name):
                continue
            step = self._one(item, run, name, asserted)
            if step.marker and len(step.marker) == len(self._marker) + len(self._open) and step.marker in marks:
                if self._keep:
                    continue  # the same thing twice is sent once
                # The second one would find the first one's record, and take it for its own.
                words = ", ".join(f"{target} {shown(value)}" for target, value in step.marker.items())
                detail = f"{run.label}{words} is there twice; by it our own write is found again (I4)"
                raise RejectRecord("marker is not unique", detail)
            marks.append(step.marker)
            planned.append(step)
        run.place = run.label = ""

    def _due(self, item: Any, run: Run, name: str) -> bool:
        """Say whether a record is there, or may be made now: of one that will not be made nothing is missing."""
        return self._may_create is None or name in run.done or self._may_create(item, run)

    @staticmethod
    def _comes_after(earlier: str, run: Run, planned: list[PlannedStep]) -> bool:
        """Say whether the step that this one comes after is done, or will be by then."""
        return earlier in run.done or any(step.step == earlier for step in planned)

    def _item_id(self, item: Any, run: Run) -> str:
        value = None if self._id is None else self._id(item, run)
        try:
            text = "" if is_empty(value) else to_text(value).strip()
        except ValueError:
            text = ""
        if not text:
            detail = f"{run.label}{self.name}.id is {shown(value)}; an item needs an id that stays (I12)"
            raise RejectRecord("item has no id", detail)
        return text

    def _one(self, item: Any, run: Run, name: str, asserted: frozenset[str]) -> PlannedStep:
        fields: dict[str, Any] = {}
        missing = len(run.missing)
        for target, evaluate, reads in self._fields:
            value = evaluate(item, run)
            if value is None:
                if reads is not None and reads <= asserted:
                    fields[target] = None
            elif value is not ABSENT and value is not UNLINKED:
                fields[target] = value
        marker = {}
        for target, get in self._marker:
            value = get(fields)
            if not is_empty(value):
                marker[target] = value
            elif len(run.missing) == missing and not run.lenient:
                detail = f"{run.label}{name}.{target} is empty, and by it our own write is found again (I4); fill it in"
                raise RejectRecord("marker is empty", detail)
        if self._record is None:
            marker |= self._open
        match = []
        for key in self._match:
            values = {target: get(fields) for target, get in key}
            if not any(is_empty(value) for value in values.values()):
                match.append(values)
        more = self._create, self._once, self._open, self._adopt, self._named(item, run, name)
        return PlannedStep(name, self.object, fields, marker, tuple(match), self._identity, *more)

    def _named(self, item: Any, run: Run, name: str) -> str:
        """Return the id of the record that an event names, "" if the step's record is its own."""
        if self._record is None:
            return ""
        value = self._record(item, run)
        if is_empty(value) and not run.lenient:
            raise RejectRecord(
                "event names no record",
                f"{run.label}{name}: the event names no record of {self.object}; name it at its source, then retry",
            )
        return "" if is_empty(value) else to_text(value).strip()


def _written(name: str, step: Step) -> Callable[[Any], Any]:
    """Return how a key's part is read from what is written: a field of that name ("custom.Number"), or below one."""
    if name in step.fields:
        return lambda fields: fields.get(name)
    return getter(tuple(name.split(".")))
