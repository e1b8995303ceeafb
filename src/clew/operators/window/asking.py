"""Asking a model for a word in the middle of an agent's step, which cannot wait until the model is back."""

from typing import Any

from clew.context import Context
from clew.errors import BudgetExceeded, ModelUnavailable, ReplayMiss
from clew.models.forms import Form

VERSION = 1


def at_once(prompt: str, form: Form, ctx: Context, *, otherwise: Any, **values: Any) -> Any:
    """`Context.ask`, but `otherwise` where the model is away or the budget spent, and for good: a fault says so.

    The step goes on without the answer, so a rebuild, which finds none kept, goes on in the same way.
    """
    try:
        return ctx.ask(prompt, form, otherwise=otherwise, **values)
    except (ModelUnavailable, BudgetExceeded, ReplayMiss):
        ctx.faults.append((f"ask {prompt}", "no model answered in time; the step went on without it"))
        return otherwise
