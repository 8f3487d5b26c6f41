"""From what the system answers to records: our names, typed values, and what contradicts itself.

A record that contradicts itself is handed over as not complete. Whoever takes it up fetches it, and is then told what
is wrong; the page that it came with goes on (I11).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row
from headrace.connectors.avidxchange.objects import (
    CHANGED,
    DISTRIBUTION_FIELDS,
    INVOICE,
    INVOICES,
    LEGAL_ENTITY,
    ORDER,
    ORDER_LINE_FIELDS,
    PAYMENT,
    PAYMENTS,
    REMITTANCE_FIELDS,
    VENDOR,
    Object,
)
from headrace.core.contracts import Record
from headrace.core.event import Ref
from headrace.core.refs import encode_key

NO_ID = "no-id"
"""External id of a row that has none; fetching it says so."""
_ADDRESS_MARK = "|"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """The closed batch that an invoice came with."""

    guid: str
    closed: datetime | None = None


@dataclass(slots=True)
class Reading:
    """One row being read: what was found of it, and what is wrong with it."""

    data: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Reader:
    """Reads rows by the contract of one connection."""

    def __init__(self, config: AvidxchangeConfig) -> None:
        self._config = config
        self._rules = config.rules
        self._zone = config.rules.zone
        words = config.rules.words
        self._void = re.compile(words.void)
        self._known = {*words.under_way, *words.held, *words.error, *words.cleared, *config.payments.post_when}
        self._told: set[str] = set()

    # --- records ---

    def invoice(self, row: Row, company: str, batch: Batch | None = None) -> tuple[Record, str]:
        """Return an invoice, and what is wrong with it ("" for nothing). The link to its image is no part of it."""
        found = self._fields(INVOICE, INVOICES.fields, row)
        found.data |= {LEGAL_ENTITY: company, **self._vendor_of(INVOICE, row)}
        if found.data.get("AccountNo") is not None and _same(found.data["AccountNo"], self._rules.words.no_account):
            found.data["AccountNo"] = None
        if not found.data.get("CurrencyCode"):
            found.data["CurrencyCode"] = self._rules.currency
        if batch is not None:
            found.data |= {"BatchGUID": batch.guid, "DateClosed": batch.closed}
        if self._rules.tells(INVOICE, "ImageUrl", row):
            found.data["HasImage"] = bool(self._rules.value(INVOICE, "ImageUrl", row))
        lines = self._list(INVOICE, "Distributions", row, found)
        if lines is not None:
            found.data["Distributions"] = [self._distribution(line, found) for line in lines]
            if self._is_approved(found.data.get("Status")):  # before, it may be coded in part
                _check_sum(found, "Distributions", "Amount", "GrossAmount")
        return self._record(INVOICE, values.text(self._rules.value(INVOICE, "Id", row)) or "", row, found)

    def payment(self, row: Row, company: str) -> tuple[Record, str]:
        """Return a payment, and what is wrong with it ("" for nothing). Nothing of a card but its reference is kept."""
        found = self._fields(PAYMENT, PAYMENTS.fields, row)
        vendor = self._vendor_of(PAYMENT, row)
        vendor.pop("VendorAddressId", None)
        found.data |= {LEGAL_ENTITY: company, **vendor}
        if not found.data.get("CurrencyCode"):
            found.data["CurrencyCode"] = self._rules.currency
        status, method = found.data.get("Status"), found.data.get("Method")
        found.data |= {"State": self._state(status), "MethodKind": self._method(method)}
        found.data["PostingDate"] = self._posting_date(found.data)
        reasons = self._list(PAYMENT, "Errors", row, found)
        if reasons is not None:
            told = [values.text(self._rules.value("error_of_payment", "Reason", each)) for each in reasons]
            found.data["ErrorReasons"] = [each for each in told if each]
        lines = self._list(PAYMENT, "Remittances", row, found)
        if lines is not None:
            remittances = [self._remittance(line, found) for line in lines]
            # Credits come first: who settles them one after the other never settles more than is paid.
            found.data["Remittances"] = sorted(remittances, key=lambda each: (each.get("Net") or 0) >= 0)
            _check_sum(found, "Remittances", "Net", "Amount")
        return self._record(PAYMENT, values.text(self._rules.value(PAYMENT, "PaymentId", row)) or "", row, found)

    def master(self, obj: Object, row: Row, company: str) -> tuple[Record, str]:
        """Return a vendor, code or purchase order, and what is wrong with it ("" for nothing)."""
        found = self._fields(obj.name, obj.fields, row)
        found.data[LEGAL_ENTITY] = company
        if obj.name == ORDER:
            lines = self._list(ORDER, "LineItems", row, found)
            if lines is not None:
                kind = "purchase_order_line"
                found.data["LineItems"] = [self._part(kind, ORDER_LINE_FIELDS, line, found) for line in lines]
        return self._record(obj.name, external_id(obj, found.data), row, found)

    def changed_at(self, kind: str, row: Row) -> datetime | None:
        """Return when a row was changed, UTC; None if it does not tell."""
        try:
            return values.moment(self._rules.value(kind, CHANGED, row), self._zone)
        except ValueError:
            return None

    def closed_at(self, row: Row) -> datetime | None:
        """Return when a batch was closed, UTC; None if it does not tell."""
        try:
            return values.moment(self._rules.value("batch", "DateClosed", row), self._zone)
        except ValueError:
            return None

    # --- parts ---

    def _record(self, obj: str, external: str, row: Row, found: Reading) -> tuple[Record, str]:
        if not external:
            found.problems.append("it has no id")
        changed = self.changed_at(obj, row)
        record = Record(
            Ref(obj, external or NO_ID),
            found.data,
            version=values.version_of(changed),
            modified_at=changed,
            complete=not found.problems,
        )
        return record, "; ".join(found.problems)

    def _fields(self, kind: str, fields: Mapping[str, str], row: Row) -> Reading:
        found = Reading()
        known = self._rules.fields[kind]
        found.data = self._part(kind, {name: word for name, word in fields.items() if name in known}, row, found)
        return found

    def _part(self, kind: str, fields: Mapping[str, str], row: Row, found: Reading) -> dict[str, Any]:
        """Return fields of a row under our names; one that the row does not show at all is left out."""
        data: dict[str, Any] = {}
        for name, word in fields.items():
            if not self._rules.tells(kind, name, row):
                continue
            value = self._rules.value(kind, name, row)
            try:
                converted = values.moment(value, self._zone) if word == "datetime" else values.CONVERTERS[word](value)
            except ValueError as error:
                found.problems.append(f"{name}: {error}")
                converted = None
            part, dot, inner = name.partition(".")
            if dot:
                data.setdefault(part, {})[inner] = converted
            else:
                data[name] = converted
        return data

    def _list(self, kind: str, name: str, row: Row, found: Reading) -> list[Row] | None:
        """Return the rows of a list, None if the row does not show it; a single one may come without its list."""
        if not self._rules.tells(kind, name, row):
            return None
        listed = self._rules.value(kind, name, row)
        listed = [] if listed is None else listed if isinstance(listed, list) else [listed]
        rows = [each for each in listed if isinstance(each, Mapping)]
        if len(rows) != len(listed):
            found.problems.append(f"{name} holds something else than records")
        return rows

    def _vendor_of(self, kind: str, row: Row) -> dict[str, Any]:
        """Return the vendor's account and the id of its address, which may stand behind a bar."""
        if not self._rules.tells(kind, "Vendor", row):
            return {}
        account, _, address = (values.text(self._rules.value(kind, "Vendor", row)) or "").partition(_ADDRESS_MARK)
        return {"VendorAccount": account.strip() or None, "VendorAddressId": address.strip() or None}

    def _distribution(self, row: Row, found: Reading) -> dict[str, Any]:
        own = {name: word for name, word in DISTRIBUTION_FIELDS.items() if name in self._rules.fields["distribution"]}
        line = self._part("distribution", own, row, found)
        codes = self._config.codes
        accounts, dimensions = [], []
        for code in self._list("distribution", "Codes", row, found) or ():
            place = "Value" if codes.erp_field == "value" else "Description"
            value = (values.text(self._rules.value("code_of_distribution", place, code)) or "").strip()
            group = (values.text(self._rules.value("code_of_distribution", "Group", code)) or "").strip()
            if not value or _same(value, self._rules.words.empty_code):
                continue
            if _same(group, codes.gl_group):
                accounts.append(value)
            else:
                dimensions.append({"name": group, "value": value})
        if len(accounts) > 1:
            found.problems.append(f"line {line.get('LineNumber')} has several accounts: {', '.join(accounts)}")
        line["Account"] = accounts[0] if accounts else None
        line["Dimensions"] = sorted(dimensions, key=lambda each: (each["name"], each["value"]))
        return line

    def _remittance(self, row: Row, found: Reading) -> dict[str, Any]:
        line = self._part("remittance", REMITTANCE_FIELDS, row, found)
        gross, discount, net = (line.get(name) for name in ("Gross", "Discount", "Net"))
        if gross is not None and net is not None and gross - (discount or Decimal(0)) != net:
            name = line.get("Number") or line.get("InvoiceId")
            found.problems.append(f"remittance of {name}: Gross {gross} less Discount {discount} is not Net {net}")
        return line

    # --- words ---

    def _is_approved(self, status: str | None) -> bool:
        return status is None or _same(status, self._rules.words.approved)

    def _state(self, status: str | None) -> str:
        """Return what a status means for the ERP; an unknown one is still under way, and told once."""
        words = self._rules.words
        if status is None:
            return "open"
        if self._void.search(status):
            return "void"
        if status in self._config.payments.post_when or status in words.cleared:
            return "settled"
        if status in words.error:
            return "error"
        if status in words.held:
            return "held"
        self._tell_once("status", status, status in self._known)
        return "open"

    def _posting_date(self, data: Mapping[str, Any]) -> Any:
        """Return the day on which a payment counts: it must not move once the payment was posted (`post_when`)."""
        late, early = ("SettledDate", "ClearedDate"), ("PaymentDate",)
        only_cleared = set(self._config.payments.post_when) <= set(self._rules.words.cleared)
        order = (*late, *early) if only_cleared else (*early, *late)
        return next((data[name] for name in order if data.get(name) is not None), None)

    def _method(self, method: str | None) -> str:
        words = self._rules.words
        kinds = {"check": words.check, "direct": words.direct, "card": words.card, "transfer": words.transfer}
        found = next((kind for kind, known in kinds.items() if method in known), "other")
        self._tell_once("method", method or "", found != "other" or method is None)
        return found

    def _tell_once(self, what: str, word: str, known: bool) -> None:
        if not known and word not in self._told:
            self._told.add(word)
            _log.warning("AvidXchange uses a word that the contract does not know", extra={"field": what, "word": word})


