"""An agent's session cut at its own subgoals: a line `Subgoal: ...` in what it says opens one and ends the one before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clew.operators.window.messages import observed
from clew.types import Memory

VERSION = 1
SAID = re.compile(r"^[ \t>*#-]*subgoal[ \t*]*[:：][ \t*]*(?P<goal>\S.*?)[ \t*]*$", re.IGNORECASE | re.MULTILINE)
LONGEST = 300  # characters of a goal that is shown
CHECKING = re.compile(r"\bcheck valid actions\b", re.IGNORECASE)  # asks the world for a list, and tells nothing of what was done


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive messages under one goal; the first of a session has none: what stands before any subgoal."""

    goal: str | None
    messages: tuple[Memory, ...]


def goal(message: Memory) -> str | None:
    """The subgoal that a message of the assistant states, one line; None where it states none."""
    match = SAID.search(message.text) if message.data["role"] == "assistant" else None
    return match["goal"][:LONGEST] if match else None


def unstated(text: str) -> str:
    """A message's words without the line that states a subgoal."""
    return SAID.sub("", text).strip()


def segments(messages: Sequence[Memory]) -> list[Segment]:
    """The session in segments. The goal at hand said again opens nothing; one stated before anything was done is replaced."""
    found = [Segment(None, ())]
    for message in messages:
        here, stated = found[-1], goal(message)
        if stated is None or (here.goal is not None and stated.casefold() == here.goal.casefold()):
            found[-1] = Segment(here.goal, (*here.messages, message))
        elif here.goal is not None and not any(done(m) for m in here.messages):
            found[-1] = Segment(stated, (*here.messages, message))
        else:
            found.append(Segment(stated, (message,)))
    return found


def done(message: Memory) -> bool:
    """Whether a message is more than talk of a goal: an action that calls a tool, or anything that came back."""
    return message.data["role"] not in ("assistant", "system") or bool(message.data["message"].get("tool_calls"))


def telling(messages: Sequence[Memory]) -> list[Memory]:
    """The messages without those that only ask which actions there are, and without what that was answered."""
    found, dull = list[Memory](), False
    for message in messages:
        if message.data["role"] == "assistant":
            dull = bool(CHECKING.search(message.text))
        if not dull:
            found.append(message)
    return found


def last_observation(messages: Sequence[Memory]) -> str:
    """What came back last, on one line; where nothing did, what the agent itself said last."""
    seen = [m.text for m in messages if observed(m)] or [m.text for m in messages if m.data["role"] == "assistant"]
    return one_line(seen[-1]) if seen else ""


def lasting(messages: Sequence[Memory]) -> list[Memory]:
    """What is never folded: instructions, and what people said; only the agent's own acts and what they brought back are."""
    return [m for m in messages if m.data["role"] != "assistant" and not observed(m)]


def one_line(text: str, most: int = LONGEST) -> str:
    """The text with its white space as single blanks, cut after so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
