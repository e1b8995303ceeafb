"""Precedents and lessons: what was done in which case, and what was found wrong with it, kept apart.

A precedent is a memory of kind `record`; a record that waits for an outcome because a lesson speaks against it is of kind
`held`; a lesson is of kind `lesson`, searched by its action, so that it is found before the same thing is done again;
`unread` counts how often a judge's answer could not be read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from clew.context import Context
from clew.operators.experience import consensus
from clew.operators.experience.consensus import chain, implied
from clew.storage.terms import terms
from clew.types import TRUST, Event, Hit, Memory, Scope

VERSION = 1
RECORD, HELD, LESSON, UNREAD = "record", "held", "lesson", "unread"
# Why a lesson was learned: its record's outcome was bad; it lost to a person's record; it lost a vote; none of the winners was vouched for.
OUTCOME, OVERRULED, OUTVOTED, UNBACKED = "outcome", "overruled", "outvoted", "unbacked"
WARNING = "WARNING, found wrong before:"
ACCEPTED = {"accepted": True, "good": True, "success": True, "rejected": False, "bad": False, "failure": False}
_FIELDS = {
    "task": "task", "question": "task", "goal": "task",
    "plan": "plan", "thought": "plan", "reasoning": "plan", "observation": "plan",
    "action": "action", "code": "action", "answer": "action",
}  # fmt: skip
_LABEL = re.compile(rf"^[ \t]*({'|'.join(_FIELDS)})(?:[ \t]+\d+)?[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Deed:
    """What an agent was to do, how it meant to, and what it did; all as written."""

    task: str
    plan: str
    action: str


def labelled(text: str) -> Deed:
    """A deed from lines such as `Task: ...`, `Plan: ...`, `Action: ...`; of several actions the last counts, the others are plan.

    Words before the first label are the task. What is not there is "".
    """
    found = [(_FIELDS[m[1].lower()], m.start(), m.end()) for m in _LABEL.finditer(text)]
    bounds = [start for _, start, _ in found] + [len(text)]
    parts = [("task", text[: bounds[0]].strip())]
    parts += [(name, text[start:end].strip()) for (name, _, start), end in zip(found, bounds[1:], strict=True)]
    last = max((i for i, (name, _) in enumerate(parts) if name == "action"), default=None)
    task = next((words for name, words in parts if name == "task" and words), "")
    plan = "\n".join(words for i, (name, words) in enumerate(parts) if name != "task" and i != last and words)
    return Deed(task, plan, "" if last is None else parts[last][1])


def deed(text: str, surely: bool) -> Deed | None:
    """The deed in a text that names its task and its action; where `surely` it is one, what is not named is the rest; else None."""
    found = labelled(text)
    if found.action and found.task:
        return found
    if not surely or not text.strip():
        return None
    return Deed(found.task or found.action or found.plan, found.plan, found.action or found.task or found.plan)


def details(event: Event) -> Mapping[str, Any]:
    """What an event says beside its words: the keys of its body, its `data` among them."""
    body = event.body if isinstance(event.body, Mapping) else {}
    data = body.get("data")
    return {**body, **data} if isinstance(data, Mapping) else body


def accepted(event: Event) -> bool | None:
    """Whether an event says that something was right (`accepted` or `good`: a bool; `outcome`: a word); None: it does not say."""
    found = details(event)
    for name in ("accepted", "good"):
        if isinstance(found.get(name), bool):
            return found[name]
    return ACCEPTED.get(str(found.get("outcome", "")).lower())


def concerned(event: Event, ctx: Context) -> list[Memory]:
    """The records that an outcome is about: by the place in the log of the action (`of`), or by the memory's id (`id`)."""
    found = details(event)
    named = ctx.view.get(str(found["id"])) if isinstance(found.get("id"), str) else None
    linked = ctx.view.linked([node(found["of"])]) if isinstance(found.get("of"), int) else []
    about = [m for m in ([named] if named else linked) if m.kind in (RECORD, HELD) and m.retired is None]
    return visible(about, event.scope)


def stated(done: Deed) -> dict[str, Any]:
    """A deed as data of a memory."""
    return {"task": done.task, "plan": done.plan, "action": done.action}


def node(seq: int) -> str:
    """The link by which the record of an action is found."""
    return f"action:{seq}"


def precedents(task: str, ctx: Context, k: int, seat: float) -> list[Hit]:
    """The k records nearest to a task, best first; where none is a person's, the nearest that is, too: no flood can keep it out.

    `seat`: cosine that it may be behind the last of them; 0: none is added. The recipe's `traits` must be `consensus.voice`.
    """
    if not task.strip():
        return []
    vector = ctx.embed([task])[0]
    near = _active(ctx.view.nearest(vector, 4 * k, (RECORD,)))[:k]  # what is suspect or ended is no precedent
    if len(near) < k or not seat or any(consensus.voice(h.memory) >= TRUST["user"] for h in near):
        return near
    columns = ctx.view.columns((RECORD,))
    slots = columns.slot[columns.traits >= TRUST["user"]]
    scores = np.round(ctx.view.cosines(vector, slots), 6)
    best = np.lexsort((ctx.view.order(slots), -scores))[:k]
    seated = [h for h in _active(ctx.view.hits(slots[best], scores[best], "cosine")) if h.score > near[-1].score - seat]
    return [*near, *seated[:1]]


def _active(hits: Sequence[Hit]) -> list[Hit]:
    """Those that hold and that nothing has put in doubt."""
    return [h for h in hits if h.memory.retired is None and h.memory.status == "active"]


# -- lessons --------------------------------------------------------------------------------------------------------


