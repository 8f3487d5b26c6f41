"""Pages of a list, in the envelopes that were seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from headrace.sandbox.avidxchange.calls import Call
from headrace.sandbox.avidxchange.edge import query_text
from headrace.sandbox.avidxchange.settings import AvidSettings
from headrace.sandbox.avidxchange.times import kept, shown

Row = TypeVar("Row")


def page_of(
    call: Call, settings: AvidSettings, rows: Sequence[Row], show: Callable[[Row], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return one page of rows by offset: what changes its place between two calls may be missed or come twice.

    Raises:
        ApiError: 400, `pageNumber` or `pageSize` is no positive number.
    """
    if settings.paging_shape == "absent":
        return {"Items": [show(row) for row in rows]}
    number = call.number("pageNumber", 1)
    size = min(call.number("pageSize", settings.page_size), settings.page_size_cap)
    pages = max(1, -(-len(rows) // size))
    items = [show(row) for row in rows[(number - 1) * size : number * size]]
    if settings.paging_shape == "camel":
        paging = {
            "pageItems": len(items),
            "pageNumber": number,
            "pageSize": size,
            "pages": pages,
            "queryTimeStamp": shown(kept(call.now), settings),
            "totalItems": len(rows),
        }
        return {"items": items, "paging": paging}
    return {
        "Items": items,
        "Paging": {
            "PageSize": size,
            "PageNumber": number,
            settings.paging_shape: pages,
            "PageItems": len(items),
            "TotalItems": len(rows),
            "Links": _links(call, number, size, pages) if settings.next_links else [],
        },
    }


def _links(call: Call, number: int, size: int, pages: int) -> list[Mapping[str, str]]:
    places = {"first": 1, "previous": number - 1, "next": number + 1, "last": pages}
    return [
        {"Rel": name, "Href": f"{call.path}?{query_text({**call.parameters, 'pageNumber': page, 'pageSize': size})}"}
        for name, page in places.items()
        if 1 <= page <= pages
    ]
