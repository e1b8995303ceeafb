"""Whose a statement is, read off the words before its verb: the speaker, somebody with a name, or a thing of theirs."""

import re

from clew.operators.slots import words
from clew.operators.slots.clauses import NOBODY, TITLED, Clause

_JOINS = frozenset("of the and de von van du la le del di for in on to from with & a an al".split())  # noqa: SIM905
_PERSONS = re.compile(
    r"\b(?:we|you|he|she|it|they|who|that|this|when|if|my|our|your|me|us|them)\b|(?<![.\w])I(?![.\w])(?! (?:of|the)\b| [A-Z]|$)"
)
_OWNED = re.compile(r"^(?P<owner>my|our|My|Our)\s+(?P<noun>.+)$")
_OF = re.compile(r"^(?:the |The |a |A )?(?P<noun>[\w][\w' -]{0,60}?) (?:of|for) (?P<owner>.+)$")
_GENITIVE = re.compile(r"^(?P<owner>.+?)(?:'s|’s|s'|s’)\s+(?P<noun>[\w][\w' -]*)$")
_THE = re.compile(r"^(?:the|The)\s+(?P<noun>.+)$")
_AS_FOR = re.compile(r"(?:as for|regarding|concerning|about|for|on) (?P<thing>(?:my|our|the)\s[\w'’ -]{2,40}), (?:it|that|we|I)$", re.I)
_LOOSE = re.compile(r",(?! [A-Z0-9])")
_CIRCUMSTANCE = re.compile(
    r"(?:after|before|from|since|in|at|on|as|these|this|for|with|following|currently|nowadays|today|yesterday|once|starting|beginning|"
    r"effective|during|over|last|next|by|to|given|because|thanks|right|recently|lately|unfortunately|luckily|happily|sadly|officially|"
    r"apart|besides|actually|meanwhile)\b[^,]{0,60},\s+(?=\S)",
    re.I,
)
_WHEN = re.compile(
    r"(?:since|from|between|in|as of|as from|starting|until|till|on|last|next|this|by|back in|effective)\b[^,]{1,50}?,?\s+(?=(?:I|we|my|"
    r"our|the)\b)|(?:since|from|in|as of|on|until)\b[^,]{1,30},\s+(?=[A-Z]\w+$)",
    re.I,
)


def owner(lead: str, me: str, clause: Clause) -> tuple[str | None, str]:
    """(whose, which thing of theirs): the subject before a verb, understood; (None, "") where it cannot be told."""
    lead = lead.removeprefix("with ").removeprefix("that ")
    if about := _AS_FOR.match(lead):
        return thing_of(about["thing"], me)
    if circumstance := _CIRCUMSTANCE.match(lead):
        lead = lead[circumstance.end() :]
    if when_said := _WHEN.match(lead):
        lead = lead[when_said.end() :]
    low = lead.casefold()
    if low in ("i", "we"):
        return me, ""
    if low == "it":
        return "it", "it"
    if (
        not lead
        or len(lead) > 110
        or (low.split()[0] in NOBODY and not TITLED.match(lead))
        or (low.split()[-1] in NOBODY and not TITLED.match(lead))
        or _LOOSE.search(lead)
    ):
        return None, ""
    if _PERSONS.search(lead, 3 if _OWNED.match(lead) else 0):
        return None, ""
    if m := _OWNED.match(lead):
        return _mine(m["noun"], me)
    if m := _GENITIVE.match(lead):
        return shared(m["owner"], m["noun"])
    if (m := _OF.match(lead)) and low.startswith("the "):
        noun, whose = words.slot_form(m["noun"]), m["owner"]
        if noun in ("", "name") and whose.startswith("the "):  # "the name of the head of X": the name of a thing is the thing
            return owner(f"the {whose.removeprefix('the ')}", me, clause)
        if len(noun.split()) <= 5:
            return shared(whose, noun)
    if m := _THE.match(lead):
        noun = words.slot_form(m["noun"])
        named = m["noun"][:1].isupper()
        return (words.subject_form(lead), "") if named else ("", noun) if noun and len(noun.split()) <= 6 else (None, "")
    return (words.subject_form(lead), "") if len(lead.split()) <= 8 and (clause.whole or lead[:1].isupper()) else (None, "")


def shared(whose: str, noun: str) -> tuple[str, str]:
    """The lead of the project is the project's lead and the project lead: a thing that has no owner, in one form."""
    name = words.subject_form(whose)
    common = whose[:4] in ("the ", "The ") and not whose[4:5].isupper()
    return ("", words.slot_form(f"{name} {words.slot_form(noun)}")) if common else (name, words.slot_form(noun))


def sure(lead: str, subject: str | None, me: str) -> bool:
    """Whether the words before a verb are a name, or the speaker."""
    if subject in (me, "it") or lead.startswith(("my ", "My ", "our ", "Our ")) or (subject or "").startswith(f"{me}'s "):
        return True
    first, *more = lead.split() or [""]
    if more:
        return (
            (lead[:1].isdigit() or any(c.isupper() for c in first)) and all(w[:1].isupper() or w[:1].isdigit() or w in _JOINS for w in more)
        ) or '"' in lead
    return (first[:1].isupper() or any(c.isupper() for c in first)) and first.casefold() not in words.COMMON and not first.endswith("ing")


def _mine(noun: str, me: str) -> tuple[str | None, str]:
    """My sister is somebody, of whom more is said; my friend Ann is Ann; my budget is a thing of mine."""
    first, _, rest = noun.partition(" ")
    first = first.removesuffix("'s").removesuffix("’s") if first.casefold() not in words.KINFOLK else first
    if first.casefold() in words.KINFOLK:
        if rest[:1].isupper():
            return owner_named(rest)
        genitive = noun.partition(" ")[0] != first
        if not rest or genitive:
            return f"{me}'s {first.casefold()}", words.slot_form(rest)
    form = words.slot_form(noun)
    return (me, form) if form and len(form.split()) <= 6 else (None, "")


def owner_named(words_: str) -> tuple[str | None, str]:
    """A name, or something of somebody's with that name."""
    m = _GENITIVE.match(words_)
    return (words.subject_form(m["owner"]), words.slot_form(m["noun"])) if m else (words.subject_form(words_), "")


def thing_of(thing: str, me: str) -> tuple[str, str]:
    """Whose and which, of an object: "my phone number", "the meeting", "Ana's deadline"."""
    plain = thing.strip()
    if m := _OWNED.match(plain):
        return me, words.slot_form(m["noun"])
    if m := _GENITIVE.match(plain):
        return shared(m["owner"], m["noun"])
    if (m := _OF.match(plain)) and plain.startswith("the "):
        return shared(m["owner"], m["noun"])
    if m := _THE.match(plain):
        return "", words.slot_form(m["noun"])
    return (words.subject_form(plain), "") if plain[:1].isupper() else ("", "")
