"""One explorer for every world: it tries what the task's words name, and on failure the next thing, step by step, within bounds.

It knows no task and asks no model. Given guides (steps of workflows that were recalled, filled for this task) it follows them
where they fit what it sees, and explores where they do not. An episode is one task on one seed; a failed trial of it is begun
again from the start, and every action of every trial counts.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import log1p
from typing import Protocol

from clew.operators.experience.workflows import ANY, EACH
from clew.operators.experience.workflows import NAMED as SAID
from clew.tasks.graph import Action, Page
from clew.tasks.learning.choices import HINTED, IDLE, NAMED, Choice, choices

WHOLE = 0.99  # reward above which a task counts as done
RETRIES = 2  # trials that follow one guide, where it leaves something open
_TYPED = re.compile(r'^type "([^"*~]+)" into ')


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
class Trial:
    """One try from the beginning: what was done, which of it led anywhere, and what came of it."""

    done: list[Choice] = field(default_factory=list)
    states: list[int] = field(default_factory=list)  # what was there before each action, and at the end
    guide: Guide | None = None
    followed: int = 0  # actions that the guide named
    left: bool = False  # whether it had to look for a way where the guide named none
    reward: float = 0.0
    ended: bool = False
    told: int = 0  # characters that would stand in a model's every prompt: the task, and what is recalled
    shown: int = 0  # characters that a model in the explorer's place would have been shown

    @property
    def path(self) -> tuple[tuple[str, int], ...]:
        """The actions by their keys."""
        return tuple(c.key for c in self.done)

    def useful(self) -> list[bool]:
        """Of each action, whether it led on: nothing that changed nothing, no way there and back again."""
        kept, at = [True] * len(self.done), 0
        while at < len(self.done):
            last = max((j for j in range(at + 1, len(self.states)) if self.states[j] == self.states[at]), default=at)
            if last > at and last < len(self.states):
                last = min(last, len(self.done) - 1) if self.ended else last
                kept[at:last] = [False] * (last - at)
            at = max(last, at + 1)
        return kept


@dataclass(slots=True)
class Seen:
    """What an episode has shown about its world: where actions led, what they brought to light, which ended it badly."""

    texts: set[str] = field(default_factory=set)  # choices met so far
    led: dict[tuple[int, tuple[str, int]], tuple[int, int]] = field(
        default_factory=dict
    )  # by state and action: the state after, choices new then
    bad: dict[tuple[str, int], int] = field(default_factory=dict)  # times that an action was the last of a failed trial
    kinds: dict[str, tuple[int, int]] = field(default_factory=dict)  # by kind of action: times done, choices brought to light

    def learn(self, before: int, chosen: Choice, after: int, options: Iterable[Choice], failed: bool) -> None:
        """Take in what an action did."""
        met = {c.text for c in options}
        new = len(met - self.texts)
        self.texts |= met
        self.led.setdefault((before, chosen.key), (after, new))
        tries, found = self.kinds.get(kind(chosen), (0, 0))
        self.kinds[kind(chosen)] = tries + 1, found + new
        if failed:
            self.bad[chosen.key] = self.bad.get(chosen.key, 0) + 1

    def gain(self, here: int, choice: Choice) -> float:
        """What an action may bring: as it did here, else as its kind did so far; less for what ended a trial badly."""
        if (here, choice.key) in self.led:
            after, new = self.led[here, choice.key]
            return -1.0 if after == here else log1p(new) - self.bad.get(choice.key, 0)
        tries, found = self.kinds.get(kind(choice), (0, 0))
        return log1p((found + 2) / (tries + 1)) + (choice.rank == HINTED) - self.bad.get(choice.key, 0)


@dataclass(slots=True)
class Episode:
    """All trials of one task on one seed."""

    utterance: str
    trials: list[Trial] = field(default_factory=list)
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


def succeeded(trial: Trial) -> bool:
    """Whether a trial reached the task's end with the whole reward."""
    return trial.ended and trial.reward > WHOLE


def explore(reset: Callable[[], World], guides: Callable[[str], Sequence[Guide]], bounds: Bounds) -> Episode:
    """Try until it succeeds or the bounds are met; `guides` says for the task's words what is recalled, the best first."""
    world = reset()
    episode = Episode(world.utterance)
    page, recalled = world.observe(), guides(world.utterance)
    plans = [guide for guide in recalled if begins(guide, page, world.utterance)]
    followed, told = [0] * len(plans), len(world.utterance) + sum(len(g.text) for g in recalled)
    while episode.steps < bounds.steps:
        if episode.trials:
            world = reset()
        at = next((i for i, n in enumerate(followed) if n < (RETRIES if _open(plans[i]) else 1)), None)
        if at is not None:
            followed[at] += 1
        trial = Trial(guide=None if at is None else plans[at], told=told)
        episode.trials.append(trial)
        attempt(world, episode, trial, min(bounds.reach, bounds.steps - episode.steps))
        if succeeded(trial):
            break
        episode.dead.add(trial.path)
        if not trial.done:  # every way from the beginning is known to lead nowhere
            break
    return episode


