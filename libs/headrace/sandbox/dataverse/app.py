"""Builds the Dataverse sandbox. A new one knows the application `CLIENT_ID` with `CLIENT_SECRET` (installation.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from headrace.sandbox.common.control import Sandbox, build_application
from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.actions import Actions
from headrace.sandbox.dataverse.admin import Administration
from headrace.sandbox.dataverse.batch import Batches
from headrace.sandbox.dataverse.installation import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORGANIZATION_NAME,
    TENANT_NAME,
    Installation,
)
from headrace.sandbox.dataverse.metadata.api import MetadataApi
from headrace.sandbox.dataverse.metadata.customizing import Customizing
from headrace.sandbox.dataverse.people import People
from headrace.sandbox.dataverse.query import Reader
from headrace.sandbox.dataverse.routes import DataverseRoutes
from headrace.sandbox.dataverse.rows import Rows
from headrace.sandbox.dataverse.rows_api import DataRows
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.seeding import Seeder
from headrace.sandbox.dataverse.service import Service
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.signin import DataverseDirectory
from headrace.sandbox.dataverse.throttling import Throttle
from headrace.sandbox.dataverse.tracking import Tracking
from headrace.sandbox.dataverse.versions import RowVersions
from headrace.sandbox.dataverse.webhooks.delivery import WebhookDeliveries
from headrace.sandbox.dataverse.webhooks.events import WebhookEvents
from headrace.sandbox.dataverse.webhooks.jobs import SystemJobs
from headrace.sandbox.dataverse.writes import Writer

SYSTEM = "dataverse"


def create_app(
    data_dir: Path,
    *,
    tenant: str = TENANT_NAME,
    client_id: str = CLIENT_ID,
    client_secret: str = CLIENT_SECRET,
    organization: str = ORGANIZATION_NAME,
    **options: Any,
) -> Starlette:
    """Return the sandbox as an ASGI application that keeps its records in `data_dir`.

    A new one knows one tenant and one application with this secret, which has an application user; `options` are
    switches of `DataverseSettings`.

    Raises:
        pydantic.ValidationError: an unknown switch.
    """
    store = Store(data_dir / f"{SYSTEM}.sqlite")
    settings = DataverseSettings(**options)
    installation = Installation(tenant, client_id, client_secret, organization)
    schema = Schema(store, lambda: sandbox.clock.now())
    rows, versions, security = Rows(store, schema), RowVersions(store), Security(store)
    for column in ("applicationid", "azureactivedirectoryobjectid"):
        store.define_index("systemuser", column)
    jobs = SystemJobs(store, schema, lambda: writer, lambda: seeder.context("SYSTEM", "asyncoperations"))
    deliveries = WebhookDeliveries(store, settings, jobs.ended)
    events = WebhookEvents(store, rows, deliveries, settings, installation.host)
    seeder = Seeder(lambda: sandbox, schema, lambda: writer, lambda: directory, events, installation)
    sandbox = Sandbox(SYSTEM, store, settings, seeder.seed, deliveries)
    writer = Writer(sandbox, settings, schema, security, versions, events)
    people = People(store, schema, seeder, writer)
    sandbox.edit, sandbox.remove = people.edit, people.remove
    directory = DataverseDirectory(sandbox, settings, security)
    throttle = Throttle(settings)

    def after_reset() -> None:
        schema.load()
        versions.restart()
        directory.expire_tokens()
        throttle.reset()
        seeder.install()

    sandbox.after_reset = after_reset
    if not store.objects():
        seeder.install()
    reader = Reader(store, schema, rows, settings)
    tracking = Tracking(store, settings, security, reader, versions)
    data = DataRows(store, settings, schema, security, reader, writer, tracking)
    metadata = MetadataApi(schema, Customizing(schema, settings))
    named = {**Actions(store, schema, security, writer).named(), **metadata.named()}
    service = Service(store, schema, data, named)
    batches = Batches(service, store)
    routes = DataverseRoutes(sandbox, settings, service, batches, directory, events, throttle)
    control = Administration(sandbox, settings, schema, directory).routes()
    return build_application(sandbox, [*routes.routes(), *directory.routes()], control)
