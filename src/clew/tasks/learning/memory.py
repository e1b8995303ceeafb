"""What the explorer writes down of an episode, and what it recalls before the next: the recipes do the rest."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from clew.engine import Clew
from clew.operators.experience import skills, trajectories, workflows
from clew.operators.experience.workflows import ANY, EACH, NAMED, Workflow
from clew.tasks.learning import reading
from clew.tasks.learning.choices import NAMED as MEANT
from clew.tasks.learning.explorer import Episode, Run, succeeded
from clew.tasks.learning.guides import ALL, Guide, shows
from clew.tasks.learning.values import values

USER = "explorer"
RECALLED = 3  # skills recalled for a task
COVERED = 0.8  # share of the task's words that a workflow must account for (ours)
ACTS = "What each action brought to light, for: "  # before a task, and a line for each action
LED = 10  # what an action of a way to the end counts for, whatever it brought to light
MOST, NOTED = 120, 60  # lines of such a note; steps recalled, notes among them
FIT = 0.9  # share of a workflow's own words that the task must have, in order, for it to be followed


def remember(memory: Clew, episode: Episode, session: str) -> None:
    """Every trial as a session of its own: the task, what was done, how it ended, and which skill was followed; and of the episode as
    a whole, whether it succeeded or not, what each action brought to light.
    """
    answers = reading.answers(episode.utterance, episode.trials)
    for number, answer in enumerate(answers, 1):
        said = [{"content": answer.line, "kind": "message"}, *({"content": act, "kind": "action"} for act in answer.acts)]
        outcome = {"content": "success", "kind": "outcome", "data": {"reason": "it was rewarded"}}
        memory.record([*said, outcome], user=USER, session=f"{session}/read/{number}")
    for number, trial in enumerate(episode.trials, 1):
        good = succeeded(trial)
        lines: list[dict[str, Any]] = [{"content": episode.utterance, "kind": "message"}]
        lines += [{"content": text, "kind": "action", "data": {"changed": u}} for text, u in taken(episode, trial, answers)]
        if good and (there := in_sight(episode.utterance, trial)):
            lines[-1]["content"] += f' once "{there}" is there'
        why = "the end was reached" if good else "it ended without reward" if trial.ended else "there was no end in sight"
        used = [trial.guide.name] if trial.guide is not None and trial.followed else []
        lines.append({"content": "success" if good else "failure", "kind": "outcome", "data": {"reason": why, "used": used}})
        memory.record(lines, user=USER, session=f"{session}/{number}")
    last = episode.trials[-1] if episode.success else Run()
    led = {c.text: LED for c, useful in zip(last.done, last.useful(), strict=True) if useful and c.rank < MEANT}  # else the task says it
    if brought := {text: max(n, led.get(text, n)) for text, n in episode.seen.brought.items()}:
        said = "\n".join([f"{ACTS}{episode.utterance}", *(f"{n} {text}" for text, n in [*brought.items()][:MOST])])
        memory.record([{"content": said, "kind": "observation"}], user=USER, session=f"{session}/acts")


def taken(episode: Episode, trial: Run, answers: Sequence[reading.Answer]) -> list[tuple[str, bool]]:
    """The acts of a trial in words, and whether each belongs to the way: so does what showed the lines that were answered. It is put
    before the acts of a trial that had it from a trial before, where it could be done at once.
    """
    found = list(zip([c.text for c in trial.done], trial.useful(), strict=True))
    if not answers:
        return found
    shown = answers[0].shown
    at = next((i for i, (text, _) in enumerate(found) if text == shown), None)
    if at is not None:
        found[at] = shown, True
    elif any(shown == c.text for t in episode.trials for c, s in zip(t.done, t.states, strict=False) if s == t.states[0]):
        found.insert(0, (shown, True))
    return found


def known(memory: Clew, utterance: str, k: int = NOTED) -> dict[str, float]:
    """By an action's words, how many choices it brought to light in episodes of tasks worded alike, on average; BAD where it ended them."""
    found = dict[str, list[int]]()
    for hit in memory.recall(utterance, user=USER, k=k, kinds=(trajectories.STEP,)):
        task, *lines = hit.memory.text.split("\n")
        if not task.startswith(ACTS) or workflows.alike(Workflow(task.removeprefix(ACTS), ()), Workflow(utterance, ())) < COVERED:
            continue
        for number, _, text in (line.partition(" ") for line in lines):
            found.setdefault(text, []).append(int(number))
    return {text: sum(numbers) / len(numbers) for text, numbers in found.items()}


