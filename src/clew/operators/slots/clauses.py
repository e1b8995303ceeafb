"""The clauses of a text that could state something: fillers, questions and quoted words left out, each with its verbs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clew.operators.slots.verbs import ANY, OWN, PREDICATES

Verb = tuple[int, int, str]  # start, end, key in PREDICATES
SHORTEST = 7  # characters of a sentence, or of what comes before a question in it
SINGLE = 120  # characters of a sentence about others that is one clause
CLAUSE = 260  # characters of a clause that can be one statement

_SENTENCE = re.compile(r"[.!?…]+[\"')”’]*\s+|\n+")
_ABBREVIATED = re.compile(r"(?:\b[A-Z]|\b(?:Dr|Mr|Mrs|Ms|St|vs|Jr|No))\.\s+$")
_CLAUSE = re.compile(
    r"(?:;|,?\s(?:but|because|although|though|whereas|and then)\s|\s[-–—]+\s|—|,\s(?:and|so|or|which|who|which|where|"
    r"considering|especially|given)\s|"
    r"\sso\s(?=I\b|we\b)|\sand\s(?=(?:I|we|my|our|now|joined|moved|started|left|quit|took|got|bought|switched|live|work|am)\b)|"
    r",\s(?=I\b|I['’]|we\b|my\b|our\b|the\b|it['’]s\b|it is\b|but\b)|:\s|\((?=[A-Za-z])|\))"
)
_LEAD = re.compile(
    r"(?:\s*(?:[-*•>]|\(?\d{1,5}[.)]\s)?\s*(?:(?:by the way|btw|but|oh|ok|okay|yes|yeah|yep|well|so|and|also|anyway|fyi|update|"
    r"note|heads[- ]up|"
    r"reminder|just so you know|just to let you know|for (?:the record|your information)|good news|great news|big news|guess what|news|"
    r"quick (?:note|update)|hey(?: \w+)?(?=[,!])|hi(?: \w+)?(?=[,!])|hey(?= [a-z]|,)|hello|thanks|(?:please )?(?:remember|note)(?: "
    r"that)?|actually|no|sorry|correction|"
    r"oops|wait|scratch that|my mistake|i misspoke|i was wrong|to correct myself|i meant(?: to say)?(?: that)?|in fact|as of now|now|"
    r"it turns out(?: that)?|turns out(?: that)?|i just (?:realized|realised|noticed|found out|learned|heard)(?: that)?|"
    r"i (?:realized|realised|noticed|found out)(?: that)?|speaking of [^,.]{1,40}|you should know(?: that)?|i (?:should|must|want "
    r"to|wanted to|forgot to|ought to) (?:mention|tell you|say|add|note|let you know)(?: that)?|let me (?:tell you|add|update "
    r"you|note|mention)(?: that)?|for your (?:notes|records)|one (?:more )?(?:thing|update|change)|small (?:update|change|"
    r"thing)|(?:a )?(?:quick|little|small|short) (?:update|change|correction|note)(?: from (?:me|us|my side))?)\b[\s,:.!–—-]*))"
    r"+",
    re.I,
)
_CORRECTS = re.compile(
    r"\b(?:correction|i meant|i misspoke|my mistake|scratch that|oops|to correct|i was wrong|that(?:'s| was|’s) (?:wrong|not right|"
    r"incorrect)|"
    r"i made a mistake|i got (?:that|it) wrong|should (?:have been|read))\b|^\W*(?:actually|no|sorry|wait)\b[\s,:–—-]",
    re.I,
)
_ASKS = re.compile(
    r"(?:^|[,;–—-]\s*|\b(?:and|so|but|or)\s+)(?:do|does|did|can|could|would|will|should|shall|is|are|am|was|were|has|have|had|what|"
    r"which|who|"
    r"whose|where|when|why|how|any|isn['’]t|don['’]t|doesn['’]t|right|correct)\b",
    re.I,
)
_QUOTED = re.compile(r"(?:\b(?:said|says|say|told \w+|asked|wrote|replied|answered|quote|quoted)\b[,:]?\s*)[\"“][^\"”]*[\"”]?", re.I)
NOBODY = frozenset(
    [
        "it",
        "this",
        "that",
        "these",
        "those",
        "there",
        "he",
        "she",
        "they",
        "you",
        "who",
        "what",
        "which",
        "everyone",
        "everybody",
        "someone",
        "somebody",
        "anyone",
        "people",
        "one",
        "here",
        "all",
        "some",
        "most",
        "many",
        "both",
        "each",
        "other",
        "others",
        "nobody",
        "nothing",
        "something",
        "anything",
        "everything",
        "none",
        "such",
        "his",
        "her",
        "their",
        "its",
        "your",
    ]
)
_NOTE = re.compile(
    r"\s*(?:please\s+)?(?:(?:can|could|would|will) you (?:please )?)?(?:note|remember|record|save|write down|keep in mind|remind "
    r"yourself)"
    r"(?:,? (?:that|down|for me))*[:,]?\s+(?=(?:I|my|our|the|we|[A-Z])\b)",
    re.I,
)
# What a sentence about oneself says of a slot has a name, a number, or one of a few words in it: most small talk has none.
_TELLS = re.compile(
    r"(?<=[\w,;:'’] )[A-HJ-Z]|\bI[a-z]|\d|['’\"“(][A-Z]|\b(?:[Mm]y|[Oo]ur|lived?|living|work|worked|working|job|moved|vegetarian|vegan|every|once|"
    r"twice|times|keep|kept|left|quit|longer|any ?more|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|"
    r"thousand|promoted|made|appointed|hired|room|(?:['’]m|am|as) an?)\b"
)
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.S)
_I = re.compile(r"(?:I|We|we)\b")
_WORD = re.compile(r"[\w'’]+")
TITLED = re.compile(r"[A-Z]\w*(?: to| the| of)? [A-Z0-9]")

FIRST = re.compile(r"\bI\b(?! (?:is|was|of|the)\b| [A-Z]|['’]s)|\b(?:[Ww]e|[Mm]y|[Oo]ur)\b(?! [A-Z])")
_BEFORE_OWN = frozenset("i we now currently still also actually they will i'll we'll you'll they'll".split())  # noqa: SIM905
_CONTRACTED = frozenset({"i'm", "i've", "i'll", "we're", "we've", "we'll", "it's"})
_OWN_FORMS = frozenset(OWN.split())
_WHO = frozenset({"i", "we"})
_ARTICLES = frozenset({"the", "a", "an", "my", "our", "i", "we", "and", "but", "so"})
_BESIDE = frozenset("now currently also still always usually".split())  # noqa: SIM905
# Of these one says what one thinks or does now and then, not what is so.
_MINDING = frozenset(
    """think feel know want like love need hope guess mean see hear agree believe wish understand remember wonder plan try would could should
    can may might must just really had did said told got went was am look looked care talk enjoy find forgot felt found thought knew made
    took came even ended decided tried never always usually often sometimes""".split()  # noqa: SIM905
)
_TOKEN = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a text that may be one statement: [i, j), and its sentence from `start` on."""

    text: str
    i: int
    j: int
    whole: bool  # it is its whole sentence
    start: int
    verbs: tuple[Verb, ...]
    heir: bool = False  # without a subject of its own: it goes on after "I … and"

    @property
    def correcting(self) -> bool:
        """Its sentence, up to its end, is said as a correction."""
        return bool(_CORRECTS.search(self.text[self.start : self.j]))

    @property
    def words(self) -> str:
        """Its text."""
        return self.text[self.i : self.j]


