"""The oracle of accounts payable: AvidXchange's records against Finance and Operations' ledger, and nothing else.

Each function returns a sentence for everything that is wrong; none means that the promise was kept. Rows of seeds and
of people (method SEED or PERSON) are part of the world, not of what was written over the API.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from headrace.cli.demo.payables import AP
from headrace.cli.demo.payables_books import Books, Companies, Kept, Row

INVOICES, LINES, IMAGES = "VendorInvoiceHeaders", "VendorInvoiceLines", "VendorInvoiceDocumentAttachments"
JOURNALS, PAYMENTS, SETTLED = (
    "VendorPaymentJournalHeaders",
    "VendorPaymentJournalLines",
    "VendorPaymentJournalLineSettledInvoices",
)
TOTALS = "LedgerJournalTableBiEntities"
BANK, ENTRIES = "BankAccountTransBiEntities", "GeneralJournalAccountEntryBiEntities"
_METHODS: Mapping[str, tuple[str, Callable[[Row], Any]]] = {
    "Check": ("CHECK", lambda payment: payment["AvidPayChecknumber"]),
    "AvidPay Direct": ("ELECTRONIC", lambda payment: payment["AchTraceNumber"]),
    "Virtual Credit Card": ("VCARD", lambda payment: payment["VirtualCard"]["Reference"]),
}
"""Method of AvidXchange → the one of F&O, and its reference."""


def judge_invoices(
    approved: Sequence[Row], books: Books, companies: Companies, scans: Mapping[int, bytes], by_hand: Iterable[str]
) -> list[str]:
    """Hold the pending invoices that F&O got, posted meanwhile or not, against the approved ones.

    Args:
        approved: AvidXchange's records.
        books: F&O's.
        companies: of both.
        scans: of each approved invoice, by its id in AvidXchange.
        by_hand: numbers of invoices that clerks entered in F&O themselves: nothing may be written for them.
    """
    wrong: list[str] = []
    headers: dict[tuple[str, str, str], list[Kept]] = defaultdict(list)
    for kept in books.written(INVOICES):
        headers[_place(kept.last)].append(kept)
    lines = _by_invoice(books, LINES)
    files = _by_invoice(books, IMAGES)
    excluded = frozenset(by_hand)
    for invoice in approved:
        vendor = str(invoice["BuyerVendor"]["VendorExternalSystemID"]).partition("|")[0]
        name = f"{companies.of(invoice)} {vendor} {invoice['Number']}"
        found = headers.pop((companies.of(invoice), vendor, invoice["Number"]), [])
        if invoice["Number"] in excluded:
            wrong += [f"{name}: written although a clerk has entered it"] if found else []
            continue
        if not found or sum(each.created for each in found) != 1:
            wrong.append(f"{name}: created {sum(each.created for each in found)} times")
            continue
        header = found[0].last
        wrong += _differences(name, header, _header(invoice))
        reference = (header["dataAreaId"], header["HeaderReference"])
        coded = Counter(map(_line, invoice["Distributions"]))
        wrong += _unequal(name, coded, _counted(lines.pop(reference, []), _kept_line))
        scan = Counter([hashlib.sha256(scans[invoice["Id"]]).hexdigest()])
        wrong += _unequal(
            f"{name} image", scan, _counted(files.pop(reference, []), lambda file: file["FileContents"]["sha256"])
        )
    wrong += [f"{' '.join(place)}: an invoice that nobody approved" for place in headers]
    wrong += [f"{' '.join(place)}: lines of no approved invoice" for place in lines]
    return wrong + [f"{' '.join(place)}: an image of no approved invoice" for place in files]


def judge_payments(
    payments: Sequence[Row], books: Books, companies: Companies, unsettled: Iterable[int] = ()
) -> list[str]:
    """Hold the lines of payment journals against the payments that were ever settled, and those void since.

    Args:
        payments: AvidXchange's records.
        books: F&O's.
        companies: of both.
        unsettled: ids of payments that may settle nothing, as others have settled their invoices.
    """
    wrong: list[str] = []
    lines: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for kept in books.written(PAYMENTS):
        lines[kept.last["dataAreaId"], kept.last.get("PaymentId", "")].append(kept)
    settled: dict[tuple[str, ...], Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for kept in books.written(SETTLED):
        row = kept.last
        settled[_line_of(row["JournalLineCompany"], row, row["JournalLineNumber"])][_settlement(row)] += kept.created
    expected: Counter[tuple[str, str]] = Counter()
    nothing = frozenset(unsettled)
    names = _names(books)
    for payment in payments:
        for number, wanted in _wanted_lines(payment, companies):
            found = lines.pop((companies.of(payment), number), [])
            name = f"{companies.of(payment)} payment {number}"
            if sum(each.created for each in found) != 1:
                wrong.append(f"{name}: {sum(each.created for each in found)} lines")
                continue
            kept_line = found[0].last
            wrong += _differences(name, kept_line, wanted)
            amount = Decimal(wanted.get("DebitAmount", 0)) - Decimal(wanted.get("CreditAmount", 0))
            journal = (kept_line["dataAreaId"], kept_line["JournalBatchNumber"])
            if names.get(journal) != _journal_name(wanted):
                wrong.append(f"{name}: in journal {names.get(journal)!r} instead of {_journal_name(wanted)!r}")
            expected[journal] += amount  # type: ignore[assignment]
            if number == _number(payment):
                remitted = Counter(map(_remitted, payment["Remittances"]))
                if payment["PaymentId"] in nothing:
                    remitted.clear()
                wrong += _unequal(
                    f"{name} settlements",
                    remitted,
                    settled.pop(_line_of(journal[0], kept_line, kept_line["LineNumber"]), Counter()),
                )
    wrong += [f"{company} payment {number or 'without a number'}: nobody paid it" for company, number in lines]
    wrong += [f"{' '.join(place)}: settlements of no payment" for place in settled]
    return wrong + _judge_journals(books, expected)


def _judge_journals(books: Books, expected: Mapping[tuple[str, str], Any]) -> list[str]:
    """Hold the totals that F&O shows of each journal against the sum of what is in it, to the cent."""
    wrong = []
    names = _names(books)
    for kept in books.all(TOTALS):
        place = (kept.last["dataAreaId"], kept.last["JournalNum"])
        debit, credit = (_money(kept.last.get(f"JournalTotal{side}")) for side in ("Debit", "Credit"))
        if place not in expected:
            wrong.append(f"journal {' '.join(place)}: empty, or of nobody")
            continue
        if debit - credit != expected[place]:
            wrong.append(f"journal {' '.join(place)}: comes to {debit - credit} instead of {expected[place]}")
        if debit and credit:
            wrong.append(f"journal {' '.join(place)}: payments and reversals in one")
        if credit and not names[place].endswith("reversals"):
            wrong.append(f"journal {' '.join(place)}: reversals in {names[place]}")
        if _money(kept.last.get("JournalBalance")):
            wrong.append(f"journal {' '.join(place)}: does not balance")
    return wrong


def judge_money(payments: Sequence[Row], books: Books, companies: Companies) -> list[str]:
    """Hold what posted journals took from each bank account against what was paid and came back; vouchers balance."""
    wanted: Counter[tuple[str, str]] = Counter()
    for payment in payments:
        for _, line in _wanted_lines(payment, companies):
            amount = _money(line.get("CreditAmount")) - _money(line.get("DebitAmount"))
            wanted[companies.of(payment), line["OffsetAccountDisplayValue"]] += amount  # type: ignore[assignment]
    moved: Counter[tuple[str, str]] = Counter()
    for kept in books.all(BANK):
        moved[kept.last["dataAreaId"], kept.last["AccountId"]] += _money(kept.last["AmountCur"])  # type: ignore[assignment]
    wrong = [
        f"bank account {' '.join(place)}: {moved[place]} moved instead of {wanted[place]}"
        for place in wanted.keys() | moved.keys()
        if moved[place] != wanted[place]
    ]
    vouchers: Counter[int] = Counter()
    for kept in books.all(ENTRIES):
        vouchers[kept.last["GeneralJournalEntry"]] += _money(kept.last["AccountingCurrencyAmount"])  # type: ignore[assignment]
    return wrong + [f"entry {number}: is off by {rest}" for number, rest in vouchers.items() if rest]


def judge_vendors(
    vendors: Sequence[Row], kept: Sequence[Row], ledger: Iterable[Row], companies: Companies
) -> list[str]:
    """Hold AvidXchange's vendors against F&O's: once in each company, one-time vendors nowhere, content the same."""
    created = Counter(entry["key"] for entry in ledger if entry["object"] == "vendors" and entry["action"] == "create")
    wrong = [f"vendor {key}: created {count} times" for key, count in created.items() if count != 1]
    found = {(companies.of(each), each["VendorExternalSystemID"]): each for each in kept}
    for vendor in vendors:
        place = (vendor["dataAreaId"], vendor["VendorAccountNumber"])
        there = found.pop(place, None)
        if vendor.get("IsOneTimeVendor") == "Yes":
            wrong += [f"vendor {' '.join(place)}: is used once, and was sent"] if there else []
        elif there is None:
            wrong.append(f"vendor {' '.join(place)}: is missing")
        else:
            address = there["Address"]
            wanted = {
                "VendorName": vendor["VendorOrganizationName"],
                "CurrencyCode": vendor["CurrencyCode"],
                "IsActive": vendor.get("OnHoldStatus", "No") in ("No", "Never"),
                "Line1": vendor["AddressStreet"],
                "City": vendor["AddressCity"],
                "PostalCode": vendor["AddressZipCode"],
            }
            wrong += _differences(f"vendor {' '.join(place)}", {**there, **address}, wanted)
    return wrong + [f"vendor {' '.join(map(str, place))}: is nobody's" for place in found]


def judge_codes(
    accounts: Sequence[Row], values: Sequence[Row], kept: Sequence[Row], ledger: Iterable[Row], companies: Companies
) -> list[str]:
    """Hold AvidXchange's codes against F&O's accounts and dimension values: once in each company that may use them."""
    created = Counter(
        entry["key"] for entry in ledger if entry["object"] == "enterpriseCodes" and entry["action"] == "create"
    )
    wrong = [f"code {key}: created {count} times" for key, count in created.items() if count != 1]
    everywhere = list(companies.by_system.values())
    wanted: dict[tuple[str, str, str], str] = {}
    for account in accounts:
        text = f"{account['MainAccountId']} : {account['Name']}"
        wanted |= {(company, "GL Account", account["MainAccountId"]): text for company in everywhere}
    for value in values:
        text = " : ".join(part for part in (value["DimensionValue"], value.get("Description", "")) if part)
        owner = value.get("LegalEntityId")
        for company in [owner] if owner else everywhere:
            wanted[company, value["FinancialDimension"], value["DimensionValue"]] = text
    there = {(companies.of(each), each["GroupName"], each["CodeValue"]): each for each in kept}
    wrong += [f"code {' '.join(place)}: is missing" for place in wanted.keys() - there.keys()]
    wrong += [f"code {' '.join(place)}: is nobody's" for place in there.keys() - wanted.keys()]
    for place in wanted.keys() & there.keys():
        expected = {"Description": wanted[place][:50], "IsActive": True}
        wrong += _differences(f"code {' '.join(place)}", there[place], expected)
    return wrong


def judge_acknowledgements(batches: Sequence[Row], told: Sequence[Row]) -> list[str]:
    """Hold acknowledgements against closed batches: one at least since each was last closed, and of no other."""
    ended = {each["BatchGUID"]: each["DateClosed"] for each in batches if each["DateClosed"] is not None}
    last: dict[str, str] = {}
    for each in told:
        last[each["BatchId"]] = max(str(each["LastChangedDate"]), last.get(each["BatchId"], ""))
    wrong = [f"batch {guid}: is not acknowledged" for guid, closed in ended.items() if last.get(guid, "") < closed]
    return wrong + [f"batch {guid}: acknowledged, but not closed" for guid in last.keys() - ended.keys()]


def _header(invoice: Row) -> dict[str, Any]:
    return {
        "InvoiceDate": f"{str(invoice['InvoiceDate'])[:10]}T12:00:00Z",
        "Currency": invoice["CurrencyCode"],
        "ImportedAmount": _money(invoice["GrossAmount"]),
        "DocumentNumber": str(invoice["Id"]),
    }


def _line(distribution: Row) -> tuple[Any, ...]:
    codes = {
        code["EnterpriseCodeGroups"][0]["CodeGroupName"]: code["EnterpriseCodeValue"]
        for code in distribution["EnterpriseCodes"]
    }
    # The delimiter of a display value is escaped where it stands in a part.
    dimensions = [(codes.get(name) or "").replace("-", "\\-") for name in ("Department", "CostCenter")]
    return (
        _money(distribution["LineNumber"]),
        "-".join([codes["GL Account"], *dimensions]),
        "-".join(dimensions),
        _money(distribution["Amount"]),
        distribution["Description"],
    )


def _kept_line(line: Row) -> tuple[Any, ...]:
    return (
        _money(line["InvoiceLineNumber"]),
        line["MainAccountDisplayValue"],
        line["DimensionDisplayValue"],
        _money(line["NetAmount"]),
        line["LineDescription"],
    )


def _wanted_lines(payment: Row, companies: Companies) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield number and fields of each line that a payment must have: none, its own, its reversal."""
    day = payment["SettledDate"]
    if day is None:
        return
    number, amount = _number(payment), _money(payment["Amount"])
    method, reference = _METHODS[payment["PaymentMethod"]["Description"]]
    shared = {
        "AccountType": "Vend",
        "AccountDisplayValue": payment["Payee"]["VendorExternalSystemID"],
        "CurrencyCode": payment["CurrencyCode"],
        "OffsetAccountType": "Bank",
        "OffsetAccountDisplayValue": payment["BankAccount"]["ClientIds"][0],
        "PaymentMethodName": method,
    }
    own = {"PaymentReference": reference(payment), "DebitAmount": amount, "CreditAmount": Decimal()}
    yield number, {**shared, **own, "TransactionDate": _noon(day)}
    if payment["Status"]["Description"] == "Void":
        back = {"DebitAmount": Decimal(), "CreditAmount": amount, "TransactionDate": _noon(payment["VoidDate"])}
        yield f"{number}-V", {**shared, **back}


