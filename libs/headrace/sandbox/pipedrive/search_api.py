"""Search: /{entity}/search, /itemSearch and /itemSearch/field. Source: "ItemSearch" of the v2 reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Handler, Reply
from headrace.sandbox.pipedrive.custom_fields import search_text
from headrace.sandbox.pipedrive.errors import validation_failed
from headrace.sandbox.pipedrive.paging import MOST, check_query, flag, limit_of, offset_page, one_of, v2_list
from headrace.sandbox.pipedrive.search_index import SearchIndex

MOST_ITEMS = 100
MOST_FILTERED = 2000
_FIELDS = {
    "deal": ("custom_fields", "notes", "title"),
    "person": ("custom_fields", "email", "notes", "phone", "name"),
    "organization": ("address", "custom_fields", "notes", "name"),
    "product": ("code", "custom_fields", "name"),
}
_ITEM_TYPES = (*_FIELDS, "lead", "file", "mail_attachment", "project")
_ENTITY_TYPES = (*_FIELDS, "lead", "project")
_PATHS = {"deal": "deals", "person": "persons", "organization": "organizations", "product": "products"}
_PARAMETERS = {
    "deal": ("person_id", "organization_id", "status", "include_fields"),
    "person": ("organization_id", "include_fields"),
    "organization": (),
    "product": ("include_fields",),
}
_NOTE_POINTERS = {"deal": "deal_id", "person": "person_id", "organization": "org_id"}


def endpoints(index: SearchIndex) -> list[Endpoint]:
    """Return all endpoints of this module."""
    scope = ("search", "search:read")
    found = [
        Endpoint("v2", "GET", f"/{_PATHS[name]}/search", _search_one(index, name), 20, scope, is_search=True)
        for name in _FIELDS
    ]
    return [
        *found,
        Endpoint("v2", "GET", "/itemSearch", _search_items(index), 20, scope, is_search=True),
        Endpoint("v2", "GET", "/itemSearch/field", _search_field(index), 20, scope, is_search=True),
    ]


def _term(call: Call, *, exact: bool) -> str:
    term = call.query.get("term", "").strip()
    least = 1 if exact else 2
    if len(term) < least:
        raise validation_failed([f"term: Must be at least {least} characters long"])
    return term


def _search_one(index: SearchIndex, object_: str) -> Handler:
    allowed = ("term", "fields", "exact_match", "limit", "cursor", *_PARAMETERS[object_])

    def handle(call: Call) -> Reply:
        check_query(call, allowed)
        exact = flag(call, "exact_match")
        term = _term(call, exact=exact)
        fields = _fields(call, object_)
        hits = _hits(call.account, _narrowed(call, object_, index.visible(object_)), object_, term, fields, exact=exact)
        page, cursor = offset_page(call, hits, limit_of(call))
        return _items(page, cursor)

    return handle


def _fields(call: Call, object_: str) -> frozenset[str]:
    names = [name for name in call.query.get("fields", "").split(",") if name]
    if any(name not in _FIELDS[object_] for name in names):
        raise validation_failed([f"fields: Must be any of: {', '.join(_FIELDS[object_])}"])
    return frozenset(names or _FIELDS[object_])


def _narrowed(call: Call, object_: str, records: Iterable[Data]) -> Iterable[Data]:
    for name, key in (("person_id", "person_id"), ("organization_id", "org_id")):
        if call.query.get(name):
            records = [item for item in records if str(item.get(key)) == call.query[name]][:MOST_FILTERED]
    if object_ == "deal" and call.query.get("status"):
        records = [item for item in records if item["status"] == call.query["status"]][:MOST_FILTERED]
    return records


def _items(page: list[Any], cursor: str | None, **extra: Any) -> Reply:
    reply = v2_list([], cursor)
    reply.body["data"] = {"items": page, **extra}
    return reply


def _hits(
    account: Account, records: Iterable[Data], object_: str, term: str, fields: frozenset[str], *, exact: bool
) -> list[Data]:
    folded = term.casefold()
    matches: Callable[[str], bool] = (
        (lambda text: text.casefold() == folded) if exact else (lambda text: folded in text.casefold())
    )
    found = []
    for record in records:
        texts = _texts(account, object_, record)
        if any(matches(text) for name in fields for text in texts[name]):
            custom = [text for text in texts["custom_fields"] if matches(text)]
            notes = [text for text in texts.get("notes", ()) if matches(text)]
            found.append({"result_score": 1, "item": _item(account, object_, record, custom, notes)})
    return found


def _texts(account: Account, object_: str, record: Data) -> dict[str, list[str]]:
    types = account.custom_types(object_)
    custom = (search_text(types[code], value) for code, value in record["custom_fields"].items() if code in types)
    texts = {"custom_fields": [text for text in custom if text is not None]}
    if object_ == "deal":
        texts["title"] = [record["title"]]
    else:
        texts["name"] = [record["name"]]
    if object_ == "person":
        texts["email"] = [entry["value"] for entry in record["emails"]]
        texts["phone"] = [entry["value"] for entry in record["phones"]]
    if object_ == "organization":
        texts["address"] = [(record["address"] or {}).get("value") or ""]
    if object_ == "product":
        texts["code"] = [record["code"] or ""]
    else:
        pointer = _NOTE_POINTERS[object_]
        texts["notes"] = [note["content"] for note in account.related("note", pointer, record["id"])]
    return texts


def _ref(account: Account, object_: str, id_: int | None) -> Data | None:
    record = account.get(object_, id_)
    if record is None:
        return None
    reference = {"id": record["id"], "name": record["name"]}
    if object_ == "organization":
        reference["address"] = (record["address"] or {}).get("value")
    return reference


def _item(account: Account, object_: str, record: Data, custom: list[str], notes: list[str]) -> Data:
    common: Data = {
        "id": record["id"],
        "type": object_,
        "visible_to": record["visible_to"],
        "owner": {"id": record["owner_id"]},
        "custom_fields": custom,
    }
    if object_ == "deal":
        return common | {
            "title": record["title"],
            "value": record["value"],
            "currency": record["currency"],
            "status": record["status"],
            "stage": _ref(account, "stage", record["stage_id"]),
            "person": _ref(account, "person", record["person_id"]),
            "organization": _ref(account, "organization", record["org_id"]),
            "notes": notes,
            "is_archived": record["is_archived"],
        }
    common["name"] = record["name"]
    if object_ == "person":
        organization = _ref(account, "organization", record["org_id"])
        contacts = {f"{kind}s": [entry["value"] for entry in record[f"{kind}s"]] for kind in ("phone", "email")}
        primary = next((entry["value"] for entry in record["emails"] if entry["primary"]), None)
        return common | contacts | {"primary_email": primary, "organization": organization, "notes": notes}
    if object_ == "organization":
        return common | {"address": (record["address"] or {}).get("value"), "notes": notes}
    return common | {"code": record["code"]}


def _search_items(index: SearchIndex) -> Handler:
    allowed = (
        "term",
        "item_types",
        "fields",
        "search_for_related_items",
        "exact_match",
        "include_fields",
        "limit",
        "cursor",
    )

    def handle(call: Call) -> Reply:
        check_query(call, allowed)
        exact = flag(call, "exact_match")
        term = _term(call, exact=exact)
        types = [name for name in call.query.get("item_types", "").split(",") if name]
        if any(name not in _ITEM_TYPES for name in types):
            raise validation_failed([f"item_types: Must be any of: {', '.join(_ITEM_TYPES)}"])
        wanted = frozenset(name for name in call.query.get("fields", "").split(",") if name)
        hits: list[Data] = []
        for object_ in _FIELDS:
            fields = wanted & frozenset(_FIELDS[object_]) if wanted else frozenset(_FIELDS[object_])
            if fields and (not types or object_ in types):
                hits += _hits(call.account, index.visible(object_), object_, term, fields, exact=exact)
        page, cursor = offset_page(call, hits, limit_of(call, MOST_ITEMS))
        related = _related(call, hits) if flag(call, "search_for_related_items") else []
        return _items(page, cursor, related_items=related)

    return handle


def _related(call: Call, hits: list[Data]) -> list[Data]:
    """Return the open deals of the persons and organizations that were found."""
    account, found = call.account, []
    for hit in hits:
        item = hit["item"]
        if item["type"] in ("person", "organization"):
            pointer = _NOTE_POINTERS[item["type"]]
            deals = account.related("deal", pointer, item["id"])
            found += [
                {"result_score": 0, "item": _item(account, "deal", deal, [], [])}
                for deal in deals
                if deal["status"] == "open"
            ]
    return found


def _search_field(index: SearchIndex) -> Handler:
    def handle(call: Call) -> Reply:
        check_query(call, ("term", "entity_type", "field", "match", "limit", "cursor"))
        if "entity_type" not in call.query or "field" not in call.query:
            raise validation_failed(["entity_type, field: Parameters are required"])
        match = one_of(call, "match", ("exact", "beginning", "middle"), "exact")
        object_ = one_of(call, "entity_type", _ENTITY_TYPES, "deal")
        term = _term(call, exact=match == "exact")
        code = call.query["field"]
        read = _reader(call.account, object_, code)
        candidates: Iterable[Data] = index.visible(object_) if object_ in _FIELDS else ()
        if match == "exact" and code in call.account.custom_types(object_):
            candidates = index.having(object_, code, term)
        found = []
        for record in candidates:
            for text in read(record):
                if text == term or (match != "exact" and _contains(text, term, match)):
                    found.append(record)
                    break
        page, cursor = offset_page(call, found, limit_of(call, MOST))
        return v2_list([_field_hit(call, object_, record) for record in page], cursor)

    return handle


def _contains(text: str, term: str, match: str) -> bool:
    return text.startswith(term) if match == "beginning" else term in text


def _reader(account: Account, object_: str, code: str) -> Callable[[Data], list[str]]:
    field = account.fields.get(object_, code)
    if object_ in _FIELDS and field is None:
        raise validation_failed([f"field: Field '{code}' does not exist"])
    type_ = field["type"] if field else "varchar"
    if field is not None and field["is_custom"]:
        if search_text(type_, "") is None:
            raise validation_failed([f"field: Fields of type {type_} are not searchable"])

        def read(record: Data) -> list[str]:
            text = search_text(type_, record["custom_fields"].get(code))
            return [] if text is None else [text]

        return read

    def read_system(record: Data) -> list[str]:
        value = record.get(code)
        if isinstance(value, list):
            return [str(entry["value"]) for entry in value if isinstance(entry, dict) and "value" in entry]
        if isinstance(value, dict):
            value = value.get("value")
        return [] if value is None else [str(value)]

    return read_system


def _field_hit(call: Call, object_: str, record: Data) -> Data:
    name = record["title"] if object_ == "deal" else record["name"]
    if call.account.settings.field_search_shape == "item":
        return {"result_score": 1, "item": {"id": record["id"], "name": name}}
    return {"id": record["id"], "name": name}
