"""What a new row holds that the request did not say: owner, currency, numbers, and amounts in the base currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.contexts import Context, Draft
from headrace.sandbox.dataverse.values import rounded

FIRST_NUMBER = 1000
NUMBERS = "#numbers"


class Defaults:
    """Fills drafts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fill(self, draft: Draft, context: Context) -> None:
        """Fill what the request left open in a new row."""
        table, values = draft.table, draft.values
        for column in table.columns:
            if column.default is not None and values.get(column.name) is None:
                values[column.name] = column.default
        if "ownerid" in table.by_name and values.get("ownerid") is None:
            values |= {"ownerid": context.caller.user_id, "owneridtype": "systemuser"}
        if "transactioncurrencyid" in table.by_name and values.get("transactioncurrencyid") is None:
            values["transactioncurrencyid"] = self.base_currency()
        if table.number and not values.get(table.number):
            values[table.number] = self._number(table.name, table.number_prefix, context)
        self.convert(draft)

    def convert(self, draft: Draft) -> None:
        """Round amounts to their currency and compute their twins in the base currency."""
        table, values = draft.table, draft.values
        if "transactioncurrencyid" not in table.by_name or table.name == "transactioncurrency":
            return
        currency = self._store.get("transactioncurrency", str(values.get("transactioncurrencyid") or ""))
        rate = Decimal(currency.data["exchangerate"]) if currency else Decimal(1)
        precision = int(currency.data.get("currencyprecision", 2)) if currency else 2
        if currency is not None:
            values["exchangerate"] = rate
        for column in table.columns:
            if column.kind == "money" and not column.name.endswith("_base"):
                amount = values.get(column.name)
                if amount is not None:
                    values[column.name] = amount = rounded(Decimal(amount), precision)
                values[f"{column.name}_base"] = None if amount is None else rounded(amount / rate, 4)

    def base_currency(self) -> str | None:
        """Return the id of the organization's currency."""
        organizations = self._store.list("organization")
        return organizations[0].data.get("basecurrencyid") if organizations else None

    def _number(self, table: str, prefix: str, context: Context) -> str:
        last = self._store.get(NUMBERS, table)
        number = int(last.data["last"]) + 1 if last else FIRST_NUMBER
        data: dict[str, Any] = {"last": number}
        self._store.put(NUMBERS, table, data, context.now)
        return f"{prefix}-{number:05}-{context.ids.next()[:6].upper()}"
