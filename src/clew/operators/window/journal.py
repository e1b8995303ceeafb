"""An agent's journal: its steps, what of them a compaction hides, what a person said in between, and references for what is long.

Everything is kept as messages; a compaction is a memory that says up to where they are hidden, which of them stay, and what the
hidden ones come to. So its backup is the log itself, and to restore one is to end it.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clew.context import Context
from clew.operators.window import compaction, files, fit, messages
from clew.types import TRUST, Event, Memory

VERSION = 1
COMPACTION, INTERRUPT, START = "compaction", "interrupt", "start"  # kinds of memory; the last two of event too
DOES = ("pause", "continue", "modify", "new_task")  # what an interruption may do
BEGINNING = 300  # characters of a long result that are shown
SAID = {"modify": "A person changes the task", "new_task": "A person gives a new task"}


def noted(event: Event, ctx: Context) -> list[Memory]:
    """A person's interruption or the start of a run as such; anything else as a message, with a path and its size as shown."""
    data = event.body.get("data") if isinstance(event.body, dict) else None
    do = data.get("do") if isinstance(data, dict) else None
    if event.kind == START:
        return [ctx.memory(event.text, kind=START)]
    if event.kind == INTERRUPT and do in DOES and event.trust >= TRUST["user"]:
        return [ctx.memory(event.text, kind=INTERRUPT, do=do)]
    path = f"steps/{ctx.ordinal:05}.txt"
    found = [m.revised(links=(files.node(path),), data={"path": path}) for m in messages.kept([event], ctx)]
    return [m.revised(data={"tokens": messages.cost(shown(m, ctx), ctx)}) for m in found]


def shown(message: Memory, ctx: Context) -> dict[str, Any]:
    """A message as the window has it: a result that is longer than `inline` tokens by its beginning and its path."""
    whole = messages.rendered(message)
    observed = message.data["role"] == "tool" or not (message.data["role"] in ("system", "assistant") or message.trust >= TRUST["user"])
    if not ctx.params["references"] or not observed or "path" not in message.data or ctx.tokens(message.text) <= ctx.params["inline"]:
        return whole
    told = f"{message.text[:BEGINNING]}…\n[{len(message.text)} characters; all of it: read_file {message.data['path']}]"
    return {**whole, "content": told}


def mine(ctx: Context, after: int = 0) -> list[Memory]:
    """The agent's own messages and those sent to it, in order, from after that place in the log."""
    columns = ctx.view.columns((messages.MESSAGE,))
    found = [m for m in ctx.view.at_slots(columns.slot[columns.opened > after]) if m.retired is None and messages.place(m) > after]
    return messages.ordered(m for m in found if own(m, ctx))


def own(memory: Memory, ctx: Context) -> bool:
    """Whether a memory is this agent's, or meant for it."""
    return memory.data.get("to", memory.scope.agent) == ctx.scope.agent


def newest(ctx: Context) -> Memory | None:
    """The compaction that is in force."""
    return next((m for m in reversed(compactions(ctx)) if m.retired is None), None)


def compactions(ctx: Context) -> list[Memory]:
    """All compactions of this agent by number, those that were undone too."""
    return sorted((m for m in ctx.view.all(COMPACTION) if own(m, ctx)), key=lambda m: m.data["number"])


def compacted(ctx: Context, threshold: float, least: int = compaction.MEANINGFUL) -> list[Memory]:
    """A compaction, where what is shown takes more than so many tokens, a step has just ended and there is enough to hide."""
    now = newest(ctx)
    after = mine(ctx, now.data["upto"] if now else 0)
    size = sum(m.data["tokens"] for m in after) + (now.data["tokens"] if now else 0)
    if size <= threshold or not after or compaction.waits(compaction.steps(after)[-1]):
        return []
    every = mine(ctx)
    first = every[: messages.opening(every)]
    steps = compaction.steps(every[len(first) :])
    stay = [m for step in compaction.tail(steps) for m in step]
    kept = {m.id for m in (*first, *stay)}
    hidden = [step for step in steps if not kept & {m.id for m in step}]
    if len(steps) <= least or not hidden:
        return []
    text, number = compaction.told(hidden), 1 + max((m.data["number"] for m in compactions(ctx)), default=0)
    tokens = messages.cost(note(text), ctx) + sum(m.data["tokens"] for m in (*first, *stay))
    based = [*([now] if now else []), *(m for m in (after if now else every) if m.id not in kept)]
    about = {"number": number, "upto": messages.place(every[-1]), "head": [m.id for m in first], "stay": [m.id for m in stay]}
    return [ctx.memory(text, kind=COMPACTION, basis=based, **about, tokens=tokens, to=ctx.scope.agent)]


def note(text: str) -> dict[str, Any]:
    """A summary as a message."""
    return {"role": "user", "content": f"[Earlier steps, in short. All of them are in the backup.]\n{text}"}


