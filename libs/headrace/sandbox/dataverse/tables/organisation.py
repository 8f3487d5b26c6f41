"""The organization itself, its people, its currencies."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.dataverse.tables.columns import (
    ACTIVE_INACTIVE,
    choice,
    decimal,
    flag,
    lookup,
    table,
    text,
    texts,
    whole,
)
from headrace.sandbox.dataverse.tables.model import Column

ORGANIZATION = table(
    "organization",
    "organizations",
    "Organization",
    1019,
    text("name", 160, update=False),
    lookup("basecurrencyid", "transactioncurrency", update=False),
    whole("expirechangetrackingindays", default=7, label="Days to Expire Change Tracking Deltas"),
    whole("pricingdecimalprecision", default=2),
    whole("maxuploadfilesize", default=5_242_880),
    flag("oobpricecalculationenabled", default=True),
    whole("languagecode", default=1033),
    primary_name="name",
    ownership="none",
    tracking=False,
)

BUSINESS_UNIT = table(
    "businessunit",
    "businessunits",
    "BusinessUnit",
    10,
    text("name", 160, level="system"),
    lookup("parentbusinessunitid", "businessunit"),
    flag("isdisabled"),
    label="Business Unit",
    primary_name="name",
    ownership="organization",
)

USER = table(
    "systemuser",
    "systemusers",
    "SystemUser",
    8,
    text("fullname", 200, create=False, update=False, label="Full Name"),
    text("firstname", 256),
    text("lastname", 256),
    text("domainname", 1024, level="system"),
    text("internalemailaddress", 100, format="Email"),
    Column("applicationid", "guid", update=False),
    Column("azureactivedirectoryobjectid", "guid", update=False),
    flag("isdisabled"),
    choice("accessmode", (0, "Read-Write"), (1, "Administrative"), (4, "Non-interactive"), default=0),
    lookup("businessunitid", "businessunit"),
    label="User",
    primary_name="fullname",
    privileges="User",
    ownership="organization",
)

TEAM = table(
    "team",
    "teams",
    "Team",
    9,
    text("name", 160, level="system"),
    choice("teamtype", (0, "Owner"), (1, "Access")),
    lookup("businessunitid", "businessunit"),
    primary_name="name",
    ownership="organization",
)

CURRENCY = table(
    "transactioncurrency",
    "transactioncurrencies",
    "TransactionCurrency",
    9105,
    text("currencyname", 100, level="system"),
    text("isocurrencycode", 5, level="system", update=False),
    text("currencysymbol", 10, level="system"),
    whole("currencyprecision", minimum=Decimal(0), maximum=Decimal(4), level="system", default=2),
    decimal("exchangerate", 12, level="system"),
    label="Currency",
    primary_name="currencyname",
    ownership="organization",
    states=ACTIVE_INACTIVE,
)

PROCESS_JOB = table(
    "asyncoperation",
    "asyncoperations",
    "AsyncOperation",
    4700,
    text("name", 256),
    text("messagename", 160),
    *texts(4000, "message"),
    whole("errorcode"),
    whole("operationtype", default=1),
    text("primaryentitytype", 128),
    Column("correlationid", "guid"),
    Column("regardingobjectid", "guid"),
    lookup("owningextensionid", "sdkmessageprocessingstep", label="Owning Extension"),
    Column("statecode", "state", options=((0, "Ready"), (1, "Suspended"), (2, "Locked"), (3, "Completed"))),
    Column("statuscode", "status", options=((0, "Waiting For Resources"), (30, "Succeeded"), (31, "Failed"))),
    label="System Job",
    primary_name="name",
    privileges="AsyncOperation",
    tracking=False,
)

TABLES = (ORGANIZATION, BUSINESS_UNIT, USER, TEAM, CURRENCY, PROCESS_JOB)
