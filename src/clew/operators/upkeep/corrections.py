"""What people say about the memory itself: correct, add, replace a word, prefer (MemOS's feedback module).

Archive, then write: the memory as it was goes to the archive and names the one that took its place, which names it in turn.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from clew.context import Context
from clew.models import forms
from clew.operators.upkeep import relate
from clew.operators.upkeep import states as lifecycle_states
from clew.operators.upkeep.states import ACTIVATED, ARCHIVED
from clew.types import Event, Memory, may_end

VERSION = 1
CORRECT, ADD, REPLACE, PREFERENCE = INTENTS = ("correct", "add", "replace", "preference")
INTENT = forms.choice(INTENTS, means="label")
WORD = forms.record({"old": 60, "new": 60})
AFFECTED = 50  # memories in which one word is replaced at once
Write = Callable[[str, str, Sequence[Memory]], Memory]  # (text, kind or "" for that of the memory replaced, what it replaces)


def applied(event: Event, near: Sequence[Memory], write: Write, ctx: Context) -> list[Memory]:
    """What a feedback event changes: by a person's verdict on one memory, or by what the model takes the words to want.

    `near` are the memories that it may be about, the likeliest first.
    """
    body = event.body if isinstance(event.body, Mapping) else {}
    if body.get("op") == "feedback":
        return _judged(ctx.view.get(str(body.get("id"))), body.get("good") is True, ctx)
    intent = ctx.ask("intent_of_feedback", INTENT, feedback=event, known=list(near), otherwise=ADD)
    if intent == CORRECT and near:
        edits = relate.edits(ctx, "correct", ["update"], near, most=2, feedback=event)
        return [m for _, old, text in edits if old is not None for m in replaced(old, text, write, ctx)] or [write(event.text, "", ())]
    if intent == REPLACE:
        found = ctx.ask("replace", WORD, feedback=event, otherwise={"old": "", "new": ""})
        changed = [m for old in _with(found["old"], ctx) for m in replaced(old, _put(old.text, **found), write, ctx)]
        return changed or [write(event.text, "", ())]
    return [write(event.text, "preference" if intent == PREFERENCE else "", ())]


def replaced(old: Memory, text: str, write: Write, ctx: Context) -> list[Memory]:
    """The old memory in the archive and the new one in its place; without versions the old one in other words."""
    if text == old.text:
        return []
    if not ctx.params["versions"]:
        return [old.revised(text=text)]
    away = lifecycle_states.moved(old, ARCHIVED, ctx.at, ctx.params["lifecycle"])
    new = write(text, old.kind, [old])
    return [new, away.revised(data={"replaced_by": new.id})]


def _judged(memory: Memory | None, good: bool, ctx: Context) -> list[Memory]:
    """A verdict on one memory: what helped is in use, what did not goes to the archive. RecipeError where it may not."""
    if memory is None:
        return []
    to = ACTIVATED if good else ARCHIVED
    return [] if lifecycle_states.state(memory) == to else [lifecycle_states.moved(memory, to, ctx.at, ctx.params["lifecycle"])]


def _with(word: str, ctx: Context) -> list[Memory]:
    """The memories in use that hold the word and that who speaks may change."""
    if not word.strip():
        return []
    found = [hit.memory for hit in ctx.view.matching(word, AFFECTED) if _word(word).search(hit.memory.text)]
    return [m for m in found if m.retired is None and m.status == "active" and "birth" in m.data and may_end(ctx.authority, m.trust)]


def _put(text: str, old: str, new: str) -> str:
    return _word(old).sub(lambda _: new.strip(), text)


def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word.strip())}(?!\w)", re.IGNORECASE)
