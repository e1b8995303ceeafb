"""English as far as the fact reader needs it: word lists, sentences and clauses with their places, and verbs.

Word lists lie in `words.txt`. Nothing here knows of memories; every function is pure and never raises on any text.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

WORDS = Path(__file__).parent / "words.txt"
PAST, PRESENT, OTHER = "past", "present", "other"
_SENTENCE = re.compile(r"[^\s](?:[^\n]*?[^\s])??(?:[.!?…]+[\"')\]]*(?=\s+[\"'(\[]?[A-Z0-9]|\s*$|\s*\n)|(?=\s*\n|\s*$))", re.MULTILINE)
_ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|approx|No|e\.g|i\.e|a\.m|p\.m|[A-Z])\.$")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# Where a second clause with a subject of its own begins: ", and I", "; she", ", but my", ", Donald is".
_CLAUSE = re.compile(
    r"(?:;\s+|,\s+(?:and|but|so|yet)\s+(?=(?:I|I'm|I've|I'd|I'll|my|we|our|he|she|they|his|her|their)\b)|,\s+(?=I\b|I'm\b|my\s+\w+\s+(?:is|was)\b)"
    r"|,\s+(?=[A-Z][a-z]+ (?:is|was|has|works|lives)\b))"
)
# A phrase of time as it stands before a clause: "last week", "this morning".
TIMED = r"(?:last|this|one|next) (?:\w+day|night|morning|afternoon|evening|week|weekend|month|year|time|spring|summer|fall|autumn|winter)"
_LEADING = re.compile(
    r"(?:(?:\w+[,.!]?\s+)?\w+ing|after|before|since|when|while|as|during|in|on|at|with|for|from|by|although|though|because|due|despite|given|over|if"
    r"|inspired|thanks|like|through|lately|recently|currently|now|today|yesterday|initially|long-term|finally|eventually|well|actually|so|and|but|yes"
    rf"|absolutely|definitely|besides|honestly|{TIMED})\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def _parsed() -> Iterator[tuple[str, tuple[str, ...]]]:
    name, words = "", []
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            yield name, tuple(words)
            name, words = line.strip("[]"), []
        elif not line.startswith("#"):
            words += line.split()
    yield name, tuple(words)


@lru_cache(maxsize=1)
def lists() -> Mapping[str, frozenset[str]]:
    """Section -> its words; of verbs the bases alone."""
    return MappingProxyType({name: frozenset(w.split("/")[0] for w in words) for name, words in _parsed()})


@lru_cache(maxsize=1)
def verb_forms() -> Mapping[str, tuple[str, str]]:
    """A verb's form -> (its base, PRESENT, PAST or OTHER): works -> work, present; went -> go, past; going -> go, other."""
    found: dict[str, tuple[str, str]] = {}
    for entry in dict(_parsed())["verbs"]:
        base, past, part = ([*entry.split("/"), "", ""])[:3]
        regular = past or regular_past(base)
        for form, tense in ((part or regular, OTHER), (gerund(base), OTHER), (regular, PAST), (third(base), PRESENT), (base, PRESENT)):
            found[form] = (base, tense)
    found |= {"am": ("be", PRESENT), "is": ("be", PRESENT), "are": ("be", PRESENT), "does": ("do", PRESENT), "do": ("do", PRESENT)}
    found |= {"has": ("have", PRESENT), "did": ("do", PAST), "done": ("do", OTHER), "been": ("be", OTHER), "being": ("be", OTHER)}
    return MappingProxyType(found)


@lru_cache(maxsize=8192)
def third(base: str) -> str:
    """The form after he or she: work -> works, try -> tries, be -> is."""
    if base in ("be", "have", "do", "go"):
        return {"be": "is", "have": "has", "do": "does", "go": "goes"}[base]
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{base}s"


def regular_past(base: str) -> str:
    """The regular past: plan -> planned, try -> tried, bake -> baked."""
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return f"{base[:-1]}ied"
    return f"{_doubled(base)}ed"


def gerund(base: str) -> str:
    """The -ing form: plan -> planning, bake -> baking, die -> dying."""
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    if base.endswith("e") and base not in ("be", "see", "agree"):
        return f"{base[:-1]}ing"
    return f"{_doubled(base)}ing"


def _doubled(base: str) -> str:
    short = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", base) or base.endswith(("fer", "mit", "gret", "lap"))
    return base + base[-1] if short else base


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence or line, in order; fenced code is left out."""
    masked = _FENCE.sub(lambda m: " " * len(m[0]), text) if "```" in text else text
    found: list[tuple[int, int]] = []
    for match in _SENTENCE.finditer(masked):
        start, end = match.span()
        if found and _ABBREVIATED.search(masked, found[-1][0], found[-1][1]) and "\n" not in masked[found[-1][1] : start]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The sentence cut where another clause with its own subject begins; the joining words are left out."""
    spans, at = [], start
    for match in _CLAUSE.finditer(text, start, end):
        if _LEADING.match(text, at, match.start()) and match[0].startswith(",") and not match[0].strip(", "):
            continue  # "After work, I …" is one clause
        spans.append((at, match.start()))
        at = match.end()
    return [*spans, (at, end)]


def words(text: str) -> list[str]:
    """The words as written, with their apostrophes and hyphens."""
    return _WORD.findall(text)


def placed(text: str, start: int = 0, end: int | None = None) -> list[re.Match[str]]:
    """The words with their places."""
    return list(_WORD.finditer(text, start, len(text) if end is None else end))
