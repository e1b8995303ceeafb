"""The control unit of a program (L2MAC): where it stands, what its current step is shown, and how hot the model should run.

All of it is read off the session's memories: the program, marks that move it, messages and files. What it needs to know
comes as parameters of the recipe: retries, gate, fresh, files, overflow, context, reserve, breaker, temperature and its steps.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from string import Template
from typing import Any

from clew.context import Context
from clew.errors import UsageError
from clew.operators.window import files, fit, messages, program
from clew.operators.window.reply import refused, told
from clew.types import Event, Memory

VERSION = 1
PROGRAM, MARK, CHECKPOINT = "program", "mark", "checkpoint"  # kinds of memory


def marked(do: program.Do, text: str, ctx: Context, **data: Any) -> Memory:
    """One thing that moves the program."""
    return ctx.memory(text, kind=MARK, do=do, **data)


def verdict(event: Event) -> bool | None:
    """What an evaluator's observation says: `data={"verdict": true}`, or None where it says nothing or is no observation."""
    data = event.body.get("data") if isinstance(event.body, Mapping) else None
    found = data.get("verdict") if isinstance(data, Mapping) and event.kind == "observation" else None
    return found if isinstance(found, bool) else None


def current(ctx: Context) -> tuple[Memory | None, program.State]:
    """The program, and where it stands."""
    plan = next((m for m in reversed(ctx.view.all(PROGRAM)) if m.retired is None), None)
    if plan is None:
        return None, program.State()
    began, p = messages.place(plan), ctx.params
    found = [m for m in ctx.view.all(MARK) if messages.place(m) > began]
    marks = [
        program.Mark(messages.place(m), m.data["do"], m.data.get("handover", m.text), m.data.get("ok", False), m.data.get("step", 0))
        for m in found
    ]
    return plan, program.state(len(plan.data["steps"]), began, marks, p["retries"], p["gate"])


def begun(plan: Memory | None, now: program.State, ctx: Context) -> bool:
    """Whether work on the program has begun: something moved it, or a file is there."""
    return plan is not None and (now != program.State(began=now.began) or bool(files.stored(ctx)))


def context(ctx: Context, limit: int | None = None) -> tuple[list[fit.Message], bool]:
    """(what the current step is shown, whether its context is full).

    The system message and the task, an instruction with all that the step is told of what came before it, and its own
    messages. Where that is more than the context, the oldest of them go until there is room to say how far it came.
    """
    p, (plan, now) = ctx.params, current(ctx)
    every = messages.messages(ctx)
    head, own = _parted(every, now.began if plan is not None and p["fresh"] else 0)
    brief = [messages.rendered(m) for m in head] + [_note(_prompt(plan, now), ctx, **_told(plan, now, ctx))]
    whole = messages.paired([*brief, *(messages.rendered(m) for m in own)])
    room = min(p["context"], limit or p["context"])
    if not p["overflow"]:
        return fit.fitted(fit.units(whole, head=len(brief)), limit, ctx), False
    if messages.size(whole, ctx) <= room:
        return [*whole], False
    asked = _note("overflow", ctx)
    free = room - p["reserve"] - messages.size([*brief, asked, fit.left_out(fit.MOST)], ctx)
    found = [*brief, *_newest(whole[len(brief) :], free, ctx), asked]
    if limit is not None and (least := messages.size(found, ctx)) > limit:
        raise UsageError(f"the least that this window has to show is {least} tokens, and max_tokens is {limit}")
    return found, True


def _newest(own: Sequence[fit.Message], free: int, ctx: Context) -> list[fit.Message]:
    """The newest of a step's messages that fit, calls with their results, under a line that says how many are left out."""
    units, gone = fit.units(own, head=0), 0
    sizes = [messages.size(unit.messages, ctx) for unit in units]
    while units[gone:] and sum(sizes[gone:]) > free:
        gone += 1
    left = [message for unit in units[gone:] for message in unit.messages]
    return [*([fit.left_out(len(own) - len(left))] if gone else []), *left]


def _parted(every: list[Memory], began: int) -> tuple[list[Memory], list[Memory]]:
    """(the system message and the task; the step's own messages, without results of calls that the step did not make)."""
    first = messages.opening(every)
    own = [m for m in every[first:] if messages.place(m) > began]
    while began and own and own[0].data["role"] == "tool":
        own = own[1:]
    return every[:first], own


def _prompt(plan: Memory | None, now: program.State) -> str:
    return "plan" if plan is None else now.status if now.status in ("done", "failed") else "step"


def _told(plan: Memory | None, now: program.State, ctx: Context) -> dict[str, Any]:
    """What an instruction may say."""
    p, steps = ctx.params, plan.data["steps"] if plan is not None else []
    step = steps[now.step] if now.step < len(steps) else ""
    names = files.listed([*files.stored(ctx)]) if p["files"] else "(there is no file store)"
    rest = {"handover": now.handover or "(nothing)", "progress": now.progress or "(nothing)", "most": p["steps"], "files": names}
    return {"number": now.step + 1, "of": len(steps), "step": step, "attempt": now.attempt, **rest}


def _note(prompt: str, ctx: Context, **values: Any) -> dict[str, Any]:
    return {"role": "user", "content": Template(ctx.recipe.prompts[prompt]).safe_substitute(values)}


def report(ctx: Context) -> str:
    """Where the program stands, as JSON for whoever drives the model: step, status, whether the context is full, the temperature."""
    p, (plan, now) = ctx.params, current(ctx)
    said = [m.text for m in messages.messages(ctx) if m.data["role"] == "assistant" and messages.place(m) > now.began]
    hot = program.temperature(said, p["temperature"], p["raised"], p["most"], p["annealed"]) if p["breaker"] else p["temperature"]
    shown = {k: v for k, v in asdict(now).items() if k != "began"}
    of = len(plan.data["steps"]) if plan is not None else 0
    status = {} if plan is not None else {"status": "no program"}
    return json.dumps({**shown, **status, "of": of, "overflow": context(ctx)[1], "temperature": hot}, ensure_ascii=False)


def checkpointed(name: str, ctx: Context) -> list[Memory]:
    """The files and the step as they are now, remembered under a name; the newest of a name counts."""
    saved = {path: m.id for path, m in files.stored(ctx).items()}
    now = current(ctx)[1]
    kept = ctx.memory(name, kind=CHECKPOINT, saved=saved, step=now.step, handover=now.handover)
    return [kept, told(f"{len(saved)} files remembered as {name}.", ctx)]


def restored(name: str, ctx: Context) -> list[Memory]:
    """Files and step as they were at a checkpoint; what was written since is still in the log."""
    known = ctx.view.all(CHECKPOINT)
    found = next((m for m in reversed(known) if m.text == name), None)
    if found is None:
        return [refused(f"no checkpoint is called {name}; there are {', '.join(m.text for m in known) or 'none'}.", ctx)]
    back = marked("back", f"Back at {name}.", ctx, step=found.data["step"], handover=found.data["handover"])
    return [*files.restored(found.data["saved"], ctx), back, told(back.text, ctx)]
