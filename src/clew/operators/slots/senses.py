"""Which everyday words may stand for each other when one asks and another tells: "which hotel" and "I am staying at".

A table of word meanings knows that two words are near, not that one is asked for by the other. What is written here is plain
English of home, work, health, school, free time and machines; what it lacks is left to the table.
"""

import re
from functools import lru_cache

from clew.operators.ranking.nearness import nearest
from clew.storage.terms import terms

VERSION = 3
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
owner own owns owned belong possess
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
        (
            "landlord",
            r"\brent(?:s|ed|ing)?\s+(?:\S+\s+){0,2}from\b"
            r"|\b(?:flat|apartment|house|room|place|studio)(?=\s+(?:that\s+|which\s+)?\w+\s+(?:is\s+|am\s+)?rent(?:s|ing)?\b)",
        ),
        ("flatmate", r"\bshar(?:e|es|ed|ing)\s+(?:a|the|my|his|her|their)\s+(?:flat|apartment|house|room)\b|\bliv(?:e|es|ing)\s+with\b"),
        ("favourite", r"\bnothing\s+(?:beats|compares\s+to|tops)\b"),
        ("sport", r"\b(?:trains|trained|training|(?<=\bI )train|(?<=\bwe )train|(?<=\bthey )train)\s+for\b|\bcompet(?:e|es|ed|ing)\s+in\b"),
        # a name, no telephone call
        ("named", r"\bgo(?:es)?\s+by\b|(?:\b(?:is|are|was|were|been)|['’]s)\s+(?:(?:now|also|still)\s+)?called(?=\s+(?-i:[A-Z]))"),
        ("have breakfast", r"\b(?:have|has|eat|eats)\s+(?:in|every|each)\s+(?:the\s+)?mornings?\b"),
        ("hobby", r"\b(?:took|takes?|taken|taking)\s+up\b"),
        ("berth", r"\bl(?:ie|ies|ay|ying)\s+at\b"),
    )
)
# The verbs of these, by which a turn is found that has no word of what it stands for.
_SAID = tuple(
    (frozenset(terms(word)), frozenset(terms(verbs)))
    for word, verbs in (
        ("exercise", "work train"),
        ("occupation", "work"),
        ("employed", "work"),
        ("manager", "report answer"),
        ("landlord", "rent"),
        ("flatmate", "share live"),
        ("favourite", "beat top compare"),
        ("sport", "train compete"),
        ("hobby", "take took taken"),
        ("berth", "lie"),
    )
)
# "I am a welder": of a noun for whoever does something, what is said is an occupation.
_AGENT = re.compile(
    r"(?P<lead>(?:\bI\s+(?:am|was)|\bI['’]m|\b[A-Z]\w+\s+(?:is|was))(?:\s+now)?\s+an?"
    r"|\b(?:(?:been|was|got)\s+made|became|become|becomes|promoted\s+to)(?:\s+an?)?)\s+"
    r"(?P<noun>[a-z]{2,}(?:er|or|ist|ian|ier|ant|ary|egal|eer|man|woman|ess))(?=\s*(?:[.,;!]|$|\s(?:now|these|at|by)\b))"
)
# Words for when, which are alike as words of when only: what is in the evening is not asked for by what is at night.
TIMES = frozenset("morning mornings noon afternoon afternoons evening evenings night nights day days weekday date hour hours".split())  # noqa: SIM905
# Kinds of which one has a favourite, and what is typical of each: the table knows lasagne as like pasta, not as a dish.
_KINDS = tuple(
    (frozenset(stem for word in kind.split() for stem in terms(word)), frozenset(members.split()))
    for kind, members in (
        (
            "dish meal food cuisine",
            "pizza pasta soup stew curry salad noodles rice chicken spaghetti burger sausage omelette dumplings casserole",
        ),
        ("drink beverage", "coffee tea juice beer wine water milk lemonade whisky"),
        ("fruit", "apple banana pear cherry mango grape"),
        ("colour color shade", "red blue green yellow orange purple pink black white grey brown silver gold"),
        ("sport", "football tennis swimming basketball cricket golf boxing athletics skiing"),
        ("hobby pastime", "gardening painting hiking reading photography cycling cooking dancing fishing climbing pottery sewing knitting"),
        ("animal pet", "dog cat horse bird tiger elephant rabbit snake fox"),
        ("instrument", "piano guitar violin drums flute trumpet organ saxophone"),
        ("music genre", "jazz rock blues reggae techno opera folk"),
        ("season", "summer winter spring autumn"),
    )
)
# Trades and subjects of study that share a stem with something else: accounting is no account.
_FIELDS = frozenset("accounting engineering marketing publishing advertising catering housekeeping".split())  # noqa: SIM905
SLACK = 0.06  # by which a value may be nearer to another kind than to its own
_BEST = re.compile(
    r"\bnothing\s+(?:beats|compares\s+to|tops)\b|\bmy\s+(?:absolute\s+|all-time\s+)?favou?rite\s+(?:is|was|has)\b"
    r"|\bfavou?rite(?=\s+(?:now|these|of all)\b|\W*$)",
    re.I,
)
_HANDED = re.compile(
    r"\b(?:t(?:ook|akes?|aken|aking)\s+(?:\S+\s+){0,4}?over|hand(?:ed|s)\s+(?:\S+\s+){0,5}?(?:over|to|on)|pass(?:ed|es)\s+(?:\S+\s+){0,5}?(?:on\s+)?to"
    r"|(?:fell|went|gone|goes)\s+to|succeed(?:s|ed)|reliev(?:es|ed)|stepped\s+in(?:to)?|fill(?:s|ed|ing)\s+in|replaced|replaces|inherit(?:s|ed))\b",
    re.I,
)
# "For dental work", "some garden work": what is done to something is nobody's employment.
_DONE = re.compile(
    r"(?P<what>\b(?:for|some|any|of|needs?)\s+(?!(?:my|our|your|his|her|its|their|the|an?|this|that|social|full|part)\b)[a-z]+)\s+work\b(?!\s+(?:at|for)\b)",
    re.I,
)
# Words that tell two things apart which other words ("work") may mean both of: who has the one does not mean the other.
_APART = (
    (frozenset(terms("employer employed firm company")), frozenset(terms("occupation profession title role position"))),
    (frozenset(terms("pay rent price cost")), frozenset(terms("landlord"))),
    (frozenset(terms("live reside dwell")), frozenset(terms("occupation profession title role position"))),
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
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|half|dozen)\b",
    re.I,
)
_MONTH = (
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?)\b"  # whole, or cut short: no other word that begins like one
)
_TIME = re.compile(
    rf"\d|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|{_MONTH}"
    r"|\b(?:noon|midnight|half|quarter|past|o['’]clock|morning|afternoon|evening|night|today|tomorrow|week|weekend|month|year|end|soon|spring|summer|autumn|winter|daily|weekly)\b",
    re.I,
)
_DAY = re.compile(rf"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|{_MONTH}\.? \d|\d(?:st|nd|rd|th)\b", re.I)
_CLOCK = re.compile(r"\d:\d\d|\d\s?[ap]m\b|\b(?:noon|midnight|o['’]clock)\b", re.I)
_WEEKLY = re.compile(rf"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|{_MONTH}", re.I)
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
    if " work" in text:
        text = _DONE.sub(r"\g<what>", text)
    if _AGENT.search(text):
        text = _AGENT.sub(r"\g<lead> occupation \g<noun>", text)
    return _RATED.sub(r"\g<much>", _RATE.sub(r"\g<much>", _LASTING.sub(" ", text)))