def settled(record: Memory, good: bool, ctx: Context) -> list[Memory]:
    """The record after its outcome: vouched for, or withdrawn and a lesson; nothing where the one who says so is trusted less."""
    assert ctx.event is not None
    if ctx.event.trust < min(record.trust, TRUST["assistant"]):
        return []
    if good:
        return [record.revised(kind=RECORD, data={"vouched": ctx.event.trust}), *repealed(record, ctx)]
    return [record.retire(ctx.at, "corrected"), *lesson(record, record.data["task"], None, OUTCOME, ctx)]


def learned(query: str, found: Sequence[Memory], ctx: Context) -> list[Memory]:
    """A lesson of each of these records that bears on the query and is not consistent; nothing where no records agree.

    A record bears on it by the recipe's `bearing`: one that shares less with it is right for something else. Where a judge's
    answer could not be read, the memory of kind `unread` by which that is counted.
    """
    said, verdict = consensus.weighed(query, found, ctx)
    if verdict.unread:
        return [ctx.memory("A judge's answer could not be read, so all precedents were kept back.", kind=UNREAD)]
    if not verdict.consistent:
        return []
    reason = OVERRULED if verdict.overruled else UNBACKED if verdict.unbacked else OUTVOTED
    asked = set(terms(query))
    wrong = [i for i in range(len(found)) if i not in verdict.consistent and consensus.bears(found[i], asked) >= ctx.params["bearing"]]
    return [m for i in wrong for m in lesson(found[i], query, said[i], reason, ctx)]


def lesson(memory: Memory, query: str, said: str | None, reason: str, ctx: Context) -> list[Memory]:
    """What is learned of a record found wrong for a query; [] where the same is known. `said`: a model's chain, if one was made.

    It rests on the record's words but is not derived from it: it holds all the more when the record is withdrawn.
    """
    assert ctx.event is not None
    found = implied(query, memory)
    normal = consensus.normal(memory.data["action"], {*terms(memory.data["task"]), *terms(query)})
    key = f"{normal} {' '.join(found.condition)}"
    if any(m.data["key"] == key and m.retired is None for m in ctx.view.linked([f"lesson:{normal}"]) if m.kind == LESSON):
        return []
    made = ctx.memory(
        f"{WARNING} {said or found.text}", kind=LESSON, sources=memory.sources, actor=memory.actor,
        links=[f"lesson:{normal}"], trust=min(memory.trust, ctx.event.trust), scope=memory.scope,
        key=key, normal=normal, action=memory.data["action"], condition=list(found.condition), reason=reason,
    )  # fmt: skip
    return [made]


def standing(warned: Sequence[Hit], action: str, task: str, kept: Sequence[Hit]) -> list[Hit]:
    """The warnings that stand where these records may be followed: by votes alone none stands against what a person's record does."""
    same = chain(task, task, "", action).action
    if not any(consensus.voice(h.memory) >= TRUST["user"] and implied(task, h.memory).action == same for h in kept):
        return list(warned)
    return [h for h in warned if h.memory.data["reason"] == OUTCOME]


def consulted(action: str, task: str, ctx: Context, k: int, floor: float, bearing: float, unbacked: bool = True) -> list[Hit]:
    """The lessons that speak against an action, likest first, k at most.

    They are of the same action in normal form; where one of the two is no call of tools, also those whose words are near
    (of calls the arguments would drown the names).

    `floor`: cosine of the actions; `bearing`: share of the lesson's condition that the task must have; `unbacked`: whether
    lessons count that were learned from a vote in which nobody vouched for the winners. Scores are above 1.
    """
    asked = set(terms(task))
    normal, called = consensus.normal(action, asked), consensus.called(action)
    near = {h.memory.id: h for h in ctx.view.nearest(ctx.embed([action])[0], 4 * k, (LESSON,)) if h.score >= floor}
    near = {id: h for id, h in near.items() if not (called and consensus.called(h.memory.data["action"]))}
    near |= {m.id: Hit(m, 1.0) for m in ctx.view.linked([f"lesson:{normal}"])}
    found = []
    for hit in near.values():
        if hit.memory.kind != LESSON or (hit.memory.data["reason"] == UNBACKED and not unbacked):
            continue
        condition = hit.memory.data["condition"]
        share = round(sum(term in asked for term in condition) / len(condition), 6) if condition else 0.0
        if share >= bearing and hit.memory.retired is None and hit.memory.status == "active":
            found.append(Hit(hit.memory, round(1 + hit.score, 6), {"lesson": round(1 + hit.score, 6), "condition": share}))
    return sorted(found, key=lambda h: (-h.score, h.memory.id))[:k]


def repealed(memory: Memory, ctx: Context) -> list[Memory]:
    """The lessons against just what this event accepts, where a person does: they end, as they were never right."""
    assert ctx.event is not None
    if ctx.event.trust < TRUST["user"]:
        return []
    asked = set(terms(memory.data["task"]))
    normal = consensus.normal(memory.data["action"], asked)
    return [
        m.retire(ctx.at, "corrected")
        for m in ctx.view.linked([f"lesson:{normal}"])
        if m.kind == LESSON and m.retired is None and asked.issuperset(m.data["condition"])
    ]


def visible(memories: Sequence[Memory], scope: Scope) -> list[Memory]:
    """Those that a question of this scope would be shown: in a fold an operator sees its whole partition."""
    pairs = [(m, zip(astuple(m.scope), astuple(scope), strict=True)) for m in memories]
    return [m for m, fields in pairs if all(None in (its, asked) or its == asked for its, asked in fields)]