def verbs(text: str, i: int, j: int) -> list[tuple[int, int, str]]:
    """(start, end, key) of the verbs of `PREDICATES` in text[i:j], in order; base forms only after I, we, will and the like.

    Words are looked up, not searched for: a pattern of a hundred words costs ten times as much.
    """
    found: list[tuple[int, int, str]] = []
    other: list[tuple[int, int, str]] = []
    before, named = "", False
    for token in _TOKEN.finditer(text, i, j):
        word = token.group()
        if "’" in word:
            word = word.replace("’", "'")
        low = word.lower()
        if low in _CONTRACTED:
            cut = low.index("'")
            found.append((token.start() + cut, token.end(), low[cut:]))
        elif (low in PREDICATES or low == "will") and word == low:
            start, end = token.span()
            joined = (start > 0 and text[start - 1] in "-'’_") or (end < len(text) and text[end] in "-_")
            if low in _OWN_FORMS:
                joined = joined or before not in _BEFORE_OWN
            elif low in ("no", "do", "does"):
                joined = joined or not text.startswith(" longer" if low == "no" else " not", end)
            if not joined:
                found.append((start, end, low))
        elif word == low and (
            (before in _WHO and low not in _MINDING and not low.endswith("ed")) or (named and low.endswith("s") and len(low) > 3)
        ):
            other = other or [(*token.span(), ANY)]
        before, named = low, (word != low and low not in NOBODY and low not in _ARTICLES) or (named and low in _BESIDE)
    return found or other


