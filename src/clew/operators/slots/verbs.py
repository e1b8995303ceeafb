"""What follows a verb and makes a statement: for each verb a few patterns, each with the slot that it fills."""

from collections.abc import Mapping

from clew.operators.slots.predicate import Predicate, capital, doing, fixed, leading, moved, of_noun, rule, typed, verbal, verbal_slot
from clew.operators.slots.states import ADV, BEING, CHANGED, FROM, HAVING, IN, MOTION, THING, N
from clew.operators.slots.words import COUNTED, OFTEN, numeric, timely

_MEASURING = (
    rule(
        rf"(?:reads?|shows?|registers?|measures?|indicates?|stands at|reached|hits?|totals?|(?:went|is) (?:up|down) to|rose to|"
        rf"fell to|dropped to|increased to|decreased to|grew to|climbed to|amounts to){ADV}\s+",
        of_noun,
        fits=numeric,
        change=True,
    ),
)
_COSTING = (
    rule(rf"costs?{ADV}\s+", lambda n, g, v, o, w: (f"{n} price".strip(),), fits=numeric, change=True),
    rule(rf"weighs?{ADV}\s+", lambda n, g, v, o, w: (f"{n} weight".strip(),), fits=numeric, change=True),
)
_SWAPPING = (
    rule(
        rf"(?:swapped|traded(?: in)?|exchanged|replaced|ditched|switched){ADV}\s+{THING}\s+(?:for|with|by)\s+(?:an?\s+)?",
        lambda n, g, v, o, w: (typed(n, v, False),) if n else (),
        thing=True,
        change=True,
    ),
)
_RENAMING = (
    rule(
        rf"(?:renamed|called){{ADV}}\s+{THING}\s+{FROM}(?:to\s+)?(?=[A-Z\"'“])".replace("{ADV}", ADV),
        lambda n, g, v, o, w: (f"{n} name",) if n else (),
        thing=True,
        change=True,
    ),
)
_LIVING = (
    rule(
        rf"(?:live[sd]?|resided?|resides){ADV}\s+(?:{IN})\s+{N}",
        fixed("home"),
        whose="person",
        fits=lambda v: v.split()[0] not in ("peace", "fear"),
    ),
)
_WORKING = (
    rule(rf"work(?:s|ed)?{ADV}\s+(?:at|for)\s+", fixed("employer"), whose="person", fits=capital),
    rule(rf"work(?:s|ed)?{ADV}\s+as\s+(?:an?\s+|the\s+)?", fixed("job"), whose="person"),
    rule(rf"(?P<v>works){ADV}\s+(?P<prep>in|on)\s+{N}", verbal, many=True),
)
_PAST = (
    rule(rf"(?P<v>worked|lived|taught|studied|died|played|served){ADV}\s+(?P<prep>in|at|on|for|as)\s+the (?P<n>[a-z]+) of ", verbal),
    rule(rf"(?:lived|resided){ADV}\s+(?:{IN})\s+", fixed("home"), whose="person", past=True),
    rule(rf"worked{ADV}\s+(?:at|for)\s+", fixed("employer"), whose="person", past=True, fits=capital),
    rule(r"(?P<v>died)\s+(?P<prep>in|at|on)\s+", verbal),
)
_USED = (
    rule(rf"used to\s+live\s+{IN}\s+", fixed("home"), whose="person", ending=True),
    rule(r"used to\s+work\s+(?:at|for)\s+", fixed("employer"), whose="person", ending=True),
)
_BEINGS = (
    rule(r"being\s+(?=[$€£]?\d|[A-Z])", lambda n, g, v, o, w: (typed(n, v, False),) if n else (), fits=lambda v: numeric(v) or timely(v)),
)
_CHOOSING = (
    rule(
        r"(?:settled on|agreed on|decided on|went with|chose|picked|opted for|going with|selected|booked)\s+(?P<value>.{1,60}?)"
        r"\s+(?:for|as)\s+"
        r"(?P<thing>(?:my|our|the)\s[\w'’ -]{2,40})(?=[.!]?$)",
        lambda n, g, v, o, w: (typed(n, v, False),) if n else (),
        thing=True,
        exact=True,
        change=True,
    ),
)
_KEEPING = (
    rule(
        rf"(?:keeps?|kept|stores?|stored|put|parked|left){ADV}\s+(?P<thing>(?:my|our|the)\s(?:[\w'’-]+ ){{1,4}}?)"
        rf"(?=(?:in|on|under|at|behind|inside|next to|by)\s)",
        lambda n, g, v, o, w: (f"{n} place",) if n else (),
        thing=True,
        fits=lambda v: len(v.split()) >= 2 and not numeric(v.split(" ", 1)[1]),
    ),
)
_DAILY = (
    rule(
        rf"(?P<doing>get up|wake up|go to (?:bed|sleep|work)|start work|finish work|leave (?:home|work)|have (?:breakfast|lunch|"
        rf"dinner)){ADV}"
        rf"(?:\s+\w+)?\s+at\s+",
        doing,
        fits=lambda v: timely(v) or numeric(v),
        kind="date",
    ),
    rule(
        rf"(?P<doing>(?:see|visit|meet(?: with)?|do|attend|take|go to|play|practi[cs]e|call|clean|water|wash|have)\s+[\w'’. "
        rf"]{{2,40}}?)\s+"
        rf"(?P<value>(?P<often>{OFTEN.pattern}))",
        doing,
        exact=True,
        kind="quantity",
    ),
)
_PAYING = (
    rule(
        rf"pays?{ADV}\s+(?:about |around )?(?P<value>{COUNTED}(?: (?:euros?|dollars|pounds|francs|a month|per month|a year))*)"
        rf"\s+(?:in|for|of)\s+"
        rf"(?P<of>(?:(?:my|the|our) )?(?:[a-z-]+ ){{0,2}}[a-z-]+)(?=[.,!]?$|\s(?:now|a|per|each|every)\b)",
        verbal_slot,
        exact=True,
    ),
)
_USING = (
    rule(
        r"(?P<v>uses?)\s+(?P<value>.{1,50}?)\s+(?P<prep>for|as)\s+(?P<n>(?:(?:my|our|the|all) )*(?:[a-z-]+ ){0,2}[a-z-]+)(?=[.!]?$)",
        verbal,
        exact=True,
    ),
)
_GETTING = (
    rule(rf"(?:got|gets)(?:\s+being)?\s+(?:{CHANGED})\s+{FROM}(?:to|for|until|till|at|on)\s+", of_noun, change=True),
    rule(
        r"(?:bought|got|acquired|picked up)\s+(?:myself )?(?:a|an)\s+(?:new |used |second-hand )?(?=[A-Z][a-z]+(?: [A-Z0-9]\w*)*[.,!]?$)",
        fixed("got"),
        whose="person",
        many=True,
        change=True,
    ),
)
_LEADING = (
    rule(
        rf"(?P<role>leads?|manages?|runs?|heads|coaches|chairs|took over|takes over){ADV}\s+(?:as (?:the )?(?:lead|head|manager) "
        rf"of )?(?:the|our)\s+(?=[\w])",
        leading,
        reverse=True,
    ),
)
_REACHING = (
    rule(
        r"(?:reach|call|text) me (?:at|on)\s+",
        lambda n, g, v, o, w: ("phone number",) if numeric(v.lstrip("+")) else ("email address",) if "@" in v else (),
        whose="me",
    ),
)
_MOVING = (
    rule(  # to another desk, room or seat, which has a number; where somebody lives may have one too
        rf"(?:moved|relocated|transferred|switched|changed){ADV}(?:\s+(?:back|over|out|up|down))*\s+(?:from .{{1,40}}?\s+)?to\s+(?:the\s+)?"
        rf"(?!(?:apartment|flat|house|unit|number|street|apt|suite|block)\b)(?P<n>[a-z]+)\s+(?=[A-Z]{{0,2}}-?\d)",
        lambda n, g, v, o, w: () if n else (str(g["n"]),),
        whose="person",
        change=True,
    ),
    rule(
        rf"(?:moved|relocated){ADV}(?:\s+(?:back|over|out|up|down|here|in|house|away|permanently))*\s+(?:from (?P<old>.{{1,40}}?)"
        rf"\s+)?to\s+(?!be\b)",
        lambda n, g, v, o, w: (typed(n, v, True),) if n else ("home",),
        change=True,
        fits=lambda v: not numeric(v) or timely(v),
    ),
    rule(
        rf"(?:{MOTION}|{CHANGED}){ADV}\s+{THING}\s+{FROM}(?:to|until|till|at|as|for)\s+(?!be\b|make\b|get\b|avoid\b)",
        moved,
        thing=True,
        change=True,
    ),
    rule(
        rf"(?:{MOTION}|{CHANGED}|slipped|jumped|grew|went){ADV}\s+{FROM}(?:to|until)\s+",
        moved,
        change=True,
    ),
)
_JOINING = (
    rule(r"(?:joined|joins)\s+(?:the team at |the company )?", fixed("employer"), whose="person", fits=capital, change=True),
    rule(
        r"(?:started|began|got|took|accepted|landed|begun)\s+(?:working|work|(?:an?|my|the)(?: new)? (?:job|position|role)(?: as "
        r".{1,40}?)?)\s+(?:at|with|for)\s+",
        fixed("employer"),
        whose="person",
        fits=capital,
        change=True,
    ),
    rule(
        r"(?:started|began|got|took|accepted|landed|begun)\s+(?:working|(?:an?|my|the)(?: new)? (?:job|position|role))"
        r"\s+as\s+(?:an?\s+|the\s+)?",
        fixed("job"),
        whose="person",
        change=True,
    ),
    rule(r"(?:got|was)\s+promoted\s+to\s+(?:an?\s+|the\s+)?", fixed("job"), whose="person", change=True),
    rule(r"(?:got\s+)?married\s+(?:to\s+)?(?=[A-Z])", fixed("spouse"), whose="person", kind="relation", change=True),
    rule(r"got\s+engaged\s+to\s+(?=[A-Z])", fixed("partner"), whose="person", kind="relation", change=True),
)
_LEAVING = (
    rule(
        r"(?:left|quit|resigned from|was fired from|was laid off (?:from|by)|retired from)\s+(?:my job (?:at|with) |his job at |"
        r"her job at |the company )?",
        fixed("employer", "home"),
        whose="person",
        ending=True,
        change=True,
        fits=capital,
    ),
    rule(r"(?:stopped|quit)\s+working\s+(?:at|for|with)\s+", fixed("employer"), whose="person", ending=True, change=True),
    rule(r"(?:moved (?:out of|away from))\s+", fixed("home"), whose="person", ending=True, change=True),
    rule(
        r"(?:divorced|broke up with|split up with|separated from)\s+(?=[A-Z])",
        fixed("spouse", "partner"),
        whose="person",
        ending=True,
        change=True,
    ),
)
_NOT = (
    rule(
        rf"(?P<no>don['’]t|doesn['’]t|do not|does not|no longer|never)\s+(?:actually |really )?(?:lives?|resides?)\s+{IN}\s+",
        fixed("home"),
        whose="person",
    ),
    rule(
        r"(?P<no>don['’]t|doesn['’]t|do not|does not|no longer|never)\s+(?:actually |really )?works?\s+(?:at|for|with)\s+",
        fixed("employer"),
        whose="person",
    ),
    rule(
        r"(?P<no>don['’]t|doesn['’]t|do not|does not|no longer|never)\s+(?:actually |really )?(?P<v>uses?|plays?|drives?|attends?|"
        r"owns?|speaks?|eats?)\s+(?:(?P<prep>in|at|for)\s+)?",
        verbal,
        whose="person",
    ),
)
_DOING = (
    rule(
        rf"(?P<v>plays?|speaks?|studies|study|attends?|drives?|teaches|teach|leads?|runs|heads|coaches|manages?|owns?|holds|wears?|"
        rf"represents|reports|supports|uses?|practices|practises|worships|belongs|majors?|earns?|pays?){ADV}\s+(?:(?P<prep>in|"
        rf"at|for|to|as|with|on)\s+)?{N}",
        verbal,
        many=True,
        fits=lambda v: v[:1].isupper() or numeric(v) or len(v.split()) <= 3,
    ),
)
_HAPPENING = (
    rule(
        r"(?:starts?|begins?|leaves?|departs?|takes place|happens|kicks off)\s+(?:(?:on|at|in|by)\s+)?",
        lambda n, g, v, o, w: (f"{n} time".strip(),),
        fits=timely,
        kind="date",
    ),
    rule(r"(?P<v>ends?|arrives?|opens?|closes?|expires?|launches|finishes)\s+(?:(?:on|at|in|by)\s+)?", verbal, fits=timely, kind="date"),
)
_PREFERRING = (rule(r"(?P<v>prefers?)\s+", verbal, whose="person", many=True, kind="preference"),)

