"""What can be done on a page, in words, and how far each of it is what the task asks for. No model, no code for any task.

Everything is read off the task's words and the page's elements: an element is wanted where its words stand in the task, the
earlier the sooner; what is typed are the values in the task, plain and then in other forms, and last what else stands on the page.
The words of a choice say how it came about (`type "ada" in capitals into input "Name"`, `type what stands beside "Year" ...`,
`click button "Like" by "@ana"`, `click day of "04/08/2016"`), so that whoever learns from them learns that.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise
from zlib import crc32

from clew.operators.experience.workflows import STOP, words
from clew.tasks.graph import Action, Element, Page
from clew.tasks.learning import places
from clew.tasks.learning.values import Date, Part, dates, forms, parts, pauses, values

NAMED, HINTED, OTHER, IDLE = 3, 2, 1, 0  # all its words stand in the task; some; none; and what is rarely acted on at all
FIELDS = frozenset({"input"})
CLICKED = frozenset({"button", "link", "checkbox", "radio", "image", "shape", "command"})
LEAVING = frozenset({"close", "cancel", "back", "dismiss", "undo", "reset", "clear", "x", "×"})  # what undoes or leaves, on any page
LATE = 0.96875  # the same for what is not the value itself but stands beside it on the page
AWAY = 4  # words between a value and the name of its field, at most
OFFERED = -0.5  # place of what is offered for what was typed: before all that the task names
READ_ONLY = "(read only)"  # in the value of a field that is set in another way than by typing
MENU, OPEN = "menu", "open"  # values of what opens a menu of its own, and of what is open already; of such a menu both
STEM = 5  # letters by which words of one root are known: directed, director
FAR = 0.9375  # how far a value is from the name of its field, as a part of 1, where the task has no such name before it
TYPED = 12  # values of one sort that are tried in a field


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be done now."""

    text: str  # in words, as it is recorded: click button "Submit"; type "ada" into input "user"; take key
    action: Action
    key: tuple[str, int]  # its words, and which of those that have the same words it is; of a command also in which room
    rank: int = OTHER  # how far the task asks for it
    place: float = 0.0  # where in the task, or on the page; what comes first is done first
    toggles: bool = False  # doing it again would undo it
    value: str = ""  # what it types, before that was put into another form
    sure: bool = False  # whether the name of what it sets stands by it in the task
    group: str = ""  # what it sets, of which it is one way among others: a field, a list


@dataclass(frozen=True, slots=True)
class Offer:
    """What may be typed."""

    value: str
    said: str  # in words: "ada"; "ada" in capitals; what stands beside "Name"
    rank: int
    base: str  # the value of which it is a form
    name: str = ""  # beside which it stands on the page


