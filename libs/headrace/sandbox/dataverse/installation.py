"""What a new environment holds: its organization, currencies, an administrator, one application user, its messages."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from headrace.sandbox.dataverse.tables.catalog import TABLES
from headrace.sandbox.dataverse.tables.webhooks import FILTER, MESSAGE

TENANT_NAME = "contoso"
CLIENT_ID = "00000000-0000-0000-0000-00000000da7a"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - a stand-in's secret protects nothing
ORGANIZATION_NAME = "orgsandbox"

_SPACE = uuid.UUID("6f0a2f3e-7f6b-4f0c-8c55-0b9c6d5a7e10")
ORGANIZATION_ID = str(uuid.uuid5(_SPACE, "organization"))
BUSINESS_UNIT_ID = str(uuid.uuid5(_SPACE, "businessunit"))
ADMINISTRATOR_ID = str(uuid.uuid5(_SPACE, "administrator"))
ADMINISTRATOR_ROLE = "System Administrator"

MESSAGES = {
    "Create": "9ebdbb1b-ea3e-db11-86a7-000a3a5473e8",
    "Update": "20bebb1b-ea3e-db11-86a7-000a3a5473e8",
    "Delete": "a1bdbb1b-ea3e-db11-86a7-000a3a5473e8",
    "CreateMultiple": str(uuid.uuid5(_SPACE, "CreateMultiple")),
    "UpdateMultiple": str(uuid.uuid5(_SPACE, "UpdateMultiple")),
    "UpsertMultiple": str(uuid.uuid5(_SPACE, "UpsertMultiple")),
}
_CURRENCIES = (
    ("USD", "US Dollar", "$", 2, Decimal(1)),
    ("EUR", "Euro", "€", 2, Decimal("0.92")),
    ("GBP", "Pound Sterling", "£", 2, Decimal("0.79")),
    ("NOK", "Norwegian Krone", "kr", 2, Decimal("10.55")),
    ("JPY", "Japanese Yen", "¥", 0, Decimal("151.2")),
)
_NO_WEBHOOKS = ("asyncoperation", "sdkmessage", "sdkmessagefilter", "organization")


@dataclass(frozen=True)
class Installation:
    """Names and secrets of a new environment."""

    tenant: str = TENANT_NAME
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    organization: str = ORGANIZATION_NAME

    @property
    def host(self) -> str:
        """Return the domain that webhooks name."""
        return f"{self.organization}.crm4.dynamics.com"


def currency_id(code: str) -> str:
    """Return the id that a currency has in every sandbox."""
    return str(uuid.uuid5(_SPACE, f"currency {code}"))


def user_id(client_id: str) -> str:
    """Return the id that the application user of a client has in every sandbox."""
    return str(uuid.uuid5(_SPACE, f"user {client_id}"))


def filter_id(message: str, table: str) -> str:
    """Return the id that the filter of a message on a table has in every sandbox."""
    return str(uuid.uuid5(_SPACE, f"filter {message} {table}"))


def first_rows(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a new environment by table."""
    return {
        "transactioncurrency": [
            {
                "transactioncurrencyid": currency_id(code),
                "isocurrencycode": code,
                "currencyname": name,
                "currencysymbol": symbol,
                "currencyprecision": precision,
                "exchangerate": rate,
            }
            for code, name, symbol, precision, rate in _CURRENCIES
        ],
        "organization": [
            {
                "organizationid": ORGANIZATION_ID,
                "name": installation.organization,
                "_basecurrencyid_value": currency_id("USD"),
            }
        ],
        "businessunit": [{"businessunitid": BUSINESS_UNIT_ID, "name": installation.organization}],
        "systemuser": [
            {
                "systemuserid": ADMINISTRATOR_ID,
                "firstname": "System",
                "lastname": "Administrator",
                "domainname": f"admin@{installation.tenant}.onmicrosoft.com",
                "_businessunitid_value": BUSINESS_UNIT_ID,
            }
        ],
        MESSAGE: [{"sdkmessageid": key, "name": name} for name, key in MESSAGES.items()],
        FILTER: [
            {
                "sdkmessagefilterid": filter_id(message, table),
                "primaryobjecttypecode": table,
                "secondaryobjecttypecode": "none",
                "_sdkmessageid_value": key,
            }
            for message, key in MESSAGES.items()
            for table in TABLES
            if table not in _NO_WEBHOOKS
        ],
    }
