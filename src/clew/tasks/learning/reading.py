"""What a world says in answer to an act that changes nothing: lines that tell what is wanted, and the acts that turned out to answer them.

A task may not say all: what is wanted may stand in something that has to be read. Of an episode is kept which act answered which line
(it was rewarded, and names what the line names or made it so), as a task of its own: the line's words, and what was done. In another
episode each line that is read is such a task again: what is recalled for it is filled with the line's own words.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import dropwhile, takewhile

from clew.operators.experience.workflows import EACH, STOP, words
from clew.tasks.learning.choices import HINTED, OTHER, Choice
from clew.tasks.learning.guides import fits, leaves_open, likeliest, skipped
from clew.tasks.learning.search import Seen, Trial, best

UNDER = " > "  # between a heading and a line below it
LEAST = 2  # lines that one trial must have answered of a text that asks for something
TRIES = 4  # trials that go by what was read (ours)
WAITS = 6  # actions of its own after which the explorer waits no more for what has to come before something (ours)
STEM = 2  # letters of a word by which it is known in what was done: fry, fried


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is wanted, and how it is done: steps for when that cannot be done yet, and last the one that does it, if it is known."""

    line: str
    steps: tuple[str, ...] = ()

    def fits(self, choice: Choice) -> bool:
        """Whether an act answers it: as is known; else one that has all words of the line, in its order."""
        if self.steps:
            return fits(self.steps[-1], choice)
        rest = iter(said(choice.text))
        return bool(said(self.line)) and all(word in rest for word in said(self.line))


@dataclass(frozen=True, slots=True)
class Answer:
    """A line that was read, what answered it, and which act had shown it."""

    line: str
    acts: tuple[str, ...]
    shown: str


def lines(before: str, after: str) -> list[str]:
    """The lines of a text that did not stand in the one before it, each behind its heading: the line above it that ends with a colon."""
    known, found, head = {line.strip() for line in before.splitlines()}, list[str](), ""
    for line in (line.strip() for line in after.splitlines()):
        if line.endswith(":"):
            head = line
        elif line and line not in known:
            found.append(f"{head[:-1]}{UNDER}{line}" if head else line)
    return found


def said(text: str) -> list[str]:
    """The words of a line, without its heading, or of an act that say something."""
    return [w for w in words(text.rpartition(UNDER)[2]) if w not in STOP and w[0].isalnum()]


def thing(line: str) -> list[str]:
    """What a line wants something done to: all behind its first word, without an article."""
    found = words(line.rpartition(UNDER)[2])[1:]
    return list(dropwhile(STOP.__contains__, found))


def names(text: str, some: Sequence[str]) -> list[list[str]]:
    """Where a text has some words one after another: each time the words that describe them, which stand just before, the last first."""
    told, size = words(text), len(some)
    found = [i for i in range(len(told) - size + 1) if told[i : i + size] == list(some)]
    return [list(takewhile(lambda w: w not in STOP and w[0].isalpha(), reversed(told[:i]))) for i in found]


def holds(line: str, text: str) -> bool:
    """Whether a text says of a thing that it is as a line asks: `a fried leek`, where the line says `fry the leek`."""
    what, stem = thing(line), next(iter(said(line)), "").rstrip("ey")
    done = (f"{stem}ed", f"{stem}ied", f"{stem}{stem[-1:]}ed")
    return bool(what) and len(stem) >= STEM and any(word in done for before in names(text, what) for word in before)


def shown(trials: Iterable[Trial]) -> dict[str, tuple[int, list[str]]]:
    """By an act that changed nothing, before anything was earned: in which trial first, and the lines with which the world answered."""
    found = dict[str, tuple[int, list[str]]]()
    for number, trial in enumerate(trials):
        for i, choice in enumerate(trial.done):
            if trial.states[i] == trial.states[i + 1] and not trial.rewards[i] and (new := lines(trial.texts[i], trial.texts[i + 1])):
                found.setdefault(choice.text, (number, new))
    return found


def answers(task: str, trials: Sequence[Trial]) -> list[Answer]:
    """What answered the lines of one text after it was read: of that of which one trial answered most, and of such of the shortest."""
    told = set(words(task))
    found = [(act, its, [_answers(told, its, trial) for trial in trials[at:]]) for act, (at, its) in shown(trials).items()]
    scored = [(max(map(len, answered)), -len(its), act, answered) for act, its, answered in found]
    most, _, act, answered = max(scored, key=lambda s: s[:2], default=(0, 0, "", []))
    merged = {line: acts for one in sorted(answered, key=len) for line, acts in one.items()}
    return [Answer(line, acts, act) for line, acts in merged.items()] if most >= LEAST else []


