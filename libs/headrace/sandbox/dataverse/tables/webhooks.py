"""Where webhooks are registered: endpoints, messages, steps and images."""

from __future__ import annotations

from headrace.sandbox.dataverse.tables.columns import choice, flag, lookup, memo, table, text, whole
from headrace.sandbox.dataverse.tables.model import Column, State, Target

ENDPOINT, MESSAGE, FILTER = "serviceendpoint", "sdkmessage", "sdkmessagefilter"
STEP, IMAGE = "sdkmessageprocessingstep", "sdkmessageprocessingstepimage"
WEBHOOK = 8
KEPT_APART = "#authvalue"
KEY_AUTHENTICATION, HEADER_AUTHENTICATION, QUERY_AUTHENTICATION = 4, 5, 6

_ENABLED = (State(0, "Enabled", ((1, "Enabled"),)), State(1, "Disabled", ((2, "Disabled"),)))
_CONTRACTS = ((1, "OneWay"), (2, "Queue"), (6, "Topic"), (7, "EventHub"), (WEBHOOK, "Webhook"), (9, "Event Grid"))
_AUTHENTICATIONS = (
    (2, "SASKey"),
    (KEY_AUTHENTICATION, "Webhook Key"),
    (HEADER_AUTHENTICATION, "Http Header"),
    (QUERY_AUTHENTICATION, "Http Query String"),
)

TABLES = (
    table(
        ENDPOINT,
        "serviceendpoints",
        "ServiceEndpoint",
        4618,
        text("name", 100, level="application"),
        text("url", 500),
        choice("contract", *_CONTRACTS, level="system"),
        choice("authtype", *_AUTHENTICATIONS),
        text("authvalue", 2048, read=False),
        choice("connectionmode", (1, "Normal"), (2, "Federated"), default=1),
        choice("messageformat", (1, "Binary XML"), (2, "Json"), (3, "Text XML"), default=2),
        choice("messagecharset", (0, "Default"), (1, "UTF8"), (2, "UTF16"), default=0),
        choice("userclaim", (1, "None"), (2, "UserId"), default=1),
        memo("description", 160),
        label="Service Endpoint",
        primary_name="name",
        ownership="organization",
        tracking=False,
    ),
    table(
        MESSAGE,
        "sdkmessages",
        "SdkMessage",
        4606,
        text("name", 256, level="system"),
        text("categoryname", 25),
        label="Sdk Message",
        primary_name="name",
        ownership="organization",
        tracking=False,
    ),
    table(
        FILTER,
        "sdkmessagefilters",
        "SdkMessageFilter",
        4607,
        text("name", 256),
        Column("primaryobjecttypecode", "tablename"),
        Column("secondaryobjecttypecode", "tablename"),
        lookup("sdkmessageid", MESSAGE, "sdkmessageid_sdkmessagefilter"),
        flag("iscustomprocessingstepallowed", default=True),
        label="Sdk Message Filter",
        primary_name="name",
        ownership="organization",
        tracking=False,
    ),
    table(
        STEP,
        "sdkmessageprocessingsteps",
        "SdkMessageProcessingStep",
        4608,
        text("name", 256),
        choice("mode", (0, "Synchronous"), (1, "Asynchronous"), level="system"),
        choice("stage", (10, "Pre-validation"), (20, "Pre-operation"), (40, "Post-operation"), level="system"),
        whole("rank", default=1),
        memo("filteringattributes", 100_000),
        memo("description", 256),
        memo("configuration", 1_073_741_823),
        flag("asyncautodelete"),
        choice("supporteddeployment", (0, "Server Only"), (1, "Client Only"), (2, "Both"), default=0),
        Column(
            "eventhandler",
            "lookup",
            targets=(Target(ENDPOINT, f"eventhandler_{ENDPOINT}", f"{ENDPOINT}_{STEP}"),),
            type_column="eventhandlertypecode",
            level="system",
        ),
        lookup("sdkmessageid", MESSAGE, "sdkmessageid_sdkmessageprocessingstep", level="system"),
        lookup("sdkmessagefilterid", FILTER, "sdkmessagefilterid_sdkmessageprocessingstep"),
        lookup("impersonatinguserid", "systemuser"),
        label="Sdk Message Processing Step",
        primary_name="name",
        ownership="organization",
        states=_ENABLED,
        tracking=False,
    ),
    table(
        IMAGE,
        "sdkmessageprocessingstepimages",
        "SdkMessageProcessingStepImage",
        4615,
        text("name", 256),
        text("entityalias", 256, level="system"),
        choice("imagetype", (0, "PreImage"), (1, "PostImage"), (2, "Both"), level="system"),
        text("messagepropertyname", 256, default="Target"),
        memo("attributes", 100_000),
        lookup(f"{STEP}id", STEP, f"{STEP}id_{IMAGE}", level="system", parent=True),
        label="Sdk Message Processing Step Image",
        primary_name="name",
        ownership="organization",
        tracking=False,
    ),
)
