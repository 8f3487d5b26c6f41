"""Endpoints of field definitions and their options, v2 and v1."""

from __future__ import annotations

from typing import Any

from headrace.sandbox.pipedrive import fields as definitions
from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Handler, Reply, single
from headrace.sandbox.pipedrive.custom_fields import CREATABLE_TYPES, OPTION_TYPES
from headrace.sandbox.pipedrive.errors import ApiError, bad_request, forbidden, not_allowed, validation_failed
from headrace.sandbox.pipedrive.paging import check_query, limit_of, offset_page, v1_page, v2_list

MOST_OPTIONS = 10_000
_PATHS = {
    "deal": "dealFields",
    "person": "personFields",
    "organization": "organizationFields",
    "product": "productFields",
    "activity": "activityFields",
}
_EXTRAS = ("ui_visibility", "important_fields", "required_fields", "description")
_INCLUDES = ("ui_visibility", "important_fields", "required_fields")


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    found: list[Endpoint] = []
    for object_, name in _PATHS.items():
        path = f"/{name}"
        scope = ("admin", "deals", "contacts", "products", "activities")
        write = ("admin", f"{'contact' if object_ in ('person', 'organization') else object_}-fields")
        for version, key in (("v2", "field_code"), ("v1", "id")):
            one = f"{path}/{{{key}}}"
            is_v2 = version == "v2"
            found.append(Endpoint(version, "GET", path, _list(object_), 10 if is_v2 else 20, scope))  # type: ignore[arg-type]
            found.append(Endpoint(version, "GET", one, _get(object_), 1 if is_v2 else 2, scope))  # type: ignore[arg-type]
        if object_ == "activity":
            continue
        v2_one, options = f"{path}/{{field_code}}", f"{path}/{{field_code}}/options"
        found += [
            Endpoint("v2", "POST", path, _create(object_), 5, write),
            Endpoint("v2", "PATCH", v2_one, _update(object_), 5, write),
            Endpoint("v2", "DELETE", v2_one, _delete(object_), 3, write),
            Endpoint("v2", "POST", options, _add_options(object_), 5, write),
            Endpoint("v2", "PATCH", options, _change_options(object_), 5, write),
            Endpoint("v2", "DELETE", options, _delete_options(object_), 3, write),
            Endpoint("v1", "POST", path, _create_v1(object_), 10, write),
            Endpoint("v1", "PUT", f"{path}/{{id}}", _update_v1(object_), 10, write),
            Endpoint("v1", "DELETE", f"{path}/{{id}}", _delete(object_), 6, write),
        ]
    return found


def add_field(account: Account, caller: Caller, object_: str, name: str, type_: str, **more: Any) -> Data:
    """Create a custom field; `options` are labels, `code` replaces the random one, the rest are extras of v2.

    Raises:
        ApiError: 403, the plan's limit of custom fields is reached.
    """
    limit = account.settings.custom_fields_limit
    if limit is not None and sum(len(account.custom_types(kind)) for kind in _PATHS) >= limit:
        raise forbidden("Custom fields limit reached.", "feature_capping_custom_fields_limit")
    now = account.now()
    labels = more.pop("options", None)
    options = account.fields.new_options(labels, now) if labels is not None else None
    code = more.pop("code", None) or definitions.new_code()
    field = definitions.new_field(object_, code, name, type_, options, now)
    last = max((item["id"] for item in account.all("field")), default=definitions.FIRST_FIELD_ID)
    field |= {"id": last + 1, "order_nr": len(account.fields.of(object_)) + 1, **more}
    _write(account, caller, field, None, {"field_name": name, "field_type": type_, "options": labels})
    return field


def _write(account: Account, caller: Caller, field: Data, before: Data | None, sent: Data) -> None:
    key = definitions.field_key(field["object"], field["code"])
    account.store.put("field", key, field, account.clock.now())
    action = "create" if before is None else "delete" if field["is_deleted"] else "update"
    account.ledger.append("field", key, action, sent, before, field, caller.note)  # type: ignore[arg-type]
    account.fields.forget()


def _field(call: Call, object_: str) -> Data:
    if call.version == "v2":
        found = call.account.fields.get(object_, call.path["field_code"])
    else:
        found = call.account.fields.by_id(object_, call.path["id"])
    if found is None:
        raise ApiError(410 if object_ == "product" else 404, {"success": False, "error": "The field is not found"})
    return found


def _include(call: Call) -> frozenset[str]:
    names = [name for name in call.query.get("include_fields", "").split(",") if name]
    if any(name not in _INCLUDES for name in names):
        raise validation_failed([f"include_fields: Must be any of: {', '.join(_INCLUDES)}"])
    return frozenset(names)


