"""Claims as every process reads them: one order, the broker's clock, one holder."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.platform.credentials.view import View

LEASE = 1000


def value(revision: int) -> dict[str, Any]:
    record = {"name": "crm", "revision": revision, "key_id": "k", "ciphertext": b"x", "updated_by": "t"}
    return {**record, "updated_at": datetime(2026, 11, 21, tzinfo=UTC)}


def claim(owner: str, revision: int = 1, state: str = "claimed") -> dict[str, Any]:
    return {"name": "crm", "revision": revision, "owner": owner, "state": state, "lease_millis": LEASE}


def view_with(*claims: tuple[str, int]) -> View:
    view = View()
    view.stored(value(1))
    for owner, at in claims:
        view.claimed(claim(owner), at)
    return view


def holder(view: View) -> str:
    found = view.entry("crm").claim
    return found.owner if found else ""


def test_the_first_claim_holds() -> None:
    assert holder(view_with(("a", 0), ("b", 1), ("c", LEASE - 1))) == "a"


def test_after_the_lease_the_next_one_holds() -> None:
    assert holder(view_with(("a", 0), ("b", 1), ("c", LEASE))) == "c"


def test_a_claim_on_another_revision_holds_nothing() -> None:
    view = view_with()
    view.claimed(claim("a", 0), 0)
    view.claimed(claim("b", 2), 0)
    assert holder(view) == ""


def test_a_new_value_settles_the_claim_on_the_old_one() -> None:
    view = view_with(("a", 0))
    view.stored(value(2))
    assert holder(view) == ""
    view.claimed(claim("a"), 1)
    assert holder(view) == "", "of a process that does not know it yet"
    view.claimed(claim("b", 2), 2)
    assert holder(view) == "b"


def test_only_the_holder_settles_its_claim() -> None:
    view = view_with(("a", 0), ("b", 1))
    view.claimed(claim("b", 1, "refused"), 2)
    assert (holder(view), view.entry("crm").refused) == ("a", 0)
    view.claimed(claim("a", 1, "released"), 3)
    assert (holder(view), view.entry("crm").refused) == ("", 0)


def test_a_refusal_is_of_one_revision() -> None:
    view = view_with(("a", 0))
    view.claimed(claim("a", 1, "refused"), 1)
    assert view.entry("crm").refused == 1
    view.stored(value(2))
    assert view.entry("crm").refused != view.entry("crm").revision


def test_what_is_deleted_is_gone_with_its_claim() -> None:
    view = view_with(("a", 0))
    view.removed("crm#claim")
    assert view.entry("crm").revision == 1
    view.removed("crm")
    assert (view.entry("crm").revision, holder(view), view.credentials()) == (0, "", [])


def test_an_old_claim_is_over_for_whoever_reads_it_late() -> None:
    view, now = view_with(), int(time.time() * 1000)
    view.claimed(claim("a"), now - 10 * LEASE)
    found = view.entry("crm").claim
    assert found is not None
    assert found.seconds_left() == 0
    view.claimed(claim("b"), now)
    again = view.entry("crm").claim
    assert again is not None
    assert 0 < again.seconds_left() <= LEASE / 1000


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["claimed", "released", "refused", "value"]), st.integers(0, 700)
        )
    )
)
def test_never_two_holders_within_one_lease(steps: list[tuple[str, str, int]]) -> None:
    """Whoever holds, holds until it settles, another value comes, or its lease has ended."""
    view, now, held, until = view_with(), 0, "", 0
    for owner, state, passed in steps:
        now += passed
        revision = view.entry("crm").revision
        if state == "value":
            view.stored(value(revision + 1))
            held = ""
            continue
        view.claimed(claim(owner, revision, state), now)
        if state == "claimed" and (not held or now >= until):
            held, until = owner, now + LEASE
        elif state != "claimed" and owner == held:
            held = ""
        assert holder(view) == held
