"""A plan from a guide's text: steps become nodes, what their sentences say of going on becomes edges. Rules, no model.

Node ids come from the step numbers. A conditional sentence becomes a conditional edge with its words and numbers as they stand;
several conditions for one target are joined by OR. Steps that the guide starts together get edges side by side; what ends the
guide is an edge to `end`. Where a step says nothing, it goes on to the next one, or to where its parallel group goes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clew.tasks.graph import ALWAYS, END
from clew.tasks.stepfly import fields
from clew.tasks.stepfly.guide import Guide, Sentence, Step
from clew.tasks.stepfly.predicates import Predicate, compiled

START = "start"
OTHERWISE = "otherwise"
_TO = r"\bto\s+(?:the\s+)?steps?\s+(?P<number>\d+(?:\.\d+)*)"
GO = re.compile(rf"\b(?:proceed|continue|go|going|move|moving|skip|jump|return|advance)\b[^.]*?{_TO}", re.I)
_NUMBERS = r"\d+(?:\.\d+)*(?:\s*(?:,\s*and|,|and|through|to|-|–)\s*(?:steps?\s+)?\d+(?:\.\d+)*)+"
TOGETHER = re.compile(
    rf"\bsteps?\s+(?P<list>{_NUMBERS})\s+(?:(?:are|can be|may be)\s+(?:run\s+|executed\s+|started\s+)?)?(?:in\s+|at the same\s+)?"
    r"(?P<how>parallel|concurrently|simultaneously|time|independent\w*|serial|sequence|order)",
    re.I,
)
ENDING = re.compile(
    r"\b(?:(?:potential|definitive|final) (?:resolution|outcome|step)|resolution path|end of (?:this|the) (?:\w+ )?(?:guide|tsg|troubleshooting|procedure)"
    r"|end (?:this|the) (?:guide|tsg|troubleshooting|procedure)|stop here|no further steps|close the incident)\b",
    re.I,
)
_IF = re.compile(r"(?:^|[\s,;])(?:if|when|in case|whenever)\s+(?P<clause>.+)", re.I)
_ELSE = re.compile(r"^(?:otherwise|else|if not)\b", re.I)
_RESULT = re.compile(r",\s+(?=\w)|\s+then\s+|\s*(?:→|->|=>)\s*|\.\s*$")


@dataclass(frozen=True, slots=True)
class Way:
    """One way on from a step: to where, on which conditions (any of them; none: always), as tests where they have numbers."""

    target: str
    conditions: tuple[str, ...] = ()  # OTHERWISE alone: when no other way of the step is taken
    predicates: tuple[Predicate | None, ...] = ()  # one a condition; None: only a reader of prose can say
    advice: str = ""  # what the sentence says to do then

    @property
    def condition(self) -> str:
        """The edge's condition in words."""
        return " or ".join(self.conditions) or ALWAYS


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step's results may show without deciding the way."""

    text: str
    predicate: Predicate


def ways(guide: Guide) -> dict[str, tuple[Way, ...]]:
    """Every way on, by the id of the step that it leaves, `start` first, in the order of the text."""
    told = {step.id: said(step) for step in guide.steps}
    groups = _groups(guide)
    found: dict[str, tuple[Way, ...]] = {START: (Way(guide.steps[0].id),)} if guide.steps else {}
    for place, step in enumerate(guide.steps):
        following = guide.steps[place + 1].id if place + 1 < len(guide.steps) else END
        group = next((g for g in groups if step.id in g), None)
        onward = _join(group, told, guide) if group else following
        found[step.id] = _complete(_merged(told[step.id]), onward)
    return found


def _complete(mine: list[Way], onward: str) -> tuple[Way, ...]:
    """The ways of a step with a way on for the case that none of its conditions holds."""
    mine = [replace(way, target=onward) if way.target == "" else way for way in mine]
    if not mine:
        return (Way(onward),)
    if all(way.conditions and OTHERWISE not in way.conditions for way in mine):
        mine.append(Way(onward, (OTHERWISE,), (None,)))
    return tuple(_merged(mine))