def _names(books: Books) -> dict[tuple[str, str], str]:
    """Return the name of each journal by company and number."""
    heads = [kept.last for kept in books.written(JOURNALS)]
    return {(head["dataAreaId"], head["JournalBatchNumber"]): head["Description"] for head in heads}


def _journal_name(line: Row) -> str:
    """Return the name of the journals that a line may be in: one batch for each day, account and currency."""
    parts = ("AvidXchange", line["TransactionDate"][:10], line["OffsetAccountDisplayValue"], line["CurrencyCode"])
    return " ".join((*parts, "reversals") if line.get("CreditAmount") else parts)


def _number(payment: Row) -> str:
    """Return the name of a payment in F&O."""
    return f"{AP}/{payment['PaymentId']}"


def _remitted(remittance: Row) -> tuple[Any, ...]:
    return remittance["Number"], _money(remittance["Net"]), _money(remittance["Discount"])


def _settlement(row: Row) -> tuple[Any, ...]:
    net, discount = row["SettlementAmountInInvoiceCurrency"], row.get("CashDiscountToTakeInInvoiceCurrency")
    return row["InvoiceNumber"], _money(net), _money(discount)


def _by_invoice(books: Books, obj: str) -> dict[tuple[str, str], list[Kept]]:
    found: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for kept in books.written(obj):
        found[kept.last["dataAreaId"], kept.last["HeaderReference"]].append(kept)
    return found


def _place(header: Row) -> tuple[str, str, str]:
    return header["dataAreaId"], header["InvoiceAccount"], header["InvoiceNumber"]


def _line_of(company: str, row: Row, number: Any) -> tuple[str, ...]:
    return company, row["JournalBatchNumber"], f"{_money(number).normalize():f}"


def _counted(found: Iterable[Kept], read: Callable[[Row], Any]) -> Counter[Any]:
    counted: Counter[Any] = Counter()
    for kept in found:
        counted[read(kept.last)] += kept.created
    return counted


def _differences(name: str, there: Row, wanted: Row) -> list[str]:
    return [
        f"{name}: {field_name} is {there.get(field_name)!r} instead of {value!r}"
        for field_name, value in wanted.items()
        if (_money(there.get(field_name)) if isinstance(value, Decimal) else there.get(field_name)) != value
    ]


def _unequal(name: str, wanted: Counter[Any], there: Counter[Any]) -> list[str]:
    missing, more = wanted - there, there - wanted
    return [f"{name}: {each} is missing" for each in missing.elements()] + [
        f"{name}: {each} is too many" for each in more.elements()
    ]


def _money(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def _noon(day: str) -> str:
    return f"{day[:10]}T12:00:00Z"
