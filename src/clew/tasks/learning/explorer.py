"""One explorer for every world: it tries what the task's words name, and on failure the next thing, step by step, within bounds.

It knows no task and asks no model. Given guides (steps of workflows that were recalled, filled for this task) it follows them
where they fit what it sees, and explores where they do not. An episode is one task on one seed; a failed trial of it is begun
again from the start, and every action of every trial counts.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clew.operators.experience.workflows import ANY, EACH
from clew.operators.experience.workflows import NAMED as SAID
from clew.tasks.graph import Action, Page
from clew.tasks.learning.choices import HINTED, IDLE, NAMED, Choice, Sight, choices
from clew.tasks.learning.search import Seen, Trial, best, open_to, state

WHOLE = 0.99  # reward above which a task counts as done
RETRIES = 2  # trials that follow one guide, where it leaves something open
_TYPED = re.compile(r'^type "([^"*~]+)" (?:into|as|in|with) ')


class World(Protocol):
    """An environment with a task in words and a reward."""

    utterance: str
    done: bool
    reward: float

    def observe(self) -> Page:
        """What is there now."""
        ...

    def act(self, action: Action) -> str:
        """Do it; "" or what prevented it."""
        ...


@dataclass(frozen=True, slots=True)
class Guide:
    """What a skill says for this task: its name and its steps with values filled in."""

    name: str
    steps: tuple[str, ...]
    needs: tuple[str, ...] = ()  # words that must be there before its first step
    text: str = ""  # as a model would be shown it


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one episode may take."""

    steps: int = 30  # actions, all trials together
    reach: int = 10  # actions of one trial


@dataclass(slots=True)
class Run(Trial):
    """A trial, with what it was told to do."""

    guide: Guide | None = None
    followed: int = 0  # actions that the guide named
    loops: dict[int, bool] = field(default_factory=dict)  # by place of a step done as often as it takes: could the next be done at first?
    left: bool = False  # whether it had to look for a way where the guide named none


@dataclass(slots=True)
class Episode:
    """All trials of one task on one seed."""

    utterance: str
    trials: list[Run] = field(default_factory=list)
    dead: set[tuple[tuple[str, int], ...]] = field(default_factory=set)  # ways that are known to lead nowhere
    seen: Seen = field(default_factory=Seen)

    @property
    def steps(self) -> int:
        """Actions of all trials."""
        return sum(len(t.done) for t in self.trials)

    @property
    def success(self) -> bool:
        """Whether the last trial reached the task's end."""
        return bool(self.trials) and succeeded(self.trials[-1])


def succeeded(trial: Run) -> bool:
    """Whether a trial reached the task's end with the whole reward."""
    return trial.ended and trial.reward > WHOLE


def explore(reset: Callable[[], World], guides: Callable[[str], Sequence[Guide]], bounds: Bounds) -> Episode:
    """Try until it succeeds or the bounds are met; `guides` says for the task's words what is recalled, the best first.

    One guide at a time is looked at, those first that leave nothing open, and the next when that was no help. Where everything is
    known to fail it is all tried anew: a world may have been slow.
    """
    world = reset()
    episode = Episode(world.utterance)
    page = world.observe()
    plans = sorted([guide for guide in guides(world.utterance) if begins(guide, page, world.utterance)], key=_open)
    followed = [0] * len(plans)
    while episode.steps < bounds.steps:
        if episode.trials:
            world = reset()
        at = next((i for i, n in enumerate(followed) if n < (RETRIES if _open(plans[i]) else 1)), None)
        if at is not None:
            followed[at] += 1
        guide = None if at is None else plans[at]
        run = Run(guide=guide, told=len(world.utterance) + (0 if guide is None else len(guide.text)))
        episode.trials.append(run)
        attempt(world, episode, run, bounds)
        if succeeded(run):
            break
        episode.dead.add(run.path)
        if not run.done:
            episode.trials.pop()
            if not episode.dead - {()} and not episode.seen.dead:  # there is nothing to do at all
                break
            episode.dead.clear()
            episode.seen.dead.clear()
    return episode


