"""The words that `slots` reads by: verbs, roles, fillers, and the normal forms under which rephrasings of one slot meet."""

import re
from types import MappingProxyType

# Canonical slots, with the words that a question about them may use.
CUES = MappingProxyType(
    {
        "home": "live living lived lives home reside residence based move moved moving",
        "employer": "work works working worked employer employed job",
        "job": "job work profession occupation career title role living position",
        "spouse": "married spouse wife husband marry partner",
        "partner": "partner dating boyfriend girlfriend seeing",
        "birthplace": "born birthplace birth",
        "birthday": "birthday born birth birthdate",
        "age": "old age",
        "citizenship": "citizen citizenship nationality",
        "school": "study studies school university college educated attend",
        "diet": "diet vegetarian vegan eat",
        "phone number": "phone number reach call mobile cell telephone",
        "email address": "email mail address reach",
        "deadline": "deadline due",
        "car": "car drive driving drives",
        "rent": "rent pay paying",
        "lead": "lead leads leading leader led charge run runs running head",
        "manager": "manager boss supervisor manages report reports managed",
        "price": "price cost costs fee much",
        "name": "name named called",
        "doctor": "doctor gp physician",
    }
)
SAME = MappingProxyType(
    {
        "chief executive officer": "ceo",
        "chief executive": "ceo",
        "chief technology officer": "cto",
        "chief financial officer": "cfo",
        "date of birth": "birthday",
        "birth date": "birthday",
        "birthdate": "birthday",
        "place of birth": "birthplace",
        "nationality": "citizenship",
        "country of citizenship": "citizenship",
        "citizen of": "citizenship",
        "husband": "spouse",
        "wife": "spouse",
        "married to": "spouse",
        "boyfriend": "partner",
        "girlfriend": "partner",
        "born in": "birthplace",
        "born in city": "birthplace",
        "born on": "birthday",
        "occupation": "job",
        "profession": "job",
        "job title": "job",
        "employer": "employer",
        "company": "employer",
        "workplace": "employer",
        "employed by": "employer",
        "employed at": "employer",
        "home": "home",
        "home town": "home",
        "home city": "home",
        "residence": "home",
        "phone": "phone number",
        "telephone number": "phone number",
        "mobile number": "phone number",
        "email": "email address",
        "e-mail": "email address",
        "e-mail address": "email address",
        "due date": "deadline",
        "cutoff": "deadline",
        "headquarter": "headquarters",
        "written by": "author",
        "founded by": "founder",
        "directed by": "director",
        "led by": "lead",
        "leads": "lead",
        "leader": "lead",
        "charge": "lead",
        "managed by": "manager",
        "boss": "manager",
        "supervisor": "manager",
        "line manager": "manager",
        "report to": "manager",
        "owned by": "owner",
        "run by": "lead",
        "headed by": "head",
        "coached by": "coach",
        "drive": "car",
        "cell number": "phone number",
        "cell phone number": "phone number",
        "number": "phone number",
        "mobile": "phone number",
        "cost": "price",
        "fee": "price",
    }
)
# Nouns whose value is a time: "the deadline moved to Friday" is the deadline, not the time of the deadline.
TIMELY = frozenset("deadline date birthday time schedule start end launch arrival departure eta day".split())  # noqa: SIM905
ROLES = (
    r"ceo|cto|cfo|chief [a-z]+ officer|president|vice president|prime minister|chancellor|mayor|governor|king|queen|director|manager|"
    r"head(?: coach)?|coach|captain|chair(?:man|woman|person)?|leader|founder|owner|author|editor|principal|capital|currency|"
    r"secretary|treasurer|landlord|doctor|dentist|therapist|lawyer|tutor|teacher|mentor|boss|wife|husband|spouse|partner|fianc[eé]e?|"
    r"girlfriend|boyfriend|official language|project lead|tech lead|team lead|product owner|maintainer|on-?call(?: engineer)?"
)
JOBS = re.compile(
    r"\b(?:\w+(?:ist|ician|ologist|eer|wright|smith|keeper|fighter|grapher|worker|maker|dresser|minder|ator|eyor)|nurse|doctor|teacher|professor|lawyer|attorney|driver|pilot|"
    r"chef|cook|baker|writer|author|editor|developer|programmer|designer|manager|director|producer|actor|actress|painter|plumber|"
    r"farmer|accountant|architect|consultant|researcher|student|intern|waiter|waitress|barista|banker|broker|carpenter|analyst|"
    r"paramedic|surgeon|vet|veterinarian|soldier|sailor|officer|judge|translator|trainer|coach|singer|dancer|lecturer|clerk|cashier|"
    r"welder|butcher|tailor|gardener|librarian|musician|freelancer|contractor|supervisor|assistant|secretary|lead|ceo|cto|cfo|"
    r"paralegal|auditor|bricklayer|solicitor|barrister|notary|actuary|underwriter|trader|buyer|dispatcher|courier|porter|conductor|steward(?:ess)?|mechanic|"
    r"glazier|roofer|mason|joiner|tiler|plasterer|miner|fisherman|forester|ranger|warden|shepherd|brewer|bartender|sommelier|caterer|"
    r"midwife|carer|optician|caretaker|janitor|cleaner|usher|registrar|controller|planner|technician|composer|sculptor|copywriter|"
    r"proofreader|interpreter|undertaker|coroner|detective|inspector|guard|headteacher|headmaster|dean|priest|pastor|rabbi|imam|diplomat|"
    r"foreman|salesman|saleswoman|salesperson|seamstress|florist|jeweller|grocer|fishmonger|greengrocer)\b",
    re.I,
)
TIME = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|jan(?:uary)?|feb(?:ruary)?|march|april|may|june|july|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|today|tonight|tomorrow|noon|midnight|morning|afternoon|evening|"
    r"(?:next|this|last) (?:week|month|year|weekend)|\d{1,2}(?::\d\d)? ?(?:am|pm|a\.m\.|p\.m\.|o'clock)|\d{1,2}:\d\d|"
    r"\d{4}-\d\d(?:-\d\d)?|\d{1,2}/\d{1,2}(?:/\d{2,4})?|(?:19|20)\d\d|q[1-4])\b",
    re.I,
)
_WORDY = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen"
)
COUNTED = rf"(?:[$€£]\s?)?(?:[+-]?\d[\d,]*(?:\.\d+)?(?:%|[kKmM]\b)?|(?:{_WORDY})(?:[- ](?:{_WORDY}))*\b)"
NUMBER = re.compile(rf"(?:about |around |roughly |approximately |only |just |exactly |over |under |nearly |almost |a )*{COUNTED}", re.I)
OFTEN = re.compile(
    r"\b(?:every (?:other |single )?(?:\w+ )?(?:day|week|month|year|morning|evening|night|weekend|weekday|(?:mon|tues|wednes|thurs|"
    r"fri|satur|sun)day)s?"
    r"|(?:once|twice|(?:\w+ )?times) (?:a|per|each|every) (?:day|week|month|year)|daily|weekly|monthly|biweekly)\b",
    re.I,
)
# Nouns that are attributes: what is said of them in lower case fills them ("the status is green"), unlike "my car is dirty".
ATTRIBUTES = frozenset(
    """colour color status state password code pin passphrase hobby language diet job plan size species breed religion major mode version
    branch theme format name nickname address currency flavour flavor genre drink dish food song team sport position role employer
    occupation profession title policy setting level severity priority venue location car bike phone laptop computer camera editor
    database framework library supplier provider vendor bank carrier instrument subject course subscription allergy material fabric model
    brand finish paint theme gift destination hotel room seat desk locker spot gate platform terminal track route line contact host topic
    template backend frontend stack region zone tier rank grade class category label tag snack meal dessert breakfast lunch dinner tea
    coffee juice toothpaste shampoo perfume medication medicine dose blend roast cuisine topping filling size sign pseudonym alias
    username handle""".split()  # noqa: SIM905
)
VAGUE = frozenset(
    """best worst only main first last next whole other same problem thing point idea reason question answer issue truth fact rest part
    trick favorite favourite key good bad result biggest most second third one kind way time""".split()  # noqa: SIM905
)
PASSING = frozenset(
    """good great nice fine ok okay bad dirty clean broken sick ready done late early gone lost full empty busy free tired happy sad excited
    new old big small huge tiny hot cold warm cool high low same different important ridiculous crazy weird hard easy tough fun expensive
    cheap close far open closed here there back perfect awesome lovely delicious pretty beautiful safe secure strong weak heavy light slow
    fast quick rough smooth messy noisy quiet clear unclear wrong right true false sure up down on off out over better worse best worst
    finished complete incomplete fixed stuck dead alive awful horrible funny silly""".split()  # noqa: SIM905
)
COMMON = frozenset(
    """today yesterday tomorrow tonight monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december work life love music food time money people things something thanks sounds looks seems
    also then next first second finally however since while when where what how why which sometimes usually often maybe perhaps home
    school here's there's that's it's he's she's being having getting going doing making reading writing learning""".split()  # noqa: SIM905
)
KINFOLK = frozenset(
    """sister brother mother mom mum father dad wife husband son daughter uncle aunt cousin niece nephew grandmother grandma grandfather
    grandpa friend best girlfriend boyfriend partner spouse fiance fiancee boss manager colleague coworker neighbor neighbour roommate
    flatmate landlord doctor dentist therapist teacher tutor coach mentor dog cat pet team company""".split()  # noqa: SIM905
)
_NUMERALS = {word: number for number, word in enumerate(_WORDY.split("|")[:19], 1)} | {
    word: 10 * number
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)  # noqa: SIM905
}
_ARTICLE = re.compile(r"^(?:(?:the|a|an|my|our|his|her|their|its|this|that|your)\s+)+")
_SMALL = re.compile(r"\b(?:the|a|an|current|currently|new|newest|latest|updated|present|actual|existing|now|today's|name of|my|our)\b")
_TAIL = re.compile(
    r"\s*(?:\b(?:now|currently|again|instead|these days|anymore|any more|at the moment|right now|already|so far|too|as well)\b|"
    r"[,.!:;\"'”’)])+$",
    re.I,
)
_PLACED = re.compile(r"^(?:in|on|at)\s+")
_SPACE = re.compile(r"\s+")
_EDGE = "\"'“”‘’«»`*_()[] ,.:;!"


