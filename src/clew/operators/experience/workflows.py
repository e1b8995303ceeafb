"""What was done for a task as a workflow: its values taken out as variables, its like merged, and filled again from another task.

An action is a line such as `click button "Submit"`, `type "ada" into input "user"` or `take key from box`: what stands in
quotation marks may be a value, and where nothing does, every word after the first. Values that the task itself names become
`{name}`, named after the word before them; what differs between two workflows that are otherwise alike becomes `*`. A step
that begins with `each:` is done for every value of its variable, or, where it has none, as often as it takes until the next step
can be done. Everything here is pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

VERSION = 2
EACH, ANY, NAMED = "each: ", "*", "~"  # before a step; in place of any words; in place of words that the task names, whichever
LIKE = 0.8  # share of the words of two tasks that must be the same, in order, for their workflows to be merged (ours)
STOP = frozenset((
    "a", "an", "the", "on", "in", "into", "onto", "from", "with", "to", "of", "for", "and",
    "or", "then", "it", "its", "is", "by", "at", "as", "that", "this", "your", "below",
))  # fmt: skip
MARKS, BETWEEN = frozenset({'"', "'"}), frozenset({",", "and", "or", "&", ";"})  # what may stand between the values of a list
_TOKEN = re.compile(r"\{\w+\}|\w+(?:[-'’./:@&#]\w+)*|[^\w\s]")
_PIECE = re.compile(r'"[^"]*"|\{\w+\}|\S+')
_QUOTED = re.compile(r'"([^"]*)"')
_INTO = re.compile(r" into \w+ $")  # what follows is what a field is called, and no value
_PRESS = re.compile(r'(?:click|point at) (?:button|link|text) "')
_NAME = re.compile(r"\{(\w+)\}")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Workflow:
    """What to do for tasks of one kind."""

    template: str  # the task's words, with a variable for each value
    steps: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The variables' names, in the order in which the task, then the steps, name them."""
        return tuple(dict.fromkeys(_NAME.findall(" ".join((self.template, *self.steps)))))

    @property
    def preconditions(self) -> tuple[str, ...]:
        """What must be there for its first step: the words on which that acts, where they are always the same."""
        words = _QUOTED.findall(self.steps[0])[-1:] if self.steps else []
        return tuple(w for w in words if w and ANY not in w and not _NAME.search(w))

    @property
    def shape(self) -> tuple[str, ...]:
        """What it does without what it does it to: the same for workflows that may be one."""
        return tuple(_shape(step) for step in self.steps)


def words(text: str) -> list[str]:
    """A text as words, punctuation marks and variables, in lower case."""
    return [m[0].lower() for m in _TOKEN.finditer(text)]


# -- abstraction ----------------------------------------------------------------------------------------------------


def abstracted(task: str, actions: Sequence[str], variables: bool = True) -> Workflow:
    """The workflow of a run. Without `variables` the values stay as they are."""
    tokens = [(m[0].lower(), m.start(), m.end()) for m in _TOKEN.finditer(task)]
    told = [t for t, _, _ in tokens]
    found = [[(slot, _mention(action[slot[0] : slot[1]], told)) for slot in _slots(action, told)] for action in actions]
    spans = _apart(s for slots in found for _, s in slots if s is not None) if variables else []
    names = {span: f"v{i}" for i, span in enumerate(spans)}
    steps = [_stepped(action, slots, names) for action, slots in zip(actions, found, strict=True)]
    groups = _lists(steps, names, told)
    named = _names(list(groups), told)
    final = {names[span]: named[group] for group, members in groups.items() for span in members}
    done = list[str]()
    for step in (_NAME.sub(lambda m: "{" + final.get(m[1], m[1]) + "}", step) for step in steps):
        last = done[-1].removeprefix(EACH) if done else ""
        both = _again(last, step) if done and variables else ""
        if both or step == last:
            done[-1] = EACH + (both or step)
        else:
            done.append(step)
    return Workflow(_templated(task, tokens, named), tuple(done))


