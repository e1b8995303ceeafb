"""Whether a short statement answers a question in other words: about the same, and of a topic near to what is asked.

"Which car does Ben own?" and "Ben drives a Volvo" have no word in common but the name. What is asked of somebody else, or
of something far from what is stated, is no answer, however likely the words are to be found first.
"""

from functools import lru_cache

from clew.operators.ranking.nearness import nearest
from clew.operators.truth.doubt import gist
from clew.storage.terms import STOPWORDS
from clew.types import Memory

VERSION = 1
APT = 0.36  # mean nearness of the words of a question to the nearest of a statement; made-up pairs: others lie below 0.26
LEAST = 0.12  # of each of them
BRIEF = 100  # characters up to which a turn says one thing
# What a table of word meanings does not know: of each row any word may stand for any other, asked or told.
_SENSES = (
    ("live", "lives", "home", "flat", "house", "apartment", "moved", "relocated"),
    ("live", "lives", "home", "town", "city", "flat", "house", "apartment", "moved", "relocated"),
    ("manager", "boss", "report", "reports", "supervisor"),
    ("employer", "work", "works", "job", "employed"),
    ("job", "work", "works", "profession", "career", "title"),
    ("hobby", "pastime", "leisure", "weekend", "weekends", "free", "spare"),
    ("favourite", "favorite", "like", "likes", "prefer", "prefers", "beats", "best"),
)


def _joined() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for row in _SENSES:
        for word in row:
            found.setdefault(word, {word: None}).update(dict.fromkeys(row))
    return {word: tuple(senses) for word, senses in found.items()}


SENSES = _joined()
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


@lru_cache(maxsize=4096)
def _content(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in STOPWORDS and word not in _ASKING and word.isalpha())
