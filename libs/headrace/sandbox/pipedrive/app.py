"""Builds the sandbox. Tokens of a new one: API token `sandbox-api-token`, OAuth app `sandbox-client`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox, build_application
from headrace.sandbox.common.store import Store
from headrace.sandbox.pipedrive import (
    crud_v1,
    crud_v2,
    deal_products_api,
    directory_api,
    fields_api,
    filters,
    notes_files_api,
    relations_api,
    search_api,
    webhooks_api,
)
from headrace.sandbox.pipedrive.account import Account
from headrace.sandbox.pipedrive.bootstrap import bootstrap
from headrace.sandbox.pipedrive.calls import Endpoint, Routes
from headrace.sandbox.pipedrive.delivery import WebhookDeliveries
from headrace.sandbox.pipedrive.gateway import Gateway
from headrace.sandbox.pipedrive.limits import RateLimiter
from headrace.sandbox.pipedrive.oauth import OAuth
from headrace.sandbox.pipedrive.people import People
from headrace.sandbox.pipedrive.search_index import SearchIndex
from headrace.sandbox.pipedrive.seed import Seeder
from headrace.sandbox.pipedrive.settings import Settings
from headrace.sandbox.pipedrive.webhooks import Webhooks


def create_app(data_dir: Path, **options: Any) -> Starlette:
    """Return the sandbox over the records in a folder; `options` are switches of `Settings`.

    Raises:
        pydantic.ValidationError: an unknown switch.
        sqlalchemy.exc.SQLAlchemyError: the folder cannot be written.
    """
    store = Store(data_dir / "pipedrive.sqlite")
    settings = Settings(**options)
    sandbox = Sandbox("pipedrive", store, settings, seed=lambda body: Seeder(account, body).run())
    account = Account(store, sandbox.ledger, sandbox.clock, settings)
    people = People(account)
    sandbox.edit, sandbox.remove = people.edit, people.remove
    deliveries = WebhookDeliveries(account)
    index, limiter = SearchIndex(account), RateLimiter(settings, sandbox.clock)
    account.listeners += [index.hear, Webhooks(account, deliveries).hear]

    def after_reset() -> None:
        index.reset()
        limiter.reset()
        bootstrap(account)

    sandbox.deliveries = deliveries
    sandbox.after_reset = after_reset
    after_reset()
    gateway = Gateway(account, Routes(endpoints(index)), limiter)
    return build_application(sandbox, [*OAuth(account).routes(), Route("/{path:path}", gateway)])


def endpoints(index: SearchIndex) -> list[Endpoint]:
    """Return every endpoint of the API."""
    return [
        *crud_v2.endpoints(),
        *crud_v1.endpoints(),
        *deal_products_api.endpoints(),
        *fields_api.endpoints(),
        *search_api.endpoints(index),
        *relations_api.endpoints(),
        *notes_files_api.endpoints(),
        *directory_api.endpoints(),
        *webhooks_api.endpoints(),
        *filters.endpoints(),
    ]
