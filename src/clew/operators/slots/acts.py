"""What a brief turn does to what is known: says, changes, corrects or takes back a value; of whom, and of which time.

No grammar of slots: words are sorted into names and numbers, words of change, words of error, what only leads up to the
point, and the rest, which is the topic. So a turn can be held against others about the same thing, whatever its words.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from clew.operators.slots.senses import plain as said_plainly
from clew.operators.times import when
from clew.storage.terms import STOPWORDS

VERSION = 4
BRIEF = 170  # characters up to which a turn says one thing
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
# Said before or around the point: who speaks here speaks of speaking.
_FRAME = re.compile(
    r"^\s*(?:(?:oh|and|so|well|ok(?:ay)?|hey|hi|also|btw|by the way|for (?:the record|completeness|your information)|just so you know|"
    r"(?:one|a) (?:more |last )?thing|(?:quick|small|a|one|minor|slight) "
    r"(?:note|update|question|correction|fix|remark|reminder)|a note|update|fyi|note|heads[- ]up|remember|reminder|"
    r"as (?:i )?said(?: before)?|(?:good )?(?:morning|afternoon|evening)(?=[!,.])|guess what|"
    r"as you (?:(?:may|might|probably|already|all) )*know|please note(?: that)?|"
    r"it says(?: here)?(?: that)?|here(?: is|['’]s) (?:some |the )?news|to be clear|as before|for what it['’]?s worth|anyway|incidentally|news)\b[\s,:;.–—-]*)+"
    r"|\bI(?:['’]ve| have| had)?\s+(?:just\s+|only\s+)?(?:forgot|wanted|meant|have|need|ought|should|must)(?:\s+to)?\s+"
    r"(?:mention|say|tell you|add|note|point out)\b(?:\s+that\b)?"
    r"|\bI(?:['’]ve| have)?\s+(?:just\s+)?(?:see|saw|read|found|find|noticed|gather|learned|learnt|hear|heard|know|remember|reali[sz]ed?|checked)\b"
    r"(?:\s+out)?(?:\s+(?:from|in|by|again)\b[^,.:;]{0,40}?)?\s+that\b"
    r"|\b(?:what|everything|all|whatever)\s+(?:that\s+)?I(?:['’]ve| have| had)?\s+(?:just\s+)?(?:said|told you|mentioned|wrote|claimed|stated)"
    r"(?:\s+(?:earlier|before|yesterday|last time))?(?:\s+(?:about|on|regarding|concerning))?"
    r"|\bI(?:['’]ve| have)?\s+(?:take|took|taken|got|get|had|made|was|am|must have been|meant(?:\s+to\s+say)?|misspoke|misread|misremembered|said|"
    r"told you|confused|mixed)\b(?:\s+(?:back|up|it|that|this|them|things|all|a|an|the|my|wrong|mistaken|confused|mistake|error|slip|what"
    r"|I|told|you|said|earlier|before))*(?=\s*[,.:;–—-]|\s*$)"
    r"|\b(?:before|if|as|when|while|unless)\s+I\s+(?:forget|forgot|remember|recall|may|say|said|know|am not mistaken)\b"
    r"|\b(?:let me|allow me to|I (?:must|have to|need to|should|want to|would like to))\s+(?:correct|rephrase|fix|tell|add|put|set|clarify|note|say)\b"
    r"(?:\s+(?:myself|that|this|it|you|right|straight|something))*"
    r"|\bto let you know\b|\bI\s+(?:meant|mean)\b(?!\s+to\s+(?!say\b))"
    r"|\b(?:that|it|this)\s+(?:is|was)\s+(?:just\s+)?(?:a |an |my )?(?:slip|mistake|error|typo|mix[- ]?up|wrong|incorrect)"
    r"(?:\s+(?:of mine|of me|on my part))?"
    r"|\b(?:my|of)\s+(?:mistake|error|bad|fault|slip|mine|apologies)\b|\bon my part\b",
    re.I,
)
_WRONG = re.compile(
    r"\b(?:correction|correct(?:ed|ing)?\s+(?:myself|that|this|it|what)|actually|wrong|incorrect|mistak(?:e|en|enly)|slip|mix(?:ed)?[- ]?up"
    r"|mixed\s+.{1,15}?\s+up|never|false|not (?:right|the case)|lied|sorry|I meant|meant to say|misspoke|misread"
    r"|misremembered|confused|in error|untrue|not true|made up|typo|should (?:have been|read|be)|no wait|wait,? no|after all)\b"
    r"|^\W*no\b[,:.]|^\W*not\s[^.,;:!]{1,60}[!.,;:]|\bapolog(?:y|ies|i[sz]e)\b|^\W*(?:scratch|strike|delete|cross out)\s"
    r"|\bI\s+(?:told you|said|claimed|wrote|mentioned)\s[^.;:!?]{1,60}?,?\s+but\b",
    re.I,
)
_TAKEN = re.compile(
    r"\b(?:tak(?:e|en|ing) (?:(?:that|it|this|what .{3,60}?) )?back|disregard|never ?mind|mix(?:ed)?[- ]?up|not .{1,60} after all"
    r"|(?:ignore|forget|scrap|drop|discard|withdraw|retract|strike|scratch|delete|undo|cross out|don['’]t (?:believe|trust|rely on|mind))\s+"
    r"(?:what|that|it|this|everything|all|my (?:last|earlier|previous)|the (?:bit|part|thing|note|remark|line|idea|story|claim))"
    r"|(?:was|were|is|are|isn['’]t|wasn['’]t|it['’]s|that['’]s)\s+(?:just\s+|simply\s+|never\s+|not\s+)*(?:true|untrue|false|incorrect|wrong|made up"
    r"|the case|nonsense|a (?:mistake|lie|joke|mix[- ]?up))\b"
    r"|I (?:was|am|were|must have been)\s+(?:just\s+|simply\s+|quite\s+)?(?:wrong|mistaken|confused|mixed up|lying|joking)\s+(?:about|that|when|on)\b"
    r"|(?:should not|shouldn['’]t|ought not to) have (?:said|told|claimed|written|mentioned)"
    r"|turn(?:s|ed) out .{1,60}?(?:not|n['’]t)\b|made (?:it|that|this|up)\b)",
    re.I,
)
_CONTRAST = re.compile(
    r",\s*(?:and\s+|but\s+)?(?:it (?:is|was) )?(?:not|never)\s+(?!so\b)\S|\b(?:instead of|rather than)\b|;\s*not\s|\bmeant\b(?!\s+nothing)",
    re.I,
)
# What is put aside in the same breath as its right value: "not Y", "rather than Y", "it was never Y", "Y was a slip".
_PART = r"(?:[^,.;:!?]|(?<=\d)[.,:](?=\d))"  # within a phrase; what stands between digits parts nothing
_OLD = re.compile(
    rf"(?:\brather than|\binstead of|\bit (?:was|is|were) (?:never|not)|(?:,|;)\s*(?:and\s+|but\s+)?(?:it (?:is|was) )?(?:not|never)|\band not|^\W*not)\s+"
    rf"(?:an?\s+|the\s+)?(?P<after>{_PART}{{1,60}})|(?:^|[,.;:]\s)\s*(?P<before>{_PART}{{1,60}}?)\s+(?:was|is)\s+(?:just\s+)?(?:an?|my)\s+"
    rf"(?:slip|mistake|error|typo|mix[- ]?up)\b|\b(?:is|was|are|were)\s+not\s+(?:an?\s+|the\s+)?(?P<denied>{_PART}{{1,60}})"
    rf"|^\W*(?:scratch|strike|forget|drop|delete|cross out)\s+(?!what\b|that\b|it\b|this\b|everything\b)(?P<struck>{_PART}{{1,60}}?)(?:[:;,!]|\.\s)"
    rf"|\bI\s+(?:told you|said|claimed|wrote|mentioned)\s+(?:that\s+)?(?P<told>{_PART}{{1,60}}?),?\s+but\b",
    re.I,
)
_PARTS = re.compile(r"(?:[.!?;:–—]|\s-)\s+|,\s+")
_STRUCK = re.compile(r"\b(?:ignore|forget|scrap|drop|discard|withdraw|retract|strike|scratch|delete|undo|cross out|remove)\b", re.I)
VALUE = 4  # words of a value at the most, where nothing but a change is told
_AFTERWARDS = frozenset("now today again then days lately currently nowadays onwards recently".split())  # noqa: SIM905 - these stand after the value too
_GOT = frozenset("get gets got getting been being has have had finally also".split())  # noqa: SIM905 - helping verbs
_OF_NAME = re.compile(r"\b[A-Z]\w+(?:['’]s|s['’])\s|\b(?:of|for)\s+[A-Z]\w")
_CLAUSE = 4  # words that say something by themselves
_IN = re.compile(r"\bin (?:the )?((?:[A-Z]\w*\s?)+)")
_UNREAL = re.compile(r"\?\s*$|\b(?:if|would|could|might|maybe|perhaps|suppose|imagine|unless|whether)\b", re.I)
_PAST = re.compile(
    r"\b(?:was|were|had|did|used to|lived|worked|drove|paid|owned|held|ran|led|wore|took|ate|sat|met|went|[a-z]{3,}ed)\b", re.I
)
_ME = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours|i['’]m|i['’]ve|we['’]re|we['’]ve)\b", re.I)
_WE = re.compile(r"(?<!^)\b(?:we|us)\b", re.I)  # where something is named, it is that, not those who speak
_MINE = re.compile(r"\b(?:my|mine|our|ours)\b", re.I)
_OWNER = re.compile(r"\b(?!It|That|What|There|Here|He|She|Who|Let|How|Where)[A-Z]\w+(?:['’]s|s['’])\s")
_HEADING = re.compile(r"^\W*(?:[A-Za-z][a-z'’-]*\s+){0,3}[A-Za-z][a-z'’-]*:(?=\s)")
_OVER = re.compile(r"\b(?:no longer|any ?more|any longer|stopped|ended|quit|gave up|over now)\b", re.I)
_DID = frozenset("has had tore left fell went became got broke sank ran lost won took gave quit hurt caught flew came".split())  # noqa: SIM905
_GONE = re.compile(
    r"\b(?:died|failed|crashed|resigned|retired|emigrated|expired|lapsed|outgrew|outgrown|vanished|burn(?:ed|t)\s+down|ran\s+out|sold\s+out"
    r"|(?:shut|closed|broke|stepped|gone|went|is|was)\s+(?:down|up|away|bankrupt|bust|dead|gone|out of)|on\s+leave|(?:was|were|got|been)\s+(?:sold|shut|closed"
    r"|fired|sacked|scrapped|demolished|retired|withdrawn|discontinued|decommissioned))\b",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:not|never|no longer|any ?more|any longer|isn['’]t|wasn['’]t|aren['’]t|don['’]t|doesn['’]t|stopped|quit|gave up)\b", re.I
)
TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*(?:[A-Z]\b)?|[^\W_](?:[^\s,;:!?()\"“”]*[^\W_])?")
CHANGES = frozenset(
    """now new newly anymore longer days nowadays instead recently just since changed change changes switched switch moved move relocated became
    become becomes renamed replaced took taken takes taking over left quit traded dropped swapped went rose fell raised lowered cut
    increased reduced extended postponed brought forward pushed set made promoted goes gave stopped started ended gone sold bought
    cancelled canceled latest current currently today then again still already from onwards lately transferred exchanged reassigned
    assigned given finished completed upgraded downgraded joined adopted turned reset adjusted climbed grew shrank starting effective""".split()  # noqa: SIM905
)
_ERRORS = frozenset(
    """correction corrected actually wrong incorrect mistake mistaken slip mix-up mixup mixed disregard ignore forget scratch strike scrap take
    took back meant sorry misspoke misread confused error untrue true typo wait please never not no after all being retract withdraw nevermind
    said told turns turned oops earlier before""".split()  # noqa: SIM905
)
_STARTS = frozenset(
    """a actually ah aha also an and as at but by correction finally first for fyi generally he hello her here hey hi his hm hmm huh i if in it its just last
    later my no nothing now oh ok okay on oops one our please quick quickly remember scratch she since so sorry still that the their then there these
    they this those today tomorrow wait we well uh um what when where which while who whoops why with yes yesterday you your from until between before
    after disregard ignore forget take new currently to at in of under with by not never none""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Act:
    """A brief turn, read. All words are in lower case, possessives taken off.

    `since` and `until` are told in the words themselves, None where they are not: then it holds from when it was said.
    """

    tokens: frozenset[str]  # every word and number
    marks: frozenset[str]  # names and numbers; a capital at the beginning may be either, and is in `words` too
    words: tuple[str, ...]  # the topic: no name, no word of change or error, no function word
    lead: str  # the word at the beginning, where its capital may be that of a name
    me: bool  # it is about its speaker
    changes: frozenset[str]  # its words of change
    wrong: bool  # it says that something was not so
    withdrawn: bool  # it takes something back and puts nothing in its place
    denied: bool  # it has a negation
    over: bool  # it says that something came to an end
    old: frozenset[str]  # the words that it puts aside ("not the oboe")
    placed: frozenset[str]  # names after "in": where something is, not who
    claims: tuple[str, ...] = ()  # its parts that say something with no word of error, whatever its other parts take back
    since: datetime | None = None
    until: datetime | None = None
    owned: bool = False  # somebody is named as whose something is, or as who does something
    before: frozenset[str] = frozenset()  # the words before its first word of change, but for function words
    tail: bool = False  # after its last word of change nothing stands but a few words without a preposition between them
    text: str = ""
    said: str = ""  # the words in their order, parted and bounded by single spaces


