"""mem0's `Memory`, with the calls and envelopes of its versions 2 and 3, onto Clew.

`from clew.compat.mem0 import Memory` in place of `from mem0 import Memory`. Needs nothing of mem0's.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import wraps
from itertools import islice
from typing import Any

from clew import Clew, NotFound, Scope
from clew.compat import envelopes
from clew.compat.envelopes import SCOPES, Missing
from clew.compat.filters import Refused, fields, named, wanted
from clew.compat.shelf import Card, Deletes, Shelf, opened, unknown, warn

__all__ = ["AsyncMemory", "Memory", "Missing", "Refused"]
FAR = "9998-01-01T00:00:00+00:00"  # later than every event
KEPT: Any = object()  # an expiration date that is not to be changed


class Memory:
    """mem0's calls on a Clew: a path, an open Clew, or nothing for `memory.db` here.

    `deletes="retire"` lets a deleted memory stay in `history`, as in mem0; by default its words are forgotten, with a
    receipt. Other options (`recipes`, `models`, ...) are those of `Clew`.
    """

    def __init__(
        self, clew: Clew | str | os.PathLike[str] = "memory.db", *, recipe: str | None = None, deletes: Deletes = "forget", **options: Any
    ) -> None:
        self.clew = opened(clew, options)
        self.shelf = Shelf(self.clew, recipe, deletes)

    @classmethod
    def from_config(cls, config_dict: Mapping[str, Any]) -> "Memory":
        """A memory by a mapping: `clew` holds the arguments of `Memory`; mem0's own sections are told of and not used."""
        if ours := [name for name in config_dict if name != "clew"]:
            warn(f"of mem0's configuration {', '.join(ours)} is not used: Clew has one file and its own embedder; see clew.connect")
        return cls(**config_dict.get("clew", {}))

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the Clew."""
        self.clew.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def add(
        self,
        messages: str | Mapping[str, Any] | list[Any],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timestamp: datetime | str | float | None = None,
        expiration_date: date | str | None = None,
        infer: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """Remember messages: {"results": [{"id", "memory", "event"}]}, one for each memory that they became.

        `timestamp` is when it happened (seconds since 1970, ISO 8601 or a datetime); a message may have its own.
        System messages are instructions and no memories. UsageError, a ValueError too, without any of the three ids.
        """
        unknown("add", more)
        scope = envelopes.scope(user_id, agent_id, run_id)
        asked = self.clew._views.recipe(self.shelf.recipe or self.clew._default).asked
        if not infer and asked:
            warn("infer=False: the recipe decides what becomes of words; open Memory with recipes=['clew'] to keep them as they are")
        listed = [messages] if isinstance(messages, (str, Mapping)) else messages
        if not isinstance(listed, list):
            raise Refused(f"messages must be a text, a message (dict) or a list of them, got {type(messages).__name__}")
        given = [message for m in listed if (message := envelopes.message(m)).get("role") != "system"]
        own = {"metadata": dict(metadata or {}), "expires": envelopes.day(expiration_date)}
        found = self.shelf.put(given, scope, own, at=envelopes.instant(timestamp)) if given else []
        if len(found) < len(given) and not asked:
            warn(f"{len(given) - len(found)} of {len(given)} messages became no memory: see Clew.review() and Clew.status()")
        events = {e.seq: e for e in self.clew.log.select(f"seq IN ({','.join(str(m.opened) for m in found)})", ())}
        changed = [(m, events[m.opened or 0], "ADD" if {s.seq for s in m.sources} <= {m.opened} else "UPDATE") for m in found]
        return {"results": [{"id": m.id, "memory": m.text, "event": sort, **envelopes.spoken(event)} for m, event, sort in changed]}

    def update(
        self,
        memory_id: str,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expiration_date: date | str | None = KEPT,
        data: str | None = None,
        **more: Any,
    ) -> dict[str, str]:
        """Give a memory other words (`data` is their name in version 2), merge metadata, or change when it expires (None: never)."""
        unknown("update", more)
        words = text if text is not None else data
        if words is None and metadata is None and expiration_date is KEPT:
            raise Refused("update needs text, metadata or expiration_date")
        card = self._card(memory_id)
        if metadata is not None or expiration_date is not KEPT:
            expires = {} if expiration_date is KEPT else {"expires": envelopes.day(expiration_date)}
            self.shelf.note(card, {"metadata": {**card.data.get("metadata", {}), **(metadata or {})}, **expires})
        if words is not None:
            self.clew.revise(memory_id, words)
        return {"message": "Memory updated successfully!"}

    def delete(self, memory_id: str) -> dict[str, Any]:
        """Let a memory go. What it was made from is forgotten, and so is whatever else was made from that; the receipt counts it."""
        self._card(memory_id)
        return envelopes.told("Memory deleted successfully!", self.shelf.remove(memory_id))

    def delete_all(self, user_id: str | None = None, agent_id: str | None = None, run_id: str | None = None, **more: Any) -> dict[str, Any]:
        """Let everything go that bears all the ids given; UsageError, a ValueError too, without any: that is `reset`."""
        unknown("delete_all", more)
        return envelopes.told("Memories deleted successfully!", self.shelf.clear(envelopes.scope(user_id, agent_id, run_id)))

    def reset(self) -> None:
        """Let everything go, whoever recorded it through whichever door."""
        if self.shelf.deletes == "retire":
            self.shelf.clear(Scope())
        else:
            self.clew.forget(before=FAR)

    # -- reading ------------------------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        *,
        top_k: int | None = None,
        filters: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        rerank: bool = False,
        explain: bool = False,
        reference_date: datetime | str | float | None = None,
        show_expired: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """{"results": [...]}, best first, each with its score. `user_id`, `agent_id`, `run_id` and `limit` work as in version 2.

        Scores are the recipe's own and not bounded by 1: without a `threshold` nothing is cut off. `reference_date` is when
        it is asked. Nothing else given is passed over in silence.
        """
        if rerank:
            warn("rerank has no effect: Clew's own recipe always looks at its candidates a second time")
        test, scope, k = self._asked("search", filters, top_k, show_expired, more)
        if not isinstance(query, str) or not query.strip():
            raise Refused(f"a search needs words, got {query!r:.60}; to list memories use get_all")
        found = self.shelf.find(query, scope, test, k, at=envelopes.instant(reference_date))
        rows = [
            {**envelopes.row(card), "score": hit.score, **({"score_details": dict(hit.why)} if explain else {})}
            for card, hit in found
            if threshold is None or hit.score >= threshold
        ]
        return {"results": rows}

    def get(self, memory_id: str) -> dict[str, Any] | None:
        """A memory, or None."""
        try:
            return {**envelopes.row(self.shelf.card(memory_id)), "score": None}
        except NotFound:
            return None

    def get_all(
        self, *, filters: Mapping[str, Any] | None = None, top_k: int | None = None, show_expired: bool = False, **more: Any
    ) -> dict[str, Any]:
        """{"results": [...]}, oldest first; also by `user_id`, `agent_id`, `run_id` and `limit`, as in version 2."""
        test, scope, k = self._asked("get_all", filters, top_k, show_expired, more)
        return {"results": [envelopes.row(card) for card in islice(filter(test, self.shelf.cards(scope)), k)]}

    def history(self, memory_id: str) -> list[dict[str, Any]]:
        """What became of a memory, oldest first: ADD, UPDATE, DELETE; [] where there is none, or where its words were forgotten."""
        try:
            versions = self.clew.history(memory_id)
        except NotFound:
            return []
        ends = {e.seq: e.at for e in self.clew.log.select(f"seq IN ({','.join(str(m.closed or 0) for m, _, _ in versions)})", ())}
        steps: list[tuple[str | None, datetime]] = []  # its words after each change, None where it ended
        for memory, event, _ in versions:
            steps += [(memory.text, event.at)] if not steps or steps[-1][0] != memory.text else []
            steps += [(None, ends[memory.closed])] if memory.retired is not None and memory.closed in ends else []
        born = versions[0][1]
        return [
            envelopes.step(f"{memory_id}-{n}", memory_id, born, before, *after)
            for n, (before, after) in enumerate(zip([None, *(text for text, _ in steps)], steps))
        ]

    def _card(self, memory_id: str) -> Card:
        try:
            return self.shelf.card(memory_id)
        except NotFound as error:
            raise Missing(f"Memory with id {memory_id} not found: {error}") from error

    def _asked(
        self, verb: str, asked: Mapping[str, Any] | None, top_k: int | None, show_expired: bool, more: dict[str, Any]
    ) -> tuple[Callable[[Card], bool], Scope, int]:
        """What a question means: the test of a card, the scope to look in, and how many."""
        ids = {field: more.pop(field) for field in SCOPES if more.get(field) is not None}
        k = top_k if top_k is not None else more.pop("limit", None)
        unknown(verb, more, 5)
        meant = {**(asked or {}), **ids}
        test = wanted(meant)
        if fields(meant).isdisjoint(SCOPES):
            raise Refused(f"{verb} needs one of user_id, agent_id, run_id, such as filters={{'user_id': 'ana'}}")
        return envelopes.shown(test, show_expired), Scope(*(named(meant, field) for field in SCOPES)), 20 if k is None else k


def _awaited(verb: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(verb)
    async def call(self: "AsyncMemory", *args: Any, **given: Any) -> Any:
        return await asyncio.to_thread(verb, self.memory, *args, **given)

    return call


class AsyncMemory:
    """The same calls, awaited: each is `Memory`'s own, in a thread."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.memory = Memory(*args, **options)

    from_config = classmethod(Memory.from_config.__func__)  # type: ignore[attr-defined]
    close = property(lambda self: self.memory.close)
    add, update, delete, delete_all, reset = map(_awaited, (Memory.add, Memory.update, Memory.delete, Memory.delete_all, Memory.reset))
    search, get, get_all, history = map(_awaited, (Memory.search, Memory.get, Memory.get_all, Memory.history))
