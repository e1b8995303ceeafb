"""Where things stand on a page: what is beside a name, which of several is meant, which month a calendar shows. No code for any task."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from clew.operators.experience.workflows import STOP, words
from clew.tasks.graph import Element, Page
from clew.tasks.learning.values import MONTHS, Date, counted, ordinal

NOUNS = {  # what tasks call the things of a form
    "input": frozenset(("input", "textbox", "text", "field", "box", "blank", "area")),
    "radio": frozenset(("radio", "circle", "option")),
    "checkbox": frozenset(("checkbox", "check", "box", "tick")),
}
SHORT = 4  # words of a text that may be a name or a value
MARKS = ("active", "selected", "pressed", "checked", "on")  # with which a thing that was pressed may say so, after its words
CELLS = 28  # days that a calendar shows at least
Turn = tuple[int, int]  # a year and a month


@dataclass(frozen=True, slots=True)
class Spot:
    """How one of several things that have the same words is told from the others."""

    words: str  # as it is said in the words of an action
    place: int  # where the task names what it stands by; -1 where the task means another


def beside(page: Page) -> dict[str, str]:
    """Each short text of the page with the one before it, which may be what it is called."""
    texts = [e.text for e in page.elements if e.kind == "text" and e.text]
    return {after: before for before, after in pairwise(texts) if len(after.split()) <= SHORT}


def twins(page: Page, told: Sequence[str]) -> dict[str, Spot]:
    """By id, things that share kind and words with others: by what the task names that stands between them and the last of those."""
    found, same = dict[str, Spot](), dict[tuple[str, str], list[int]]()
    for at, element in enumerate(page.elements):
        if element.kind not in ("text", "option", "scroller", "command", "input", "select"):
            same.setdefault((element.kind, element.text), []).append(at)
    for (kind, text), spots in same.items():
        others = [n for word in MARKS for n in same.get((kind, f"{text} {word}"), [])]
        if len(spots) + len(others) > 1 and (mine := _between(page, sorted((*spots, *others)), told)):
            for at in spots:
                found[page.elements[at].id] = mine.get(at, Spot("", -1))
    return found


def _between(page: Page, spots: Sequence[int], told: Sequence[str]) -> dict[int, Spot]:
    """What the task names that stands before, or else behind, only some of these."""
    for ends in ([-1, *spots], [*spots, len(page.elements)]):
        found, met = dict[int, Spot](), dict[str, int]()
        for at, (start, end) in zip(spots, pairwise(ends), strict=True):
            near = page.elements[start + 1 : end]
            for text in {e.text for e in near if e.kind in ("text", "link") and len(e.text.split()) <= SHORT}:
                if (place := _at(text, told)) >= 0:
                    met[text] = met.get(text, 0) + 1
                    found.setdefault(at, Spot(f' by "{text}"', place))
        kept = {at: spot for at, spot in found.items() if met[spot.words[5:-1]] < len(spots)}
        if kept:
            return kept
    return {}


def _at(text: str, told: Sequence[str]) -> int:
    """Where a task says all these words; -1 where it does not, or where they say nothing."""
    mine = words(text)
    if not any(w not in STOP and len(w) > 1 for w in mine):
        return -1
    return next((i for i in range(len(told) - len(mine) + 1) if list(told[i : i + len(mine)]) == mine), -1)


def ordered(page: Page, told: Sequence[str]) -> dict[str, str]:
    """By id, the things of which the task says which of their kind they are, with its word for it; "" for the others of that kind."""
    found = dict[str, str]()
    for kind, nouns in NOUNS.items():
        mine = [e for e in page.elements if e.kind == kind]
        said = {e.id: ordinal(told, n, nouns) for n, e in enumerate(mine, 1)} if len(mine) > 1 and counted(told, nouns) else {}
        found |= said if any(said.values()) else {}
    return found


def level(one: Element, other: Element) -> bool:
    """Whether two things stand on one line."""
    if one.box is None or other.box is None:
        return False
    middle = other.box[1] + other.box[3] / 2
    return one.box[1] - 2 <= middle <= one.box[1] + one.box[3] + 2


def month(page: Page) -> Turn | None:
    """The month that a calendar on the page shows, if it shows one: its name and its year in words, and a grid of days."""
    if sum(_day(e) > 0 for e in page.elements) < CELLS:
        return None
    said = [w for e in page.elements if e.kind in ("text", "button") and len(e.text.split()) <= SHORT for w in words(e.text)]
    months = [MONTHS.index(w) + 1 for w in said if w in MONTHS]
    years = [int(w) for w in said if w.isdigit() and len(w) == 4]
    return (years[0], months[0]) if months and years else None


def gap(shown: Turn | None, days: Sequence[Date]) -> int:
    """How many months lie between what a calendar shows and the nearest day that a task names; -1 without a calendar or a day."""
    if shown is None or not days:
        return -1
    return min(abs(12 * (shown[0] - d.year) + shown[1] - d.month) for d in days)


def cell(element: Element, shown: Turn | None, days: Sequence[Date]) -> Date | None:
    """The day that the task names and that this is on the calendar."""
    number = _day(element)
    return next((d for d in days if number == d.day and shown == (d.year, d.month)), None)


def dated(element: Element) -> bool:
    """Whether it may be a day of a calendar."""
    return _day(element) > 0


def _day(element: Element) -> int:
    """The day of a month that something to click on shows, or 0."""
    if element.kind in ("link", "button", "text") and element.text.isdigit() and len(element.text) < 3:
        return int(element.text) if int(element.text) <= 31 else 0
    return 0
