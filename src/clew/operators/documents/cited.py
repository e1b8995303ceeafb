"""Texts made of sentences that each cite one memory: what cannot be led back to something known is not written."""

from collections.abc import Mapping, Sequence
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.types import Memory, Scope

VERSION = 1
CHARS = 300  # of one sentence
SPANS = 12  # of one premise, the latest, that a memory names as its sources


def sentences(prompt: str, shown: Sequence[Memory], ctx: Context, persons: bool = True) -> dict[str, dict[str, Any]]:
    """By the id that each cites, out of those shown: {id, at, text, second}; in the third person and, with `persons`, the second.

    An id that was not shown is refused. Where no answer is valid there is a sentence about each: its own words.
    """
    form = forms.records({"id": [m.id for m in shown], "description": CHARS, "text": CHARS}, len(shown), 1, means="facts")
    found = {r["id"]: r for r in ctx.ask(prompt, form, memories=list(shown), otherwise=[])} if shown else {}
    return {m.id: sentence(m, found.get(m.id, {}), persons) for m in shown if m.id in found or not found}


def sentence(about: Memory, said: Mapping[str, str], persons: bool = True) -> dict[str, Any]:
    """One such sentence; where the model said none, what was noted of the memory, or its own first words."""
    text = said.get("description", "").strip() or about.data.get("description") or about.text[:CHARS]
    return {"id": about.id, "at": str(about.since), "text": text, **({"second": said.get("text", "").strip() or text} if persons else {})}


def written(
    old: Memory | None, kind: str, text: str, premises: Sequence[Memory], ctx: Context, inherited: Sequence[Memory] = (), **data: Any
) -> Memory:
    """A memory that rests on these premises, and on all that the inherited ones rest on: a new version of `old`, or a new one.

    It belongs to the user, not to the session in which it happened to be written.
    """
    sources = tuple(dict.fromkeys(s for m in inherited for s in m.sources)) + tuple(s for m in premises for s in m.sources[-SPANS:])
    if old is None:
        assert ctx.event is not None
        return ctx.memory(text, kind=kind, sources=dict.fromkeys(sources), basis=premises, scope=Scope(user=ctx.event.scope.user), **data)
    basis = dict.fromkeys([*(id for m in inherited for id in m.basis), *(m.id for m in premises)])
    trust = min(m.trust for m in (old, *inherited, *premises))
    return old.revised(text=text, sources=tuple(dict.fromkeys(sources)), basis=tuple(basis), trust=trust, data=data)


def standing(kind: str, ctx: Context) -> Memory | None:
    """The newest memory of a kind of which only one is in force."""
    return next((m for m in ctx.view.recent(1, kind) if m.retired is None), None)


def retold(kind: str, shown: Sequence[Memory], ctx: Context, persons: bool, versions: bool, **about: Any) -> list[Memory]:
    """The one memory of that kind told anew by the prompt of that name: sentences in `statements`, the second person in `second`.

    With `versions` it is the next version of the memory in force, unless that is in doubt; else a new one in its place.
    """
    last = standing(kind, ctx)
    same = last if last and last.status == "active" and versions else None
    ended = [last.retire(ctx.at, "merged")] if last and not same else []
    if not shown:
        return ended
    lines = list(sentences(kind, shown, ctx, persons).values())
    premises = [m for m in shown if m.id in {line["id"] for line in lines}]
    second = {"second": "\n".join(line["second"] for line in lines)} if persons else {}
    told = written(same, kind, "\n".join(e["text"] for e in lines), premises, ctx, statements=lines, **second, **about)
    return [*ended, told]
