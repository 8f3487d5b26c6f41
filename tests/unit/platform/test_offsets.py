import time

from hypothesis import given
from hypothesis import strategies as st

from headrace.platform.offsets import OffsetTracker

T = ("t", 0)
NOW = 1_795_000_000_000


def tracker(*offsets):
    made = OffsetTracker()
    for offset in offsets:
        assert made.received(*T, offset, NOW)
    return made


def test_nothing_is_committed_past_unfinished_work():
    offsets = tracker(2585, 2586, 2587, 2588, 2589)
    for offset in (2586, 2587, 2588, 2589):
        offsets.finished(*T, offset)
    assert offsets.committable() == {T: 2585}
    offsets.finished(*T, 2585)
    assert offsets.committable() == {T: 2590}


def test_without_a_former_commit_the_head_still_holds_back():
    offsets = tracker(0, 1, 2, 3)
    for offset in (1, 2, 3):
        offsets.finished(*T, offset)
    assert offsets.committable() == {}


def test_gaps_of_compaction_do_not_hold_back():
    offsets = tracker(5, 9, 20)
    for offset in (5, 9, 20):
        offsets.finished(*T, offset)
    assert offsets.committable() == {T: 21}


def test_a_failed_commit_is_offered_again():
    offsets = tracker(0)
    offsets.finished(*T, 0)
    assert offsets.committable() == {T: 1}
    assert offsets.committable() == {T: 1}
    offsets.committed({T: 1})
    assert offsets.committable() == {}


def test_a_message_delivered_twice_is_told():
    offsets = tracker(0, 1)
    assert not offsets.received(*T, 1, NOW)


def test_revoked_partitions_are_forgotten():
    offsets = tracker(0)
    offsets.forget()
    offsets.finished(*T, 0)
    assert offsets.committable() == {}
    assert offsets.received(*T, 0, NOW)


@given(st.permutations(range(20)), st.integers(0, 20))
def test_the_commit_is_always_the_lowest_unfinished_offset(order, count):
    offsets = tracker(*range(20))
    for offset in order[:count]:
        offsets.finished(*T, offset)
    unfinished = sorted(order[count:])
    expected = unfinished[0] if unfinished else 20
    assert offsets.committable() == ({T: expected} if expected else {})


def test_lag_counts_from_when_the_oldest_open_message_was_written():
    offsets = OffsetTracker()
    written = int(time.time() * 1000)
    offsets.received(*T, 0, written - 60_000)
    offsets.received(*T, 1, written - 10_000)
    offsets.received("t", 1, 0, written - 20_000)
    assert 60 <= offsets.lag() < 70
    assert offsets.oldest_age() < 10
    offsets.finished(*T, 0)
    assert 20 <= offsets.lag() < 30
    offsets.finished("t", 1, 0)
    offsets.finished(*T, 1)
    assert (offsets.lag(), offsets.oldest_age(), offsets.in_flight) == (0.0, 0.0, 0)


def test_a_clock_that_is_behind_shows_no_lag():
    offsets = OffsetTracker()
    offsets.received(*T, 0, int(time.time() * 1000) + 60_000)
    assert offsets.lag() == 0.0