@lru_cache(maxsize=20_000)
def mates(word: str) -> frozenset[str]:
    """The stems that may stand for a word, its own among them."""
    own = frozenset(terms(word))
    return own.union({_root(word)}, *(_MATES.get(stem, ()) for stem in own))


@lru_cache(maxsize=4096)
def verbs(word: str) -> frozenset[str]:
    """The stems of the verbs with which several words tell what one asks for: "take" of "took up", for a hobby."""
    own = mates(word)
    return frozenset(stem for names, said in _SAID if not names.isdisjoint(own) for stem in said)


def everyday(word: str) -> bool:
    """Whether a word is one of those that may stand for others, and so no name though it has a capital."""
    return any(stem in _MATES for stem in terms(word))


def _root(word: str) -> str:
    """What "plumber" and "plumbing" have in common; a word too short for that is its own."""
    found = _ENDING.sub("", word.casefold())
    found = found[:-1] if len(found) > ROOT and found[-1] == found[-2] else found
    return found if len(found) >= ROOT else word.casefold()


@lru_cache(maxsize=20_000)
def near(word: str, given: frozenset[str]) -> float:
    """How near a word of a question is to the nearest of a turn, 0..1: 1 where they stand for each other."""
    wanted, given = mates(word), given - _FIELDS if word not in _FIELDS else given
    if any(_root(other) in wanted or not wanted.isdisjoint(terms(other)) for other in given):
        return 1.0
    return nearest(word, given - TIMES if word in TIMES else given)  # a night is like an evening, and still another


@lru_cache(maxsize=4096)
def typical(asked: tuple[str, ...], value: frozenset[str]) -> float:
    """How near a value is to what is typical of the kind that a question names, -1..1.

    Below 0 where it is typical of another kind, 0 where no kind is named.
    """
    named = frozenset(stem for word in asked for stem in mates(word))
    scores = [(max((nearest(word, members) for word in value), default=0.0), not kind.isdisjoint(named)) for kind, members in _KINDS]
    own = max((score for score, here in scores if here), default=None)
    if own is None:
        return 0.0
    best = max(score for score, _ in scores)
    return own if own + SLACK >= best else -best


def dated(word: str, value: str) -> bool:
    """Whether a value is a time of the sort that a word for when names: an hour, or a day."""
    return bool((_CLOCK if word in ("hour", "hours") else _WEEKLY).search(value))


def favoured(text: str) -> bool:
    """Whether a text says what somebody likes best and not of what kind it is: "nothing beats rowing"."""
    return bool(_BEST.search(text))


def handed(text: str) -> bool:
    """Whether somebody takes another's place in it: "she took over the choir", "the post fell to Ann"."""
    return bool(_HANDED.search(text))


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