@dataclass(frozen=True)
class Sight:
    """A page as one looks at it who has a task."""

    task: str
    page: Page
    more: tuple[str, ...] = ()  # further values to type

    @cached_property
    def told(self) -> list[str]:
        """The task's words."""
        return words(self.task)

    @cached_property
    def quoted(self) -> list[str]:
        """What may begin or end something to choose."""
        return [v.lower() for v in values(self.task) if len(v) > 1] if '"' in self.task else []

    @cached_property
    def parts(self) -> list[Part]:
        """What the task says of the beginning, the end or the middle of something to choose."""
        return parts(self.task)

    @cached_property
    def later(self) -> set[str]:
        """Parts that are typed when its beginning, which the task tells too, was no help."""
        return {p.value for p in self.parts if p.where != "start"} if any(p.where == "start" for p in self.parts) else set()

    def whole(self, text: str) -> bool:
        """Whether a text has every part that the task tells."""
        return bool(self.parts) and all(p.of(text) for p in self.parts)

    @cached_property
    def asked(self) -> str:
        """What the one field there is holds of a part that the task tells: something may be offered for it; "" where it holds none."""
        held = [e.value for e in self.page.elements if e.kind in FIELDS]
        return held[0] if len(held) == 1 and held[0] and any(p.value.lower().startswith(held[0].lower()) for p in self.parts) else ""

    @cached_property
    def lists(self) -> bool:
        """Whether something to press has every part that the task tells."""
        return any(e.kind in CLICKED and self.whole(e.text) for e in self.page.elements)

    @cached_property
    def offers(self) -> list[Offer]:
        """What may be typed, if there is a field: values of the task, their forms, other words of it, what the page shows."""
        if not any(e.kind in FIELDS for e in self.page.elements):
            return []
        typed = list(dict.fromkeys([*values(self.task), *self.more]))
        found = [Offer(v, _quote(v), NAMED, v) for v in typed]
        found += [Offer(what, f"{_quote(v)} {how}", HINTED, v) for v in typed for how, what in forms(v)]
        return [*found, *self._shown(typed), *self._plain(typed)]

    @cached_property
    def called(self) -> set[str]:
        """What fields are called."""
        return {e.text.strip(" :").lower() for e in self.page.elements if e.kind in FIELDS}

    def _shown(self, typed: Sequence[str]) -> list[Offer]:
        near = places.beside(self.page)
        texts = [e.text for e in self.page.elements if e.kind == "text" and 0 < len(e.text.split()) <= places.SHORT]
        shown = [t for t in dict.fromkeys(texts) if t not in typed and t.strip(" :").lower() not in self.called]
        found = list[Offer]()
        for text in shown[:TYPED]:
            name = near.get(text, "").strip(" :")
            said = f"what stands beside {_quote(name)}" if name and len(name.split()) <= places.SHORT else _quote(text)
            found.append(Offer(text, said, OTHER, text, name))
        return found

    def _plain(self, typed: Sequence[str]) -> list[Offer]:
        """Words of the task that the page does not show."""
        known = {w for v in typed for w in words(v)} | {w for e in self.page.elements for w in words(e.text)}
        plain = [w for w in dict.fromkeys(self.told) if w.isalnum() and len(w) > 2 and w not in STOP and w not in known]
        return [Offer(w, _quote(w), OTHER if self.quoted else HINTED, w) for w in plain[:TYPED]]

    @cached_property
    def twins(self) -> dict[str, places.Spot]:
        """Things that share their words."""
        return places.twins(self.page, self.told)

    @cached_property
    def ordered(self) -> dict[str, str]:
        """Things that are meant by their order."""
        return places.ordered(self.page, self.told)

    @cached_property
    def named(self) -> dict[str, str]:
        """Things to click on that stand right after a short text, with that."""
        both = pairwise(self.page.elements)
        near = [(a, b) for a, b in both if a.kind == "text" and b.kind in CLICKED and len(a.text.split()) <= places.SHORT]
        return {after.id: before.text.strip(" :") for before, after in near if places.level(before, after)}

    @cached_property
    def month(self) -> places.Turn | None:
        """What a calendar shows."""
        return places.month(self.page)

    @cached_property
    def days(self) -> list[Date]:
        """What a calendar is wanted for."""
        return dates(self.task)

    @cached_property
    def choices(self) -> list[Choice]:
        """Everything that may be done, in the page's order."""
        found, seen, group = list[Choice](), dict[str, int](), ""
        for at, element in enumerate(self.page.elements):
            group = element.id if element.kind == "select" else group
            if element.checked is True and element.kind in ("option", "radio"):
                continue
            for text, action, rank, place, base, sets in _of(element, at, self, group):
                number = seen[text] = seen.get(text, crc32(self.page.title.encode()) if element.kind == "command" else 0) + 1
                found.append(
                    Choice(
                        text,
                        action,
                        (text, number),
                        rank,
                        place,
                        element.checked is True,
                        base,
                        bool(base) and place % 1 not in (0.0, FAR, LATE),
                        sets,
                    )
                )
        if all(e.kind != "command" for e in self.page.elements):
            for span in pauses(self.task):
                text = f'wait "{span}" seconds'
                found.append(Choice(text, Action("wait", text=span), (text, 1), NAMED, float(self.told.index(span))))
        return found

    def missing(self, done: Iterable[Choice]) -> bool:
        """Whether the task names something that is neither in sight nor was used."""
        there = "\n".join([self.page.text, *(f"{e.text}\n{e.value}" for e in self.page.elements), *(f"{c.text}\n{c.value}" for c in done)])
        return any(value.lower() not in there.lower() for value in values(self.task))

    @property
    def gap(self) -> int:
        """Months from what a calendar shows to what the task names; -1 without either."""
        return places.gap(self.month, self.days)


