"""Two systems that both write to each other come to rest, and agree (I7, I8): in stories told step by step, and random.

A failure names the seed of a random story; `random_story` with the same arguments tells it again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from headrace.core.errors import RejectRecord

from .two_systems import CRM, ERP, NAMES, World, begun

RULES: dict[str, dict[str, Any]] = {
    "latest": {"*": "latest"},
    "crm": {"*": "crm"},
    "list": {"*": ["erp", "crm"]},
    "none": {},
}
STEPS = (
    ("edit",) * 4 + ("see",) * 4 + ("process",) * 3 + ("catch_up",) * 3 + ("normalise",) * 2 + ("poll", "hook", "wake")
)
FAULTS = ("throttle", "crash", "fault")
SEEDS = range(20)
LONGEST = 6
"""How many characters of a name the ERP keeps."""


async def told(rules, *story):
    """Return a world after a story, at rest with nothing open."""
    world = await begun(rules)
    await world.play(*story)
    assert await world.rest(), "it goes on for ever"
    assert world.open_intents == 0
    return world


async def test_without_rules_two_edits_in_a_row_do_not_go_back_and_forth_for_ever():
    world = await told(
        {},
        ("edit", CRM, "phone", "1"),
        ("see", CRM),
        ("edit", CRM, "phone", "2"),
        ("see", CRM),
        ("process", ERP),
        ("see", ERP),
    )
    assert world.held(CRM) == world.held(ERP)
    assert world.held(ERP)["phone"] == "2"


SET_BACK = (("edit", ERP, "phone", "1"), ("see", ERP), ("catch_up", CRM), ("edit", CRM, "phone", "0"))
"""What the ERP said is written to the CRM; a person sets the CRM back before it is read."""


@pytest.mark.parametrize("name", ["none", "latest", "list"])
async def test_a_value_that_is_set_back_between_our_write_and_the_poll_reaches_both_sides(name):
    world = await told(RULES[name], *SET_BACK)
    assert world.parked == {}
    assert world.held(CRM) == world.held(ERP)


@pytest.mark.parametrize(("take", "phone"), [("source", "0"), ("target", "1")])
async def test_a_value_that_is_set_back_between_our_write_and_the_poll_is_reviewed_where_people_decide(take, phone):
    world = await told({"*": "review"}, *SET_BACK)
    (parked,) = world.parked.values()
    assert (parked.label, parked.differences) == ("changed on both sides", {"phone": ("0", "1")})
    await world.play(("decide", ERP, take))
    assert world.parked == {}
    assert world.held(ERP)["phone"] == phone


async def test_the_next_edits_after_one_that_travelled_need_no_human():
    world = await told(
        RULES["latest"],
        ("edit", CRM, "phone", "A"),
        ("see", CRM),
        ("catch_up", ERP),
        ("edit", ERP, "phone", "0"),
        ("edit", CRM, "phone", "2"),
    )
    await world.play(*[("wake", ERP)] * 4)
    assert world.parked == {}
    assert world.held(CRM) == world.held(ERP)


@pytest.mark.parametrize("fault", ["throttle", "crash"])
async def test_a_put_back_that_was_not_made_is_made_up_for(fault):
    world = await told(
        RULES["crm"],
        ("edit", ERP, "phone", "1"),
        ("see", ERP),
        (fault, ERP),
        ("catch_up", ERP),
        ("catch_up", CRM),
    )
    assert world.held(ERP)["phone"] == world.held(CRM)["phone"] == "0"


async def test_what_is_put_back_is_put_back_the_second_time_as_well():
    """The person tries once more, with the same value, before the ERP is read."""
    world = await told(
        RULES["crm"],
        ("edit", ERP, "phone", "9"),
        ("see", ERP),
        ("catch_up", ERP),
        ("edit", ERP, "phone", "9"),
    )
    assert world.held(ERP)["phone"] == world.held(CRM)["phone"] == "0"


async def test_a_refused_write_does_not_turn_an_edit_back_at_its_source():
    """The ERP refuses the CRM's new number; somebody changes the name there before its first poll."""
    world = World(RULES["latest"])
    world.sides[CRM].system.put("crm-1", {"vat": "NO1", "name": "Berg", "phone": "0"})
    await world.play(
        ("see", CRM),
        ("catch_up", ERP),
        ("edit", CRM, "phone", "2"),
        ("see", CRM),
        ("fault", ERP, RejectRecord("bad", "phone does not fit")),
        ("catch_up", ERP),
        ("edit", ERP, "name", "New"),
        ("see", ERP),
        ("catch_up", CRM),
    )
    assert (world.held(CRM)["name"], world.held(CRM)["phone"]) == ("New", "2")


# --- random stories ---


