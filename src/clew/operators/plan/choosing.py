"""Which nodes of a plan a text is about, by a model that is shown them under their keys; and a plan in a window."""

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from clew.context import Context
from clew.models import forms
from clew.operators.plan.graph import Plan
from clew.operators.window import fit, messages
from clew.types import Memory, Query

VERSION = 1
SHOWN = 40  # nodes in one prompt, the newest


def recent(nodes: Mapping[str, Memory]) -> dict[str, Memory]:
    """The newest of the nodes, as many as one prompt shows."""
    return dict(list(nodes.items())[-SHOWN:])


def listed(nodes: Mapping[str, Memory]) -> str:
    """Nodes as a model is shown them, each under its key."""
    return "\n".join(f"[{key}] {node.text}" for key, node in nodes.items()) or "(none)"


def chosen(prompt: str, nodes: Mapping[str, Memory], most: int, ctx: Context, otherwise: Sequence[str] = (), **values: Any) -> list[str]:
    """The keys of up to `most` nodes that the model names; [] where there are none, or none of them is meant.

    The recipe's prompt has `$known`, and a placeholder for each of `values`, which may be events and memories.
    """
    known = recent(nodes)
    if not known or most < 1:
        return []
    form = forms.choices(list(known), most, "apt")
    return ctx.ask(prompt, form, known=listed(known), cites=known.values(), otherwise=list(otherwise), **values)


def headed(plan: Plan, keys: Sequence[str], turn: Sequence[Mapping[str, Any]], query: Query, ctx: Context) -> list[dict[str, Any]]:
    """A window: these nodes as an outline in the recipe's prompt `window`, then the messages.

    Where a budget is too small the last of the nodes go first; UsageError where not even the messages fit.
    """

    def head(n: int) -> dict[str, str]:
        shown = plan.outline(keys[:n], plan.line) or "(nothing)"
        return {"role": "system", "content": Template(ctx.recipe.prompts["window"]).substitute(plan=shown)}

    limit, n = query.max_tokens, len(keys)
    while limit is not None and n and messages.size([head(n), *turn], ctx) > limit:
        n -= 1
    return [dict(m) for m in fit.fitted(fit.units([head(n), *turn]), limit, ctx)]