def _answers(task: set[str], its: Sequence[str], trial: Trial) -> dict[str, tuple[str, ...]]:
    """What a trial was rewarded for, with the line that it made true, or else that it shares most words with which the task does not have."""
    found = dict[str, tuple[str, ...]]()
    for i, choice in enumerate(trial.done):
        if trial.rewards[i + 1] <= trial.rewards[i]:
            continue
        mine, before, after = set(said(choice.text)), trial.texts[: i + 1], trial.texts[i + 1]
        named = [x for x in its if x not in found and names(choice.text, thing(x)) and (mine & {*said(x)}) - task]
        if left := [x for x in named if not any(holds(x, text) for text in before)]:
            line = max(left, key=lambda x: (holds(x, after) and bool(names(before[-1], thing(x))), len(mine & {*said(x)}), -len(said(x))))
            found[line] = (*(EACH + act for act in _before(trial, i, mine - {*said(line)})), choice.text)
    return found


def _before(trial: Trial, at: int, also: set[str]) -> list[str]:
    """What had to be done before an act could be: what brought it to light, and what gave things that it names and its line does not."""
    useful, done = trial.useful(), trial.done
    free = [j for j in range(at) if useful[j] and trial.rewards[j + 1] <= trial.rewards[j]]
    brought = [j for j in range(at) if done[at].text in trial.brought[j]][:1]
    gave = [j for j in free if said(done[j].text)[:1] != said(done[at].text)[:1] and _gave(done[j], trial.brought[j]) & also]
    return list(dict.fromkeys(done[j].text for j in free if j in brought or j in gave))


def _gave(choice: Choice, brought: Iterable[str]) -> set[str]:
    """The words of an act that are also those of what it brought to light."""
    return set(said(choice.text)) & {w for text in brought for w in said(text)}


def answered(part: Part, trial: Trial) -> bool:
    """Whether a line needs nothing more in a trial: the world said that it is so, or what answers it was done and had an effect."""
    if part.line and any(holds(part.line, text) for text in trial.texts):
        return True
    done = [c for c, a, b in zip(trial.done, trial.states, trial.states[1:], strict=False) if a != b]
    return any(part.fits(c) for c in done)


@dataclass(slots=True)
class Asked:
    """What the world was found to ask for in an episode, in its order, and last what the way that led there does at the end."""

    parts: list[Part] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)  # by line: actions of a trial that the explorer took while it could not be answered
    tried: int = 0  # trials that went by it

    def read(self, before: str, after: str, recalled: Callable[[str], Sequence[Sequence[str]]], way: Sequence[str]) -> None:
        """Take in what an act has shown: the lines for which something is recalled, and those below the same heading. Nothing is taken
        in where nothing is recalled, or when it was gone by in vain.
        """
        if self.parts or self.tried >= TRIES:
            return
        known = dict[str, tuple[str, ...]]()
        for line in lines(before, after):
            taken = [steps[-1] for steps in known.values() if steps]
            known[line] = next((tuple(steps) for steps in recalled(line) if steps[-1] not in taken), ())  # one act answers one line
        heads = {line.rpartition(UNDER)[0] for line, steps in known.items() if steps} - {""}
        self.parts = [Part(line, steps) for line, steps in known.items() if steps or line.rpartition(UNDER)[0] in heads]
        mine = {part.steps[-1] for part in self.parts if part.steps}
        last = max((i for i, step in enumerate(way) if step in mine or leaves_open(step)), default=len(way))
        self.parts += [Part("", (step,)) for step in way[last + 1 :] if self.parts and not skipped(step)]

    def due(self, options: Sequence[Choice], trial: Trial, seen: Seen) -> Choice | None:
        """What answers the first line that is still open, or what that needs first; a later line where that could not be done for long."""
        for part in self.parts:
            if answered(part, trial):
                continue
            found = [c for c in options if part.fits(c)]
            for step in part.steps[:-1]:
                found = found or [c for c in options if fits(step, c) and c.key not in trial.path]
            if found:
                return best(likeliest(found, seen), trial, seen)
            if self.held.setdefault(part.line, 0) < WAITS:
                self.held[part.line] += 1
                return None
        return None

    def others(self, options: Sequence[Choice], trial: Trial) -> Sequence[Choice]:
        """What may be done besides: what was read is what is wanted now, so the task's words weigh less; and to things that several
        lines name is done what these say, where that is known.
        """
        options = [replace(c, rank=OTHER) if self.parts and c.rank == HINTED else c for c in options]
        if any(not part.steps and not answered(part, trial) for part in self.parts):
            return options
        told = [set(said(part.line)) for part in self.parts if part.line]
        several = [both for i, one in enumerate(told) for other in told[:i] if (both := one & other)]
        return [c for c in options if not any(name <= set(said(c.text)) for name in several)] or options

    def left(self, trial: Trial) -> list[str]:
        """The steps that are left in a trial."""
        return [part.steps[-1] if part.steps else part.line for part in self.parts if not answered(part, trial)]

    def over(self, trial: Trial) -> None:
        """A trial failed: what answered a line elsewhere and ended this one badly is no answer here, and what has been gone by so often
        in vain is left.
        """
        self.held.clear()
        self.tried += bool(self.parts)
        if trial.ended:
            self.parts = [Part(p.line) if p.line and trial.done and p.fits(trial.done[-1]) else p for p in self.parts]
        if self.tried >= TRIES:
            self.parts.clear()