def _again(one: str, other: str) -> str:
    """What two steps are, where they do the same to things that go by one name and a number, such as tabs; "" where they do not."""
    if _shape(one) != _shape(other) or one == other or '"' not in one or _NAME.search(one + other):
        return ""
    both = _common(one, other, _PIECE)
    return both if any(w.strip(ANY + " #") for w in _QUOTED.findall(both)) else ""


def _slots(action: str, told: Sequence[str]) -> list[Span]:
    """Where in an action values may stand."""
    quoted = [(m.start(1), m.end(1)) for m in _QUOTED.finditer(action) if not _INTO.search(action[: m.start()])]
    if '"' in action:
        return quoted
    tokens, found, i = list(_TOKEN.finditer(action))[1:], list[Span](), 0
    while i < len(tokens):
        j = i
        while j < len(tokens) and _within([t[0].lower() for t in tokens[i : j + 1]], told):
            j += 1
        if j > i and any(t[0].lower() not in STOP for t in tokens[i:j]):
            found.append((tokens[i].start(), tokens[j - 1].end()))
        i = max(j, i + 1)
    return found


def _mention(value: str, told: Sequence[str]) -> Span | None:
    """The place in the task of a value, or else of the longest part of it that the task names."""
    mine = words(value)
    if (whole := _within(mine, told)) or not mine:
        return whole
    best = (0, 0)
    for i, word in enumerate(mine):
        if word in STOP or len(word) < 3:
            continue
        size = 1
        while i + size < len(mine) and _within(mine[i : i + size + 1], told):
            size += 1
        if size > best[1] - best[0] and (found := _within(mine[i : i + size], told)):
            best = found
    return best if best[1] else None


def _within(mine: Sequence[str], told: Sequence[str]) -> Span | None:
    size = len(mine)
    return next(((i, i + size) for i in range(len(told) - size + 1) if size and list(told[i : i + size]) == list(mine)), None)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """The spans less those that overlap a longer one, in order."""
    kept = list[Span]()
    for a, b in sorted(dict.fromkeys(spans), key=lambda s: (s[0] - s[1], s)):
        if all(b <= c or d <= a for c, d in kept):
            kept.append((a, b))
    return sorted(kept)


def _names(spans: Sequence[Span], told: Sequence[str]) -> dict[Span, str]:
    """A name for each value: the nearest word before it that says something, else the one after it."""
    taken, names = {i for a, b in spans for i in range(a, b)}, dict[Span, str]()
    for a, b in spans:
        near = [*range(a - 1, max(-1, a - 5), -1), *range(b, min(len(told), b + 4))]
        said = (told[i] for i in near if i not in taken and told[i] not in STOP and told[i].isalpha())
        base = name = next(said, "value")
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[a, b] = name
    return names


def _stepped(action: str, slots: Sequence[tuple[Span, Span | None]], names: Mapping[Span, str]) -> str:
    """The action with its values as variables; of a value that only a part of the words is, the rest is `*`."""
    for (start, end), span in reversed(slots):
        if span not in names or span is None:
            continue
        size, mine = span[1] - span[0], words(action[start:end])
        whole = size == len(mine)
        action = f"{action[:start]}{{{names[span]}}}{action[end:]}" if whole else f"{action[:start]}*{{{names[span]}}}*{action[end:]}"
    return action


def _lists(steps: Sequence[str], names: Mapping[Span, str], told: Sequence[str]) -> dict[Span, list[Span]]:
    """The values by the lists they stand in, most often alone: those between which only a comma or an `and` stands, and with which
    the same is done.
    """
    uses = {span: {_NAME.sub("{}", step) for step in steps if f"{{{name}}}" in step} for span, name in names.items()}
    groups = list[list[Span]]()
    for span in sorted(names):
        gap = set(told[groups[-1][-1][1] : span[0]]) if groups else set[str]()
        if gap & BETWEEN and gap <= BETWEEN | MARKS and uses[span] == uses[groups[-1][-1]]:
            groups[-1].append(span)
        else:
            groups.append([span])
    return {(group[0][0], group[-1][1]): group for group in groups}


