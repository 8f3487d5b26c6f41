"""Lines of `headrace ping` about custom fields: those that mappings and configuration name, with their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import SEARCHABLE, Definition, Definitions, FieldBook
from headrace.connectors.pipedrive.objects import CUSTOM_PREFIX, KINDS, ORGANIZATION_CUSTOM
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, StopConnection
from headrace.core.needs import FieldNeed, Needs

_ORGANIZATION_PREFIX = f"{ORGANIZATION_CUSTOM}."
_TEXTS = ("varchar", "varchar_auto", "text", "phone")
_ANY_SINGLE = frozenset({"string", "integer", "decimal", "boolean", "date", "datetime"})
_OBJECT = frozenset({"object"})

READ_AS: Mapping[str, str] = {
    **dict.fromkeys((*_TEXTS, "enum"), "string"),
    "double": "decimal",
    "date": "date",
    "set": "list",
    **dict.fromkeys(("monetary", "daterange", "time", "timerange", "address"), "object"),
    **dict.fromkeys(("user", "org", "people"), "integer"),
}
"""Type of a custom field → type word of what the source gives."""

TAKES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_TEXTS, _ANY_SINGLE),
    "enum": frozenset({"string", "integer"}),
    "set": frozenset({"list", "string", "integer"}),
    "double": frozenset({"decimal", "integer"}),
    "date": frozenset({"date", "string"}),
    "monetary": _OBJECT,
    **dict.fromkeys(("daterange", "time", "timerange", "address"), frozenset({"object", "string"})),
    **dict.fromkeys(("user", "org", "people"), frozenset({"integer"})),
}
"""Type of a custom field → type words of what the target can write into it."""
_NAMES = {"varchar": "text (varchar)", "enum": "single option (enum)", "set": "multiple options (set)"}
_CREATE = "Create it in Pipedrive (Settings > Data fields)"


@dataclass(slots=True)
class _Use:
    """How one custom field is used: where it is named, and the types that do for each place."""

    where: list[str] = field(default_factory=list)
    read_as: list[frozenset[str] | None] = field(default_factory=list)
    written_as: list[frozenset[str] | None] = field(default_factory=list)

    def takes(self, type_: str) -> bool:
        """Say whether a field of this type does for all uses; of a type that nobody knows, it is believed."""
        read, taken = READ_AS.get(type_), TAKES.get(type_)
        if read is None or taken is None:
            return True
        return all(words is None or read in words for words in self.read_as) and all(
            words is None or bool(words & taken) for words in self.written_as
        )


async def custom_fields(config: PipedriveConfig, fields: FieldBook, needs: Needs) -> list[Check]:
    """Return the lines about fields that mappings or `custom_fields` name: each is there, and its type does."""
    lines: list[Check] = []
    for name in KINDS:
        try:
            known = await fields.of(name) if _named(config, needs, name) else None
        except HeadraceError as error:
            lines.append(_unread(f"custom fields of {name}", error))
            continue
        if known is not None:
            lines += _of_object(name, known, _uses(config, needs, name, known))
    return lines


async def markers(config: PipedriveConfig, fields: FieldBook, needs: Needs) -> list[Check]:
    """Return the lines about marker fields, by which our own records are found again: a search must find them."""
    wanted = {(name, label) for name, label in config.markers.items()}
    wanted |= {(obj, label) for obj, label, _ in _labels(needs, searched=True)}
    lines = []
    for name, label in sorted(wanted):
        title = f"marker of {name}"
        try:
            definition = (await fields.of(name)).by_name.get(label)
        except HeadraceError as error:
            lines.append(_unread(title, error))
            continue
        if definition is None:
            text = f'custom field "{label}" is not there'
            lines.append(Check(title, CheckState.FAIL, text, f"{_CREATE} as text (varchar)."))
        elif definition.type not in SEARCHABLE:
            text = f'custom field "{label}" is of type {definition.type}, which no search finds'
            lines.append(Check(title, CheckState.FAIL, text, f"{_CREATE} as text (varchar)."))
        else:
            lines.append(Check(title, CheckState.PASS, label))
    return lines


def _of_object(name: str, known: Definitions, uses: Mapping[str, _Use]) -> list[Check]:
    lines, right = [], []
    for label, use in uses.items():
        title, place = f'custom field "{label}" of {name}', f" (named in {', '.join(use.where)})" if use.where else ""
        definition = known.by_name.get(label)
        kinds = _types_for(use)
        if definition is None:
            near = _near(label, known.by_name)
            remedy = f"{_CREATE} as {kinds}{near}, or correct the name."
            lines.append(Check(title, CheckState.FAIL, f"not there{place}", remedy))
        elif not use.takes(definition.type):
            remedy = f"Its type cannot be changed: create another one as {kinds}, or change the mapping."
            lines.append(Check(title, CheckState.FAIL, f"is of type {definition.type}{place}", remedy))
        else:
            right.append(definition)
    return [*lines, *_right(name, right)]


def _right(name: str, right: Sequence[Definition]) -> list[Check]:
    listed = ", ".join(f"{each.name} ({each.type})" for each in right)
    return [Check(f"custom fields of {name}", CheckState.PASS, listed)] if right else []


def _named(config: PipedriveConfig, needs: Needs, name: str) -> bool:
    return bool(config.custom_fields.get(name)) or any(obj == name for obj, _, _ in _labels(needs))


def _uses(config: PipedriveConfig, needs: Needs, name: str, known: Definitions) -> dict[str, _Use]:
    uses = {label: _Use() for label in config.custom_fields.get(name, [])}
    for obj, label, need in _labels(needs):
        if obj != name:
            continue
        whole = _whole(label, known.by_name)
        use = uses.setdefault(whole, _Use())
        use.where += [need.where] if need.where not in use.where else []
        types = need.types if whole == label else _OBJECT  # "Budget.value" reads a part of "Budget"
        (use.written_as if need.writes else use.read_as).append(types)
    return uses


def _labels(needs: Needs, *, searched: bool = False) -> Iterable[tuple[str, str, FieldNeed]]:
    for need in needs.fields:
        if searched and not need.searched:
            continue
        if need.name.startswith(CUSTOM_PREFIX):
            yield need.object, need.name.removeprefix(CUSTOM_PREFIX), need
        elif need.name.startswith(_ORGANIZATION_PREFIX):
            yield "organization", need.name.removeprefix(_ORGANIZATION_PREFIX), need


def _whole(label: str, known: Mapping[str, Definition]) -> str:
    """Return the field that a path lies in: names may have dots themselves, so the longest known one counts."""
    parts = label.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in known:
            return ".".join(parts[:length])
    return label


def _types_for(use: _Use) -> str:
    fitting = [type_ for type_ in READ_AS if use.takes(type_)]
    if len(fitting) == len(READ_AS):
        return _NAMES["varchar"]
    return " or ".join(_NAMES.get(type_, type_) for type_ in fitting[:6]) or "a type that suits all its uses"


def _near(label: str, known: Iterable[str]) -> str:
    same = [name for name in known if name.casefold().strip() == label.casefold().strip()]
    return f' (there is "{same[0]}")' if same else ""


def _unread(title: str, error: HeadraceError) -> Check:
    if isinstance(error, StopConnection):
        return Check(title, CheckState.FAIL, error.reason, error.remedy)
    return Check(title, CheckState.FAIL, str(error), "The user must be allowed to read fields; try again.")
