"""Security roles: which table a user may read, create, write, delete, append (to), assign, and of whose rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.contexts import Caller
from headrace.sandbox.dataverse.errors import NO_PRIVILEGE, ServiceError
from headrace.sandbox.dataverse.schema import metadata_id
from headrace.sandbox.dataverse.tables.model import Table

ROLES, USER_ROLES = "#roles", "#user_roles"
INTEGRATION_ROLE = "Headrace Integration"
LEVELS = ("none", "user", "organization")

Verb = Literal["Read", "Create", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"]
VERBS: tuple[Verb, ...] = get_args(Verb)


_DEPTHS = {"user": "Basic", "organization": "Global"}


class RoleRefused(Exception):
    """A role whose description makes no sense; the text says where."""


def put_role(store: Store, name: str, description: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Create or change a role inside a transaction and return it.

    Args:
        store: of the sandbox.
        name: of the role.
        description: `default`, the level of what is not named, and `privileges`: prvReadAccount → none, user,
            organization. What an earlier description named stays.
        now: the sandbox's time.

    Raises:
        RoleRefused: an unknown key or level, or a name that begins with no verb.
    """
    if set(description) - {"default", "privileges"}:
        raise RoleRefused(f"role {name!r}: write default and privileges, not {sorted(description)}")
    found = store.get(ROLES, name)
    before: Mapping[str, Any] = found.data if found else {"default": "organization", "privileges": {}}
    role: dict[str, Any] = {
        "default": description.get("default", before["default"]),
        "privileges": {**before["privileges"], **description.get("privileges", {})},
    }
    for privilege, level in {**role["privileges"], "default": role["default"]}.items():
        if level not in LEVELS:
            raise RoleRefused(f"role {name!r}: {privilege}: {level!r} is not one of {', '.join(LEVELS)}")
        if privilege != "default" and not privilege.startswith(tuple(f"prv{verb}" for verb in VERBS)):
            raise RoleRefused(f"role {name!r}: {privilege!r} is not prv, a verb ({', '.join(VERBS)}) and a table")
    store.put(ROLES, name, role, now)
    return role


class Security:
    """Decides by the roles in the store, so that a change of a role works at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def roles_of(self, user_id: str) -> tuple[str, ...]:
        """Return the names of a user's roles."""
        record = self._store.get(USER_ROLES, user_id)
        return tuple(record.data["roles"]) if record else ()

    def level(self, caller: Caller, verb: Verb, table: Table) -> str:
        """Return how far a right reaches: none, the user's own rows, the organization."""
        levels = ["none"]
        for name in caller.roles:
            role = self._store.get(ROLES, name)
            if role is not None:
                levels.append(str(role.data["privileges"].get(f"prv{verb}{table.right}", role.data["default"])))
        return max(levels, key=LEVELS.index)

    def granted(self, user_id: str, tables: Iterable[Table]) -> list[dict[str, Any]]:
        """Return the privileges of a user by all its roles, as `RetrieveUserPrivileges` tells them."""
        caller = Caller(user_id, "", "", self.roles_of(user_id))
        names = {f"prv{verb}{table.right}": self.level(caller, verb, table) for table in tables for verb in VERBS}
        return [
            {"Depth": _DEPTHS[level], "PrivilegeId": privilege_id(name), "PrivilegeName": name}
            for name, level in names.items()
            if level in _DEPTHS
        ]

    def require(self, caller: Caller, verb: Verb, table: Table, record: Record | None = None) -> None:
        """Check a right, on a row where one is given.

        Raises:
            ServiceError: a 403.
        """
        level = self.level(caller, verb, table)
        if level == "none" or (level == "user" and record is not None and not owns(caller, table, record)):
            raise self._missing(caller, verb, table)

    def require_everything(self, caller: Caller, table: Table) -> None:
        """Check that all rows of a table can be read, as change tracking needs it.

        Raises:
            ServiceError: a 403.
        """
        if self.level(caller, "Read", table) != "organization":
            raise self._missing(caller, "Read", table)

    def visible(self, caller: Caller) -> Callable[[Table], Callable[[Record], bool]]:
        """Return the test of rows that a caller may read."""

        def of_table(table: Table) -> Callable[[Record], bool]:
            level = self.level(caller, "Read", table)
            if level == "organization":
                return lambda record: True
            return lambda record: level == "user" and owns(caller, table, record)

        return of_table

    def _missing(self, caller: Caller, verb: Verb, table: Table) -> ServiceError:
        privilege = f"prv{verb}{table.right}"
        text = (
            f"Principal user (Id={caller.user_id}, type=8, roleCount={len(caller.roles)}, privilegeCount=0, "
            f"accessMode='4 Non-interactive', MetadataCachePrivilegesCount=0, businessUnitId={caller.business_unit}), "
            f"is missing {privilege} privilege (Id={privilege_id(privilege)}) on OTC={table.code} for "
            f"entity '{table.name}' (LocalizedName='{table.label}'). context.Caller={caller.user_id}. Consider adding "
            "missed privilege to one of the principal (user/team) roles."
        )
        return ServiceError(403, NO_PRIVILEGE, text)


def privilege_id(name: str) -> str:
    """Return the id of a privilege: the same in every sandbox."""
    return metadata_id("privilege", name)


def owns(caller: Caller, table: Table, record: Record) -> bool:
    """Whether a row is the caller's own; rows of tables without owners are nobody's."""
    return table.ownership == "user" and record.data.get("ownerid") == caller.user_id
