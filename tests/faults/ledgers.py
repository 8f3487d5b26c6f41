"""Reads the sandboxes' ledgers as the oracle wants them: what the sources asked for, and what the targets were given.

| kind | source | target |
| --- | --- | --- |
| create, update | organizations of the CRM, and their telephone numbers | customers of F&O |
| order | won deals of the CRM and their products | sales orders of F&O: header, lines |
| invoice | approved invoices of AvidXchange and their scans | vendor invoices of F&O: header, lines, image |
| batch | vendors of F&O | vendors of AvidXchange, many in one call |

What we ourselves write to organizations of the CRM, their account numbers, must leave what people said there.
A customer counts as update once its organization was edited. An order for an item that F&O has not released in that
company is excused, and so is an invoice of a vendor that F&O does not know: they wait.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from headrace.cli.demo.deployment import CRM, Sandbox
from headrace.cli.demo.payables import SYSTEMS
from headrace.sandbox.avidxchange.images import invoice_pdf
from tests.faults.oracle import Said, Wish, Written

Row = Mapping[str, Any]

KINDS = ("create", "update", "order", "invoice", "batch")
WORLD = ("SEED", "PERSON")
"""In place of a method in rows that are no writing of ours."""


@dataclass(slots=True)
class Ledger:
    """What one sandbox has kept so far; each look reads only what is new."""

    control: Sandbox
    rows: list[dict[str, Any]] = field(default_factory=list)
    skew: float = 0.0
    """Seconds by which the sandbox's clock is ahead of this machine's."""

    def read(self) -> list[dict[str, Any]]:
        """Return all rows, oldest first; `at` is this machine's time."""
        after = self.rows[-1]["seq"] if self.rows else 0
        while page := self.control.get("ledger", after=after, limit=1000)["entries"]:
            for row in page:
                row["at"] = datetime.fromisoformat(row["at"]) - timedelta(seconds=self.skew)
            self.rows += page
            after = page[-1]["seq"]
        return self.rows

    def of(self, *objects: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows that were read, by object and in order."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in objects}
        for row in self.rows:
            if row["object"] in found:
                found[row["object"]].append(row)
        return found


@dataclass(slots=True)
class Ledgers:
    """The three ledgers of a site."""

    crm: Ledger
    erp: Ledger
    ap: Ledger

    def read(self) -> int:
        """Read what is new; return how many rows there are."""
        return sum(len(each.read()) for each in (self.crm, self.erp, self.ap))

    def wishes(self) -> list[Wish]:
        """Return what the sources asked for."""
        erp = self.erp.of("VendorsV2", "ReleasedProductsV2")
        released = {(row["after"]["dataAreaId"], row["after"]["ItemNumber"]) for row in erp["ReleasedProductsV2"]}
        known = {(row["after"]["dataAreaId"], row["after"]["VendorAccountNumber"]) for row in erp["VendorsV2"]}
        return [
            *_customers_wanted(self.crm),
            *_orders_wanted(self.crm, released),
            *_invoices_wanted(self.ap, known),
            *_vendors_wanted(erp["VendorsV2"]),
        ]

    def written(self) -> list[Written]:
        """Return what the targets were given."""
        return [*_written_to_erp(self.erp), *_written_to_ap(self.ap), *_written_to_crm(self.crm)]

    def requests(self) -> list[str]:
        """Return a line for each request that the targets remember, readable."""
        return [
            f"{each['method']} {unquote(each['path'])}"
            for ledger in (self.erp, self.ap)
            for each in ledger.control.get("requests")["requests"]
        ]


# --- what sources ask for ---


class _Fields:
    """Custom fields of the CRM by their names, and what the keys of options stand for."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._codes: dict[tuple[str, str], str] = {}
        self._labels: dict[tuple[str, str], dict[Any, str]] = {}
        for row in rows:
            after = row["after"]
            self._codes[after["object"], after["name"]] = after["code"]
            options = after["options"] or []
            self._labels[after["object"], after["name"]] = {each["id"]: each["label"] for each in options}

    def value(self, obj: str, record: Row, name: str) -> Any:
        value = (record.get("custom_fields") or {}).get(self._codes[obj, name])
        return self._labels[obj, name].get(value, value)


def _customers_wanted(crm: Ledger) -> Iterator[Wish]:
    rows = crm.of("organization", "field")
    fields = _Fields(rows["field"])
    for _, own in _by_key(rows["organization"]):
        said = [Said(_buyer(fields, row["after"]), row["at"]) for row in own if not _is_ours(row)]
        versions = _distinct(said)
        vat = fields.value("organization", own[-1]["after"], "VAT number")
        yield Wish("update" if len(versions) > 1 else "create", _name_of(fields, own[-1]), versions, words=(vat,))


def _written_to_crm(crm: Ledger) -> Iterator[Written]:
    """Yield what we wrote over what people said in the CRM: nobody asks for that (I7)."""
    rows = crm.of("organization", "field")
    fields = _Fields(rows["field"])
    for row in rows["organization"]:
        if _is_ours(row) and row["before"] and _buyer(fields, row["before"]) != _buyer(fields, row["after"]):
            name = f"{_name_of(fields, row)} at its source"
            yield Written("update", name, row["action"], _buyer(fields, row["after"]), row["at"], row["seq"])


def _buyer(fields: _Fields, organization: Row) -> tuple[str, str]:
    return organization["name"], fields.value("organization", organization, "Phone") or ""


def _name_of(fields: _Fields, row: Row) -> str:
    return " ".join(str(fields.value("organization", row["after"], name)) for name in ("Legal entity", "VAT number"))


def _is_ours(row: Row) -> bool:
    """Only our own calls carry a trace; people's do not."""
    return bool(row["request"]["traceparent"])


def _orders_wanted(crm: Ledger, released: set[tuple[str, str]]) -> Iterator[Wish]:
    rows = crm.of("organization", "deal", "deal_product", "product", "field")
    fields = _Fields(rows["field"])
    items = {row["after"]["id"]: row["after"]["code"] for row in rows["product"]}
    buyers = {
        row["after"]["id"]: fields.value("organization", row["after"], "VAT number") for row in rows["organization"]
    }
    lines: dict[int, list[Row]] = defaultdict(list)
    for row in rows["deal_product"]:
        lines[row["after"]["deal_id"]].append(row["after"])
    for _, own in _by_key(rows["deal"]):
        won = next((row for row in own if row["after"]["status"] == "won"), None)
        if won is None:
            continue
        deal = won["after"]
        company = fields.value("deal", deal, "Legal entity")
        name = f"{CRM}/deal/{deal['id']}"
        missing = [items[each["product_id"]] for each in lines[deal["id"]]]
        missing = [item for item in missing if (company, item) not in released]
        excuse = f"{', '.join(missing)} is not released in {company}" if missing else ""
        dimensions = "-".join(fields.value("deal", deal, each) for each in ("Department", "Cost center"))
        delivery = fields.value("deal", deal, "Requested delivery")
        header = (company, deal["currency"], buyers[deal["org_id"]], dimensions, delivery)
        yield Wish("order", name, (Said(header, won["at"]),), excuse=excuse)
        for line in lines[deal["id"]]:
            figures = (line["quantity"], line["item_price"], line["discount"])
            content = (items[line["product_id"]], *map(_number, figures))
            yield Wish("order", f"{name} line {line['id']}", (Said(content, won["at"]),), name, excuse=excuse)


def _invoices_wanted(ap: Ledger, known: set[tuple[str, str]]) -> Iterator[Wish]:
    rows = ap.of("invoices", "invoiceBatches", "accountingSystems")
    companies = _companies(rows["accountingSystems"])
    for row in rows["invoices"]:
        if row["action"] != "create":
            continue
        invoice = row["after"]
        system = invoice["AccountingSystemId"]
        closed = [each for each in rows["invoiceBatches"] if each["after"]["AccountingSystemId"] == system]
        batch = next((each for each in closed if each["seq"] > row["seq"]), None)
        if batch is None:
            continue  # nobody has closed its batch yet
        company, vendor = companies[system], invoice["BuyerVendor"]["VendorExternalSystemID"]
        name = f"{company} {vendor} {invoice['Number']}"
        excuse = "" if (company, vendor) in known else f"vendor {vendor} is not in {company}"
        amount = _number(invoice["GrossAmount"])
        header = (invoice["CurrencyCode"], amount, invoice["InvoiceDate"][:10])
        words = (f"'{invoice['Number']}'",)
        yield Wish("invoice", name, (Said(header, batch["at"]),), words=words, excuse=excuse)
        for line in invoice["Distributions"]:
            codes = {
                code["EnterpriseCodeGroups"][0]["CodeGroupName"]: code["EnterpriseCodeValue"]
                for code in line["EnterpriseCodes"]
            }
            account = "-".join(codes[group] for group in ("GL Account", "Department", "CostCenter"))
            content = (_number(line["Amount"]), account, line["Description"])
            said = (Said(content, batch["at"]),)
            yield Wish("invoice", f"{name} line {line['LineNumber']}", said, name, excuse=excuse)
        image = hashlib.sha256(invoice_pdf(_exact(invoice))).hexdigest()
        yield Wish("invoice", f"{name} image", (Said(image, batch["at"]),), name, excuse=excuse)


def _vendors_wanted(rows: Sequence[Row]) -> Iterator[Wish]:
    for _, own in _by_key(rows):
        last = own[-1]["after"]
        number = last["VendorAccountNumber"]
        said = [Said(row["after"]["VendorOrganizationName"], row["at"]) for row in own]
        yield Wish("batch", _vendor(last["dataAreaId"], number), _distinct(said), words=(number,))


# --- what targets were given ---


def _written_to_erp(erp: Ledger) -> Iterator[Written]:
    rows = erp.of(
        *("CustomersV3", "SalesOrderHeadersV2", "SalesOrderLines"),
        *("VendorInvoiceHeaders", "VendorInvoiceLines", "VendorInvoiceDocumentAttachments"),
    )
    buyers: dict[tuple[str, str], str] = {}
    for row in rows["CustomersV3"]:
        after = row["after"]
        vat = after.get("TaxExemptNumber", "")
        buyers[after["dataAreaId"], after["CustomerAccount"]] = vat
        content = (after.get("OrganizationName", ""), after.get("PrimaryContactPhone", ""))
        yield from _row("create", f"{after['dataAreaId']} {vat}", content, row)
    orders: dict[tuple[str, str], str] = {}
    for row in rows["SalesOrderHeadersV2"]:
        after = row["after"]
        company, name = after["dataAreaId"], after.get("CustomersOrderReference", "")
        orders[company, after["SalesOrderNumber"]] = name
        buyer = buyers.get((company, after["OrderingCustomerAccountNumber"]))
        dimensions = after.get("DefaultLedgerDimensionDisplayValue", "")
        content = (company, after["CurrencyCode"], buyer, dimensions, after.get("RequestedReceiptDate", "")[:10])
        yield from _row("order", name, content, row)
    for row in rows["SalesOrderLines"]:
        after = row["after"]
        name = orders.get((after["dataAreaId"], after["SalesOrderNumber"]), "no order")
        figures = ("OrderedSalesQuantity", "SalesPrice", "LineDiscountPercentage")
        content = (after["ItemNumber"], *(_number(after.get(each, 0)) for each in figures))
        yield from _row("order", f"{name} line {after.get('OrderLineReference')}", content, row)
    invoices: dict[tuple[str, str], str] = {}
    for row in rows["VendorInvoiceHeaders"]:
        after = row["after"]
        name = f"{after['dataAreaId']} {after['InvoiceAccount']} {after['InvoiceNumber']}"
        invoices[after["dataAreaId"], after["HeaderReference"]] = name
        content = (after["Currency"], _number(after["ImportedAmount"]), after["InvoiceDate"][:10])
        yield from _row("invoice", name, content, row)
    for row in rows["VendorInvoiceLines"]:
        after = row["after"]
        name = invoices.get((after["dataAreaId"], after["HeaderReference"]), "no invoice")
        content = (_number(after["NetAmount"]), after["MainAccountDisplayValue"], after["LineDescription"])
        yield from _row("invoice", f"{name} line {int(after['InvoiceLineNumber'])}", content, row)
    for row in rows["VendorInvoiceDocumentAttachments"]:
        after = row["after"]
        name = invoices.get((after["dataAreaId"], after["HeaderReference"]), "no invoice")
        yield from _row("invoice", f"{name} image", after["FileContents"]["sha256"], row)


def _written_to_ap(ap: Ledger) -> Iterator[Written]:
    rows = ap.of("vendors", "accountingSystems")
    companies = _companies(rows["accountingSystems"])
    for row in rows["vendors"]:
        after = row["after"]
        name = _vendor(companies[after["AccountingSystemId"]], after["VendorExternalSystemID"])
        yield from _row("batch", name, after["VendorName"], row)


def _row(kind: str, name: str, content: Any, row: Row) -> Iterator[Written]:
    if row["request"]["method"] not in WORLD:
        yield Written(kind, name, row["action"], content, row["at"], row["seq"])


# --- shared ---


def _by_key(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["key"]].append(row)
    yield from found.items()


def _distinct(said: Sequence[Said]) -> tuple[Said, ...]:
    """Leave out what says the same as before: other fields changed, or we wrote there ourselves."""
    return tuple(each for place, each in enumerate(said) if place == 0 or each.content != said[place - 1].content)


def _companies(rows: Sequence[Row]) -> dict[int, str]:
    names = {name: company for company, name in SYSTEMS.items()}
    return {row["after"]["ID"]: names[row["after"]["Name"]] for row in rows}


def _vendor(company: str, number: str) -> str:
    return f"{company} vendor {number}"


def _number(value: Any) -> Decimal:
    return Decimal(str(value)).normalize()


def _exact(invoice: Row) -> dict[str, Any]:
    """Return an invoice with its amounts in two places, as its scan shows them."""

    def exact(amount: Any) -> Decimal:
        return Decimal(str(amount)).quantize(Decimal("0.01"))

    lines = [{**each, "Amount": exact(each["Amount"])} for each in invoice["Distributions"]]
    return {**invoice, "GrossAmount": exact(invoice["GrossAmount"]), "Distributions": lines}