def _templated(task: str, tokens: Sequence[tuple[str, int, int]], names: Mapping[Span, str]) -> str:
    """The task with each value, or each list of them, as its variable."""
    text, end = "", 0
    for (a, b), name in sorted(names.items()):
        text, end = f"{text}{task[end : tokens[a][1]]}{{{name}}}", tokens[b - 1][2]
    return text + task[end:]


# -- merging --------------------------------------------------------------------------------------------------------


def alike(one: Workflow, other: Workflow) -> float:
    """Share of the words of two tasks that are the same, in order, variables and wildcards left out."""
    a, b = ([w for w in words(x.template) if w != ANY and not _NAME.fullmatch(w)] for x in (one, other))
    return SequenceMatcher(None, a, b, autojunk=False).ratio() if a or b else 1.0


def common(one: Workflow, other: Workflow) -> Workflow | None:
    """The steps that both take, in their order, as one workflow; None where they end otherwise or have less than half in common."""
    a, b = one.steps, other.steps
    if not a or not b or _likeness(a[-1], b[-1]) == 0:
        return None
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for k in range(len(b) - 1, -1, -1):
            both = _likeness(a[i], b[k])
            best[i][k] = max(best[i + 1][k], best[i][k + 1], best[i + 1][k + 1] + both if both else 0.0)
    steps, i, k, met = list[str](), 0, 0, 0
    while i < len(a) or k < len(b):
        both = _likeness(a[i], b[k]) if i < len(a) and k < len(b) else 0.0
        if both and best[i][k] == best[i + 1][k + 1] + both:
            steps.append(_joined(a[i], b[k]))
            i, k, met = i + 1, k + 1, met + 1
        elif i < len(a) and best[i][k] == best[i + 1][k]:
            steps += _needed(a, i)
            i += 1
        else:
            steps += _needed(b, k)
            k += 1
    if 2 * met < min(len(a), len(b)):
        return None
    return _told(one, other, tuple(steps))


def _needed(steps: Sequence[str], at: int) -> list[str]:
    """What stays of a step that one of two runs had no need of: one that is done as often as it takes, which may be never. Such is
    also what was pressed just before the last step, to bring that to light.
    """
    step = steps[at].removeprefix(EACH)
    if _NAME.search(step) or (step == steps[at] and not (at == len(steps) - 2 and _PRESS.match(step))):
        return []
    return [EACH + step]


def _likeness(one: str, other: str) -> float:
    """How sure it is that two steps are one: the same words, the same variables, or only the same thing done."""
    if _shape(one) != _shape(other):
        return 0.0
    return 3.0 if one == other else 2.0 if _NAME.findall(one) == _NAME.findall(other) != [] else 1.0


def merged(one: Workflow, other: Workflow) -> Workflow | None:
    """What both do, step for step: where they differ, anything. None where they differ in what they do, or in what tasks call it."""
    if one.shape != other.shape:
        return None
    return _told(one, other, tuple(_joined(a, b) for a, b in zip(one.steps, other.steps, strict=True)))


def _told(one: Workflow, other: Workflow, steps: tuple[str, ...]) -> Workflow | None:
    """The steps with what both tasks have in common; None where the task no longer names what the steps need, or names what no step uses."""
    template = _common(one.template, other.template, _TOKEN)
    return Workflow(template, steps) if set(_NAME.findall(" ".join(steps))) == set(_NAME.findall(template)) else None


def _joined(one: str, other: str) -> str:
    each = EACH if one.startswith(EACH) or other.startswith(EACH) else ""
    return each + _common(one.removeprefix(EACH), other.removeprefix(EACH), _PIECE)


def _common(one: str, other: str, token: re.Pattern[str]) -> str:
    if one == other:
        return one
    a, b = ([m[0] for m in token.finditer(text)] for text in (one, other))
    found = list[str]()
    for op, i, j, k, n in SequenceMatcher(None, [w.lower() for w in a], [w.lower() for w in b], autojunk=False).get_opcodes():
        if op == "replace" and j - i == n - k:
            found += [_either(x, y) for x, y in zip(a[i:j], b[k:n], strict=True)]
        else:
            found += a[i:j] if op == "equal" else [ANY]
    kept = [w for w, before in zip(found, ["", *found], strict=False) if w != ANY or before != ANY]
    return " ".join(kept)


