"""Builds the F&O sandbox."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from headrace.sandbox.common.control import Sandbox, build_application
from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.store import Store
from headrace.sandbox.dynamics_fo.admin import admin_routes
from headrace.sandbox.dynamics_fo.admin_payables import payables_routes
from headrace.sandbox.dynamics_fo.admin_receivables import receivables_routes
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.events import RETRY_DELAYS, BusinessEvents
from headrace.sandbox.dynamics_fo.numbering import NumberSequences
from headrace.sandbox.dynamics_fo.people import People
from headrace.sandbox.dynamics_fo.routes import FinanceRoutes
from headrace.sandbox.dynamics_fo.rows import define_indexes
from headrace.sandbox.dynamics_fo.seeding import Installation, Seeder
from headrace.sandbox.dynamics_fo.service import ODataService
from headrace.sandbox.dynamics_fo.settings import FinanceSettings
from headrace.sandbox.dynamics_fo.signin import FinanceDirectory
from headrace.sandbox.dynamics_fo.throttling import Throttle
from headrace.sandbox.dynamics_fo.writes import Writer

SYSTEM = "dynamics_fo"


def create_app(
    data_dir: Path,
    *,
    tenant: str = "contoso",
    client_id: str = "00000000-0000-0000-0000-00000000f0f0",
    client_secret: str = "sandbox-secret",  # noqa: S107 - a stand-in's secret protects nothing
    company: str = "usmf",
) -> Starlette:
    """Return the sandbox as an ASGI application that keeps its records in `data_dir`.

    A new one knows one tenant, one application with this secret, mapped to the user Admin of the company.
    """
    store = Store(data_dir / f"{SYSTEM}.sqlite")
    settings = FinanceSettings()
    define_indexes(store, ENTITIES.values())
    deliveries = Deliveries(store, settings, RETRY_DELAYS)
    numbers = NumberSequences(store)
    installation = Installation(tenant, client_id, client_secret, company)
    seeder = Seeder(lambda: sandbox, lambda: writer, numbers, lambda: directory, installation)
    sandbox = Sandbox(SYSTEM, store, settings, seeder.seed, deliveries)
    events = BusinessEvents(store, deliveries, settings)
    writer = Writer(sandbox, settings, numbers, events)
    people = People(store, writer)
    sandbox.edit, sandbox.remove = people.edit, people.remove
    directory = FinanceDirectory(sandbox, settings)
    throttle = Throttle(settings)

    def after_reset() -> None:
        directory.expire_tokens()
        throttle.reset()
        seeder.install()

    sandbox.after_reset = after_reset
    if not store.objects():
        seeder.install()
    service = ODataService(sandbox, settings, writer)
    routes = FinanceRoutes(sandbox, settings, service, directory, events, throttle)
    control = [
        *admin_routes(sandbox, writer, seeder, directory),
        *payables_routes(sandbox, settings, writer),
        *receivables_routes(sandbox, writer),
    ]
    return build_application(sandbox, [*routes.routes(), *directory.routes()], control)
