"""AriGraph does what its checklist says: facts tied to episodes, replaced when outdated, found by association."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import log
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.context import Context
from clew.models import Models
from clew.models.fake import Dead, Fickle, Scripted
from clew.operators.graphs import graph
from clew.recall import looking
from clew.recipes import ari_graph
from clew.types import Memory, Query, Scope

FACT = re.compile(r"(\w[\w ]*?) (is in|lives in|lies in|opens|contains|owns|is) ([\w ]+?)\.")
STORY = (
    "Ana lives in Lisbon. Ana owns old boat.",
    "Lisbon lies in Portugal.",
    "old boat contains brass key.",
    "brass key opens harbour gate.",
)
CHATTER = tuple(f"Weather {i} is grey." for i in range(5))


class Reader:
    """Reads simple sentences as facts; a new place of a thing outdates the old one; a question turns on its capitalised names."""

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth

    def __call__(self, prompt: str, schema: Any) -> Any:
        if prompt.startswith("Write down"):
            found = FACT.findall(prompt.split("Observation:")[1].split("Answer with")[0])
            return {"records": [{"subject": s, "relation": r, "object": o} for s, r, o in found]}
        if prompt.startswith("Things change"):
            known, fresh = (re.findall(r"\[(\w+)\] ([^,]+), ([^,]+), (.+)", part) for part in prompt.split("New facts:"))
            return {
                "records": [
                    {"outdated": a, "new": b}
                    for a, s, r, o in known
                    for b, t, q, p in fresh
                    if (s, r) == (t, q) and r.endswith(" in") and o != p
                ]
            }
        if prompt.startswith("Which things"):
            return {
                "records": [
                    {"entity": e, "depth": self.depth} for e in re.findall(r"[A-Z]\w+", prompt.split("Question:")[1].split("?")[0])[1:]
                ]
            }
        return {"text": "Lisbon"}


def opened(path: Path, asker: Any, recipe: Any = "ari_graph") -> Clew:
    path.mkdir(exist_ok=True)
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=asker))


def told(c: Clew, words: Sequence[str] = (*STORY, *CHATTER)) -> None:
    for day, text in enumerate(words, 1):
        c.record(text, user="ana", at=f"2026-03-{day:02}T10:00:00Z")
    assert set(c.catch_up().values()) == {"folded"}


def facts(c: Clew) -> dict[graph.Fact, Memory]:
    return {graph.stated(m): m for m in c.memories(user="ana", kind="triplet") if m.retired is None}


def inside(c: Clew) -> Context:
    """The context that a question of Ana's is answered in: where a tool works."""
    folder = c._views.serving(c._default)
    [part] = [p for p in folder.view.parts() if p.user]
    return looking(folder, Query("x", Scope("ana"), at=datetime(2026, 4, 1, tzinfo=UTC)), part)


def dump(c: Clew) -> list[Any]:
    return list(c._views.serving("ari_graph").view.dump())


def test_item_1_triplets_and_episode_nodes_linked_to_the_triplets_they_produced(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, STORY[:1])
        known = facts(c)
        assert set(known) == {("ana", "lives in", "lisbon"), ("ana", "owns", "old boat")}
        [episode] = c.memories(user="ana", kind="episode")
        assert episode.text == STORY[0] and set(episode.links) == {m.id for m in known.values()}
        assert known["ana", "lives in", "lisbon"].links == ("e:ana", "e:lisbon")
        assert [q.text for q in c.thread(known["ana", "owns", "old boat"].id)] == [STORY[0]]
    model = Scripted(Reader())
    with opened(tmp_path / "-extract", model, "ari_graph[-extract]") as c:
        told(c, STORY[:1])
        assert [(m.kind, m.links) for m in c.memories(user="ana")] == [("episode", ())] and model.calls == 0
    with opened(tmp_path / "-ties", Scripted(Reader()), "ari_graph[-ties,history=0]") as c:
        told(c, STORY[:1])
        assert set(facts(c)) == set(known)
        [episode] = c.memories(user="ana", kind="episode")
        assert episode.links == (), "the triplets do not lead to it"
        [hit] = [h for h in c.recall("What has Ana?", user="ana") if h.memory.kind == "episode"]
        assert hit.why["overlap"] == 0


def test_a_known_fact_is_not_written_twice_but_its_new_episode_is_linked_to_it(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, (STORY[0], "Well. Ana lives in Lisbon."))
        assert len(c.memories(user="ana", kind="triplet")) == 2
        first, second = c.memories(user="ana", kind="episode")
        assert second.links == (facts(c)["ana", "lives in", "lisbon"].id,) and set(second.links) < set(first.links)


def test_the_facts_of_the_step_before_are_shown_to_the_reader(tmp_path: Path) -> None:
    model = Scripted(Reader())
    with opened(tmp_path, model) as c:
        told(c, STORY[:2])
        second = [p for p in model.prompts if p.startswith("Write down")][1]
        assert "ana, lives in, lisbon" in second.split("Observation:")[0]


