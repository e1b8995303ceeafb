"""What an episode has shown about its world, and what is tried next for it.

What ended a trial badly in some state is not done there again, however that state was reached. Where something can be set in several
ways, the likeliest comes first, and each way loses by every failure that it was part of: so the ways of several fields are gone
through together, those nearest to the likeliest first. What brings a calendar nearer to a day that the task names is done again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p

from clew.tasks.graph import Page
from clew.tasks.learning.choices import CLICKED, HINTED, IDLE, NAMED, Choice

Key = tuple[str, int]
SURE = 3  # failures more that a value has before it for whose field the task has a name before it (ours)
WORSE = 0.4  # of a gain, for each of the first two trials that an action ended badly (ours)
BAD = -1  # in place of how much an action brought to light, where it ended a trial badly
IDLY = -0.5  # the gain of what brought nothing in other episodes: less than of anything that is not known; as much again where it did harm
SEEDED = 4  # tries for which what is known of a kind of action counts, at most
GONE = 100  # what counts against a way that leads only to what is known to fail


@dataclass(slots=True)
class Trial:
    """One try from the beginning: what was done, which of it led anywhere, and what came of it."""

    done: list[Choice] = field(default_factory=list)
    states: list[int] = field(default_factory=list)  # what was there before each action, and at the end
    spots: list[int] = field(default_factory=list)  # the same, with what was done that the task names and that changed nothing
    new: set[str] = field(default_factory=set)  # choices, in words, that the last action brought to light
    vain: set[Key] = field(default_factory=set)  # what was typed and was not there afterwards
    reward: float = 0.0
    ended: bool = False
    texts: list[str] = field(default_factory=list)  # what the world said before each action, and at the end
    rewards: list[float] = field(default_factory=list)  # what had been earned before each action, and at the end
    brought: list[set[str]] = field(default_factory=list)  # choices, in words, that each action brought to light
    shown: int = 0  # characters of a model's prompts in the explorer's place: each time the task, the page and the steps that are left

    @property
    def path(self) -> tuple[Key, ...]:
        """The actions by their keys."""
        return tuple(c.key for c in self.done)

    @property
    def stood(self) -> list[tuple[Choice, int]]:
        """The actions that count as done, with what was there before: not the first time that something was typed in vain."""
        met, found = set[Key](), list[tuple[Choice, int]]()
        for choice, before in zip(self.done, self.states, strict=False):
            if choice.key not in self.vain or choice.key in met:
                found.append((choice, before))
            met.add(choice.key)
        return found

    @property
    def turned(self) -> Key | None:
        """The last action, if it brought new things to light in a state not met before."""
        return self.done[-1].key if self.done and self.new and self.states[-1] not in self.states[:-1] else None

    def reached(self, here: int, text: str = "", reward: float = 0.0) -> None:
        """Take in what is there now. A named action without visible effect may have had another: it makes the place another one."""
        hidden = [c.key for c, a, b in zip(self.done, self.states, [*self.states[1:], here], strict=False) if a == b and meant(c)]
        self.states.append(here)
        self.texts.append(text)
        self.rewards.append(reward)
        self.spots.append(hash((here, tuple(hidden))))

    def useful(self) -> list[bool]:
        """Of each action, whether it belongs to the way: not what changed nothing unless the task names it, no way there and back again.

        What is there after the end says nothing: it may be the beginning of something else.
        """
        kept, at = [True] * len(self.done), 0
        states = self.states[: len(self.done)] if self.ended else self.states
        while at < len(self.done):
            if at + 1 < len(states) and states[at + 1] == states[at]:
                kept[at], at = meant(self.done[at]), at + 1
                continue
            last = max((j for j in range(at + 1, len(states)) if states[j] == states[at]), default=at)
            kept[at:last] = [False] * (last - at)
            at = max(last, at + 1)
        for i, choice in enumerate(self.done[:-2] if self.ended else []):  # what ended it was done too early before, and to no end
            if choice.key == self.done[-1].key != self.done[i + 1].key:
                kept[i] = False
        return kept


def meant(choice: Choice) -> bool:
    """Whether an action is named by the task and may do something that is not seen: a press, a wait."""
    return choice.rank == NAMED and (choice.action.kind == "wait" or kind(choice).split(" ")[-1] in CLICKED)


@dataclass(slots=True)
class Seen:
    """What an episode has shown about its world: where actions led, what they brought to light, which ended it badly."""

    texts: set[str] = field(default_factory=set)  # choices met so far
    led: dict[tuple[int, Key], tuple[int, int]] = field(default_factory=dict)  # by spot and action: the spot after, choices new then
    same: set[tuple[int, Key]] = field(default_factory=set)  # by state and action: what changed nothing
    dead: set[tuple[int, Key]] = field(default_factory=set)  # by spot and action: what ended a trial badly
    lost: set[int] = field(default_factory=set)  # spots where nothing was left to fill, and from which something ended a trial badly
    bad: dict[Key, int] = field(default_factory=dict)  # times that an action was the last of a failed trial
    blame: dict[Key, int] = field(default_factory=dict)  # failed trials that an action was part of
    kinds: dict[str, tuple[int, float]] = field(default_factory=dict)  # by kind of action: times done, choices brought to light
    vain: set[Key] = field(default_factory=set)  # what was typed and was not there afterwards: something came between
    brought: dict[str, int] = field(default_factory=dict)  # by an action's words: choices new then, at most; or BAD
    known: Mapping[str, float] = field(default_factory=dict)  # the same of other episodes, on average, wherever the thing stood
    nearer: dict[Key, bool] = field(default_factory=dict)  # whether an action brought a calendar nearer to the day that is wanted

    @classmethod
    def after(cls, known: Mapping[str, float]) -> "Seen":
        """What is known before an episode, of other episodes: of single actions, and what their kinds brought."""
        by_thing, by_kind = dict[str, list[float]](), dict[str, list[float]]()
        for text, brought in known.items():
            by_thing.setdefault(_thing(text), []).append(brought)
            by_kind.setdefault(_kind(text), []).append(brought)
        means = {name: (min(len(found), SEEDED), sum(found) / len(found)) for name, found in by_kind.items()}
        things = {name: sum(found) / len(found) for name, found in by_thing.items()}
        return cls(known=things, kinds={name: (tries, tries * mean) for name, (tries, mean) in means.items()})

    def learn(self, trial: Trial, before: Iterable[Choice], options: Iterable[Choice], gaps: tuple[int, int], failed: bool) -> None:
        """Take in what the last action of a trial did: the choices and the months to the day that is wanted before it, and after it."""
        chosen, here, after = trial.done[-1], trial.spots[-2], trial.spots[-1]
        met = {c.text for c in options}
        new = len(met - self.texts)
        self.texts |= met
        self.brought[chosen.text] = BAD if failed else max(new, self.brought.get(chosen.text, 0))
        self.led.setdefault((here, chosen.key), (after, new))
        if trial.states[-2] == trial.states[-1]:
            self.same.add((trial.states[-1], chosen.key))
        tries, found = self.kinds.get(kind(chosen), (0, 0))
        self.kinds[kind(chosen)] = tries + 1, found + new
        if min(gaps) >= 0 and gaps[0] != gaps[1]:
            self.nearer[chosen.key] = gaps[1] < gaps[0]
        if failed:
            self.dead.add((here, chosen.key))
            if not any(c.group and c.rank >= HINTED for c in before):  # else it may have been too early
                self.lost.add(here)
            self.bad[chosen.key] = self.bad.get(chosen.key, 0) + 1
            for key in {c.key for c, _ in trial.stood}:
                self.blame[key] = self.blame.get(key, 0) + 1

    def noted(self, choice: Choice) -> float | None:
        """How much an action brought to light in other episodes, or one like it on a thing of the same words; None where nothing is known."""
        return self.known.get(_thing(choice.text))

    def gain(self, here: int, choice: Choice) -> float:
        """What an action may bring: as it did here, else as it did in other episodes, else as its kind did so far; less for what ended
        a trial badly.
        """
        if (here, choice.key) in self.led:
            after, new = self.led[here, choice.key]
            return -1.0 if after == here else log1p(new) + (choice.rank == HINTED) - self.worse(choice)
        if (brought := self.noted(choice)) is not None:
            return (log1p(brought) if brought > 0 else IDLY * (2 if brought < 0 else 1)) + (choice.rank == HINTED) - self.worse(choice)
        tries, found = self.kinds.get(kind(choice), (0, 0))
        return log1p((found + 2) / (tries + 1)) + (choice.rank == HINTED) - self.worse(choice)

    def worse(self, choice: Choice) -> float:
        """What an action loses by having ended trials badly; less than the task's words give it: what came before may be to blame."""
        return WORSE * min(2, self.bad.get(choice.key, 0))

    def against(self, here: int, choice: Choice) -> int:
        """What speaks against one of several ways to set something."""
        after, _ = self.led.get((here, choice.key), (0, 0))
        return self.blame.get(choice.key, 0) + GONE * (after in self.lost and choice.key not in self.vain)


