"""Compaction without a model: many steps of work told in a few lines, always the same ones for the same steps.

Pure functions of messages as they are kept (`operators.window.messages`). A step is an answer of the
agent with the results of all its calls, or any other message by itself; nothing is ever cut inside one.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from clew.operators.budget import clipped
from clew.operators.window.messages import words
from clew.types import Memory

VERSION = 1
# How many of the newest are told, and how much of each, in characters (freephdlabor's release; calls and errors: ours).
CALLS, OBSERVATIONS, REASONINGS, ERRORS, OUTPUTS = (3, 200), (5, 200), (2, 300), (3, 200), (3, 300)
LAST, MEANINGFUL = 5, 3  # of the last five steps, the last three that say something stay as they are (release)
_ERROR = re.compile(r"\b(error|exception|traceback|failed|failure)\b", re.IGNORECASE)


def role(message: Memory) -> str:
    """Who a message is from, in a chat API's words."""
    return str(message.data["role"])


def calls(message: Memory) -> list[Mapping[str, Any]]:
    """The calls that an answer makes: {"name", "arguments"} each."""
    given = message.data["message"].get("tool_calls") or []
    return [call.get("function") or call for call in given if isinstance(call, Mapping)] if isinstance(given, list) else []


def steps(messages: Sequence[Memory]) -> list[list[Memory]]:
    """The messages as steps, in order; the last may still wait for results (`waits`)."""
    found: list[list[Memory]] = []
    for message in messages:
        if role(message) == "tool" and found and calls(found[-1][0]):
            found[-1].append(message)
        else:
            found.append([message])
    return found


def waits(step: Sequence[Memory]) -> bool:
    """Whether results of the step's calls are still to come."""
    return len(step) <= len(calls(step[0]))


def told(done: Sequence[Sequence[Memory]]) -> str:
    """What these steps come to: counts of tools, and the newest calls, observations, thoughts, errors and outputs."""
    said = [step[0] for step in done if role(step[0]) == "assistant"]
    made = [call for message in said for call in calls(message)]
    seen = [m.text for step in done for m in step if role(m) == "tool"]
    counts = Counter(str(call.get("name") or "?") for call in made)
    parts = {
        "Tools used": [f"{name} x{n}" for name, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))],
        "Last calls": _last([f"{call.get('name') or '?'}({call.get('arguments') or ''})" for call in made], *CALLS),
        "Newest observations": _last(seen, *OBSERVATIONS),
        "Last thoughts": _last([thought(m) for m in said if calls(m)], *REASONINGS),
        "Last errors": _last([text for text in seen if _ERROR.search(text)], *ERRORS),
        "Last outputs": _last([thought(m) for m in said if not calls(m)], *OUTPUTS),
        "Last requests": _last([m.text for step in done for m in step if role(m) == "user"], *OUTPUTS),
    }
    lines = [f"{len(done)} steps so far."]
    for name, items in parts.items():
        lines += [f"{name}:", *(f"- {item}" for item in items)] if items else []
    return "\n".join(lines)


def thought(message: Memory) -> str:
    """What an answer says besides its calls."""
    rest = message.data["message"]
    return words(rest) if "content" in rest or calls(message) else message.text


def _last(texts: Sequence[str], most: int, chars: int) -> list[str]:
    """The newest texts on one line each, cut at so many characters."""
    flat = [" ".join(text.split()) for text in texts]
    return [clipped(text, chars) for text in flat if text][-most:]


def tail(done: Sequence[Sequence[Memory]]) -> list[list[Memory]]:
    """The steps that stay as they are: of the last five the last three that say something."""
    return [list(step) for step in done[-LAST:] if any(m.text.strip() for m in step)][-MEANINGFUL:]
