"""One explorer for every world: it tries what the task's words name, and on failure the next thing, step by step, within bounds.

It knows no task and asks no model. Given guides (steps of workflows that were recalled, filled for this task) it follows them
where they fit what it sees, and explores where they do not. An episode is one task on one seed; a failed trial of it is begun
again from the start, and every action of every trial counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from clew.operators.experience.workflows import ANY, EACH
from clew.tasks.graph import Action, Page
from clew.tasks.learning.choices import IDLE, NAMED, Choice, Sight, choices
from clew.tasks.learning.guides import (
    ALL,
    Guide,
    fits,
    fitting,
    leaves_any,
    leaves_open,
    likeliest,
    ready,
    remaining,
    skipped,
    stuck,
    typed,
)
from clew.tasks.learning.reading import WAITS, Asked
from clew.tasks.learning.search import Seen, Trial, best, open_to, state

NOTE = 4  # characters in which is said what an action brought to light
WHOLE = 0.99  # reward above which a task counts as done
RETRIES = 2  # trials that follow a guide, all guides together; one that leaves nothing open is followed once


def no_acts(utterance: str) -> Mapping[str, float]:
    """Nothing is known of any action."""
    return {}


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
class Bounds:
    """How much one episode may take."""

    steps: int = 30  # actions, all trials together
    reach: int = 10  # actions of one trial


@dataclass(slots=True)
class Run(Trial):
    """A trial, with what it was told to do."""

    guide: Guide | None = None
    followed: int = 0  # actions that the guide named
    waited: int = 0  # actions of its own while something that a step waits for was not in sight
    kept: int = 0  # how many actions there were when the guide named the last of them
    loops: dict[int, bool] = field(default_factory=dict)  # by place of a step done as often as it takes: could the next be done at first?
    sight: Sight | None = None  # what was there before its last action
    idle: bool = False  # whether its first step brought nothing that its next could be done to
    left: bool = False  # whether it had to look for a way where the guide named none


@dataclass(slots=True)
class Episode:
    """All trials of one task on one seed."""

    utterance: str
    trials: list[Run] = field(default_factory=list)
    dead: set[tuple[tuple[str, int], ...]] = field(default_factory=set)  # ways that are known to lead nowhere
    seen: Seen = field(default_factory=Seen)
    asked: Asked = field(default_factory=Asked)  # what the world was found to ask for, where it was read

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


def explore(
    reset: Callable[[], World],
    guides: Callable[[str], Sequence[Guide]],
    bounds: Bounds,
    known: Callable[[str], Mapping[str, float]] = no_acts,
) -> Episode:
    """Try until it succeeds or the bounds are met; `guides` says for the task's words what is recalled, the best first; `known` what
    single actions brought to light, which is looked up where no guide says what to do.

    One guide at a time is looked at, and the next when that was no help. Where everything is known to fail it is all tried anew: a
    world may have been slow.
    """
    world = reset()
    episode = Episode(world.utterance, seen=Seen.after(known(world.utterance)))
    page = world.observe()
    plans = [guide for guide in guides(world.utterance) if begins(guide, page, world.utterance)]
    plans.sort(key=lambda guide: not ready(guide.steps[0], page))
    followed = [0] * len(plans)
    while episode.steps < bounds.steps:
        if episode.trials:
            world = reset()
        at = next((i for i, n in enumerate(followed) if n < (RETRIES if leaves_any(plans[i]) else 1)), None)
        if at is not None and sum(followed) >= RETRIES:
            at = None
        if at is not None:
            followed[at] += 1
        guide = None if at is None else plans[at]
        run = Run(guide=guide)
        episode.trials.append(run)
        attempt(world, episode, run, bounds, guides)
        if at is not None and run.idle:
            followed[at] = RETRIES
        if succeeded(run):
            break
        episode.asked.over(run)
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
    options = choices(utterance, page, typed(guide.steps))
    first = [step for n, step in enumerate(guide.steps) if all(skipped(s) for s in guide.steps[:n])]
    return all(words.lower() in there for words in guide.needs) and any(fits(step, c) for step in first for c in options)


def attempt(world: World, episode: Episode, trial: Run, bounds: Bounds, guides: Callable[[str], Sequence[Guide]]) -> None:
    """One trial: `reach` actions at most, and those that the task names or the guide says besides; what the world is found to ask for
    goes before the guide.
    """
    place, steps, free, asked = 0, trial.guide.steps if trial.guide else (), 0, episode.asked
    more = tuple(typed(steps))
    sight = Sight(episode.utterance, world.observe(), more)
    trial.reached(state(sight.page), sight.page.text)
    episode.seen.texts |= {c.text for c in sight.choices}
    while len(trial.done) - free < bounds.reach and episode.steps < bounds.steps and not world.done:
        options = open_to(sight.choices, trial, episode.seen, episode.dead)
        if not options:
            break
        left = asked.left(trial) if asked.parts else remaining(trial.guide, place) if trial.guide and steps else []
        trial.shown += len(episode.utterance) + sum(len(step) + 1 for step in left) + len(sight.page.text)
        early = [step for step in steps[place:] if trial.waited < WAITS and not ready(step, sight.page)]
        if asked.parts:
            chosen = asked.due(options, trial, episode.seen)
            trial.followed += chosen is not None
        else:
            chosen, place = guided(["" if step in early else step for step in steps], place, options, trial, episode.seen)
        free += chosen is not None
        trial.kept = len(trial.done) + 1 if chosen is not None else trial.kept
        if chosen is None:
            chosen = own(early, options, episode, trial, sight)
            wished = chosen.rank == NAMED and chosen.key not in trial.path
            free += wished or (sight.gap > 0 and episode.seen.nearer.get(chosen.key, False))
        trial.done.append(chosen)
        trial.sight = sight
        world.act(chosen.action)
        before, sight = sight, Sight(episode.utterance, world.observe(), more)
        met(world, episode, before, sight)
        if trial.states[-2] == trial.states[-1] and not world.done:
            asked.read(before.page.text, sight.page.text, lambda line: [g.steps for g in guides(line)], steps)
        if trial.followed == len(trial.done) == 1 and not trial.new and stuck(steps[place:], sight.choices):
            trial.idle, steps = True, ()
    trial.reward, trial.ended = world.reward, world.done


def own(early: Sequence[str], options: Sequence[Choice], episode: Episode, trial: Run, sight: Sight) -> Choice:
    """What the explorer does of itself: nothing that some step waits for, nor what would only undo what a guide has just done."""
    trial.waited += bool(early)
    last = trial.done[-1].key if trial.followed and trial.kept == len(trial.done) else None
    options = [c for c in options if c.key != last and not any(fits(step, c) for step in early)] or options
    options = episode.asked.others(options, trial)
    trial.shown += sum(len(c.text) + NOTE for c in options if episode.seen.noted(c) is not None)
    return best(options, trial, episode.seen, sight.gap, sight.missing(trial.done))


def met(world: World, episode: Episode, before: Sight, sight: Sight) -> None:
    """Take in what the last action of an episode came to."""
    trial = episode.trials[-1]
    chosen, last, found = trial.done[-1], before.choices, sight.choices
    trial.reached(state(sight.page, 0.0 if world.done else world.reward), sight.page.text, world.reward)
    if chosen.value and any(c.action == chosen.action for c in found):
        trial.vain.add(chosen.key)
        episode.seen.vain.add(chosen.key)
    trial.new = {c.text for c in found} - {c.text for c in last}
    trial.brought.append(trial.new)
    after = () if world.done else found  # what is there after the end may be the beginning of something else
    episode.seen.learn(trial, last, after, (before.gap, sight.gap), world.done and world.reward <= WHOLE)


def guided(steps: Sequence[str], place: int, options: Sequence[Choice], trial: Run, seen: Seen) -> tuple[Choice | None, int]:
    """(what the guide does next, its next place): the step that is due; else another way to do the last; else the step after it.

    A step that is done as often as it takes gives way to the next as soon as that can be done for certain; where the next could be done
    from the first, only when it can be done no more. One that is done to everything that it fits gives way when nothing is left.
    No step is passed over where the last act has brought something to light that the task names.
    """
    due = steps[place : place + 1]
    firm = next((at for at in range(place + 1, len(steps)) if not skipped(steps[at])), len(steps))  # the next that may not be left out
    ahead = bool(due) and skipped(due[0]) and firm < len(steps) and not leaves_open(steps[firm])
    if ahead and ANY in due[0]:
        ahead = not trial.loops.setdefault(place, bool(fitting(steps[firm], options)))
    fresh = [c for c in options if c.rank == NAMED and c.text in trial.new and c.key not in trial.path]
    for at in (firm, place, place - 1, place + 1) if ahead else (place, place - 1, place + 1):
        if not 0 <= at < len(steps) or (at < place and ANY not in steps[at]):
            continue
        stays = steps[at].startswith((EACH, ALL))
        again = at < place or (stays and ANY in steps[at]) or steps[at].startswith(ALL)
        if again and trial.left:  # what was done as often as it took is over: it would only undo what was tried since
            continue
        found = fitting(steps[at], options)
        if stays and not again:  # as often as it takes is at one stretch: after something else it would only lead back
            found = [c for c in found if c.key not in trial.path or c.key == trial.done[-1].key]
        if steps[at].startswith(ALL):  # a thing that was pressed may be called otherwise then, and the others are counted anew
            pressed = {c.action.element for c in trial.done if fits(steps[at], c)}
            found = [c for c in found if c.action.element not in pressed]
        elif again:
            found = [c for c in found if c.key not in trial.path and c.rank != IDLE]
        elif leaves_open(steps[at]):
            found = [c for c in found if c.key not in trial.path] or found
        if at > place and not ahead and fresh and not any(c in found for c in fresh):  # in place of a step that is not there now
            continue
        if found:
            if not steps[at].startswith(ALL):
                found = likeliest(found, seen)
            trial.followed += 1
            return best(found, trial, seen), max(place, at + (not stays))
    trial.left = trial.left or bool(trial.followed)
    return None, place
