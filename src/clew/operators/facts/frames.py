"""Which sentences state something, and what: the subject, the slot and the value of one clause.

Rules from the particular to the general: who somebody is to the speaker, what is liked, what is planned, the slots of a
person ("I live in …"), then any subject with a verb. Where no subject can be told there is no frame.
"""

import re
from dataclasses import dataclass

from clew.operators.facts.language import OTHER, PAST, TIMED, lists, placed, verb_forms
from clew.storage.terms import terms

GOES_ON = re.compile(
    r"(?:It|It's|That|That's|This|These|Those|They|They're|They've|He|He's|She|She's|His|Her|Their|There|Plus|Which)\b", re.I
)
TIMES = re.compile(
    r"\d|\b(?:yesterday|today|tomorrow|tonight|last|next|ago|since|until|week|month|year|morning|weekend|recently"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december)",
    re.I,
)
_OPENER = re.compile(
    r"(?:(?:yes|yeah|yep|no|nope|well|oh|ok|okay|so|and|but|also|plus|absolutely|definitely|exactly|indeed|sure|of course|certainly|true|right"
    r"|honestly|actually|sorry|hi|hello|hey|thanks|thank you|happy new year|good morning|great|wow|haha|lol|by the way|btw|fyi|anyway|specifically|overall)"
    r"[,.!—-]*\s+)+",
    re.I,
)
_CORRECTING = re.compile(r"\b(?:actually|i meant|correction|not .{2,40} but|sorry)\b", re.I)
# What is asked of the listener, wished, supposed or only a courtesy states nothing about the world.
_IDLE = re.compile(
    r"(?:if|unless|when|whenever|let's|let me|please|could|can|would|do|does|did|is|are|what|how|why|who|where|which|thanks?|thank|imagine"
    r"|suppose|tell|give|show|explain|write|make sure|remember|remind)\b(?!.*,\s*(?:I|my)\b)"
    r"|i(?:'d| would)? (?:like|love|want|need) (?:to )?(?:share|tell|know|ask|hear|you)\b"
    r"|i (?:agree|see|understand|guess|wonder|suppose|hear you|get it|totally agree|don't know|am not sure)\b"
    r"|i appreciate (?:it|that|you|th(?:e|at|ese) (?:advice|idea|suggestion|tip|help|reminder|info)s?)\b"
    r"|i(?:'m| am) (?:not sure|sorry|curious|glad you|happy to|open to that)\b|i(?:'ll| will) (?:definitely )?(?:consider|think about|try) (?:that|it|those)\b"
    r"|[a-z]+, (?:that|this|it|you)\b|(?:today )?i'd like to share|let me introduce|good, let me|those suggestions|that sounds|sounds|my pleasure|my bad",
    re.I,
)
_YOU = re.compile(r"\b(?:you|your|yours|you're|you've|you'll)\b", re.I)
_NEGATION = re.compile(r"\b(?:not|never|no longer|no|none|nobody|nothing|without|neither|nor|cannot|hardly)\b|n['’]t\b", re.I)
_SUBJECT = re.compile(
    r"(?P<i>I|We)(?=['’ ])|(?P<np>(?:The|A|An|My|Our|His|Her|Their|This|Those|These|Some|Many|Both|Each|All)\s|[A-Z0-9]|[A-Za-z]+ing\s|[A-Za-z]+s\s)"
)
_STOP = re.compile(r",?\s+(?:because|since|although|though|while|but|so that|as it|as they|which|who|where|when)\b|,\s|\s[—–-]\s|;|:\s")
_ENDING = re.compile(
    r"\b(?:no longer|not anymore|any ?more\b|used to|stopped|quit|left|gave up|given up|retired from|resigned from|sold|broke up|cancell?ed|ended)\b",
    re.I,
)
_LEAD = re.compile(
    r"(?:[A-Z]?[a-z]+ing|After|Before|Since|When|While|As|During|In|On|At|With|For|From|By|Although|Though|Because|Due|Despite|Given|Over|Inspired"
    rf"|Thanks|Like|Through|Lately|Recently|Currently|Now|Today|Yesterday|Initially|Long-term|Finally|Eventually|Besides|(?i:{TIMED}))\b"
    r"[^,]{0,120},\s+(?=(?:I|I'm|I've|I'll|I'd|my|we|we're|we've|we'll|the|our|[A-Z][a-z]+)\b)"
)
_NUMBER = re.compile(r"\d")
_NAMED = re.compile(
    r"\b(?:[Mm]y|[Oo]ur)\s+(?:[a-z]+\s+)?(?P<kin>[A-Za-z]+\d?),?\s+(?:is (?:called|named)\s+)?(?P<name>[A-Z][a-z]+(?:\s[A-Z][a-z]+)?)\b"
)
_PERSON = re.compile(r"\b[A-Z][a-z]+(?:\s[A-Z][a-z]+){0,2}\b")
_KIN = re.compile(rf"\b(?:my|our|his|her|their)\s+(?:[a-z]+\s+)?({'|'.join(sorted(lists()['kin']))})\b", re.I)
_PRONOUN = re.compile(r"\b(?:(she|her|hers)|(he|him|his))\b", re.I)
_RELATION = re.compile(r"(?P<name>[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*) (?:is|was) (?:my|our) (?P<role>[A-Za-z]+)\b")
_PREFERS = re.compile(
    r"I(?P<not> (?:do not|don['’]t|never|didn['’]t))?(?: \w+ly| really| also| still| just| always)* (?P<verb>[a-z]+)"
    r" (?:to (?P<act>[a-z]+) |(?:watching|eating|drinking|playing|doing|going to|listening to|reading) )?(?P<value>[^,;]+)",
    re.I,
)
_OWN = re.compile(
    r"I(?:'m| am)(?: (?:now|currently|just))? (?P<age>\d{1,3})(?: years? old)?$"
    r"|I(?:'m| am)(?: (?:a|an))? (?P<gender>female|male|woman|man|non-binary)$"
    r"|I was born (?:on |in )?(?P<born>.+)"
    r"|I(?: currently| now)? (?:live|reside) (?:in|at|near) (?P<home>.+)|I(?:'m| am)(?: currently| now)? (?:living|based) (?:in|at) (?P<home2>.+)"
    r"|I(?:'ve| have)?(?: just| recently)? moved (?:back )?to (?P<home3>.+)"
    r"|I(?: currently| now)? work (?:at|for) (?P<firm>.+?)(?: as (?:an? )?(?P<job>.+))?$"
    r"|I(?:'m| am) from (?P<from>.+)|I grew up in (?P<grew>.+)",
    re.I,
)
_SLOTS = {
    "age": ("age", "quantity"),
    "gender": ("gender", "state"),
    "born": ("birth date", "date"),
    "home": ("lives in", "state"),
    "home2": ("lives in", "state"),
    "home3": ("lives in", "state"),
    "firm": ("works at", "state"),
    "from": ("is from", "state"),
    "grew": ("grew up in", "state"),
}
_VAGUE = frozenset(t for w in lists()["vague"] for t in terms(w))
_PLANNING = frozenset({"planning", "considering", "going", "thinking", "hoping", "looking", "aiming", "excited"})
_WILL = re.compile(r"(?:[^,]{0,40}, )?(?:I|we)(?:'ll| will)\b", re.I)
_GENERAL = re.compile(  # "Good partners", "Sharing stories", "Mindfulness": with no article or owner, the sort and not one of it
    r"^(?!(?:the|this|that|these|those|my|our|his|her|their)\b|.*'s\b)(?:[a-z]+ing\b.*|.*(?:[a-z]{2}s|ness|tion|ity|ment|ship|ism|ance|ence|ing))$",
    re.I,
)
_SELF = re.compile(r"\b(?:I|me|my|we|us|our)\b|\bI'", re.I)
_HELPING = frozenset({"do", "does", "did", "don't", "doesn't", "didn't"})


