"""Facts out of other memories: they rest on what they were drawn from, and hold no longer than their source says."""

import json
from pathlib import Path
from typing import Any

import pytest
from stores import DAY, ENDED, graph, palace

from clew import Clew, Memory
from clew.readers import Left, imported, importing, read

INSIDE, AFTER = DAY.format(1, 15), DAY.format(2, 15)


def take(c: Clew, path: Path, left: Any = lambda _: None, as_lived: bool = False, **options: Any) -> tuple[int, int]:
    return imported(c, read(path, left=left, **options), path.name, None, as_lived, left=left)


def dump(folder: Path, items: list[dict[str, Any]]) -> Path:
    path = folder / "graph.jsonl"
    path.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    return path


def turn(c: Clew, words: str, user: str = "ana") -> Memory:
    [found] = [m for m in c.memories(user=user, kind="turn") if words in m.text]
    return found


def porto(c: Clew, **options: Any) -> list[str]:
    return [h.memory.text for h in c.recall("Where does Ana live? Porto", user="ana", k=20, **options) if "Porto" in h.memory.text]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_fact_rests_on_the_episodes_that_it_names(tmp_path: Path, backwards: bool) -> None:
    items = graph()
    with Clew(tmp_path / "m.db", recipes=["clew", "verbatim"]) as c:
        assert take(c, dump(tmp_path, items[::-1] if backwards else items)) == (3, 3)
        said, fact = turn(c, "moved to Lisbon"), turn(c, "lives in Porto")
        assert said.id in fact.basis and said.opened in fact.rests and (fact.status, fact.trust) == ("active", 4)
        [plain] = [m for m in c.memories(user="ana", recipe="verbatim") if "lives in Porto" in m.text]
        assert [c.get(id).text for id in plain.basis] == ["I moved to Lisbon"]
        c.retract([said.opened or 0])
        assert turn(c, "lives in Porto").status == "suspect"


