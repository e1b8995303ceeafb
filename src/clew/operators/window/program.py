"""A program of steps, and where it stands: a pure fold over marks that the work left, nothing of it kept but the marks.

A step ends when it was claimed done and what is checked then holds: the verdict comes from outside, as an event. Whatever
is written between claim and verdict takes the claim back, so that a verdict is always about what there is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

VERSION = 1
Do = Literal["claim", "verdict", "progress", "change", "back"]
Status = Literal["running", "claimed", "failed", "done"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that moves a program: where in the log it stands, what it is, its words (of "back": the handover then), and
    of a verdict whether it is good."""

    seq: int
    do: Do
    text: str = ""
    ok: bool = False
    step: int = 0  # of "back": the step gone back to


@dataclass(frozen=True, slots=True)
class State:
    """Where a program stands."""

    step: int = 0  # place in the program, from 0; past the last when all are done
    status: Status = "running"
    began: int = 0  # messages after this place in the log are the step's own
    attempt: int = 1  # of the step; each restart is another
    failures: int = 0  # of its evaluation
    handover: str = ""  # what the step before told this one
    progress: str = ""  # what the attempt before told this one
    output: str = ""  # of the claim that waits for a verdict


def state(steps: int, began: int, marks: Iterable[Mark], retries: int, gate: bool = True) -> State:
    """Where a program of so many steps stands after these marks, in the order of the log; it began at `began`.

    Without a `gate` a claim is enough. More failed evaluations than `retries` of one step and the program has failed.
    """
    now = State(began=began)
    for mark in sorted(marks, key=lambda m: m.seq):
        if mark.do == "back":
            now = State(step=mark.step, began=mark.seq, handover=mark.text, status="done" if mark.step >= steps else "running")
        elif now.status in ("failed", "done"):
            continue
        elif mark.do == "claim":
            now = replace(now, status="claimed", output=mark.text)
            now = now if gate else _next(now, mark.seq, steps)
        elif mark.do == "change":
            now = replace(now, status="running", output="")
        elif mark.do == "progress":
            now = replace(now, status="running", began=mark.seq, attempt=now.attempt + 1, progress=mark.text, output="")
        elif mark.do == "verdict" and now.status == "claimed":
            now = _next(now, mark.seq, steps) if mark.ok else _failed(now, retries)
    return now


def _next(now: State, seq: int, steps: int) -> State:
    status: Status = "done" if now.step + 1 >= steps else "running"
    return State(step=now.step + 1, began=seq, handover=now.output, status=status)


def _failed(now: State, retries: int) -> State:
    failures = now.failures + 1
    return replace(now, failures=failures, output="", status="failed" if failures > retries else "running")


def repeats(said: Sequence[str], lengths: Sequence[int] = (2, 3, 4)) -> bool:
    """Whether the last so many things said are the same as those said just before them, for one of the lengths."""
    return any(len(said) >= 2 * n and list(said[-n:]) == list(said[-2 * n : -n]) for n in lengths)


def temperature(said: Sequence[str], base: float, step: float = 0.4, most: float = 1.0, annealed: float = 0.1) -> float:
    """The temperature to go on with after these answers of a model: each that closes a loop raises it, every other one cools it."""
    now = base
    for i in range(1, len(said) + 1):
        now = min(most, now + step) if repeats(said[:i]) else max(base, now - annealed)
    return round(now, 6)
