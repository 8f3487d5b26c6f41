"""Lines, discounts and installments of a deal, and what they do to its value.

Sources: "Deals products" of the v2 reference. Whether an exclusive tax is part of a line's sum, whether an amount
discount counts per unit, rounding, and how the deal's value follows are switches.
"""

from __future__ import annotations

import uuid
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.catalog import check_billing
from headrace.sandbox.pipedrive.errors import bad_request, forbidden, validation_failed

MOST_RECURRING_LINES = 20
_HUNDRED = Decimal(100)


def lines_of(account: Account, deal_id: int) -> list[Data]:
    """Return the lines of a deal in the order of their ids."""
    return account.related("deal_product", "deal_id", deal_id)


def add_line(account: Account, caller: Caller, deal: Data, sent: Data) -> Data:
    """Attach a product to a deal and bring the deal's value up to date.

    Raises:
        ApiError: 400 for billing rules, 403 for limits of the plan.
    """
    lines = lines_of(account, deal["id"])
    now = account.now()
    line: Data = {
        "deal_id": deal["id"],
        "product_id": sent["product_id"],
        "product_variation_id": sent.get("product_variation_id"),
        "item_price": sent["item_price"],
        "quantity": sent["quantity"],
        "discount": sent.get("discount", 0),
        "discount_type": sent.get("discount_type", "percentage"),
        "tax": sent.get("tax", 0),
        "tax_method": sent.get("tax_method") or (lines[0]["tax_method"] if lines else _tax_method(account)),
        "comments": sent.get("comments", ""),
        "is_enabled": sent.get("is_enabled", True),
        "order_nr": len(lines) + 1,
        "add_time": now,
        "update_time": now,
        "billing_frequency": sent.get("billing_frequency", "one-time"),
        "billing_frequency_cycles": sent.get("billing_frequency_cycles"),
        "billing_start_date": sent.get("billing_start_date"),
    }
    _check_line(account, deal, line, sent, lines)
    line["sum"] = line_sum(account, line, deal["currency"])
    created = account.create("deal_product", line, caller, sent)
    _spread_tax_method(account, caller, deal, created)
    refresh_value(account, caller, deal["id"])
    return created


def change_line(account: Account, caller: Caller, deal: Data, before: Data, sent: Data) -> Data:
    """Change a line and bring the deal's value up to date.

    Raises:
        ApiError: 400 for billing rules, 403 for limits of the plan.
    """
    after = before | sent | {"update_time": account.now()}
    others = [line for line in lines_of(account, deal["id"]) if line["id"] != before["id"]]
    _check_line(account, deal, after, sent, others)
    after["sum"] = line_sum(account, after, deal["currency"])
    changed = account.update("deal_product", before, after, caller, sent)
    _spread_tax_method(account, caller, deal, changed)
    refresh_value(account, caller, deal["id"])
    return changed


def remove_lines(account: Account, caller: Caller, deal: Data, lines: list[Data]) -> None:
    """Take lines off a deal at once and bring its value up to date."""
    for line in lines:
        account.remove("deal_product", line, caller)
    refresh_value(account, caller, deal["id"])


def _tax_method(account: Account) -> str:
    return account.settings.default_tax_method


def _check_line(account: Account, deal: Data, line: Data, sent: Data, others: list[Data]) -> None:
    problems: list[str] = []
    check_billing(account, sent, line, problems)
    if problems:
        raise validation_failed(problems)
    recurring = line["billing_frequency"] != "one-time"
    installments = account.store.find("installment", "deal_id", deal["id"])
    if recurring and installments:
        raise bad_request("Recurring products cannot be added to a deal with installments.")
    if installments and not any(item["is_enabled"] for item in (line, *others)):
        raise bad_request("The last enabled product cannot be disabled while the deal has installments.")
    if recurring and sum(item["billing_frequency"] != "one-time" for item in others) >= MOST_RECURRING_LINES:
        raise forbidden("The limit of recurring products on a deal is reached.", "feature_capping_deal_products_limit")


