"""What the pricing engine computes: lines from quantity and price, documents from their lines."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.common.store import Record
from headrace.sandbox.dataverse.contexts import Draft
from headrace.sandbox.dataverse.rules.work import Work
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tables.sales import LINES

_ZERO = Decimal(0)
_LINES_OF = {table: (lines, lookup) for lines, (lookup, table) in LINES.items()}


def price_line(work: Work, draft: Draft, key: str) -> None:
    """Compute a line's amounts; a catalogue product without a price takes it from the document's price list."""
    values = draft.values
    if not values.get("ispriceoverridden") and values.get("priceperunit") is None and values.get("productid"):
        values["priceperunit"] = _list_price(work, draft)
    base = _amount(values.get("quantity")) * _amount(values.get("priceperunit"))
    values["baseamount"] = base
    values["extendedamount"] = base - _amount(values.get("manualdiscountamount")) + _amount(values.get("tax"))


def _list_price(work: Work, draft: Draft) -> Decimal | None:
    lookup, name = LINES[draft.table.name]
    document = work.store.get(name, str(draft.values.get(lookup, "")))
    price_list = document.data.get("pricelevelid") if document else None
    for item in work.store.list("productpricelevel"):
        if item.data.get("pricelevelid") == price_list and item.data.get("productid") == draft.values["productid"]:
            return _amount(item.data.get("amount"))
    product = work.store.get("product", str(draft.values["productid"]))
    return _amount(product.data.get("price")) if product else None


def price_document(work: Work, draft: Draft, key: str) -> None:
    """Compute a document's totals from its lines, unless the organization computes prices on its own."""
    if not prices(work):
        return
    lines, lookup = _LINES_OF[draft.table.name]
    draft.values.update(_totals(draft.values, work.store.find(lines, lookup, key)))
    if draft.table.name == "opportunity" and draft.values.get("isrevenuesystemcalculated"):
        draft.values["estimatedvalue"] = draft.values["totalamount"]


def _totals(values: dict[str, object], lines: list[Record]) -> dict[str, Decimal]:
    discounts = sum((_amount(line.data.get("manualdiscountamount")) for line in lines), _ZERO)
    items = sum((_amount(line.data.get("baseamount")) for line in lines), _ZERO) - discounts
    tax = sum((_amount(line.data.get("tax")) for line in lines), _ZERO)
    less = items - items * _amount(values.get("discountpercentage")) / 100 - _amount(values.get("discountamount"))
    return {
        "totallineitemamount": items,
        "totallineitemdiscountamount": discounts,
        "totaltax": tax,
        "totalamountlessfreight": less,
        "totalamount": less + _amount(values.get("freightamount")) + tax,
    }


def prices(work: Work) -> bool:
    """Whether the organization lets the service compute totals."""
    return all(each.data.get("oobpricecalculationenabled", True) for each in work.store.list("organization"))


def after_line(work: Work, draft: Draft, record: Record) -> None:
    """Bring the document of a written line up to date."""
    after_line_removed(work, draft.table, record)


def after_line_removed(work: Work, table: Table, record: Record) -> None:
    """Bring the document of a line up to date."""
    if table.name not in LINES or not prices(work):
        return
    lookup, name = LINES[table.name]
    document = work.store.get(name, str(record.data.get(lookup, "")))
    if document is None:
        return
    changes = _totals(dict(document.data), work.store.find(table.name, lookup, document.key))
    if name == "opportunity" and document.data.get("isrevenuesystemcalculated"):
        changes["estimatedvalue"] = changes["totalamount"]
    work.revise(work.schema.tables[name], document, changes, work.context)


def _amount(value: object) -> Decimal:
    return _ZERO if value is None else Decimal(str(value))
