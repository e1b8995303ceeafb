"""L2MAC: a program of steps, each worked off in a fresh context, with named files as the only memory that they share.

Paper:     arXiv:2310.02003
Code:      written from a specification of the paper and its release, no code copied
Forms:     token        Functions: working
Differs:   1. the evaluator is whoever records an observation with `data={"verdict": true}`; nothing is executed here, so a replay needs no tests
           2. what is written after a claim takes it back: a verdict is about the files as they are
           3. the summaries are the agent's own, given by tool; the release asks for them in the same dialogue
           4. a checkpoint names versions in the log; the release copies its whole state
Results:   docs/findings/working_memory_recipes.md
"""
from collections.abc import Sequence
from typing import Annotated, Any

from clew.context import Context
from clew.operators import retrieve
from clew.operators.window import control, files, messages
from clew.operators.window.reply import refused, told
from clew.recipe import Recipe, prompts
from clew.types import TRUST, Event, Memory, Query

PARAMS = {
    "immutable": True, "steps": 10, "reflections": 1,  # a program is written, and rewritten once before work begins; its longest (release)
    "fresh": True, "handover": 400,  # each step sees its own messages; characters of what the step before told (release: two sentences)
    "files": True,  # a store of files by name
    "gate": True, "retries": 30,  # a step ends by a verdict; failed ones before the program fails (release)
    "overflow": True, "context": 8000, "reserve": 700,  # tokens of one context (ours), and free to write the progress in (release)
    "breaker": True, "temperature": 0.0, "raised": 0.4, "most": 1.0, "annealed": 0.1,  # of the model (release; the first is ours)
    "checkpoints": True,
}
Path = Annotated[str, "a file's name", (1, 200)]
Name = Annotated[str, "a checkpoint's name", (1, 80)]
Brief = Annotated[str, "one or two sentences", (1, 2000)]


def receive(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """Every message word for word; what an evaluator observed is a verdict too."""
    [event], ok = events, control.verdict(events[0])
    return [*messages.kept(events, ctx), *([control.marked("verdict", event.text, ctx, ok=ok)] if ok is not None and event.trust >= TRUST["tool"] else [])]


def write_program(steps: Annotated[list[str], "the steps in order, each a whole instruction", (1, 100)], ctx: Context) -> list[Memory]:
    """Write the program: the steps that the task will be worked off in. It cannot be changed once work has begun."""
    plan, now = control.current(ctx)
    if len(steps) > ctx.params["steps"]:
        return [refused(f"a program has at most {ctx.params['steps']} steps; this one has {len(steps)}.", ctx)]
    fixed = plan is not None and (control.begun(plan, now, ctx) or plan.data["version"] > ctx.params["reflections"])
    if fixed and ctx.params["immutable"]:
        return [refused("the program is written and cannot be changed; go on with its current step.", ctx)]
    text, version = "\n".join(f"{i}. {step}" for i, step in enumerate(steps, 1)), plan.data["version"] + 1 if plan else 1
    new = ctx.memory(text, kind=control.PROGRAM, steps=list(steps), version=version)
    return [*([plan.retire(ctx.at, "superseded")] if plan else []), new, told(f"{len(steps)} steps written.", ctx)]


def write_file(path: Path, text: Annotated[str, "the whole file"], ctx: Context) -> list[Memory]:
    """Write a file, whole; an older one of that name is replaced."""
    return changed(files.written(path, text, ctx), f"{path} written.", ctx)


def delete_file(path: Path, ctx: Context) -> list[Memory]:
    """Delete a file."""
    found = files.deleted(path, ctx)
    return changed(found, f"{path} deleted.", ctx) if found else [refused(f"there is no file {path}.", ctx)]


def changed(found: Sequence[Memory], text: str, ctx: Context) -> list[Memory]:
    """A change of the files; it takes back a claim that waits for its verdict."""
    if not ctx.params["files"]:
        return [refused("there is no file store.", ctx)]
    claimed = found and control.current(ctx)[1].status == "claimed"
    return [*found, *([control.marked("change", text, ctx)] if claimed else []), told(text, ctx)]


def view_files(paths: Annotated[list[str], "names of files", (1, 20)], ctx: Context) -> str:
    """Read files by name, whole."""
    return files.viewed(paths, ctx) if ctx.params["files"] else "Error: there is no file store."


def step_complete(output: Brief, ctx: Context) -> list[Memory]:
    """Say that the current step is done, and what it made that the next one needs. An evaluator decides whether it is."""
    plan, now = control.current(ctx)
    if plan is None or now.status != "running":
        return [refused(f"there is no step to complete: {'no program is written' if plan is None else now.status}.", ctx)]
    return [control.marked("claim", output[: ctx.params["handover"]], ctx), told("Done, if the evaluator agrees.", ctx)]


def progress_summary(summary: Brief, ctx: Context) -> list[Memory]:
    """Where the context is full: say what was reached and what is left; the step starts again with that alone."""
    if not control.context(ctx)[1]:
        return [refused("the context is not full; go on.", ctx)]
    return [control.marked("progress", summary[: ctx.params["handover"]], ctx), told("The step starts again.", ctx)]


def checkpoint(name: Name, ctx: Context) -> list[Memory]:
    """Remember the files and the step under a name."""
    if not ctx.params["checkpoints"]:
        return [refused("there are no checkpoints.", ctx)]
    return control.checkpointed(name, ctx)


def restore_checkpoint(name: Name, ctx: Context) -> list[Memory]:
    """Bring files and step back to a checkpoint."""
    return control.restored(name, ctx)


def control_unit(ctx: Context) -> str:
    """For the driver of the model: where the program stands, as JSON, with the temperature to go on at."""
    return control.report(ctx)


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """The context of the current step."""
    return [dict(message) for message in control.context(ctx, query.max_tokens)[0]]


WRITES = (write_program, write_file, delete_file, step_complete, progress_summary, checkpoint, restore_checkpoint)
recipe = Recipe(
    name="l2mac", encode=receive, retrieve=retrieve.bm25, window=window, tools={f.__name__: f for f in (*WRITES, view_files, control_unit)},
    edits=frozenset(f.__name__ for f in WRITES), embeds=frozenset(), shares="session", functions=("working",), params=PARAMS,
    prompts=prompts(__file__))
