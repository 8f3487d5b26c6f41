"""Business rules by table: what is checked and filled before a row is written, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dataverse.rules import names, notes, registration, removal, totals
from headrace.sandbox.dataverse.rules.work import Rule
from headrace.sandbox.dataverse.tables.sales import LINES

RULES: Mapping[str, tuple[Rule, ...]] = {
    "contact": (names.full_name,),
    "lead": (names.full_name,),
    "systemuser": (names.full_name,),
    "annotation": (notes.measure,),
    "serviceendpoint": (registration.check_endpoint,),
    "sdkmessageprocessingstep": (registration.check_step,),
    **dict.fromkeys(LINES, (totals.price_line,)),
    **{table: (totals.price_document,) for _, table in LINES.values()},
}

after_write = totals.after_line
after_delete = totals.after_line_removed
before_delete = removal.take_down
