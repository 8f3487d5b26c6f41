"""Field definitions of the account: system fields, custom fields with their 40-digit codes, options."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.pipedrive.custom_fields import SUBFIELDS
from headrace.sandbox.pipedrive.system_fields import FIELD_OBJECTS, SYSTEM_FIELDS, SYSTEM_OPTIONS

Field = dict[str, Any]
FIRST_FIELD_ID = 12_400


class FieldBook:
    """Looks fields up; definitions change through `Account` like any record, and then `forget` is called."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_object: dict[str, dict[str, Field]] = {}
        self._types: dict[str, dict[str, str]] = {}
        self._options: dict[tuple[str, str], frozenset[int]] = {}

    def forget(self) -> None:
        """Drop what was read, after a definition changed."""
        self._by_object.clear()
        self._types.clear()
        self._options.clear()

    def of(self, object_: str) -> Mapping[str, Field]:
        """Return the fields of an object by code, in the order of their creation."""
        if not self._by_object:
            for record in self._store.list("field"):
                field: Field = record.data  # type: ignore[assignment]
                if not field["is_deleted"]:
                    self._by_object.setdefault(field["object"], {})[field["code"]] = field
        return self._by_object.get(object_, {})

    def get(self, object_: str, code: str) -> Field | None:
        """Return a field by its code."""
        return self.of(object_).get(code)

    def by_id(self, object_: str, id_: str) -> Field | None:
        """Return a field by its v1 number, or by its key, which v1 takes as well."""
        return next((f for f in self.of(object_).values() if id_ in (str(f["id"]), f["key"])), None)

    def custom_types(self, object_: str) -> Mapping[str, str]:
        """Return the type of each custom field by its code."""
        if object_ not in self._types:
            fields = self.of(object_).values()
            self._types[object_] = {field["code"]: field["type"] for field in fields if field["is_custom"]}
        return self._types[object_]

    def option_ids(self, object_: str, code: str) -> frozenset[int]:
        """Return the ids of a field's options; empty for a field without."""
        if (object_, code) not in self._options:
            field = self.get(object_, code)
            self._options[(object_, code)] = frozenset(option["id"] for option in (field or {}).get("options") or ())
        return self._options[(object_, code)]

    def labels(self, object_: str, code: str) -> dict[int, str]:
        """Return the labels of a field's options by id."""
        field = self.get(object_, code)
        return {option["id"]: option["label"] for option in (field or {}).get("options") or ()}

    def highest_option_id(self) -> int:
        """Return the highest option id that any field, deleted or not, has."""
        options = (record.data.get("options") or () for record in self._store.list("field"))
        return max((option["id"] for found in options for option in found), default=0)

    def new_options(self, labels: Sequence[Mapping[str, Any]], now: str) -> list[Field]:
        """Return options with fresh ids for labels."""
        first = self.highest_option_id() + 1
        return [
            {"id": first + position, "label": item["label"], "color": item.get("color"), "add_time": now}
            for position, item in enumerate(labels)
        ]

    def write_system_fields(self, now: datetime, text_now: str) -> None:
        """Give a new account its system fields, inside a transaction."""
        next_id, next_option = FIRST_FIELD_ID, 1
        for object_ in FIELD_OBJECTS:
            for position, (code, key, name, type_) in enumerate(SYSTEM_FIELDS[object_], 1):
                labels = SYSTEM_OPTIONS.get((object_, code))
                options = None
                if labels is not None:
                    options = [
                        {"id": next_option + offset, "label": label, "color": color, "add_time": text_now}
                        for offset, (label, color) in enumerate(labels)
                    ]
                    next_option += len(options)
                field = new_field(object_, code, name, type_, options, text_now)
                field |= {"id": next_id, "key": key, "is_custom": False, "order_nr": position}
                self._store.put("field", field_key(object_, code), field, now)
                next_id += 1
        self.forget()


def field_key(object_: str, code: str) -> str:
    """Return the key under which a definition is stored."""
    return f"{object_}:{code}"


def new_code() -> str:
    """Return the random code of a new custom field, which differs in every account."""
    return secrets.token_hex(20)


def new_field(
    object_: str,
    code: str,
    name: str,
    type_: str,
    options: list[Field] | None,
    now: str,
    description: str | None = None,
) -> Field:
    """Return the definition of a new field, without its v1 number."""
    return {
        "object": object_,
        "code": code,
        "key": code,
        "name": name,
        "type": type_,
        "options": options,
        "description": description,
        "is_custom": True,
        "is_deleted": False,
        "order_nr": 0,
        "add_time": now,
        "update_time": now,
        "ui_visibility": None,
        "important_fields": None,
        "required_fields": None,
    }


def to_v2(field: Mapping[str, Any], include: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the v2 field object."""
    subfields = SUBFIELDS.get(field["type"]) if field["is_custom"] else None
    shown = {
        "field_name": field["name"],
        "field_code": field["code"],
        "description": field["description"],
        "field_type": field["type"],
        "options": option_list(field),
        "subfields": None
        if subfields is None
        else [
            {
                "field_code": f"{field['code']}_{part}",
                "field_name": f"{part.replace('_', ' ').capitalize()} of {field['name']}",
                "field_type": "varchar",
            }
            for part in subfields
        ],
        "is_custom_field": field["is_custom"],
        "is_optional_response_field": False,
    }
    return shown | {name: field.get(name) for name in sorted(include)}


def option_list(field: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return a field's options as v2 shows them."""
    if field["options"] is None:
        return None
    return [{name: value for name, value in option.items() if value is not None} for option in field["options"]]


def to_v1(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return the v1 field object."""
    options = field["options"]
    shown = {
        "id": field["id"],
        "key": field["key"],
        "name": field["name"],
        "order_nr": field["order_nr"],
        "field_type": field["type"],
        "add_time": field["add_time"].replace("T", " ").removesuffix("Z"),
        "update_time": field["update_time"].replace("T", " ").removesuffix("Z"),
        "last_updated_by_user_id": None,
        "created_by_user_id": None,
        "active_flag": not field["is_deleted"],
        "edit_flag": field["is_custom"],
        "index_visible_flag": True,
        "details_visible_flag": True,
        "add_visible_flag": False,
        "important_flag": False,
        "bulk_edit_allowed": True,
        "searchable_flag": False,
        "filtering_allowed": True,
        "sortable_flag": True,
        "mandatory_flag": field["code"] in ("title", "name"),
        "is_subfield": False,
        "subfields": None,
    }
    if options is not None:
        shown["options"] = [
            {key: option[key] for key in ("id", "label", "color") if key in option} for option in options
        ]
    return shown
