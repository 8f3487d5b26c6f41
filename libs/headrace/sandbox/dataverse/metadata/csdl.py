"""`$metadata` as CSDL."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from headrace.sandbox.dataverse.actions import CLOSINGS
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Column, Table


def csdl(schema: Schema) -> str:
    """Return the document for the tables as they are now."""
    tables = [schema.tables[name] for name in sorted(schema.tables)]
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        f'<Schema Namespace="{NAMESPACE}" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
        '<EntityType Name="crmbaseentity" Abstract="true"/>',
    ]
    parts += [_entity_type(schema, table) for table in tables]
    parts += [_closing(name) for name in CLOSINGS]
    parts.append('<Function Name="WhoAmI"><ReturnType Type="mscrm.WhoAmIResponse" Nullable="false"/></Function>')
    parts.append(
        '<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid"/>'
        '<Property Name="UserId" Type="Edm.Guid"/><Property Name="OrganizationId" Type="Edm.Guid"/></ComplexType>'
    )
    parts.append('<EntityContainer Name="System">')
    parts += [_entity_set(schema, table) for table in tables]
    parts += [f'<ActionImport Name="{name}" Action="mscrm.{name}"/>' for name in CLOSINGS]
    parts.append('<FunctionImport Name="WhoAmI" Function="mscrm.WhoAmI"/>')
    parts.append("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>")
    return "".join(parts)


def _entity_type(schema: Schema, table: Table) -> str:
    fields = "".join(_property(table, column) for column in table.columns if column.read)
    ways = "".join(
        f'<NavigationProperty Name="{target.navigation}" Type="mscrm.{target.table}" Nullable="true">'
        f'<ReferentialConstraint Property="{column.property_name}" '
        f'ReferencedProperty="{schema.tables[target.table].key}"/></NavigationProperty>'
        for column in table.columns
        for target in column.targets
        if target.table in schema.tables and (target.navigation != "ownerid" or target.table == "systemuser")
    )
    ways += "".join(
        f'<NavigationProperty Name="{name}" Type="Collection(mscrm.{child.name})"/>'
        for name, (child, _) in schema.collections(table).items()
    )
    return (
        f'<EntityType Name="{table.name}" BaseType="mscrm.crmbaseentity"><Key><PropertyRef Name="{table.key}"/></Key>'
        f"{fields}{ways}</EntityType>"
    )


def _property(table: Table, column: Column) -> str:
    unicode = ' Unicode="false"' if column.edm_type == "Edm.String" else ""
    scale = ' Scale="Variable"' if column.edm_type == "Edm.Decimal" else ""
    nullable = ' Nullable="false"' if column.name == table.key else ""
    shown = f'<Annotation Term="Org.OData.Core.V1.Description" String={quoteattr(column.shown_label)}/>'
    computed = "" if column.create or column.update else '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>'
    return (
        f'<Property Name="{column.property_name}" Type="{column.edm_type}"{nullable}{unicode}{scale}>'
        f"{shown}{computed}</Property>"
    )


def _entity_set(schema: Schema, table: Table) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{name}" Target="{child.set}"/>'
        for name, (child, _) in schema.collections(table).items()
    )
    return f'<EntitySet Name="{table.set}" EntityType="{NAMESPACE}.{table.name}">{bindings}</EntitySet>'


def _closing(name: str) -> str:
    closing = CLOSINGS[name]
    return (
        f'<Action Name="{name}">'
        f'<Parameter Name="{closing.parameter}" Type="mscrm.{closing.activity}" Nullable="false"/>'
        '<Parameter Name="Status" Type="Edm.Int32" Nullable="false"/></Action>'
    )
