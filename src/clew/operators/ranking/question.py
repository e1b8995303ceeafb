"""What a question asks for, read off its words: what to search, whose words are wanted, and the sort of answer.

English rules; a question in another language has its words searched and nothing more read into it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from clew.storage.terms import terms

MACHINES = frozenset({"", "user", "assistant", "system", "tool", "human", "ai", "bot"})  # roles, no names of people
# Words by which one asks, not what one asks about: they match every other request and hardly ever the answer.
ASKING = frozenset(
    terms(
        """think thinking thought back previous previously conversation chat discuss discussed discussion talk talked wonder
        wondering remember remembered remind follow followed tell told say said mention mentioned suggest suggestion recommend
        recommendation recommended advice tip idea please help know want wanted give gave provide provided list find kind type
        sort many much long often ago total number amount combine combined pass passed happen happened earlier ask asked
        specific different various could able like look looking try trying might"""
    )
)
# Units of the answer and words of order: often in the answer, but rarely what it is about.
UNITS = frozenset(terms("day week month year hour minute time date first last order"))
UNIT_WEIGHT = 0.5
KIN = Path(__file__).with_name("kin.txt")
_PREAMBLE = re.compile(
    r"^(can|could|would) you (please )?(remind|tell|help|suggest|recommend|give|provide)( me| to me)?"
    r"|i was (wondering|thinking|going)( back| through| about)?|i('m| am) (looking back|checking|going back)"
    r"|(at |in |to )?(our|my) (previous|last|earlier) (conversation|chat|discussion)s?( about)?|i wanted to follow up on"
    r"|can you remind me( of| what| about)?|i remember you (told|mentioned|recommended)( me)?"
    r"|you (told|mentioned|recommended|said|provided) (me )?|do you remember|if you remembered",
    re.I,
)
_CJK = "\u2e80"  # Chinese, Japanese and Korean letters come after it
_FIRST_PERSON = re.compile(r"\b(i|my|me|mine|i'm|i've|i'd|we|our)\b", re.I)
_WANTS = {
    "time": r"\bwhen\b|what (date|day|month|year|time)|how long|how many (days|weeks|months|years)",
    "number": r"\bhow (many|much|often|old|long|far|tall|big)\b|total|number of|amount|percent",
    "name": r"\bwho\b|whose|whom|\bwhere\b|\bname|called|title|which|what (city|country|place|state|book|song|movie|game|show)",
    "machine": r"you (told|mentioned|recommended|suggested|said|provided|gave|listed|created|wrote)|remind me"
    r"|our (previous|last|earlier) (conversation|chat|discussion)|previous (conversation|chat)",
    "past": r"\b(did|was|were|had|have|has|ago|since)\b",
    "future": r"\b(will|going to|plan|plans|planning|upcoming|next|intend|want)\b",
}
_WANTED = {name: re.compile(pattern, re.I) for name, pattern in _WANTS.items()}


@dataclass(frozen=True, slots=True)
class Question:
    """A question understood.

    `weights`: what to search, in the order of the question, names of speakers left out where other terms remain; a term's
    weight, 1 or UNIT_WEIGHT, is for readers: the ranker counts them alike. `speakers`: codes of the speakers that it names.
    `own`: it is about the asker. `machine`: it asks for what the assistant said. `time`, `number`, `name`: the sort of
    answer. `past`: it asks for what was, not what will be. `english`: the share of its terms in a script with spaces, as far
    as which the vectors, which know English only, are believed.
    """

    weights: Mapping[str, float]
    speakers: tuple[int, ...]
    own: bool
    machine: bool
    time: bool
    number: bool
    name: bool
    past: bool
    english: float


@lru_cache(maxsize=1)
def kin() -> Mapping[str, Mapping[str, float]]:
    """Stem -> stems of words that mean nearly the same, with their nearness, 0…1; made by tools/build_kin.py."""
    found: dict[str, Mapping[str, float]] = {}
    for line in KIN.read_text(encoding="utf-8").splitlines():
        stem, *others = line.split()
        found[stem] = {other: int(near) / 100 for other, near in (pair.split(":") for pair in others)}
    return MappingProxyType(found)


def searched(text: str) -> tuple[str, ...]:
    """All terms whose postings the ranker may need, for any set of speakers: those of the question and their kin."""
    words = dict.fromkeys(terms(text))
    return tuple(words | dict.fromkeys(other for word in words for other in kin().get(word, ())))


def embedded(text: str) -> str:
    """The question without its preamble ("can you remind me what …"): what to embed for the cosines."""
    return _PREAMBLE.sub(" ", text)


@lru_cache(maxsize=4096)
def _name_terms(name: str) -> frozenset[str]:
    return frozenset() if name.casefold().strip() in MACHINES else frozenset(terms(name))


def read(text: str, speakers: Iterable[tuple[int, str]]) -> Question:
    """Read a question asked among these speakers, given as (code, name)."""
    words = tuple(dict.fromkeys(terms(text)))
    asked = set(words)
    named = [(code, _name_terms(name)) for code, name in speakers if _name_terms(name) & asked]
    names = frozenset().union(*(found for _, found in named))
    content = [w for w in words if w not in ASKING]
    if not any(w not in names for w in content):
        content = list(words)
    content = [w for w in content if w not in names] or content
    wants = {name: bool(pattern.search(text)) for name, pattern in _WANTED.items()}
    return Question(
        weights={w: UNIT_WEIGHT if w in UNITS else 1.0 for w in content},
        speakers=tuple(code for code, _ in named),
        own=not named and bool(_FIRST_PERSON.search(text)),
        machine=not named and wants["machine"],
        time=wants["time"],
        number=wants["number"],
        name=wants["name"],
        past=wants["past"] and not wants["future"],
        english=sum(w[0] < _CJK for w in words) / max(len(words), 1),
    )
