"""Builds the AvidXchange sandbox."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from headrace.sandbox.avidxchange import images, masters
from headrace.sandbox.avidxchange.access import Access
from headrace.sandbox.avidxchange.batches import Batches
from headrace.sandbox.avidxchange.gateway import Gateway
from headrace.sandbox.avidxchange.invoices import Invoices
from headrace.sandbox.avidxchange.invoices_api import InvoiceEndpoints
from headrace.sandbox.avidxchange.lab import Lab
from headrace.sandbox.avidxchange.limits import Quota
from headrace.sandbox.avidxchange.payments import Payments
from headrace.sandbox.avidxchange.payments_api import PaymentEndpoints
from headrace.sandbox.avidxchange.people import People
from headrace.sandbox.avidxchange.seeding import Seeder
from headrace.sandbox.avidxchange.settings import AvidSettings
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.common.control import Sandbox, build_application
from headrace.sandbox.common.store import Store

SYSTEM = "avidxchange"
COMPANY = "contoso"
CREDENTIALS: Mapping[str, str] = {
    "company_token": "ct_sandbox-company-token",
    "user_token": "ut_sandbox-user-token",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-client-secret",
    "gateway_key": "sandbox-gateway-key",
    "username": "integration@contoso.example",
    "password": "sandbox-password",
}
"""Of a new sandbox's company, for all three ways to sign in; they protect nothing."""
ACCOUNTING_SYSTEMS: Mapping[int, str] = {4811: "F&O USMF", 4812: "F&O DEMF", 4813: "F&O GBSI"}


def create_app(
    data_dir: Path,
    *,
    company: str = COMPANY,
    credentials: Mapping[str, str] = CREDENTIALS,
    accounting_systems: Mapping[int, str] = ACCOUNTING_SYSTEMS,
    **options: Any,
) -> Starlette:
    """Return the sandbox as an ASGI application that keeps its records in `data_dir`.

    Args:
        data_dir: its folder.
        company: id of the company that a new sandbox knows.
        credentials: of that company, named as in `CREDENTIALS`.
        accounting_systems: names by id, one for each legal entity.
        options: switches of `AvidSettings`.

    Raises:
        pydantic.ValidationError: an unknown switch.
    """
    settings = AvidSettings(**options)
    base = {
        "companies": [{"id": company, **credentials}],
        "accounting_systems": [
            {"ID": number, "Name": name, "company": company} for number, name in accounting_systems.items()
        ],
    }
    sandbox = Sandbox(SYSTEM, Store(data_dir / f"{SYSTEM}.sqlite"), settings, seed=lambda body: seeder.seed(body))
    suite, quota = Suite(sandbox, settings), Quota(settings)
    access, invoices, payments = Access(suite), Invoices(suite), Payments(suite)
    batches = Batches(suite, invoices)
    people = People(suite, invoices, payments)
    seeder = Seeder(suite, access, invoices, batches, payments, base)

    def after_reset() -> None:
        access.expire_tokens()
        quota.reset()
        seeder.install()

    sandbox.edit, sandbox.remove, sandbox.after_reset = people.edit, people.remove, after_reset
    if not sandbox.store.objects():
        seeder.install()
    endpoints = [
        *masters.endpoints(),
        *InvoiceEndpoints(batches, f"details-{secrets.token_hex(4)}").endpoints(),
        *PaymentEndpoints(payments).endpoints(),
        *images.endpoints(),
    ]
    gateway = Gateway(suite, access, quota, endpoints)
    return build_application(
        sandbox, [Route("/{path:path}", gateway)], Lab(suite, access, invoices, batches, payments).routes()
    )
