"""The agent's half of the door: what is in its prompt right now, and what it may do to its own memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from clew import intake
from clew import recall as recalling
from clew.custody import Custody
from clew.errors import ModelUnavailable, NotFound, RecipeError, UsageError
from clew.fold import Folder
from clew.maintenance import REPLY
from clew.storage.log import Entry
from clew.storage.view import Part
from clew.tools import checked, schema
from clew.types import TRUST, Hit, Memory, Query, Scope


class Workbench(Custody):
    """Windows and tools of recipes; `Clew` is the whole door."""

    def window(
        self,
        *,
        session: str,
        user: str | None = None,
        agent: str | None = None,
        max_tokens: int | None = None,
        recipe: str | None = None,
    ) -> list[dict[str, Any]]:
        """The session as messages for a chat API, as the recipe shows it now; what it folds comes back by the recipe's tools.

        Within `max_tokens` by `Models.counter`, or an estimate where none is connected; UsageError where not even
        the least that has to be shown fits, ModelUnavailable where the view waits for a model. Until something is
        edited, one more message leaves what came before it alone.
        """
        query = self._working(session, user, agent, max_tokens)
        folder = self._with(recipe, lambda r: r.window is not None, "window")
        make = folder.recipe.window
        assert make is not None
        part = self._reached(folder, query.scope)
        if part is None:
            return []
        if part.waiting:  # the newest messages would be missing from it, and nobody would know
            raise ModelUnavailable(f"{folder.recipe.name} has not taken in the whole session: {part.waiting}", after=5.0)
        ctx = recalling.looking(folder, query, part)
        with self.database.snapshot():
            return [dict(message) for message in recalling.steady(lambda: ctx.stage("window", make, query))]

    def tools(self, recipe: str | None = None) -> list[dict[str, Any]]:
        """What an agent may do to its memory, as JSON schemas in OpenAI's shape; [] for a recipe that has no tools."""
        chosen = self._views.serving(recipe or self._default).recipe
        return [schema(fn, name) for name, fn in chosen.tools.items()]

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | str = "{}",
        *,
        session: str | None = None,
        user: str | None = None,
        agent: str | None = None,
        recipe: str | None = None,
        actor: str | None = None,
        key: str | None = None,
    ) -> str:
        """Call one of the recipe's tools and give what the agent is told. Arguments are a mapping, or the JSON text of a model's call.

        A call that changes memory is an event: it is kept, replayed and undone like any other, and a `key` makes it
        idempotent. UsageError where the arguments do not fit; ModelUnavailable where the call waits for a model (it is
        in the log and takes effect when the model is back); RecipeError where the recipe failed at it.
        """
        folder = self._with(recipe, lambda r: tool in r.tools, f"tool {tool!r}")
        given = checked(folder.recipe.tools[tool], arguments, tool)
        scope = Scope(intake.name(user, "user"), intake.name(agent, "agent"), intake.name(session, "session"))
        if tool in folder.recipe.edits:
            return self._called(folder, tool, given, scope, intake.name(actor, "actor") or "assistant", key)
        part = self._reached(folder, scope)
        if part is None:
            raise NotFound(f"{folder.recipe.name} has no memory yet that {tool} could read for {scope}")
        query = Query("", scope, datetime.now(UTC))
        ctx = recalling.looking(folder, query, part)
        found = recalling.steady(lambda: ctx.stage("tool", lambda c: folder.recipe.tools[tool](**given, ctx=c)))
        return _told(found, partial(recalling.permitted, folder, query, [part]))

    def _called(self, folder: Folder, tool: str, given: Mapping[str, Any], scope: Scope, actor: str, key: str | None) -> str:
        """A call that changes memory: into the log, folded, and the reply that it left in the view."""
        body = {"op": "tool", "recipe": folder.recipe.name.partition("[")[0], "tool": tool, "arguments": dict(given)}
        [(seq, stage)] = self.log.append(Entry("edit", body, scope, actor, TRUST["assistant"], None, key))
        if stage.startswith("refused"):
            raise UsageError(f"{tool} was called under the key {key!r} before, and that call was forgotten")
        part = self._reached(folder, scope)
        if part is not None and part.cursor < seq:
            raise ModelUnavailable(f"{tool} is event {seq} and takes effect later: {part.waiting or 'the view is behind'}", after=5.0)
        replies = [m for m in folder.view.draft(part).opened_by(seq, seq) if m.kind == REPLY] if part is not None else []
        if not replies:
            wrong = [f["error"] for f in self.answers.faults() if f["seq"] == seq and f["recipe"] == folder.recipe.name]
            raise RecipeError(f"{folder.recipe.name} did not answer the call of {tool} (event {seq}): {'; '.join(wrong) or 'no reply'}")
        return replies[-1].text

    def _working(self, session: str, user: str | None, agent: str | None, max_tokens: int | None) -> Query:
        if not isinstance(session, str) or not session:
            raise UsageError(f"a window is of one session: session='s1'; got {session!r:.60}")
        if max_tokens is not None and max_tokens < 1:
            raise UsageError(f"max_tokens must be 1 or more, got {max_tokens!r}")
        scope = Scope(intake.name(user, "user"), intake.name(agent, "agent"), intake.name(session, "session"))
        return replace(Query("", scope, datetime.now(UTC)), max_tokens=max_tokens)

    def _with(self, name: str | None, has: Any, what: str) -> Folder:
        """The view of the recipe named, else of the first recipe that has what is asked for."""
        names = [name] if name else list(self._views.recipes)
        for each in names:
            folder = self._views.serving(each)
            if has(folder.recipe):
                return folder
        raise UsageError(
            f"{', '.join(names)} ha{'s' if len(names) == 1 else 've'} no {what}; `clew recipes --where function=working` lists some that have"
        )

    def _reached(self, folder: Folder, scope: Scope) -> Part | None:
        """The scope's partition after folding all that is due there; an agent waits for its own memory."""
        key = recalling.keys(folder, scope)[0]
        if -1 in key:
            return None
        if not self._views.frozen(folder):
            folder.catch_up(key)
        return folder.view.part(key)


def _told(found: Any, allowed: Any) -> str:
    """What a reading tool found, as text for an agent."""
    if isinstance(found, str):
        return found
    if isinstance(found, Sequence) and found and all(isinstance(hit, Hit) for hit in found):
        memories: list[Memory] = [hit.memory for hit in found]
        return "\n".join(f"[{m.id}] {m.text}" for m, may in zip(memories, allowed(memories), strict=True) if may)
    return json.dumps(found, ensure_ascii=False, default=str)
