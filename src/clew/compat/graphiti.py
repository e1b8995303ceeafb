"""Graphiti's main verbs, add_episode and search, on a Clew: a group is a user, an episode an event. Needs nothing of Graphiti's."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clew import Clew, Event, Hit, NotFound, Receipt, Scope, UsageError
from clew.compat.shelf import Card, Deletes, Shelf, envelope, opened, unknown

SOURCES = ("message", "text", "json")


@dataclass(frozen=True, slots=True)
class Episode:
    """One thing taken in, as it was said."""

    uuid: str
    name: str
    group_id: str | None
    content: str
    source: str
    source_description: str
    valid_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """A fact with its validity: `invalid_at` where something later ended it. `score` is Clew's own."""

    uuid: str
    name: str
    fact: str
    group_id: str | None
    episodes: Sequence[str]
    created_at: datetime
    valid_at: datetime | None
    invalid_at: datetime | None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class AddEpisodeResults:
    """The episode, and what became of it."""

    episode: Episode
    edges: Sequence[Edge]


class Graphiti:
    """Graphiti's calls, awaited, on a path or an open Clew; options (`recipes`, `models`, ...) are those of `Clew`."""

    def __init__(
        self, clew: Clew | str | os.PathLike[str] = "memory.db", *, recipe: str | None = None, deletes: Deletes = "forget", **options: Any
    ) -> None:
        self.clew = opened(clew, options)
        self._shelf = Shelf(self.clew, recipe, deletes)

    async def build_indices_and_constraints(self, delete_existing: bool = False) -> None:
        """Nothing to do: a file is ready when it is opened."""
        if delete_existing:
            raise UsageError("nothing is deleted here; Clew.forget(...) says what goes and gives a receipt")

    async def close(self) -> None:
        """Close the Clew."""
        await asyncio.to_thread(self.clew.close)

    async def add_episode(
        self,
        name: str,
        episode_body: str,
        source_description: str,
        reference_time: datetime,
        source: Any = "message",
        group_id: str | None = None,
        uuid: str | None = None,
        **more: Any,
    ) -> AddEpisodeResults:
        """Take in an episode; `reference_time` is when it happened. The same `uuid` again is the same episode. Others warn."""
        unknown("add_episode", more)
        sort = getattr(source, "value", source)
        if sort not in SOURCES:
            raise UsageError(f"source is one of {', '.join(SOURCES)}; got {sort!r}")
        own = {"name": name, "source": sort, "source_description": source_description}
        return await asyncio.to_thread(self._added, _body(episode_body), own, reference_time, group_id, uuid)

    async def search(
        self, query: str, center_node_uuid: str | None = None, group_ids: Sequence[str] | None = None, num_results: int = 10, **more: Any
    ) -> list[Edge]:
        """The facts that answer, best first; in all groups where none is named."""
        unknown("search", [*more, *(["center_node_uuid"] if center_node_uuid else [])])
        found = [
            pair
            for scope in _scopes(group_ids)
            for pair in await asyncio.to_thread(self._shelf.find, query, scope, lambda card: True, num_results)
        ]
        best = sorted(found, key=lambda pair: -pair[1].score)[:num_results]
        return [_edge(card, hit) for card, hit in best]

    async def retrieve_episodes(self, reference_time: datetime, last_n: int = 3, group_ids: Sequence[str] | None = None) -> list[Episode]:
        """The last episodes that had happened by then, oldest first."""
        events = [e for scope in _scopes(group_ids) for e in await asyncio.to_thread(self._episodes, scope) if e.at <= reference_time]
        return [_episode(e) for e in sorted(events, key=lambda e: (e.at, e.seq))[-last_n:]] if last_n > 0 else []

    async def remove_episode(self, episode_uuid: str) -> Receipt | None:
        """Forget an episode and all that came of it; NotFound where there is none. Where it is only retired, it is retracted."""
        return await asyncio.to_thread(self._removed, episode_uuid)

    def _added(self, body: str, own: dict[str, Any], at: datetime, group: str | None, uuid: str | None) -> AddEpisodeResults:
        scope = Scope(user=group)
        kind = "message" if own["source"] == "message" else "document"
        data = {"compat": {**own, **({"uuid": uuid} if uuid else {})}}
        done = self.clew.record({"content": body, "data": data}, user=group, at=at, kind=kind, key=uuid)
        if done.seq is None:
            raise UsageError(f"the episode {uuid!r} was forgotten and is not taken in again")
        [event] = self.clew.log.select("seq = ?", (done.seq,))
        made = self._shelf.became([done.seq], scope)
        return AddEpisodeResults(_episode(event), [_edge(self._shelf.card(m.id)) for m in made])

    def _episodes(self, scope: Scope) -> list[Event]:
        return [e for e in self.clew.log.read(scope=scope) if "source_description" in envelope(e)]

    def _removed(self, uuid: str) -> Receipt | None:
        found = [e.seq for e in self._episodes(Scope()) if _uuid(e) == uuid]
        if not found:
            raise NotFound(f"there is no episode {uuid!r}")
        if self._shelf.deletes == "forget":
            return self.clew.forget(events=found)
        self.clew.retract(found)
        return None


def _scopes(groups: Sequence[str] | None) -> list[Scope]:
    return [Scope()] if groups is None else [Scope(user=group) for group in groups]


def _body(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def _uuid(event: Event) -> str:
    return envelope(event).get("uuid") or f"episode-{event.seq}"


def _episode(event: Event) -> Episode:
    own = envelope(event)
    return Episode(
        _uuid(event),
        own["name"],
        event.scope.user,
        event.text,
        own["source"],
        own["source_description"],
        event.at,
        event.recorded_at,
    )


def _edge(card: Card, hit: Hit | None = None) -> Edge:
    m = card.memory
    ended = next((change.at for change in (hit.changes if hit else ()) if change.reason != "replaces"), None)
    name = card.data.get("name") or m.kind
    return Edge(
        m.id, name, m.text, m.scope.user, [_uuid(card.event)], card.event.recorded_at, m.since, m.until or ended, hit.score if hit else None
    )
