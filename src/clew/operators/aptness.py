"""Whether a short statement answers a question in other words: about the same, and of a topic near to what is asked.

"Which car does Ben own?" and "Ben drives a Volvo" have no word in common but the name. What is asked of somebody else, or
of something far from what is stated, is no answer, however likely the words are to be found first.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from clew.operators.doubt import back_then, changed, gist, taken_back
from clew.operators.manage import may_change
from clew.operators.nearness import nearest
from clew.operators.rank import DIGITS, NEWER
from clew.storage.terms import STOPWORDS
from clew.types import Change, Hit, Memory

VERSION = 1
APT = 0.36  # mean nearness of the words of a question to the nearest of a statement; made-up pairs: others lie below 0.26
LEAST = 0.12  # of each of them
LOOKED_AT = 10  # hits among which later words are put first
BRIEF = 100  # characters up to which a turn says one thing
# What a table of word meanings does not know: how one asks for a thing, and how one tells it.
SENSES = {
    "live": ("live", "home", "flat", "house", "apartment"),
    "manager": ("manager", "boss", "report", "reports"),
    "boss": ("boss", "manager", "report", "reports"),
    "report": ("report", "boss", "manager"),
    "employer": ("employer", "work", "works", "job"),
    "job": ("job", "work", "works"),
    "title": ("title", "work", "works", "job"),
    "like": ("like", "favourite", "favorite", "prefer", "beats"),
    "favourite": ("favourite", "like", "likes", "prefer", "beats"),
    "favorite": ("favorite", "like", "likes", "prefer", "beats"),
}
_PAST = re.compile(r"\b(did|was|were|had|ago|last|before|previous(?:ly)?|first|former(?:ly)?|used to|originally|earlier)\b", re.I)
_ASKING = frozenset(["what", "which", "who", "whom", "whose", "where", "when", "how", "why", "many", "much", "name", "long", "large"])


def apt(question: str, memory: Memory) -> bool:
    """Whether a brief turn is about what the question is about, and near enough to what it asks."""
    if len(memory.text) > BRIEF or memory.text.rstrip().endswith("?"):
        return False
    asked, said = gist(question), gist(memory.text)
    names = asked.marks - _ASKING
    if not names and not asked.me:
        return False
    if (asked.me and not said.me) or not names <= said.marks:
        return False
    wanted, given = _content(asked.words), frozenset(_content(said.words))
    near = [max(nearest(sense, given) for sense in SENSES.get(word, (word,))) for word in wanted]
    return bool(near) and sum(near) / len(near) >= APT and min(near) >= LEAST


def foreign(question: str, memory: Memory) -> bool:
    """Whether a brief turn names, or is the words of, somebody else than the question asks about."""
    if len(memory.text) > BRIEF:
        return False
    asked, said = gist(question), gist(memory.text)
    names = asked.marks - _ASKING
    if not names or not (said.marks or said.me):
        return False
    speaker = frozenset((memory.actor or "").casefold().split())
    return names.isdisjoint(said.marks | speaker)


def latest(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, where of brief statements that answer the question in whatever words the last one said comes first.

    Only what a later one may have changed moves behind it, and is marked; places and scores stay as they are. Questions
    about the past are left alone.
    """
    if _PAST.search(question):
        return list(hits)
    places = [i for i, hit in enumerate(hits[:LOOKED_AT]) if hit.memory.since and apt(question, hit.memory)]
    if len(places) < 2:
        return list(hits)
    told = sorted((hits[i] for i in places), key=lambda h: (not back_then(h.memory.text), h.memory.since, h.memory.opened), reverse=True)
    told = _less_withdrawn(told)
    newest = told[0]
    if taken_back(newest.memory.text):
        return list(hits)
    older = [h for h in told[1:] if may_change(newest.memory, h.memory) and _moves(newest, h)]
    moved = {h.memory.id for h in (newest, *older)}
    slots = [i for i in places if hits[i].memory.id in moved]
    found = list(hits)
    for place, hit in zip(slots, (newest, *older), strict=True):
        found[place] = _placed(hit, hits[place].score, newest, older)
    return found


def _less_withdrawn(told: Sequence[Hit]) -> list[Hit]:
    """The statements, newest first, where those that a later one takes back, and then it itself, come after all others."""
    gone: dict[str, Hit] = {}
    for i, hit in enumerate(told):
        if taken_back(hit.memory.text):
            out = next((h for h in told[i + 1 :] if h.memory.id not in gone and not taken_back(h.memory.text) and _moves(hit, h)), None)
            gone |= {h.memory.id: h for h in (hit, out) if h is not None}
    return [*(h for h in told if h.memory.id not in gone), *gone.values()]


def _moves(newest: Hit, hit: Hit) -> bool:
    new, old = newest.memory, hit.memory
    return changed(new.text, old.text, new.actor == old.actor)


def _placed(hit: Hit, score: float, newest: Hit, older: Sequence[Hit]) -> Hit:
    """The hit in another's place, with what it replaces or what replaced it, where that is not told already."""
    at = newest.memory.since
    assert at is not None
    change = Change("replaces", at, older[0].memory.id) if hit is newest and older else Change("superseded", at, newest.memory.id)
    why = {**hit.why, NEWER: round(score - hit.score + hit.why.get(NEWER, 0.0), DIGITS)} if score != hit.score else hit.why
    return replace(hit, score=score, why=why, changes=hit.changes or ((change,) if older else ()))


@lru_cache(maxsize=4096)
def _content(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in STOPWORDS and word not in _ASKING and word.isalpha())
