"""What can be done on a page, in words, and how far each of it is what the task asks for. No model, no code for any task.

Everything is read off the task's words and the page's elements: an element is wanted where its words stand in the task, the
earlier the sooner; what is typed are the values in the task, and last what else stands on the page.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from clew.operators.experience.workflows import STOP, words
from clew.tasks.graph import Action, Element, Page

NAMED, HINTED, OTHER, IDLE = 3, 2, 1, 0  # all its words stand in the task; some; none; and what is rarely acted on at all
FIELDS = frozenset({"input"})
CLICKED = frozenset({"button", "link", "checkbox", "radio", "image", "shape", "command"})
STEM = 6  # letters by which words of one root are known: directed, director
SHORT, TYPED = 4, 12  # words of a text on the page that may be a value; values that are tried in a field
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”')
_DATE, _TIME = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), re.compile(r"(\d{1,2}):(\d{2}) ?([AaPp][Mm])")
_VALUE = re.compile(r"[\w@][\w@./:'’-]*")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be done now."""

    text: str  # in words, as it is recorded: click button "Submit"; type "ada" into input "user"; take key
    action: Action
    key: tuple[str, int]  # its words, and which of those that have the same words it is
    rank: int = OTHER  # how far the task asks for it
    place: float = 0.0  # where in the task, or on the page; what comes first is done first
    toggles: bool = False  # doing it again would undo it
    value: str = ""  # what it types


def values(task: str) -> list[str]:
    """What in a task may have to be typed: what it quotes; else words with digits or capitals, and runs of them; in its order."""
    quoted = [a or b for a, b in _QUOTED.findall(task)]
    if quoted:
        return list(dict.fromkeys(quoted))
    found, run = list[str](), list[str]()
    tokens = [m[0].rstrip(".'’:") for m in _VALUE.finditer(task)]
    for i, token in enumerate([*tokens, ""]):
        if token and (any(c.isdigit() for c in token) or (i and token[0].isupper())):
            run.append(token)
        else:
            found += [" ".join(run)] if run else []
            run = []
    return list(dict.fromkeys(found))


def rewritten(value: str) -> str:
    """A date or a time of day as fields for them take it: 2016-08-04 for 08/04/2016, 20:22 for 8:22 PM; "" for what is neither."""
    if date := _DATE.fullmatch(value):
        return f"{date[3]}-{int(date[1]):02d}-{int(date[2]):02d}"
    if time := _TIME.fullmatch(value):
        return f"{int(time[1]) % 12 + 12 * (time[3].lower() == 'pm'):02d}:{time[2]}"
    return ""


def choices(task: str, page: Page, more: Iterable[str] = ()) -> list[Choice]:
    """Everything that may be done on a page for a task, in the page's order; `more` are further values to type."""
    told = words(task)
    typed = list(dict.fromkeys([*values(task), *more]))
    fields = any(e.kind in FIELDS for e in page.elements)
    offered = _offered(told, page, typed) if fields else []
    beside = _beside(page) if fields else {}
    found, seen = list[Choice](), dict[str, int]()
    for at, element in enumerate(page.elements):
        if element.checked is True and element.kind in ("option", "radio"):
            continue
        for text, action, rank, place in _of(element, at, told, typed, offered, beside):
            number = seen[text] = seen.get(text, 0) + 1
            value = action.text if action.kind == "type" else ""
            found.append(Choice(text, action, (text, number), rank, place, element.checked is True, value))
    return found


