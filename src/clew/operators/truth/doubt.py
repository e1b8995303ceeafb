"""When later words may have changed a premise: enough to doubt what was concluded from it, not enough to end it.

A slot that is understood is settled (`settled.py`), and what rests on it falls by that. People say most changes in words
that no grammar lists. So where an agent has named its premises, and only there, each later turn about the same person or
thing is held against them: by words that tell of a change or a mistake, by the old value said again, by how near the topics
are. What is found makes the conclusion suspect, which is shown and can be confirmed; the premise itself stays as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from clew.context import Context
from clew.operators.ranking.nearness import alike
from clew.operators.slots import asking, senses
from clew.operators.slots.predicate import base
from clew.operators.slots.reading import stated
from clew.operators.slots.statement import Statement
from clew.operators.slots.verbs import PREDICATES
from clew.storage.terms import STOPWORDS, terms
from clew.types import TRUST, Memory

VERSION = 2
CONCLUDED = "\x02concluded"  # the node under which turns lie that named a basis
LATELY = 200  # conclusions that are held against each new turn, the newest
LONGEST = 400  # characters of a turn that is held against them: who explains at length changes no value in passing
NEAR = 0.42  # of topics, where words tell of a change
NEARER = 0.62  # where none do
FAR = 0.3  # nearness of two slots that were read, below which they are two things
SAME = 0.9  # from which they are one, where no word tells of a change
_CHANGE = re.compile(
    r"\b(now|new|newly|anymore|any more|no longer|these days|nowadays|from now on|instead|recently|just|since (?:then|this|last)|changed?"
    r"|switch(?:ed)?|mov(?:ed|ing)|relocated|became|become|rena(?:med)|replaced|took over|taken over|tak(?:en|es) over|left|quit|traded"
    r"|dropped|swapped|went (?:up|down)|rose|fell|raised|lowered|cut|increased|reduced|extended|postponed|brought forward|pushed|set to"
    r"|made|promoted|put (?:\w+ )?on|goes by|re(?:painted|tuned|assigned|scheduled|built|set|issued|numbered|branded|fitted|loaded|dyed|priced|labelled"
    r"|titled|written|appointed|elected|opened|seated|stocked)|gave up|stopped|started|ended|over|gone|sold|bought|cancell?ed|latest|current(?:ly)?)\b",
    re.I,
)
_WRONG = re.compile(
    r"\b(correction|corrected|actually|wrong|mistak(?:e|en)|slip|mix(?:ed)?[- ]?up|disregard|ignore|scratch|strike|take(?:n)? back|forget what"
    r"|never (?:was|were|had|did)|was never|were never|not .{1,40} after all|i meant|meant to say|sorry|misspoke|misread|confused|in error|untrue"
    r"|no wait|wait,? no|not true|made up|retract|withdraw|typo|should (?:have been|read|be))\b",
    re.I,
)
_TAKEN_BACK = re.compile(
    r"\b(?:tak(?:e|ing) (?:that |it )?back|disregard|ignore (?:what|that|it)|forget (?:what|that)|mix(?:ed)?[- ]?up|not .{1,60} after all"
    r"|scratch (?:that|what)|strike (?:that|what))\b",
    re.I,
)
_UNREAL = re.compile(r"\?|\b(if|would|could|might|maybe|perhaps|suppose|imagine|what about|how about)\b", re.I)
_ME = re.compile(r"\b(i|me|my|mine|we|us|our|ours|i'm|i've|we're|we've)\b", re.I)
_WE = re.compile(r"(?<!^)\b(?:we|us|we've)\b", re.I)  # where something is named, it is that, not those who speak
# Of these one speaks of one's speaking.
_SPEAKING = re.compile(
    r"\bmy\s+(?:mistake|error|bad|fault|slip|apologies)\b|\b(?:slip|mistake|error)\s+(?:of\s+mine|on\s+my\s+part)\b"
    r"|\bI(?:['’]ve| have| was| am)?\s+(?:got|take|took|meant|mean|misspoke|misread|forgot|see|saw|read|said|told|wrong|mistaken|confused|mixed)\b",
    re.I,
)
_RUN = re.compile(r"[A-Z][\w'’-]*(?:\s[A-Z0-9][\w'’-]*)*")
_VERBS = frozenset(base(verb) for verb in PREDICATES)
_PREPOSITIONS = frozenset("with at in on from by under for as to of".split())  # noqa: SIM905
_TELLING_NONE = asking.DOING | {"level"}  # words of slots by which nothing can be told apart
_WORD = re.compile(r"[^\W_](?:[^\s,;:!?()\"“”]*[^\W_])?")
_STARTS = frozenset(
    """a actually also an and as at but by between by correction finally first for from fyi generally he hello her here hey hi his i in it its just last later
    my no nothing now oh ok okay on one our please quick quickly remember scratch she since so sorry still that the their then there these
    they this those today tomorrow to until wait we well what when where which who why with yes yesterday you your""".split()  # noqa: SIM905
)
# Said before the point, and no part of it.
_PREFACE = re.compile(
    r"^\s*(?:(?:oh|and|so|well|ok(?:ay)?|hey|hi|also|by the way|for the record|just so you know|one more thing|quick note|a note|fyi|note"
    r"|i forgot to mention|remember|reminder|as i said|as said|to be clear|for what it'?s worth)\b[\s,:;–-]*)+",
    re.I,
)
_AGAIN = re.compile(
    r"\b(still|as before|as ever|nothing new|no change|unchanged|same as|the same|remains?|again|as always|already said|like i said)\b",
    re.I,
)
_BACK_THEN = re.compile(
    r"\b(from|between)\b.{3,40}\b(to|until|till|and)\b.{3,60}\b(was|were|had|did|lived|worked)\b|\b(used to|back then|formerly)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Gist:
    """What a turn is about, for this purpose: its topics (stems), the names and numbers in it, and whether it is of the speaker."""

    topics: frozenset[str]
    marks: frozenset[str]  # names and numbers, lower case
    words: tuple[str, ...]  # the other words, lower case, in order
    me: bool


@lru_cache(maxsize=4096)
def gist(text: str) -> Gist:
    """The gist of a text."""
    text = _PREFACE.sub("", text)
    marks, plain = set[str](), []
    for match in _WORD.finditer(text):
        word = match[0].removesuffix("'s").removesuffix("’s")
        capital = word[:1].isupper() and word.casefold() not in _STARTS
        if capital and not match.start():  # at the beginning any word has one
            capital = not senses.everyday(word) or text[match.end() : match.end() + 2].strip()[:1].isupper()
        named = capital or any(c.isdigit() for c in word)
        (marks.add(word.casefold()) if named else plain.append(word))
    told = " ".join(plain)
    topics = frozenset(terms(_WRONG.sub(" ", _CHANGE.sub(" ", told))))
    spoken = _SPEAKING.sub(" ", text)
    return Gist(
        topics, frozenset(marks), tuple(word.casefold() for word in plain), bool(_ME.search(_WE.sub(" ", spoken) if marks else spoken))
    )


def changed(new: str, old: str, same_speaker: bool, alike_slots: float | None = None) -> bool:
    """Whether a later turn may have changed what an earlier one says.

    `alike_slots`: how far the slots that were read off both are one, 0..1; None where they were not read.
    """
    if _UNREAL.search(new) or new.casefold() == old.casefold() or (alike_slots is not None and alike_slots < FAR):
        return False
    later, before = gist(senses.plain(new)), gist(senses.plain(old))
    plain = later.topics | before.topics  # "my bank" and "Ann's Old Mill Bank" have no name in common
    common = frozenset(mark for mark in later.marks & before.marks if plain.isdisjoint(terms(mark)) and _one_name(mark, new, old))
    wrong = bool(_WRONG.search(new))
    ours = later.me and before.me and same_speaker
    if not (ours or common or (not before.marks and not before.me and later.topics & before.topics)):
        return False
    # a name that both have is the subject; another one of the old turn, said again beside a word of error, is the old value
    if wrong and ((ours and common) or len(common) > 1 or (common and alike(sorted(before.topics), later.topics) >= NEAR)):
        return True
    fresh = bool(later.marks - before.marks) or bool(later.topics - before.topics)
    if not wrong and (not fresh or _AGAIN.search(new) or _BACK_THEN.search(new) or _repeated(later, before)):
        return False
    there, back = _near(later, before), _near(before, later)
    if wrong or _CHANGE.search(new):
        return max(there, back) >= NEAR
    return min(there, back) >= NEARER and bool(later.marks - before.marks) and (alike_slots is None or alike_slots >= SAME)


def _one_name(mark: str, new: str, old: str) -> bool:
    """Whether a word of a name stands for the same in both: the "Cedar Lodge" and the "Cedar Inn" are two."""
    one, other = ([run for run in map(_words, _RUN.findall(text)) if mark in run] for text in (new, old))
    return not one or not other or any(a <= b or b <= a for a in one for b in other)


def _words(run: str) -> frozenset[str]:
    return frozenset(word.casefold().removesuffix("'s").removesuffix("’s") for word in run.split()) - _STARTS


def _near(one: Gist, other: Gist) -> float:
    """How near what a turn is about is to what another is about, 0..1: by stems that are alike, or by words that stand for each other."""
    words, others = _content(one), frozenset(_content(other))
    means = sum(senses.near(word, others) for word in words) / len(words) if words else 0.0
    return max(means, alike(sorted(one.topics), other.topics))


def _content(found: Gist) -> tuple[str, ...]:
    """The words of what a turn is about; of one that tells of nothing but a change, those of the change."""
    plain = tuple(word for word in found.words if word not in STOPWORDS and word.isalpha())
    return tuple(word for word in plain if not _CHANGE.fullmatch(word) and not _WRONG.fullmatch(word)) or plain


def alike_slots(new: Sequence[Statement], text: str, premise: Memory) -> float | None:
    """How far what was read off a text and off a premise is of one slot, 0..1: 0 where of others alone; None where that cannot be told."""
    found = []
    for statement in new:
        for subject, slot in premise.data.get("told", ()):
            if not {"", "it"}.isdisjoint((statement.subject, subject)) or not _TELLING_NONE.isdisjoint(
                (*statement.slot.split(), *slot.split())
            ):
                return None
            if statement.subject == subject:
                if _verbal(statement.slot) or _verbal(slot):
                    return None
                found.append(asking.kindred(statement.slot, slot))
            elif _mentions(premise.text, statement.subject) or _mentions(text, subject):
                return None
            else:
                found.append(0.0)
    return max(found, default=None)


def _verbal(slot: str) -> bool:
    """Whether a slot is a verb, of which it cannot be told what noun would say the same."""
    words = slot.split()
    return words[0] in _VERBS or words[-1] in _PREPOSITIONS


def _mentions(text: str, subject: str) -> bool:
    words = frozenset(terms(text))
    return any(not words.isdisjoint(terms(word)) for word in subject.split())


def taken_back(text: str) -> bool:
    """Whether a turn takes back what was said and puts nothing in its place."""
    return len(text) <= LONGEST and bool(_TAKEN_BACK.search(text))


def _repeated(later: Gist, before: Gist) -> bool:
    """Whether the later words hold all of the earlier ones, and name nothing else."""
    return before.marks | before.topics <= later.marks | later.topics and later.marks <= before.marks


def doubted(ctx: Context) -> Sequence[Memory]:
    """New versions, suspect, of conclusions whose premises this event's turn may have changed."""
    event = ctx.event
    if (
        event is None
        or event.trust < TRUST["assistant"]
        or event.kind == "edit"
        or ctx.premises
        or len(event.text) > LONGEST
        or _UNREAL.search(event.text)
        or not ctx.view.linking(CONCLUDED)
    ):
        return []
    found, said = {}, stated(event.text, event.actor, event.at)
    for conclusion in ctx.view.linked([CONCLUDED])[-LATELY:]:
        if conclusion.status != "active" or conclusion.retired is not None or conclusion.opened == ctx.seq:
            continue
        fallen = []
        for id in conclusion.basis:
            premise = ctx.view.get(id)
            if premise is None or premise.kind != "turn" or premise.rests[-1] >= ctx.seq or CONCLUDED in premise.links:
                continue
            slots = alike_slots(said, event.text, premise)
            if changed(event.text, premise.text, premise.actor == event.actor, slots):
                fallen.append(id)
        if fallen:
            found[conclusion.id] = conclusion.revised(status="suspect", data={"suspect": fallen, "doubt": [event.seq]})
    return list(found.values())