Told = tuple[str, Action, int, float, str, str]  # words, act, rank, place, base value, what it sets


def choices(task: str, page: Page, more: Iterable[str] = ()) -> list[Choice]:
    """Everything that may be done on a page for a task, in the page's order; `more` are further values to type."""
    return Sight(task, page, tuple(more)).choices


def _of(element: Element, at: int, sight: Sight, group: str) -> list[Told]:
    kind, label = element.kind, element.text.replace('"', "'")
    rank, place = wanted(element.text, sight.told)
    late = len(sight.told) + at / 1000
    where = place if rank > OTHER else late
    click = Action("click", element.id)
    if kind in FIELDS:
        return _fillings(element, late, sight)
    if kind == "option":
        return [(f'select option "{label}"', Action("select", element.id), rank, where, "", group)]
    if kind == "command":
        return [(element.text, click, rank, where, "", "")]
    if sight.month and places.dated(element):
        day = places.cell(element, sight.month, sight.days)
        if day is not None:
            return [(f'click day of "{day.text}"', click, NAMED, float(sight.told.index(day.text)), "", "")]
        return [(f'click {kind} "{label}"', click, OTHER if kind in CLICKED else IDLE, late, "", "")]
    if kind in CLICKED:
        text, act, level, spot, base, sets = _pressed(element, rank, where, sight)
        if element.value == f"{MENU} {OPEN}" or (element.value == OPEN and level == OTHER):
            level = IDLE
        if element.value != MENU:
            return [(text, act, level, spot, base, sets)]
        point = (f'point at {kind} "{label}"', Action("hover", element.id), level if level > OTHER else IDLE, spot + 0.25, "", "")
        return [(text, act, level, spot, base, sets), point]
    if kind == "text" and element.text:
        named = rank == NAMED and element.text.strip(" :").lower() not in sight.called
        return [(f'click text "{label[:60]}"', click, HINTED if named else IDLE, where, "", "")]
    return []


def _pressed(element: Element, rank: int, where: float, sight: Sight) -> Told:
    """A thing to click on: by its words; among several of the same words, by what it stands by or by its order."""
    click, label = Action("click", element.id), element.text.replace('"', "'")
    if element.id in sight.ordered:
        if word := sight.ordered[element.id]:
            return f'click the "{word}" {element.kind}', click, NAMED, float(sight.told.index(word)), "", ""
        return f'click {element.kind} "{label}"', click, IDLE, where, "", ""
    if spot := sight.twins.get(element.id):
        said = f'click {element.kind} "{label}"{spot.words}'
        return said, click, rank if spot.words else min(rank, OTHER), where, "", ""
    if rank < NAMED and sight.whole(element.text):
        return f'click {element.kind} "{label}"', click, NAMED, OFFERED if sight.asked else where, "", ""
    if rank < NAMED and sight.asked and any(p.of(element.text) for p in sight.parts):
        return f'click {element.kind} "{label}"', click, OTHER, where, "", ""
    ends = [
        q for q in sight.quoted if element.text.lower() != q and (element.text.lower().startswith(q) or element.text.lower().endswith(q))
    ]
    if ends and rank < NAMED:
        first = words(ends[-1])[0]
        spot = float(sight.told.index(first)) if first in sight.told else where
        return f'click {element.kind} "{label}"', click, NAMED if len(ends) > 1 else HINTED, spot, "", ""
    name = sight.named.get(element.id, "")
    if name and rank < NAMED and wanted(name, sight.told)[0] == NAMED:
        return f"click {element.kind} beside {_quote(name)}", click, HINTED, wanted(name, sight.told)[1], "", ""
    if rank == HINTED and LEAVING & set(words(element.text)):
        return f'click {element.kind} "{label}"', click, OTHER, len(sight.told) + 1.0, "", ""
    return f'click {element.kind} "{label}"', click, rank, where, "", ""


