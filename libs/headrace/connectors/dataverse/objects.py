"""The tables that are read and written, as far as mappings name their columns. Custom columns are not listed.

Source: Microsoft, table reference of Dataverse and Dynamics 365 Sales; Common Data Model 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.connectors.dataverse.fields import (
    CUSTOM_PREFIX,
    Field,
    address,
    common,
    computed,
    of,
    on_create,
    priced,
    text,
)
from headrace.core.attachments import DESCRIBED
from headrace.core.contracts import ObjectDescription

SUMMARY = "summary"
"""The object that is a note or a task, as the connection's configuration says."""
OWN, RECORD_URL, CURRENCY, STAGE, FILES = "own", "record_url", "currency", "stage", "files"
"""What the source adds: whether our own user changed it last, where people see it, the ISO code of its currency; of an
opportunity its stage, and the files of its notes."""
_ADDED: Mapping[str, str] = {OWN: "boolean", RECORD_URL: "string"}


@dataclass(frozen=True, slots=True)
class Object:
    """One table under its logical name. `added` are names that the source gives besides its columns."""

    name: str
    key: str
    fields: Mapping[str, Field]
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_money(self) -> bool:
        """Whether its rows have a currency."""
        return "transactioncurrencyid" in self.fields

    def describe(self) -> ObjectDescription:
        """Return the description for mapping checks."""
        names: dict[str, str] = {self.key: "string"}
        for name, each in self.fields.items():
            names |= each.described(name)
        names |= {**_ADDED, **({CURRENCY: "string"} if self.has_money else {}), **self.added}
        writable = frozenset(name for name, each in self.fields.items() if each.writes != "never")
        return ObjectDescription(self.name, names, [CUSTOM_PREFIX], writable | {self.key})


_TOTALS = (
    *("totallineitemamount", "totallineitemdiscountamount", "totaltax", "totalamountlessfreight", "totalamount"),
    *("totaldiscountamount",),
)
_TOTAL = "Dataverse computes it from the lines; write estimatedvalue of an opportunity, or a custom money column."
_NUMBER = "Dataverse takes it with a create only; write a custom column."

ACCOUNT = Object(
    "account",
    "accountid",
    {
        **text(160, "name"),
        **text(20, "accountnumber", "tickersymbol", "sic"),
        **text(50, "telephone1", "telephone2", "fax"),
        **text(100, "emailaddress1"),
        **text(200, "websiteurl"),
        **text(2000, "description"),
        **address("address1"),
        **of("money", "creditlimit", "revenue"),
        **of("boolean", "creditonhold"),
        **of("integer", "numberofemployees"),
        **of("choice", "customertypecode", "industrycode", "paymenttermscode"),
        **of("lookup", "parentaccountid", "primarycontactid"),
        **common(),
        **priced(),
    },
)
CONTACT = Object(
    "contact",
    "contactid",
    {
        **text(50, "firstname", "lastname", "telephone1", "mobilephone", "fax", "employeeid", "externaluseridentifier"),
        **computed("text", "fullname", remedy="Dataverse makes it of firstname and lastname."),
        **text(100, "jobtitle", "department", "emailaddress1", "emailaddress2", "emailaddress3"),
        **text(2000, "description"),
        **of("date", "birthdate"),
        **address("address1"),
        **of("lookup", "parentcustomerid"),
        **common(),
        **priced(),
    },
)
LEAD = Object(
    "lead",
    "leadid",
    {
        **text(300, "subject"),
        **text(50, "firstname", "lastname", "telephone1"),
        **computed("text", "fullname", remedy="Dataverse makes it of firstname and lastname."),
        **text(100, "companyname", "jobtitle", "emailaddress1"),
        **text(20, "mobilephone"),
        **text(200, "websiteurl"),
        **text(2000, "description"),
        **address("address1"),
        **of("money", "revenue", "estimatedamount"),
        **of("date", "estimatedclosedate"),
        **of("choice", "leadsourcecode", "leadqualitycode"),
        **of("lookup", "parentaccountid", "parentcontactid", "customerid"),
        **computed("lookup", "qualifyingopportunityid"),
        **common(own_state=False),
        **priced(),
    },
)
OPPORTUNITY = Object(
    "opportunity",
    "opportunityid",
    {
        **text(300, "name"),
        **text(2000, "description"),
        **text(200, "stepname"),
        **of("money", "estimatedvalue", "actualvalue", "budgetamount", "freightamount", "discountamount"),
        **computed("money", *_TOTALS, remedy=_TOTAL),
        **of("decimal", "discountpercentage"),
        **of("date", "estimatedclosedate", "actualclosedate"),
        **of("integer", "closeprobability"),
        **of("boolean", "isrevenuesystemcalculated"),
        **of("lookup", "customerid", "parentaccountid", "parentcontactid", "pricelevelid", "originatingleadid"),
        **common(own_state=False),
        **priced(),
    },
    added={
        STAGE: "string",
        FILES: "list",
        **{f"{FILES}[].{name}": "string" for name in ("id", "name", "media_type")},
        f"{FILES}[].size": "integer",
        "attachments": "list",
        **{f"attachments[].{name}": word for name, word in DESCRIBED.items()},
    },
)
INVOICE = Object(
    "invoice",
    "invoiceid",
    {
        **text(300, "name"),
        **on_create("text", "invoicenumber", size=100, remedy=_NUMBER),
        **text(2000, "description"),
        **of("date", "duedate", "datedelivered"),
        **of("money", "freightamount", "discountamount"),
        **computed("money", *_TOTALS, remedy=_TOTAL),
        **of("decimal", "discountpercentage"),
        **of("choice", "paymenttermscode"),
        **of("boolean", "ispricelocked"),
        **address("billto"),
        **address("shipto"),
        **text(200, "billto_name", "shipto_name"),
        **of("lookup", "customerid", "opportunityid", "salesorderid", "pricelevelid"),
        **common(own_state=False),
        **priced(),
    },
)
_NOTE = common()
NOTE = Object(
    "annotation",
    "annotationid",
    {
        **text(500, "subject"),
        **text(100_000, "notetext"),
        **of("boolean", "isdocument"),
        **text(255, "filename"),
        **text(256, "mimetype"),
        **computed("integer", "filesize"),
        **of("lookup", "objectid"),
        **{name: each for name, each in _NOTE.items() if name not in ("statecode", "statuscode")},
    },
)
TASK = Object(
    "task",
    "activityid",
    {
        **text(200, "subject"),
        **text(2000, "description"),
        **of("time", "scheduledstart", "scheduledend", "actualstart", "actualend"),
        **of("integer", "percentcomplete"),
        **of("choice", "prioritycode"),
        **of("lookup", "regardingobjectid"),
        **common(),
    },
)

READABLE: Mapping[str, Object] = {
    each.name: each for each in (ACCOUNT, CONTACT, LEAD, OPPORTUNITY, INVOICE, NOTE, TASK)
}
TABLES = READABLE
"""All tables are read and written; a record that the event names may be of any of them."""

SUMMARY_FIELDS: Mapping[str, str] = {"id": "string", "subject": "string", "text": "string", "regarding": "string"}
OBJECTS: Mapping[str, ObjectDescription] = {
    **{name: each.describe() for name, each in TABLES.items()},
    SUMMARY: ObjectDescription(SUMMARY, SUMMARY_FIELDS),
}
"""What the connector declares to mappings."""
