"""What people enter in the lab: invoices and payments as control calls and seeds give them.

Fields have the wire's names; what only the lab knows is in small letters.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

InvoiceStatus = Literal["Pending Approval", "Approved", "Rejected", "On Hold"]
Method = Literal["Check", "AvidPay Direct", "Virtual Credit Card", "e-Payment"]
Money = Decimal


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def given(self, *names: str) -> dict[str, Any]:
        """Return those of these fields that were given."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


class CodeDocument(_Document):
    """One code of a distribution."""

    group: str
    value: str | None
    description: str | None = Field(default=None, description="that of the stored code, if not given")


class DistributionDocument(_Document):
    """One distribution; `codes` by group name, or a list where one group comes twice or has its own description."""

    Amount: Money
    Description: str | None = None
    codes: dict[str, str | None] | list[CodeDocument] = Field(default_factory=dict)

    def code_list(self) -> list[CodeDocument]:
        """Return the codes in the order given."""
        if isinstance(self.codes, list):
            return self.codes
        return [CodeDocument(group=group, value=value) for group, value in self.codes.items()]


class InvoiceDocument(_Document):
    """An invoice, or fields of one that a person changes."""

    accounting_system: int | str | None = Field(default=None, description="id or name")
    status: InvoiceStatus = "Approved"
    image: bool = True
    broken_sum: bool = Field(default=False, description="the last distribution is a cent off")
    unchecked: bool = Field(default=False, description="take vendors and codes that AvidXchange does not know")

    Number: str = ""
    VendorExternalSystemID: str | None = Field(default=None, description="may carry an address: V00123|ADDR2")
    VendorName: str | None = None
    AccountNo: int | str = "none"
    InvoiceDate: str | None = None
    InvoiceDueDate: str | None = None
    GrossAmount: Money | None = Field(default=None, description="the sum of the distributions, if not given")
    TaxAmount: Money = Decimal(0)
    FreightAmount: Money = Decimal(0)
    CurrencyCode: str = "USD"
    InvoiceType: str | None = None
    PONumber: str | None = None
    Memo: str | None = None
    IsDuplicateSuspect: bool | None = None
    Distributions: list[DistributionDocument] = []


class RemittanceDocument(_Document):
    """An invoice that a payment pays; what is not given comes from the invoice."""

    InvoiceId: int | None = None
    Number: str | None = None
    Date: str | None = None
    Gross: Money | None = None
    Discount: Money = Decimal(0)
    Net: Money | None = None


class PaymentDocument(_Document):
    """A payment."""

    accounting_system: int | str | None = Field(default=None, description="id or name; that of the first invoice")
    method: Method = "Check"
    status: str = "Pending Approval"
    broken_sum: bool = Field(default=False, description="take remittances whose sums are wrong")

    VendorExternalSystemID: str | None = None
    PayeeName: str | None = None
    Amount: Money | None = Field(default=None, description="the sum of the remittances' Net, if not given")
    CurrencyCode: str = "USD"
    PaymentDate: str | None = None
    BatchId: str | None = None
    ExternalPaymentIds: list[str] = []
    BankAccount: str = "OPER"
    CheckNumber: str | None = None
    Remittances: list[RemittanceDocument] = Field(min_length=1)


class PaymentEdit(_Document):
    """What people change of a payment beside its status."""

    BankAccount: str = ""
    ExternalPaymentIds: list[str] = []
    CheckNumber: str | None = None
    AvidPayChecknumber: str | None = None
    AchTraceNumber: str | None = None


class BatchDocument(_Document):
    """A batch of invoices that is closed."""

    accounting_system: int | str
    name: str = ""
    invoices: list[int] | None = Field(default=None, description="all approved ones that are in none, if not given")


class ClosingDocument(_Document):
    """What changes when a reopened batch is closed again."""

    add: list[int] = []
    remove: list[int] = []
