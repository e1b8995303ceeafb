"""Which everyday words may stand for each other when one asks and another tells: "which hotel" and "I am staying at".

A table of word meanings knows that two words are near, not that one is asked for by the other. What is written here is plain
English of home, work, health, school, free time and machines; what it lacks is left to the table.
"""

import re
from functools import lru_cache

from clew.operators.ranking.nearness import nearest
from clew.storage.terms import terms

VERSION = 2
# Of each row any word may stand for any other, whatever its ending. Rows do not join: a word may be in several.
_ROWS = tuple(
    tuple(row.split())
    for row in """
live reside dwell home house flat apartment moved relocated
live reside dwell home town city moved relocated
hotel stay lodging accommodation motel inn hostel guesthouse
landlord landlady lessor
rent lease tenancy
flatmate roommate housemate
employer employed firm company
occupation profession career title role position trade post job
work job employed occupation employer
manager boss supervisor superior report
colleague coworker workmate
wage salary pay paid earn income
budget spend funds
price cost charge fee fare
deadline due
meeting meet
venue held hosted location
host hosts hosted
supplier supply vendor deliver provider
owner own belong possess
leader lead head
chair chairperson chairman chairwoman chairs
captain skipper command
sponsor sponsorship sponsored
speaker speak keynote
guard watch duty
hobby pastime leisure weekend free spare
favourite favorite like prefer beats best love
sport compete athlete
gym exercise workout fitness
team club squad
instrument play
language speak spoken
school attend pupil enrolled student
university attend study student enrolled
class course lesson
subject study learn course
teacher tutor instructor teach taught
newspaper paper read subscribe magazine
book novel read
film movie watch
car drive vehicle
bicycle bike cycle
bus commute
train commute
phone mobile telephone call handset smartphone
extension reached
email mail inbox
computer laptop
doctor physician practitioner
dentist dental teeth tooth
vet veterinarian
vet cat
vet dog
therapist therapy counsellor psychologist
physiotherapist physio physiotherapy treat
hairdresser barber haircut hair
dosage dose milligrams mg
dosage dose tablet pill
medicine medication drug pill
allergy allergic intolerant
diet eat vegetarian vegan
breakfast morning
snack nibble
drink beverage order sip
dish meal food cuisine
shoe footwear
colour color shade hue painted paint repainted dyed
pet dog
pet cat
seat sit
desk sit
bank account deposit
insurer insured insurance policy
spouse married wife husband
partner dating girlfriend boyfriend
birthday born birth
birthplace born
door type enter
code pin password passcode type
opening open
closing close shut
berth moored docked lie
cargo carry load freight reloaded
temperature degrees
pressure kilopascals bar psi
frequency broadcast hertz kilohertz megahertz tuned retuned wavelength
height tall high
length long
width wide
depth deep
weight weigh heavy
age old
distance far
speed fast
size large
capacity hold
population inhabitants people
voltage volt
current amp ampere
power watt
version release
port listen
run host deploy
branch build
project work working task assigned reassigned
depart departure leave
collect collected collection empty emptied
guide lead led
backup backed
""".strip().splitlines()
)
# Several words that mean what one does; the first of each pair is put for the second, in what is asked and in what is told.
_PHRASES = tuple(
    (word, re.compile(pattern, re.I))
    for word, pattern in (
        (
            "exercise",
            r"\bwork(?:s|ed|ing)?\s+out\b|\b(?:trains|trained|training|(?<=\bI )train|(?<=\bwe )train|(?<=\bthey )train)\s+(?=at\b|in the\b)",
        ),
        (
            "occupation",
            r"\b(?:work(?:s|ed|ing)?|employed)(?:\s+now)?\s+as\b|\bjob\s+titles?\b|\bdo(?:es)?\s+(?=for (?:a|my|his|her|their) living\b)",
        ),
        (
            "employed",
            r"\bwork(?:s|ed|ing)?(?:\s+now)?\s+(?:for|at)\b|\bjob\s+(?:at|with)\b|\bswitched\s+jobs\b|\bemployed\s+(?:by|at|with)\b",
        ),
        ("manager", r"\breport(?:s|ed|ing)?\s+to\b|\banswers?\s+to\b"),
        ("landlord", r"\brent(?:s|ed|ing)?\s+(?:\S+\s+){0,2}from\b"),
        ("flatmate", r"\bshar(?:e|es|ed|ing)\s+(?:a|the|my|his|her|their)\s+(?:flat|apartment|house|room)\b|\bliv(?:e|es|ing)\s+with\b"),
        ("favourite", r"\bnothing\s+(?:beats|compares\s+to|tops)\b"),
        ("sport", r"\b(?:trains|trained|training|(?<=\bI )train|(?<=\bwe )train|(?<=\bthey )train)\s+for\b|\bcompet(?:e|es|ed|ing)\s+in\b"),
        ("called", r"\bgo(?:es)?\s+by\b"),
        ("hobby", r"\b(?:took|takes?|taken|taking)\s+up\b"),
        ("berth", r"\bl(?:ie|ies|ay|ying)\s+at\b"),
    )
)
# "I am a welder": of a noun for whoever does something, what is said is an occupation.
_AGENT = re.compile(
    r"(?P<lead>(?:\bI\s+(?:am|was)|\bI['’]m|\b[A-Z]\w+\s+(?:is|was))(?:\s+now)?\s+an?"
    r"|\b(?:(?:been|was|got)\s+made|became|become|becomes|promoted\s+to)(?:\s+an?)?)\s+"
    r"(?P<noun>[a-z]{2,}(?:er|or|ist|ian|ier|ant|ary|egal|eer|man|woman|ess))(?=\s*(?:[.,;!]|$|\s(?:now|these|at|by)\b))"
)
# Words that tell two things apart which other words ("work") may mean both of: who has the one does not mean the other.
_APART = (
    (frozenset(terms("employer employed firm company")), frozenset(terms("occupation profession title role position"))),
    (frozenset(terms("pay rent price cost")), frozenset(terms("landlord"))),
)
ROOT = 4  # letters that words of one root have in common at least
_ENDING = re.compile(r"(?:ers?|ors?|ings?|ed|ments?|ures?|s)$")
_RATE = re.compile(r"(?P<much>\d[^.;,!?]{0,40}?)\s(?:an?|per|each|every)\s(?:second|minute|hour|day|night|week|month|year)\b", re.I)
_LASTING = re.compile(r"\b(?:for|in|within) (?:an?|one) (?:second|minute|hour|day|week|month|year)\b", re.I)
_RATED = re.compile(
    r"(?P<much>\bhow (?:much|many)\b.*)\s(?:an?|per|each|every)\s(?:second|minute|hour|day|night|week|month|year)(?=\W*$)", re.I
)
_WHO = re.compile(r"^\W*(?:by |for |to |with |from )?who(?:m|se)?\b", re.I)
_COUNT = re.compile(r"\bhow (?:many|much|old|tall|high|long|far|large|big|heavy|deep|wide|fast|warm|hot|cold)\b", re.I)
_WHEN = re.compile(r"^\W*(?:when|(?:at |on |by |from )?(?:what|which) (?:time|day|date|weekday|night|hour|month|year))\b", re.I)
_NUMERAL = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|hundred|thousand|million|half|dozen)\b", re.I
)
_TIME = re.compile(
    r"\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b"
    r"|\b(?:noon|midnight|half|quarter|past|o['’]clock|morning|afternoon|evening|night|today|tomorrow|week|weekend|month|year|end|soon|spring|summer|autumn|winter|daily|weekly)\b",
    re.I,
)
_DAY = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d|\d(?:st|nd|rd|th)\b",
    re.I,
)
_DAILY = re.compile(r"^\W*(?:on )?(?:what|which) (?:week)?day\b", re.I)


