"""Notes with their files, tasks, and the activities that close what was sold."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.dataverse.tables.columns import (
    amounts,
    choice,
    flag,
    lookup,
    memo,
    moments,
    polymorphic,
    table,
    text,
    whole,
)
from headrace.sandbox.dataverse.tables.model import Column, State, Table

NOTED = {
    "account": "Account",
    "contact": "Contact",
    "lead": "Lead",
    "opportunity": "Opportunity",
    "quote": "Quote",
    "salesorder": "SalesOrder",
    "invoice": "Invoice",
    "product": "Product",
    "task": "Task",
}
"""Tables that notes may hang on, and how their schema names them."""
_REGARDED = ("account", "contact", "lead", "opportunity", "quote", "salesorder", "invoice")
BODY_SIZE = 1_073_741_823

NOTE = table(
    "annotation",
    "annotations",
    "Annotation",
    5,
    text("subject", 500),
    memo("notetext", 100_000),
    flag("isdocument"),
    text("filename", 255),
    text("mimetype", 256),
    Column("documentbody", "string", size=BODY_SIZE, format="TextArea", label="Document"),
    whole("filesize", create=False, update=False),
    text("langid", 2),
    text("stepid", 32),
    Column("objecttypecode", "tablename", create=True, update=False, label="Object Type"),
    polymorphic(
        "objectid",
        {name: f"{schema}_Annotation" for name, schema in NOTED.items()},
        type_column="objecttypecode",
        parent=True,
        label="Regarding",
    ),
    label="Note",
    primary_name="subject",
    privileges="Note",
)

TASK = table(
    "task",
    "tasks",
    "Task",
    4212,
    text("subject", 200, level="application"),
    memo("description"),
    *moments("scheduledstart", "scheduledend", "actualstart", "actualend"),
    whole("percentcomplete", minimum=Decimal(0), maximum=Decimal(100)),
    choice("prioritycode", (0, "Low"), (1, "Normal"), (2, "High"), default=1, label="Priority"),
    text("activitytypecode", 64, default="task", create=False, update=False),
    polymorphic(
        "regardingobjectid",
        {name: f"{NOTED[name]}_Tasks" for name in _REGARDED},
        suffix="_task",
        type_column="regardingobjecttypecode",
        parent=True,
        label="Regarding",
    ),
    key="activityid",
    primary_name="subject",
    privileges="Activity",
    notes=True,
    activity=True,
    states=(
        State(0, "Open", ((2, "Not Started"), (3, "In Progress"), (4, "Waiting on someone else"), (7, "Deferred"))),
        State(1, "Completed", ((5, "Completed"),)),
        State(2, "Canceled", ((6, "Canceled"),)),
    ),
)

_CLOSED = (
    State(0, "Open", ((1, "Open"),)),
    State(1, "Completed", ((2, "Completed"),)),
    State(2, "Canceled", ((3, "Canceled"),)),
)


def _closing(name: str, set_name: str, schema: str, code: int, header: str, revenue: str = "") -> Table:
    return table(
        name,
        set_name,
        schema,
        code,
        text("subject", 200, level="application"),
        memo("description"),
        *moments("actualend"),
        *(amounts(revenue) if revenue else ()),
        lookup(f"{header}id", header, f"{NOTED[header]}_{schema}", parent=True),
        key="activityid",
        primary_name="subject",
        privileges="Activity",
        currency=True,
        activity=True,
        states=_CLOSED,
    )


TABLES = (
    NOTE,
    TASK,
    _closing("opportunityclose", "opportunitycloses", "OpportunityClose", 4208, "opportunity", "actualrevenue"),
    _closing("quoteclose", "quotecloses", "QuoteClose", 4211, "quote"),
    _closing("orderclose", "ordercloses", "OrderClose", 4209, "salesorder"),
)