def external_id(obj: Object, data: Mapping[str, Any]) -> str:
    """Return the id of a vendor, code or order, as `Written.target_id` is; "" if a part of it is missing.

    A vendor that people made in AvidXchange has no id of ours: its own one takes the place.
    """
    if obj.name == VENDOR and not data.get("VendorExternalSystemID"):
        number = data.get("VendorID")
        return "" if number is None else encode_key({LEGAL_ENTITY: data[LEGAL_ENTITY], "VendorID": number})
    parts = {name: data.get(name) for name in obj.key}
    return "" if any(value in (None, "") for value in parts.values()) else encode_key(parts)


def _check_sum(found: Reading, lines: str, name: str, total: str) -> None:
    """Note a total that is not what its lines come to, with both."""
    amounts = [each.get(name) for each in found.data[lines]]
    known = [amount for amount in amounts if isinstance(amount, Decimal)]
    if len(known) < len(amounts):
        found.problems.append(f"one of its {lines} has no {name}")
    elif sum(known, Decimal(0)) != found.data.get(total):
        text = f"{name} of its {lines} comes to {sum(known, Decimal(0))}, {total} is {found.data.get(total)}"
        found.problems.append(text)


def _same(left: str, right: str) -> bool:
    return left.strip().casefold() == right.strip().casefold()
