"""The AI at work: what is due on the sandbox's clock happens before anybody looks, and without anybody looking.

Times: user guide, "Your first document" and "Audio transcription".
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import PurePath

from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.directory import Directory
from headrace.sandbox.recordengine.documents import DUE, Documents
from headrace.sandbox.recordengine.extraction import AUDIO, Extraction
from headrace.sandbox.recordengine.instance import DOCUMENTS, MAIL, Instance, system_note
from headrace.sandbox.recordengine.mail import Mailbox
from headrace.sandbox.recordengine.rules import Rules
from headrace.sandbox.recordengine.statuses import NEEDS_REVIEW, NEW, PROCESSING


class Processing:
    """Walks documents from New to the end of processing."""

    def __init__(
        self,
        instance: Instance,
        documents: Documents,
        directory: Directory,
        extraction: Extraction,
        rules: Rules,
        mailbox: Mailbox,
    ) -> None:
        self._instance = instance
        self._documents = documents
        self._directory = directory
        self._extraction = extraction
        self._rules = rules
        self._mailbox = mailbox
        self._wake = asyncio.Event()
        self._is_first = True
        self._last_beat = instance.now()

    def restart(self) -> None:
        """Begin as after a start: the next document may be slow."""
        self._is_first = True
        self._last_beat = self._instance.now()
        self._wake.set()

    def settle(self) -> None:
        """Do all that is due."""
        now = self._instance.now()
        with self._instance.store.transaction():
            self._mailbox.deliver(now)
            while due := min(self._due(), key=lambda found: found[0], default=None):
                if due[0] > now:
                    break
                self._step(due[1], due[0])
            beat = timedelta(seconds=self._instance.settings.heartbeat_seconds)
            if not self._last_beat <= now < self._last_beat + beat:
                self._last_beat = now
                self._rules.beat()
        self._wake.set()

    def finish(self, record: Record) -> Record:
        """End the processing of a document at once, inside a transaction."""
        while record.data["status"] in (NEW, PROCESSING):
            record = self._step(record, self._instance.now())
        return record

    async def run(self) -> None:
        """Do what is due until cancelled."""
        while True:
            self.settle()
            self._wake.clear()
            wait = (self._next_due() - self._instance.now()).total_seconds()
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.01, wait))
            except TimeoutError:
                continue

    def _next_due(self) -> datetime:
        beat = self._last_beat + timedelta(seconds=self._instance.settings.heartbeat_seconds)
        mails = (datetime.fromisoformat(each.data[DUE]) for each in self._instance.store.list(MAIL))
        return min([beat, *mails, *(moment for moment, _ in self._due())])

    def _due(self) -> Iterator[tuple[datetime, Record]]:
        for status in (NEW, PROCESSING):
            for record in self._instance.store.find(DOCUMENTS, "status", status):
                yield datetime.fromisoformat(record.data[DUE]), record

    def _step(self, record: Record, moment: datetime) -> Record:
        note = system_note("processing")
        if record.data["status"] == NEW:
            due = moment + timedelta(seconds=self._seconds(record))
            return self._documents.move(record, PROCESSING, note, **{DUE: due.isoformat()})
        script = self._extraction.of(record.data)
        if script is not None and script.fails:
            return self._documents.fail(record, script.fails, note)
        found = self._extraction.read(record.data, self._directory.profile(record.data["profile_id"]))
        status = NEEDS_REVIEW if script is None else script.status
        return self._rules.run(self._documents.move(record, status, note, **found))

    def _seconds(self, record: Record) -> float:
        settings, script = self._instance.settings, self._extraction.of(record.data)
        if script is not None and script.seconds is not None:
            return script.seconds
        if PurePath(record.data["filename"]).suffix.lower() in AUDIO:
            told = script.audio_minutes if script is not None else None
            return (settings.audio_minutes if told is None else told) * settings.audio_seconds_per_minute
        span = settings.processing_seconds
        if self._is_first and settings.first_document_seconds is not None:
            span = settings.first_document_seconds
        self._is_first = False
        # Repeatable, not secret.
        draw = random.Random(f"{settings.seed} {record.data['id']} {record.data['version']}")  # noqa: S311
        return draw.uniform(*span)
