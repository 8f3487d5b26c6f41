"""Named functions that mappings call where no verb says it, bound to the configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.config import Filing, RecordengineConfig, named
from headrace.core.errors import NeedsReview, RejectRecord

CENT = Decimal("0.01")
"""How far amounts of a document may be apart, for each line."""
_UNFIT_FOR_FILES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_LONGEST_NAME = 120
_VENDORS = frozenset({"vendorsv2", "vendors", "vendor", "vendtable"})
_CUSTOMERS = frozenset({"customersv3", "customers", "customer", "custtable"})
_IN_KEY = "|"


def transforms(config: Any = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name; without a configuration only their names count."""
    bound = Functions(config) if isinstance(config, RecordengineConfig) else Functions(None)
    return {
        "amount": bound.amount,
        "kind": bound.kind,
        "checked_total": bound.checked_total,
        "day": bound.day,
        "due_day": bound.due_day,
        "currency_code": bound.currency_code,
        "account_for": bound.account_for,
        "contact_for": bound.contact_for,
        "folder_for": bound.folder_for,
        "profile_for": bound.profile_for,
        "upload_key": upload_key,
        "file_name": file_name,
        "party_key": party_key,
        "vendor_number": vendor_number,
        "customer_number": customer_number,
        "year": year,
    }