def _either(one: str, other: str) -> str:
    """What stands for both: a variable where one of them is one, else anything."""
    if _NAME.findall(one) and _NAME.findall(one) == _NAME.findall(other):
        return max(one, other, key=len)  # the one that allows for words around it
    variable = next((w for w in (one, other) if _NAME.search(w)), None)
    if variable or not (one.startswith('"') and other.startswith('"')):
        return variable or ANY
    a, b = one.strip('"'), other.strip('"')
    before, after = _start(a, b), _start(a[::-1], b[::-1])[::-1]
    return f'"{before}{ANY}{after}"' if len(before) + len(after) < min(len(a), len(b)) else f'"{ANY}"'


def _start(one: str, other: str) -> str:
    """The words with which both begin, or no more of a word than its marks."""
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    while size and one[size - 1].isalnum():
        size -= 1
    return one[:size]


def _shape(step: str) -> str:
    said = step.removeprefix(EACH)
    return " ".join(_QUOTED.sub("", said).split()) if '"' in said else said.split(" ")[0]


# -- filling --------------------------------------------------------------------------------------------------------


def fit(template: str, task: str) -> float:
    """Share of the template's own words that the task has, in order."""
    a, b = words(template), words(task)
    mine = sum(w != ANY and not _NAME.fullmatch(w) for w in a)
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / mine if mine else 0.0


def covered(template: str, task: str) -> float:
    """Share of the task's words that the template has, or that are values of its variables; 1.0 where it leaves some open."""
    own, told = words(template), words(task)
    if ANY in own or not told:
        return 1.0
    blocks = SequenceMatcher(None, own, told, autojunk=False).get_matching_blocks()
    return min(1.0, (sum(block.size for block in blocks) + sum(len(words(v)) for v in values(template, task).values())) / len(told))


def values(template: str, task: str) -> dict[str, str]:
    """The variables' values in another task, as it writes them; one that cannot be told is left out."""
    marks = [m[0] for m in _TOKEN.finditer(template)]
    tokens = list(_TOKEN.finditer(task))
    matcher = SequenceMatcher(None, [m.lower() for m in marks], [t[0].lower() for t in tokens], autojunk=False)
    at = {block.a + n: block.b + n for block in matcher.get_matching_blocks() for n in range(block.size)}
    found = dict[str, str]()
    for i, mark in enumerate(marks):
        if not _NAME.fullmatch(mark):
            continue
        left = next((k for k in range(i - 1, -1, -1) if k in at), -1)
        right = next((k for k in range(i + 1, len(marks)) if k in at), len(marks))
        if any(_NAME.fullmatch(m) for k, m in enumerate(marks[left + 1 : right], left + 1) if k != i):
            continue  # two values in one gap: nobody knows where one ends
        first, last = at.get(left, -1) + 1, at.get(right, len(tokens)) - 1
        said = task[tokens[first].start() : tokens[last].end()].strip(" \"'") if first <= last else ""
        if said:
            found[mark[1:-1]] = said
    return found


def filled(flow: Workflow, task: str) -> tuple[str, ...]:
    """The steps for another task: `each:` told once for every value, `~` where a value could not be told, `*` as it was."""
    known = values(flow.template, task)
    found = list[str]()
    for step in flow.steps:
        names = _NAME.findall(step)
        if step.startswith(EACH) and names and names[0] in known:
            for value in split(known[names[0]]):
                found.append(_put(step.removeprefix(EACH), {**known, names[0]: value}))
        else:
            found.append(_put(step.removeprefix(EACH) if names else step, known))
    return tuple(found)


def split(text: str) -> list[str]:
    """The values of a list in a text: `a, b and c`."""
    return [v for v in (part.strip(" \"'") for part in re.split(r"\s*[,;]\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+", text)) if v]


def _put(step: str, known: Mapping[str, str]) -> str:
    return _NAME.sub(lambda m: known.get(m[1], NAMED), step)
