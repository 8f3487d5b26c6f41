"""Links of what was written, with the marks by which the normaliser knows our own writing again (I7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core import values
from headrace.core.event import CanonicalEvent
from headrace.core.outcome import Outcome
from headrace.mapping.documents import OutMapping
from headrace.pipeline.links import Link, Links
from headrace.pipeline.named import named
from headrace.pipeline.performing import Ask, marked
from headrace.pipeline.planning import Planner
from headrace.pipeline.state import EffectState, Intent, Step
from headrace.pipeline.tasks import Performed
from headrace.platform.crashpoints import point


class Marking:
    """Links the main record of an event on one target connection."""

    def __init__(self, connection: str, links: Links, planner: Planner, ask: Ask | None = None) -> None:
        self._connection = connection
        self._links = links
        self._planner = planner
        self._ask = ask

    async def mark(self, event: CanonicalEvent, performed: Performed) -> None:
        """Link the main record before it is settled: a crash in between leads to VERIFY and back here.

        The mark is of what the target made of our values; whatever it holds besides is its own word.
        """
        if performed.outcome in (Outcome.SKIPPED, Outcome.DELETED) or not performed.state.steps:
            return
        point("process.before-link")
        await self._link_items(event, performed.state)
        for other in named(performed.state):
            link = self._links.get(self._connection, other.object, other.target_id)
            if link is not None and link.writing:
                before = link.written_fingerprint or ""
                ours = {name for name in other.shadow if values.without(before, {name}) != before}
                mark = marked(before, {name: other.holds(name) for name in ours})
                await self._links.put(replace(link, written_fingerprint=mark or None, writing=False))
        step = performed.state.main
        if step is None:
            return
        identity = self._identity(event, step.step, step.object)
        known = self._links.get(self._connection, identity, step.target_id)
        if known is not None and known.canonical_id != event.key:
            # Its source read it before we could link it, and took it for a record of its own: it is told anew.
            known = replace(known, canonical_id=event.key, entity=event.meta.entity, origin="written")
            await self._links.put(known)
            if self._ask is not None:
                await self._ask(step.object, step.target_id)
        if not performed.wrote:
            if known is None:
                origin = "written" if performed.outcome is Outcome.CREATED else "adopted"
                await self._links.put(self._new(event, step, identity, origin, None))
            elif known.writing:
                await self._links.put(replace(known, writing=False))
            return
        mark = marked(known.written_fingerprint if known else None, _left(step, performed.wrote))
        if known is not None:
            await self._links.put(replace(known, written_fingerprint=mark, writing=False))
        else:
            await self._links.put(self._new(event, step, identity, "written", mark))

    async def _link_items(self, event: CanonicalEvent, state: EffectState) -> None:
        """Link every record of a step that has an identity of its own: others refer to it, as to codes of accounts."""
        document = self._planner.mapping(event.meta.entity)
        named = {each.step: each.identity for each in document.steps if each.each and each.identity} if document else {}
        for step in state.steps if named else ():
            identity = named.get(step.step.partition(":")[0])
            if identity and self._links.get(self._connection, identity, step.target_id) is None:
                await self._links.put(self._new(event, step, identity, "written", None))

    async def unmark(self, event: CanonicalEvent, intent: Intent) -> None:
        """Take back what a change announced that was not made: its worker died before the call."""
        identity = self._identity(event, intent.step, intent.object)
        known = self._links.get(self._connection, identity, intent.target_id) if intent.target_id else None
        if known is not None:
            mark = values.taken_back(known.written_fingerprint or "", intent.fields)
            await self._links.put(replace(known, written_fingerprint=mark or None, writing=False))

    def _new(self, event: CanonicalEvent, step: Step, identity: str, origin: str, mark: str | None) -> Link:
        return Link(self._connection, identity, step.target_id, event.key, event.meta.entity, origin, mark)

    def _identity(self, event: CanonicalEvent, step: str, obj: str) -> str:
        document: OutMapping | None = self._planner.mapping(event.meta.entity)
        declared = {each.step: each.identity or each.object for each in document.steps} if document else {}
        return declared.get(step.partition(":")[0], obj)


def _left(step: Step, wrote: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the target made of what was written."""
    return {name: step.holds(name) if name in step.held else value for name, value in wrote.items()}
