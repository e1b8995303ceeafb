"""What the explorer tries on pages made here, and that what it found after many tries is done at once when it is recalled."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from clew import Clew
from clew.operators.experience import workflows
from clew.recipe import load
from clew.tasks.graph import Action, Element, Page
from clew.tasks.learning.choices import HINTED, NAMED, choices
from clew.tasks.learning.explorer import Bounds, Episode, explore
from clew.tasks.learning.memory import nothing, recalled, remember

BOUNDS = Bounds(30, 10)


class Sheet:
    """A page of things; a press on the last button ends it, with reward where `right` says so of what was done."""

    def __init__(self, task: str, labels: Sequence[str], right: Callable[["Sheet"], bool], shown: Sequence[str] = ()) -> None:
        self.utterance, self.labels, self.right, self.shown = task, labels, right, shown
        self.held = dict.fromkeys(labels, "")
        self.done, self.reward = False, 0.0

    def things(self) -> list[Element]:
        fields = [Element("", "input", label, value=self.held[label]) for label in self.labels]
        return [*[Element("", "text", text) for text in self.shown], *fields, Element("", "button", "Send")]

    def observe(self) -> Page:
        elements = tuple(Element(str(i), e.kind, e.text, e.checked, e.value) for i, e in enumerate(self.things()))
        return Page("sheet", "Sheet", elements, "\n".join(e.text for e in elements))

    def act(self, action: Action) -> str:
        thing = self.observe().elements[int(action.element)]
        if action.kind == "type":
            self.held[thing.text] = action.text
        elif thing.kind in ("button", "link"):
            self.press(thing.text)
        return ""

    def press(self, name: str) -> None:
        if name == "Send":
            self.done, self.reward = True, 1.0 if self.right(self) else -1.0


def passes(tmp_path: Path, worlds: Sequence[Callable[[], Sheet]], last: Callable[[], Sheet]) -> tuple[Episode, Episode]:
    """The last world without recall, and with what was learned from the others."""
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        for number, world in enumerate(worlds):
            remember(memory, explore(world, nothing, BOUNDS), f"first/{number}")
        memory.catch_up()
        return explore(last, nothing, BOUNDS), explore(last, lambda u: recalled(memory, u), BOUNDS)


@pytest.mark.parametrize(
    ("task", "label", "made", "names"),
    [
        ('Write the name "{}" the way the sign needs it, and send it.', "Name", str.upper, ("ada", "bo", "cyd")),
        (
            "Note {} as the day of arrival and send it.",
            "Day",
            lambda v: f"{v[6:]}-{v[:2]}-{v[3:5]}",
            ("03/04/2019", "11/30/2018", "02/01/2020"),
        ),
    ],
)
def test_the_form_in_which_a_field_wants_a_value_is_found_by_trying_and_known_the_next_time(
    tmp_path: Path, task: str, label: str, made: Callable[[str], str], names: tuple[str, ...]
) -> None:
    worlds = [lambda n=n: Sheet(task.format(n), [label], lambda s: s.held[label] == made(n)) for n in names]
    control, second = passes(tmp_path, worlds[:2], worlds[2])
    assert control.success and second.success
    assert second.steps == 2 and control.steps >= 4, "typed as it has to be and sent, where trying takes more"
    assert second.trials[0].guide is not None and any("in capitals" in s or "as a date" in s for s in second.trials[0].guide.steps)


def test_what_stands_beside_a_name_is_learned_by_the_name_and_not_by_the_value(tmp_path: Path) -> None:
    tables = (("Weight", "14 kg", "Colour", "teal"), ("Colour", "ochre", "Weight", "3 kg"), ("Size", "XL", "Colour", "plum"))
    worlds = [
        lambda t=t: Sheet("Tell the Colour and send it.", ["Answer"], lambda s: s.held["Answer"] == t[t.index("Colour") + 1], t)
        for t in tables
    ]
    control, second = passes(tmp_path, worlds[:2], worlds[2])
    assert second.success and second.steps == 2 < control.steps
    assert second.trials[0].done[0].text == 'type what stands beside "Colour" into input "Answer"'


def test_a_press_whose_effect_is_not_seen_stays_in_the_workflow(tmp_path: Path) -> None:
    class Lamps(Sheet):
        pressed = ""

        def things(self) -> list[Element]:
            return [Element("", "button", name) for name in ("Send", "Alpha", "Omega")]

        def press(self, name: str) -> None:
            self.pressed += name
            if name == "Omega":
                self.done, self.reward = True, 1.0 if self.pressed == "AlphaOmega" else -1.0

    world = lambda: Lamps("Press Alpha and then Omega.", [], lambda s: False)  # noqa: E731
    control, second = passes(tmp_path, [world], world)
    assert (control.steps, second.steps) == (2, 2) and second.trials[0].guide is not None
    assert second.trials[0].guide.steps == ('click button "Alpha"', 'click button "Omega"')


def test_a_page_that_is_as_at_the_beginning_when_all_is_over_does_not_undo_the_way(tmp_path: Path) -> None:
    class Chest(Sheet):
        open = False

        def things(self) -> list[Element]:
            return [Element("", "button", "Send"), Element("", "button", "Chest"), *([Element("", "text", "gold")] if self.open else [])]

        def press(self, name: str) -> None:
            right, self.open = self.open, name == "Chest"
            if name == "Send":
                self.done, self.reward = True, 1.0 if right else -1.0

    world = lambda: Chest("Send what is inside.", [], lambda s: False)  # noqa: E731
    control, second = passes(tmp_path, [world], world)
    assert (control.steps, second.steps) == (3, 2), "without recall it sends too early once"


class Calendar(Sheet):
    """Months that are turned by links; a day is kept by a press on it."""

    month, kept = 12, ""

    def things(self) -> list[Element]:
        names = {12: "December", 11: "November", 10: "October", 9: "September", 8: "August"}
        days = [Element("", "link", str(n)) for n in range(1, 31)]
        head = [
            Element("", "link", "Later"),
            Element("", "link", "Earlier"),
            Element("", "text", names[self.month]),
            Element("", "text", "2031"),
        ]
        return [Element("", "text", f"kept: {self.kept}"), *head, *days, Element("", "button", "Send")]

    def press(self, name: str) -> None:
        if name.isdigit():
            self.kept = f"{self.month:02d}/{int(name):02d}/2031"
        self.month = max(8, min(12, self.month + {"Earlier": -1, "Later": 1}.get(name, 0)))
        super().press(name)


def test_a_calendar_is_turned_until_the_day_is_there_and_turning_it_is_one_step_of_the_workflow(tmp_path: Path) -> None:
    days = ("09/05/2031", "12/24/2031", "10/13/2031")
    worlds = [lambda d=d: Calendar(f"Book {d} and send it.", [], lambda s, d=d: s.kept == d) for d in days]  # type: ignore[attr-defined]
    control, second = passes(tmp_path, worlds[:2], worlds[2])
    assert second.success and second.steps == 4 < control.steps, "two months back, the day, sent"
    assert second.trials[0].guide is not None and 'each: click link "Earlier"' in second.trials[0].guide.steps


def test_ways_to_fill_several_fields_are_gone_through_without_doing_one_twice() -> None:
    right = {"One": "RIGHT", "Two": "left"}
    found = explore(
        lambda: Sheet('Put "left" and "right" in, and send it.', list(right), lambda s: s.held == right), nothing, Bounds(60, 10)
    )
    ends = [tuple(c.text for c in t.done) for t in found.trials if t.ended]
    assert found.success and len({frozenset(way) for way in ends}) == len(ends)


def test_one_of_several_like_things_is_told_by_what_the_task_says_of_it() -> None:
    rows = [e for who in ("Mia", "Ned", "Oda") for e in (Element("", "text", who), Element("", "button", "Ring"))]
    page = Page("k", "t", tuple(Element(str(i), e.kind, e.text) for i, e in enumerate(rows)))
    named = [c.text for c in choices("Ring Ned up.", page) if c.rank == NAMED]
    assert named == ['click button "Ring" by "Ned"'], "and of the others none"
    boxes = Page("k", "t", tuple(Element(str(i), "input", "") for i in range(3)))
    typed = [c.text for c in choices('Enter "7" into the 2nd box.', boxes) if c.rank >= HINTED and c.value == "7"]
    assert typed == ['type "7" into the "2nd" input']


def test_a_step_that_is_done_as_often_as_it_takes_stays_where_one_run_had_no_need_of_it() -> None:
    turned = workflows.abstracted("Book 1/2/2031.", ['click link "Earlier"', 'click link "Earlier"', 'click day of "1/2/2031"'])
    at_once = workflows.abstracted("Book 3/4/2031.", ['click day of "3/4/2031"'])
    both = workflows.common(turned, at_once)
    assert both is not None and both.steps == ('each: click link "Earlier"', 'click day of "{book}"')


def test_only_the_workflow_that_is_followed_is_shown(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        for number, (task, name) in enumerate((("Send the note to Ada.", "Ada"), ("Send the red note to Bo.", "Bo"))):
            world = lambda t=task, n=name: Sheet(t, ["To"], lambda s: s.held["To"] == n)  # noqa: E731
            remember(memory, explore(world, nothing, BOUNDS), f"first/{number}")
        memory.catch_up()
        task = "Send the note to Cyd."
        guides = recalled(memory, task)
        second = explore(lambda: Sheet(task, ["To"], lambda s: s.held["To"] == "Cyd"), lambda u: guides, BOUNDS)
        assert second.trials[0].guide is not None and second.trials[0].told == len(task) + len(second.trials[0].guide.text)