class Functions:
    """Functions that read values, or say where files go, as one connection is configured."""

    def __init__(self, config: RecordengineConfig | None) -> None:
        self._given = config

    @property
    def _config(self) -> RecordengineConfig:
        if self._given is None:
            raise RejectRecord("no configuration", "this function needs the configuration of a connection")
        return self._given

    # --- what was extracted ---

    def amount(
        self, text: Any = None, field: Any = None, contact: Any = None, doc_type: Any = None, total: Any = None
    ) -> Decimal | None:
        """Return an amount; None for none. On a credit that is shown without a sign, it counts the other way.

        Args:
            text: as it was extracted.
            field: its name, for people.
            contact: id of the document's contact, whose way to write amounts may be known.
            doc_type: of the document; see `amounts.credit_types`.
            total: of the document, as it was extracted: a negative one says that signs are shown.

        Raises:
            RejectRecord: it is no amount, or can be read in two ways.
        """
        found = self._read(text, field, contact)
        if found is None or not self._is_credit(doc_type):
            return found
        whole = found if total is None else self._read(total, "total", contact)
        return -found or Decimal(0) if whole is not None and whole > 0 else found

    def kind(self, doc_type: Any = None, total: Any = None, contact: Any = None) -> str:
        """Return "credit_note" for a credit, by its type or its sign, else "invoice".

        Raises:
            RejectRecord: the total is no amount.
        """
        found = self._read(total, "total", contact)
        return "credit_note" if self._is_credit(doc_type) or (found is not None and found < 0) else "invoice"

    def checked_total(
        self,
        total: Any = None,
        subtotal: Any = None,
        tax: Any = None,
        lines: Any = None,
        contact: Any = None,
        doc_type: Any = None,
        before_tax: Any = None,
    ) -> Decimal | None:
        """Return the total, once the amounts of the document agree with each other; what was not found is not compared.

        The lines come to the subtotal, to a cent for each of them; subtotal and tax to the total; quantity and price to
        the amount of a line.

        Args:
            total: as it was extracted, and so are the others.
            subtotal: before tax.
            tax: all of it.
            lines: with their amounts, quantities and prices.
            contact: see `amount`.
            doc_type: see `amount`.
            before_tax: return what is before tax instead; None if that is not known.

        Raises:
            NeedsReview: they contradict each other; both figures are shown. RejectRecord: one of them is no amount.
        """
        whole = self._read(total, "total", contact)
        before, taxes = self._read(subtotal, "subtotal", contact), self._read(tax, "tax", contact)
        if whole is not None and before is not None and taxes is not None:
            _agree("subtotal and tax", before + taxes, "total", whole, CENT)
        rows = _rows(lines)
        amounts = [self._line_amount(row, contact) for row in rows]
        stated = before if before is not None else whole if taxes in (None, 0) else None
        if rows and stated is not None and all(each is not None for each in amounts):
            come_to = sum((each for each in amounts if each is not None), Decimal(0))
            _agree("lines", come_to, "subtotal" if before is not None else "total", stated, CENT * len(rows))
        if before_tax:
            return stated
        return self.amount(total, "total", contact, doc_type)

    def day(self, text: Any = None, field: Any = None) -> date | None:
        """Return a calendar date; None for none.

        Raises:
            RejectRecord: it is no date, or nobody said in which order dates are written.
        """
        try:
            return values.day(text, self._config.dates.order)
        except ValueError as error:
            raise RejectRecord(
                "date cannot be read",
                f"{field or 'date'}: {text!r}: {error}. Correct it in RecordEngine and export again, set dates.order "
                "of the connection, or name the words under extraction.no_value of the contract.",
            ) from None

    def due_day(self, text: Any = None, doc_type: Any = None, total: Any = None, contact: Any = None) -> date | None:
        """Return the day on which an invoice is due; None for a credit, which is due to nobody.

        Raises:
            RejectRecord: as `day` and `kind`.
        """
        return None if self.kind(doc_type, total, contact) == "credit_note" else self.day(text, "due_date")

    def currency_code(self, text: Any = None, company: Any = None) -> str:
        """Return the code of a currency that is named by code or sign; none is that of the company.

        Raises:
            RejectRecord: a sign that several currencies have, or nothing at all, and no configuration says which.
        """
        known = self._config.currencies
        word = str(text or "").strip()
        if len(word) == len("USD") and word.isascii() and word.isalpha():
            return word.upper()
        found = known.signs.get(word) if word else known.by_company.get(str(company or "").lower(), known.default)
        if found is None:
            remedy = f"currencies.signs, such as {{{word!r}: USD}}" if word else "currencies.default or by_company"
            raise RejectRecord(
                "currency is not known",
                f"currency: {word or 'nothing'!r} is no code of three letters. Correct it in RecordEngine and export "
                f"again, or set {remedy} of the connection.",
            )
        return found

    def account_for(self, doc_type: Any = None) -> str:
        """Return the main account of lines that name none, by type of the document.

        Raises:
            RejectRecord: none is configured.
        """
        found = named(self._config.accounts.by_type, doc_type, self._config.accounts.default)
        if found is None:
            raise RejectRecord(
                "account is not known",
                f"lines of {doc_type or 'a document'} name no account: set accounts.by_type or accounts.default.",
            )
        return str(found)

    # --- where files go ---

    def contact_for(self, record_type: Any = None, customer: Any = None, number: Any = None) -> int:
        """Return the contact that files of a record belong to.

        Raises:
            RejectRecord: no filing says where they go.
        """
        return self._filing(record_type, customer, number).contact

    def folder_for(self, record_type: Any = None, customer: Any = None, number: Any = None) -> int:
        """Return the folder that files of a record go to. Raises as `contact_for`."""
        return self._filing(record_type, customer, number).folder

    def profile_for(self, record_type: Any = None, customer: Any = None, number: Any = None) -> int | None:
        """Return the extraction profile of files, None for the contact's own. Raises as `contact_for`."""
        return self._filing(record_type, customer, number).profile

    def _filing(self, record_type: Any, customer: Any, number: Any) -> Filing:
        known = self._config.filing
        by_type = named(known.by_type, record_type, known.default)
        by_name = named(known.by_customer, customer, by_type) if customer else by_type
        found: Filing | None = named(known.by_customer, str(number), by_name) if number else by_name
        if found is None:
            raise RejectRecord(
                "no folder for files",
                f"files of {record_type or 'a record'}, customer {customer or number or 'unknown'}: no filing says "
                "where they go. Set filing.by_customer, filing.by_type or filing.default of the connection.",
            )
        return found

    # --- parts ---

    def _is_credit(self, doc_type: Any) -> bool:
        word = str(doc_type or "").strip().casefold()
        return word in {each.casefold() for each in self._config.amounts.credit_types}

    def _read(self, text: Any, field: Any, contact: Any) -> Decimal | None:
        amounts = self._config.amounts
        decimal = amounts.by_contact.get(contact, amounts.decimal) if isinstance(contact, int) else amounts.decimal
        try:
            return values.amount(text, decimal)
        except ValueError as error:
            raise RejectRecord(
                "amount cannot be read",
                f"{field or 'amount'}: {text!r}: {error}. Correct it in RecordEngine and export again, or set "
                f"amounts.decimal, or amounts.by_contact for contact {contact}, of the connection.",
            ) from None

    def _line_amount(self, row: Mapping[str, Any], contact: Any) -> Decimal | None:
        """Return what a line comes to, once its quantity and price agree with it."""
        name = f"line {row.get('position')}"
        found = self._read(row.get("amount"), f"{name} amount", contact)
        quantity = self._read(row.get("quantity"), f"{name} quantity", contact)
        price = self._read(row.get("unit_price"), f"{name} unit price", contact)
        if found is not None and quantity is not None and price is not None:
            # A price is rounded to its own last digit: that much for each piece.
            rounding = max(CENT, abs(quantity) * _half_of_last_digit(price))
            _agree(f"{name}: quantity × unit price", quantity * price, "amount", found, rounding)
        return found