class Telling:
    """Draws the steps of a story, and remembers what people said last."""

    def __init__(self, seed: int, world: World) -> None:
        self.world = world
        self.said: dict[tuple[str, str], str | None] = {}
        self._random = random.Random(seed)  # noqa: S311 - a seed must give the same story each time
        self._number = 0

    async def tell(self, *, faults: bool, editors: Sequence[str]) -> None:
        """Take up to twelve steps; people edit on the sides of `editors` alone."""
        for _ in range(self._random.randint(2, 12)):
            step, side = self._random.choice(STEPS + FAULTS if faults else STEPS), self._random.choice(NAMES)
            if step == "edit":
                await self._edit(side if side in editors else editors[0])
            elif step == "fault":
                await self.world.play((step, side, self._random.choice(["lost request", "lost reply"])))
            else:
                await self.world.play((step, side))

    async def _edit(self, side: str) -> None:
        self._number += 1
        field, number = self._random.choice(["phone", "name"]), str(self._number)
        values = (
            [number, "0", "A", None] if field == "phone" else [f"{number} Berg and Son", f"Bergen {number}", "Berg"]
        )
        value = self._random.choice(values)
        if value and field == "name":
            value = value[: self.world.sides[side].system.longest]
        if self.world.held(side)[field] == value:
            return  # nobody types what is there
        await self.world.play(("edit", side, field, value))
        self.said[side, field] = value


def agree(world, field):
    """Say whether both sides hold the same in a field, as far as the ERP keeps it."""
    crm, erp = world.held(CRM)[field], world.held(ERP)[field]
    return crm == erp or (field == "name" and crm is not None and crm[:LONGEST] == erp)


async def random_story(seed, rules, *, faults, editors=NAMES):
    """Tell a story; return it and whether it came to rest."""
    print(f"seed {seed}, rules {rules}, faults {faults}, editors {editors}")
    world = await begun(rules)
    world.sides[ERP].system.longest = LONGEST
    telling = Telling(seed, world)
    await telling.tell(faults=faults, editors=editors)
    return telling, await world.rest()


def unfinished(telling, rested):
    """Yield what a story left undone."""
    if not rested:
        yield "it goes on for ever"
    if telling.world.parked:
        yield f"parked: {telling.world.parked}"
    if telling.world.open_intents:
        yield "an intent is left open"


def disagreements(telling, owner):
    """Yield what the sides do not agree on, or what `owner` said last and no longer holds."""
    world = telling.world
    for field in ("phone", "name"):
        if not agree(world, field):
            yield f"{field} differs: {[world.held(name) for name in NAMES]}"
    for (side, field), value in telling.said.items():
        if side == owner and world.held(side)[field] != value:
            yield f"{owner}'s {field} was {value}: {world.held(side)}"


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize(("name", "owner", "stories"), [("latest", "", 40), ("crm", CRM, 30), ("list", "", 60)])
async def test_random_stories_end_with_both_sides_agreed(name, owner, stories, faults):
    for seed in range(stories):
        telling, rested = await random_story(seed, RULES[name], faults=faults)
        flaws = [*unfinished(telling, rested), *disagreements(telling, owner)]
        assert not flaws, f"seed {seed}: {telling.world.story}"


@pytest.mark.parametrize("faults", [False, True])
async def test_random_stories_without_rules_come_to_rest(faults):
    for seed in SEEDS:
        telling, rested = await random_story(seed, RULES["none"], faults=faults)
        assert not list(unfinished(telling, rested)), f"seed {seed}: {telling.world.story}"


@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize("editor", NAMES)
async def test_random_stories_without_rules_bring_what_one_side_says_to_the_other(editor, faults):
    for seed in SEEDS:
        telling, rested = await random_story(seed, RULES["none"], faults=faults, editors=[editor])
        flaws = [*unfinished(telling, rested), *disagreements(telling, editor)]
        assert not flaws, f"seed {seed}: {telling.world.story}"


def agreed(world):
    assert world.parked == {}
    assert world.held(CRM) == world.held(ERP)


async def test_an_own_word_from_before_our_write_does_not_become_what_the_target_is_believed_to_hold():
    story = [
        ("edit", ERP, "name", "Bergen"),
        ("edit", CRM, "phone", None),
        ("see", ERP),
        ("edit", ERP, "name", "3 Berg"),
    ]
    agreed(await told(RULES["latest"], *story))


async def test_a_word_that_was_parked_and_superseded_was_said_all_the_same():
    story = [
        ("edit", CRM, "name", "1 Berg"),
        ("edit", ERP, "name", "Bergen"),
        ("see", CRM),
        ("edit", CRM, "name", "Berg"),
    ]
    agreed(await told(RULES["latest"], *story))


@pytest.mark.parametrize("name", ["list", "none"])
async def test_a_mark_of_a_write_that_a_crash_prevented_is_no_sign_of_a_persons_hand(name):
    story = [("crash", ERP), ("edit", CRM, "phone", "1"), ("see", CRM), ("throttle", ERP), ("process", ERP)]
    world = await told(RULES[name], *story)
    agreed(world)
    assert world.held(ERP)["phone"] == "1"