def test_an_invalid_answer_keeps_the_episode_and_is_noted(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        told(c, STORY[:1])
        assert [m.kind for m in c.memories(user="ana")] == ["episode"]
        assert c.status()["faults"]


def test_item_2_outdated_triplet_replacement_and_it_can_still_be_asked_of_its_time(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, ("Ana lives in Lisbon. Ana owns old boat.", "Ana lives in Porto."))
        known = facts(c)
        assert set(known) == {("ana", "lives in", "porto"), ("ana", "owns", "old boat")}
        hits = c.recall("Where does Ana live?", user="ana")
        assert "ana, lives in, lisbon" not in [h.memory.text for h in hits if h.memory.kind == "triplet"]
        then = c.recall("Where does Ana live?", user="ana", valid_at="2026-03-01T12:00:00Z")
        assert "ana, lives in, lisbon" in [h.memory.text for h in then]
        [old] = [h.memory for h in then if h.memory.text == "ana, lives in, lisbon"]
        assert old.retired == "superseded" and old.data["replaced_by"] == known["ana", "lives in", "porto"].id
        assert old.until is not None and old.until.isoformat() == "2026-03-02T10:00:00+00:00"
    with opened(tmp_path / "off", Scripted(Reader()), "ari_graph[-refine]") as c:
        told(c, ("Ana lives in Lisbon. Ana owns old boat.", "Ana lives in Porto."))
        assert {("ana", "lives in", "lisbon"), ("ana", "lives in", "porto")} < set(facts(c))
        assert "ana, lives in, lisbon" in [h.memory.text for h in c.recall("Where does Ana live?", user="ana")]


def test_what_was_seen_earlier_ends_nothing_seen_later(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        c.record("Ana lives in Porto.", user="ana", at="2026-03-02T10:00:00Z")
        c.record("Ana lives in Lisbon.", user="ana", at="2026-03-01T10:00:00Z")
        c.catch_up()
        assert ("ana", "lives in", "porto") in facts(c)


def test_a_page_ends_nothing_that_a_person_said(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, STORY[:1])
        c.record("Ana lives in Atlantis.", user="ana", trust="web")
        c.catch_up()
        assert ("ana", "lives in", "lisbon") in facts(c)


def test_refining_is_off_in_the_variant_for_question_answering(tmp_path: Path) -> None:
    model = Scripted(Reader())
    with opened(tmp_path, model, ari_graph.recipe.variant("qa", refine=False, history=0)) as c:
        told(c, ("Ana lives in Lisbon.", "Ana lives in Porto."))
        assert len(facts(c)) == 2 and not [p for p in model.prompts if p.startswith("Things change")]


@pytest.mark.parametrize(("depth", "off", "reached"), [(1, "", False), (3, "", True), (3, ",-depth", False)])
def test_item_3_depth_limited_associative_search(tmp_path: Path, depth: int, off: str, reached: bool) -> None:
    with opened(tmp_path, Scripted(Reader(depth)), f"ari_graph[floor=0.55,triplets=2{off}]") as c:
        told(c)
        found = [h.memory.text for h in c.recall("What has Ana?", user="ana", k=9) if h.memory.kind == "triplet"]
        assert "ana, owns, old boat" in found
        assert ("brass key, opens, harbour gate" in found) is reached


def test_an_entity_brings_at_most_six_triplets_above_the_floor(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, [f"Ana owns boat number {name}." for name in ("one", "two", "three", "four", "five", "six", "seven", "eight")])
        hits = [h for h in c.recall("What has Ana?", user="ana", k=20) if h.memory.kind == "triplet"]
        assert len(hits) == ari_graph.PARAMS["triplets"] == 6
        assert all(h.score >= ari_graph.PARAMS["floor"] for h in hits)


def test_item_4_episodic_score_by_overlap_length_corrected(tmp_path: Path) -> None:
    one, three = "Ana owns red boat.", "Ana owns blue boat. Ana owns green boat. Bo owns grey mule."
    with opened(tmp_path, Scripted(Reader()), "ari_graph[history=0,episodes=9]") as c:
        told(c, (one, three))
        hits = {h.memory.text: h for h in c.recall("What has Ana?", user="ana", k=9) if h.memory.kind == "episode"}
        single, triple = hits[one], hits[three]
        assert single.why["overlap"] == 0, "log 1: one fact is no evidence"
        assert triple.why["overlap"] == 1, "the greatest, scaled to one"
        assert all(h.score == pytest.approx(h.why["overlap"] + h.why["similarity"]) for h in hits.values())
        assert max(h.why["similarity"] for h in hits.values()) == 1
    assert 2 / 3 * log(3) > 1 / 1 * log(1)
    for off, single, triple in (("-correction", 1, pytest.approx(2 / 3, abs=1e-5)), ("-ties", 0, 0)):
        with opened(tmp_path / off, Scripted(Reader()), f"ari_graph[history=0,episodes=9,{off}]") as c:
            told(c, (one, three))
            hits = {h.memory.text: h for h in c.recall("What has Ana?", user="ana", k=9) if h.memory.kind == "episode"}
            assert (hits[one].why["overlap"], hits[three].why["overlap"]) == (single, triple)


def test_item_5_exclusion_of_recent_observations(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, (*STORY, *CHATTER))
        assert {h.memory.text for h in c.recall("grey Weather", user="ana", k=20) if h.memory.kind == "episode"} <= set(STORY)
        assert len([h for h in c.recall("What has Ana?", user="ana", k=20) if h.memory.kind == "episode"]) == ari_graph.PARAMS["episodes"]
    with opened(tmp_path / "off", Scripted(Reader()), "ari_graph[-history]") as c:
        told(c, (*STORY, *CHATTER))
        assert {h.memory.text for h in c.recall("grey Weather", user="ana", k=20) if h.memory.kind == "episode"} <= set(CHATTER)


def test_item_6_world_model_use_exits_and_route_search(tmp_path: Path) -> None:
    def seen(c: Clew, text: str, place: str, *exits: str) -> None:
        c.record({"content": text, "data": {"location": place, "exits": list(exits)}}, user="ana", kind="observation")

    def walked(c: Clew) -> None:
        seen(c, "A kitchen.", "Kitchen", "north")
        c.record("go north", user="ana", kind="action")
        seen(c, "A hall.", "Hall", "east", "south")
        c.record("wait", user="ana", kind="action")
        seen(c, "A hall.", "Hall", "east", "south")
        c.catch_up()

    with opened(tmp_path, Scripted(Reader())) as c:
        walked(c)
        held = list(facts(c).values())
        assert graph.ways(held) == {"kitchen": {"north": "hall"}, "hall": {"south": "kitchen"}}
        assert graph.unexplored(held) == {"hall": ["east"]}
        assert graph.route(graph.ways(held), "hall", "kitchen") == ["south"]
        assert not [m for m in held if "e:south" in m.links], "a direction ties no places together"
        exits, route = (ari_graph.recipe.tools[name] for name in ("exits", "route"))
        assert exits(inside(c)) == {"hall": ["east"]} and route("Hall", "Kitchen", inside(c)) == ["south"]
    with opened(tmp_path / "off", Scripted(Reader()), "ari_graph[-map]") as c:
        walked(c)
        assert len(c.memories(user="ana", kind="episode")) == 3 and facts(c) == {}
        assert exits(inside(c)) == {} and route("Hall", "Kitchen", inside(c)) is None


def test_routes_are_shortest_and_ties_go_by_the_alphabet() -> None:
    ways = {"a": {"east": "b", "north": "c"}, "b": {"north": "d"}, "c": {"east": "d"}, "d": {"up": "e"}}
    assert graph.route(ways, "a", "e") == ["east", "north", "up"]
    assert graph.route(ways, "a", "a") == []
    assert graph.route(ways, "e", "a") is None


def test_folding_waits_for_a_model(tmp_path: Path) -> None:
    with opened(tmp_path, Dead()) as c:
        c.record(STORY[0], user="ana")
        assert c.catch_up()["ari_graph"].startswith("waits for a model")


def test_the_reader_is_given_facts_and_episodes(tmp_path: Path) -> None:
    model = Scripted(Reader())
    with opened(tmp_path, model) as c:
        told(c)
        assert c.ask("Where does Ana live?", user="ana").text == "Lisbon"
        assert "ana, lives in, lisbon" in model.prompts[-1] and STORY[0] in model.prompts[-1]


@pytest.mark.parametrize("model", [Scripted(Reader()), Fickle(3)], ids=["scripted", "fickle"])
def test_a_rebuild_without_a_model_gives_the_same_graph(tmp_path: Path, model: Any) -> None:
    with opened(tmp_path, model) as c:
        told(c, (*STORY, "Ana lives in Porto.", *STORY))
        before, calls = dump(c), model.calls
        c.catch_up()
        assert model.calls == calls, "no work twice"
    dead = Dead(model.name)
    with opened(tmp_path, dead) as c:
        c.rebuild("ari_graph")
        assert dump(c) == before and dead.calls == 0


def test_what_was_forgotten_leaves_no_fact_and_what_it_ended_holds_again(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(Reader())) as c:
        told(c, STORY[:1])
        seq = c.record("Ana lives in Zanzibar.", user="ana").seq
        c.catch_up()
        assert ("ana", "lives in", "zanzibar") in facts(c)
        receipt = c.forget(events=[seq or 0])
        assert set(facts(c)) == {("ana", "lives in", "lisbon"), ("ana", "owns", "old boat")}
        assert c.verify_forgotten(receipt, probes=["Zanzibar", "zanzibar"]) == []
