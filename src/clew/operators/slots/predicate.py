"""What a pattern of `slot_verbs` makes of its match: a predicate, and the ways in which a match names a slot."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from clew.operators.slots.words import ATTRIBUTES, JOBS, PASSING, TIMELY, VAGUE, numeric, slot_form, timely

Groups = Mapping[str, str | None]
Slots = Callable[[str, Groups, str, bool, bool], tuple[str, ...]]  # (noun, groups, value, own, whole)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A pattern anchored at its verb, what it is said of, and what it makes.

    `whose`: any subject, a person or named thing without a noun ("person"), or only the speaker ("me"). `thing`: the
    statement is about the object. `reverse`: the subject fills a slot of the object ("Bob is the CEO of Acme").
    """

    source: str  # a regular expression, compiled when it is first tried
    slots: Slots
    whose: str = "any"
    value: bool = True  # what follows, or the group "value", fills the slot
    exact: bool = False  # the value is the group, no more
    thing: bool = False
    reverse: bool = False
    ending: bool = False
    past: bool = False
    change: bool = False
    dated: bool = False  # times inside the clause belong to the statement, even beside a value that is a time
    many: bool = False  # values stand beside each other
    kind: str = ""
    fits: Callable[[str], bool] | None = None

    def match(self, text: str, start: int, end: int) -> re.Match[str] | None:
        """The pattern at that place of a text."""
        return _compiled(self.source).match(text, start, end)

    @property
    def of_level(self) -> bool:
        """It tells what a gauge or a thing stands at."""
        return self.slots is of_noun

    def kind_of(self, value: str) -> str:
        """One of statement.KINDS."""
        return self.kind or ("date" if timely(value) else "quantity" if numeric(value) else "state")

    def single(self, groups: Groups, whole: bool, own: bool) -> bool:
        """Whether a later value ends an earlier one; "speaks the language of X" names the one, "speaks X" one of some."""
        return not self.many or groups.get("v") in ONE or (whole and not own and bool(groups.get("n")))


ONE = frozenset("drive drives pay pays earn earns major majors report reports lead leads manage manages runs heads coaches".split())  # noqa: SIM905
IES = 4  # letters of a verb whose "ies" is that of "lies"
_PLACES = frozenset("home headquarters office location address venue birthplace place parking".split())  # noqa: SIM905


def typed(noun: str, value: str, place: bool) -> str:
    """The slot of a noun by the sort of its value: "meeting" is in a room and on a day."""
    if timely(value) and not (numeric(value) and not place and ":" not in value and not re.search(r"[a-z]{3}", value, re.I)):
        return noun if noun.split()[-1] in TIMELY or "time" in noun else f"{noun} time"
    if numeric(value):
        return noun
    return f"{noun} place" if place and noun.split()[-1] not in _PLACES else noun


def fixed(*names: str, nounless: bool = True) -> Slots:
    """These slots, whatever the match holds; only of somebody or something itself, where `nounless`."""
    return lambda noun, groups, value, own, whole: () if nounless and noun else names


def of_noun(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """The slot is the noun itself, as its value goes."""
    if not noun:
        return ("level",) if numeric(value) and not own else ()
    return (typed(noun, value, bool(groups.get("place"))),)


def moved(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """The N changed to V; what moved is somewhere else, and so is what changed, where its noun does not say what of it."""
    return (typed(noun, value, bool(groups.get("motion")) or noun.split()[-1] not in ATTRIBUTES),) if noun else ()


def bare(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """The N is V. In the past tense only in a plain list of facts, where it is a way to speak of old things."""
    if (
        (groups.get("was") and not whole)
        or not noun
        or (noun.split()[0] in VAGUE and "favo" not in noun)
        or value.split()[0].lower().endswith("ing")
    ):
        return ()
    plain = value.strip("\"'“ ")
    inner = plain.split(" ", 1)[1] if plain.split(" ", 1)[0] in ("a", "an", "the") and " " in plain else plain
    told = (
        inner[:1].isupper() or numeric(plain) or timely(plain) or "favo" in noun or (noun.split()[-1] in ATTRIBUTES and not passing(plain))
    )
    return (typed(noun, value, False),) if told else ()


def passing(value: str) -> bool:
    """Whether a value is a mood or a condition rather than what something is: "dirty", "ready", "really nice"."""
    word = value.split()[-1].strip(".,!").casefold()
    return word in PASSING or (len(word) > 5 and word.endswith(("ing", "ful", "ous", "ible", "able", "less", "ish")))


def verbal_slot(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """The slot that a group `of` names: "I pay 900 in rent" is the rent."""
    name = slot_form(str(groups["of"]))
    return (typed(name, value, False),) if name and len(name.split()) <= 5 else ()


def doing(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """What somebody does, when or how often: "get up time", "how often see dr lin"."""
    what = slot_form(str(groups["doing"]))
    return (f"how often {what}" if groups.get("often") else f"{what} time",)


def leading(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """Who leads, manages or coaches it."""
    said = str(groups["role"])
    stem = next(
        (
            name
            for begin, name in (("manag", "manager"), ("coach", "coach"), ("chair", "chair"), ("head", "head"))
            if said.startswith(begin)
        ),
        "lead",
    )
    return (stem,) if not noun else ()


def coloured(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """What something is painted, priced or rated: its colour, its price, its rating."""
    said = str(groups["part"])
    names = {"painted": "colour", "dyed": "colour", "coloured": "colour", "colored": "colour", "priced": "price", "nicknamed": "nickname"}
    name = names.get(said.split()[0], said.removesuffix("ed"))
    return () if own else (f"{noun} {name}".strip(),)


def participle(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """Was founded by, is located in the city of: the slot is the word, its preposition and the category."""
    if own or (groups["prep"] == "of" and not groups.get("art")):
        return ()
    name = slot_form(" ".join(p for p in (groups["part"], groups["prep"], groups.get("n")) if p))
    return (f"{noun} {name}" if noun else name,)


def verbal(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """Plays the position of: the slot is the verb, its preposition and the category."""
    name = slot_form(" ".join(p for p in (base(str(groups["v"])), groups.get("prep"), groups.get("n")) if p))
    return (f"{noun} {name}" if noun else name,)


def base(verb: str) -> str:
    """A verb as it stands in a dictionary: "supplies" is of supply, "goes" of go."""
    if verb.endswith("ss") or verb in ("was", "is"):
        return verb
    if verb.endswith("ies") and len(verb) > IES:
        return f"{verb[:-3]}y"
    return verb[:-2] if verb.endswith(("ches", "shes", "sses", "xes", "oes")) else verb.removesuffix("s")


def counted(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """How many there are of what is counted, or how many were done."""
    done = groups.get("part")
    return (f"number of {slot_form(str(groups['of']))}" + (f" {done}" if done else ""),)


def lasting(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """How long it has been going on."""
    return (f"how long {slot_form(str(groups['doing']))}",)


def role(noun: str, groups: Groups, value: str, own: bool, whole: bool) -> tuple[str, ...]:
    """The role that somebody has."""
    return (slot_form(str(groups["role"])),) if not noun else ()


def capital(value: str) -> bool:
    """Whether a value is a name."""
    return value[:1].isupper() and not value.startswith(("I ", "The gym"))


def job(value: str) -> bool:
    """Whether a value names an occupation."""
    return bool(JOBS.search(value)) and len(value.split()) <= 6


def rule(pattern: str, slots: Slots, **more: object) -> Predicate:
    """A predicate, its fields by name."""
    return Predicate(pattern, slots, **more)  # type: ignore[arg-type]


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)
