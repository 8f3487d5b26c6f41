"""Lines of `headrace ping` about what the application user may do: by the names of privileges, so nothing is tried out.

Source: Microsoft, "RetrieveUserPrivileges function", "How role-based security can be used to control access".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.metadata import LOOKUPS, Table
from headrace.connectors.dataverse.objects import SUMMARY, TABLES
from headrace.connectors.dataverse.tables import Tables
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import FieldNeed

READ, CREATE, WRITE, APPEND, APPEND_TO = "Read", "Create", "Write", "Append", "AppendTo"
"""Verbs of privileges. A row that gets a lookup needs Append on its table, and AppendTo on the table it leads to."""
_GLOBAL = frozenset({"global", "3"})
_ROLE = "Give the application user a security role with it (Power Platform admin centre > Security roles)."


class Granted:
    """The privileges of a user, by id and name, with how far they reach."""

    def __init__(self, rows: Iterable[Mapping[str, object]]) -> None:
        self._depths: dict[str, str] = {}
        for row in rows:
            depth = str(row.get("Depth")).lower()
            for key in (row.get("PrivilegeId"), row.get("PrivilegeName")):
                if key:
                    self._depths[str(key).lower()] = depth

    def lacks(self, table: Table, verb: str) -> str:
        """Return the name of the privilege that is missing for a verb, "" if it is there, or the table has none."""
        found = next((each for each in table.privileges if each.verb == verb), None)
        if found is None or found.id in self._depths or found.name.lower() in self._depths:
            return ""
        return found.name

    def is_global(self, table: Table, verb: str) -> bool:
        """Say whether a privilege reaches all rows of the organization."""
        found = next((each for each in table.privileges if each.verb == verb), None)
        if found is None:
            return True
        return self._depths.get(found.id, self._depths.get(found.name.lower(), "")) in _GLOBAL


async def granted(client: DataverseClient, user: str) -> Granted:
    """Return what a user may do, by all its roles; errors are those of reads."""
    path = f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    answer = await client.one(path, "RetrieveUserPrivileges", strong=True) or {}
    rows = answer.get("RolePrivileges")
    return Granted(rows if isinstance(rows, list) else [])


async def lines(
    client: DataverseClient, tables: Tables, user: str, read: Iterable[str], written: Mapping[str, list[FieldNeed]],
    summaries: str,
) -> list[Check]:  # fmt: skip
    """Return a line for each table that is read or written, naming each privilege that is missing.

    Args:
        client: of the connection.
        tables: its metadata.
        user: id of the application user.
        read: tables that are read.
        written: what mappings write, by object.
        summaries: table that summaries are written to.
    """
    try:
        known = await granted(client, user)
    except HeadraceError as error:
        remedy = "Look at the application user's security roles by hand."
        return [Check("privileges", CheckState.WARN, f"cannot be looked at: {error}", remedy)]
    wanted: dict[str, set[str]] = {name: {READ} for name in read}
    for obj, needs in written.items():
        name = summaries if obj == SUMMARY else obj
        verbs = wanted.setdefault(name, {READ})
        verbs |= {CREATE, WRITE, APPEND} if obj == SUMMARY else {WRITE}
        if obj != SUMMARY and await _writes_lookups(tables, name, needs):
            verbs.add(APPEND)
    if SUMMARY in written:
        for name in written:
            if name in TABLES:
                wanted[name].add(APPEND_TO)
    found = []
    for name, verbs in wanted.items():
        try:
            table = await tables.of(name)
        except HeadraceError as error:
            found.append(
                Check(f"privileges on {name}", CheckState.FAIL, str(error), "Correct `objects` or the mapping.")
            )
            continue
        found.append(_line(table, known, verbs, reads_all=name in set(read)))
    return found


def _line(table: Table, known: Granted, verbs: set[str], *, reads_all: bool) -> Check:
    title = f"privileges on {table.name}"
    missing = [name for verb in sorted(verbs) if (name := known.lacks(table, verb))]
    if missing:
        return Check(title, CheckState.FAIL, f"the application user lacks {', '.join(missing)}", _ROLE)
    if reads_all and table.tracked and not known.is_global(table, READ):
        text = "it may read some rows only, and change tracking needs all (depth organization)"
        return Check(title, CheckState.FAIL, text, _ROLE)
    return Check(title, CheckState.PASS, ", ".join(sorted(verbs)))


async def _writes_lookups(tables: Tables, name: str, needs: Iterable[FieldNeed]) -> bool:
    try:
        columns = (await tables.of(name)).columns
    except HeadraceError:
        return False
    found = (columns.get(need.name.rpartition(".")[2]) for need in needs)
    return any(column is not None and column.type in LOOKUPS for column in found)
