"""Seed documents of the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sandbox.common.control import ControlError, Sandbox
from headrace.sandbox.common.entra import TENANT, EntraDirectory
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.dataverse.contexts import Caller, Context
from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.installation import (
    ADMINISTRATOR_ID,
    ADMINISTRATOR_ROLE,
    BUSINESS_UNIT_ID,
    Installation,
    first_rows,
    user_id,
)
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import INTEGRATION_ROLE, USER_ROLES, RoleRefused, put_role
from headrace.sandbox.dataverse.webhooks.events import WebhookEvents
from headrace.sandbox.dataverse.writes import Writer

NON_INTERACTIVE = 4


class Seeder:
    """Applies seed documents; each is one transaction, and its changes stand in the ledger with method SEED."""

    def __init__(
        self,
        sandbox: Callable[[], Sandbox],
        schema: Schema,
        writer: Callable[[], Writer],
        directory: Callable[[], EntraDirectory],
        events: WebhookEvents,
        installation: Installation,
    ) -> None:
        self._sandbox = sandbox
        self._schema = schema
        self._writer = writer
        self._directory = directory
        self._events = events
        self._installation = installation
        self._sections: Mapping[str, Callable[[Any, Context], None]] = {
            "tenant": self._tenant,
            "roles": self._roles,
            "records": self._records,
            "clients": self._clients,
        }

    def install(self) -> None:
        """Give an empty sandbox its base."""
        base = self._installation
        self.seed(
            {
                "quiet": True,
                "tenant": base.tenant,
                "roles": {ADMINISTRATOR_ROLE: {}, INTEGRATION_ROLE: {}},
                "records": first_rows(base),
                "clients": [{"client_id": base.client_id, "client_secret": base.client_secret}],
            }
        )

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a seed document and return the ledger's last sequence number and the ids of its records.

        `quiet` tells no webhook.

        Raises:
            ControlError: an unknown section, table, column or value; nothing was applied.
        """
        unknown = set(body) - {*self._sections, "quiet"}
        if unknown:
            raise ControlError(f"unknown seed sections {sorted(unknown)}; known are {sorted(self._sections)}, quiet")
        sandbox = self._sandbox()
        context = self.context("SEED", "/_sandbox/seed")
        self._events.quiet = bool(body.get("quiet", False))
        self._ids: dict[str, list[str]] = {}
        try:
            with sandbox.store.transaction():
                for name, apply in self._sections.items():
                    if name in body:
                        apply(body[name], context)
        finally:
            self._events.quiet = False
        return {"status": "ok", "last": sandbox.ledger.last(), "ids": self._ids}

    def context(self, method: str, path: str, *, checked: bool = False) -> Context:
        """Return the context of what the administrator does through the control API."""
        caller = Caller(ADMINISTRATOR_ID, "", BUSINESS_UNIT_ID, (ADMINISTRATOR_ROLE,))
        return Context(caller, RequestNote(method, path), self._sandbox().clock.now(), checked=checked)

    def _tenant(self, tenant: str, context: Context) -> None:
        self._sandbox().store.put(TENANT, "tenant", {"id": tenant}, context.now)

    def _roles(self, roles: Mapping[str, Any], context: Context) -> None:
        for name, description in roles.items():
            try:
                put_role(self._sandbox().store, name, description, context.now)
            except RoleRefused as error:
                raise ControlError(str(error)) from error

    def _records(self, tables: Mapping[str, Any], context: Context) -> None:
        """Read {table: [row]}; a row with the id of one that is there changes it. Lookups are `_x_value` or binds."""
        for name, rows in tables.items():
            table = self._schema.table(name) or self._schema.of_set(name)
            if table is None:
                raise ControlError(f"records: no table {name!r}; known are {', '.join(sorted(self._schema.tables))}")
            for row in rows:
                try:
                    found = self._sandbox().store.get(table.name, str(row.get(table.key, "")).lower())
                    if found is None:
                        record = self._writer().create(table, row, context)
                    else:
                        record = self._writer().update(table, found, row, context)
                except ServiceError as error:
                    raise ControlError(f"records: {table.name} {row.get(table.primary_name, '')}: {error}") from error
                self._ids.setdefault(name, []).append(record.key)

    def _clients(self, clients: list[Mapping[str, Any]], context: Context) -> None:
        """Read [{client_id, client_secret, certificate_pem, user, roles, name, object_id}].

        With `user` false the application has no application user. Without roles it has the integration's.
        """
        store, table = self._sandbox().store, self._schema.tables["systemuser"]
        for client in clients:
            if "client_id" not in client:
                raise ControlError("clients: every entry needs a client_id")
            client_id = str(client["client_id"])
            self._directory().register(client, context.now)
            if client.get("user", True) is False:
                continue
            key = user_id(client_id)
            row = {
                table.key: key,
                "firstname": "#",
                "lastname": client.get("name", "Headrace"),
                "domainname": f"{client_id}@{self._installation.tenant}.onmicrosoft.com",
                "applicationid": client_id,
                "azureactivedirectoryobjectid": client.get("object_id", key),
                "accessmode": NON_INTERACTIVE,
                "_businessunitid_value": BUSINESS_UNIT_ID,
            }
            self._records({"systemuser": [row]}, context)
            store.put(USER_ROLES, key, {"roles": list(client.get("roles", [INTEGRATION_ROLE]))}, context.now)
