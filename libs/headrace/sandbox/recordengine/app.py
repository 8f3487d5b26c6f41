"""Builds the RecordEngine sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox, build_application
from headrace.sandbox.common.quota import MinuteQuota
from headrace.sandbox.common.store import Store
from headrace.sandbox.recordengine.access import Access
from headrace.sandbox.recordengine.delivery import WebhookDeliveries
from headrace.sandbox.recordengine.directory import Directory
from headrace.sandbox.recordengine.directory_api import DirectoryEndpoints
from headrace.sandbox.recordengine.documents import Documents
from headrace.sandbox.recordengine.documents_api import DocumentEndpoints
from headrace.sandbox.recordengine.extraction import Extraction
from headrace.sandbox.recordengine.files import Files
from headrace.sandbox.recordengine.gateway import Gateway
from headrace.sandbox.recordengine.instance import Instance
from headrace.sandbox.recordengine.lab import Lab
from headrace.sandbox.recordengine.mail import Mailbox
from headrace.sandbox.recordengine.people import People
from headrace.sandbox.recordengine.processing import Processing
from headrace.sandbox.recordengine.rules import Rules
from headrace.sandbox.recordengine.seeding import Seeder
from headrace.sandbox.recordengine.settings import RecordEngineSettings
from headrace.sandbox.recordengine.showing import Showing
from headrace.sandbox.recordengine.uploads import Uploads
from headrace.sandbox.recordengine.webhooks import Webhooks

SYSTEM = "recordengine"
CREDENTIALS: Mapping[str, str] = {"api_token": "re_5a4db0c5a4db0c5a4db0c5a4db0c5a4db0c5a4db"}
"""Of a new sandbox; it protects nothing."""


def create_app(data_dir: Path, *, credentials: Mapping[str, str] = CREDENTIALS, **options: Any) -> Starlette:
    """Return the sandbox as an ASGI application that keeps its records and files in `data_dir`.

    Args:
        data_dir: its folder.
        credentials: the token of a new sandbox, named as in `CREDENTIALS`.
        options: switches of `RecordEngineSettings`.

    Raises:
        pydantic.ValidationError: an unknown switch.
    """
    settings = RecordEngineSettings(**options)
    sandbox = Sandbox(SYSTEM, Store(data_dir / f"{SYSTEM}.sqlite"), settings, seed=lambda body: seeder.seed(body))
    instance, files, quota = Instance(sandbox, settings), Files(data_dir / "files"), MinuteQuota()
    access, showing, deliveries = Access(instance), Showing(instance), WebhookDeliveries(instance)
    webhooks = Webhooks(instance, access, deliveries, showing)
    directory, documents = Directory(instance, webhooks), Documents(instance, webhooks)
    extraction, rules = Extraction(instance), Rules(instance, documents, webhooks)
    mailbox = Mailbox(instance, files, directory, documents)
    processing = Processing(instance, documents, directory, extraction, rules, mailbox)
    people = People(instance, documents, directory)
    seeder = Seeder(
        instance, access, directory, documents, extraction, processing, rules, files, credentials["api_token"]
    )

    def after_reset() -> None:
        quota.reset()
        files.clear()
        seeder.install()
        processing.restart()

    sandbox.edit, sandbox.remove, sandbox.after_reset = people.edit, people.remove, after_reset
    sandbox.deliveries = deliveries
    sandbox.tasks.append(processing.run)
    sandbox.clock.watch(processing.settle)
    if not sandbox.store.objects():
        seeder.install()
    uploads = Uploads(instance, documents, processing, files, showing, deliveries)
    endpoints = [
        *DocumentEndpoints(documents, files, showing).endpoints(),
        *DirectoryEndpoints(directory).endpoints(),
    ]
    gateway = Gateway(instance, access, quota, processing, uploads, endpoints)
    lab = Lab(instance, access, directory, documents, extraction, processing, rules, mailbox, webhooks, files)
    return build_application(sandbox, [Route("/{path:path}", gateway)], lab.routes())
