"""What is said with being and having: the patterns that most statements of slots are made of, and the pieces of patterns."""

from clew.operators.slots.predicate import (
    bare,
    capital,
    coloured,
    counted,
    fixed,
    job,
    lasting,
    leading,
    of_noun,
    participle,
    role,
    rule,
    typed,
    verbal_slot,
)
from clew.operators.slots.words import COUNTED, ROLES, numeric, timely

ADV = (
    r"(?:\s+(?:now|currently|just|recently|finally|actually|officially|also|still|really|already|always|once again|again|"
    r"reportedly|both))*"
)
NO = r"(?P<no>\s+(?:no longer|not)\b|n['’]t\b)?"
BE = rf"(?:is|are|am|was|were|be|been|becomes?|became|['’](?:m|re|s)){NO}{ADV}"
IN = r"(?:in|at|on|near)"
N = r"(?:the (?P<n>[a-z]+(?: [a-z]+)?) of )?"
FROM = r"(?:from .{1,50}? )?"
MOTION = r"(?P<motion>moved|relocated|transferred|shifted)"
CHANGED = (
    r"moved|pushed(?: back| forward| out)?|shifted|postponed|brought forward|rescheduled|changed|switched|updated|set|reset|raised|"
    r"increased|"
    r"lowered|reduced|cut|bumped(?: up)?|extended|adjusted|upgraded|downgraded|dropped|shortened|delayed|scheduled|fixed|capped|"
    r"revised|corrected|transferred|relocated|expanded|doubled|halved"
)
THING = r"(?P<thing>(?:my|our|the|their|his|her|[A-Z]\w+['’]s)\s[\w'’ -]{2,50}?)"
BEING = (
    rule(rf"{BE}\s+(?:living|residing|based|settled)\s+{IN}\s+", fixed("home"), whose="person"),
    rule(rf"{BE}\s+(?:working|employed|hired)\s+(?:at|for|by|with)\s+", fixed("employer"), whose="person", fits=capital),
    rule(rf"{BE}\s+(?:staying)\s+(?:{IN}|with)\s+", fixed("staying"), whose="person"),
    rule(rf"{BE}\s+(?:learning|studying)\s+(?=[A-Z])", fixed("learning"), whose="person", many=True),
    rule(
        rf"{BE}\s+(?P<role>leading|managing|running|heading|coaching|in charge of|responsible for)\s+(?:the |our |my )",
        leading,
        reverse=True,
    ),
    rule(rf"{BE}\s+(?:working|employed)\s+as\s+(?:an?|the)\s+", fixed("job"), whose="person"),
    rule(rf"{BE}\s+(?:happily |newly )?married\s+to\s+", fixed("spouse"), whose="person", kind="relation", fits=capital),
    rule(rf"{BE}\s+(?:dating|engaged to|seeing)\s+(?=[A-Z])", fixed("partner"), whose="person", kind="relation"),
    rule(rf"{BE}\s+(?:named|called)\s+(?=[\"'“]?[A-Z])", lambda n, g, v, o, w: (f"{n} name".strip(),)),
    rule(rf"{BE}\s+born\s+in\s+{N}", fixed("birthplace"), whose="person", fits=lambda v: not timely(v)),
    rule(rf"{BE}\s+born\s+(?:on|in)\s+", fixed("birthday"), whose="person", kind="date", fits=timely),
    rule(
        rf"{BE}\s+(?:turning\s+)?(?P<value>\d{{1,3}})(?:\s+years?\s+old|(?=[.,!]?$))",
        fixed("age"),
        whose="person",
        exact=True,
        kind="quantity",
    ),
    rule(
        rf"{BE}\s+(?:the|our|my|a)?\s*(?:new |current |next )?(?P<role>(?i:{ROLES}))\s+(?:of|at|for|in)\s+(?:the\s+)?",
        role,
        reverse=True,
        kind="relation",
    ),
    rule(rf"{BE}\s+(?P<mine>my|our)\s+(?:new |current |next )?(?P<role>(?i:{ROLES}))\b", role, reverse=True, kind="relation", value=False),
    rule(
        rf"{BE}(?:\s+being)?\s+(?:{CHANGED}|due|up|down|planned|booked|replaced|swapped)\s+{FROM}(?:to|for|until|till|at|by|on|"
        rf"as|with)\s+",
        of_noun,
        change=True,
    ),
    rule(rf"{BE}\s+(?P<part>painted|dyed|coloured|colored|priced|rated|nicknamed|numbered|labelled|tuned)\s+(?:at |to |as )?", coloured),
    rule(rf"{BE}\s+(?P<art>an?|the)\s+(?P<part>citizen|native|resident|member|capital)\s+(?P<prep>of)\s+(?:the )?", participle),
    rule(
        rf"{BE}\s+(?P<part>[a-z]+(?:ed|en)|born|written|made|built|led|held|run|sung|famous|known|responsible|home|drawn|won|sold|"
        rf"set|put|shot|bred)"
        rf"\s+(?P<prep>by|in|at|on|with|for|from|to|as|of|near|under|after(?=\s[A-Z]))\s+{N}",
        participle,
    ),
    rule(
        rf"{BE}\s+(?:(?P<mine>my|our)|(?P<whose>[A-Z]\w+)['’]s)\s+(?:new |current |next |actual )?(?P<role>(?:[a-z-]+ ){{0,2}}[a-z-]+)"
        rf"(?=[.,!]?$|\s+(?:now|from|since|these days)\b)",
        role,
        reverse=True,
        value=False,
    ),
    rule(rf"{BE}\s+due\s+(?:on\s+|by\s+)?", lambda n, g, v, o, w: (typed(n, v, False),) if n else (), fits=timely),
    rule(
        rf"{BE}\s+(?P<place>in|at|on|near)\s+{N}",
        of_noun,
        fits=lambda v: v[:1].isupper() or numeric(v) or timely(v) or v.split()[0] in ("the", "my", "room"),
    ),
    rule(rf"{BE}\s+(?:an?\s+)(?=\w)", fixed("job"), whose="person", fits=job),
    rule(
        rf"{BE}\s+(?:made|appointed|named|hired as|taken on as|employed as)\s+(?:an?\s+|the\s+|our\s+)?(?:new\s+)?(?=\w)",
        fixed("job"),
        whose="person",
        change=True,
        fits=job,
    ),
    rule(rf"{BE}\s+(?=(?:strictly |fully |mostly )?(?:vegetarian|vegan|pescatarian|omnivore)\b)(?:an? )?", fixed("diet"), whose="person"),
    rule(rf"(?:(?P<was>was|were)|is|are|becomes?|became|be|been|remains?|stays?|['’]s){NO}{ADV}\s+{N}(?!\w+ing\b)(?=\S)", bare),
    rule(rf"{BE}\s+(?={COUNTED}[^,;]{{0,12}}$)", of_noun, whose="person", fits=numeric),
)
HAVING = (
    rule(
        rf"(?:have|has|['’]ve){ADV}(?:\s+got)?{ADV}\s+(?:an?|the|my|our)\s+(?:new |total |current )?(?P<of>(?:[a-z-]+ )"
        rf"{{0,2}}[a-z-]+) of "
        rf"(?=[$€£]?\d|[A-Z])",
        verbal_slot,
        fits=lambda v: numeric(v) or timely(v),
    ),
    rule(
        rf"(?:have|has|['’]ve){ADV}(?:\s+got)?{ADV}\s+(?:about |around |a total of )?(?P<value>{COUNTED})\s+(?P<of>(?:[a-z-]+ )"
        rf"{{0,2}}?(?:[a-z-]+s|people|children|women|men|kids))\b(?! ago| later| old)",
        counted,
        exact=True,
        kind="quantity",
    ),
    rule(
        rf"(?:have|has|['’]ve){ADV}\s+(?P<part>[a-z]+(?:ed|en)|read|seen|made|done|got|won|lost|caught|run|had|spent|met|bought|"
        rf"sold|built|put|sent){ADV}\s+(?:about |around |a total of )?(?P<value>(?!\$){COUNTED})\s+(?:different |more )"
        rf"?(?P<of>(?:[a-z-]+ ){{0,3}}?(?:[a-z-]+s|people|children|women|men|kids))\b(?! ago| later| old)",
        counted,
        exact=True,
        kind="quantity",
    ),
    rule(
        rf"(?:have|has|['’]ve)\s+been\s+(?P<doing>[a-z]+ing (?:[\w'’]+ ){{1,8}}?)for (?:about |around |over |almost |nearly )"
        rf"?(?P<value>(?:{COUNTED}|a)(?: and a half)? (?:day|week|month|year)s?)\b",
        lasting,
        exact=True,
        kind="quantity",
    ),
)
