"""A question to the model that is connected, with an answer of a given form.

Inputs: prompt (the node's goal without one), values (a mapping: what was found before, as `<node.output>`), recall (a question to memory;
what it finds is shown too), k (10 memories), form: {"choice": [labels]}, {"gate": true} (yes or no), {"text": characters}, {"texts":
[most, characters]} or {"fields": {name: characters or labels}}; without one, free text. Outputs: answer. Conditions in prose on the edges
that leave the node are asked, one by one. Calls are in the ledger under `tasks`, within the budget of the file and of the node, and
an attempt that is carried on after a crash finds its answers instead of asking again. What leaves the process goes through the gate.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from clew.context import Context
from clew.errors import ModelError, UsageError
from clew.models import forms
from clew.models.forms import Form
from clew.recipe import prompts
from clew.tasks.conditions import Condition
from clew.tasks.graph import ALWAYS, Node, Outcome, references
from clew.tasks.ledger import read
from clew.tasks.protocols import Job
from clew.tasks.values import given, only
from clew.types import Hit, Scope

PROMPTS = prompts(__file__)
NAME = "tasks"  # whose calls they are in the ledger
MEMORIES = 10


@dataclass(frozen=True, slots=True)
class _Voice:
    name: str = NAME
    prompts: Mapping[str, str] = field(default_factory=lambda: PROMPTS)
    params: Mapping[str, Any] = field(default_factory=dict)
    asks: frozenset[str] = frozenset()


class Llm:
    """Asks through the one seam to models, as recipes do."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished with the answer; failed where the model refuses or its answers do not fit the form."""
        only(node, "prompt", "values", "recall", "k", "form")
        question = given(node, "recall", str, "")
        hits = ctx.clew.recall(question, user=ctx.user, k=given(node, "k", int, MEMORIES)) if question else []
        form, values = form_of(node), given(node, "values", Mapping, {})
        task = given(node, "prompt", str, node.goal)
        if not task:
            raise UsageError(f"node {node.id}: llm needs a prompt in its inputs, or a goal")
        seat = self._seat(node, ctx, hits)
        try:
            found = seat.stage("task", lambda c: _asked(c, task, values, hits, form))
            edges = seat.stage("task", lambda c: _edges(c, node, ctx, task, found))
        except ModelError as error:
            return Outcome("failed", why=str(error), tokens=_tokens(seat))
        return Outcome(
            "finished", {"answer": found, **({"memories": [h.memory.id for h in hits]} if hits else {})}, edges, tokens=_tokens(seat)
        )

    def _seat(self, node: Node, ctx: Job, hits: Sequence[Hit]) -> Context:
        """A context of this attempt's own: its answers are kept under the attempt, and rest on what the model is shown."""
        clew, graph = ctx.clew, ctx.graph
        desk = clew._views.desk
        if node.budget.tokens is not None:
            most = min(node.budget.tokens, desk.budget.tokens_per_call or node.budget.tokens)
            desk = replace(desk, budget=replace(desk.budget, tokens_per_call=most))
        mark = hashlib.blake2b(f"{graph.id}:{graph.version}:{node.id}:{ctx.attempt}".encode(), key=desk.secret, digest_size=16).digest()
        now = datetime.now(UTC)
        sources = references(graph.node(node.id).inputs) if any(n.id == node.id for n in graph.nodes) else set()
        shown = {e.seq for e in read(clew, graph.id, user=ctx.user) if isinstance(e.body, Mapping) and e.body.get("node") in sources}
        rests = shown | {seq for hit in hits for seq in hit.memory.rests}
        log: Any = SimpleNamespace(log=clew.log)  # a task has no view: what a context reads through one is the log alone
        return Context(desk, _Voice(), log, mark, Scope(ctx.user, None, graph.id), now, now, 0, rests=rests)


def form_of(node: Node) -> Form | None:
    """The form that the node's inputs describe; UsageError says what forms there are."""
    told = given(node, "form", Mapping, {})
    if not told:
        return None
    match dict(told):
        case {"choice": [*labels]} if labels:
            return forms.choice([str(label) for label in labels], "label")
        case {"gate": _}:
            return forms.gate("apt")
        case {"text": int(most)}:
            return forms.text(most, "answer")
        case {"texts": [int(most), int(size)]}:
            return forms.texts(most, size)
        case {"fields": dict(fields)} if fields:
            return forms.record({str(k): v for k, v in fields.items()}, "items")
    raise UsageError(
        f'node {node.id}: a form is {{"choice": [labels]}}, {{"gate": true}}, {{"text": characters}}, {{"texts": [most, characters]}}'
        f' or {{"fields": {{name: characters or labels}}}}; got {dict(told)!r:.80}'
    )


def _asked(seat: Context, task: str, values: Mapping[str, Any], hits: Sequence[Hit], form: Form | None) -> Any:
    found = _told(values)
    if not hits:
        return seat.ask("bare", form, task=task, values=found)
    return seat.ask("node", form, cites=hits, task=task, memories=[hit.memory for hit in hits], values=found)


def _edges(seat: Context, node: Node, ctx: Job, task: str, answer: Any) -> dict[str, bool]:
    """The conditions that only a reader can decide."""
    prose = [e for e in ctx.graph.out_of(node.id) if e.condition != ALWAYS and not _compiles(e.condition)]
    return {
        e.target: seat.ask("holds", forms.gate("apt"), task=task, values=_told({"answer": answer}), condition=e.condition) for e in prose
    }


def _compiles(text: str) -> bool:
    try:
        Condition(text)
    except UsageError:
        return False
    return True


def _told(values: Mapping[str, Any]) -> str:
    lines = [f"{k}: {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)}" for k, v in values.items()]
    return "\n".join(lines) or "nothing yet"


def _tokens(seat: Context) -> int:
    """What this attempt's calls took, answers that did not fit included."""
    with seat.desk.answers.database.snapshot() as c:
        return c.execute("SELECT coalesce(sum(tokens_in + tokens_out), 0) FROM answer WHERE recipe=? AND part=?", (NAME, seat.mark)).get


executor = Llm()
