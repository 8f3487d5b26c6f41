"""Checks of an out mapping: a document's totals are compared before anything is sent. The list is closed.

A difference parks the event for review with both figures; nothing is guessed and nothing is corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headrace.core.currencies import Half, currency_digits, minor_unit
from headrace.core.documents import Arithmetic, TaxRounding, Totals, number, totals
from headrace.core.errors import NeedsReview, RejectRecord
from headrace.core.spelling import closest
from headrace.mapping.expressions import Node
from headrace.mapping.results import PlannedStep
from headrace.mapping.running import Transforms
from headrace.mapping.values import to_decimal, to_text

if TYPE_CHECKING:
    from headrace.mapping.documents import OutMapping

OrderTotal = Callable[..., tuple[Decimal, Decimal | None]]
"""What `target_total.transform` names: called with `header` (fields), `lines` (fields of each), `digits` of the
currency and `rates` (tax in percent by tax group); gives the amount after discounts as the target will compute it, and
the tax in it or on top of it, None if `rates` is empty. Raises RejectRecord if it cannot tell."""


class Tolerance(Node):
    """How far two totals may be apart: `tolerance` in the document's currency, and minor units for each line."""

    tolerance: Decimal = Field(Decimal(), ge=0)
    tolerance_per_line: int = Field(0, ge=0)

    def allows(self, found: Totals, difference: Decimal) -> bool:
        """Return whether a difference may be."""
        return abs(difference) <= self.tolerance + len(found.lines) * self.tolerance_per_line * minor_unit(
            found.currency
        )


class StatedTotal(Tolerance):
    """The totals that a source states, against what the document's lines come to.

    Compared are `total` and `total_tax` of an order, `subtotal`, `tax` and `total` of an invoice, whichever is stated;
    with `net_amounts` those of its lines as well, where quantity and price are stated too. `tax_rounding` and `half`
    say how the source rounds (`headrace.core.documents`), `includes_tax` whether a total contains tax where the
    document does not say. Where only the whole document's `tax` is known, and of no line, it comes on top of the lines.
    A document without a stated total, or without lines that its source tells, is not compared.
    """

    tax_rounding: TaxRounding = "line"
    half: Half = "up"
    includes_tax: bool = True
    net_amounts: bool = False


class TargetTotal(Tolerance):
    """What the target will compute of the planned steps, against what the order's lines come to.

    `transform` is the connector's function, `header` and `lines` the steps that it looks at. `tax_groups` names the
    table from tax rate to tax group: with entries, tax is compared as well, and every line needs a group that is in it.
    """

    transform: str
    header: str
    lines: str
    tax_groups: str | None = None


class Checks(Node):
    """The closed list of checks; each is made only if the document names it."""

    stated_total: StatedTotal | None = None
    target_total: TargetTotal | None = None

    @property
    def arithmetic(self) -> Arithmetic:
        """How the sources of this document round."""
        stated = self.stated_total or StatedTotal()
        return Arithmetic(stated.tax_rounding, stated.half)


Finding = tuple[tuple[str | int, ...], str]


def check_names(document: OutMapping) -> Iterator[Finding]:
    """Yield what the checks name and the document does not have."""
    target = document.checks.target_total
    if target is None:
        return
    steps = {step.step: step for step in document.steps}
    for role, name in (("header", target.header), ("lines", target.lines)):
        place = ("checks", "target_total", role)
        if name not in steps:
            yield place, f'there is no step "{name}"{closest(name, list(steps))}'
        elif (steps[name].each is None) != (role == "header"):
            yield place, f'step "{name}" writes {"several records" if role == "header" else "one record"}'
    if target.tax_groups is not None and target.tax_groups not in document.tables:
        hint = closest(target.tax_groups, list(document.tables)) or "; add it to `tables`"
        yield ("checks", "target_total", "tax_groups"), f'there is no table "{target.tax_groups}"{hint}'


_STATED = ("subtotal", "total", "total_tax", "tax")


