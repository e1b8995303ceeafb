"""Tags are equal or not, ontologies grow in their lowest level alone, and a sentence comes from where its words stand."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from clew.context import Context
from clew.operators.people import tags
from clew.operators.retrieve import fused_max
from clew.types import Hit, Memory

SMALL = {"arts": {"stage": ["theatre", "dance"]}, "life": {"home": ["garden", "art"]}}


def turn(id: str, text: str, *links: str) -> Memory:
    return Memory(id, text, "turn", links=links)


def test_the_default_ontology_has_twelve_categories_and_each_tag_once() -> None:
    known = tags.ontology()
    listed = [tag for parts in known.values() for found in parts.values() for tag in found]
    assert len(known) == 12 and len(listed) == len(set(listed)) > 200
    assert all(tags.word(tag) == tag for tag in listed), "each is one word in lower case"


def test_only_new_single_words_in_known_places_are_grown() -> None:
    new = [("arts/stage", "Opera"), ("arts/stage", "dance"), ("life/home", "two words"), ("nowhere/at", "x"), ("life/home", "opera")]
    found = tags.grown(SMALL, new)
    assert found == {"arts": {"stage": ("theatre", "dance", "opera")}, "life": {"home": ("garden", "art")}}
    assert SMALL["arts"]["stage"] == ["theatre", "dance"], "the old one is as it was"
    assert tags.every(found)["opera"] == ("arts", "stage") and tags.places(found) == ["arts/stage", "life/home"]


def test_a_tag_matches_itself_and_nothing_that_it_is_a_part_of() -> None:
    held = [turn("a", "x", "#art"), turn("b", "y", "#artist", "#garden"), turn("c", "z", "#art", "#garden")]

    def linked(nodes: list[str]) -> list[Memory]:
        return [m for m in held if set(m.links) & set(nodes)]

    ctx = cast(Context, SimpleNamespace(view=SimpleNamespace(linked=linked)))
    assert [m.id for m in tags.tagged(["art"], ctx)] == ["a", "c"]
    assert [m.id for m in tags.tagged(["art", "garden"], ctx, least=2)] == ["c"]
    assert tags.tagged(["art"], ctx, kind="thought") == [] == tags.tagged([], ctx)


def test_tags_that_stand_in_a_text_are_named_without_a_model() -> None:
    assert tags.named("We danced in the gardens, not in a theatrette.", ["theatre", "garden", "dance", "art"], 3) == ["dance", "garden"]


def test_a_period_is_expanded_day_by_day() -> None:
    at = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday
    assert tags.days(["yesterday"], at, 31) == ["2026-03-17"]
    assert tags.days(["last week"], at, 31) == [f"2026-03-{n:02}" for n in range(9, 16)]
    assert tags.days(["2026-03-01", "no time at all"], at, 31) == ["2026-03-01"]
    assert tags.days(["in 2025"], at, 31) == [], "so long a period names no day"


def test_a_sentence_comes_from_the_turns_that_hold_its_words() -> None:
    said = [turn("a", "The pump broke off Skye."), turn("b", "We baked bread."), turn("c", "The ferry brought the impeller on Monday.")]
    assert [m.id for m in tags.origins("The pump broke.", said)] == ["a"]
    assert [m.id for m in tags.origins("The pump broke and the ferry brought an impeller", said)] == ["c", "a"]
    assert tags.origins("Nothing of the sort was mentioned", said) == []


def test_max_fusion_gives_each_memory_its_best_score() -> None:
    a, b, c = (turn(id, id) for id in "abc")
    fused = fused_max({"whole": [Hit(a, 0.5), Hit(b, 0.4)], "parts": [Hit(b, 0.9), Hit(b, 0.2), Hit(c, 0.5)]})
    assert [(h.memory.id, h.score) for h in fused] == [("b", 0.9), ("a", 0.5), ("c", 0.5)]
    assert fused[0].why == {"whole": 0.4, "parts": 0.9}
    assert fused_max({}) == []
