"""Code that an agent wrote, as a skill: its name, what it says of itself, its parameters. Pure; nothing is run.

An action is code where it defines a function, in quotes of three backticks or not. Where a run holds none, the actions
themselves, their values taken out, are the skill.
"""

import re
from collections.abc import Sequence

from clew.operators.experience import skills, workflows
from clew.operators.experience.skills import Skill

VERSION = 1
_FENCED = re.compile(r"```[\w+-]*\n(.*?)```", re.DOTALL)
_DEFINED = re.compile(r"^[ \t]*(?:export\s+)?(?:async\s+)?(?:def|function)\s+(\w+)\s*\(([^)]*)\)", re.MULTILINE)
_DOC = re.compile(r'^\s*(?:"""|\'\'\')(.+?)(?:"""|\'\'\'|\n)', re.DOTALL)
_COMMENT = re.compile(r"^\s*(?:#|//|/\*+)\s*(.+?)\s*(?:\*/)?\s*$", re.MULTILINE)


def program(task: str, actions: Sequence[str]) -> Skill:
    """The last code of a run as a skill, by the name of the last function that it defines; else the run itself."""
    written = next((found for action in reversed(actions) if (found := coded(action))), "")
    if not written:
        flow = workflows.abstracted(task, actions)
        return skills.code(_slug(flow.template), flow.template, "\n".join(flow.steps), flow.parameters)
    last = list(_DEFINED.finditer(written))[-1]
    parameters = [re.split(r"[:=]", part)[0].strip() for part in last[2].split(",") if part.strip()]
    return skills.code(last[1], documented(written) or task, written, parameters)


def coded(action: str) -> str:
    """The code in an action that defines a function; "" where it holds none."""
    parts = _FENCED.findall(action) or [action]
    return next((part.strip() for part in reversed(parts) if _DEFINED.search(part)), "")


def documented(code: str) -> str:
    """What the last function of some code says of itself: its docstring, else the comment before it; "" for nothing."""
    last = list(_DEFINED.finditer(code))[-1]
    rest = code[last.end() :].partition("\n")[2]
    if doc := _DOC.match(rest):
        return " ".join(doc[1].split())
    above = code[: last.start()].rstrip().rsplit("\n", 1)[-1]
    comment = _COMMENT.match(above)
    return comment[1] if comment else ""


def _slug(template: str) -> str:
    return "_".join([w for w in workflows.words(template) if w.isalpha() and w not in workflows.STOP][:6]) or "skill"