def test_who_has_an_episode_forgotten_has_what_was_drawn_from_it_forgotten(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        path = dump(tmp_path, graph())
        take(c, path)
        c.forget(events=[turn(c, "moved to Lisbon").opened or 0])
        assert [m.text for m in c.memories(user="ana", kind="turn")] == ["Ana: Lives in Lisbon"]
        take(c, path)
        assert [m.text for m in c.memories(user="ana", kind="turn")] == ["Ana: Lives in Lisbon"]


def test_a_canary_in_a_fact_raises_its_alarm(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        token = c.canary(user="bob")
        take(c, dump(tmp_path, graph(fact=f"Ana knows {token}")))
        assert [e for e in c.log.read() if e.kind == "alarm"]


def test_a_fact_is_believed_no_more_than_its_episodes(tmp_path: Path) -> None:
    items = graph()
    items[0]["source"] = "text"
    with Clew(tmp_path / "m.db") as c:
        take(c, dump(tmp_path, items))
        assert turn(c, "lives in Porto").trust == turn(c, "moved to Lisbon").trust == 2


def test_facts_come_whole_before_and_after_their_episodes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    episode, _, _, fact, _ = graph()
    many = [episode | {"uuid": f"e{n}", "content": f"Ana: boat {n} is in"} for n in range(10)]
    facts = [fact | {"uuid": f"f{n}", "fact": f"Boat {n} lies in Porto", "episodes": [f"e{n}", f"e{9 - n}"]} for n in range(10)]
    with Clew(tmp_path / "m.db") as c:
        path = dump(tmp_path, [*facts[:5], *many, *facts[5:]])
        assert take(c, path) == (20, 20) and take(c, path) == (20, 0)
        for n in range(10):
            drawn = {c.get(id).text for id in turn(c, f"Boat {n} lies").basis}
            assert {f"boat {n} is in", f"boat {9 - n} is in"} <= drawn


def test_a_fact_rests_on_an_episode_that_an_earlier_import_brought(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, dump(tmp_path, graph()[:1]))
        take(c, dump(tmp_path, graph()[1:]))
        assert turn(c, "moved to Lisbon").id in turn(c, "lives in Porto").basis


def test_a_fact_that_came_without_its_episodes_stays_as_it_was_and_nothing_is_told(tmp_path: Path) -> None:
    left: list[Left] = []
    items = graph()
    with Clew(tmp_path / "m.db") as c:
        take(c, dump(tmp_path, items[1:]))
        assert turn(c, "lives in Porto").basis == ()
        c.rebuild()
        assert take(c, dump(tmp_path, items), left.append) == (3, 1) and turn(c, "lives in Porto").basis == ()
        c.rebuild()
        assert take(c, dump(tmp_path, items), left.append) == (3, 0)
    assert not [one for one in left if "there already" in one.why]


@pytest.mark.parametrize("lived", [False, True])
def test_a_fact_that_ended_is_told_of_its_own_time_alone(tmp_path: Path, lived: bool) -> None:
    path = dump(tmp_path, graph(**ENDED))
    with Clew(tmp_path / "m.db", recipes=["clew", "verbatim"]) as c:
        assert take(c, path, as_lived=lived) == (3, 3)
        for recipe in ("clew", "verbatim"):
            assert porto(c, recipe=recipe) == porto(c, recipe=recipe, valid_at=AFTER) == []
            assert len(porto(c, recipe=recipe, valid_at=INSIDE)) == 1
        fact = turn(c, "lives in Porto")
        assert (fact.retired, fact.until and fact.until.isoformat()) == ("expired", DAY.format(2, 1))
        assert all(m.retired for m in c.memories(user="ana", kind="fact") if "Porto" in m.text)
        head = c.log.head()
        assert take(c, path, as_lived=lived) == (3, 0) and c.log.head() == head and c.log.verify() is True
        c.rebuild()
        assert porto(c) == [] and len(porto(c, valid_at=INSIDE)) == 1


def test_what_is_said_later_of_the_same_thing_does_not_bring_an_ended_fact_back(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        c.record("Ana lives in Faro", user="ana", actor="Ana", at=DAY.format(1, 10))
        take(c, dump(tmp_path, graph(**ENDED)[1:]))
        c.record("Ana lives in Braga", user="ana", actor="Ana", at=DAY.format(1, 20))
        c.record("I have moved to Evora", user="ana", actor="Ana", at=DAY.format(3, 1))
        assert porto(c) == [] and porto(c, valid_at=AFTER) == [] and len(porto(c, valid_at=INSIDE)) == 1


def test_a_fact_that_its_graph_gave_up_ends_when_it_did(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        take(c, dump(tmp_path, graph(expired_at=DAY.format(2, 2))))
        assert porto(c) == [] and len(porto(c, valid_at=INSIDE)) == 1


def test_a_fact_that_ends_later_is_told_until_then(tmp_path: Path) -> None:
    left: list[Left] = []
    with Clew(tmp_path / "m.db") as c:
        take(c, dump(tmp_path, graph(invalid_at="2999-01-01T00:00:00Z")), left.append)
        assert len(porto(c)) == 1 and [one.why for one in left if "still to come" in one.why]


def test_an_end_that_a_waiting_view_has_not_heard_of_is_told_and_made_up_for(tmp_path: Path) -> None:
    left: list[Left] = []
    path = dump(tmp_path, graph(**ENDED))
    with Clew(tmp_path / "m.db", recipes=["clew", "mem0_style"]) as c:
        take(c, path, left.append)
        assert porto(c) == [] and [one.why for one in left if "mem0_style: its view has not taken in what ended" in one.why]


def test_a_palaces_fact_rests_on_its_drawer_and_ends_with_its_time(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        path = palace(tmp_path)
        left: list[Left] = []
        assert imported(c, read(path, tz="UTC", left=left.append), "palace", "ana", False, left=left.append) == (3, 3)
        fact = turn(c, "Ana lives in Porto")
        assert turn(c, "key hangs").id in fact.basis
        assert porto(c) == [] and len(porto(c, valid_at=INSIDE)) == 1 and fact.trust == 2
        assert imported(c, read(path, tz="UTC", left=left.append), "palace", "ana", False, left=left.append) == (3, 0)
