"""EntityDefinitions over HTTP: tables, columns with casts to their types, keys; reading them and customizing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.encoding import dump_bytes, load
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import Reply, ServiceError, bad_query, no_segment, not_allowed
from headrace.sandbox.dataverse.metadata.csdl import csdl
from headrace.sandbox.dataverse.metadata.customizing import Customizing
from headrace.sandbox.dataverse.metadata.definitions import (
    OPTION_SETS,
    column_definition,
    key_definition,
    option_set,
    relationships,
    table_definition,
    type_of,
)
from headrace.sandbox.dataverse.metadata.source import Definition, chosen, inner_options
from headrace.sandbox.dataverse.paths import Segment
from headrace.sandbox.dataverse.schema import Schema, SchemaRefused, metadata_id
from headrace.sandbox.dataverse.service import Answer
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Column, Table

MANY_TO_ONE = "ManyToOneRelationships"
_NOT_FOUND = "0x80060888"


class MetadataApi:
    """Answers below EntityDefinitions, and $metadata."""

    def __init__(self, schema: Schema, customizing: Customizing) -> None:
        self._schema = schema
        self._customizing = customizing

    def named(self) -> dict[str, Answer]:
        """Return what answers by name."""
        return {
            "$metadata": lambda call, segments: Reply(200, csdl(self._schema).encode(), "application/xml"),
            "EntityDefinitions": self._definitions,
            "CreateEntities": self._create_tables,
            "RetrieveMetadataChanges": self._changes,
        }

    def _definitions(self, call: Call, segments: list[Segment]) -> Reply:
        first, rest = segments[0], segments[1:]
        if first.key is None:
            if call.method != "GET":
                raise not_allowed("Tables are created with CreateEntities.")
            definitions = [table_definition(each) for each in self._schema.tables.values()]
            return self._listed(call, "EntityDefinitions", self._tables(call, definitions))
        table = self._table(first.key)
        if not rest:
            if call.method == "DELETE":
                return self._customized(call, lambda: self._customizing.remove_table(table))
            if call.method != "GET":
                raise not_allowed(f"The HTTP method '{call.method}' is not supported on a table.")
            (shown,) = self._tables(call, [table_definition(table)])
            context = f"{call.base_url}$metadata#EntityDefinitions/$entity"
            return Reply(200, dump_bytes({"@odata.context": context, **shown}))
        if rest[0].name == "Attributes":
            return self._columns(call, table, rest)
        if rest[0].name == "Keys":
            return self._keys(call, table, rest[0])
        if rest[0].name == MANY_TO_ONE and call.method == "GET":
            found = chosen("OneToManyRelationshipMetadata", relationships(table), call.query, {})
            return self._listed(call, MANY_TO_ONE, found)
        raise no_segment(rest[0].name)

    def _tables(self, call: Call, definitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        def columns(each: Definition, inner: str) -> Any:
            table = self._schema.tables[each["LogicalName"]]
            return self._shown_columns(table, table.columns, inner_options(inner))

        def keys(each: Definition, inner: str) -> Any:
            table = self._schema.tables[each["LogicalName"]]
            found = [key_definition(table, key, call.context.moment) for key in table.keys]
            return chosen("EntityKeyMetadata", found, inner_options(inner), {})

        def related(each: Definition, inner: str) -> Any:
            found = relationships(self._schema.tables[each["LogicalName"]])
            return chosen("OneToManyRelationshipMetadata", found, inner_options(inner), {})

        expandable = {"Attributes": columns, "Keys": keys, MANY_TO_ONE: related}
        return chosen("EntityMetadata", definitions, call.query, expandable)

    def _table(self, key: str) -> Table:
        name, _, value = key.partition("=")
        if name.strip() == "LogicalName":
            table = self._schema.table(value.strip().strip("'"))
        else:
            wanted = key.strip().lower()
            table = next((each for each in self._schema.tables.values() if metadata_id(each.name) == wanted), None)
        if table is None:
            text = f"The entity with a name = {key} with namemapping = Logical was not found in the MetadataCache."
            raise ServiceError(404, _NOT_FOUND, text)
        return table

    def _columns(self, call: Call, table: Table, rest: list[Segment]) -> Reply:
        first = rest[0]
        cast = rest[1].name.removeprefix(f"{NAMESPACE}.") if len(rest) > 1 else ""
        if call.method == "POST" and first.key is None:
            made = self._customizing.add_column(table, call.json())
            address = f"{call.base_url}EntityDefinitions({metadata_id(table.name)})/Attributes({made})"
            return Reply(204, content_type="", headers={"OData-EntityId": address, "Location": address})
        if first.key is None:
            if call.method != "GET":
                raise not_allowed(f"The HTTP method '{call.method}' is not supported on columns.")
            columns = [each for each in table.columns if not cast or type_of(each)[1] == cast]
            return self._listed(call, "Attributes", self._shown_columns(table, columns, call.query))
        column = self._column(table, first.key)
        if call.method == "DELETE":
            return self._customized(call, lambda: self._customizing.remove_column(table, column))
        if call.method == "PUT":
            body = call.json()
            return self._customized(call, lambda: self._customizing.change_column(table, column, body))
        if cast and type_of(column)[1] != cast:
            raise ServiceError(404, _NOT_FOUND, f"{table.name}.{column.name} is no {cast}.")
        (shown,) = self._shown_columns(table, [column], call.query)
        return Reply(200, dump_bytes({"@odata.context": f"{call.base_url}$metadata#Attributes/$entity", **shown}))

    def _shown_columns(self, table: Table, columns: Any, query: Mapping[str, str]) -> list[dict[str, Any]]:
        def options(each: Definition, inner: str) -> Any:
            found = option_set(table, table.by_name[each["LogicalName"]])
            wanted = [name.strip() for name in inner_options(inner).get("$select", "").split(",") if name.strip()]
            return found if found is None or not wanted else {name: found.get(name) for name in ("MetadataId", *wanted)}

        definitions = [column_definition(table, each) for each in columns]
        expandable = {OPTION_SETS[0]: options, OPTION_SETS[1]: lambda each, inner: None}
        return chosen("AttributeMetadata", definitions, query, expandable)

    def _column(self, table: Table, key: str) -> Column:
        name, _, value = key.partition("=")
        wanted = value.strip().strip("'") if name.strip() == "LogicalName" else ""
        for each in table.columns:
            if each.name == wanted or metadata_id(table.name, each.name) == key.strip().lower():
                return each
        text = f"Could not find an attribute with specified name: '{wanted or key}' for entity: '{table.name}'."
        raise ServiceError(404, _NOT_FOUND, text)

    def _keys(self, call: Call, table: Table, segment: Segment) -> Reply:
        moment = call.context.moment
        if call.method == "POST":
            made = self._customizing.add_key(table, call.json(), call.context.now)
            address = f"{call.base_url}EntityDefinitions({metadata_id(table.name)})/Keys({made})"
            return Reply(204, content_type="", headers={"OData-EntityId": address, "Location": address})
        found = [key_definition(table, each, moment) for each in table.keys]
        if segment.key is None:
            return self._listed(call, "Keys", chosen("EntityKeyMetadata", found, call.query, {}))
        name, _, value = segment.key.partition("=")
        wanted = value.strip().strip("'") or name.strip().lower()
        for each, shown in zip(table.keys, found, strict=True):
            if wanted in (shown["LogicalName"], shown["MetadataId"]):
                if call.method == "DELETE":
                    self._schema.remove_key(table.name, each.name)
                    return Reply(204, content_type="")
                return Reply(200, dump_bytes(shown))
        raise ServiceError(404, _NOT_FOUND, f"The alternate key {segment.key} was not found.")

    def _customized(self, call: Call, action: Any) -> Reply:
        try:
            action()
        except SchemaRefused as error:
            raise bad_query(str(error)) from error
        return Reply(204, content_type="")

    def _create_tables(self, call: Call, segments: list[Segment]) -> Reply:
        made = [self._customizing.add_table(each) for each in call.json().get("Entities", [])]
        context = f"{call.base_url}$metadata#{NAMESPACE}.CreateEntitiesResponse"
        return Reply(200, dump_bytes({"@odata.context": context, "EntityIds": made}))

    def _changes(self, call: Call, segments: list[Segment]) -> Reply:
        """Answer the part of RetrieveMetadataChanges that names one table: its columns, whole or one of them."""
        try:
            query = load(call.query.get("@p1", "{}"))
        except ValueError as error:
            raise bad_query(f"The parameter Query cannot be read: {error}") from error
        tables = [each for each in self._schema.tables.values() if each.name in (_named(query) or [each.name])]
        asked = query.get("AttributeQuery", {})
        names = asked.get("Properties", {}).get("PropertyNames", [])
        body = []
        for table in tables:
            wanted = _named(asked)
            shown = []
            for column in table.columns:
                if not wanted or column.name in wanted:
                    full = {**column_definition(table, column), "OptionSet": option_set(table, column)}
                    always = ("@odata.type", "MetadataId", "LogicalName")
                    shown.append({name: full[name] for name in (*always, *names) if name in full} if names else full)
            body.append({"MetadataId": metadata_id(table.name), "LogicalName": table.name, "Attributes": shown})
        return Reply(200, dump_bytes({"EntityMetadata": body, "ServerVersionStamp": "1!01/01/2026 00:00:00"}))

    def _listed(self, call: Call, name: str, value: list[dict[str, Any]]) -> Reply:
        return Reply(200, dump_bytes({"@odata.context": f"{call.base_url}$metadata#{name}", "value": value}))


def _named(query: Mapping[str, Any]) -> list[str]:
    conditions = query.get("Criteria", {}).get("Conditions", [])
    return [each["Value"]["Value"] for each in conditions if each.get("PropertyName") == "LogicalName"]