def begins(guide: Guide, page: Page, utterance: str) -> bool:
    """Whether a guide's first step can be taken here: what it needs is there, and something that it may be done to."""
    there = " ".join(e.text.lower() for e in page.elements)
    options = choices(utterance, page, _typed(guide.steps))
    first = [step for n, step in enumerate(guide.steps) if all(skipped(s) for s in guide.steps[:n])]
    return all(words.lower() in there for words in guide.needs) and any(fits(step, c) for step in first for c in options)


def attempt(world: World, episode: Episode, trial: Run, bounds: Bounds) -> None:
    """One trial: `reach` actions at most, and those that the task names or the guide says besides."""
    place, steps, free = 0, trial.guide.steps if trial.guide else (), 0
    more = _typed(steps)
    sight = Sight(episode.utterance, world.observe(), tuple(more))
    trial.reached(state(sight.page))
    found = sight.choices
    episode.seen.texts |= {c.text for c in found}
    while len(trial.done) - free < bounds.reach and episode.steps < bounds.steps and not world.done:
        options = open_to(found, trial, episode.seen, episode.dead)
        if not options:
            break
        chosen, place = guided(steps, place, options, trial, episode.seen)
        free += chosen is not None
        if chosen is None:
            chosen = best(options, trial, episode.seen, sight.gap)
            wished = chosen.rank == NAMED and chosen.key not in trial.path
            free += wished or (sight.gap > 0 and episode.seen.nearer.get(chosen.key, False))
        trial.shown += trial.told + len(sight.page.text)
        trial.done.append(chosen)
        world.act(chosen.action)
        before, sight = sight, Sight(episode.utterance, world.observe(), tuple(more))
        trial.reached(state(sight.page))
        last, found = found, sight.choices
        trial.new = {c.text for c in found} - {c.text for c in last}
        episode.seen.learn(trial, last, found, (before.gap, sight.gap), world.done and world.reward <= WHOLE)
    trial.reward, trial.ended = world.reward, world.done


def guided(steps: Sequence[str], place: int, options: Sequence[Choice], trial: Run, seen: Seen) -> tuple[Choice | None, int]:
    """(what the guide does next, its next place): the step that is due; else another way to do the last; else the step after it.

    A step that is done as often as it takes gives way to the next as soon as that can be done for certain; where the next could be done
    from the first, only when it can be done no more.
    """
    due, after = steps[place : place + 1], steps[place + 1 : place + 2]
    ahead = bool(due and after) and due[0].startswith(EACH) and not _open_step(after[0])
    if ahead and ANY in due[0]:
        ahead = not trial.loops.setdefault(place, any(fits(after[0], c) for c in options))
    for at in (place + 1, place, place - 1) if ahead else (place, place - 1, place + 1):
        if not 0 <= at < len(steps) or (at < place and ANY not in steps[at]):
            continue
        again = at < place or (steps[at].startswith(EACH) and ANY in steps[at])
        if again and trial.left:  # what was done as often as it took is over: it would only undo what was tried since
            continue
        fitting = [c for c in options if fits(steps[at], c) and not (again and (c.key in trial.path or c.rank == IDLE))]
        if fitting:
            trial.followed += 1
            return best(fitting, trial, seen), max(place, at + (not steps[at].startswith(EACH)))
    trial.left = trial.left or bool(trial.followed)
    return None, place


def fits(step: str, choice: Choice) -> bool:
    """Whether a choice is what a step says: `*` stands for any words, `~` for some that the task names."""
    step = step.removeprefix(EACH)
    if SAID in step and choice.rank < HINTED:
        return False
    parts = [re.escape(part) for part in re.split(r"\s*[*~]+\s*", step)]
    return re.fullmatch(r".*".join(parts), choice.text, re.IGNORECASE) is not None


def skipped(step: str) -> bool:
    """Whether a step may be left out, as one that is done as often as it takes."""
    return step.startswith(EACH)


def _open(guide: Guide) -> bool:
    return any(map(_open_step, guide.steps))


def _open_step(step: str) -> bool:
    return ANY in step or SAID in step


def _typed(steps: Sequence[str]) -> list[str]:
    """What a guide's steps type, where they say it."""
    return [m[1] for m in map(_TYPED.match, steps) if m]
