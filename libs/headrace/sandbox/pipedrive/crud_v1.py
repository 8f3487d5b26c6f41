"""The deprecated v1 twins of the v2 objects: deals, persons, organizations, products, activities, pipelines, stages.

Declared out of support on 1 August 2026, but still answering.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from headrace.sandbox.pipedrive import records, show_v1
from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import LABELS, Call, Endpoint, Handler, Reply, single
from headrace.sandbox.pipedrive.errors import ApiError, bad_request
from headrace.sandbox.pipedrive.filters import filtered
from headrace.sandbox.pipedrive.paging import v1_list, v1_page
from headrace.sandbox.pipedrive.resources import RESOURCES, Resource
from headrace.sandbox.pipedrive.v1_body import to_v2_body

_CREATED = {"pipeline": 200, "stage": 200}
_FILTERS = {"user_id": "owner_id", "stage_id": "stage_id", "pipeline_id": "pipeline_id", "org_id": "org_id"}


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    found: list[Endpoint] = []
    for resource in RESOURCES.values():
        path, scope = f"/{resource.path}", resource.scope
        found += [
            Endpoint("v1", "GET", path, _list(resource), 20, scope),
            Endpoint("v1", "POST", path, _create(resource), 10, scope),
            Endpoint("v1", "GET", f"{path}/{{id}}", _get(resource), 2, scope),
            Endpoint("v1", "PUT", f"{path}/{{id}}", _update(resource), 10, scope),
            Endpoint("v1", "DELETE", f"{path}/{{id}}", _delete(resource), 6, scope),
        ]
    archived = _list(RESOURCES["deal"], archived=True)
    return [*found, Endpoint("v1", "GET", "/deals/archived", archived, 40, ("deals",))]


def _list(resource: Resource, *, archived: bool = False) -> Handler:
    def handle(call: Call) -> Reply:
        account, query = call.account, call.query
        wants_deleted = query.get("status") == "deleted"
        found: list[Data] = [item for item in account.all(resource.object) if item["is_deleted"] == wants_deleted]
        if resource.object == "deal":
            found = [deal for deal in found if deal["is_archived"] == archived]
            if query.get("status") in ("open", "won", "lost"):
                found = [deal for deal in found if deal["status"] == query["status"]]
        if query.get("filter_id"):
            found = [*filtered(account, resource.object, query["filter_id"], found)]
        else:
            for name, key in _FILTERS.items():
                if query.get(name, "").isdecimal():
                    found = [item for item in found if item.get(key, int(query[name])) == int(query[name])]
        found = _sorted(found, query.get("sort"))
        page, pagination = v1_page(call, found)
        return v1_list([show_v1.show(account, resource.object, item) for item in page], pagination)

    return handle


def _sorted(found: list[Data], sort: str | None) -> list[Data]:
    """Sort by `field ASC, field2 DESC`; fields that a record does not have are ignored."""
    for part in reversed((sort or "").split(",")):
        name, _, direction = part.strip().partition(" ")
        if name and found and isinstance(found[0].get(name, []), str | int | Decimal | None):
            found = sorted(found, key=_place(name), reverse=direction.upper() == "DESC")
    return found


def _place(name: str) -> Callable[[Data], Any]:
    return lambda item: (item[name] is not None, item[name] or 0)


def _get(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        record = call.record(resource.object, deleted=call.account.settings.get_deleted == 200)
        return single(show_v1.show(call.account, resource.object, record))

    return handle


def _create(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        body = call.body()
        if isinstance(body, dict) and "id" in body:
            raise bad_request("Inserting ID with POST request is not allowed. Use PUT to update an existing item.")
        if resource.object == "deal":
            _check_deal(call, body)
        if resource.admin:
            call.require_admin()
        converted, extra = to_v2_body(call.account, resource.object, body)
        record = _in_v1_grammar(lambda: records.create(call.account, call.caller, resource, converted, extra))
        return single(show_v1.show(call.account, resource.object, record), _CREATED.get(resource.object, 201))

    return handle


def _check_deal(call: Call, body: Any) -> None:
    if not isinstance(body, dict) or not body.get("title"):
        raise bad_request("Deal title must be given.")
    if call.account.settings.v1_deal_needs_contact and not (body.get("person_id") or body.get("org_id")):
        raise bad_request("A deal must be linked to a person or an organization.")


def _update(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        before, body = call.record(resource.object, deleted=True), call.body()
        if resource.admin:
            call.require_admin()
        converted, _ = to_v2_body(call.account, resource.object, body)
        restores = isinstance(body, dict) and (body.get("deleted") in (0, "0", False) or body.get("active_flag") == 1)
        if before["is_deleted"]:
            if not restores:
                raise bad_request(f"{LABELS[resource.object]} is deleted and cannot be edited.")
            converted["is_deleted"] = False
        after = _in_v1_grammar(lambda: records.change(call.account, call.caller, resource, before, converted))
        return single(show_v1.show(call.account, resource.object, after))

    return handle


def _delete(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        if resource.admin:
            call.require_admin()
        id_ = records.delete(call.account, call.caller, resource.object, call.id(), LABELS[resource.object])
        return single({"id": id_})

    return handle


def _in_v1_grammar(action: Any) -> Data:
    """Run a change and put the text of a schema error into the v1 envelope."""
    try:
        result: Data = action()
    except ApiError as error:
        if isinstance(error.body, dict) and error.body.get("code") == "ERR_SCHEMA_VALIDATION_FAILED":
            raise bad_request(str(error.body["error"]).removeprefix("Validation failed: ")) from None
        raise
    return result
