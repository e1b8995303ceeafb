"""Clew, the door: record, recall, prompt, thread, history, forget, rebuild, status."""

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from clew import forget as forgetting
from clew import intake
from clew import recall as recalling
from clew.desk import Desk
from clew.disposal import PATIENCE
from clew.errors import UsageError
from clew.fold import PENDING
from clew.generations import Generations
from clew.maintenance import digest, masked
from clew.models import Budget, Models
from clew.privacy import gated
from clew.recipe import Recipe, load
from clew.storage.answers import Answers
from clew.storage.database import opened
from clew.storage.log import Entry, Log
from clew.types import TRUST, Event, Hit, Memory, Query, Quote, Recorded, Scope
from clew.watch import Watch
from clew.workbench import Workbench
from clew.worker import Worker


class Clew(Workbench):
    """One memory: a database, models, recipes. Safe to share among threads; several processes may open one file.

    Without models nothing is asked: the default recipe needs none. `worker=True` keeps views caught up in the background.
    An address, `Clew("https://…", key=…)`, is the same door over HTTP, to a `clew serve`: see `clew.remote.Remote`.
    """

    def __new__(cls, path: str | os.PathLike[str] = "memory.db", *_: Any, **__: Any) -> "Clew":
        """Of this class; where the path is the address of a service, its subclass that speaks to it."""
        remote = cls is Clew and str(path).startswith(("https://", "http://"))
        return object.__new__(importlib.import_module("clew.remote").Remote if remote else cls)

    def __init__(
        self,
        path: str | os.PathLike[str] = "memory.db",
        *,
        recipes: Sequence[str | Recipe] = ("clew",),
        models: Models | None = None,
        budget: Budget | None = None,
        worker: bool = False,
        audit: bool = False,
        key: bytes | str | None = None,
        keyfile: str | os.PathLike[str] | None = None,
    ) -> None:
        if isinstance(recipes, (str, Recipe)):
            raise UsageError(f"recipes is a list of names; write recipes=[{getattr(recipes, 'name', recipes)!r}]")
        if not recipes:
            raise UsageError("recipes is empty; give at least one name, such as recipes=['clew']")
        resolved = [load(r) if isinstance(r, str) else r for r in recipes]  # a wrong name must not leave a file behind
        self.models = models or Models()
        self.database = opened(path, key=key, keyfile=keyfile)
        self.log = Log(self.database)
        self.answers = Answers(self.database)
        guarded = gated(self.models, self.models.gate)
        desk = Desk(guarded, self.answers, budget or Budget(), self.database.secret, guarded.names())
        self._views = Generations(self.log, desk, resolved)
        self._default = next(iter(self._views.recipes))
        self._audit = audit
        self._watch = Watch(self.log)
        if self.models.gate is not None:
            self.models.gate.watch = partial(self._watch.look, "egress")
        self._worker = Worker(self._tend) if worker else None

    def __enter__(self) -> "Clew":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the worker and close the file."""
        if self._worker is not None:
            self._worker.stop()
        self.database.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def record(
        self,
        what: Any,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        actor: str | None = None,
        at: datetime | str | None = None,
        kind: str | None = None,
        key: str | None = None,
        trust: int | str | None = None,
        data: Mapping[str, Any] | None = None,
        basis: Sequence[str] = (),
        as_lived: bool = False,
    ) -> Recorded:
        """Append a text, a message in OpenAI's shape, or a list of them; durable when it returns, and all or nothing.

        A `key` makes it idempotent for the user. A list is one transaction. `basis` names the memories that it
        was concluded from: when one of them falls, what this event became is suspect. `as_lived` takes `at` as the learned clock too.
        """
        scope = Scope(intake.name(user, "user"), intake.name(agent, "agent"), intake.name(session, "session"))
        given = intake.Given(scope, actor, at, kind, key, trust, data, as_lived, basis, self._basis)
        entries = intake.entries(what, given)
        if not entries:
            return Recorded(None, {"log": "nothing to record"})
        seqs, reached = self._taken_in(entries)
        stages = {"log": next(stage for stage in ("refused as forgotten", "stored", "already") if stage in reached)}
        return Recorded(seqs[-1], {**stages, **dict.fromkeys(self._views.recipes, PENDING)}, seqs)

    def _taken_in(self, entries: Sequence[Entry]) -> tuple[tuple[int | None, ...], set[str]]:
        """(the place of each entry, None where it was refused; the stages that any reached), in one transaction and looked at for canaries."""
        results = self.log.append(*entries)
        self._watch.look("record", " ".join(str(entry.body) for entry in entries) if self._watch.armed else "")
        if self._worker is not None:
            self._worker.wake()
        return tuple(None if stage.startswith("refused") else seq for seq, stage in results), {stage for _, stage in results}

    def tick(self, date: str | None = None) -> int:
        """Append the day's tick to every partition of the recipes that subscribe to ticks; again on the same day: nothing."""
        day, entries = date or datetime.now(UTC).date().isoformat(), []
        for name, recipe in self._views.recipes.items():
            if "tick" in recipe.on:
                with self.database.snapshot() as c:
                    for part in self._views.serving(name).view.parts():
                        scope = self.log.scope(c, *((n or None) for n in (part.user, part.agent, part.session)))
                        entries.append(
                            Entry("tick", {"date": day, "recipe": name}, scope, None, TRUST["owner"], None, f"tick:{name}:{scope}:{day}")
                        )
        return sum(stage == "stored" for _, stage in self.log.append(*entries)) if entries else 0

    def _tend(self) -> dict[str, str]:
        """What the worker does: ticks, catching up, and new generations for views whose embedder or recipe has changed."""
        self.tick()
        if not self.database.readonly and forgetting.due(self.log, datetime.now(UTC).date()):
            self.retention()
        states = self.catch_up()
        for name in [
            n for n, state in states.items() if state == "frozen" and not self.database.readonly and not self._views.recipe(n).asked
        ]:
            self.rebuild(name)
        return states

    # -- reading ------------------------------------------------------------------------------------------------

    def recall(
        self,
        text: str,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        k: int = 10,
        at: datetime | str | None = None,
        valid_at: datetime | str | None = None,
        as_of: datetime | str | int | None = None,
        recipe: str | None = None,
        kinds: Sequence[str] = (),
        max_tokens: int | None = None,
        archived: bool = False,
    ) -> list[Hit]:
        """The memories that answer, best first. `at` is when it is asked, `valid_at` what held then, `as_of` what was known then.

        Hits tell what has changed: `hit.changes`, and `hit.memory.status` where what a memory rests on has. Nothing in
        quarantine is ever a hit; archived memories only with `archived=True`.
        """
        query = self._query(text, Scope(user, agent, session), k, at, valid_at, as_of, kinds, max_tokens)
        query = replace(query, archived=True) if archived else query
        return self._asked(query, recipe)[0]

    def prompt(
        self,
        text: str,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        k: int = 20,
        max_tokens: int = 1500,
        recipe: str | None = None,
        **clocks: Any,
    ) -> str:
        """A block for a prompt: quotes with speaker, time and a citable id, fenced as data; "" when nothing was found."""
        hits = self.recall(text, user=user, agent=agent, session=session, k=k, max_tokens=max_tokens, recipe=recipe, **clocks)
        block = recalling.rendered(hits, max_tokens)
        self._watch.look("prompt", block, user)
        return block

    def ask(self, text: str, *, user: str | None = None, recipe: str | None = None, k: int = 10, **options: Any) -> recalling.Answer:
        """An answer with the quotes it rests on; where nothing in memory supports one, its `text` is None."""
        query = self._query(
            text,
            Scope(user, options.pop("agent", None), options.pop("session", None)),
            k,
            options.pop("at", None),
            options.pop("valid_at", None),
            options.pop("as_of", None),
            options.pop("kinds", ()),
            None,
        )
        if options:
            raise UsageError(f"ask has no argument {next(iter(options))!r}")
        hits, ctx, chosen = self._asked(query, recipe, stage="answer")
        return recalling.answered(query, hits, ctx, chosen, self._quoted)

    def _query(
        self, text: str, scope: Scope, k: int, at: Any, valid_at: Any, as_of: Any, kinds: Sequence[str], max_tokens: int | None
    ) -> Query:
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"a question needs words, got {text!r:.60}; to list memories use Clew.memories(user=...)")
        if not isinstance(k, int) or k < 1:
            raise UsageError(f"k must be 1 or more, got {k!r}")
        if max_tokens is not None and max_tokens < 1:
            raise UsageError(f"max_tokens must be 1 or more, got {max_tokens!r}")
        if isinstance(kinds, str):
            raise UsageError(f"kinds is a list of memory kinds; write kinds=[{kinds!r}]")
        for field, value in (("user", scope.user), ("agent", scope.agent), ("session", scope.session)):
            intake.name(value, field)
        moment = None if isinstance(as_of, int) else intake.instant(as_of, "as_of")
        seq = as_of if moment is None else self.log.seq_at(moment)
        if seq is not None and seq < 0:
            raise UsageError(f"as_of is a place in the log (0 or more) or an instant, got {seq}")
        return Query(
            text,
            scope,
            intake.instant(at, "at") or datetime.now(UTC),
            intake.instant(valid_at, "valid_at"),
            seq,
            k,
            max_tokens,
            tuple(kinds),
        )

    def _asked(self, query: Query, name: str | None, stage: str = "retrieve") -> tuple[list[Hit], Any, Recipe]:
        folder = self._views.serving(name or self._default)
        hits, ctx = recalling.recall(folder, query, PATIENCE, self._views.frozen(folder))
        recipe = folder.recipe
        if not self.database.readonly and (self._audit or "query" in recipe.on or recipe.asks & {"retrieve", stage}):
            body = {
                "content": query.text,
                "recipe": recipe.name,
                "as_of": ctx.seq if ctx else 0,
                "hits": [digest(self.database.secret, h.memory) for h in hits],
            }
            self.log.append(Entry("query", body, query.scope, None, TRUST["user"], None))
        return hits, ctx, recipe

    def thread(self, id: str) -> list[Quote]:
        """The exact words a memory came from, in the order of its sources: what was said, by whom, when.

        For people's eyes: where words of an event are in quarantine, they are here all the same, as they were said.
        """
        memory, _ = self._found(id)
        events = {e.seq: e for e in self.log.select(f"seq IN ({','.join(str(s.seq) for s in memory.sources)})", ())}
        return [
            Quote(events[s.seq], s.start, s.end, events[s.seq].text[s.start : s.end]) for s in memory.sources if not events[s.seq].forgotten
        ]

    def _quoted(self, id: str) -> list[Quote]:
        """The thread of a memory for a program's eyes: what is in quarantine is blanked."""
        quotes = self.thread(id)
        held = self._held_spans(seqs) if (seqs := [q.event.seq for q in quotes if q.event.trust < TRUST["user"]]) else {}
        return [
            replace(q, event=replace(q.event, body=body), text=body[q.start : q.end])
            if (spans := held.get(q.event.seq)) and (body := masked(q.event.text, spans))
            else q
            for q in quotes
        ]

    def get(self, id: str) -> Memory:
        """The newest version of a memory; NotFound where there is none."""
        return self._found(id)[0]

    def history(self, id: str) -> list[tuple[Memory, Event, str | None]]:
        """Every version of a memory, oldest first, with the event that made it and the reason why it ended."""
        _, generation = self._found(id)
        versions = self._views.view(generation, self._views.recipes.get(generation.recipe)).history(id)
        events = {e.seq: e for e in self.log.select(f"seq IN ({','.join(str(v.opened) for v in versions)})", ())}
        return [(v, events[v.opened or 0], v.retired or ("revised" if v.closed else None)) for v in versions]

    def memories(
        self,
        *,
        user: str | None = None,
        agent: str | None = None,
        session: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int = 1000,
        recipe: str | None = None,
    ) -> list[Memory]:
        """The memories of a scope as they are now, oldest first, a page at a time: `after` is the last id of the page before.

        Of a recipe whose views are of one session (working memory), name the session.
        """
        folder, scope = self._views.serving(recipe or self._default), Scope(user, agent, session)
        recalling.caught_up(folder, scope, PATIENCE, self._views.frozen(folder))
        return recalling.listed(folder, scope, kind, after, limit)

    def users(self) -> list[str]:
        """Every user that some surviving event has, in order of first appearance."""
        with self.database.snapshot() as c:
            found = c.execute(
                "SELECT text FROM name WHERE text IS NOT NULL AND id IN"
                " (SELECT DISTINCT user FROM event WHERE salt IS NOT NULL) ORDER BY id"
            )
            return [text for (text,) in found]