@dataclass(frozen=True, slots=True)
class Frame:
    """Subject as said ("I" for the speaker), slot in normal form, value as said."""

    subject: str
    slot: str
    value: str
    kind: str = "state"
    single: bool = False
    negated: bool = False
    ending: bool = False


def opened(text: str, start: int, end: int) -> tuple[int, bool]:
    """Where the clause begins behind its interjections, and whether it is said as a correction."""
    match = _OPENER.match(text, start, end)
    begin = match.end() if match and match.end() < end else start
    return begin, bool(_CORRECTING.search(text, start, min(end, start + 60)))


def goes_on(clause: str) -> bool:
    """It begins with a pronoun that means what was said before: "It …", "They …", "This is …", but not "These talks …"."""
    match = GOES_ON.match(clause)
    if match is None or match[0].lower() not in ("this", "these", "those", "that"):
        return match is not None
    after = [m[0].lower() for m in placed(clause, match.end(), match.end() + 40)][:2]
    return not after or any(w in verb_forms() or w in lists()["modals"] or w in lists()["adverbs"] for w in after[:1])


def idle(clause: str) -> bool:
    """A question, a request, a courtesy or a supposition."""
    return bool(_IDLE.match(clause) or _YOU.search(clause.partition(", because")[0]))


def worth(clause: str) -> bool:
    """It says something: two terms, a name or a number beside the words of conversation."""
    telling = set(terms(clause)) - _VAGUE
    return len(telling) >= 2 or bool(_NUMBER.search(clause)) or bool(telling and _OWN.match(clause))