def begins(guide: Guide, page: Page, utterance: str) -> bool:
    """Whether a guide's first step can be taken here: what it needs is there, and something that it may be done to."""
    there = " ".join(e.text.lower() for e in page.elements)
    options = choices(utterance, page, _typed(guide.steps))
    return all(words.lower() in there for words in guide.needs) and any(fits(guide.steps[0], c) for c in options)


def attempt(world: World, episode: Episode, trial: Trial, most: int) -> None:
    """One trial, `most` actions at most."""
    place, steps = 0, trial.guide.steps if trial.guide else ()
    page = world.observe()
    trial.states.append(state(page))
    more = _typed(steps)
    found = choices(episode.utterance, page, more)
    episode.seen.texts |= {c.text for c in found}
    while len(trial.done) < most and not world.done:
        options = open_to(found, trial, episode)
        if not options:
            break
        chosen, place = guided(steps, place, options, trial, episode.seen)
        chosen = chosen or best(options, trial, episode.seen)
        trial.shown += trial.told + len(page.text)
        trial.done.append(chosen)
        world.act(chosen.action)
        page = world.observe()
        trial.states.append(state(page))
        found = choices(episode.utterance, page, more)
        failed = world.done and world.reward <= WHOLE
        episode.seen.learn(trial.states[-2], chosen, trial.states[-1], found, failed)
    trial.reward, trial.ended = world.reward, world.done


def open_to(found: Sequence[Choice], trial: Trial, episode: Episode) -> list[Choice]:
    """What may be tried now: not what is known to fail from here, did nothing here, or would undo what was done."""
    here, path, dead = trial.states[-1], trial.path, episode.dead
    idle = {c.key for c, s, after in zip(trial.done, trial.states, trial.states[1:], strict=False) if s == here == after}
    idle |= {c.key for c in found if c.text.startswith("click text") and episode.seen.led.get((here, c.key), (0, 0))[0] == here}
    return [c for c in found if c.key not in idle and (*path, c.key) not in dead and not (c.toggles and c.key in path)]


def best(options: Sequence[Choice], trial: Trial, seen: Seen) -> Choice:
    """What was not done yet in this trial; of that what the task names, in its order, of values those that were not typed yet; then
    what may bring most to light.
    """
    path, used, here = trial.path, {c.value for c in trial.done if c.value}, trial.states[-1]
    fresh = any(c.value and c.value not in used and c.rank == NAMED for c in options)

    def order(c: Choice) -> tuple[float, ...]:
        rank = IDLE if fresh and c.value in used else c.rank
        named = rank == NAMED
        return path.count(c.key), -named, rank == IDLE, 0.0 if named else -seen.gain(here, c), c.place

    return min(options, key=order)


def kind(choice: Choice) -> str:
    """What sort of action it is: its words without those it acts on."""
    return choice.text.split('"')[0] if '"' in choice.text else choice.text.split(" ")[0]


def guided(steps: Sequence[str], place: int, options: Sequence[Choice], trial: Trial, seen: Seen) -> tuple[Choice | None, int]:
    """(what the guide does next, its next place): the step that is due; else another way to do the last; else the step after it.

    A step that is done as often as it takes gives way to the next as soon as that can be done for certain.
    """
    due, after = steps[place : place + 1], steps[place + 1 : place + 2]
    ahead = due and after and due[0].startswith(EACH) and not _open_step(after[0])
    for at in (place + 1, place, place - 1) if ahead else (place, place - 1, place + 1):
        if not 0 <= at < len(steps) or (at < place and ANY not in steps[at]):
            continue
        again = at < place or (steps[at].startswith(EACH) and ANY in steps[at])
        if again and trial.left:  # what was done as often as it took is over: it would only undo what was tried since
            continue
        fitting = [c for c in options if fits(steps[at], c) and not (again and c.key in trial.path)]
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


def state(page: Page) -> int:
    """What is there, without what is only said: whether an action led anywhere."""
    return hash((page.title, tuple((e.kind, e.text, e.checked, e.value) for e in page.elements)))


def _open(guide: Guide) -> bool:
    return any(map(_open_step, guide.steps))


def _open_step(step: str) -> bool:
    return ANY in step or SAID in step


def _typed(steps: Sequence[str]) -> list[str]:
    """What a guide's steps type, where they say it."""
    return [m[1] for m in map(_TYPED.match, steps) if m]