@lru_cache(maxsize=8192)
def read(text: str, at: datetime | None) -> Act | None:
    """The act of a turn said at `at`; None where it is long, asks, or supposes."""
    return None if len(text) > BRIEF or _UNREAL.search(text) else _read(text, at)


@lru_cache(maxsize=512)
def question(text: str) -> Act:
    """A question read in the same way: whom it names, whether it is about its asker, and its topic."""
    return _read(text, None)


def _read(text: str, at: datetime | None) -> Act:
    since, until, told = spans(text, at) if at is not None else (None, None, text)
    plain = said_plainly(_FRAME.sub(" ", _HEADING.sub(" ", told)).strip(" ,:;.–—-"))
    aside = " ".join(part for found in _OLD.finditer(told) for part in found.groups() if part)
    marks, words, lead, opening = set[str](), [], "", True
    for match in TOKEN.finditer(plain):
        word = bare(match[0])
        low = word.casefold()
        if any(c.isdigit() for c in word):
            marks.add(low)
        elif word[:1].isupper() and low not in _STARTS and low != "i":
            marks.add(low)
            if opening:
                lead = low
                words.append(low)
        else:
            words.append(low)
        opening = plain[match.end() : match.end() + 2] in (". ", "! ", ": ")
    tokens = frozenset(bare(m[0]).casefold() for m in TOKEN.finditer(plain))
    topic = tuple(w for w in words if w not in STOPWORDS and w not in CHANGES and w not in _ERRORS and not w.endswith(("n't", "n’t")))
    changes, contrast = CHANGES.intersection(words), bool(_CONTRAST.search(text))
    taken = bool(_TAKEN.search(text))
    return Act(
        tokens,
        frozenset(marks),
        topic,
        lead,
        bool(_ME.search(_WE.sub(" ", plain) if marks else plain)) and (bool(_MINE.search(plain)) or not _OWNER.search(plain)),
        changes,
        bool(_WRONG.search(text)) or taken or (contrast and not changes),
        taken and not contrast,
        bool(_DENIED.search(text)),
        bool(_OVER.search(text)),
        frozenset(bare(m[0]).casefold() for m in TOKEN.finditer(aside)) - STOPWORDS,
        frozenset(w.casefold() for m in _IN.finditer(plain) for w in m[1].split()),
        _claims(told),
        since,
        until,
        bool(lead or _OF_NAME.search(plain)),
        _before(plain),
        _tail(plain),
        text,
        f" {' '.join(bare(m[0]).casefold() for m in TOKEN.finditer(text))} ",
    )


