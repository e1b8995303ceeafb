"""Whether a short statement answers a question in other words: about the same, and of a topic near to what is asked.

"Which car does Ben own?" and "Ben drives a Volvo" have no word in common but the name. What is asked of somebody else, or
of something far from what is stated, is no answer, however likely the words are to be found first.
"""

from functools import lru_cache

from clew.operators.slots import asking, senses
from clew.operators.truth.doubt import gist
from clew.storage.terms import STOPWORDS
from clew.types import Memory

VERSION = 3
APT = 0.36  # mean nearness of the words of a question to the nearest of a statement; made-up pairs: others lie below 0.26
LEAST = 0.12  # of each of them
BRIEF = 100  # characters up to which a turn says one thing
_ASKING = frozenset(["what", "which", "who", "whom", "whose", "where", "when", "how", "why", "many", "much", "name", "long", "large"])


def apt(question: str, memory: Memory) -> bool:
    """Whether a brief turn is about what the question is about, and near enough to what it asks."""
    if len(memory.text) > BRIEF or memory.text.rstrip().endswith("?"):
        return False
    asked, said = gist(senses.plain(question)), gist(senses.plain(memory.text))
    names = asked.marks - _ASKING
    if not names and not asked.me:
        return False
    if (asked.me and not said.me) or not names <= said.marks:
        return False
    wanted, given = _content(asked.words), frozenset(_content(said.words))
    wanted = tuple(word for word in wanted if word not in asking.DOING) or wanted
    if senses.apart(frozenset(wanted), given) or not senses.answers(
        question, memory.text, any(not senses.dated("day", mark) for mark in said.marks - names)
    ):
        return False
    near = [senses.near(word, given) for word in wanted]
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
