"""Words by what they do in a sentence, as far as a list can tell; English, everyday, written by hand."""

# Words that hold a sentence together and say little of what it is about: light verbs, grades, fillers, times told by talk.
LIGHT = frozenset(
    """able actually add added ago agree ah alright already also although always amazing another answer anyone anything
    appreciate around ask asked asking away awesome back bad based be became become been begin best better big bit bring
    brought bye call called came cannot cant catch certainly chat check come comes coming completely cool could couldn
    course curious day days definitely did didn different do does doesn doing don done each easy else end enjoy enjoyed enough
    especially even ever every everyone everything exactly excited exciting experience fantastic far feel feeling feels felt
    find finding fine finish finished first forward found fun gave get gets getting give given gives giving glad go goes
    going gonna good got gotten great guess guys had happen happened happening happy hard has hasn haven having hear heard
    hello help helped helpful helping hey hi hope hoping hour hours however huge idea imagine important incredible inspiring
    instead interesting isn keep keeping kept kind knew know known last late later learn least leave left let lets like
    little long look looked looking looks lot lots love loved lovely made make makes making many matter may maybe mean
    means meet mention mentioned might minute moment month months morning much must name near need needed needs never new
    news next nice night nope now number oh ok okay old one ones others others people perfect perhaps person place
    plan plans please pleased plenty possible pretty probably proud put question quite rather real really reason recently
    remember reminder reply right said same saw say saying says see seem seemed seems seen sense several share shared
    sharing should shouldn show showed since somebody someone something sometimes somewhere soon sorry sort sound sounds
    start started stay still stop stuff such super sure take taken takes taking talk talked talking tell telling thank
    thanks that thing things think thinking third thought time times today together told tomorrow tonight too took total
    totally tried truly try trying turn two understand use used using usually want wanted wants was wasn way ways week
    weekend weeks welcome well went weren whatever whether whole will wish won wonder wonderful work worked working works
    no nope none longer beside besides per via world worry would wouldn wow year years yeah yep yes yesterday yet""".split()  # noqa: SIM905 - one word a cell would hide the list
)
GREETINGS = frozenset(
    """hi hello hey hiya howdy good morning afternoon evening night bye goodbye thanks thank cheers thx ok okay yes no sure
    great cool nice welcome please much very well see later then there all so and that is for you your the a how are
    everyone dear lovely perfect wonderful fine s m re it too again""".split()  # noqa: SIM905
)
NEGATIONS = frozenset(
    """not no never none nobody nothing nor neither without cannot cant dont doesnt didnt isnt arent wasnt werent wont wouldnt
    couldnt shouldnt hasnt havent hadnt longer stopped quit refused denied failed lacks""".split()  # noqa: SIM905
)
FAILURES = frozenset(
    """fail failed fails failure error errors wrong incorrect unable unsuccessful unsolved exception crashed broken invalid
    rejected refused timeout incomplete impossible lost""".split()  # noqa: SIM905
)
COUNTS = {
    word: str(n)
    for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split())  # noqa: SIM905
}
# Verbs that may stand between a thing and what is said of it, in the forms that talk has them in.
VERBS = frozenset(
    """is are was were be been being am has have had having owns own owned lives live lived living moved move moves works work
    worked working likes like liked loves love loved hates hate hated prefers prefer preferred enjoys enjoy enjoyed wants want
    wanted needs need needed plans plan planned bought buy buys sold sell sells made make makes built build builds wrote write
    writes written read reads met meet meets married marry visited visit visits went go goes going gone came come comes saw see
    sees took take takes gave give gives got get gets found find finds lost lose loses left leave leaves joined join joins
    started start starts stopped stop stops began begin begins finished finish finishes ended end ends played play plays plays
    studied study studies learned learn learns learnt taught teach teaches teached painted paint paints drew draw draws cooked
    cook cooks baked bake bakes ate eat eats drank drink drinks ran run runs walked walk walks drove drive drives flew fly flies
    sailed sail sails swam swim swims hiked hike hikes camped camp camps travelled traveled travel travels booked book books
    called call calls named name names broke break breaks broken mended mend mends fixed fix fixes fitted fit fits arrived
    arrive arrives leads lead led contains contain contained holds hold held keeps keep kept uses use used wears wear wore
    became become becomes turned turn turns changed change changes grew grow grows born died die dies won win wins received
    receive receives sent send sends signed sign signs adopted adopt adopts attended attend attends organised organized
    organise organize runs managed manage manages directed direct directs founded found founds created create creates
    published publish publishes released release releases located situated belongs belong belonged includes include included
    stands stand stood lies lie lay sits sit sat opened open opens closed close closes shut hired hire hires fired fire fires
    graduated graduate graduates researched research researches applied apply applies accepted accept accepts chose choose
    chooses decided decide decides said says told tells asked asks believes believe thinks think knows know knew feels feel
    felt helps help helped supports support supported brought bring brings carried carry carries ordered order orders paid pay
    pays costs cost rents rent rented shares share shared shows show showed speaks speak spoke stayed stay stays volunteered
    volunteer volunteers watched watch watches wrote performed perform performs starred star stars featured feature features
    caused cause causes produced produce produces developed develop develops owned""".split()  # noqa: SIM905
)
AUXILIARIES = frozenset(
    """am is are was were be been being have has had do does did will would can could shall should may might must just also
    still already recently finally never always often really not n't to been gonna""".split()  # noqa: SIM905
)
LINKING = frozenset("in on at to from with for of into by about under over near behind inside outside as off through".split())  # noqa: SIM905
DETERMINERS = frozenset("the a an my his her our their its your this that these those some any each every very so".split())  # noqa: SIM905
# Relations of which a thing has one at a time: a new object takes the place of the old.
SINGLE = frozenset(
    "is are was in on at located situated live lives lived move moved moves work works worked name named call called belongs".split()  # noqa: SIM905
)
# What labels of a relation between old and new are called, by what they mean.
RELATIONS = {
    "none": "none unrelated independent different no new separate neither irrelevant other nothing distinct neutral add insert unknown",
    "link": "link links linked related relates connect connected similar associated association support supports same_topic extends keep",
    "duplicate": "duplicate same equal equivalent redundant identical merge entail entails entailment known noop confirms skip repeat",
    "update": "update updates updated supersede supersedes newer replace replaces revise revised change changed outdated evolve refine",
    "conflict": "conflict conflicts contradict contradicts contradiction contradictory inconsistent delete delete_old invalidate oppose",
    "both": "both all link_and_update",
}
INSTEAD = {  # what to say where there is no label for it
    "none": ("none", "link"),
    "link": ("link", "none", "both", "update"),
    "duplicate": ("duplicate", "link", "none", "update"),
    "update": ("update", "conflict", "both", "link", "none"),
    "conflict": ("conflict", "update", "both", "link", "none"),
}
NOWHERE = frozenset("other others none general unknown misc miscellaneous neither nothing unsure".split())  # noqa: SIM905 - labels for what fits none
# Broad classes, each with words that bring its vector to where its texts are.
TOPICS = {
    "family": "family mother father parents children kids son daughter wife husband siblings",
    "friends": "friends friendship buddy neighbour party meeting together",
    "relationship": "relationship marriage wedding dating love partner breakup",
    "health": "health illness doctor medicine hospital pain therapy",
    "fitness": "fitness exercise running gym yoga training workout",
    "mental health": "mental health stress anxiety counseling support feelings",
    "work": "work job office career boss colleague company project",
    "business": "business store customers marketing startup sales",
    "money": "money budget price salary bank savings payment",
    "education": "education school university class exam teacher study degree",
    "technology": "technology computer software phone app internet code",
    "science": "science research experiment physics biology theory",
    "travel": "travel trip vacation flight hotel tourist journey",
    "nature": "nature forest mountains hiking camping park beach garden",
    "animals": "animals pets dog cat bird horse",
    "food": "food cooking recipe dinner restaurant meal baking",
    "music": "music song band concert guitar piano singing",
    "art": "art painting drawing pottery sculpture museum photography",
    "books": "books reading novel author library writing poem",
    "film and television": "film movie television show actor cinema series",
    "games": "games video game chess board game tournament",
    "sports": "sports football basketball team match swimming cycling",
    "home": "home house apartment furniture kitchen cleaning move",
    "clothing": "clothing fashion dress shoes jewelry",
    "shopping": "shopping bought gift store order delivery",
    "vehicles": "vehicles car boat bicycle engine repair driving",
    "events": "event festival celebration birthday parade conference",
    "community": "community volunteering charity activism neighbours group rights",
    "politics": "politics government election law court policy",
    "religion": "religion church faith prayer spiritual",
    "history": "history war ancient century king empire",
    "weather": "weather rain snow storm temperature sunny",
    "plans": "plans goal schedule deadline appointment calendar",
    "hobbies": "hobby crafts knitting collecting gardening leisure",
    "places": "place city country street building location map",
    "identity": "identity personality values gender beliefs background",
    "preferences": "preference favourite likes dislikes taste opinion",
    "safety": "safety accident danger emergency police crime",
}
