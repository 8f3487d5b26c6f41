"""What the service says about itself: service document, $metadata (EDMX), and the JSON under /metadata."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.enums import ENUM_VALUES, ENUMS
from headrace.sandbox.dynamics_fo.entities.model import NAMESPACE, Entity, Property

_CORE = "Microsoft.Dynamics.OData.Core.V1"
_AX_TYPES = {
    "string": "String",
    "decimal": "Real",
    "int32": "Integer",
    "int64": "Int64",
    "date": "Date",
    "moment": "UtcDateTime",
    "guid": "Guid",
    "enum": "Enum",
    "binary": "Container",
}


def service_document(base_url: str) -> dict[str, Any]:
    """Return the list of all sets."""
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(ENTITIES)]
    return {"@odata.context": f"{base_url}/data/$metadata", "value": sets}


@cache
def edmx() -> str:
    """Return `$metadata`: no MaxLength, strings nullable, what is required stands in annotations."""
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    for name, members in ENUMS.items():
        values = ENUM_VALUES.get(name, tuple(range(len(members))))
        listed = "".join(f'<Member Name="{m}" Value="{v}"/>' for m, v in zip(members, values, strict=True))
        parts.append(f'<EnumType Name="{name}">{listed}</EnumType>')
    parts += [_entity_type(entity) for entity in ENTITIES.values()]
    parts.append('<EntityContainer Name="Resources">')
    parts += [_entity_set(entity) for entity in ENTITIES.values()]
    parts.append("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>")
    return "".join(parts)


def _entity_type(entity: Entity) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in entity.key)
    fields = "".join(_property(entity, field) for field in entity.properties)
    navigations = ""
    for each in entity.navigations:
        target = f"{NAMESPACE}.{ENTITIES[each.target_set].type}"
        target = f"Collection({target})" if each.many else target
        navigations += f'<NavigationProperty Name="{each.name}" Type="{target}"/>'
    return f'<EntityType Name="{entity.type}"><Key>{keys}</Key>{fields}{navigations}</EntityType>'


def _property(entity: Entity, field: Property) -> str:
    not_null = field.name in entity.key or field.kind not in ("string", "enum")
    nullable = ' Nullable="false"' if not_null else ""
    flags = {
        "IsRequired": _mandatory(entity, field),
        "AllowEdit": not (field.read_only or field.name in entity.key or entity.read_only),
        "AllowEditOnCreate": not (field.read_only or entity.read_only),
        "IsReadOnly": field.read_only or entity.read_only,
        "IsDimension": bool(field.dimension),
        "ConfigurationKeyEnabled": True,
    }
    notes = "".join(f'<Annotation Term="{_CORE}.{name}" Bool="{str(on).lower()}"/>' for name, on in flags.items())
    label = f'<Annotation Term="{_CORE}.LabelId" String={quoteattr(field.shown_label)}/>'
    kind = f'<Annotation Term="{_CORE}.AXType" String="{_AX_TYPES[field.kind]}"/>'
    return f'<Property Name="{field.name}" Type="{field.edm_type}"{nullable}>{label}{kind}{notes}</Property>'


def _mandatory(entity: Entity, field: Property) -> bool:
    numbered = any(sequence.field == field.name and sequence.mode != "manual" for sequence in entity.sequences)
    return field.required or (field.name in entity.key and field.name != "dataAreaId" and not numbered)


def _entity_set(entity: Entity) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{each.name}" Target="{each.target_set}"/>' for each in entity.navigations
    )
    return f'<EntitySet Name="{entity.set}" EntityType="{NAMESPACE}.{entity.type}">{bindings}</EntitySet>'


def data_entities() -> list[dict[str, Any]]:
    """Return `/metadata/DataEntities`: one short row per entity, under its AOT name."""
    return [
        {
            "Name": entity.aot,
            "PublicEntityName": entity.type,
            "PublicCollectionName": entity.set,
            "LabelId": entity.label,
            "DataServiceEnabled": True,
            "DataManagementEnabled": not entity.read_only,
            "EntityCategory": entity.category,
            "IsReadOnly": entity.read_only,
        }
        for entity in ENTITIES.values()
    ]


def public_entities() -> list[Mapping[str, Any]]:
    """Return `/metadata/PublicEntities`: every entity with its properties."""
    return [_public_entity(name) for name in ENTITIES]


@cache
def _public_entity(set_name: str) -> Mapping[str, Any]:
    entity = ENTITIES[set_name]
    return {
        "Name": entity.type,
        "EntitySetName": entity.set,
        "LabelId": entity.label,
        "IsReadOnly": entity.read_only,
        "ConfigurationEnabled": True,
        "Properties": [
            {
                "Name": field.name,
                "TypeName": field.edm_type,
                "DataType": _AX_TYPES[field.kind],
                "LabelId": field.shown_label,
                "IsKey": field.name in entity.key,
                "IsMandatory": _mandatory(entity, field),
                "ConfigurationEnabled": True,
                "AllowEdit": not (field.read_only or field.name in entity.key or entity.read_only),
                "AllowEditOnCreate": not (field.read_only or entity.read_only),
                "IsDimension": bool(field.dimension),
            }
            for field in entity.properties
        ],
        "NavigationProperties": [
            {
                "Name": each.name,
                "RelatedEntity": ENTITIES[each.target_set].type,
                "Cardinality": "Multiple" if each.many else "Single",
            }
            for each in entity.navigations
        ],
        "Actions": [],
    }


def public_entity(name: str) -> Mapping[str, Any] | None:
    """Return one entity by its public type name, or None."""
    return next((_public_entity(entity.set) for entity in ENTITIES.values() if entity.type == name), None)