def best(options: Sequence[Choice], trial: Trial, seen: Seen, apart: int = -1, missing: bool = False) -> Choice:
    """What was not done yet in this trial; of that what the task names, in its order, but what ended a trial badly only when all
    fields are filled that the task has something for; then what may bring most to light.

    Of the ways to set one thing only the one that is due counts, with what the likeliest is worth. `apart`: months that lie
    between what a calendar shows and what is wanted, if it shows any. `missing`: whether the task names something that is not in
    sight: then what has just brought new things to light is done again.
    """
    stood, here, states = trial.stood, trial.spots[-1], set(trial.spots[:-1])
    path, typed = [c.key for c, _ in stood], {c.value for c, _ in stood if c.value}
    used = {c.value for c in options if c.value and any(c.value in value for value in typed)}  # what is a part of one counts with it
    fresh = any(c.value and c.value not in used and c.rank == NAMED for c in options)
    turned = trial.turned if missing and apart <= 0 else None
    here_done = [c.key for c, at in stood if at == trial.states[-1]]

    def rank(c: Choice) -> int:
        if apart > 0 and c.key in seen.nearer:
            return NAMED if seen.nearer[c.key] else IDLE
        if c.value in used and c.rank > IDLE:
            return IDLE if fresh else min(c.rank, HINTED)
        return c.rank

    def order(c: Choice, level: int) -> tuple[float, ...]:
        named, on = level == NAMED, (apart > 0 and seen.nearer.get(c.key, False)) or c.key == turned
        back = seen.led.get((here, c.key), (0, 0))[0] in states
        gain = -seen.gain(here, c) if not named else max(0.0, seen.against(here, c) - SURE * c.sure) if c.group else 0.0
        gain = -GONE if c.key == turned else gain
        again = 0 if on else path.count(c.key)
        due = named and again < 2
        after = 2 * (again > 0 or c.key in seen.bad) if due else 1 if c.group and level == HINTED else 3 + (level == IDLE) + again
        pressed = kind(c).split(" ")[-1] in CLICKED
        if level == HINTED and c.text in trial.new and trial.done[-1].value and pressed:  # a list that opened, a menu
            after, gain, on = 0, 0.0, True
        done = 0 if on else (here_done if named else path).count(c.key)
        return done, after, back, gain, -1.0 if on else c.place

    due = list[tuple[tuple[float, ...], int, Choice]]()
    for at, (ways, level) in enumerate(_ways(options, rank, used)):
        first = SURE * ways[0].sure
        chosen = min(enumerate(ways), key=lambda w: (w[0] + first * (w[0] > 0) + seen.against(here, w[1]), w[0]))[1]
        due.append((order(chosen, level), at, chosen))
    return min(due, key=lambda d: d[:2])[2]