def passing(clause: str, frame: Frame) -> bool:
    """What is soon forgotten: an intention ("I'll …") or a general remark that names nobody, no time, no number and not oneself."""
    if any(c.isdigit() for c in clause) or TIMES.search(clause) or _PERSON.search(clause, 1):
        return False
    return bool(_WILL.match(clause)) if frame.subject == "I" else bool(_GENERAL.search(frame.subject)) and not _SELF.search(clause)


def people(clause: str) -> list[tuple[str, str]]:
    """Who is named or called by kin in a clause, as (words, gender f, m or "" for unknown)."""
    found = []
    named = [(m["name"], m["kin"].lower()) for m in _NAMED.finditer(clause) if m["kin"].lower() in lists()["kin"]]
    if named:
        return [(who, "f" if kin in lists()["female"] else "m" if kin in lists()["male"] else "") for who, kin in named]
    for match in _KIN.finditer(clause):
        kin = match[1].lower()
        found.append((match[0], "f" if kin in lists()["female"] else "m" if kin in lists()["male"] else ""))
    for match in _PERSON.finditer(clause):
        first = match[0].split()[0].lower()
        named = first not in lists()["adverbs"] if match.start() else " " in match[0] and first not in verb_forms()
        if named and first not in lists()["calendar"]:
            found.append((match[0], ""))
    if not found and (spoken := _PRONOUN.search(clause)):
        found.append(("", "f" if spoken[1] else "m"))  # somebody who is not named here
    return found


def framed(clause: str) -> Frame | None:
    """The frame of a clause, or None where no subject with a verb is found."""
    clause = clause.replace("’", "'")
    if lead := _LEAD.match(clause):
        clause = clause[lead.end() :]
        clause = clause[:1].upper() + clause[1:]
    for rule in (_related, _own, _preferred, _any):
        if (frame := rule(clause)) is not None:
            return frame
    return None


def _core(value: str) -> str:
    """The value up to where a reason, a relative clause or an aside begins."""
    stop = _STOP.search(value)
    return (value[: stop.start()] if stop and stop.start() > 1 else value).strip(" .,;:!")


def _related(clause: str) -> Frame | None:
    if (match := _RELATION.match(clause)) and match["role"].lower() in lists()["kin"]:
        return Frame("I", match["role"].lower(), match["name"], "relation", negated=bool(_NEGATION.search(match[0])))
    match = _NAMED.match(clause)
    if match and match["kin"].lower() in lists()["kin"]:
        return Frame("I", match["kin"].lower(), match["name"], "relation")
    return None


def _own(clause: str) -> Frame | None:
    match = _OWN.match(clause)
    if match is None or _NEGATION.search(_core(clause)):
        return None
    group, value = next((g, v) for g, v in match.groupdict().items() if v and g != "job")
    slot, kind = _SLOTS[group]
    return Frame("I", slot, _core(value), kind, single=True)


def _preferred(clause: str) -> Frame | None:
    match = _PREFERS.match(clause)
    if match is None:
        return None
    base = verb_forms().get(match["verb"].lower(), (match["verb"].lower(), ""))[0]
    likes = base in lists()["likes"]
    if not likes and base not in lists()["hates"]:
        return None
    return Frame(
        "I", "likes", _core(match["value"]), "preference", negated=likes == bool(match["not"]), ending=bool(_ENDING.search(clause))
    )


def _any(clause: str) -> Frame | None:
    match = _SUBJECT.match(clause)
    if match is None:
        return None
    verb = _finite(clause, bool(match["i"]))
    if verb is None:
        return None
    subject, base, tense, head, rest = verb
    value = _core(rest)
    if not value:
        return None
    slot = " ".join([base, *([head] if head else [])])
    own, negated = bool(match["i"]), bool(_NEGATION.search(clause[: len(clause) - len(rest) + len(value)]))
    kind = _kind(base, tense, value, own)
    mine = re.match(r"(?:my|our)\s+(.+)", subject, re.I)
    if mine and base == "be" and not head:
        slot, subject = mine[1].lower(), "I"
        kin = mine[1].lower().split()[-1] in lists()["kin"]
        kind = "relation" if kin else "preference" if "favorite" in slot or "favourite" in slot else kind
        return Frame(subject, slot, value, kind, single=not slot.endswith("s"), negated=negated, ending=bool(_ENDING.search(clause)))
    return Frame(subject, slot, value, kind, negated=negated, ending=bool(_ENDING.search(clause)))