def said(step: Step) -> list[Way]:
    """What the sentences of a step say, one way each; target "" where an otherwise leads nowhere in particular."""
    found: list[Way] = []
    open_at, open_ways = -1, list[Way]()  # conditions of this paragraph that have no target yet
    for sentence in step.sentences:
        if sentence.paragraph != open_at:
            open_at, open_ways = sentence.paragraph, []
        if together := TOGETHER.search(sentence.text):
            numbers = listed(together)
            if together["how"].lower() in ("serial", "sequence", "order"):
                numbers = numbers[:1]
            if step.number not in numbers:
                found += [Way(f"Step{number}") for number in numbers]
            continue
        way, targets = _condition(step, sentence), [f"Step{m['number']}" for m in GO.finditer(sentence.text)]
        targets += [END] if ENDING.search(sentence.text) else []
        if _ELSE.match(sentence.text):
            found += [Way(target, (OTHERWISE,), (None,)) for target in targets or [""]]
        elif way is not None and targets:
            found += [replace(way, target=target) for target in targets]
        elif way is not None:
            open_ways.append(way)
        elif open_ways and targets:  # "If ..., do that. This is a resolution.": the mark belongs to the condition before it
            found += [replace(w, target=targets[0]) for w in open_ways]
            open_ways = []
        else:
            found += [Way(target) for target in targets]
    return found


def _condition(step: Step, sentence: Sentence) -> Way | None:
    match = None if _ELSE.match(sentence.text) else _IF.search(sentence.text)
    if match is None:
        return None
    clause, advice = _cut(match["clause"])
    return Way("", (clause,), (compiled(clause, fields.tables(step), fields.definitions(step)),), advice)


def _cut(clause: str) -> tuple[str, str]:
    """(condition, what to do then), cut where the condition ends: at a comma or arrow outside parentheses."""
    depth = 0
    for match in re.finditer(rf"[()]|{_RESULT.pattern}", clause):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0] not in "()" and not re.match(r"(?:and|or)\b", clause[match.end() :], re.I):
            return clause[: match.start()].strip(), re.sub(r"^then\s+", "", clause[match.end() :].strip(" ."), flags=re.I)
    return clause.strip(" ."), ""


def listed(match: re.Match[str]) -> list[str]:
    """The step numbers of a match of TOGETHER, ranges told one by one."""
    found: list[str] = []
    for part in re.split(r"\s*(?:,\s*and|,|\band\b)\s*", match["list"]):
        numbers = re.findall(r"\d+(?:\.\d+)*", part)
        if len(numbers) == 2 and "." not in "".join(numbers):
            found += [str(n) for n in range(int(numbers[0]), int(numbers[1]) + 1)]
        else:
            found += numbers
    return found


def _groups(guide: Guide) -> list[list[str]]:
    """The sets of steps that the guide starts together."""
    found = []
    for step in guide.steps:
        for sentence in step.sentences:
            match = TOGETHER.search(sentence.text)
            if match and match["how"].lower() not in ("serial", "sequence", "order"):
                found.append([f"Step{n}" for n in listed(match)])
    return found


def _join(group: Sequence[str], told: Mapping[str, list[Way]], guide: Guide) -> str:
    """Where the members of a parallel group go: what most of them say, else the step after the last of them."""
    targets = Counter(w.target for id in group for w in told.get(id, ()) if w.target not in ("", END, *group))
    if targets:
        return targets.most_common(1)[0][0]
    order = [s.id for s in guide.steps]
    last = max((order.index(id) for id in group if id in order), default=len(order) - 1)
    return order[last + 1] if last + 1 < len(order) else END


def _merged(found: Iterable[Way]) -> list[Way]:
    """One way a target: conditions joined by OR; a way that is always open takes the others in."""
    by: dict[str, Way] = {}
    for way in found:
        other = by.get(way.target)
        if other is None:
            by[way.target] = way
        elif other.conditions and way.conditions:
            by[way.target] = Way(
                way.target, other.conditions + way.conditions, other.predicates + way.predicates, other.advice or way.advice
            )
        else:
            by[way.target] = Way(way.target, advice=other.advice or way.advice)
    return list(by.values())


def findings(step: Step) -> list[Finding]:
    """What to look for in a step's results: its sentences that name labels of them without saying if."""
    found = []
    for sentence in step.sentences:
        if not _IF.search(sentence.text) and not _ELSE.match(sentence.text):
            predicate = compiled(sentence.text, fields.tables(step), fields.definitions(step))
            if predicate is not None:
                found.append(Finding(sentence.text, predicate))
    return found


def actions(step: Step) -> Iterator[tuple[str, str]]:
    """(condition, what to do) of the conditional sentences of a step that lead to no other: what a last step concludes."""
    for sentence in step.sentences:
        match = _IF.search(sentence.text)
        if match and not GO.search(sentence.text) and not _ELSE.match(sentence.text):
            condition, advice = _cut(match["clause"])
            if advice:
                yield condition, advice
