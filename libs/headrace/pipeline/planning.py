"""From a canonical event to planned steps on one target: fresh references, mapping, and what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from headrace.core.contracts import Action, Operation
from headrace.core.errors import NeedsReview, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.core.rates import Quote
from headrace.core.refs import decode_key
from headrace.mapping.documents import OutMapping
from headrace.mapping.outward import map_out
from headrace.mapping.results import Held, Plan, Skipped
from headrace.mapping.running import Missing, Transforms
from headrace.pipeline.effects import Effects
from headrace.pipeline.links import Link, Links
from headrace.platform import metrics

_NESTED = (dict, list)

FindRate = Callable[[str, str, str, date], Quote | None]
"""Rate type, from currency, to currency and day → the exchange rate, None if nobody told it yet."""


class Planner:
    """Maps events out for one connection; looks records up in the target when their link is not known yet."""

    def __init__(
        self,
        connection: str,
        mappings: Mapping[str, OutMapping],
        transforms: Transforms,
        links: Links,
        effects: Effects | None,
        find_rate: FindRate,
    ) -> None:
        self._connection = connection
        self._mappings = mappings
        self._links = links
        self._effects = effects
        self._transforms = transforms
        self._find_rate = find_rate

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        """Return the target id of a linked record, None if it is not there yet (what mappings ask while they run)."""
        return self._links.external(canonical_id, self._connection, obj, scope)

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        """Return what is known of a linked record under a name (what `holds` of mappings ask)."""
        return self._links.fact(canonical_id, self._connection, obj, scope, name)

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        """Return the exchange rate of a day, None if nobody told it yet (what `convert` of mappings asks)."""
        return self._find_rate(rate_type, from_currency, to_currency, on)

    def mapping(self, entity: str) -> OutMapping | None:
        """Return the mapping of an entity, None if this target does not take it."""
        return self._mappings.get(entity)

    def plan(self, event: CanonicalEvent, done: frozenset[str] = frozenset()) -> Plan | Skipped:
        """Map an event out as things stand, without any call; `done` names the steps whose records are there.

        Raises:
            RejectRecord: a value cannot be mapped; the text names field and remedy.
        """
        document = self._mappings[event.meta.entity]
        fresh = CanonicalEvent(event.meta, self.refreshed(event.data))
        return map_out(document, fresh, self, self._transforms, done)

    async def complete(self, event: CanonicalEvent, done: frozenset[str], *, forced: bool) -> Plan | Skipped:
        """Map an event out; what has no link is looked up in the target by natural key and linked.

        Args:
            event: the event.
            done: names of the steps whose records are there: once one is, facts of referenced records no longer keep
                the event back.
            forced: whether an operator decided: then neither such facts nor rules of `review` count.

        Raises:
            WaitForRecord: something it depends on is not in the target, or must not be used now; names every one.
            RejectRecord: as `plan`. NeedsReview: a natural key is not unique, or a rule or hold asks for a human.
        """
        plan = self.plan(event, done)
        if isinstance(plan, Skipped):
            return plan
        if plan.reviews and plan.steps and not forced:
            raise NeedsReview(
                plan.reviews[0][0].replace("-", " "),
                "; ".join(f"{rule}: {words}" for rule, words in plan.reviews)
                + ". Look at it at its source; --take source writes it as it is, skip drops it",
            )
        heed_holds = not (done or forced) and bool(plan.steps)  # where nothing is to be made nothing is held back
        for held in plan.held if heed_holds else ():
            metrics.HOLDS.labels(self._connection, held.rule).inc()
        if heed_holds and (rule := _held_back(plan.held)) is not None:
            return Skipped(rule)
        if not plan.missing:
            return plan
        found_any = False
        for missing in plan.missing:
            found_any |= await self._look_up(event, missing)
        if found_any:
            plan = self.plan(event, done)
        if isinstance(plan, Plan) and plan.missing:
            first = plan.missing[0]
            details = "; ".join(dict.fromkeys(missing.detail for missing in plan.missing))
            raise WaitForRecord(first.entity, first.canonical_id, details)
        return plan

    async def _look_up(self, event: CanonicalEvent, missing: Missing) -> bool:
        found = None
        for key in missing.by:
            if found is None and self._effects is not None:
                found = await self._effects.find(self._reference(event, missing, key))
        if found is None:
            return False
        if found.matches > 1:
            raise NeedsReview("natural key not unique", f"{missing.detail}: {found.matches} records match")
        known = self._links.get(self._connection, missing.object, found.target_id)
        if known is not None and known.canonical_id != missing.canonical_id:
            if missing.address is not None and self._links.get(*missing.address) is None:
                # Nobody tells of such a record, others only mention it, as documents do their sender: it is this one.
                await self._links.put(Link(*missing.address, known.canonical_id, missing.entity, "matched"))
                return True
            raise NeedsReview(
                "reference belongs to another",
                f"{missing.detail}: {found.target_id} has its natural key but is linked to {known.canonical_id}; "
                "correct the key on one side, then retry",
            )
        await self._links.put(
            Link(self._connection, missing.object, found.target_id, missing.canonical_id, missing.entity, "matched")
        )
        return True

    def _reference(self, event: CanonicalEvent, missing: Missing, key: Mapping[str, Any]) -> Operation:
        return Operation(
            op_id="",
            connection=self._connection,
            entity=missing.entity,
            canonical_id=missing.canonical_id,
            step="reference",
            action=Action.UPDATE,
            object=missing.object,
            fields={},
            key=key,
            traceparent=event.meta.trace_id,
        )

    def refreshed(self, value: Any) -> Any:
        """Return event data with each reference's canonical id as the links know it now: identities are found late."""
        if isinstance(value, dict):
            fresh = {name: self.refreshed(item) if type(item) in _NESTED else item for name, item in value.items()}
            if fresh.get("external_id") and "canonical_id" in fresh and "connection" in fresh:
                fresh["canonical_id"] = self._links.canonical_id(
                    fresh["connection"], fresh["object"], fresh["external_id"]
                )
            return fresh
        if isinstance(value, list):
            return [self.refreshed(item) for item in value]
        return value


def _held_back(holds: Sequence[Held]) -> str | None:
    """Heed what keeps a new record back; return the rule that skips it, None if it may go on."""
    found = {policy: [held for held in holds if held.policy == policy] for policy in ("skip", "review", "wait")}
    if found["skip"]:
        return found["skip"][0].rule
    if found["review"]:
        words = "; ".join(dict.fromkeys(held.detail for held in found["review"]))
        raise NeedsReview(
            found["review"][0].rule.replace("-", " "),
            f"{words}. Lift it in the target and retry; or --take source sends it all the same, skip drops it",
        )
    if found["wait"]:
        first = found["wait"][0]
        words = "; ".join(dict.fromkeys(held.detail for held in found["wait"]))
        raise WaitForRecord(first.entity, first.canonical_id, f"{words}; it goes on by itself once that is lifted")
    return None


def outputs(shadow: Mapping[str, Any], target_id: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what later steps may refer to: the fields of a step's record and the parts of its id."""
    return {**shadow, **(record or {}), **decode_key(target_id)}
