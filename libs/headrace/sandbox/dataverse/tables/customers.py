"""Accounts and contacts."""

from __future__ import annotations

from headrace.sandbox.dataverse.tables.columns import (
    ACTIVE_INACTIVE,
    address,
    amounts,
    choice,
    dates,
    flag,
    lookup,
    memo,
    polymorphic,
    table,
    text,
    texts,
    whole,
)
from headrace.sandbox.dataverse.tables.custom import DOCUMENT
from headrace.sandbox.dataverse.tables.model import Column

_TERMS = choice(
    "paymenttermscode",
    (1, "Net 30"),
    (2, "2% 10, Net 30"),
    (3, "Net 45"),
    (4, "Net 60"),
    label="Payment Terms",
)
_INDUSTRIES = ((1, "Accounting"), (6, "Business Services"), (7, "Consulting"), (19, "Food and Tobacco Processing"))
_RELATIONS = ((1, "Competitor"), (3, "Customer"), (8, "Prospect"), (10, "Supplier"), (11, "Vendor"), (12, "Other"))


def reach(*prefixes: str) -> tuple[Column, ...]:
    """Return phone numbers and mail addresses that accounts and contacts share."""
    return (*texts(50, "telephone1", "telephone2", "fax"), *(text(name, 100, format="Email") for name in prefixes))


ACCOUNT = table(
    "account",
    "accounts",
    "Account",
    1,
    text("name", 160, level="application", label="Account Name"),
    text("accountnumber", 20, label="Account Number"),
    *reach("emailaddress1", "emailaddress2", "emailaddress3"),
    text("websiteurl", 200, format="Url"),
    memo("description"),
    *address("address1"),
    text("address1_county", 50),
    *address("address2"),
    *amounts("creditlimit", "revenue"),
    flag("creditonhold"),
    whole("numberofemployees"),
    text("sic", 20),
    text("tickersymbol", 10),
    choice("customertypecode", *_RELATIONS, label="Relationship Type"),
    choice("industrycode", *_INDUSTRIES, label="Industry"),
    _TERMS,
    flag("donotemail"),
    lookup("parentaccountid", "account", "account_parent_account"),
    lookup("primarycontactid", "contact", "account_primary_contact", label="Primary Contact"),
    lookup("originatingleadid", "lead", "account_originating_lead"),
    *DOCUMENT,
    primary_name="name",
    states=ACTIVE_INACTIVE,
    currency=True,
    notes=True,
)

CONTACT = table(
    "contact",
    "contacts",
    "Contact",
    2,
    text("firstname", 50),
    text("lastname", 50, level="application", label="Last Name"),
    text("fullname", 160, create=False, update=False, label="Full Name"),
    *texts(100, "jobtitle", "department"),
    *reach("emailaddress1", "emailaddress2", "emailaddress3"),
    text("mobilephone", 50),
    *dates("birthdate"),
    memo("description"),
    *address("address1"),
    text("address1_county", 50),
    *texts(50, "employeeid", "externaluseridentifier"),
    *amounts("creditlimit"),
    polymorphic(
        "parentcustomerid",
        {"account": "contact_customer_accounts", "contact": "contact_customer_contacts"},
        label="Company Name",
        parent=True,
    ),
    *DOCUMENT,
    primary_name="fullname",
    states=ACTIVE_INACTIVE,
    currency=True,
    notes=True,
)

TABLES = (ACCOUNT, CONTACT)
