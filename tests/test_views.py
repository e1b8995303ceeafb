"""Views: generations beside each other, time in both clocks, histories, edits, faults, and what is served when it is stale."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import toys

from clew import Clew, Models, NotFound, ReplayMiss, Scope, UsageError, connect
from clew.models.fake import Dead, Fickle, Scripted
from clew.operators import encode, retrieve
from clew.recipe import Recipe

Open = Callable[..., Clew]
PLAIN = Recipe("plain", encode.turns, retrieve.hybrid)


def loud(events: Any, ctx: Any) -> Any:
    return [m.revised(text=m.text.upper()) for m in encode.turns(events, ctx)]


LOUD = replace(PLAIN, encode=loud, version=2)


class Hashed:
    """An embedder of other dimensions."""

    exact = True

    def __init__(self, dims: int = 24, space: str = "hashed-24") -> None:
        self.dims, self.space = dims, space

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[(sum(map(ord, t)) * (i + 3)) % 251 - 125 for i in range(self.dims)] for t in texts], np.int8).reshape(
            -1, self.dims
        )


def dumped(clew: Clew, recipe: Recipe, id: int | None = None) -> list[Any]:
    chosen = next(g for g in clew.generations(recipe.name) if (g.state == "serving" if id is None else g.id == id))
    return list(clew._views.view(chosen, recipe).dump())


def test_a_model_connected_before_anything_was_folded_is_used_at_once(memory: Open) -> None:
    clew = memory(recipes=["a_mem"])
    clew.record("The heron is back", user="ana")
    clew.recall("heron", user="ana")
    assert clew.status()["views"][0]["waiting"], "there is no model yet"
    clew.close()
    clew = memory(recipes=["a_mem"], models=connect("extractive"))
    assert [h.memory.text for h in clew.recall("heron", user="ana")] == ["The heron is back"]
    view = clew.status()["views"][0]
    assert (view["generation"], view["stale"], view["waiting"]) == (1, False, []), "in place of the empty one, under its number"


def test_a_stale_view_is_served_as_it_stood_and_says_so(memory: Open) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record("the harbour is calm", user="ana")
    clew.catch_up()
    clew.close()
    clew = memory(recipes=[LOUD])
    clew.record("the harbour is rough", user="ana")
    assert clew.catch_up() == {"plain": "frozen"}
    assert [h.memory.text for h in clew.recall("harbour", user="ana")] == ["the harbour is calm"]
    [view] = clew.status()["views"]
    assert (view["stale"], view["backlog"]) == (True, 1)


def test_a_rebuild_under_another_version_lies_beside_the_old_and_can_be_rolled_back(memory: Open) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record(["the harbour is calm", "tide"], user="ana")
    clew.catch_up()
    old = clew.generations("plain")[0].id
    clew.close()
    clew = memory(recipes=[LOUD])
    new = clew.rebuild("plain")
    assert [g.state for g in clew.generations("plain")] == ["frozen", "serving"]
    assert [h.memory.text for h in clew.recall("harbour", user="ana", k=1)] == ["THE HARBOUR IS CALM"]
    signs = {sign for sign, _ in clew.diff("plain", old, new.id)}
    assert signs == {"-", "+"}
    clew.promote("plain", old)
    assert [h.memory.text for h in clew.recall("harbour", user="ana", k=1)] == ["the harbour is calm"]
    with pytest.raises(UsageError, match="promote another"):
        clew.drop("plain", old)
    clew.promote("plain", new.id)
    clew.drop("plain", old)
    assert [g.id for g in clew.generations("plain")] == [new.id]
    for wrong in (
        lambda: clew.promote("plain", 99),
        lambda: clew.drop("plain", 99),
        lambda: list(clew.diff("plain", new.id, 99)),
        lambda: clew.rebuild("nothing"),
    ):
        with pytest.raises(NotFound):
            wrong()


def test_a_rebuild_under_the_same_fingerprint_replaces_its_equal(memory: Open) -> None:
    clew = memory(recipes=[toys.rewriting])
    clew.record([f"harbour {i}" for i in range(9)], user="ana")
    clew.catch_up()
    before, ids = dumped(clew, toys.rewriting), [m.id for m in clew.memories(user="ana")]
    clew.rebuild("rewriting")
    assert [g.state for g in clew.generations()] == ["serving"]
    assert dumped(clew, toys.rewriting) == before
    assert [m.id for m in clew.memories(user="ana")] == ids


CHANGES: dict[str, Recipe] = {
    "the version": replace(PLAIN, version=2),
    "an operator": replace(PLAIN, encode=loud),
    "what it subscribes to": replace(PLAIN, on=frozenset({"message"})),
    "an operator added": replace(PLAIN, manage=toys._drop),
    "a prompt": replace(PLAIN, prompts={"say": "x"}),
    "a parameter": replace(PLAIN, params={"k": 3}),
    "what is shared": replace(PLAIN, shares="session"),
    "what is indexed": replace(PLAIN, indexed=lambda m: m.text.upper()),
    "what is embedded": replace(PLAIN, embeds=frozenset()),
    "a model": replace(PLAIN, needs=frozenset({"ask"})),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_every_change_of_what_a_view_depends_on_makes_it_stale(memory: Open, what: str) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record("the harbour", user="ana")
    clew.catch_up()
    clew.close()
    clew = memory(recipes=[CHANGES[what]], models=Models(asker=Fickle()))
    assert clew.catch_up() == {"plain": "frozen"}


def test_another_embedder_is_another_generation_and_the_old_one_still_answers(memory: Open) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record(["the harbour is calm", "copper ledger"], user="ana")
    clew.catch_up()
    clew.close()
    clew = memory(recipes=[PLAIN], models=Models(embedder=Hashed()))
    assert clew.status()["views"][0]["stale"]
    assert [h.memory.text for h in clew.recall("harbour", user="ana", k=1)] == ["the harbour is calm"]
    clew.rebuild("plain")
    assert "the harbour is calm" in [h.memory.text for h in clew.recall("harbour", user="ana", k=2)]
    assert not next(v for v in clew.status()["views"] if v["state"] == "serving")["stale"]


def test_as_of_a_place_or_a_moment_shows_what_was_known_then(memory: Open) -> None:
    clew = memory(recipes=["verbatim"])
    for i in range(1, 6):
        clew.record(f"harbour line {i}", user="ana", at=f"2026-01-0{i}T00:00:00+00:00", as_lived=True)
    assert len(clew.recall("harbour", user="ana", as_of=0)) == 0
    assert len(clew.recall("harbour", user="ana", as_of=3)) == 3
    assert len(clew.recall("harbour", user="ana", as_of="2026-01-03T12:00:00+00:00")) == 3
    assert len(clew.recall("harbour", user="ana", as_of="2020-01-01T00:00:00+00:00")) == 0
    assert len(clew.recall("harbour", user="ana", as_of=999)) == 5
    for wrong in (-1, "2026-01-01T00:00:00", "yesterday"):
        with pytest.raises(UsageError):
            clew.recall("harbour", user="ana", as_of=wrong)


def test_valid_at_shows_what_held_then_and_now_shows_what_holds(memory: Open) -> None:
    def moves(memories: Any, ctx: Any) -> Any:
        return [*(m.retire(ctx.at, "superseded") for m in ctx.view.all() if m.retired is None), *memories]

    clew = memory(recipes=[Recipe("moving", encode.turns, retrieve.bm25, store=moves)])
    for month, place in (("02", "Lisbon"), ("04", "Porto"), ("06", "Faro")):
        clew.record(f"home is {place}", user="ana", at=f"2026-{month}-01T00:00:00+00:00")

    def home(**clocks: Any) -> list[str]:
        return [h.memory.text.split()[-1] for h in clew.recall("home", user="ana", **clocks)]

    assert home() == ["Faro"]
    assert home(valid_at="2026-05-01T00:00:00+00:00") == ["Porto"]
    assert home(valid_at="2026-04-01T00:00:00+00:00") == ["Porto"]  # half-open: it began then, the other ended
    assert home(valid_at="2026-01-01T00:00:00+00:00") == []
    assert home(as_of=1) == ["Lisbon"]
    assert home(as_of=2, valid_at="2026-12-01T00:00:00+00:00") == ["Porto"]
    assert home(at="2026-05-01T00:00:00+00:00", as_of=2) == ["Porto"]


def test_history_tells_every_version_its_event_and_its_end(memory: Open) -> None:
    clew = memory(recipes=["verbatim"])
    clew.record("I live in Porto", user="ana")
    [m] = clew.memories(user="ana")
    clew.revise(m.id, "I live in Lisbon")
    clew.retire(m.id, reason="superseded")
    told = clew.history(m.id)
    assert [(v.text, e.seq, why) for v, e, why in told] == [
        ("I live in Porto", 1, "revised"),
        ("I live in Lisbon", 2, "revised"),
        ("I live in Lisbon", 3, "superseded"),
    ]
    clew.retire(m.id, reason="retracted")
    assert clew.history(m.id)[-1][2] == "retracted"
    assert clew.memories(user="ana") == []
    assert [q.text for q in clew.thread(m.id)] == ["I live in Porto", "I live in Lisbon"]
    for wrong in (clew.get, clew.thread, clew.history):
        with pytest.raises(NotFound):
            wrong("00" * 10)  # type: ignore[operator]
        with pytest.raises(NotFound):
            wrong("not an id")  # type: ignore[operator]
    with pytest.raises(UsageError, match="reason"):
        clew.retire(m.id, reason="boredom")
    with pytest.raises(UsageError, match="a memory is revised to a text"):
        clew.revise(m.id, " ")


def test_an_edit_reaches_the_same_memory_in_another_generation(memory: Open) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record(["home is Porto", "tide"], user="ana")
    [m, _] = clew.memories(user="ana")
    clew.revise(m.id, "home is Lisbon")
    clew.close()
    clew = memory(recipes=[replace(PLAIN, version=2)])
    clew.rebuild("plain")
    assert [x.text for x in clew.memories(user="ana")] == ["tide", "home is Lisbon"]
    assert clew.status()["faults"] == []


def test_an_edit_that_finds_nothing_is_shown_as_unapplied(memory: Open) -> None:
    clew = memory(recipes=[PLAIN])
    clew.record("home is Porto", user="ana")
    clew.revise(clew.memories(user="ana")[0].id, "home is Lisbon")
    clew.close()
    clew = memory(recipes=[LOUD])
    clew.rebuild("plain")
    assert [x.text for x in clew.memories(user="ana")] == ["HOME IS PORTO"]
    assert "unapplied" in clew.status()["faults"][-1]["error"]


@pytest.mark.parametrize("recipe", [toys.sessions, toys.agents, toys.crowd, PLAIN], ids=lambda r: r.name)
def test_an_edit_applies_whatever_a_view_shares(memory: Open, recipe: Recipe) -> None:
    clew = memory(recipes=[recipe])
    clew.record("home is Porto", user="ana", agent="aide", session="s")
    clew.catch_up()
    [hit] = clew.recall("home Porto", user="ana", agent="aide", session="s")
    clew.revise(hit.memory.id, "home is Lisbon")
    assert [h.memory.text for h in clew.recall("home", user="ana", agent="aide", session="s")] == ["home is Lisbon"]


def test_a_fault_is_written_once_and_gone_after_the_fix(memory: Open) -> None:
    broken = Recipe("plain", lambda e, ctx: 1 / 0 if "bad" in e[0].text else encode.turns(e, ctx), retrieve.hybrid)  # type: ignore[arg-type]
    clew = memory(recipes=[broken])
    clew.record(["good", "bad", "fine"], user="ana")
    clew.catch_up()
    clew.catch_up()
    [fault] = clew.status()["faults"]
    assert (fault["recipe"], fault["operator"], fault["seq"]) == ("plain", "encode", 2)
    assert "ZeroDivisionError" in fault["error"]
    clew.close()
    clew = memory(recipes=[PLAIN])
    new = clew.rebuild("plain")
    assert [f for f in clew.status()["faults"] if f["generation"] == new.id] == []
    assert len(clew.memories(user="ana")) == 3


def test_a_rebuild_left_half_done_is_cleared_by_the_next(memory: Open) -> None:
    clew = memory(
        recipes=[toys.asking],
        models=Models(asker=Scripted(lambda p, s: {"choices": []} if "choices" in s["properties"] else {"text": "n"})),
    )
    clew.record(["copper one", "copper two"], user="ana")
    clew.catch_up()
    with clew.database.write() as c:
        c.execute("DELETE FROM answer WHERE seq=2")
    with pytest.raises(ReplayMiss):
        clew.rebuild("asking")
    assert clew.memories(user="ana")
    with pytest.raises(ReplayMiss):
        clew.rebuild("asking")
    assert sum(g.state == "building" for g in clew.generations()) <= 1


def test_two_recipes_live_in_one_file_and_do_not_mix(memory: Open) -> None:
    clew = memory(recipes=["verbatim", LOUD])
    clew.record("the harbour is calm", user="ana")
    assert clew.recall("harbour", user="ana", recipe="verbatim")[0].memory.text == "the harbour is calm"
    assert clew.recall("harbour", user="ana", recipe="plain")[0].memory.text == "THE HARBOUR IS CALM"
    one, two = (clew.recall("harbour", user="ana", recipe=r)[0].memory.id for r in ("verbatim", "plain"))
    assert one != two
    clew.retire(one, reason="corrected")
    assert clew.recall("harbour", user="ana", recipe="verbatim") == []
    assert len(clew.recall("harbour", user="ana", recipe="plain")) == 1


def test_another_process_view_of_endings_is_taken_in(memory: Open) -> None:
    """Two Clews on one file: what one has ended, however many landings later, the other must not show."""
    one, two = memory(recipes=[toys.rewriting]), memory(recipes=[toys.rewriting])
    for i in range(30):
        one.record(f"harbour {i}", user="ana")
        one.catch_up()
        if i % 5 == 0:
            assert list(two.recall("harbour", user="ana", k=40)) == list(one.recall("harbour", user="ana", k=40))
    assert two.memories(user="ana") == one.memories(user="ana")


def test_an_undone_event_does_not_hide_what_others_end_later(memory: Open) -> None:
    """A model that is away undoes an ending in this process; another process then really ends it."""

    def ends(memories: Any, ctx: Any) -> Any:
        old = [m.retire(ctx.at, "corrected") for m in ctx.view.all()]
        return [*old, *memories]

    def asks(ctx: Any) -> Any:
        ctx.ask("say", toys.forms.gate(), event=ctx.event)
        return []

    recipe = Recipe("ending", encode.turns, retrieve.bm25, store=ends, manage=asks, needs=frozenset({"ask"}), prompts={"say": "$event"})
    model = Scripted(lambda p, s: {"answer": "yes"})
    one, two = memory(recipes=[recipe], models=Models(asker=model)), memory(recipes=[recipe], models=Models(asker=Dead("fake:scripted")))
    one.record("harbour one", user="ana")
    one.catch_up()
    assert len(two.recall("harbour", user="ana")) == 1
    one.record("harbour two", user="ana")
    assert two.catch_up()["ending"].startswith("waits")
    one.catch_up()
    assert [m.text for m in two.memories(user="ana")] == ["harbour two"]
    assert [h.memory.text for h in two.recall("harbour", user="ana")] == ["harbour two"]


def test_a_user_sees_the_common_memories_and_not_the_reverse(memory: Open) -> None:
    clew = memory(recipes=["verbatim"])
    clew.record("the harbour opens at six")
    clew.record("my harbour berth is 7", user="ana")
    assert {h.memory.text for h in clew.recall("harbour", user="ana")} == {"the harbour opens at six", "my harbour berth is 7"}
    assert {h.memory.text for h in clew.recall("harbour")} == {"the harbour opens at six"}
    assert {h.memory.text for h in clew.recall("harbour", user="a stranger")} == {"the harbour opens at six"}


def test_what_two_users_said_is_shown_to_neither_when_it_was_mixed(memory: Open) -> None:
    def mixes(memories: Any, ctx: Any) -> Any:
        older = ctx.view.recent(1)
        return [ctx.memory(f"{older[0].text} & {m.text}", basis=older) for m in memories] if older else memories

    clew = memory(
        recipes=[
            Recipe("mixing", encode.turns, retrieve.bm25, store=mixes, shares="all"),
            Recipe("open", lambda e, ctx: [ctx.memory(e[0].text, scope=Scope())], retrieve.bm25, shares="all"),
        ]
    )
    clew.record("zebra secret of ana", user="ana")
    clew.record("bo was here", user="bo")
    clew.catch_up()
    for name in ("mixing", "open"):
        assert not [h for h in clew.recall("zebra secret", user="bo", recipe=name) if "zebra" in h.memory.text]


def test_threads_rebuild_forget_and_ask_at_once(memory: Open) -> None:
    clew = memory(recipes=[toys.rewriting])
    clew.record([f"harbour {i}" for i in range(40)], user="ana")
    clew.catch_up()
    errors: list[BaseException] = []
    stop = threading.Event()

    def again(work: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            errors.append(error)

    jobs = [
        lambda: clew.recall("harbour 7", user="ana"),
        lambda: clew.catch_up(),
        lambda: clew.rebuild("rewriting"),
        lambda: clew.memories(user="ana"),
        lambda: (clew.record("harbour more", user="ana"), stop.wait(0.05)),
    ]
    threads = [threading.Thread(target=again, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    stop.wait(2)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert errors == []
    clew.catch_up()
    before = dumped(clew, toys.rewriting)
    clew.rebuild("rewriting")
    assert dumped(clew, toys.rewriting) == before


def test_a_question_asked_before_the_future_does_not_see_it(memory: Open) -> None:
    clew = memory(recipes=["verbatim"])
    clew.record("the harbour closes", user="ana", at=datetime.now(UTC) + timedelta(days=90))
    assert len(clew.recall("harbour", user="ana")) == 1  # recorded now, about later: it is known
