"""The loop that retrieving agents share: it stops when nothing more is wanted, at its cap, and uses nothing twice."""

import pytest

from clew.errors import UsageError
from clew.operators.search.loop import fresh, iterate
from clew.types import Hit, Memory


def grow(state: tuple[int, ...], seen: set[str]) -> tuple[tuple[int, ...], bool]:
    return (*state, len(state)), len(state) < 2


def test_a_loop_goes_on_until_its_step_wants_no_more_and_keeps_what_the_last_one_made() -> None:
    assert iterate(grow, (), 10) == (0, 1, 2)


def test_a_loop_stops_at_its_cap() -> None:
    assert iterate(grow, (), 2) == (0, 1)
    assert iterate(grow, (7,), 0) == (7,)


def test_a_loop_of_less_than_no_steps_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="-1"):
        iterate(grow, (), -1)


def test_all_steps_share_one_set_of_what_was_used_and_each_loop_begins_with_an_empty_one() -> None:
    def step(state: tuple[str, ...], seen: set[str]) -> tuple[tuple[str, ...], bool]:
        return (*state, *fresh(("a", f"b{len(state)}"), seen)), True

    assert iterate(step, (), 3) == ("a", "b0", "b2", "b3")
    assert iterate(step, (), 1) == ("a", "b0")


def test_memories_and_their_hits_are_known_again_by_id() -> None:
    one, other = Memory("m1", "tide"), Memory("m2", "ferry")
    seen: set[str] = set()
    assert fresh([Hit(one, 1.0), Hit(one, 0.5)], seen) == [Hit(one, 1.0)]
    assert fresh([one.revised(text="high tide"), other], seen) == [other]
