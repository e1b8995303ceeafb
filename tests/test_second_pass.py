"""The explorer, what it writes down and recalls, and the bench's numbers: over a small world made here, without a browser."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.arena import second_pass, second_pass_report
from clew.arena.second_pass_tasks import CANDIDATES, DEVELOPED, developed, seeds, selected
from clew.errors import UsageError
from clew.operators.experience import workflows
from clew.recipe import load
from clew.tasks.graph import Action, Element, Page
from clew.tasks.learning.choices import choices, wanted
from clew.tasks.learning.explorer import Bounds, Guide, explore
from clew.tasks.learning.memory import nothing, recalled, remember
from clew.tasks.learning.search import Trial
from clew.tasks.learning.values import forms, values

DRAWERS = ("Tools", "Papers", "Spoons", "Wool")


class Drawers:
    """Drawers that open one after another; what is asked for lies in the third; taking anything else ends it without reward."""

    def __init__(self, wish: str, last: str = "Keep") -> None:
        self.utterance = f'Find the "{wish}" and take it.'
        self.wish, self.last = wish, last
        self.open: list[str] = []
        self.held, self.done, self.reward, self.acts = False, False, 0.0, 0

    def observe(self) -> Page:
        names = [*DRAWERS, *(["Junk"] if self.open else []), *([self.wish] if self.open[-1:] == ["Spoons"] else [])]
        names += [self.last] if self.held else []
        elements = tuple(Element(str(i), "button", name) for i, name in enumerate(names))
        return Page("drawers", "Drawers", elements, "\n".join(names))

    def act(self, action: Action) -> str:
        name = self.observe().elements[int(action.element)].text
        self.acts += 1
        if name in DRAWERS:
            self.open.append(name)
        elif name == self.wish:
            self.held = True
        else:
            self.done, self.reward = True, 1.0 if name == self.last else -1.0
        return ""


def test_the_explorer_learns_within_bounds_and_what_it_recalls_shortens_the_next_episode(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        for number, wish in enumerate(("red thread", "spare key")):
            first = explore(lambda w=wish: Drawers(w), nothing, Bounds(40, 10))
            assert first.success and first.steps > 3, "without help it opens what does not matter"
            remember(memory, first, f"first/{number}")
        memory.catch_up()
        wish = "old coin"
        control = explore(lambda: Drawers(wish), nothing, Bounds(40, 10))
        second = explore(lambda: Drawers(wish), lambda u: recalled(memory, u), Bounds(40, 10))
        assert second.success and second.steps < control.steps
        assert second.trials[-1].guide is not None and second.trials[-1].followed >= 2
        guides = recalled(memory, Drawers(wish).utterance)
        assert any(s.endswith('click button "old coin"') for g in guides for s in g.steps), "the value comes from the new task"
        assert not recalled(memory, "Water the plants on the balcony."), "nothing is followed for a task in other words"


def test_an_explorer_that_cannot_do_it_stops_at_its_bounds() -> None:
    class Never(Drawers):
        def act(self, action: Action) -> str:
            super().act(action)
            self.reward = min(self.reward, 0.0)
            return ""

    for most in (5, 17):
        found = explore(lambda: Never("red thread"), nothing, Bounds(most, 6))
        assert not found.success and found.steps <= most and all(len(t.done) <= 12 for t in found.trials)
        assert len({t.path for t in found.trials}) == len(found.trials), "no way is gone twice"


def test_a_guide_that_misleads_is_left_and_the_control_sees_none() -> None:
    wrong = Guide("wrong", ('click button "Papers"', 'click button "Junk"'))
    with_it = explore(lambda: Drawers("red thread"), lambda u: [wrong], Bounds(40, 10))
    assert with_it.success and with_it.trials[0].guide == wrong and with_it.trials[-1].guide is None
    assert list(nothing("anything")) == []


def test_actions_that_lead_back_or_nowhere_are_marked_as_such(tmp_path: Path) -> None:
    page = Page("k", "t", (Element("0", "button", "a"), Element("1", "button", "b")))
    a, b = choices("task", page)
    trial = Trial(done=[a, b, a], states=[1, 2, 1, 3], ended=False)
    assert trial.useful() == [False, False, True], "there and back again"
    assert Trial(done=[a, b], states=[1, 1, 2], ended=False).useful() == [False, True], "what changed nothing"
    assert Trial(done=[a], states=[1, 1], ended=True).useful() == [True], "what ended it counts, whatever is seen"


def test_what_the_task_names_comes_first_and_values_are_read_off_its_words() -> None:
    assert values('Type "a b" and "c".') == ["a b", "c"]
    assert values("Ask Ana Lee for 08/04/2016 please.") == ["Ana Lee", "08/04/2016"]
    written = {v: [what for _, what in forms(v)] for v in ("08/04/2016", "8:22 PM", "12:05 am", "soon")}
    assert written == {"08/04/2016": ["2016-08-04"], "8:22 PM": ["20:22"], "12:05 am": ["00:05"], "soon": ["SOON", "Soon"]}
    told = workflows.words("Press the green button, then Cancel.")
    ranks = {text: wanted(text, told) for text in ("Cancel", "green light", "Help")}
    assert ranks["Cancel"][0] > ranks["green light"][0] > ranks["Help"][0]
    page = Page("k", "t", (Element("0", "text", "Colour"), Element("1", "text", "aqua"), Element("2", "input", "Colour:")))
    typed = {c.text: c.rank for c in choices("Enter what belongs to each.", page) if c.action.kind == "type"}
    assert typed['type what stands beside "Colour" into input "Colour:"'] == max(typed.values()), "what stands beside the field's name"


@pytest.mark.parametrize("value", ["green apple", "half of a bag of chips"])
def test_a_workflow_is_filled_from_another_task(value: str) -> None:
    one = workflows.abstracted("Only a grilled leek is missing.", ["take leek from couch", "put leek on stove"])
    other = workflows.abstracted("Only a grilled fig is missing.", ["take fig from table", "put fig on stove"])
    both = workflows.merged(one, other)
    assert both is not None and both.steps == ("take {grilled} from *", "put {grilled} on stove")
    assert workflows.filled(both, f"Only a grilled {value} is missing.") == (f"take {value} from *", f"put {value} on stove")


def test_a_list_is_one_variable_and_is_told_once_for_each_value() -> None:
    flow = workflows.abstracted(
        "Select ab, cd and ef and press Go.", [f'click box "{v}"' for v in ("ab", "cd", "ef")] + ['click button "Go"']
    )
    assert flow.steps == ('each: click box "{select}"', 'click button "{press}"')
    assert workflows.filled(flow, "Select x y, z and press Go.") == ('click box "x y"', 'click box "z"', 'click button "Go"')


def test_runs_that_differ_keep_what_they_have_in_common_or_stay_apart() -> None:
    short = workflows.abstracted('Find "a".', ['click button "Menu"', 'click link "a"'])
    long = workflows.abstracted('Find "b".', ['click button "Menu"', 'type "x" into input "Filter"', 'click link "b"'])
    both = workflows.common(short, long)
    assert both is not None and both.steps == ('click button "Menu"', 'click link "{find}"')
    assert workflows.common(short, workflows.abstracted('Find "c".', ['type "c" into input "Filter"'])) is None, "they end otherwise"


def test_the_selection_is_by_hash_and_the_seeds_come_from_a_commit() -> None:
    assert len(selected()) == 20 and not {*selected()} & {*developed()} and {*selected(), *developed()} == {*CANDIDATES}
    assert selected(tuple(reversed(CANDIDATES))) == selected(), "the order in which they are listed does not matter"
    first, second = seeds("a37cf1f" + 33 * "0")
    assert not {*first} & {*second} and not {*first, *second} & {*DEVELOPED} and seeds("b" * 40)[0] != first
    assert seeds("a37cf1f" + 33 * "0", 33)[0][0] == DEVELOPED.stop != first[0], "other digits, other seeds"
    with pytest.raises(UsageError, match="from 0 to 33 on; got 34"):
        seeds("b" * 40, 34)


def test_what_is_learned_from_each_half_of_the_seeds_is_measured_on_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes = ("red thread", "spare key", "old coin", "blue yarn")
    ground = second_pass.Ground("drawers", ("find",), lambda task, seed: Drawers(wishes[seed]), Bounds(40, 10))
    monkeypatch.setattr(second_pass, "_pages", lambda tasks: nullcontext(ground))
    plan = second_pass.Plan(load("awm"), tmp_path, ("find",), (), ((0, 1), (2, 3)))
    outcome = second_pass.run(plan)
    assert second_pass.run(plan)["worlds"] == outcome["worlds"], "what was done is not done again"
    found = outcome["worlds"]["drawers"]["all"]
    assert {found[name]["n"] for name in second_pass.PASSES} == {4} and found["first"]["steps"] == found["control"]["steps"]
    assert found["second"]["steps"]["mean"] < found["control"]["steps"]["mean"]
    for learned in ((0, 1), (2, 3)):
        with Clew(tmp_path / f"second-pass-miniwob-{learned[0]}.db", recipes=[load("awm")]) as memory:
            sessions = {e.scope.session.partition("/find/first/")[2][0] for e in memory.log.select("TRUE", ()) if e.scope.session}
            assert sessions == {str(seed) for seed in learned}


def row(task: str, name: str, seed: int, steps: int, success: bool = True) -> Mapping[str, Any]:
    return {
        "world": "w",
        "task": task,
        "pass": name,
        "seed": seed,
        "steps": steps,
        "success": success,
        "at_once": False,
        "tokens": 10 * steps,
    }


def test_the_report_counts_fewer_steps_with_an_interval_and_names_what_was_never_done() -> None:
    rows = [row(t, "first", s, 10, t == "a") for t in "ab" for s in range(4)]
    rows += [row(t, "second", s, 4 if t == "a" else 10, t == "a") for t in "ab" for s in range(5)]
    rows += [row(t, "control", s, 8 if t == "a" else 10, t == "a") for t in "ab" for s in range(5)]
    found = second_pass_report.summary(rows)["w"]
    assert round(found["less"]["first"]["mean"], 3) == 0.3 and round(found["less"]["control"]["mean"], 3) == round(4 / 18, 3)
    assert found["never without"] == ["b"] and round(found["of those it can"]["control"]["mean"], 3) == 0.5
    assert found["less"]["first"]["low"] <= 0.3 <= found["less"]["first"]["high"]
    turned = [row("a", "first", s, 2 * s) for s in range(1, 6)] + [row("a", "second", s, s) for s in range(5, 0, -1)]
    assert {*second_pass_report.less([turned], "first").values()} == {0.5}, "the same seeds are drawn together, in whatever order they ran"
    outcome = {"recipe": "awm", "seeds": [[1, 2], [3, 4]], "commit": "c", "worlds": {"w": found}}
    assert "Never done without recall, on any seed: b." in second_pass_report.as_markdown(outcome)
    assert second_pass_report.plot(outcome).count("<rect") == 3 + 3 * 3
