"""Lines of `headrace ping` about tables and columns that mappings name: there, of the right type, and writable."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.fields import CUSTOM_PREFIX, LABEL
from headrace.connectors.dataverse.metadata import CHOICES, LOOKUPS, Column, Table
from headrace.connectors.dataverse.objects import CURRENCY, OPPORTUNITY, SUMMARY, TABLES, Object
from headrace.connectors.dataverse.summary import FORMS
from headrace.connectors.dataverse.tables import Tables
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import FieldNeed, Needs

_CREATE = "Create it in Dynamics (make.powerapps.com > Tables > Columns) and publish it, or correct the name."
_OBJECT, _TEXT = frozenset({"object"}), frozenset({"string"})
_ANY_NUMBER = frozenset({"decimal", "integer"})

READ_AS: Mapping[str, str] = {
    "String": "string",
    "Memo": "string",
    "Uniqueidentifier": "string",
    "Integer": "integer",
    "BigInt": "integer",
    "Decimal": "decimal",
    "Double": "decimal",
    "Money": "object",
    "Boolean": "boolean",
    **dict.fromkeys(CHOICES, "integer"),
    **dict.fromkeys(LOOKUPS, "object"),
}
"""Type of a column → type word of what the source gives; of dates see `_words`."""

TAKES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("String", "Memo", "Uniqueidentifier", *LOOKUPS), _TEXT),
    **dict.fromkeys(("Decimal", "Double"), _ANY_NUMBER),
    "Money": _OBJECT,
}
"""Type of a column → type words of what the target can write into it, where it is not what the source gives."""


async def tables_and_columns(config: DataverseConfig, tables: Tables, needs: Needs) -> list[Check]:
    """Return a line for each table that mappings use, or one for each column of it that is not right."""
    lines: list[Check] = []
    for name, kind in TABLES.items():
        used = needs.of(name)
        if not used:
            continue
        try:
            table = await tables.of(name)
        except HeadraceError as error:
            lines.append(
                Check(f"columns of {name}", CheckState.FAIL, str(error), "Install the app that has the table.")
            )
            continue
        wrong = [line for need in used if (line := _of_need(kind, table, need)) is not None]
        there = f"{len({need.name for need in used})} that mappings use are there"
        lines += wrong or [Check(f"columns of {name}", CheckState.PASS, there)]
    if needs.of(SUMMARY, writes=True):
        lines += await _notes(config, tables, needs)
    return lines


async def reading(config: DataverseConfig, tables: Tables) -> list[Check]:
    """Return the lines about what is read: whether tables track their changes, and the column of the stage."""
    lines = []
    for name in config.objects:
        title = f"changes of {name}"
        try:
            table = await tables.of(name)
        except HeadraceError as error:
            lines.append(Check(title, CheckState.FAIL, str(error), "Take it out of `objects`, or install its app."))
            continue
        if table.tracked:
            lines.append(Check(title, CheckState.PASS, "by change tracking"))
        else:
            text = "change tracking is off: polls go by modifiedon, and deletions are told by webhooks alone"
            remedy = "Switch on Track changes in the table's properties; it stays on."
            lines.append(Check(title, CheckState.WARN, text, remedy))
        if name == OPPORTUNITY.name:
            lines += _stage(config, table)
    return lines


def _stage(config: DataverseConfig, table: Table) -> list[Check]:
    title, column = "stage of opportunities", config.stage_column
    if column in table.columns:
        return [Check(title, CheckState.PASS, column)]
    state = CheckState.FAIL if config.documents.stages else CheckState.WARN
    text = f"{table.name} has no column {column}{table.hint(column)}"
    return [Check(title, state, text, "Correct stage_column.")]


async def _notes(config: DataverseConfig, tables: Tables, needs: Needs) -> list[Check]:
    """Return the lines about tables whose records get summaries: notes must be enabled there, tasks need a lookup."""
    form = FORMS[config.summaries]
    lines = []
    try:
        target = (await tables.of(form.kind.name)).columns[form.regarding].targets
    except (HeadraceError, KeyError) as error:
        return [Check("summaries", CheckState.FAIL, f"cannot be looked at: {error}", "Look at the table by hand.")]
    for name in (each for each in TABLES if needs.of(each, writes=True)):
        title = f"{config.summaries}s on {name}"
        if name not in target:
            remedy = "Enable notes (or activities) in the table's properties."
            lines.append(Check(title, CheckState.FAIL, f"{form.kind.name} cannot be related to {name}", remedy))
        elif config.summaries == "note" and not (await tables.of(name)).has_notes:
            remedy = "Enable attachments and notes in the table's properties, or set summaries: task."
            lines.append(Check(title, CheckState.FAIL, f"notes are not enabled on {name}", remedy))
        else:
            lines.append(Check(title, CheckState.PASS, "can be related"))
    return lines


def _of_need(kind: Object, table: Table, need: FieldNeed) -> Check | None:
    is_custom = need.name.startswith(CUSTOM_PREFIX)
    name = need.name.removeprefix(CUSTOM_PREFIX).partition("[")[0].partition(".")[0]
    if not is_custom and (name in kind.added or name in (CURRENCY, "own", "record_url")):
        return None
    title, place = f"column {table.name}.{name}", f"named in {need.where}"
    column = table.columns.get(name)
    if column is None and name.endswith(LABEL):
        column = table.columns.get(name.removesuffix(LABEL))
        return None if column is not None and column.type in CHOICES else _absent(title, table, name, place)
    if column is None:
        return _absent(title, table, name, place)
    if is_custom != (column.custom and name not in kind.fields):
        right = f"{CUSTOM_PREFIX}{name}" if column.custom else name
        return Check(title, CheckState.FAIL, f"{place}; it is named {right} in mappings", "Correct the name.")
    if need.writes and not column.updatable and not column.creatable:
        text = f"the service keeps it, it cannot be written ({place})"
        return Check(title, CheckState.FAIL, text, "Take it out of the mapping, or write a custom column.")
    is_part = "." in need.name.removeprefix(CUSTOM_PREFIX)
    words = _words(column, writes=need.writes)
    if words and not is_part and need.types is not None and not need.types & words:
        text = f"is of type {column.type}, the mapping means {', '.join(sorted(need.types)) or 'nothing'} ({place})"
        return Check(title, CheckState.FAIL, text, "Change the mapping, or create another column of the right type.")
    return None


def _absent(title: str, table: Table, name: str, place: str) -> Check:
    return Check(title, CheckState.FAIL, f"not there ({place}){table.hint(name)}", _CREATE)


def _words(column: Column, *, writes: bool) -> frozenset[str]:
    """Return the type words that do for a column; none if nothing is known of its type."""
    if column.type == "DateTime":
        return frozenset({"date" if column.day else "datetime"})
    if writes and column.type in TAKES:
        return TAKES[column.type]
    word = READ_AS.get(column.type)
    return frozenset({word}) if word else frozenset()