def _finite(clause: str, own: bool) -> tuple[str, str, str, str, str] | None:
    """Subject, base and tense of the first finite verb, a preposition that belongs to it, and what comes after."""
    found, modal = placed(clause), ""
    for i, match in enumerate(found[: 8 if own else 14]):
        word = match[0].lower()
        if i == 0 and not (own and "'" in word):
            continue
        if i == 0 and word.endswith(("'ll", "'d")):
            modal = "will"
        elif i == 0:
            return _perfect(found, 1, "have" if word.endswith("'ve") else "be", "I", clause, match.end())
        elif word in lists()["modals"]:
            modal = modal or word
        elif (verb := _verb(found, i, own, modal)) is not None:
            subject = "I" if own else clause[: found[_before(found, i)].end()]
            if verb[0] in ("be", "have") and not modal:
                return _perfect(found, i + 1, verb[0], subject, clause, match.end())
            return _headed(subject, verb[0], "plan" if modal in ("will", "would", "shall") else verb[1], clause[match.end() :])
    return None


def _perfect(found: list[re.Match[str]], i: int, helping: str, subject: str, clause: str, end: int) -> tuple[str, str, str, str, str]:
    """The verb behind "has" or "is": "has moved to", "is planning to"; the helping verb itself where none follows."""
    at = i
    while at < min(len(found), i + 4) and (found[at][0].lower() in lists()["adverbs"] or found[at][0].lower() == "been"):
        if found[at][0].lower() == "been":
            helping, end = "be", found[at].end()
        at += 1
    word = found[at][0].lower() if at < len(found) else ""
    base, tense = verb_forms().get(word, ("", ""))
    if base and word.endswith("ing") and helping == "be":
        return _headed(subject, base, "present", clause[found[at].end() :])
    if base and helping == "have" and tense in (OTHER, PAST) and not word.endswith("ing"):
        return _headed(subject, base, PAST, clause[found[at].end() :])
    return _headed(subject, helping, "", clause[end:])


def _headed(subject: str, base: str, tense: str, rest: str) -> tuple[str, str, str, str, str]:
    """With the preposition that belongs to the verb taken off the rest."""
    rest = rest.strip()
    head = rest.split(" ", 1)[0].lower()
    head = head if head in ("in", "at", "for", "to", "with", "on", "about", "of", "from") else ""
    return subject, base, tense, head, rest[len(head) :].strip()


def _verb(found: list[re.Match[str]], i: int, own: bool, modal: str) -> tuple[str, str] | None:
    """Base and tense of the word at `i` where it can be the finite verb of its clause."""
    word = found[i][0].lower()
    base, tense = verb_forms().get(word.removesuffix("n't"), ("", ""))
    if not base or (tense == OTHER and not modal):
        return None
    if base == "do" and word != "done" and i + 1 < len(found):
        return None  # it helps another verb
    before = [m[0].lower() for m in found[:i] if m[0].lower() not in lists()["adverbs"]][-3:]
    plural = bool(before) and (before[-1].endswith("s") or "and" in before) and not before[-1].endswith("'s")
    if base == word and base not in ("be", "have") and not own and not modal and not plural:
        return None  # "my work", "the plan": a noun
    return base, tense


def _before(found: list[re.Match[str]], i: int) -> int:
    """The last word of the subject: adverbs and modals before the verb are no part of it."""
    at, skipped = i - 1, lists()["adverbs"] | lists()["modals"] | _HELPING
    while at > 0 and found[at][0].lower() in skipped:
        at -= 1
    return at


def _kind(base: str, tense: str, value: str, own: bool) -> str:
    first = value.split(" ", 1)[0].lower()
    if tense == "plan" or base in lists()["plans"] or first in _PLANNING:
        return "plan" if own or tense == "plan" else "state"
    if tense == PAST and base != "be":
        return "event"
    if base in lists()["likes"] or base in lists()["hates"]:
        return "preference" if own else "state"
    if base == "have" and verb_forms().get(first, ("", ""))[1] in (OTHER, PAST):
        return "event"
    return "quantity" if _NUMBER.match(value) else "state"