def gone(text: str) -> bool:
    """Whether a text tells that somebody or something is there no more: "the mill burned down", "Ann resigned"."""
    return bool(_GONE.search(text))


def acted(act: Act, words: frozenset[str]) -> bool:
    """Whether somebody or something of that name did or underwent something: "Ann tore a ligament", beside whoever stands in for her."""
    return any(word in words and (after in _DID or after.endswith("ed")) for word, after in pairwise(act.said.split()))


def _before(plain: str) -> frozenset[str]:
    words = [bare(match[0]).casefold() for match in TOKEN.finditer(plain)]
    first = next((n for n, word in enumerate(words) if word in CHANGES), len(words))
    return frozenset(words[:first]) - STOPWORDS - _GOT


def _tail(plain: str) -> bool:
    words = bare(plain).casefold().split()
    last = max((n for n, word in enumerate(words) if word in CHANGES - _AFTERWARDS), default=None)
    if last is None:
        return False
    after = words[last + 1 :]
    while after and after[0] in STOPWORDS | CHANGES:
        after = after[1:]
    while after and after[-1] in STOPWORDS | CHANGES:
        after = after[:-1]
    return 0 < len(after) <= VALUE and STOPWORDS.isdisjoint(after)


def _claims(text: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _PARTS.split(text))
    return tuple(p for p in parts if len(p.split()) >= _CLAUSE and not any(sign.search(p) for sign in (_WRONG, _TAKEN, _DENIED, _STRUCK)))