def subject_form(words: str) -> str:
    """Who or what, so that equal things are equal: case-folded, without articles, quotes and extra spaces."""
    plain = _SPACE.sub(" ", words.strip(_EDGE)).casefold().replace("’", "'")
    return _ARTICLE.sub("", plain).strip(_EDGE)


def slot_form(words: str) -> str:
    """What of it: case-folded, without articles and words such as "current", under one name where we know several."""
    plain = _SPACE.sub(" ", _SMALL.sub(" ", words.casefold().replace("’", "'"))).strip(_EDGE)
    plain = plain.removesuffix("'s").strip()
    return SAME.get(plain, plain)


def value_form(words: str) -> str:
    """What fills it, so that equal values are equal: case, articles, punctuation at the edges, number words and tails aside."""
    plain = _TAIL.sub("", _SPACE.sub(" ", words.strip(_EDGE)).casefold().replace("’", "'"))
    plain = _ARTICLE.sub("", _PLACED.sub("", plain)).strip(_EDGE)
    return " ".join(str(_NUMERALS.get(word, word)) for word in plain.replace(",", "").split())


def timely(value: str) -> bool:
    """Whether a value is a time: a weekday, a date, an hour."""
    return bool(TIME.search(value)) and len(value) <= 60


def numeric(value: str) -> bool:
    """Whether a value begins with a number or an amount."""
    return bool(NUMBER.match(value))