def _spread_tax_method(account: Account, caller: Caller, deal: Data, line: Data) -> None:
    for other in lines_of(account, deal["id"]):
        if other["tax_method"] != line["tax_method"]:
            after = other | {"tax_method": line["tax_method"], "update_time": account.now()}
            after["sum"] = line_sum(account, after, deal["currency"])
            account.update("deal_product", other, after, caller, {"tax_method": line["tax_method"]})


def line_sum(account: Account, line: Data, currency: str) -> Any:
    """Return a line's sum: price × quantity less discount, with tax when that comes on top."""
    quantity = Decimal(line["quantity"])
    base = Decimal(line["item_price"]) * quantity
    discount = Decimal(line["discount"])
    if line["discount_type"] == "percentage":
        discount = base * discount / _HUNDRED
    elif account.settings.amount_discount_per == "unit":
        discount *= quantity
    total = base - discount
    if line["tax_method"] == "exclusive" and account.settings.sum_contains_exclusive_tax:
        total *= 1 + Decimal(line["tax"]) / _HUNDRED
    return plain(rounded(account, total, currency) if account.settings.round_sums else total)


def rounded(account: Account, amount: Decimal, currency: str) -> Decimal:
    """Round half up to the decimal places of the currency."""
    return amount.quantize(Decimal(1).scaleb(-account.decimals(currency)), ROUND_HALF_UP)


def plain(amount: Decimal) -> int | Decimal:
    """Return a number without trailing zeros, as Pipedrive prints it."""
    return int(amount) if amount == amount.to_integral_value() else amount.normalize()


def refresh_value(account: Account, caller: Caller, deal_id: int) -> None:
    """Let the deal's value follow its enabled lines and discounts, as the switches say."""
    deal = account.get("deal", deal_id)
    if deal is None:
        return
    touch = account.settings.line_change_touches_deal
    lines = lines_of(account, deal_id)
    value = deal["value"]
    if lines and account.settings.value_follows_products:
        value = _value(account, deal, lines)
    if value == deal["value"] and touch != "always":
        return
    changed = {"value": value} if value != deal["value"] else {}
    moment = deal["update_time"] if touch == "never" else account.now()
    account.update("deal", deal, deal | changed | {"update_time": moment}, caller, changed)


def _value(account: Account, deal: Data, lines: list[Data]) -> int | Decimal:
    total = sum((Decimal(line["sum"]) for line in lines if line["is_enabled"]), Decimal())
    for discount in account.related("discount", "deal_id", deal["id"]):
        amount = Decimal(discount["amount"])
        total -= total * amount / _HUNDRED if discount["type"] == "percentage" else amount
    return plain(rounded(account, max(total, Decimal()), deal["currency"]))


def add_discount(account: Account, caller: Caller, deal: Data, sent: Data) -> Data:
    """Add a discount on the whole deal."""
    _check_amount(sent)
    now, id_ = account.now(), str(uuid.uuid4())
    discount = {"id": id_, **sent, "deal_id": deal["id"]}
    discount |= {"created_at": now, "created_by": caller.user_id, "updated_at": now, "updated_by": caller.user_id}
    account.create("discount", discount, caller, sent, key=id_)
    refresh_value(account, caller, deal["id"])
    return discount


def change_discount(account: Account, caller: Caller, before: Data, sent: Data) -> Data:
    """Change a discount."""
    _check_amount(sent)
    after = before | sent | {"updated_at": account.now(), "updated_by": caller.user_id}
    account.update("discount", before, after, caller, sent)
    refresh_value(account, caller, before["deal_id"])
    return after


def add_installment(account: Account, caller: Caller, deal: Data, sent: Data) -> Data:
    """Add an installment; the deal needs a one-time product and must have no recurring one."""
    _check_amount(sent)
    frequencies = {line["billing_frequency"] for line in lines_of(account, deal["id"])}
    if frequencies != {"one-time"}:
        raise bad_request("Installments need at least one one-time product and no recurring products.")
    return account.create("installment", {**sent, "deal_id": deal["id"]}, caller, sent)


def _check_amount(sent: Data) -> None:
    if "amount" in sent and sent["amount"] <= 0:
        raise validation_failed(["amount: Must be greater than 0"])
