"""Uploads: https://docs.recordengine.ai/api-reference/documents. A file goes to disk as it comes.

The order of checks is assumed: size, parts, JSON, contact and folder, kind of file.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from pathlib import PurePath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from headrace.sandbox.common.encoding import load
from headrace.sandbox.common.requests import request_note
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.delivery import WebhookDeliveries
from headrace.sandbox.recordengine.documents import Arrival, Documents
from headrace.sandbox.recordengine.errors import ApiError, missing, not_a_number, unfit
from headrace.sandbox.recordengine.files import Files, Kept
from headrace.sandbox.recordengine.instance import CONTACTS, FOLDERS, PROFILES, Instance
from headrace.sandbox.recordengine.processing import Processing
from headrace.sandbox.recordengine.showing import Showing
from headrace.sandbox.recordengine.statuses import EXPORT

SOURCE = "API"
_MEGABYTE = 1_048_576
_FORM = 65_536
"""Bytes of an upload that are not its file."""


class Uploads:
    """Takes files."""

    def __init__(
        self,
        instance: Instance,
        documents: Documents,
        processing: Processing,
        files: Files,
        showing: Showing,
        deliveries: WebhookDeliveries,
    ) -> None:
        self._instance = instance
        self._documents = documents
        self._processing = processing
        self._files = files
        self._showing = showing
        self._deliveries = deliveries

    async def take(self, request: Request) -> tuple[int, Mapping[str, Any]]:
        """Store an upload and return the answer's code and body.

        Raises:
            ApiError: 400, 404, 413, 415 or 422; nothing was stored.
        """
        largest = int(self._instance.settings.wire.upload["max_mb"]) * _MEGABYTE
        if int(request.headers.get("content-length") or 0) > largest + _FORM:
            raise ApiError(413, "File too large")
        try:
            form = await MultiPartParser(request.headers, _limited(request, largest + _FORM)).parse()
        except (MultiPartException, KeyError) as error:
            raise ApiError(400, "There was an error parsing the body") from error
        try:
            return await self._take(request, form, largest)
        finally:
            await form.close()

    async def _take(self, request: Request, form: FormData, largest: int) -> tuple[int, Mapping[str, Any]]:
        parts = self._instance.settings.wire.upload["parts"]
        file = form.get(parts["file"])
        if isinstance(file, UploadFile) and (file.size or 0) > largest:
            raise ApiError(413, "File too large")
        numbers, problems = self._numbers(form)
        if not isinstance(file, UploadFile) or not file.filename:
            problems.insert(0, missing("body", parts["file"]))
        if problems or not isinstance(file, UploadFile):
            raise ApiError(422, problems)
        refs = self._refs(form)
        self._require(numbers)
        filename = PurePath((file.filename or "").replace("\\", "/")).name
        suffix = PurePath(filename).suffix
        if suffix.lower() not in self._instance.settings.wire.upload["extensions"]:
            raise ApiError(415, f"Unsupported file type {suffix or filename}")
        kept = await run_in_threadpool(self._files.keep, file.file)
        return await self._store(request, kept, filename, numbers, refs)

    def _numbers(self, form: FormData) -> tuple[dict[str, int], list[Mapping[str, Any]]]:
        parts, found, problems = self._instance.settings.wire.upload["parts"], dict[str, int](), []
        for name in ("contact_id", "folder_id", "profile_id"):
            value = form.get(parts[name])
            if value is None or (value == "" and name == "profile_id"):
                if name != "profile_id":
                    problems.append(missing("body", parts[name]))
            elif isinstance(value, str) and re.fullmatch(r"\s*\d{1,18}\s*", value):
                found[name] = int(value)
            else:
                problems.append(not_a_number("body", parts[name]))
        return found, problems

    def _refs(self, form: FormData) -> Any:
        name = self._instance.settings.wire.upload["parts"]["external_refs"]
        value = form.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise ApiError(422, [unfit("body", name, "str type expected")])
        try:
            return load(value)
        except ValueError:
            raise ApiError(400, f"{name} is not valid JSON") from None

    def _require(self, numbers: Mapping[str, int]) -> None:
        if self._instance.get(CONTACTS, numbers["contact_id"]) is None:
            raise ApiError(404, "Contact not found")
        folder = self._instance.get(FOLDERS, numbers["folder_id"])
        is_foreign = folder is not None and folder.data["contact_id"] != numbers["contact_id"]
        if folder is None or (is_foreign and self._instance.settings.foreign_folder == "refuse"):
            raise ApiError(404, "Folder not found")
        if "profile_id" in numbers and self._instance.get(PROFILES, numbers["profile_id"]) is None:
            raise ApiError(404, "Profile not found")

    async def _store(
        self, request: Request, kept: Kept, filename: str, numbers: Mapping[str, int], refs: Any
    ) -> tuple[int, Mapping[str, Any]]:
        profile = numbers.get("profile_id")
        arrival = Arrival(kept, filename, numbers["contact_id"], numbers["folder_id"], SOURCE, profile, refs)
        note, before, is_first = request_note(request), self._deliveries.last(), self._deliveries.takes_before_answer()
        with self._instance.store.transaction():
            record = self._documents.take(arrival, note)
            answer = self._showing.uploaded(record.data)
            if is_first:
                self._export(record, request)
        self._processing.settle()
        if is_first:
            await self._deliveries.ended(before)
        codes = self._instance.settings.wire.upload["ok"]
        return (codes[0] if codes else 200), answer

    def _export(self, record: Record, request: Request) -> None:
        read = self._processing.finish(record)
        if read.data["status"] != EXPORT:
            self._documents.walk(read, EXPORT, request_note(request))


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """Give a body part by part.

    Raises:
        ApiError: 413, it is longer.
    """
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(413, "File too large")
        yield part
