"""Control calls that only this sandbox has: customizing tables, security roles, and what time does to tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.common.control import ControlError, Sandbox, control_route
from headrace.sandbox.common.entra import EntraDirectory
from headrace.sandbox.dataverse.schema import Schema, SchemaRefused
from headrace.sandbox.dataverse.security import ROLES, USER_ROLES, RoleRefused, put_role
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.columns import choice, dates, decimal, flag, memo, moments, money, text, whole
from headrace.sandbox.dataverse.tables.model import AlternateKey, Column, Table
from headrace.sandbox.dataverse.values import moment_text


class NewColumn(BaseModel):
    """A column to add: its logical name, its kind, and what the kind needs."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9]*_[a-z0-9_]+$")
    kind: str = "string"
    label: str = ""
    size: int = Field(default=100, ge=1)
    format: str = "Text"
    options: dict[int, str] = {}


class ColumnChange(BaseModel):
    """What can change of a column."""

    model_config = ConfigDict(extra="forbid")

    size: int | None = Field(default=None, ge=1)
    label: str | None = None
    level: str | None = None
    create: bool | None = None
    update: bool | None = None


class TableChange(BaseModel):
    """What can change of a table."""

    model_config = ConfigDict(extra="forbid")

    notes: bool | None = None
    tracking: bool | None = None
    concurrency: bool | None = None
    frozen: tuple[int, ...] | None = None


class NewKey(BaseModel):
    """An alternate key; an active one works at once."""

    model_config = ConfigDict(extra="forbid")

    name: str
    columns: tuple[str, ...]
    active: bool = True


_KINDS: dict[str, Callable[[NewColumn], tuple[Column, ...]]] = {
    "string": lambda new: (text(new.name, new.size, format=new.format, label=new.label),),
    "memo": lambda new: (memo(new.name, new.size, label=new.label),),
    "integer": lambda new: (whole(new.name, label=new.label),),
    "decimal": lambda new: (decimal(new.name, label=new.label),),
    "money": lambda new: money(new.name, label=new.label),
    "boolean": lambda new: (flag(new.name, label=new.label),),
    "date": lambda new: dates(new.name),
    "moment": lambda new: moments(new.name, label=new.label),
    "choice": lambda new: (choice(new.name, *new.options.items(), label=new.label),),
}


class Administration:
    """The control calls."""

    def __init__(
        self, sandbox: Sandbox, settings: DataverseSettings, schema: Schema, directory: EntraDirectory
    ) -> None:
        self._sandbox, self._settings, self._schema, self._directory = sandbox, settings, schema, directory

    def routes(self) -> list[Route]:
        """Return the routes below /_sandbox that Dataverse adds."""
        return [
            control_route("/tables/{table}", "GET", lambda r, b: asdict(self._table(r))),
            control_route("/tables/{table}", "PATCH", self._refusing(self._change_table)),
            control_route("/tables/{table}/columns", "POST", self._refusing(self._add_column)),
            control_route("/tables/{table}/columns/{column}", "PATCH", self._refusing(self._change_column)),
            control_route("/tables/{table}/columns/{column}", "DELETE", self._refusing(self._remove_column)),
            control_route("/tables/{table}/keys", "POST", self._refusing(self._add_key)),
            control_route("/tables/{table}/keys/{key}", "DELETE", self._refusing(self._remove_key)),
            control_route("/roles", "GET", lambda r, b: {e.key: e.data for e in self._sandbox.store.list(ROLES)}),
            control_route("/roles/{role}", "POST", self._refusing(self._change_role)),
            control_route("/users/{user}/roles", "POST", self._give_roles),
            control_route("/expire_tokens", "POST", lambda r, b: {"expired": self._directory.expire_tokens()}),
        ]

    def _refusing(self, action: Callable[[Request, Any], Any]) -> Callable[[Request, Any], Any]:
        def run(request: Request, body: Any) -> Any:
            try:
                return action(request, body)
            except (SchemaRefused, RoleRefused) as error:
                raise ControlError(str(error)) from error

        return run

    def _table(self, request: Request) -> Table:
        name = request.path_params["table"]
        table = self._schema.table(name)
        if table is None:
            raise ControlError(f"there is no table {name!r}; known are {', '.join(sorted(self._schema.tables))}")
        return table

    def _change_table(self, request: Request, body: Any) -> Any:
        changes = TableChange.model_validate(body).model_dump(exclude_none=True)
        self._schema.change_table(self._table(request).name, **changes)
        return {"status": "ok"}

    def _add_column(self, request: Request, body: Any) -> Any:
        new = NewColumn.model_validate(body)
        if new.kind not in _KINDS:
            raise ControlError(f"kind {new.kind!r} cannot be added; known are {', '.join(_KINDS)}")
        for column in _KINDS[new.kind](new):
            self._schema.put_column(self._table(request).name, replace(column, custom=True))
        return {"status": "ok"}

    def _change_column(self, request: Request, body: Any) -> Any:
        changes = ColumnChange.model_validate(body).model_dump(exclude_none=True)
        self._schema.change_column(self._table(request).name, request.path_params["column"], **changes)
        return {"status": "ok"}

    def _remove_column(self, request: Request, body: Any) -> Any:
        self._schema.remove_column(self._table(request).name, request.path_params["column"])
        return {"status": "ok"}

    def _add_key(self, request: Request, body: Any) -> Any:
        new = NewKey.model_validate(body)
        wait = timedelta(seconds=0 if new.active else self._settings.key_activation_seconds)
        active = moment_text(self._sandbox.clock.now() + wait)
        self._schema.put_key(self._table(request).name, AlternateKey(new.name, new.columns, active_from=active))
        return {"status": "ok"}

    def _remove_key(self, request: Request, body: Any) -> Any:
        self._schema.remove_key(self._table(request).name, request.path_params["key"])
        return {"status": "ok"}

    def _change_role(self, request: Request, body: Any) -> Any:
        store = self._sandbox.store
        with store.transaction():
            return put_role(store, request.path_params["role"], body, self._sandbox.clock.now())

    def _give_roles(self, request: Request, body: Any) -> Any:
        store, user = self._sandbox.store, request.path_params["user"]
        if store.get("systemuser", user) is None:
            return None
        unknown = [name for name in body.get("roles", []) if store.get(ROLES, name) is None]
        if unknown:
            raise ControlError(f"there are no roles {unknown}; make them first with POST /_sandbox/roles/<name>")
        with store.transaction():
            store.put(USER_ROLES, user, {"roles": list(body["roles"])}, self._sandbox.clock.now())
        return {"status": "ok"}