def _mates() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _ROWS:
        stems = {stem for word in row for stem in terms(word)}
        for stem in stems:
            found.setdefault(stem, set()).update(stems)
    return {stem: frozenset(mates) for stem, mates in found.items()}


_MATES = _mates()


def plain(text: str) -> str:
    """A text with one word for phrases of several, and without what only says per what an amount is ("a day")."""
    for word, pattern in _PHRASES:
        text = pattern.sub(f" {word} ", text)
    if _AGENT.search(text):
        text = _AGENT.sub(r"\g<lead> occupation \g<noun>", text)
    return _RATED.sub(r"\g<much>", _RATE.sub(r"\g<much>", _LASTING.sub(" ", text)))


@lru_cache(maxsize=20_000)
def mates(word: str) -> frozenset[str]:
    """The stems that may stand for a word, its own among them."""
    own = frozenset(terms(word))
    return own.union({_root(word)}, *(_MATES.get(stem, ()) for stem in own))


def _root(word: str) -> str:
    """What "plumber" and "plumbing" have in common; a word too short for that is its own."""
    found = _ENDING.sub("", word.casefold())
    found = found[:-1] if len(found) > ROOT and found[-1] == found[-2] else found
    return found if len(found) >= ROOT else word.casefold()


@lru_cache(maxsize=20_000)
def near(word: str, given: frozenset[str]) -> float:
    """How near a word of a question is to the nearest of a turn, 0..1: 1 where they stand for each other."""
    wanted = mates(word)
    if any(_root(other) in wanted or not wanted.isdisjoint(terms(other)) for other in given):
        return 1.0
    return nearest(word, given)


def apart(asked: frozenset[str], given: frozenset[str]) -> bool:
    """Whether a turn has a word of what the question, by a word of its own, tells it from."""
    one = frozenset(stem for word in asked for stem in terms(word))
    other = frozenset(stem for word in given for stem in terms(word))
    return any(
        (a & one and b & other and not (b & one or a & other)) or (b & one and a & other and not (a & one or b & other)) for a, b in _APART
    )


def person(question: str) -> bool:
    """Whether a question asks for somebody."""
    return bool(_WHO.search(question))


@lru_cache(maxsize=4096)
def answers(question: str, value: str, named: bool) -> bool:
    """Whether a value is of the sort that a question asks for: somebody, a number, a time; `named`: it has a name in it."""
    if _WHO.search(question):
        return named
    if _DAILY.search(question):
        return bool(_DAY.search(value))
    if _WHEN.search(question):
        return bool(_TIME.search(value))
    return not _COUNT.search(question) or bool(_NUMERAL.search(value))