def visible(ctx: Context) -> tuple[list[dict[str, Any]], int]:
    """(the window's messages: what is never hidden, the summary, what stays, what came since, with what people said at step
    boundaries; how many of them are never left out)."""
    start = 0 if ctx.params["resume"] else max((messages.place(m) for m in ctx.view.all(START)), default=0)
    now = newest(ctx)
    if now is None or now.data["upto"] <= start:
        every = mine(ctx, start)
        first = every[: messages.opening(every)]
        return [*(shown(m, ctx) for m in first), *_merged(every[len(first) :], interruptions(ctx), ctx)], len(first)
    first, stay = ([m for id in now.data[part] if (m := ctx.view.get(id)) is not None and m.retired is None] for part in ("head", "stay"))
    text = now.text if now.status == "active" else _anew(now, ctx)
    front = [*(shown(m, ctx) for m in first), note(text)]
    return [*front, *_merged([*stay, *mine(ctx, now.data["upto"])], interruptions(ctx), ctx)], len(front)


def _anew(now: Memory, ctx: Context) -> str:
    """The summary of what a compaction hides, as that is now: what it was drawn from has changed since."""
    kept = {*now.data["head"], *now.data["stay"]}
    return compaction.told(compaction.steps([m for m in mine(ctx) if messages.place(m) <= now.data["upto"] and m.id not in kept]))


def _merged(rest: Sequence[Memory], said: Sequence[Memory], ctx: Context) -> list[dict[str, Any]]:
    """Steps, and between them what people said meanwhile: never between a call and its results."""
    found, waiting = list[dict[str, Any]](), [m for m in said if m.data["do"] in SAID]
    for step in compaction.steps(rest):
        for m in [m for m in waiting if messages.place(m) < messages.place(step[0])]:
            found.append(_instruction(m))
            waiting.remove(m)
        found += [shown(m, ctx) for m in step]
    open_ = bool(rest) and compaction.waits(compaction.steps(rest)[-1])
    return found if open_ else [*found, *(_instruction(m) for m in waiting)]


def _instruction(said: Memory) -> dict[str, Any]:
    return {"role": "user", "content": f"[{SAID[said.data['do']]}]\n{said.text}"}


def interruptions(ctx: Context) -> list[Memory]:
    """What people said to the agent, in order, from the newest new task on; [] where nobody may interrupt."""
    said = messages.ordered(m for m in ctx.view.all(INTERRUPT) if m.scope.agent in (None, ctx.scope.agent) and m.retired is None)
    last = max((i for i, m in enumerate(said) if m.data["do"] == "new_task"), default=0)
    return said[last:] if ctx.params["interruptible"] else []


def state(ctx: Context) -> dict[str, Any]:
    """Whether the agent may take its next step: running, pausing (a step is under way), paused; and what was compacted."""
    now, said = newest(ctx), interruptions(ctx)
    after = mine(ctx, now.data["upto"] if now else 0)
    under_way = bool(after) and compaction.waits(compaction.steps(after)[-1])
    halted = bool(said) and said[-1].data["do"] == "pause"
    status = ("pausing" if under_way else "paused") if halted else "running"
    size = sum(m.data["tokens"] for m in after) + (now.data["tokens"] if now else 0)
    return {"status": status, "tokens": size, "backups": [m.data["number"] for m in compactions(ctx)]}


def backup(number: int, ctx: Context) -> list[dict[str, Any]] | None:
    """All messages up to a compaction, as they were given; None where there is none of that number."""
    found = next((m for m in compactions(ctx) if m.data["number"] == number), None)
    return None if found is None else [messages.rendered(m) for m in mine(ctx) if messages.place(m) <= found.data["upto"]]


def lines(shown_: Sequence[Any]) -> str:
    """Messages as JSON lines."""
    return "\n".join(json.dumps(message, ensure_ascii=False) for message in shown_)


def restored(number: int, ctx: Context) -> list[Memory]:
    """What undoes a compaction and those after it."""
    return [m.retire(ctx.at, "expired") for m in compactions(ctx) if m.data["number"] >= number and m.retired is None]


def window(limit: int | None, ctx: Context) -> list[dict[str, Any]]:
    """The visible messages within a budget."""
    found, pinned = visible(ctx)
    return [dict(message) for message in fit.fitted(fit.units(messages.paired(found), head=pinned), limit, ctx)]


def sent(to: str, text: str, ctx: Context) -> Memory:
    """A message from one agent of the session to another, in the other's journal."""
    told = f"From {files.writer(ctx) or 'an agent'}: {text}"
    message = ctx.memory(told, kind=messages.MESSAGE, scope=replace(ctx.scope, agent=None), to=to, role="user", message={})
    return message.revised(data={"tokens": messages.cost(messages.rendered(message), ctx)})


def referred(path: str, ctx: Context) -> Memory | None:
    """The message that a path stands for, or None."""
    found = (m for m in ctx.view.linked([files.node(path)]) if m.kind == messages.MESSAGE and m.retired is None)
    return next((m for m in found if own(m, ctx)), None)
