"""What the explorer writes down of an episode, and what it recalls before the next: the recipes do the rest."""

from collections.abc import Sequence
from typing import Any

from clew.engine import Clew
from clew.operators.experience import skills, workflows
from clew.tasks.learning.explorer import Episode, Guide, succeeded

USER = "explorer"
RECALLED = 3  # skills recalled for a task
COVERED = 0.8  # share of the task's words that a workflow must account for (ours)
FIT = 0.9  # share of a workflow's own words that the task must have, in order, for it to be followed


def remember(memory: Clew, episode: Episode, session: str) -> None:
    """Every trial as a session of its own: the task, what was done, how it ended, and which skill was followed."""
    for number, trial in enumerate(episode.trials, 1):
        lines: list[dict[str, Any]] = [{"content": episode.utterance, "kind": "message"}]
        led = zip(trial.done, trial.useful(), strict=True)
        lines += [{"content": c.text, "kind": "action", "data": {"changed": useful}} for c, useful in led]
        good = succeeded(trial)
        why = "the end was reached" if good else "it ended without reward" if trial.ended else "there was no end in sight"
        used = [trial.guide.name] if trial.guide is not None and trial.followed else []
        lines.append({"content": "success" if good else "failure", "kind": "outcome", "data": {"reason": why, "used": used}})
        memory.record(lines, user=USER, session=f"{session}/{number}")


def recalled(memory: Clew, utterance: str, k: int = RECALLED, fit: float = FIT) -> list[Guide]:
    """The workflows that a memory holds for a task, filled with its values, the best first."""
    found = list[Guide]()
    for hit in memory.recall(utterance, user=USER, k=k, kinds=(skills.SKILL,)):
        if hit.memory.kind != skills.SKILL:
            continue
        mine = skills.skill(hit.memory)
        if mine.kind != "workflow" or workflows.covered(mine.description, utterance) < COVERED:
            continue
        if workflows.fit(mine.description, utterance) >= fit:
            found.append(Guide(mine.name, workflows.filled(mine.workflow, utterance), mine.preconditions, hit.memory.text))
    return found


def nothing(utterance: str) -> Sequence[Guide]:
    """The control: recall switched off."""
    return ()
