"""Attempts at tasks, told to a memory: what was asked, what was done, how it ended."""

from pathlib import Path
from typing import Any

from clew import Clew, Memory
from clew.models import Models
from clew.operators.experience.skills import SKILL, Skill, skill
from clew.recipe import load


def opened(path: Path, name: str, model: Any = None, **changes: Any) -> Clew:
    path.mkdir(exist_ok=True, parents=True)
    found = load(name)
    recipe = found.variant("test", **changes) if changes else found
    return Clew(path / "c.db", recipes=[recipe], models=Models(asker=model) if model else Models())


def attempt(c: Clew, session: str, task: str, actions: list[Any], ended: str | None = "success", **said: Any) -> None:
    """One attempt; an action is a text, or (text, data). `said`: data of the outcome, `trust` of it, `about` the task's id."""
    trust, about = said.pop("trust", None), said.pop("about", None)
    c.record(task, session=session, data={"task": about} if about else None)
    for action in actions:
        text, data = action if isinstance(action, tuple) else (action, None)
        c.record(text, kind="action", session=session, data=data)
    if ended is not None:
        c.record(ended, kind="outcome", session=session, data=said or None, trust=trust)
    assert set(c.catch_up().values()) == {"folded"}
    assert not c.status()["faults"], c.status()["faults"]


def memories(c: Clew, kind: str = SKILL) -> list[Memory]:
    """Those that hold, in the order in which they were learned."""
    return sorted((m for m in c.memories(kind=kind) if m.retired is None), key=lambda m: (m.rests, m.text))


def learned(c: Clew, kind: str | None = None) -> list[Skill]:
    """The skills that hold."""
    return [s for s in map(skill, memories(c)) if kind is None or s.kind == kind]


def login(user: str, password: str, button: str = "Login") -> tuple[str, list[Any]]:
    """A task and what solves it."""
    task = f'Enter the username "{user}" and the password "{password}" and press {button}.'
    return task, [f'type "{user}" into input "Name"', f'type "{password}" into input "Secret"', f'click button "{button}"']
