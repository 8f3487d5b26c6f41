"""List, get, create, update and delete under /api/v2, for every object of `RESOURCES`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.sandbox.pipedrive import records, show_v2
from headrace.sandbox.pipedrive.access import ADD, permitted
from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import LABELS, Call, Endpoint, Handler, Reply, single
from headrace.sandbox.pipedrive.counters import INCLUDE_FIELDS
from headrace.sandbox.pipedrive.errors import forbidden, validation_failed
from headrace.sandbox.pipedrive.filters import filtered
from headrace.sandbox.pipedrive.paging import check_query, flag, keyset_page, limit_of, one_of, v2_list
from headrace.sandbox.pipedrive.properties import DEAL_STATUS
from headrace.sandbox.pipedrive.resources import RESOURCES, Resource
from headrace.sandbox.pipedrive.times import from_v2, to_v2

MOST_IDS = 100
MOST_CUSTOM_FIELDS = 15
_PAGE_PARAMETERS = ("limit", "cursor", "sort_by", "sort_direction")


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    found: list[Endpoint] = []
    for resource in RESOURCES.values():
        path, scope = f"/{resource.path}", resource.scope
        found += [
            Endpoint("v2", "GET", path, _list(resource), resource.list_cost, scope),
            Endpoint("v2", "POST", path, _create(resource), 5, scope),
            Endpoint("v2", "GET", f"{path}/{{id}}", _get(resource), 1, scope),
            Endpoint("v2", "PATCH", f"{path}/{{id}}", _update(resource), 5, scope),
            Endpoint("v2", "DELETE", f"{path}/{{id}}", _delete(resource), 3, scope),
        ]
    archived = _list(RESOURCES["deal"], archived=True)
    return [*found, Endpoint("v2", "GET", "/deals/archived", archived, 20, ("deals",))]


def selection_of(call: Call, resource: Resource) -> show_v2.Selection:
    """Read `include_fields`, `custom_fields`, `include_option_labels` and `include_labels`.

    Raises:
        ApiError: 400 for unknown names, or more than 15 custom fields.
    """
    include = frozenset(_split(call.query.get("include_fields")))
    unknown = sorted(include - INCLUDE_FIELDS.get(resource.object, frozenset()))
    if unknown:
        raise validation_failed([f"include_fields: Unknown field '{unknown[0]}'"])
    custom = None
    if call.query.get("custom_fields"):
        custom = frozenset(_split(call.query["custom_fields"]))
        if len(custom) > MOST_CUSTOM_FIELDS:
            raise validation_failed([f"custom_fields: At most {MOST_CUSTOM_FIELDS} keys are allowed"])
    labels = flag(call, "include_labels")
    return show_v2.Selection(include, custom, option_labels=flag(call, "include_option_labels"), labels=labels)


def _split(text: str | None) -> list[str]:
    return [part for part in (text or "").split(",") if part]


def _selection_parameters(resource: Resource) -> tuple[str, ...]:
    return (
        *(("include_fields",) if resource.include else ()),
        *(("custom_fields",) if resource.custom else ()),
        *(("include_option_labels", "include_labels") if resource.labels else ()),
    )


def _list(resource: Resource, *, archived: bool = False) -> Handler:
    times = (*(("updated_since",) if resource.since else ()), *(("updated_until",) if resource.until else ()))
    allowed = (*resource.filters, *times, *_PAGE_PARAMETERS, *_selection_parameters(resource))

    def handle(call: Call) -> Reply:
        check_query(call, allowed)
        sort_by = one_of(call, "sort_by", resource.sort_by, "id")
        selection = selection_of(call, resource)
        limit = limit_of(call)
        found = [*_select(call, resource, archived=archived)]
        page, cursor = keyset_page(call, found, sort_by, limit)
        return v2_list([show_v2.show(call.account, resource.object, record, selection) for record in page], cursor)

    return handle


def _select(call: Call, resource: Resource, *, archived: bool) -> Iterable[Data]:
    account, query = call.account, call.query
    found: Iterable[Data] = account.all(resource.object)
    if resource.object == "deal":
        found = (deal for deal in found if deal["is_archived"] == archived)
    deleted_too = account.settings.deleted_in_lists and "updated_since" in query and resource.object != "deal"
    statuses = _split(query.get("status"))
    if not deleted_too and "deleted" not in statuses:
        found = (record for record in found if not record["is_deleted"])
    for name, keeps in (("updated_since", _not_before), ("updated_until", _before)):
        if query.get(name):
            found = keeps(found, _moment(name, query[name]))
    if query.get("filter_id"):
        return filtered(account, resource.object, query["filter_id"], found)
    if query.get("ids"):
        ids = set(_numbers("ids", query["ids"], MOST_IDS))
        found = (record for record in found if record["id"] in ids)
    if statuses:
        found = _with_status(found, statuses)
    if query.get("done"):
        done = flag(call, "done")
        found = (record for record in found if record["done"] == done)
    if query.get("deal_id") and resource.object == "person":
        deal = account.get("deal", _numbers("deal_id", query["deal_id"], 1)[0])
        found = (record for record in found if deal is not None and record["id"] == deal["person_id"])
    for name in ("owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "deal_id"):
        if query.get(name) and name in resource.filters and not (name == "deal_id" and resource.object == "person"):
            found = _equal(found, name, _numbers(name, query[name], 1)[0])
    return _equal(found, "lead_id", query["lead_id"]) if query.get("lead_id") else found


def _not_before(records_: Iterable[Data], moment: str) -> Iterable[Data]:
    return (record for record in records_ if record["update_time"] >= moment)


def _before(records_: Iterable[Data], moment: str) -> Iterable[Data]:
    return (record for record in records_ if record["update_time"] < moment)


def _equal(records_: Iterable[Data], name: str, value: Any) -> Iterable[Data]:
    return (record for record in records_ if record[name] == value)


def _with_status(records_: Iterable[Data], statuses: list[str]) -> Iterable[Data]:
    if any(status not in (*DEAL_STATUS, "deleted") for status in statuses):
        raise validation_failed(["status: Must be one of: open, won, lost, deleted"])
    return (
        record
        for record in records_
        if ("deleted" in statuses if record["is_deleted"] else record["status"] in statuses)
    )


def _moment(name: str, text: str) -> str:
    try:
        return to_v2(from_v2(text.replace(" ", "+")))
    except ValueError as error:
        raise validation_failed([f"{name}: {error}"]) from None


def _numbers(name: str, text: str, most: int) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > most or not all(part.isdecimal() for part in parts):
        raise validation_failed([f"{name}: Expected at most {most} comma-separated integers"])
    return [int(part) for part in parts]


def _get(resource: Resource) -> Handler:
    allowed = _selection_parameters(resource)

    def handle(call: Call) -> Reply:
        check_query(call, allowed)
        record = call.record(resource.object, deleted=call.account.settings.get_deleted == 200)
        return single(show_v2.show(call.account, resource.object, record, selection_of(call, resource)))

    return handle


def _may_add(call: Call, resource: Resource) -> None:
    user = call.account.get("user", call.caller.user_id)
    name = ADD.get(resource.object)
    if user is not None and name is not None and not permitted(user, name):
        raise forbidden()


def _create(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        check_query(call, ())
        _guard(call, resource)
        _may_add(call, resource)
        record = records.create(call.account, call.caller, resource, call.body())
        return single(show_v2.show(call.account, resource.object, record), resource.created)

    return handle


def _update(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        check_query(call, ())
        _guard(call, resource)
        before = call.record(resource.object, deleted=True)
        after = records.change(call.account, call.caller, resource, before, call.body())
        return single(show_v2.show(call.account, resource.object, after))

    return handle


def _delete(resource: Resource) -> Handler:
    def handle(call: Call) -> Reply:
        _guard(call, resource)
        id_ = records.delete(call.account, call.caller, resource.object, call.id(), LABELS[resource.object])
        return single({"id": id_})

    return handle


def _guard(call: Call, resource: Resource) -> None:
    if resource.admin:
        call.require_admin()
