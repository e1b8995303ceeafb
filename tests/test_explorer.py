"""What the explorer tries on pages made here, and that what it found after many tries is done at once when it is recalled."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from clew import Clew
from clew.operators.experience import workflows
from clew.recipe import load
from clew.tasks.graph import Action, Element, Page
from clew.tasks.learning import reading
from clew.tasks.learning.choices import HINTED, NAMED, choices
from clew.tasks.learning.explorer import Bounds, Episode, Guide, explore
from clew.tasks.learning.guides import remaining
from clew.tasks.learning.memory import filled, known, nothing, recalled, remember

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


def test_only_the_workflow_that_is_followed_is_shown_and_of_it_what_is_left(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        for number, (task, name) in enumerate((("Send the note to Ada.", "Ada"), ("Send the red note to Bo.", "Bo"))):
            world = lambda t=task, n=name: Sheet(t, ["To"], lambda s: s.held["To"] == n)  # noqa: E731
            remember(memory, explore(world, nothing, BOUNDS), f"first/{number}")
        memory.catch_up()
        task = "Send the note to Cyd."
        guides = recalled(memory, task)
        second = explore(lambda: Sheet(task, ["To"], lambda s: s.held["To"] == "Cyd"), lambda u: guides, BOUNDS)
        first = second.trials[0]
        assert first.guide is not None and first.followed == second.steps == len(first.guide.steps) == 2
        assert all("{" in line and "Cyd" not in line for _, line in first.guide.lines), "as the workflow has them: the task says the rest"
        left = [sum(len(line) + 1 for _, line in first.guide.lines[n:]) for n in range(2)]
        assert first.shown == sum(left) + 2 * (len(task) + len("To\nSend")), "the task, the page, and of the steps those that are not done"


def test_a_line_that_stands_for_several_steps_is_shown_once() -> None:
    lines = ((0, 'click box "{of}"'), (0, 'click box "{of}"'), (1, 'click button "Go"'), (2, 'click button "Go"'))
    guide = Guide("g", ('click box "a"', 'click box "b"', 'click button "Go"', 'click button "Go"'), lines=lines)
    assert [len(remaining(guide, place)) for place in range(5)] == [3, 3, 2, 1, 0], "the same twice in a row is two lines"
    assert remaining(Guide("g", guide.steps), 3) == ['click button "Go"']


class Pick(Sheet):
    """A list of which one is chosen already."""

    def __init__(self, name: str, chosen: str) -> None:
        super().__init__(f"Select {name} from the list and press Send.", [], lambda s: self.chosen == name)
        self.chosen = chosen

    def things(self) -> list[Element]:
        names = ("Ann", "Bob", "Cleo", "Dan", "Eve", "Fay")
        return [Element("", "select", "List"), *[Element("", "option", n, checked=n == self.chosen) for n in names], *super().things()]

    def act(self, action: Action) -> str:
        if action.kind == "select":
            self.chosen = self.observe().elements[int(action.element)].text
            return ""
        return super().act(action)


def test_of_several_ways_that_one_is_followed_first_which_has_a_use_for_what_the_task_names(tmp_path: Path) -> None:
    worlds = [lambda n=n, c=c: Pick(n, c) for n, c in (("Ann", "Ann"), ("Bob", "Bob"), ("Cleo", "Cleo"), ("Dan", "Ann"))]
    control, second = passes(tmp_path, worlds, lambda: Pick("Eve", "Bob"))
    assert (control.steps, second.steps, len(second.trials)) == (2, 2, 1), "that it need not be chosen where it is was no help here"
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        at_once = explore(lambda: Pick("Fay", "Fay"), lambda u: recalled(memory, u), BOUNDS)
    assert at_once.steps == 1, "and where it is chosen already, the way that begins with choosing cannot be begun"


class Notes(Sheet):
    """Notes of several people, each with a lamp to light, which then says so."""

    def __init__(self, who: str, by: Sequence[str]) -> None:
        self.by, self.lit = by, [False] * len(by)
        super().__init__(f"Press Lamp beside every note by {who} and then press Send.", [], lambda s: False)
        self.right = lambda s: self.lit == [name == who for name in by]

    def things(self) -> list[Element]:
        rows = [
            (Element("", "text", n), Element("", "button", "Lamp active" if on else "Lamp"))
            for n, on in zip(self.by, self.lit, strict=True)
        ]
        return [*[e for row in rows for e in row], *super().things()]

    def act(self, action: Action) -> str:
        at = int(action.element)
        if at < 2 * len(self.by):
            self.lit[at // 2] = bool(at % 2) or self.lit[at // 2]
            return ""
        return super().act(action)


def test_what_was_done_to_each_of_several_is_done_to_all_or_to_as_many_as_the_task_says(tmp_path: Path) -> None:
    worlds = [lambda: Notes("@mia", ("@mia", "@ned", "@mia")), lambda: Notes("@oda", ("@oda", "@oda", "@ned"))]
    control, second = passes(tmp_path, worlds, lambda: Notes("@ned", ("@ned", "@mia", "@ned", "@ned", "@oda")))
    assert control.success and second.success and second.steps == 4 and len(second.trials) == 1
    flow = workflows.Workflow("Press {press} beside * notes by {by}.", ('each: click button "{press}" by "{by}"',))
    assert filled(flow, "Press Lamp beside 3 notes by @mia.") == ('click button "Lamp" by "@mia"',) * 3


class Cards(Sheet):
    """Cards that are turned over one after another; a link beside what is asked for ends it."""

    names, at = ("Ada", "Bo", "Cyd", "Dee", "Eli"), 0

    def __init__(self, name: str) -> None:
        super().__init__(f"Find {name} and open the mail address.", [], lambda s: self.names[self.at] == name)

    def things(self) -> list[Element]:
        name = self.names[self.at]
        rows = [Element("", "text", name), Element("", "text", "Mail"), Element("", "link", f"{name}@x.org"), Element("", "link", ">")]
        return [Element(e.id, e.kind, e.text, box=(0, 0, 9, 9)) for e in rows]

    def observe(self) -> Page:
        things = [Element(str(i), e.kind, e.text, box=e.box) for i, e in enumerate(self.things())]
        return Page("cards", "Cards", tuple(things), "\n".join(e.text for e in things))

    def press(self, name: str) -> None:
        if name == ">":
            self.at = min(self.at + 1, len(self.names) - 1)
        else:
            self.done, self.reward = True, 1.0 if self.right(self) else -1.0


def test_what_stood_there_before_the_last_step_is_waited_for(tmp_path: Path) -> None:
    control, second = passes(tmp_path, [lambda: Cards("Cyd"), lambda: Cards("Bo"), lambda: Cards("Ada")], lambda: Cards("Dee"))
    assert second.success and second.steps == 4 < control.steps and len(second.trials) == 1
    assert second.trials[0].guide is not None and second.trials[0].guide.steps[-1].endswith('once "Dee" is there')


def test_a_menu_is_pointed_at_where_a_press_on_it_is_the_end(tmp_path: Path) -> None:
    class Menus(Sheet):
        open = ""

        def things(self) -> list[Element]:
            tops = [Element("", "button", n, value="menu open" if n == self.open else "menu") for n in ("Fruit", "Wood")]
            return [*tops, *[Element("", "button", n) for n in {"Fruit": ("fig", "plum"), "Wood": ("oak", "elm")}.get(self.open, ())]]

        def act(self, action: Action) -> str:
            name = self.observe().elements[int(action.element)].text
            if action.kind == "hover":
                self.open = name
            else:
                self.done, self.reward = True, 1.0 if self.utterance.endswith(f"{name}.") else -1.0
            return ""

    worlds = [lambda p=p: Menus(f"Pick {p}.", [], lambda s: False) for p in ("Fruit > fig", "Wood > elm")]
    control, second = passes(tmp_path, worlds, lambda: Menus("Pick Wood > oak.", [], lambda s: False))
    assert control.success and (control.steps, second.steps) == (3, 2)


def test_what_was_typed_in_vain_is_typed_again_when_what_came_between_is_gone() -> None:
    class Asked(Sheet):
        asks = 0

        def things(self) -> list[Element]:
            more = [Element("", "button", "Leave"), Element("", "button", "Stay")] if self.asks == 1 else []
            return [*super().things()[:-1], *more, *([] if more else [Element("", "button", "Send")])]

        def act(self, action: Action) -> str:
            self.asks += action.kind == "type" and self.asks < 2 and bool(self.held["One"])
            return "" if action.kind == "type" and self.asks == 1 else super().act(action)

        def press(self, name: str) -> None:
            self.asks += name == "Stay"
            self.done = self.done or name == "Leave"
            super().press(name)

    right = {"One": "ada", "Two": "bo"}
    found = explore(
        lambda: Asked('Put "ada" in One and "bo" in Two and press Send.', ["One", "Two"], lambda s: s.held == right), nothing, BOUNDS
    )
    assert found.success and [c.text for c in found.trials[-1].done].count('type "bo" into input "Two"') == 2


def test_what_single_acts_brought_to_light_is_known_the_next_time_even_of_episodes_that_failed(tmp_path: Path) -> None:
    class Shelves(Sheet):
        """Drawers, one open at a time; the fourth holds what is asked for."""

        open = ""

        def things(self) -> list[Element]:
            names = ("Alder", "Birch", "Cedar", "Dogwood", "Elm")
            return [
                *[Element("", "button", n) for n in names],
                *([Element("", "button", self.held["wish"])] if self.open == "Dogwood" else []),
            ]

        def press(self, name: str) -> None:
            self.open = name if name != self.held["wish"] else self.open
            self.done = name == self.held["wish"]
            self.reward = float(self.done)

    def shelves(wish: str) -> Shelves:
        world = Shelves(f'Find the "{wish}" in a drawer.', ["wish"], lambda s: False)
        world.held["wish"] = wish
        return world

    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        for number, wish in enumerate(("red thread", "spare key")):
            remember(memory, explore(lambda w=wish: shelves(w), nothing, Bounds(4 + number, 10)), f"first/{number}")
        memory.catch_up()
        task = 'Find the "old coin" in a drawer.'
        noted = known(memory, task)
        assert noted['click button "Dogwood"'] >= 1 and noted['click button "Alder"'] == 0
        assert not known(memory, "Water the plants on the balcony."), "nothing is known of another task"
        control = explore(lambda: shelves("old coin"), nothing, BOUNDS)
        second = explore(lambda: shelves("old coin"), nothing, BOUNDS, lambda u: noted)
        assert (control.steps, second.steps) == (5, 2)
        assert second.trials[0].shown > 2 * len(task), "what is looked up is counted"


class Finder(Sheet):
    """A field that offers what begins with what was typed, three at a time; what is pressed then stands in the field."""

    names = ("Belmont", "Belfort", "Belgrove", "Belport", "Lakeport")

    def __init__(self, task: str, right: str, most: int = 9, longest: int = 9) -> None:
        super().__init__(task, ["Town"], lambda s: s.held["Town"] == right)
        self.most, self.longest = most, longest

    def things(self) -> list[Element]:
        typed = self.held["Town"]
        fit = [n for n in self.names if n.startswith(typed) and n != typed and len(typed) <= self.longest] if typed else []
        return [*super().things(), *[Element("", "button", n) for n in fit[: self.most]]]

    def press(self, name: str) -> None:
        if name in self.names:
            self.held["Town"] = name
        super().press(name)


@pytest.mark.parametrize(
    ("task", "right", "longest", "steps"),
    [
        ('Choose a town that starts with "Bel" and ends with "port", then press Send.', "Belport", 9, 3),
        ('Press Send when you have chosen a town beginning with "Bel" and ending with "port".', "Belport", 9, 4),
        ('Choose the town that ends with "grove" and begins with "Bel", then press Send.', "Belgrove", 9, 3),
        ('Choose the town that starts with "Bel" and contains "gro", then press Send.', "Belgrove", 9, 3),
        ('Choose the town that starts with "Bel" and contains "gro", then press Send.', "Belgrove", 2, 4),
    ],
)
def test_of_what_is_offered_that_is_pressed_which_has_every_part_that_the_task_tells(
    task: str, right: str, longest: int, steps: int
) -> None:
    found = explore(lambda: Finder(task, right, longest=longest), nothing, BOUNDS)
    assert found.success and [c.text for c in found.trials[-1].done][-2:] == [f'click button "{right}"', 'click button "Send"']
    assert found.steps == steps


def test_of_what_an_open_step_fits_that_is_done_which_the_task_names_most_and_of_like_things_one_that_did_not_fail() -> None:
    class Letter(Sheet):
        def things(self) -> list[Element]:
            return [Element("", "button", n) for n in ("close answer", "send answer")]

        def press(self, name: str) -> None:
            self.done, self.reward = True, 1.0 if name == "send answer" else -1.0

    noted = {'click button "close answer"': 20.0, 'click button "send answer"': 0.0}
    guides = [Guide("g", ('click button "*answer*"',))]
    told = explore(lambda: Letter("Finish the answer to Ada.", [], lambda s: False), lambda u: guides, BOUNDS, lambda u: noted)
    assert told.steps == 1 and told.trials[0].done[0].text == 'click button "send answer"'

    class Letters(Sheet):
        def things(self) -> list[Element]:
            return [Element("", "button", "Ada"), Element("", "button", "Ada")]

        def act(self, action: Action) -> str:
            self.done, self.reward = True, 1.0 if action.element == "1" else -1.0
            return ""

    guides = [Guide("g", ('click button "Ada"', 'click button "*"'))]
    found = explore(lambda: Letters("Read what Ada wrote.", [], lambda s: False), lambda u: guides, BOUNDS)
    assert found.success and found.steps == 2


def test_a_way_whose_first_step_brings_nothing_for_its_next_is_left_at_once() -> None:
    guides = [Guide("g", ('type "Ada" into input "To"', 'click button "* file"', 'click button "Send"'))]
    found = explore(lambda: Sheet("Send Ada a card.", ["To", "What"], lambda s: s.held["What"] == "Ada"), lambda u: guides, BOUNDS)
    assert found.success and [t.guide is not None for t in found.trials] == [True] + [False] * (len(found.trials) - 1)


def test_no_step_is_passed_over_where_the_last_act_brought_to_light_what_the_task_names() -> None:
    task = 'Choose the town that starts with "Bel" and ends with "grove".'
    guides = [Guide("g", ('type "Bel" into input "Town"', 'click button "Lakeport"', 'click button "Send"'))]
    found = explore(lambda: Finder(task, "Belgrove"), lambda u: guides, BOUNDS)
    assert found.success and [c.text for c in found.trials[0].done][1:] == ['click button "Belgrove"', 'click button "Send"']
    assert found.steps == 3


class Dyer(Sheet):
    """A workshop with an order card: only who has read it knows which cloth is wanted, and whether it goes into the vat or the tub."""

    def __init__(self, cloth: str, work: str, vessel: str, is_done: bool = False) -> None:
        super().__init__("Please do what the order asks for.", [], lambda s: False)
        self.cloth, self.work, self.vessel, self.is_done = cloth, work, vessel, is_done
        self.taken, self.told = list[str](), "This is a workshop."
        self.reward = 0.0

    def observe(self) -> Page:
        said = ["read card", "look"]
        for name in ("blue wool", "grey linen", "red silk", "white felt"):
            there = [f"dip {name} in tub", f"dip {name} in vat", f"wear {name}"] if name in self.taken else [f"take {name} from shelf"]
            said += there
        said += ["hand over order"] if self.cloth in self.taken and self.is_done else []
        state = f"{DONE[self.work]} " if self.is_done else ""
        return Page(
            "w", "W", tuple(Element(str(i), "command", c) for i, c in enumerate(sorted(said))), f"{self.told}\nA {state}{self.cloth}."
        )

    def act(self, action: Action) -> str:
        said = self.observe().elements[int(action.element)].text
        self.told = f"You {said}."
        if said == "read card":
            self.told = f"A card.\n\nCloths:\n{self.cloth}\n\nWork:\n{self.work} the {self.cloth}\n  hand over order"
        elif said.startswith("take"):
            self.taken.append(said.removeprefix("take ").removesuffix(" from shelf"))
        elif said == f"dip {self.cloth} in {self.vessel}" and not self.is_done:
            self.is_done = True
        elif said == "hand over order" or said.startswith("wear") or (self.cloth in said and said.startswith("dip")):
            self.done = True
        parts = self.cloth in self.taken, self.cloth in self.taken and self.is_done, said == "hand over order"
        self.reward = sum(parts) / 3
        return ""


DONE = {"dye": "dyed", "rinse": "rinsed", "try": "tried"}


def learned(place: Path) -> Clew:
    """What was kept of two orders, one of each kind of work."""
    memory = Clew(place / "c.db", recipes=[load("awm")])
    for number, world in enumerate((lambda: Dyer("grey linen", "dye", "vat"), lambda: Dyer("red silk", "rinse", "tub"))):
        first = explore(world, nothing, Bounds(100, 100))
        assert first.success
        remember(memory, first, f"first/{number}")
    memory.catch_up()
    return memory


@pytest.mark.parametrize(
    ("world", "acts"),
    [
        (lambda: Dyer("white felt", "dye", "vat"), ["read card", "take white felt from shelf", "dip white felt in vat", "hand over order"]),
        (lambda: Dyer("blue wool", "rinse", "tub"), ["read card", "take blue wool from shelf", "dip blue wool in tub", "hand over order"]),
        (lambda: Dyer("blue wool", "rinse", "tub", True), ["read card", "take blue wool from shelf", "hand over order"]),
    ],
)
def test_what_is_read_decides_what_is_done_where_tasks_of_one_wording_want_different_things(
    tmp_path: Path, world: Callable[[], Dyer], acts: list[str]
) -> None:
    control = explore(world, nothing, Bounds(100, 100))
    with learned(tmp_path) as memory:
        second = explore(world, lambda u: recalled(memory, u), Bounds(100, 100), lambda u: known(memory, u))
    assert [c.text for c in second.trials[0].done] == acts and second.success, "also that it need not be done where it is so already"
    assert second.steps < control.steps


def test_what_answered_a_line_elsewhere_and_fails_here_is_left_and_the_rest_of_the_text_still_counts(tmp_path: Path) -> None:
    with learned(tmp_path) as memory:
        found = explore(lambda: Dyer("white felt", "dye", "tub"), lambda u: recalled(memory, u), Bounds(100, 100))
    assert found.success and len(found.trials) >= 2 and found.trials[0].done[-1].text == "dip white felt in vat"
    assert found.trials[1].done[0].text == "take white felt from shelf", "nothing has to be read twice"
    assert not any(c.text == "dip white felt in vat" for t in found.trials[1:] for c in t.done)


def test_a_text_of_which_nothing_was_borne_out_is_not_followed(tmp_path: Path) -> None:
    with Clew(tmp_path / "c.db", recipes=[load("awm")]) as memory:
        found = explore(lambda: Dyer("white felt", "dye", "vat"), lambda u: recalled(memory, u), Bounds(100, 100))
        control = explore(lambda: Dyer("white felt", "dye", "vat"), nothing, Bounds(100, 100))
    assert not found.asked.parts and [c.text for t in found.trials for c in t.done] == [c.text for t in control.trials for c in t.done]


def test_a_rewarded_act_belongs_to_the_way_though_the_same_can_be_done_as_before() -> None:
    class Bell(Sheet):
        rung = 0

        def things(self) -> list[Element]:
            return [Element("", "button", name) for name in ("Door", "Bell")]

        def press(self, name: str) -> None:
            self.rung = min(1, self.rung + (name == "Bell"))
            self.done = name == "Door"
            self.reward = 1.0 if self.rung and self.done else self.rung / 2

    found = explore(lambda: Bell("Come in here.", [], lambda s: False), nothing, BOUNDS)
    last = found.trials[-1]
    kept = [c.text for c, useful in zip(last.done, last.useful(), strict=True) if useful]
    assert found.success and kept == ['click button "Bell"', 'click button "Door"']


def test_a_line_goes_with_its_heading_and_is_answered_by_what_was_rewarded_and_not_by_what_was_so_before() -> None:
    before, after = "A hall.\nYou have nothing.", "Wanted:\nbig fig\n\nHow:\nfry the big fig\nYou have nothing."
    assert reading.lines(before, after) == ["Wanted > big fig", "How > fry the big fig"]
    for text, so in (
        ("a fried big fig", True),
        ("a fried raw big fig", True),
        ("a fried fig, a big fig", False),
        ("fry the big fig", False),
    ):
        assert reading.holds("How > fry the big fig", text) is so, text
    assert reading.holds("Do > chop the leek", "one chopped leek") and not reading.holds("leek", "a chopped leek")
    world = Dyer("red silk", "dye", "vat")
    found = reading.answers(world.utterance, explore(lambda: Dyer("red silk", "dye", "vat"), nothing, Bounds(100, 100)).trials)
    assert {a.line: a.acts[-1] for a in found} == {
        "Cloths > red silk": "take red silk from shelf",
        "Work > dye the red silk": "dip red silk in vat",
        "Work > hand over order": "hand over order",
    }
    assert {a.shown for a in found} == {"read card"}
