"""Endpoints of deal lines, discounts and installments, v2 and the v1 twins of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.sandbox.pipedrive import deal_products as lines
from headrace.sandbox.pipedrive import show_v1, show_v2
from headrace.sandbox.pipedrive.account import Caller, Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Reply, single
from headrace.sandbox.pipedrive.errors import ApiError, bad_request, not_found, validation_failed
from headrace.sandbox.pipedrive.paging import check_query, keyset_page, limit_of, one_of, v1_list, v1_page, v2_list
from headrace.sandbox.pipedrive.v1_body import to_v2_body
from headrace.sandbox.pipedrive.validation import BodyCheck

MOST_IN_BULK = 100
_PAGE = ("cursor", "limit", "sort_by", "sort_direction")
_SORTS = ("id", "add_time", "update_time", "order_nr")


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    scope, both = ("deals",), ("products", "deals")
    one = "/deals/{id}/products/{product_attachment_id}"
    return [
        Endpoint("v2", "GET", "/deals/{id}/products", _list, 10, both),
        Endpoint("v2", "GET", "/deals/products", _list_many, 10, both),
        Endpoint("v2", "POST", "/deals/{id}/products", _add, 5, both),
        Endpoint("v2", "POST", "/deals/{id}/products/bulk", _add_many, 25, both),
        Endpoint("v2", "PATCH", one, _change, 5, both),
        Endpoint("v2", "DELETE", one, _remove, 3, both),
        Endpoint("v2", "DELETE", "/deals/{id}/products", _remove_many, 15, both),
        Endpoint("v2", "GET", "/deals/{id}/discounts", _list_discounts, 10, scope),
        Endpoint("v2", "POST", "/deals/{id}/discounts", _add_discount, 5, scope),
        Endpoint("v2", "PATCH", "/deals/{id}/discounts/{discount_id}", _change_discount, 5, scope),
        Endpoint("v2", "DELETE", "/deals/{id}/discounts/{discount_id}", _remove_discount, 3, scope),
        Endpoint("v2", "GET", "/deals/installments", _list_installments, 10, scope),
        Endpoint("v2", "POST", "/deals/{id}/installments", _add_installment, 5, scope),
        Endpoint("v2", "PATCH", "/deals/{id}/installments/{installment_id}", _change_installment, 5, scope),
        Endpoint("v2", "DELETE", "/deals/{id}/installments/{installment_id}", _remove_installment, 3, scope),
        Endpoint("v1", "GET", "/deals/{id}/products", _list_v1, 20, both),
        Endpoint("v1", "POST", "/deals/{id}/products", _add_v1, 10, both),
        Endpoint("v1", "PUT", one, _change_v1, 10, both),
        Endpoint("v1", "DELETE", one, _remove_v1, 6, both),
        Endpoint("v1", "GET", "/products/{id}/deals", _deals_of_product, 20, both),
    ]


def _checked(call: Call, object_: str, body: Any, *, creating: bool, place: str = "") -> Data:
    check = BodyCheck(call.account, object_, call.caller.user_id)
    sent = check.run(body, creating=creating)
    product = call.account.get("product", sent.get("product_id"))
    if product is not None and not product["is_linkable"] and call.account.settings.unlinkable_products == "refuse":
        check.problems.append(f"product_id: Product with id {product['id']} cannot be linked to deals")
    if check.problems:
        raise validation_failed([f"{place}{problem}" for problem in check.problems])
    return sent


def _shown(call: Call, line: Data) -> Data:
    return show_v2.show(call.account, "deal_product", call.account.get("deal_product", line["id"]) or line)


def _line(call: Call, deal: Data) -> Data:
    found = call.account.get("deal_product", call.id("product_attachment_id"))
    if found is None or found["deal_id"] != deal["id"]:
        raise not_found("Deal product")
    return found


def _list(call: Call) -> Reply:
    check_query(call, _PAGE)
    deal = call.record("deal", deleted=True)
    found = lines.lines_of(call.account, deal["id"])
    page, cursor = keyset_page(call, found, one_of(call, "sort_by", _SORTS, "id"), limit_of(call))
    return v2_list([_shown(call, line) for line in page], cursor)


def _ids(call: Call, name: str) -> list[int]:
    parts = [part for part in call.query.get(name, "").split(",") if part]
    if not parts or len(parts) > MOST_IN_BULK or not all(part.isdecimal() for part in parts):
        raise validation_failed([f"{name}: Expected 1 to {MOST_IN_BULK} comma-separated integers"])
    return [int(part) for part in parts]


def _list_many(call: Call) -> Reply:
    check_query(call, ("deal_ids", *_PAGE))
    ids = dict.fromkeys(_ids(call, "deal_ids"))
    found = sorted((line for id_ in ids for line in lines.lines_of(call.account, id_)), key=lambda line: line["id"])
    sort_by = one_of(call, "sort_by", (*_SORTS, "deal_id"), "id")
    page, cursor = keyset_page(call, found, sort_by, limit_of(call))
    return v2_list([_shown(call, line) for line in page], cursor)


def _add(call: Call) -> Reply:
    deal = call.record("deal")
    sent = _checked(call, "deal_product", call.body(), creating=True)
    return single(_shown(call, lines.add_line(call.account, call.caller, deal, sent)), 201)


def _add_many(call: Call) -> Reply:
    deal, body = call.record("deal"), call.body()
    items = body.get("data") if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_IN_BULK:
        raise validation_failed([f"data: Expected an array of 1 to {MOST_IN_BULK} products"])
    caller = Caller(call.caller.user_id, call.caller.note, call.caller.source, call.caller.quiet, is_bulk=True)
    checked = []
    for position, item in enumerate(items):
        try:
            checked.append(_checked(call, "deal_product", item, creating=True, place=f"data.{position}."))
        except ApiError:
            if call.account.settings.bulk_is_atomic:
                raise
    added = [lines.add_line(call.account, caller, deal, sent) for sent in checked]
    return single([_shown(call, line) for line in added], 201)


def _change(call: Call) -> Reply:
    deal = call.record("deal")
    before = _line(call, deal)
    sent = _checked(call, "deal_product", call.body(), creating=False)
    return single(_shown(call, lines.change_line(call.account, call.caller, deal, before, sent)))


def _remove(call: Call) -> Reply:
    deal = call.record("deal")
    line = _line(call, deal)
    lines.remove_lines(call.account, call.caller, deal, [line])
    return single({"id": line["id"]})


def _remove_many(call: Call) -> Reply:
    check_query(call, ("ids",))
    deal = call.record("deal")
    found = lines.lines_of(call.account, deal["id"])
    if call.query.get("ids"):
        wanted = set(_ids(call, "ids"))
        found = [line for line in found if line["id"] in wanted]
    gone = found[:MOST_IN_BULK]
    lines.remove_lines(call.account, call.caller, deal, gone)
    more = {"more_items_in_collection": len(found) > len(gone)}
    return single({"ids": [line["id"] for line in gone]}, additional_data=more)


# Discounts


def _discount(call: Call, deal: Data) -> Data:
    found = call.account.get("discount", call.path["discount_id"])
    if found is None or found["deal_id"] != deal["id"]:
        raise not_found("Discount")
    return found


def _list_discounts(call: Call) -> Reply:
    deal = call.record("deal", deleted=True)
    return single(call.account.related("discount", "deal_id", deal["id"]))


def _add_discount(call: Call) -> Reply:
    deal = call.record("deal")
    sent = _checked(call, "discount", call.body(), creating=True)
    return single(lines.add_discount(call.account, call.caller, deal, sent), 201)


def _change_discount(call: Call) -> Reply:
    before = _discount(call, call.record("deal"))
    sent = _checked(call, "discount", call.body(), creating=False)
    return single(lines.change_discount(call.account, call.caller, before, sent))


def _remove_discount(call: Call) -> Reply:
    discount = _discount(call, call.record("deal"))
    call.account.remove("discount", discount, call.caller)
    lines.refresh_value(call.account, call.caller, discount["deal_id"])
    return single({"id": discount["id"]})


# Installments


def _list_installments(call: Call) -> Reply:
    check_query(call, ("deal_ids", *_PAGE))
    found = [item for id_ in _ids(call, "deal_ids") for item in call.account.related("installment", "deal_id", id_)]
    found.sort(key=lambda item: item["id"])
    sort_by = one_of(call, "sort_by", ("id", "billing_date", "deal_id"), "id")
    return v2_list(*keyset_page(call, found, sort_by, limit_of(call)))


def _add_installment(call: Call) -> Reply:
    deal = call.record("deal")
    sent = _checked(call, "installment", call.body(), creating=True)
    return single(lines.add_installment(call.account, call.caller, deal, sent))


def _installment(call: Call) -> Data:
    found = call.account.get("installment", call.id("installment_id"))
    if found is None or found["deal_id"] != call.record("deal")["id"]:
        raise not_found("Installment")
    return found


def _change_installment(call: Call) -> Reply:
    before = _installment(call)
    sent = _checked(call, "installment", call.body(), creating=False)
    return single(call.account.update("installment", before, before | sent, call.caller, sent))


def _remove_installment(call: Call) -> Reply:
    installment = _installment(call)
    call.account.remove("installment", installment, call.caller)
    return single({"id": installment["id"]})


# v1


def _shown_v1(call: Call, line: Data) -> Data:
    return show_v1.show(call.account, "deal_product", call.account.get("deal_product", line["id"]) or line)


def _list_v1(call: Call) -> Reply:
    deal = call.record("deal", deleted=True)
    found = lines.lines_of(call.account, deal["id"])
    page, pagination = v1_page(call, found)
    data = [_shown_v1(call, line) for line in page]
    if call.query.get("include_product_data") == "1":
        for shown in data:
            product = call.account.get("product", shown["product_id"])
            shown["product"] = product and show_v1.show(call.account, "product", product)
    total, quantity = sum(line["sum"] for line in found), sum(line["quantity"] for line in found)
    totals = {"products_quantity_total": quantity, "products_sum_total": total}
    totals |= {"products_quantity_total_formatted": str(quantity)}
    totals |= {"products_sum_total_formatted": show_v1.formatted(total, deal["currency"])}
    return v1_list(data, additional_data={"pagination": pagination, **totals})


def _checked_v1(call: Call, *, creating: bool) -> Data:
    converted, _ = to_v2_body(call.account, "deal_product", call.body())
    check = BodyCheck(call.account, "deal_product", call.caller.user_id)
    sent = check.run(converted, creating=creating)
    if check.problems:
        raise bad_request("; ".join(check.problems))
    return sent


def _add_v1(call: Call) -> Reply:
    deal = call.record("deal")
    line = lines.add_line(call.account, call.caller, deal, _checked_v1(call, creating=True))
    return single(_shown_v1(call, line) | {"product_attachment_id": line["id"]})


def _change_v1(call: Call) -> Reply:
    deal = call.record("deal")
    before = _line(call, deal)
    sent = _checked_v1(call, creating=False)
    return single(_shown_v1(call, lines.change_line(call.account, call.caller, deal, before, sent)))


def _remove_v1(call: Call) -> Reply:
    deal = call.record("deal")
    line = _line(call, deal)
    lines.remove_lines(call.account, call.caller, deal, [line])
    return single({"id": line["id"], "product_attachment_id": line["id"]})


def _deals_of_product(call: Call) -> Reply:
    product = call.record("product", deleted=True)
    ids = {line["deal_id"] for line in call.account.related("deal_product", "product_id", product["id"])}
    page, pagination = v1_page(call, sorted(ids))
    deals: Callable[[int], Data | None] = lambda id_: call.account.get("deal", id_)  # noqa: E731
    return v1_list([show_v1.show(call.account, "deal", deal) for id_ in page if (deal := deals(id_))], pagination)