def sentences(text: str) -> Iterator[tuple[Clause | None, Iterator[Clause]]]:
    """For each sentence that could state something: itself as one clause where it may be one, and the clauses it has."""
    start = 0
    fences = [m.span() for m in _FENCE.finditer(text)] if "```" in text else []
    for m in (*_SENTENCE.finditer(text), None):
        end, after = (m.start() + 1, m.end()) if m else (len(text), len(text))
        if m and text[m.start()] == "." and (text[after : after + 1].islower() or _ABBREVIATED.search(text, max(start, after - 8), after)):
            continue
        i, start = start, after
        if end - i < SHORTEST or any(a <= i < b for a, b in fences) or not (bounds := _bounds(text, i, end)):
            continue
        begin, j = bounds
        own = bool(FIRST.search(text, begin, j))
        word = _WORD.match(text, begin, j)
        aside = word and word.group().casefold() in NOBODY and word.group().casefold() != "it"
        if own and not _TELLS.search(text, begin, j):
            continue
        if (not own and aside and not TITLED.match(text, begin, j)) or not (found := verbs(text, begin, j)):
            continue
        whole = None
        if j - begin <= CLAUSE and not own:
            whole = Clause(text, begin, j, True, i, tuple(found))
        yield whole, _parts(text, i, begin, j, own, found)


def _bounds(text: str, i: int, end: int) -> tuple[int, int] | None:
    """[begin, j) of a sentence without what leads up to it, what it asks and what it quotes; None where nothing is left."""
    sentence = text[i:end].rstrip(" \"')”’")
    j = i + len(sentence)
    noted = _NOTE.match(text, i, j)
    if noted:
        i = noted.end()
    elif sentence.endswith("?"):
        asks = _ASKS.search(sentence)
        if asks is None or asks.start() < SHORTEST:
            return None
        j = i + asks.start()
    if ('"' in sentence or "“" in sentence) and (quoted := _QUOTED.search(text, i, j)):
        j = quoted.start()
    first = _LEAD.match(text, i, j)
    return (first.end() if first else i), j


def _parts(text: str, start: int, begin: int, j: int, own: bool, found: Sequence[Verb]) -> Iterator[Clause]:
    opening = begin
    cuts = [(m.start(), m.end()) for m in _CLAUSE.finditer(text, begin, j)]
    for cut, after in (*cuts, (j, j)):
        inside = tuple(v for v in found if begin <= v[0] < cut)
        if inside and cut - begin >= 5 and (own or cuts):
            lead = _LEAD.match(text, begin, cut)
            k = lead.end() if lead else begin
            if k < cut <= k + CLAUSE:
                heir = begin > opening and inside[0][0] == k and bool(_I.match(text, opening, j))
                yield Clause(text, k, cut, not own and begin > opening, start, inside, heir)
        begin = after