def in_sight(utterance: str, trial: Run) -> str:
    """What a task names that no action of a trial had need to name, and that stood there before the last of them; "" where nothing did."""
    done = "\n".join(c.text for c, useful in zip(trial.done, trial.useful(), strict=True) if useful).lower()
    if trial.sight is None or '"' not in trial.done[-1].text:
        return ""
    return next((v for v in values(utterance) if v.lower() not in done and '"' not in v and shows(trial.sight.page, v)), "")


def recalled(memory: Clew, utterance: str, k: int = RECALLED, fit: float = FIT) -> list[Guide]:
    """The workflows that a memory holds for a task, filled with its values: first those that account for most of its words, then those
    that leave no step open, those that fill the least of its words in, and those that were borne out most often, with the fewest steps.
    """
    found = list[tuple[tuple[float, ...], Guide]]()
    for hit in memory.recall(utterance, user=USER, k=k, kinds=(skills.SKILL,)):
        if hit.memory.kind != skills.SKILL:
            continue
        mine = skills.skill(hit.memory)
        if mine.kind != "workflow" or workflows.covered(mine.description, utterance) < COVERED:
            continue
        if workflows.fit(mine.description, utterance) >= fit:
            flow = mine.workflow
            told = _told(flow, utterance)
            steps, lines = tuple(step for _, step in told), tuple((place, flow.steps[place]) for place, _ in told)
            left, put = accounted(mine.description, utterance)
            order = left, any(ANY in s or NAMED in s for s in steps), put, mine.bad - mine.good, len(steps)
            found.append((order, Guide(mine.name, steps, mine.preconditions, lines)))
    return [guide for _, guide in sorted(found, key=lambda pair: pair[0])]


def filled(flow: Workflow, utterance: str) -> tuple[str, ...]:
    """A workflow's steps for a task. One that was repeated for one and the same value is done to everything that it fits, or as
    often as the task says in a figure that no step has a use for.
    """
    return tuple(step for _, step in _told(flow, utterance))


def _told(flow: Workflow, utterance: str) -> list[tuple[int, str]]:
    """The steps, each with the place of the workflow's line that it comes from."""
    plain = workflows.filled(flow, utterance)
    spare = [w for w in workflows.words(utterance) if w.isdigit() and len(w) < 3 and not any(w in step for step in plain)]
    found = list[tuple[int, str]]()
    for place, step in enumerate(flow.steps):
        made = workflows.filled(Workflow(flow.template, (step,)), utterance)
        lone = len(made) == 1 and step.startswith(EACH) and not made[0].startswith(EACH) and NAMED not in made[0]
        steps = made if not lone else made * max(1, int(spare[0])) if len(spare) == 1 else (ALL + made[0],)
        found += [(place, each) for each in steps]
    return found


def accounted(template: str, utterance: str) -> tuple[int, int]:
    """How many of a task's words a template leaves open, and how many its variables stand for."""
    own, told = workflows.words(template), workflows.words(utterance)
    same = sum(block.size for block in SequenceMatcher(None, own, told, autojunk=False).get_matching_blocks())
    put = sum(len(workflows.words(value)) for value in workflows.values(template, utterance).values())
    return max(0, len(told) - same - put), put


def nothing(utterance: str) -> Sequence[Guide]:
    """The control: recall switched off."""
    return ()
