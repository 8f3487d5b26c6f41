"""From a canonical event to planned steps on one target: fresh references, mapping, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.core.contracts import Action, Operation
from headrace.core.errors import NeedsReview, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.core.refs import decode_key
from headrace.mapping.documents import OutMapping
from headrace.mapping.outward import map_out
from headrace.mapping.results import Plan, Skipped
from headrace.mapping.running import Missing, Transforms
from headrace.pipeline.effects import Effects
from headrace.pipeline.links import Link, Links


class Planner:
    """Maps events out for one connection; looks records up in the target when their link is not known yet."""

    def __init__(
        self,
        connection: str,
        mappings: Mapping[str, OutMapping],
        transforms: Transforms,
        links: Links,
        effects: Effects | None,
    ) -> None:
        self._connection = connection
        self._mappings = mappings
        self._links = links
        self._effects = effects
        self._transforms = transforms

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        """Return the target id of a linked record, None if it is not there yet (what mappings ask while they run)."""
        return self._links.external(canonical_id, self._connection, obj, scope)

    def mapping(self, entity: str) -> OutMapping | None:
        """Return the mapping of an entity, None if this target does not take it."""
        return self._mappings.get(entity)

    def plan(self, event: CanonicalEvent) -> Plan | Skipped:
        """Map an event out as things stand, without any call.

        Raises:
            RejectRecord: a value cannot be mapped; the text names field and remedy.
        """
        document = self._mappings[event.meta.entity]
        fresh = CanonicalEvent(event.meta, self._refreshed(event.data))
        return map_out(document, fresh, self, self._transforms)

    async def complete(self, event: CanonicalEvent) -> Plan | Skipped:
        """Map an event out; what has no link is looked up in the target by natural key and linked.

        Raises:
            WaitForRecord: something it depends on is not in the target; names every missing record.
            RejectRecord: as `plan`. NeedsReview: a natural key is not unique.
        """
        plan = self.plan(event)
        if isinstance(plan, Skipped) or not plan.missing:
            return plan
        found_any = False
        for missing in plan.missing:
            found_any |= await self._look_up(event, missing)
        if found_any:
            plan = self.plan(event)
        if isinstance(plan, Plan) and plan.missing:
            first = plan.missing[0]
            details = "; ".join(dict.fromkeys(missing.detail for missing in plan.missing))
            raise WaitForRecord(first.entity, first.canonical_id, details)
        return plan

    async def _look_up(self, event: CanonicalEvent, missing: Missing) -> bool:
        if not missing.by or self._effects is None or any(value in (None, "") for value in missing.by.values()):
            return False
        found = await self._effects.find(self._reference(event, missing))
        if found is None:
            return False
        if found.matches > 1:
            raise NeedsReview("natural key not unique", f"{missing.detail}: {found.matches} records match")
        known = self._links.get(self._connection, missing.object, found.target_id)
        if known is not None and known.canonical_id != missing.canonical_id:
            raise NeedsReview(
                "reference belongs to another",
                f"{missing.detail}: {found.target_id} has its natural key but is linked to {known.canonical_id}; "
                "correct the key on one side, then retry",
            )
        await self._links.put(
            Link(self._connection, missing.object, found.target_id, missing.canonical_id, missing.entity, "matched")
        )
        return True

    def _reference(self, event: CanonicalEvent, missing: Missing) -> Operation:
        return Operation(
            op_id="",
            connection=self._connection,
            entity=missing.entity,
            canonical_id=missing.canonical_id,
            step="reference",
            action=Action.UPDATE,
            object=missing.object,
            fields={},
            key=missing.by,
            traceparent=event.meta.trace_id,
        )

    def _refreshed(self, value: Any) -> Any:
        """Return event data with each reference's canonical id as the links know it now: identities are found late."""
        if isinstance(value, dict):
            fresh = {name: self._refreshed(item) for name, item in value.items()}
            if fresh.get("external_id") and "canonical_id" in fresh and "connection" in fresh:
                fresh["canonical_id"] = self._links.canonical_id(
                    fresh["connection"], fresh["object"], fresh["external_id"]
                )
            return fresh
        if isinstance(value, list):
            return [self._refreshed(item) for item in value]
        return value


def outputs(shadow: Mapping[str, Any], target_id: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what later steps may refer to: the fields of a step's record and the parts of its id."""
    return {**shadow, **(record or {}), **decode_key(target_id)}