def upload_key(connection: Any = None, record_type: Any = None, record_id: Any = None, sha256: Any = None) -> str:
    """Return the key of a file of a record: the same content for the same record is sent once.

    Args:
        connection: that the record came from.
        record_type: its kind there, such as opportunity.
        record_id: its id there.
        sha256: of the content.

    Raises:
        RejectRecord: one of them is empty, so that it would be another's key as well.
    """
    parts = [str(part or "") for part in (connection, record_type, record_id, sha256)]
    if not all(parts):
        raise RejectRecord("no key for an upload", f"connection, record type, record id and sha256 are {parts}")
    return "/".join(parts).lower()


def file_name(name: Any = None) -> str | None:
    """Return a file's name without what systems take for something else, shortened, with its ending."""
    words = " ".join(_UNFIT_FOR_FILES.sub("_", str(name or "")).split()).strip(". ")
    stem, dot, ending = words.rpartition(".")
    if not dot:
        return words[:_LONGEST_NAME] or None
    return f"{stem[: _LONGEST_NAME - len(ending) - 1].rstrip()}.{ending}"


def party_key(name: Any = None) -> str | None:
    """Return a name by which a party is known again, whatever case, spaces and punctuation a document shows."""
    return values.letters(name) or None if name is not None else None


def vendor_number(reference: Any = None) -> str | None:
    """Return the vendor account that a document's reference to the ERP names; None if it names something else."""
    return _number(reference, _VENDORS)


def customer_number(reference: Any = None) -> str | None:
    """Return the customer account that a document's reference to the ERP names; None if it names something else."""
    return _number(reference, _CUSTOMERS)


def year(on: Any = None) -> int | None:
    """Return the year of a day: a vendor's numbers may begin anew with it."""
    return on.year if isinstance(on, date) else None


def _number(reference: Any, types: Iterable[str]) -> str | None:
    if not isinstance(reference, Mapping):
        return None
    if str(reference.get("record_type") or "").strip().casefold() not in types:
        return None
    # Company and account, as in usmf|V00123.
    return str(reference.get("record_id") or "").rpartition(_IN_KEY)[2].strip() or None


def _rows(lines: Any) -> list[Mapping[str, Any]]:
    if lines is None:
        return []
    if not isinstance(lines, list):
        raise RejectRecord(
            "lines cannot be read", f"line_items: {str(lines)[:80]!r} is no list; correct the profile in RecordEngine."
        )
    return lines


def _half_of_last_digit(price: Decimal) -> Decimal:
    exponent = price.as_tuple().exponent
    decimals = max(-exponent, 2) if isinstance(exponent, int) else 2
    return Decimal(1).scaleb(-decimals) / 2


def _agree(what: str, ours: Decimal, other: str, theirs: Decimal, tolerance: Decimal) -> None:
    if abs(ours - theirs) > tolerance:
        raise NeedsReview(
            "amounts contradict each other",
            f"{what} come to {ours:f}, {other} is {theirs:f}. Correct it in RecordEngine and export it again.",
            {other: (f"{theirs:f}", f"{ours:f}")},
        )
