"""Which canonical id a record has: its marker → a link → a match by natural keys → mint (design §6)."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from headrace.core.errors import NeedsReview
from headrace.core.ids import mint_canonical_id
from headrace.core.refs import decode_key
from headrace.pipeline.links import GONE, Link, Links, facts_of, natural_key


class Identity:
    """Resolves and records identities of one connection.

    Args:
        connection: the connection whose records are identified.
        links: the view.
        settle_seconds: how long the link of an unknown record is waited for, on connections that we also write to:
            our own fresh write must neither become a second identity nor lose its mark (I7).
        written: the identities that we write there; None for any.
    """

    def __init__(
        self, connection: str, links: Links, settle_seconds: float, written: Collection[str] | None = None
    ) -> None:
        self.connection = connection
        self._links = links
        self.settle_seconds = settle_seconds
        self._written = written

    async def resolve(
        self,
        entity: str,
        identity: str,
        external_id: str,
        marker: str | None,
        natural_keys: dict[str, str],
        *,
        share: bool = False,
    ) -> str:
        """Return the canonical id of a record and make its link and natural keys durable.

        Args:
            entity: canonical entity.
            identity: name under which links know the record.
            external_id: its id.
            marker: the canonical id that it carries, if any.
            natural_keys: name to value.
            share: whether it may be the same thing as another record of its connection and company.

        Raises:
            NeedsReview: its natural keys belong to several identities, or its identity to another record here; nobody
                guesses.
        """
        ours = self._written is None or identity in self._written
        if ours and self.settle_seconds > 0 and self._links.get(self.connection, identity, external_id) is None:
            await self._links.written(self.connection, identity, external_id, self.settle_seconds)
        canonical_id, origin = self._known(entity, identity, external_id, marker, natural_keys)
        if canonical_id is None:
            minted = mint_canonical_id(self.connection, identity, external_id)
            canonical_id = await self._claimed(entity, identity, external_id, minted, natural_keys)
            origin = "minted" if canonical_id == minted else "matched"
        link = self._links.get(self.connection, identity, external_id)
        if link is None:
            if not share:
                self._check_alone(identity, external_id, canonical_id)
            await self._links.put(Link(self.connection, identity, external_id, canonical_id, entity, origin))
        await self._remember_keys(entity, canonical_id, natural_keys)
        return canonical_id

    def expected(self, identity: str, external_id: str, marker: str | None) -> str | None:
        """Return the canonical id that marker or link give a record, None if only `resolve` can tell."""
        if marker and _is_canonical(marker):
            return marker
        link = self._links.get(self.connection, identity, external_id)
        return link.canonical_id if link is not None else None

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        """Return the canonical id that a referenced record has, or would be minted if nothing identifies it later."""
        return self._links.canonical_id(self.connection, obj, external_id)

    def _known(
        self, entity: str, identity: str, external_id: str, marker: str | None, natural_keys: dict[str, str]
    ) -> tuple[str | None, str]:
        if marker and _is_canonical(marker):
            return marker, "marker"
        link = self._links.get(self.connection, identity, external_id)
        if link is not None:
            return link.canonical_id, link.origin
        matched = self._links.match(entity, natural_keys)
        if len(matched) > 1:
            raise self._several(identity, external_id, natural_keys, len(matched))
        return (matched.pop(), "matched") if matched else (None, "minted")

    async def _claimed(
        self, entity: str, identity: str, external_id: str, minted: str, natural_keys: dict[str, str]
    ) -> str:
        """Return the identity that has the natural keys: the minted one, unless another worker was quicker."""
        canonical_id, won = minted, 0
        for name, value in sorted(natural_keys.items()):
            if not value:
                continue
            first = await self._links.claim(Link(*natural_key(entity, name, value), canonical_id, entity, "matched"))
            if first.canonical_id != canonical_id and won:
                raise self._several(identity, external_id, natural_keys, 2)
            canonical_id, won = first.canonical_id, won + 1
        return canonical_id

    async def _remember_keys(self, entity: str, canonical_id: str, natural_keys: dict[str, str]) -> None:
        for name, value in natural_keys.items():
            address = natural_key(entity, name, value)
            if value and self._links.get(*address) is None:
                await self._links.claim(Link(*address, canonical_id, entity, "matched"))

    def _check_alone(self, identity: str, external_id: str, canonical_id: str) -> None:
        """Refuse a second record with the identity of one that is still there: they are twins, or one was copied."""
        first = next(iter(decode_key(external_id).values()), None) if "=" in external_id else None
        for link in self._links.records(canonical_id, self.connection, identity, first):
            facts = self._links.get(self.connection, facts_of(identity), link.external_id)
            if link.external_id == external_id or (facts is not None and GONE in facts.facts):
                continue
            raise NeedsReview(
                "same as another record",
                f"{self.connection} {identity} {external_id} has the mark or natural keys of {identity} "
                f"{link.external_id}. Merge the two, or correct one of them; then retry",
            )

    def _several(self, identity: str, external_id: str, natural_keys: dict[str, str], count: int) -> NeedsReview:
        return NeedsReview(
            "natural keys of several records",
            f"{self.connection} {identity} {external_id} has "
            + ", ".join(f"{name} {value}" for name, value in natural_keys.items())
            + f", which belong to {count} records; correct them at the source",
        )


def _is_canonical(marker: str) -> bool:
    """Say whether a marker can be one of ours: a merge may have joined two, and people copy records with all fields."""
    try:
        return str(uuid.UUID(marker)) == marker
    except ValueError:
        return False
