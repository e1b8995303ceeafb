"""What is new against what is known (O9): an edit script over shown ids, checked whole before any of it is carried out.

The prompt has a placeholder `$known`, which shows the memories as "[id] text". An operation that adds has the target
`new`, every other one a shown id; one that words something has a text. Small models word what is new under any of the
wording operations: with the target `new` these add as well. A script that breaks the rest is asked for again and then
refused whole: a half of what a model meant may be worse than nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clew.context import Context
from clew.errors import ModelError
from clew.models import forms
from clew.operators import manage
from clew.types import Event, Hit, Memory, may_end

VERSION = 2
NEW = "new"  # the target of what is added
ADDING = frozenset({"add", "insert", "create"})
WORDING = ADDING | {"update", "edit", "revise", "merge"}  # operations that need a text
STANDING = frozenset({"none", "agree", "keep"})  # operations that change no words and end nothing: anybody may
Edit = tuple[str, Memory | None, str]  # operation, the memory it is about (None: it adds one), its text ("": it needs none)


def edits(
    ctx: Context,
    prompt: str,
    operations: Sequence[str],
    known: Sequence[Memory],
    *,
    newer: Memory | None = None,
    most: int = 4,
    max_chars: int = 400,
    means: str = "revise",
    cites: Iterable[Event | Memory | Hit] = (),
    **values: Any,
) -> list[Edit]:
    """What the model makes of the known memories in the light of `values`: valid operations in its order, `most` at most.

    An operation may concern a known memory only once. What changes or ends a memory that `newer` (without it the event)
    is not trusted enough for is left out, as a fault "trust". [] where no answer was valid: nothing was decided.
    """
    shown = {memory.id: memory for memory in known}
    targets = [*([NEW] if ADDING & {*operations} else []), *shown]
    if not targets or not operations:
        return []
    form = forms.edits(operations, targets, most, max_chars, means)
    form = replace(form, value=_checked(form.value))
    answer = ctx.ask(prompt, form, known=list(known), cites=cites, otherwise=[], **values)
    adds = next((op for op in operations if op in ADDING), "")
    found = [_meant(item, adds, shown) for item in answer]
    return [edit for edit in found if _may(edit, newer, ctx)]


def _meant(item: Mapping[str, str], adds: str, shown: Mapping[str, Memory]) -> Edit:
    op, target, text = item["op"], item["target"], item["text"].strip()
    if op in ADDING or (op in WORDING and target == NEW):
        return (op if op in ADDING else adds, None, text)
    return (op, shown.get(target), text)


def _checked(value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The form's value, with ModelError where its operations do not fit their targets: the model is asked once more."""

    def whole(found: Any) -> Any:
        script, used = value(found), set[str]()
        for item in script:
            problem = _problem(item, used)
            if problem:
                raise ModelError(f"no operation of this script is carried out: {problem}")
            if item["op"] not in ADDING:
                used.add(item["target"])
        return script

    return whole


def _problem(item: Mapping[str, str], used: set[str]) -> str:
    """What is wrong with an operation after those before it; "" for nothing."""
    op, target = item["op"], item["target"]
    if op in WORDING and not item["text"].strip():
        return f"{op} of {target!r} has no text"
    if op in ADDING or (op in WORDING and target == NEW):
        return ""  # an addition, whatever its target is: some name what the new one is like
    if target == NEW and op != "none":
        return f"{op} needs the id of a memory that was shown, not {NEW!r}"
    return f"two operations are about {target!r}" if target in used and target != NEW else ""


def _may(edit: Edit, newer: Memory | None, ctx: Context) -> bool:
    """Whether the operation may be carried out by what came later; it is noted where not."""
    op, memory, _ = edit
    if memory is None or op in STANDING:
        return True
    if manage.may_change(newer, memory) if newer is not None else may_end(ctx.authority, memory.trust):
        return True
    ctx.faults.append(("trust", f"{op}: what came later is trusted too little to change memory {memory.id}"))
    return False