def _list(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        found = [*call.account.fields.of(object_).values()]
        if call.version == "v1":
            page, pagination = v1_page(call, [definitions.to_v1(field) for field in found])
            return Reply({"success": True, "data": page, "additional_data": pagination})
        check_query(call, ("include_fields", "limit", "cursor"))
        page, cursor = offset_page(call, found, limit_of(call))
        return v2_list([definitions.to_v2(field, _include(call)) for field in page], cursor)

    return handle


def _get(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        field = _field(call, object_)
        return single(definitions.to_v1(field) if call.version == "v1" else definitions.to_v2(field, _include(call)))

    return handle


def _check_new(name: Any, type_: Any, options: Any, name_key: str) -> list[str]:
    problems = []
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        problems.append(f"{name_key}: Expected string of 1 to 255 characters")
    if type_ not in CREATABLE_TYPES:
        problems.append(f"field_type: Must be one of: {', '.join(CREATABLE_TYPES)}")
    if type_ in OPTION_TYPES:
        problems += _check_labels(options)
    elif options:
        problems.append(f"options: Not allowed for field type {type_}")
    return problems


def _check_labels(options: Any) -> list[str]:
    if not isinstance(options, list) or not 1 <= len(options) <= MOST_OPTIONS:
        return [f"options: Expected array of 1 to {MOST_OPTIONS} options"]
    if not all(isinstance(item, dict) and isinstance(item.get("label"), str) and item["label"] for item in options):
        return ["options: Parameter 'label' is required for each option"]
    return []


def _create(object_: str) -> Handler:
    allowed = ("field_name", "field_type", "options", *_EXTRAS)

    def handle(call: Call) -> Reply:
        body = call.body_object()
        problems = [not_allowed(name) for name in body if name not in allowed]
        name, type_, options = (body.get(key) for key in ("field_name", "field_type", "options"))
        problems += _check_new(name, type_, options, "field_name")
        if problems:
            raise validation_failed(problems)
        extras = {key: body[key] for key in _EXTRAS if key in body}
        labels = options if type_ in OPTION_TYPES else None
        field = add_field(call.account, call.caller, object_, str(name), str(type_), options=labels, **extras)
        return single(definitions.to_v2(field))

    return handle


def _create_v1(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        body = call.body_object()
        name, type_, options = (body.get(key) for key in ("name", "field_type", "options"))
        given = options if isinstance(options, list) else []
        labels = [item if isinstance(item, dict) else {"label": str(item)} for item in given]
        problems = _check_new(name, type_, labels, "name")
        if problems:
            raise bad_request("; ".join(problems))
        wanted = labels if type_ in OPTION_TYPES else None
        field = add_field(call.account, call.caller, object_, str(name), str(type_), options=wanted)
        return single(definitions.to_v1(field), 201 if object_ == "product" else 200)

    return handle


def _require_custom(field: Data) -> None:
    if not field["is_custom"]:
        raise forbidden("System fields cannot be changed.")


def _update(object_: str) -> Handler:
    allowed = ("field_name", *_EXTRAS)

    def handle(call: Call) -> Reply:
        before, body = _field(call, object_), call.body_object()
        _require_custom(before)
        unknown = [name for name in body if name not in allowed]
        if unknown:
            raise validation_failed([not_allowed(name) for name in unknown])
        changes = {key: body[key] for key in _EXTRAS if key in body}
        after = before | changes | {"name": body.get("field_name", before["name"]), "update_time": call.account.now()}
        _write(call.account, call.caller, after, before, body)
        return single(definitions.to_v2(after))

    return handle


def _update_v1(object_: str) -> Handler:
    """Change name and options; options that are left out vanish."""

    def handle(call: Call) -> Reply:
        before, body = _field(call, object_), call.body_object()
        after = before | {"name": body.get("name", before["name"]), "update_time": call.account.now()}
        if "options" in body and before["options"] is not None:
            known = {option["id"]: option for option in before["options"]}
            kept = [known[item["id"]] | {"label": item["label"]} for item in body["options"] if item.get("id") in known]
            fresh = [item for item in body["options"] if item.get("id") is None]
            after["options"] = [*kept, *call.account.fields.new_options(fresh, call.account.now())]
        _write(call.account, call.caller, after, before, body)
        return single(definitions.to_v1(after))

    return handle


def _delete(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        before = _field(call, object_)
        _require_custom(before)
        after = before | {"is_deleted": True, "update_time": call.account.now()}
        _write(call.account, call.caller, after, before, {})
        return single({"id": before["id"]} if call.version == "v1" else definitions.to_v2(before))

    return handle


def _option_field(call: Call, object_: str) -> tuple[Data, list[Any]]:
    field, body = _field(call, object_), call.body()
    if field["options"] is None:
        raise validation_failed(["field_code: The field has no options"])
    if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
        raise validation_failed(["body: Expected a non-empty array of options"])
    return field, body


def _known_ids(field: Data, body: list[Any]) -> None:
    known = {option["id"] for option in field["options"]}
    missing = [item.get("id") for item in body if item.get("id") not in known]
    if missing:
        raise validation_failed([f"id: Option {missing[0]} does not exist"])


def _save_options(call: Call, field: Data, options: list[Any], sent: list[Any]) -> None:
    after = field | {"options": options, "update_time": call.account.now()}
    _write(call.account, call.caller, after, field, {"options": sent})


def _add_options(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        field, body = _option_field(call, object_)
        problems = _check_labels(body)
        if problems:
            raise validation_failed(problems)
        fresh = call.account.fields.new_options(body, call.account.now())
        _save_options(call, field, [*field["options"], *fresh], body)
        return single([{key: value for key, value in option.items() if value is not None} for option in fresh])

    return handle


def _change_options(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        field, body = _option_field(call, object_)
        problems = _check_labels(body)
        if problems:
            raise validation_failed(problems)
        _known_ids(field, body)
        labels = {item["id"]: item["label"] for item in body}
        options = [option | {"label": labels.get(option["id"], option["label"])} for option in field["options"]]
        _save_options(call, field, options, body)
        return single([{"id": id_, "label": label} for id_, label in labels.items()])

    return handle


def _delete_options(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        field, body = _option_field(call, object_)
        _known_ids(field, body)
        gone = {item["id"] for item in body}
        removed = [option for option in field["options"] if option["id"] in gone]
        _save_options(call, field, [option for option in field["options"] if option["id"] not in gone], body)
        return single([{"id": option["id"], "label": option["label"]} for option in removed])

    return handle
