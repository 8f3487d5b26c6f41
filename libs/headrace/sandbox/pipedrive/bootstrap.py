"""What a new account holds: company, its first user with an API token, currencies, a pipeline, field definitions."""

from __future__ import annotations

from typing import Any

from headrace.sandbox.pipedrive.access import ALL_SCOPES, DEFAULT_API_TOKEN, digest
from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.oauth import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from headrace.sandbox.pipedrive.times import to_v1

COMPANY_ID = 8_087_566
STAGES = ("Qualified", "Contact made", "Demo scheduled", "Proposal made", "Negotiations started")
ACTIVITY_TYPES = ("Call", "Meeting", "Task", "Deadline", "Email", "Lunch")
# code, name, decimal places, symbol (ISO 4217)
CURRENCIES = (
    ("AUD", "Australian Dollar", 2, "A$"),
    ("CAD", "Canadian Dollar", 2, "CA$"),
    ("CHF", "Swiss Franc", 2, "CHF"),
    ("CZK", "Czech Koruna", 2, "Kč"),
    ("DKK", "Danish Krone", 2, "kr"),
    ("EUR", "Euro", 2, "€"),
    ("GBP", "British Pound Sterling", 2, "£"),
    ("JPY", "Japanese Yen", 0, "¥"),
    ("KWD", "Kuwaiti Dinar", 3, "KD"),
    ("MXN", "Mexican Peso", 2, "MX$"),
    ("NOK", "Norwegian Krone", 2, "kr"),
    ("PLN", "Polish Zloty", 2, "zł"),
    ("SEK", "Swedish Krona", 2, "kr"),
    ("USD", "US Dollar", 2, "$"),
)


def bootstrap(account: Account) -> None:
    """Fill a store that has no company yet; leave any other alone."""
    account.forget_caches()
    store, moment, now = account.store, account.clock.now(), account.now()
    if store.get("company", "1") is not None:
        return
    with store.transaction():
        company = {"id": COMPANY_ID, "name": "Sandbox", "domain": "sandbox", "country": "EE", "industry": None}
        store.put("company", "1", company, moment)
        for position, (code, name, decimals, symbol) in enumerate(CURRENCIES, 1):
            put_currency(account, position, code, name, decimals, symbol)
        user = new_user(account, {"name": "Sandbox Admin", "email": "admin@example.com", "is_admin": True})
        store.put("user", "1", {"id": 1, **user}, moment)
        set_api_token(account, 1, DEFAULT_API_TOKEN)
        put_client(account, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
        common = {"is_deleted": False, "add_time": now, "update_time": now}
        pipeline = {"id": 1, "name": "Sales", "order_nr": 1, "is_deal_probability_enabled": False, **common}
        store.put("pipeline", "1", pipeline, moment)
        for position, name in enumerate(STAGES, 1):
            stage = {"id": position, "order_nr": position, "name": name, "pipeline_id": 1, "deal_probability": 100}
            stage |= {"is_deal_rot_enabled": False, "days_to_rotten": None, **common}
            store.put("stage", str(position), stage, moment)
        for position, name in enumerate(ACTIVITY_TYPES, 1):
            type_ = {"id": position, "order_nr": position, "name": name, "key_string": name.lower(), **common}
            type_ |= {"icon_key": name.lower(), "color": None, "active_flag": True, "is_custom_flag": False}
            store.put("activity_type", str(position), type_, moment)
        account.fields.write_system_fields(moment, now)


def put_currency(account: Account, id_: int, code: str, name: str, decimals: int, symbol: str) -> None:
    """Add a currency or replace it."""
    data = {"id": id_, "code": code, "name": name, "decimal_points": decimals, "symbol": symbol}
    data |= {"active_flag": True, "is_custom_flag": False}
    account.store.put("currency", code, data, account.clock.now())


def new_user(account: Account, sent: Data) -> Data:
    """Return the data of a user."""
    now = to_v1(account.now())
    admin = bool(sent.get("is_admin", False))
    return {
        "name": sent["name"],
        "email": sent["email"],
        "default_currency": sent.get("default_currency", "EUR"),
        "locale": sent.get("locale", "en_US"),
        "lang": 1,
        "lang_code": "en",
        "phone": sent.get("phone"),
        "activated": True,
        "last_login": now,
        "created": now,
        "modified": now,
        "has_created_company": False,
        "access": [{"app": "sales", "admin": admin, "permission_set_id": "00000000-0000-0000-0000-000000000001"}],
        "active_flag": bool(sent.get("active_flag", True)),
        "timezone_name": sent.get("timezone_name", "Etc/UTC"),
        "timezone_offset": "+00:00",
        "role_id": 1,
        "icon_url": None,
        "is_deleted": False,
        "is_admin": admin,
        "permissions": dict(sent.get("permissions", {})),
    }


def set_api_token(account: Account, user_id: int, token: str) -> None:
    """Give a user an API token; the former one stops working."""
    for record in account.store.list("api_token"):
        if record.data["user_id"] == user_id:
            account.store.delete("api_token", record.key)
    account.store.put("api_token", digest(token), {"user_id": user_id}, account.clock.now())


def put_client(account: Account, client_id: str, secret: str, **more: Any) -> None:
    """Register an OAuth app."""
    data = {"secret_digest": digest(secret), "scope": ALL_SCOPES, "redirect_uris": [], **more}
    account.store.put("oauth_client", client_id, data, account.clock.now())