def _fillings(element: Element, late: float, sight: Sight) -> list[Told]:
    """A field's choices: to type what is offered, the sooner the nearer its label stands before it in the task; and to click on it."""
    label, told, word = element.text.replace('"', "'"), sight.told, sight.ordered.get(element.id)
    called = f'the "{word}" {element.kind}' if word else f'{element.kind} "{label}"'
    rank = HINTED if wanted(element.text, told)[0] == NAMED and READ_ONLY in element.value else IDLE  # typing into it clicks on it anyway
    found = [(f"click {called}", Action("click", element.id), rank, late, "", "")]
    if len(sight.asked) > 1 and not sight.lists and not sight.whole(sight.asked):
        text = f"type all but the last letter of {_quote(sight.asked)} into {called}"
        found.append((text, Action("type", element.id, sight.asked[:-1]), NAMED, OFFERED, "", ""))
    for offer in sight.offers:
        if element.value == offer.value or (set(element.value) == {"*"} and len(element.value) == len(offer.value)):
            continue
        level, (its, spot) = offer.rank, wanted(offer.value, told)
        if (
            offer.rank == OTHER
            and set(words(offer.name)) - STOP
            and (wanted(offer.name, told)[0] == NAMED or _alike(offer.name, element.text))
        ):
            level, its = (
                NAMED,
                OTHER,
            )  # it stands beside its name, and that is asked for; yet what the task says is typed first as it stands
            spot = wanted(offer.name, told)[1] + LATE + len(told) * bool(sight.quoted)
        spot = spot + _before(element.text, spot, told) if its == NAMED else spot if level == NAMED else late
        level = IDLE if element.value or word == "" else level
        spot += len(told) * (level == NAMED and offer.value in sight.later)
        found.append((f"type {offer.said} into {called}", Action("type", element.id, offer.value), level, spot, offer.base, element.id))
    return found


def wanted(text: str, told: Sequence[str]) -> tuple[int, float]:
    """(rank, place in the task) of some words: of all of them together, or of the longest part that says something."""
    mine = [w for w in words(text) if w.isalnum() or len(w) > 1 or w.isdigit()]
    if not mine:
        return OTHER, 0.0
    size = len(mine)
    if size == 1 and mine[0].isdigit():  # a number may stand in a date or a time, and with a nought before it
        parts = [(i, p.lstrip("0")) for i, w in enumerate(told) if not w.isdigit() and w[0].isdigit() for p in re.split(r"\D", w)]
        if spots := [i for i, p in parts if p == mine[0].lstrip("0")]:
            return HINTED, float(spots[0])
    for same in (mine, words(text)):  # with its marks, where the task has some within it
        for i in range(len(told) - len(same) + 1):
            if list(told[i : i + len(same)]) == same:
                return (NAMED if any(w not in STOP for w in mine) else OTHER), float(i)
    block = SequenceMatcher(None, mine, list(told), autojunk=False).find_longest_match()
    said = [w for w in mine[block.a : block.a + block.size] if w not in STOP and len(w) > 1]
    return (HINTED, block.b + 0.5 - len(said) / (4 * size)) if said else (OTHER, 0.0)


def _quote(value: str) -> str:
    return f'"{value.replace(chr(34), chr(39))}"'


def _alike(one: str, other: str) -> bool:
    return one.lower() == other.strip(" :").lower()


def _before(label: str, spot: float, told: Sequence[str]) -> float:
    """How far before a value in the task the label of a field stands, as a part of 1: a field is filled with what follows its name."""
    mine = {w[:STEM] for w in words(label) if w not in STOP and w.isalnum()} or {w for w in words(label) if w.isalpha()}
    gaps = [spot - i for i, w in enumerate(told) if w[:STEM] in mine and 0 < spot - i <= AWAY]
    return FAR if not gaps else min(gaps) / (len(told) + AWAY)
