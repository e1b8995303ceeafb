"""Graphiti's verbs on Clew: episodes with their own time, facts with their validity, and what is removed gone."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from clew import NotFound, UsageError
from clew.compat.graphiti import Graphiti


class EpisodeType(Enum):
    message = "message"
    json = "json"


def day(n: int) -> datetime:
    return datetime(2026, 5, n, 9, tzinfo=UTC)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@pytest.fixture
def g(tmp_path: Path) -> Iterator[Graphiti]:
    found = Graphiti(tmp_path / "m.db")
    run(found.build_indices_and_constraints())
    yield found
    run(found.close())


def test_an_episode_becomes_facts_that_know_when_they_held_and_where_they_came_from(g: Graphiti) -> None:
    first = run(g.add_episode("e1", "I live in Lisbon", "chat", day(1), EpisodeType.message, group_id="ana"))
    assert first.episode.valid_at == day(1) and first.episode.content == "I live in Lisbon" and first.episode.source == "message"
    assert first.edges[0].episodes == [first.episode.uuid] and first.edges[0].valid_at == day(1)
    run(g.add_episode("e2", "I live in Porto now", "chat", day(9), group_id="ana"))
    now = run(g.search("where do I live?", group_ids=["ana"]))
    assert now[0].fact == "I live in Porto now" and now[0].invalid_at is None
    assert next(e for e in now if e.fact == "I live in Lisbon").invalid_at == day(9)
    assert run(g.search("where do I live?", group_ids=["ben"])) == []
    assert run(g.search("where do I live?", num_results=1))[0].group_id == "ana"


def test_structured_episodes_are_searched_and_the_same_uuid_is_the_same_episode(g: Graphiti) -> None:
    for _ in range(2):
        run(g.add_episode("e", {"product": "lantern"}, "shop", day(2), EpisodeType.json, group_id="ana", uuid="u1"))  # type: ignore[arg-type]
    [edge] = run(g.search("lantern", group_ids=["ana"]))
    assert edge.episodes == ["u1"] and edge.name == "e"
    with pytest.raises(UsageError, match="source is one of"):
        run(g.add_episode("e", "x", "shop", day(2), "film"))
    with pytest.raises(UsageError, match="no time zone"):
        run(g.add_episode("e", "x", "shop", datetime(2026, 5, 1)))
    with pytest.warns(UserWarning, match="search.. does not know center_node_uuid"):
        run(g.search("lantern", center_node_uuid="n"))
    with pytest.warns(UserWarning, match="add_episode.. does not know saga"):
        run(g.add_episode("e", "x", "shop", day(2), saga="s"))


def test_the_last_episodes_before_a_moment_come_in_order(g: Graphiti) -> None:
    for n in (3, 1, 2, 8):
        run(g.add_episode(f"e{n}", f"day {n}", "diary", day(n), group_id="ana"))
    assert [e.name for e in run(g.retrieve_episodes(day(5), last_n=2, group_ids=["ana"]))] == ["e2", "e3"]
    assert len(run(g.retrieve_episodes(day(9), last_n=9))) == 4


def test_an_episode_that_is_removed_is_in_no_fact_and_no_byte(g: Graphiti, tmp_path: Path) -> None:
    made = run(g.add_episode("e1", "the Zanzibar ledger", "chat", day(1), group_id="ana", uuid="u1")).episode
    run(g.add_episode("e2", "the tide table", "chat", day(1), group_id="ana"))
    assert run(g.remove_episode(made.uuid)).state == "erased"
    assert [e.fact for e in run(g.search("ledger", group_ids=["ana"]))] == ["the tide table"]
    with pytest.raises(NotFound):
        run(g.remove_episode(made.uuid))
    with pytest.raises(UsageError, match="was forgotten"):
        run(g.add_episode("e1", "the Zanzibar ledger", "chat", day(1), group_id="ana", uuid="u1"))
    with pytest.raises(UsageError, match="receipt"):
        run(g.build_indices_and_constraints(delete_existing=True))
    g.clew.database.close()
    assert b"Zanzibar" not in b"".join(p.read_bytes() for p in tmp_path.glob("m.db*"))


def test_where_deleting_only_retires_an_episode_is_retracted(tmp_path: Path) -> None:
    g = Graphiti(tmp_path / "r.db", deletes="retire")
    made = run(g.add_episode("e1", "the boat is red", "chat", day(1), group_id="ana"))
    assert run(g.remove_episode(made.episode.uuid)) is None and run(g.search("boat", group_ids=["ana"])) == []
    assert g.clew.history(made.edges[0].uuid)[-1][0].retired == "retracted"
    run(g.close())
