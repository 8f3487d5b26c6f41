"""Leads and opportunities, quotes, orders and invoices with their lines."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.dataverse.tables.columns import (
    address,
    amounts,
    choice,
    dates,
    decimal,
    flag,
    lookup,
    memo,
    moments,
    polymorphic,
    table,
    text,
    texts,
    whole,
)
from headrace.sandbox.dataverse.tables.custom import DOCUMENT
from headrace.sandbox.dataverse.tables.model import Column, State, Table

_TERMS = choice("paymenttermscode", (1, "Net 30"), (2, "2% 10, Net 30"), (3, "Net 45"), (4, "Net 60"))
TOTALS = ("totallineitemamount", "totallineitemdiscountamount", "totaltax", "totalamountlessfreight", "totalamount")
"""What the pricing engine keeps on each document."""


def _customer(document: str) -> Column:
    ways = {"account": f"{document}_customer_accounts", "contact": f"{document}_customer_contacts"}
    return polymorphic("customerid", ways, label="Customer", level="application", parent=True)


def _document() -> tuple[Column, ...]:
    return (
        text("name", 300, level="application", label="Name"),
        memo("description"),
        *address("billto"),
        *address("shipto"),
        *texts(50, "billto_telephone", "shipto_telephone"),
        *texts(150, "billto_contactname", "shipto_contactname"),
        flag("willcall"),
        _TERMS,
        lookup("pricelevelid", "pricelevel", label="Price List"),
        *amounts("freightamount", "discountamount"),
        decimal("discountpercentage", minimum=Decimal(0), maximum=Decimal(100)),
        *amounts(*TOTALS, computed=True),
    )


LEAD = table(
    "lead",
    "leads",
    "Lead",
    4,
    text("subject", 300, level="application", label="Topic"),
    text("firstname", 50),
    text("lastname", 50, level="application"),
    text("fullname", 160, create=False, update=False, label="Name"),
    *texts(100, "companyname", "jobtitle"),
    *(text(name, 100, format="Email") for name in ("emailaddress1", "emailaddress2")),
    text("telephone1", 50),
    text("mobilephone", 20),
    text("websiteurl", 200, format="Url"),
    *address("address1"),
    memo("description"),
    *amounts("revenue", "estimatedamount"),
    *dates("estimatedclosedate"),
    choice("leadsourcecode", (1, "Advertisement"), (2, "Employee Referral"), (8, "Web"), (10, "Other")),
    choice("leadqualitycode", (1, "Hot"), (2, "Warm"), (3, "Cold"), default=2),
    lookup("parentaccountid", "account", "lead_parent_account"),
    lookup("parentcontactid", "contact", "lead_parent_contact"),
    polymorphic("customerid", {"account": "lead_customer_accounts", "contact": "lead_customer_contacts"}),
    lookup("qualifyingopportunityid", "opportunity", create=False, update=False),
    *DOCUMENT,
    primary_name="fullname",
    currency=True,
    notes=True,
    frozen=(1, 2),
    states=(
        State(0, "Open", ((1, "New"), (2, "Contacted"))),
        State(1, "Qualified", ((3, "Qualified"),)),
        State(2, "Disqualified", ((4, "Lost"), (5, "Cannot Contact"), (6, "No Longer Interested"), (7, "Canceled"))),
    ),
)

OPPORTUNITY = table(
    "opportunity",
    "opportunities",
    "Opportunity",
    3,
    text("name", 300, level="application", label="Topic"),
    _customer("opportunity"),
    lookup("parentaccountid", "account", "opportunity_parent_account", label="Account"),
    lookup("parentcontactid", "contact", "opportunity_parent_contact", label="Contact"),
    *amounts("estimatedvalue", "actualvalue", "budgetamount", "freightamount", "discountamount"),
    *dates("estimatedclosedate", "actualclosedate"),
    whole("closeprobability", minimum=Decimal(0), maximum=Decimal(100)),
    flag("isrevenuesystemcalculated"),
    lookup("pricelevelid", "pricelevel"),
    *amounts(*TOTALS, computed=True),
    decimal("discountpercentage", minimum=Decimal(0), maximum=Decimal(100)),
    memo("description"),
    text("stepname", 200),
    lookup("originatingleadid", "lead", "opportunity_originating_lead"),
    *DOCUMENT,
    primary_name="name",
    currency=True,
    notes=True,
    frozen=(1, 2),
    states=(
        State(0, "Open", ((1, "In Progress"), (2, "On Hold"))),
        State(1, "Won", ((3, "Won"),)),
        State(2, "Lost", ((4, "Canceled"), (5, "Out-Sold"))),
    ),
)

QUOTE = table(
    "quote",
    "quotes",
    "Quote",
    1084,
    *_document(),
    text("quotenumber", 100, level="system", update=False),
    whole("revisionnumber", default=0, update=False),
    _customer("quote"),
    lookup("opportunityid", "opportunity", "opportunity_quotes"),
    *dates("effectivefrom", "effectiveto", "expireson", "requestdeliveryby"),
    primary_name="name",
    currency=True,
    notes=True,
    number="quotenumber",
    number_prefix="QUO",
    frozen=(2, 3),
    states=(
        State(0, "Draft", ((1, "In Progress"),)),
        State(1, "Active", ((2, "In Progress"), (3, "Open"))),
        State(2, "Won", ((4, "Won"),)),
        State(3, "Closed", ((5, "Lost"), (6, "Canceled"), (7, "Revised"))),
    ),
)

ORDER = table(
    "salesorder",
    "salesorders",
    "SalesOrder",
    1088,
    *_document(),
    text("ordernumber", 100, level="system", update=False),
    _customer("order"),
    lookup("opportunityid", "opportunity", "opportunity_sales_orders"),
    lookup("quoteid", "quote", "quote_orders"),
    flag("ispricelocked"),
    *dates("requestdeliveryby", "datefulfilled", "submitdate"),
    whole("submitstatus"),
    memo("submitstatusdescription"),
    *moments("lastbackofficesubmit"),
    label="Order",
    primary_name="name",
    currency=True,
    notes=True,
    number="ordernumber",
    number_prefix="ORD",
    frozen=(2, 3, 4),
    states=(
        State(0, "Active", ((1, "New"), (2, "Pending"))),
        State(1, "Submitted", ((3, "In Progress"),)),
        State(2, "Canceled", ((4, "No Money"),)),
        State(3, "Fulfilled", ((100001, "Complete"), (100002, "Partial"))),
        State(4, "Invoiced", ((100003, "Invoiced"),)),
    ),
)

INVOICE = table(
    "invoice",
    "invoices",
    "Invoice",
    1090,
    *_document(),
    text("invoicenumber", 100, level="system", update=False, label="Invoice ID"),
    _customer("invoice"),
    lookup("opportunityid", "opportunity", "opportunity_invoices"),
    lookup("salesorderid", "salesorder", "order_invoices"),
    flag("ispricelocked"),
    *dates("duedate", "datedelivered"),
    *moments("lastbackofficesubmit"),
    *DOCUMENT,
    primary_name="name",
    currency=True,
    notes=True,
    number="invoicenumber",
    number_prefix="INV",
    frozen=(1, 2, 3),
    states=(
        State(
            0,
            "Active",
            (
                (1, "New"),
                (2, "Partially Shipped"),
                (4, "Billed"),
                (5, "Booked (applies to services)"),
                (6, "Installed"),
            ),
        ),
        State(1, "Closed (deprecated)", ((3, "Canceled (deprecated)"), (7, "Paid in Full (deprecated)"))),
        State(2, "Paid", ((100001, "Complete"), (100002, "Partial"))),
        State(3, "Canceled", ((100003, "Canceled"),)),
    ),
)


def _line(name: str, set_name: str, schema: str, code: int, header: Column, prefix: str) -> Table:
    return table(
        name,
        set_name,
        schema,
        code,
        header,
        text(f"{prefix}name", 100),
        lookup("productid", "product"),
        lookup("uomid", "uom"),
        flag("isproductoverridden"),
        text("productdescription", 500),
        memo("description"),
        decimal("quantity", 5, level="application"),
        flag("ispriceoverridden"),
        *amounts("priceperunit", "manualdiscountamount", "tax"),
        *amounts("baseamount", "extendedamount", computed=True),
        whole("lineitemnumber"),
        *dates("requestdeliveryby"),
        ownership="none",
        currency=True,
        primary_name=f"{prefix}name",
        privileges=schema.removesuffix("Product").removesuffix("Detail"),
    )


LINES = {
    "opportunityproduct": ("opportunityid", "opportunity"),
    "quotedetail": ("quoteid", "quote"),
    "salesorderdetail": ("salesorderid", "salesorder"),
    "invoicedetail": ("invoiceid", "invoice"),
}
"""Lookup of the header, and the header's table, by the table of lines."""

TABLES = (
    LEAD,
    OPPORTUNITY,
    QUOTE,
    ORDER,
    INVOICE,
    _line(
        "opportunityproduct",
        "opportunityproducts",
        "OpportunityProduct",
        1083,
        lookup("opportunityid", "opportunity", "product_opportunities", parent=True),
        "opportunityproduct",
    ),
    _line(
        "quotedetail",
        "quotedetails",
        "QuoteDetail",
        1085,
        lookup("quoteid", "quote", "quote_details", parent=True),
        "quotedetail",
    ),
    _line(
        "salesorderdetail",
        "salesorderdetails",
        "SalesOrderDetail",
        1089,
        lookup("salesorderid", "salesorder", "order_details", parent=True),
        "salesorderdetail",
    ),
    _line(
        "invoicedetail",
        "invoicedetails",
        "InvoiceDetail",
        1091,
        lookup("invoiceid", "invoice", "invoice_details", parent=True),
        "invoicedetail",
    ),
)
