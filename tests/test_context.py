"""The seam to models: forms, what is cited, call paths, what is kept of every outcome, and what a replay does with it."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import toys

from clew import Budget, Clew, Memory, Models, ModelUnavailable, RecipeError, ReplayMiss, Source
from clew.context import Context
from clew.models import Reply, forms
from clew.models.fake import Dead, Scripted
from clew.operators import encode, retrieve
from clew.recipe import Recipe

Open = Callable[..., Clew]
ASK = frozenset({"ask"})


class Outcomes:
    """Sends these replies one after the other: a text, None for a refusal, an exception to raise."""

    name = "fake:outcomes"

    def __init__(self, *replies: Any) -> None:
        self.replies, self.calls, self.prompts = list(replies), 0, []

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        self.calls += 1
        self.prompts.append(prompt)
        found = self.replies.pop(0)
        if isinstance(found, Exception):
            raise found
        return Reply(found or "", self.name, 10, 5, refused=found is None)


def noting(form: forms.Form | None = None, **options: Any) -> Recipe:
    """A note a model makes of each event; the words as they are where it fails."""

    def note(events: Any, ctx: Context) -> list[Memory]:
        said = ctx.ask("say", form, event=events[0], **options)
        return [ctx.memory(str(said), kind="note")]

    return Recipe("noting", note, retrieve.bm25, needs=ASK, prompts={"say": "Note: $event"})


def texts(clew: Clew, user: str = "ana") -> list[str]:
    return [m.text for m in clew.memories(user=user)]


def replayed(clew: Clew, recipe: Recipe) -> None:
    """A rebuild by a model that is never there gives the same rows."""
    live = list(clew._views.serving(recipe.name).view.dump())
    desk = clew._views.desk.models
    assert desk.asker is not None
    name = desk.asker.name
    clew.close()
    with Clew(clew.database.path, recipes=[recipe], models=Models(asker=Dead(name))) as again:
        made = again.rebuild(recipe.name, promote=False)
        assert live == list(again._views.view(made, recipe).dump())


VALID, INVALID = '{"text": "a tide"}', "I would rather not say"
CASES: dict[str, tuple[list[Any], str, list[str]]] = {
    "valid": ([VALID], "a tide", ["valid"]),
    "valid with words around it": (["Sure! " + VALID + " There."], "a tide", ["valid"]),
    "invalid, then valid": ([INVALID, VALID], "a tide", ["invalid", "valid"]),
    "invalid twice": ([INVALID, '{"text": 7}'], "raw", ["invalid", "invalid"]),
    "too long twice": (['{"text": "' + "x" * 900 + '"}'] * 2, "raw", ["invalid", "invalid"]),
    "refused": ([None], "raw", ["refused"]),
    "a number without end": (['{"text": ' + "9" * 6000 + "}", VALID], "a tide", ["invalid", "valid"]),
    "nested without end": (['{"text": ' + "[" * 100_000 + "}", VALID], "a tide", ["invalid", "valid"]),
    "half an emoji": (['{"text": "ok \\ud83d"}', VALID], "a tide", ["invalid", "valid"]),
}


@pytest.mark.parametrize("case", list(CASES))
def test_every_outcome_is_kept_and_replayed(memory: Open, case: str) -> None:
    replies, expected, outcomes = CASES[case]
    recipe = noting(forms.text(100), otherwise="raw")
    clew = memory(recipes=[recipe], models=Models(asker=Outcomes(*replies)))
    clew.record("the harbour", user="ana")
    assert clew.catch_up() == {"noting": "folded"}
    assert texts(clew) == [expected]
    assert [row["outcome"] for row in clew.answers.ledger() for _ in range(row["calls"])] == sorted(outcomes)
    assert len(clew.status()["faults"]) == (expected == "raw")
    replayed(clew, recipe)


def test_a_plain_text_answer_with_half_an_emoji_replays_as_it_lived(memory: Open) -> None:
    recipe = noting()
    clew = memory(recipes=[recipe], models=Models(asker=Outcomes("tide \ud83d out")))
    clew.record("the harbour", user="ana")
    assert clew.catch_up() == {"noting": "folded"}
    replayed(clew, recipe)


def test_a_model_that_is_away_leaves_the_event_due_and_is_asked_again(memory: Open) -> None:
    recipe = noting(forms.text(100))
    model = Outcomes(ModelUnavailable("busy"), VALID, VALID)
    clew = memory(recipes=[recipe], models=Models(asker=model))
    clew.record(["one", "two"], user="ana")
    assert clew.catch_up()["noting"].startswith("waits for a model: busy")
    assert clew.status()["views"][0]["waiting"]
    assert texts(clew) == ["a tide", "a tide"]  # a recall catches up first
    assert clew.status()["views"][0]["waiting"] == []
    assert clew.status()["faults"] == []


def test_without_a_model_a_recipe_that_needs_one_waits_and_says_so(memory: Open) -> None:
    clew = memory(recipes=[noting(forms.text(100)), "verbatim"])
    clew.record("the harbour", user="ana")
    states = clew.catch_up()
    assert "none is connected" in states["noting"]
    assert states["verbatim"] == "folded"
    assert clew.recall("harbour", user="ana", recipe="noting") == []
    assert len(clew.recall("harbour", user="ana", recipe="verbatim")) == 1


LIMITS = [Budget(calls_per_day=2), Budget(tokens_per_day=100), Budget(tokens_per_call=10), Budget(cost_per_day=0.0)]


@pytest.mark.parametrize("budget", LIMITS, ids=lambda b: str(b)[7:-1][:40])
def test_a_budget_refuses_before_the_call_and_recall_goes_on(memory: Open, budget: Budget) -> None:
    model = Scripted(lambda prompt, schema: {"text": "a note of the harbour"})
    clew = memory(recipes=[noting(forms.text(60))], models=Models(asker=model), budget=budget)
    clew.record([f"harbour {i}" for i in range(5)], user="ana")
    state = clew.catch_up()["noting"]
    assert state.startswith("waits for a model")
    made = model.calls
    assert made <= 2
    assert len(clew.recall("harbour", user="ana")) == made
    clew.catch_up()
    assert model.calls == made
    clew.close()
    with Clew(clew.database.path, recipes=[noting(forms.text(60))], models=Models(asker=model)) as again:
        assert again.catch_up() == {"noting": "folded"}
        assert len(texts(again)) == 5


def test_a_call_in_retrieval_that_cannot_be_paid_falls_back_to_search_without_it(memory: Open) -> None:
    def asked(query: Any, ctx: Context) -> Any:
        ctx.ask("which", forms.gate(), question=query.text)
        return retrieve.bm25(query, ctx)

    recipe = Recipe("chooser", encode.turns, asked, asks=frozenset({"retrieve"}), prompts={"which": "Is it so? $question"})
    for models, budget in (
        (Models(), Budget()),
        (Models(asker=Dead()), Budget()),
        (Models(asker=Scripted(lambda p, s: {"answer": "yes"})), Budget(calls_per_day=0)),
    ):
        clew = memory(recipes=[recipe], models=models, budget=budget)
        clew.record("the harbour is calm", user="ana", key="k")
        assert [h.memory.text for h in clew.recall("harbour", user="ana")] == ["the harbour is calm"]
        clew.close()


def test_a_connection_that_breaks_in_a_plug_in_makes_the_work_wait_and_passes_over_nothing(memory: Open) -> None:
    asker = Outcomes(ConnectionResetError("by peer"), TimeoutError("10 s"), "a note")
    clew = memory(recipes=[noting()], models=Models(asker=asker))
    clew.record("the harbour is calm", user="ana")
    for _ in range(2):
        assert "not reached" in clew.catch_up()["noting"]
        assert not clew.status()["faults"]
    assert clew.catch_up() == {"noting": "folded"} and texts(clew) == ["a note"]


def test_a_note_rests_on_everything_the_model_was_shown(memory: Open) -> None:
    clew = memory(
        recipes=[toys.asking],
        models=Models(asker=Scripted(lambda p, s: {"choices": []} if "choices" in s["properties"] else {"text": "note"})),
    )
    clew.record(["copper one", "copper two"], user="ana")
    clew.record("copper of somebody else", user="bo")
    clew.record("copper three", user="ana")
    clew.catch_up()
    last = [m for m in clew.memories(user="ana", kind="note") if m.opened == 4][-1]
    assert set(last.rests) == {1, 2, 4}
    with clew.database.snapshot() as c:
        shown = {seq for (seq,) in c.execute("SELECT r.seq FROM answer_rest r JOIN answer a ON a.id=r.answer WHERE a.seq=4")}
    assert shown == {1, 2, 4}


def test_no_request_shows_words_of_an_event_that_it_does_not_cite(memory: Open) -> None:
    model = Scripted(
        lambda p, s: (
            {"choices": s["properties"]["choices"]["items"]["enum"][:1]} if "choices" in s["properties"] else {"text": f"n{len(p)}"}
        )
    )
    clew = memory(recipes=[toys.asking], models=Models(asker=model))
    words = [f"copper mark{i:02d}x" for i in range(12)]
    clew.record(words, user="ana")
    clew.catch_up()
    with clew.database.snapshot() as c:
        rows = list(
            c.execute(
                "SELECT a.seq, a.path, group_concat(r.seq) FROM answer a JOIN answer_rest r ON r.answer=a.id GROUP BY a.id ORDER BY a.id"
            )
        )
    assert len(rows) == len(model.prompts)
    for (_, _, cited), prompt in zip(rows, model.prompts, strict=True):
        shown = {i + 1 for i in range(12) if f"mark{i:02d}x" in prompt}
        assert shown <= {int(s) for s in cited.split(",")}


def test_answers_in_threads_are_told_apart_by_their_place(memory: Open) -> None:
    clew = memory(recipes=[toys.mapping], models=Models(asker=Scripted(lambda p, s: {"text": p.split()[3]})))
    clew.record("alpha beta alpha gamma alpha", user="ana")
    clew.catch_up()
    assert texts(clew) == ["alpha: alpha", "beta: beta", "alpha: alpha", "gamma: gamma", "alpha: alpha"]
    with clew.database.snapshot() as c:
        assert sorted(p for (p,) in c.execute("SELECT path FROM answer")) == [f"encode/{i}/word" for i in range(5)]
    replayed(clew, toys.mapping)


def test_many_rounds_of_threads_leave_no_open_files(memory: Open) -> None:
    clew = memory(recipes=[toys.mapping], models=Models(asker=Scripted(lambda p, s: {"text": "x"})))
    clew.record(["alpha beta gamma delta epsilon"] * 3, user="ana")
    clew.catch_up()
    before = len(os.listdir("/proc/self/fd"))
    clew.record(["alpha beta gamma delta epsilon"] * 20, user="ana")
    clew.catch_up()
    assert len(os.listdir("/proc/self/fd")) <= before + 30


def test_a_rebuild_without_the_answers_says_what_is_missing_and_can_ask_anew(memory: Open) -> None:
    recipe = noting(forms.text(100))
    clew = memory(recipes=["verbatim"])
    clew.record("the harbour", user="ana")
    clew.close()
    model = Scripted(lambda p, s: {"text": "asked anew"})
    clew = memory(recipes=[recipe], models=Models(asker=model))
    with pytest.raises(ReplayMiss, match="rebuild"):
        clew.rebuild("noting")
    assert model.calls == 0
    clew.rebuild("noting", ask=Budget(calls_per_day=5))
    assert texts(clew) == ["asked anew"]


BAD = {
    "a set in its data": lambda e, ctx: [ctx.memory("x", what={1, 2})],
    "half an emoji": lambda e, ctx: [ctx.memory("x \ud83d")],
    "half an emoji in its data": lambda e, ctx: [ctx.memory("x", what="\ud83d")],
    "a naive time": lambda e, ctx: [ctx.memory("x", since=ctx.at.replace(tzinfo=None))],
    "a name nobody has": lambda e, ctx: [ctx.memory("x", actor="a stranger")],
    "no memory at all": lambda e, ctx: ["x"],
    "nothing": lambda e, ctx: None,
    "a number for a text": lambda e, ctx: [ctx.memory(7)],
    "a link that is no text": lambda e, ctx: [ctx.memory("x", links=[7])],
    "a basis that is not there": lambda e, ctx: [ctx.memory("x", basis=["00" * 10])],
    "a span that is not there": lambda e, ctx: [ctx.memory("x", sources=[Source(e[0].seq, 0, 10_000)])],
    "an event that is not there": lambda e, ctx: [ctx.memory("x", sources=[Source(999, 0, 1)])],
    "more trust than its source": lambda e, ctx: [ctx.memory("x", trust=6)],
}


@pytest.mark.parametrize("what", list(BAD))
def test_an_operator_that_returns_nonsense_is_a_fault_and_stops_nobody(memory: Open, what: str) -> None:
    def sometimes(events: Any, ctx: Context) -> Any:
        return BAD[what](events, ctx) if "bad" in events[0].text else encode.turns(events, ctx)

    clew = memory(recipes=[Recipe("odd", sometimes, retrieve.hybrid)])
    clew.record(["one calm", "a bad one", "two calm"], user="ana", trust="tool")
    assert clew.catch_up() == {"odd": "folded"}
    assert texts(clew) == ["one calm", "two calm"]
    assert [f["seq"] for f in clew.status()["faults"]] == [2]


def test_a_question_makes_no_memories(memory: Open) -> None:
    clew = memory(recipes=[Recipe("odd", encode.turns, lambda query, ctx: [ctx.memory("made up")])])  # type: ignore[list-item]
    clew.record("the harbour", user="ana")
    with pytest.raises(RecipeError, match="only events make memories"):
        clew.recall("harbour", user="ana")


def test_what_memory_holds_is_the_same_before_and_after_it_lands(memory: Open) -> None:
    """Within one batch an operator reads its own writes; they must look as they will when read from the file."""
    seen: list[tuple[Any, ...]] = []

    def making(events: Any, ctx: Context) -> Any:
        for m in ctx.view.all():
            seen.append(
                (ctx.seq, m, m.since.isoformat() if m.since else None, json.dumps(m.data, sort_keys=True), type(m.data.get("pair")))
            )
        return [ctx.memory(events[0].text, links=["b", "a", "b"], pair=(1, 2), of={"1": None}, until=None)]

    recipe = Recipe("seeing", making, retrieve.bm25)
    clew = memory(recipes=[recipe])
    for i in range(4):
        clew.record(f"t{i}", user="ana", at=f"2026-05-20T23:30:0{i}+05:30", actor="ana", session="s")
        clew.catch_up()
    apart, seen[:] = list(seen), []
    clew.rebuild("seeing", promote=False)
    assert seen == apart