def _offered(told: Sequence[str], page: Page, typed: Sequence[str]) -> list[tuple[str, int]]:
    """(value, rank) of what else may have to be typed: words of the task that the page does not show, then what the page shows."""
    labels = {w for e in page.elements for w in words(e.text)}
    plain = [w for w in dict.fromkeys(told) if w.isalnum() and len(w) > 2 and w not in STOP and w not in labels]
    known = {w for v in typed for w in words(v)}
    other = [(form, HINTED) for v in typed if (form := rewritten(v))]
    called = {e.text.strip(" :").lower() for e in page.elements if e.kind in FIELDS}
    texts = [e.text for e in page.elements if e.kind == "text" and 0 < len(e.text.split()) <= SHORT]
    shown = [t for t in dict.fromkeys(texts) if t not in typed and t.strip(" :").lower() not in called]
    return [*other, *((t, OTHER) for t in shown[:TYPED]), *((w, HINTED) for w in plain[:TYPED] if w not in known)]


Told = tuple[str, Action, int, float]  # words, act, rank, place


def _beside(page: Page) -> dict[str, str]:
    """Each short text of the page with the one before it, which may be what it is called."""
    texts = [e.text for e in page.elements if e.kind == "text" and e.text]
    return {after: before for before, after in pairwise(texts)}


def _of(
    element: Element, at: int, told: Sequence[str], typed: Sequence[str], offered: Sequence[tuple[str, int]], beside: Mapping[str, str]
) -> list[Told]:
    kind, label = element.kind, element.text.replace('"', "'")
    rank, place = wanted(element.text, told)
    late = len(told) + at / 1000
    where = place if rank > OTHER else late
    if kind in FIELDS:
        return _fillings(element, late, told, [*((v, NAMED) for v in typed), *offered], beside)
    if kind == "option":
        return [(f'select option "{label}"', Action("select", element.id), rank, where)]
    if kind == "command":
        return [(element.text, Action("click", element.id), rank, where)]
    if kind in CLICKED:
        return [(f'click {kind} "{label}"', Action("click", element.id), rank, where)]
    if kind == "text" and element.text:
        return [(f'click text "{label[:60]}"', Action("click", element.id), HINTED if rank == NAMED else IDLE, where)]
    return []


def _fillings(
    element: Element, late: float, told: Sequence[str], offered: Sequence[tuple[str, int]], beside: Mapping[str, str]
) -> list[Told]:
    """A field's choices: to type what is offered, the sooner the nearer its label stands before it in the task; and to click on it."""
    label = element.text.replace('"', "'")
    rank = HINTED if wanted(element.text, told)[0] == NAMED else IDLE
    found = [(f'click {element.kind} "{label}"', Action("click", element.id), rank, late)]
    for value, level in offered:
        if element.value == value or (element.value and set(element.value) == {"*"} and len(element.value) == len(value)):
            continue
        its, spot = wanted(value, told)
        named = beside.get(value, "").strip(" :")
        if level == OTHER and named and (wanted(named, told)[0] == NAMED or _alike(named, element.text)):
            level, spot = NAMED, wanted(named, told)[1]  # it stands beside its name, and that is asked for
        spot = spot + _before(element.text, spot, told) if its == NAMED else late
        said = f'type "{value.replace(chr(34), chr(39))}" into {element.kind} "{label}"'
        found.append((said, Action("type", element.id, value), IDLE if element.value else level, spot))
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
    for i in range(len(told) - size + 1):
        if list(told[i : i + size]) == mine:
            return (NAMED if any(w not in STOP for w in mine) else OTHER), float(i)
    block = SequenceMatcher(None, mine, list(told), autojunk=False).find_longest_match()
    said = [w for w in mine[block.a : block.a + block.size] if w not in STOP and len(w) > 1]
    return (HINTED, block.b + 0.5 - len(said) / (4 * size)) if said else (OTHER, 0.0)


def _alike(one: str, other: str) -> bool:
    return one.lower() == other.strip(" :").lower()


def _before(label: str, spot: float, told: Sequence[str]) -> float:
    """How far before a value in the task the label of a field stands, as a part of 1: a field is filled with what follows its name."""
    mine = {w[:STEM] for w in words(label) if w not in STOP}
    gaps = [spot - i for i, w in enumerate(told) if w[:STEM] in mine and i < spot]
    return 0.9 if not gaps else min(gaps) / (len(told) + 1)
