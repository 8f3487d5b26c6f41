"""Control calls that only this sandbox has: what people and the payment network do, many records in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.avidxchange.access import Access
from headrace.sandbox.avidxchange.batches import Batches
from headrace.sandbox.avidxchange.documents import (
    BatchDocument,
    ClosingDocument,
    InvoiceDocument,
    Method,
    PaymentDocument,
)
from headrace.sandbox.avidxchange.fields import CODES, VENDORS
from headrace.sandbox.avidxchange.invoices import Invoices
from headrace.sandbox.avidxchange.payments import Payments
from headrace.sandbox.avidxchange.samples import draw_invoices, draw_payments
from headrace.sandbox.avidxchange.statuses import CLEARED
from headrace.sandbox.avidxchange.suite import Suite, visible
from headrace.sandbox.common.control import ControlError, control_route
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InvoicesBody(_Body):
    """Invoices to enter."""

    invoices: list[InvoiceDocument] = Field(min_length=1)


class PaymentsBody(_Body):
    """Payments to enter."""

    payments: list[PaymentDocument] = Field(min_length=1)


class IdsBody(_Body):
    """Records that an action is for."""

    ids: list[int] = Field(min_length=1)


class PaymentActionBody(IdsBody):
    """Payments that an action is for, and what it needs to know."""

    status: str = Field(default="", description="of jump")
    method: Method | None = Field(default=None, description="of switch; of reissue, where it changes")
    reasons: dict[int, str] | list[int] = Field(default=[4], description="of error: ids, or texts by id")


class SamplesBody(_Body):
    """A draw of invoices from the vendors and codes that an accounting system has, and of payments for them."""

    accounting_system: int | str
    seed: int = 1
    invoices: int = Field(ge=1)
    batch: bool = Field(default=True, description="close one batch with them")
    payments: bool = False


class Lab:
    """The control routes, below /_sandbox; each POST takes many records and does all of it, or nothing.

    - invoices: `POST /invoices` enters them, `/invoices/{approve|reject|hold|release}` takes `ids`;
      `PATCH` and `DELETE /records/invoices/{id}` code, change and delete them.
    - batches: `POST /batches` closes one, `/batches/{guid}/reopen`, `/batches/{guid}/close` with `add` and `remove`;
      `GET /batches/{guid}` shows its invoices and acknowledgements.
    - payments: `POST /payments` enters them, `/payments/{action}` takes `ids` for step, jump (with `status`), clear,
      hold, error (with `reasons`), resume, void, reissue, switch (both with `method`) and reprint.
    - `POST /samples` draws invoices and payments by a seed number; `GET /tally/{object}` counts the ledger by key.
    """

    def __init__(self, suite: Suite, access: Access, invoices: Invoices, batches: Batches, payments: Payments) -> None:
        self._suite = suite
        self._access = access
        self._invoices = invoices
        self._batches = batches
        self._payments = payments

    def routes(self) -> list[Route]:
        """Return the routes below /_sandbox."""
        return [
            control_route("/invoices", "POST", self._changing(self._enter_invoices)),
            control_route("/invoices/{action}", "POST", self._changing(self._act_on_invoices)),
            control_route("/batches", "POST", self._changing(self._close_batch)),
            control_route("/batches/{guid}", "GET", lambda r, b: self._batches.describe(r.path_params["guid"])),
            control_route("/batches/{guid}/reopen", "POST", self._changing(self._reopen_batch)),
            control_route("/batches/{guid}/close", "POST", self._changing(self._close_batch_again)),
            control_route("/payments", "POST", self._changing(self._enter_payments)),
            control_route("/payments/{action}", "POST", self._changing(self._act_on_payments)),
            control_route("/samples", "POST", self._changing(self._draw)),
            control_route("/tally/{object}", "GET", lambda r, b: self._suite.ledger.tally(r.path_params["object"])),
            control_route("/expire_tokens", "POST", lambda r, b: {"expired": self._access.expire_tokens()}),
        ]

    def _changing(self, action: Callable[[Request, Any, RequestNote], Any]) -> Callable[[Request, Any], Any]:
        """Return an action that runs in one transaction: all of a call is done, or nothing."""

        def run(request: Request, body: Any) -> Any:
            with self._suite.store.transaction():
                return action(request, body, RequestNote(PERSON, request.url.path))

        return run

    def _enter_invoices(self, request: Request, body: Any, note: RequestNote) -> Any:
        documents = InvoicesBody.model_validate(body).invoices
        return {"invoices": _all([self._invoices.create(each, note) for each in documents])}

    def _act_on_invoices(self, request: Request, body: Any, note: RequestNote) -> Any:
        numbers = IdsBody.model_validate(body).ids
        return {"invoices": _all(self._invoices.act(request.path_params["action"], numbers, note))}

    def _close_batch(self, request: Request, body: Any, note: RequestNote) -> Any:
        return self._batches.describe(self._batches.close(BatchDocument.model_validate(body), note).key)

    def _reopen_batch(self, request: Request, body: Any, note: RequestNote) -> Any:
        record = self._batches.reopen(request.path_params["guid"], note)
        return None if record is None else self._batches.describe(record.key)

    def _close_batch_again(self, request: Request, body: Any, note: RequestNote) -> Any:
        document = ClosingDocument.model_validate(body)
        record = self._batches.close_again(request.path_params["guid"], document, note)
        return None if record is None else self._batches.describe(record.key)

    def _enter_payments(self, request: Request, body: Any, note: RequestNote) -> Any:
        documents = PaymentsBody.model_validate(body).payments
        return {"payments": _all([self._payments.create(each, note) for each in documents])}

    def _act_on_payments(self, request: Request, body: Any, note: RequestNote) -> Any:
        given = PaymentActionBody.model_validate(body)
        act = self._payment_action(request.path_params["action"], given, note)
        return {"payments": _all([act(self._payments.get(number)) for number in given.ids])}

    def _payment_action(self, action: str, given: PaymentActionBody, note: RequestNote) -> Callable[[Record], Record]:
        payments, method = self._payments, given.method
        reasons = given.reasons if isinstance(given.reasons, dict) else dict.fromkeys(given.reasons, "")
        actions: Mapping[str, Callable[[Record], Record]] = {
            "step": lambda record: payments.step(record, note),
            "jump": lambda record: payments.jump(record, given.status, note),
            "clear": lambda record: payments.jump(record, CLEARED, note),
            "hold": lambda record: payments.hold(record, note),
            "error": lambda record: payments.fail(record, reasons, note),
            "resume": lambda record: payments.resume(record, note),
            "void": lambda record: payments.void(record, note),
            "reissue": lambda record: payments.reissue(record, method, note),
            "reprint": lambda record: payments.reprint(record, note),
        }
        if action == "switch":
            if method is None:
                raise ControlError("switch: give method")
            return lambda record: payments.switch(record, method, note)
        if action not in actions:
            raise ControlError(f"{action!r} is not an action on payments; use one of {sorted((*actions, 'switch'))}")
        return actions[action]

    def _draw(self, request: Request, body: Any, note: RequestNote) -> Any:
        given, suite = SamplesBody.model_validate(body), self._suite
        system = suite.system_named(given.accounting_system)
        active = [each.data for each in suite.of_system(VENDORS, system) if each.data["IsActive"]]
        codes: dict[str, list[str]] = {}
        for each in suite.of_system(CODES, system):
            if each.data["IsActive"]:
                codes.setdefault(each.data["GroupName"], []).append(each.data["CodeValue"])
        vendors = [each["VendorExternalSystemID"] for each in active if each["VendorExternalSystemID"]]
        drawn = draw_invoices(system, vendors, codes, given.invoices, given.seed, suite.now().date())
        invoices = [self._invoices.create(InvoiceDocument.model_validate(each), note) for each in drawn]
        answer: dict[str, Any] = {"invoices": _all(invoices), "batch": None, "payments": []}
        if given.batch:
            numbers = [each.data["Id"] for each in invoices]
            closed = self._batches.close(BatchDocument(accounting_system=system, invoices=numbers), note)
            answer["batch"] = self._batches.describe(closed.key)
        if given.payments:
            documents = draw_payments(answer["invoices"], given.seed)
            made = [self._payments.create(PaymentDocument.model_validate(each), note) for each in documents]
            answer["payments"] = _all(made)
        return answer


def _all(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [visible(each.data) for each in records]