def bare(word: str) -> str:
    """A word without the ending of a possessive."""
    for end in ("'s", "’s", "'", "’"):
        word = word.removesuffix(end)
    return word


_UNTIL = re.compile(r"^(?:until|till|up\s+to|before|prior\s+to)\b", re.I)
_SENTENCE = re.compile(r"[.;:!?](?=\s|$)")
_WRITTEN = re.compile(r"\d.*[a-z]{3}|[a-z]{3}.*\d|\d+[./-]\d", re.I)  # a date, no weekday
_SINCE = re.compile(r"^since\b", re.I)
_AFTER = re.compile(r"^(?:by|after|from)\s(?!.*\b(?:to|until|till|through|and)\b)", re.I)
_FROM = re.compile(r"^(?:from|between)\b|\b(?:from|between)\s+$", re.I)
_BEGINS = re.compile(r"\b(?:as (?:of|from)|effective|starting|beginning|from|back (?:in|on)|already (?:in|on)|since)\s+(?:the\s+)?$", re.I)
_DATED = re.compile(r"(?:\b(?:in|on)\s+(?:the\s+)?|^\W*|,\s*)$", re.I)
_THROUGH = re.compile(r"\b(?:throughout|during|all through|for (?:all|most|the whole|the rest) of)\s+(?:the\s+)?$", re.I)
_COARSE = frozenset({"day", "week", "weekend", "month", "season", "quarter", "year", "decade"})
_TIMES = re.compile(
    r"\d{4}|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|day\b|\b(?:week|month|year|ago|spring|summer|autumn|fall|winter)", re.I
)