ANY = "*"  # the key of a verb that has none of its own
_ANYTHING = (
    rule(
        rf"(?P<v>[a-z]+){ADV}\s+(?P<prep>with|at|in|on|from|by|under|for|as|to)\s+(?:an?\s+)?",
        verbal,
        whose="person",
        fits=lambda v: len(v.split()) <= 5 and (v[:1].isupper() or numeric(v) or timely(v) or v.split()[0] in ("room", "the")),
    ),
    rule(
        rf"(?P<v>[a-z]+s){ADV}\s+(?:an?\s+|the\s+)?(?=[A-Z0-9])",
        verbal,
        whose="person",
        fits=lambda v: len(v.split()) <= 4,
    ),
)
OWN = (
    "live reside work play speak study attend drive teach lead manage own wear use major earn pay prefer weigh report get wake go "
    "start finish "
    "leave see visit meet do take practice practise call clean water wash keep store"
)
_GROUPS: tuple[tuple[str, tuple[Predicate, ...]], ...] = (
    ("remains remain stays is are am was were be been become becomes became 'm 're 's isn't aren't wasn't", BEING),
    ("have has 've", HAVING),
    (
        "reads shows registers measures indicates stands reached hit hits totals rose fell dropped increased decreased grew "
        "climbed amounts went",
        _MEASURING,
    ),
    ("cost costs weighs weigh", _COSTING),
    ("renamed", _RENAMING),
    ("swapped traded exchanged replaced ditched switched", _SWAPPING),
    ("lives live resides reside", _LIVING),
    ("works work", _WORKING),
    ("worked lived resided taught studied died played served", _PAST),
    ("used", _USED),
    (
        "moved relocated pushed shifted postponed brought rescheduled changed switched updated set reset raised lowered reduced "
        "cut bumped extended adjusted upgraded downgraded shortened delayed scheduled fixed capped revised transferred "
        "expanded dropped increased",
        (*_MOVING, *_LEAVING),
    ),
    ("joined joins started began begun got took accepted landed married", _JOINING),
    ("left quit resigned retired stopped divorced broke split separated", _LEAVING),
    ("don't doesn't no never do does", _NOT),
    (
        "plays play speaks speak studies study attends attend drives drive teaches teach leads lead runs heads coaches manages "
        "manage owns own holds wears wear represents reports report supports uses use practices practises worships belongs "
        "majors major earns earn pays pay chairs took",
        (*_PAYING, *_USING, *_LEADING, *_DOING),
    ),
    ("being", _BEINGS),
    ("settled agreed decided went chose picked opted selected booked", _CHOOSING),
    ("keep keeps kept store stores stored put parked left", _KEEPING),
    ("get wake go start finish leave have see visit meet do take attend play practice practise call clean water wash", _DAILY),
    ("got gets bought acquired picked", _GETTING),
    ("slipped jumped grew went", _MOVING),
    (ANY, _ANYTHING),
    ("prefers prefer", _PREFERRING),
    ("starts begins leaves departs takes happens kicks ends arrives opens closes expires launches finishes", _HAPPENING),
)
PREDICATES: Mapping[str, tuple[Predicate, ...]] = {}
for _names, _predicates in _GROUPS:
    for _name in _names.split():
        PREDICATES[_name] = (*PREDICATES.get(_name, ()), *_predicates)  # type: ignore[index]
AUXILIARY = frozenset({"have", "has", "'ve", "will", "'ll"})
# "I have lived in Bern since May" holds still, "I lived in Bern" does not.
PERFECT: Mapping[str, tuple[Predicate, ...]] = {"lived": _LIVING, "resided": _LIVING, "worked": _WORKING}