class CheckProgram:
    """The checks of a document, ready to be made."""

    def __init__(self, document: OutMapping) -> None:
        checks = document.checks
        self._stated, self._target = checks.stated_total, checks.target_total
        self.arithmetic = checks.arithmetic
        table = document.tables.get(self._target.tax_groups or "", {}) if self._target else {}
        self._entity = document.entity.replace("_", " ")
        self._rates = {to_text(group): to_decimal(rate) for rate, group in table.items()}

    def stated(self, data: Mapping[str, Any], asserted: frozenset[str]) -> None:
        """Compare what the source states with what its lines come to.

        Raises:
            NeedsReview: they differ. RejectRecord: an amount is no number.
        """
        check = self._stated
        if check is None or "lines" not in asserted:
            return
        if check.net_amounts:
            self._lines(check, data)
        if not any(data.get(name) for name in _STATED):
            return
        found = totals(data, self.arithmetic)
        said = data.get("total_includes_tax")
        with_tax = check.includes_tax if said is None else said is not False
        tax = _tax(found, data)
        total = found.total + tax - found.tax if with_tax else found.amount
        before = found.amount if data.get("prices_include_tax") is not True else found.amount - found.tax
        for name, ours in (("subtotal", before), ("total", total), ("total_tax", found.tax), ("tax", tax)):
            value = data.get(name)
            if not isinstance(value, Mapping):
                continue
            own = str(value.get("currency") or found.currency).upper()
            theirs = number(value.get("amount"), name)
            if own != found.currency or not check.allows(found, theirs - ours):
                words = "" if name != "total" else " with tax" if with_tax else " before tax"
                raise _differs(
                    "checks.stated_total",
                    name,
                    (f"{theirs:f} {own}", f"{ours:f} {found.currency}"),
                    f"{self._named(data)} states a {name} of {theirs:f} {own}{words}, its lines ({len(found.lines)}) "
                    f"come to {ours:f} {found.currency}; correct lines, discounts or total at the source",
                )

    def _named(self, data: Mapping[str, Any]) -> str:
        return f"{self._entity} {data.get('reference') or data.get('number') or ''}".rstrip()

    def _lines(self, check: StatedTotal, data: Mapping[str, Any]) -> None:
        """Compare the amount that a line states with its quantity, price and discounts."""
        rows = data.get("lines") or ()
        found = totals(data, self.arithmetic) if rows else None
        for row, line in zip(rows, found.lines if found else (), strict=True):
            stated = row.get("net_amount")
            if found is None or stated is None:
                continue
            theirs = number(stated, "net_amount")
            if abs(theirs - line.amount) > check.tolerance + check.tolerance_per_line * minor_unit(found.currency):
                raise _differs(
                    "checks.stated_total",
                    "net_amount",
                    (f"{theirs:f} {found.currency}", f"{line.amount:f} {found.currency}"),
                    f"line {row.get('line_id') or row.get('position') or ''} of {self._named(data)} states an amount "
                    f"of {theirs:f} {found.currency}, its quantity and price come to {line.amount:f} "
                    f"{found.currency}; correct the line at the source",
                )

    def planned(
        self, data: Mapping[str, Any], asserted: frozenset[str], steps: Sequence[PlannedStep], transforms: Transforms
    ) -> None:
        """Compare what the target will compute of the planned steps with what the order's lines come to.

        Raises:
            NeedsReview: they differ. RejectRecord: the connector cannot tell, or an amount is no number.
        """
        target = self._target
        header = next((step for step in steps if target is not None and step.step == target.header), None)
        if target is None or header is None or "lines" not in asserted:
            return
        function: OrderTotal | None = transforms.get(target.transform)
        if function is None:
            raise RejectRecord("transform is unknown", f"the connector has no transform {target.transform}")
        found = totals(data, self.arithmetic)
        lines = [step.fields for step in steps if step.step.startswith(f"{target.lines}:")]
        digits = currency_digits(found.currency)
        amount, tax = function(header=header.fields, lines=lines, digits=digits, rates=self._rates)
        compared = [("amount", amount, found.amount)]
        if tax is not None:
            total = amount if data.get("prices_include_tax") is True else amount + tax
            known = _tax(found, data)
            compared = [("total", total, found.total + known - found.tax), ("tax", tax, known)]
        for name, theirs, ours in compared:
            if not target.allows(found, theirs - ours):
                raise _differs(
                    "checks.target_total",
                    name,
                    (f"{ours:f} {found.currency}", f"{theirs:f} {found.currency}"),
                    f"{self._named(data)} has a {name} of {ours:f} {found.currency}, the target would make it "
                    f"{theirs:f} {found.currency}; change prices or discounts so that both can say them",
                )


def _tax(found: Totals, data: Mapping[str, Any]) -> Decimal:
    """Return the tax of a document: that of its lines, or where none of them tells any, what it states as a whole."""
    stated = data.get("tax")
    return number(stated.get("amount"), "tax") if isinstance(stated, Mapping) and not found.tax else found.tax


def _differs(rule: str, name: str, both: tuple[str, str], detail: str) -> NeedsReview:
    return NeedsReview("total differs", f"{rule}: {detail}", {name: both})