def spans(text: str, at: datetime) -> tuple[datetime | None, datetime | None, str]:
    """(since, until, the text without these times) as far as the words say when it held.

    "From May to July it was", "until April", "back in March I switched"; a date that is itself the value is left alone.
    """
    if not _TIMES.search(text):
        return None, None, text
    past, changed = bool(_PAST.search(text)), _changed(_FRAME.sub(" ", text))
    since = until = None
    rest = text
    for found in when.intervals(text, at):
        before = text[: found.span[0]]
        if found.grain == "range":
            rest = rest.replace(found.text, " ")
            if _SINCE.match(found.text):
                since = found.start if at - found.start > WEEK else None  # "since this week" is no more than when it is said
            elif _UNTIL.match(found.text):
                edge = found.end if found.end < at + DAY else found.start
                until = edge if past or edge > at else None
                since = LONG_AGO if until is not None and until <= at else since
            elif _AFTER.match(found.text):
                since = found.start if found.start > LONG_AGO else found.end - DAY
            elif past or _FROM.match(found.text) or _FROM.search(before):
                since, until = found.start, found.end - DAY if found.end - found.start > 2 * DAY else found.end
        elif found.end <= at and _THROUGH.search(before):
            since, until = found.start, found.end
            rest = rest.replace(found.text, " ")
        elif (
            found.grain in _COARSE
            and (_BEGINS.search(before) or (_DATED.search(before) and (changed or _then(text, found, at))))
            and since is None
        ):
            since = None if found.start <= at < found.end else found.start
            rest = rest.replace(found.text, " ")
    return since, until, rest


def _then(text: str, found: when.Interval, at: datetime) -> bool:
    """Whether a sentence tells in the past tense of that day, which is written out: "on 3 May the pulse was 62"."""
    start, end = found.span
    begin = max((m.end() for m in _SENTENCE.finditer(text, 0, start)), default=0)
    stop = _SENTENCE.search(text, end)
    told = _FRAME.sub(" ", text[begin : stop.start() if stop else len(text)])
    return found.grain == "day" and found.end <= at and bool(_WRITTEN.search(found.text) and _PAST.search(told))


def _changed(text: str) -> bool:
    """Whether a verb of change in the past tense stands in the text, so that a date is that of the change."""
    return bool(
        re.search(
            r"\b(?:moved|switched|changed|became|took|joined|started|began|left|got|bought|replaced|renamed|raised|lowered|promoted|swapped|went)\b",
            text,
            re.I,
        )
    )
