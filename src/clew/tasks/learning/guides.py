"""The steps of a workflow beside what may be done: which choice a step means, what it waits for, and which of several it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clew.operators.experience.workflows import ANY, EACH
from clew.operators.experience.workflows import NAMED as SAID
from clew.tasks.graph import Page
from clew.tasks.learning.choices import HINTED, Choice
from clew.tasks.learning.search import Seen

ALL = "all: "  # before a step that is done to everything that it fits, before the next one
_ONCE = re.compile(r' once "([^"]*)" is there$')  # after a step that waits for something to be in sight
_TYPED = re.compile(r'^type "([^"*~]+)" (?:into|as|in|with) ')


@dataclass(frozen=True, slots=True)
class Guide:
    """What a skill says for this task: its name and its steps with values filled in."""

    name: str
    steps: tuple[str, ...]
    needs: tuple[str, ...] = ()  # words that must be there before its first step
    lines: tuple[tuple[int, str], ...] = ()  # of each step the line of the workflow that it was filled from, with its place


def ready(step: str, page: Page) -> bool:
    """Whether what a step waits for is there; one that waits for nothing always is."""
    found = _ONCE.search(step)
    return found is None or SAID in found[1] or ANY in found[1] or shows(page, found[1])


def shows(page: Page, words: str) -> bool:
    """Whether words stand on a page or in a field, or were said; what a list could be set to does not stand there."""
    said = [f"{e.text}\n{e.value}" for e in page.elements if e.kind not in ("option", "command")]
    return words.lower() in "\n".join(said or [page.text]).lower()


def fits(step: str, choice: Choice) -> bool:
    """Whether a choice is what a step says: `*` stands for any words, `~` for some that the task names."""
    step = _ONCE.sub("", step.removeprefix(EACH).removeprefix(ALL))
    if SAID in step and choice.rank < HINTED:
        return False
    parts = [re.escape(part) for part in re.split(r"\s*[*~]+\s*", step)]
    return re.fullmatch(r".*".join(parts), choice.text, re.IGNORECASE) is not None


def fitting(step: str, options: Sequence[Choice]) -> list[Choice]:
    """The choices that are what a step says; where there are none, those that name a part of what it names."""
    return [c for c in options if fits(step, c)] or [c for c in options if within(step, c)]


def stuck(steps: Sequence[str], options: Sequence[Choice]) -> bool:
    """Whether nothing is there for what is due of these steps, nor for what may be left out before it."""
    due = next((n for n, step in enumerate(steps, 1) if not skipped(step)), len(steps))
    return bool(steps) and not any(fitting(step, options) for step in steps[:due])


def likeliest(found: Sequence[Choice], seen: Seen) -> list[Choice]:
    """Of what is what a step says: what the task names most, and of things with the same words those that failed least."""
    most = [c for c in found if c.rank == max(o.rank for o in found)]
    if len({c.text for c in most}) > 1:
        return most
    return [c for c in most if seen.blame.get(c.key, 0) == min(seen.blame.get(o.key, 0) for o in most)]


def within(step: str, choice: Choice) -> bool:
    """Whether a choice does what a step says to something that goes by a part of the words that the step has for it."""
    said, done = (text.lower().split('"') for text in (_ONCE.sub("", step), choice.text))
    if len(said) != len(done) or said[::2] != done[::2] or ANY in step or SAID in step:
        return False
    return all(b and f" {b} " in f" {a} " for a, b in zip(said[1::2], done[1::2], strict=True))


def skipped(step: str) -> bool:
    """Whether a step may be left out, as one that is done as often as it takes."""
    return step.startswith(EACH)


def remaining(guide: Guide, place: int) -> list[str]:
    """The lines of a workflow of which steps may still be taken: those that are due, and the one before them where it may be done again.
    As the workflow has them, each once: who has the task can fill them in.
    """
    before = guide.steps[max(0, place - 1) : place]
    lines = guide.lines or tuple(enumerate(guide.steps))
    return [line for _, line in dict.fromkeys(lines[place - 1 if any(ANY in step for step in before) else place :])]


def leaves_any(guide: Guide) -> bool:
    """Whether one of a guide's steps leaves open what it is done to."""
    return any(map(leaves_open, guide.steps))


def leaves_open(step: str) -> bool:
    """Whether a step leaves open what it is done to."""
    said = _ONCE.sub("", step)
    return ANY in said or SAID in said


def typed(steps: Sequence[str]) -> list[str]:
    """What a guide's steps type, where they say it."""
    return [m[1] for m in map(_TYPED.match, steps) if m]