def _ways(options: Sequence[Choice], rank: Callable[[Choice], int], used: set[str]) -> list[tuple[list[Choice], int]]:
    """The options, each alone with its rank; those that set one thing together, the likeliest first, with the rank of that."""
    groups, found = dict[str, list[Choice]](), list[tuple[list[Choice], int]]()
    for choice in options:
        if not choice.group or rank(choice) == IDLE:
            found.append(([choice], rank(choice)))
        elif choice.group in groups:
            groups[choice.group].append(choice)
        else:
            groups[choice.group] = [choice]
            found.append((groups[choice.group], 0))
    for i, (ways, _) in enumerate(found):
        if ways and ways[0].group and rank(ways[0]) != IDLE:
            ways.sort(key=lambda c: (-rank(c), c.value in used, c.place))
            found[i] = ways, rank(ways[0])
    return found


def open_to(found: Sequence[Choice], trial: Trial, seen: Seen, dead: set[tuple[Key, ...]]) -> list[Choice]:
    """What may be tried now: not what is known to fail from here, did nothing here, or would undo what was done."""
    here, spot, path = trial.states[-1], trial.spots[-1], trial.path
    idle = {c.key for c, s, after in zip(trial.done, trial.states, trial.states[1:], strict=False) if s == here == after}
    idle |= {c.key for c in found if c.text.startswith("click text") and (here, c.key) in seen.same}
    return [
        c
        for c in found
        if c.key not in idle and (spot, c.key) not in seen.dead and (*path, c.key) not in dead and not (c.toggles and c.key in path)
    ]


def kind(choice: Choice) -> str:
    """What sort of action it is: its words without those it acts on."""
    return _kind(choice.text)


def _thing(text: str) -> str:
    thing, near, _ = text.partition('" by "')
    return f'{thing}"' if near else text


def _kind(text: str) -> str:
    return text.split('"')[0].strip() if '"' in text else text.split(" ")[0]


def state(page: Page, earned: float = 0.0) -> int:
    """What is there, without what is only said, and what has been earned so far: whether an action led anywhere."""
    return hash((page.title, tuple((e.kind, e.text, e.checked, e.value) for e in page.elements), earned))
