"""CrewAI's memory on a Clew: a storage of its records, and a `Memory` that asks Clew by words, with no model and no key."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from crewai.memory.types import MemoryMatch, MemoryRecord, ScopeInfo
from crewai.memory.unified_memory import Memory
from crewai.memory.utils import join_scope_paths, normalize_scope_path

from clew import Clew, Hit, NotFound, Scope, UsageError
from clew.compat.shelf import Card, Deletes, Shelf, opened

Wanted = Callable[[MemoryRecord], bool]


class ClewStorage:
    """CrewAI's `StorageBackend` on a path or an open Clew; all records are one user's, and their scopes are paths in it.

    What is deleted is forgotten; with `deletes="retire"` it stays in history. Vectors that CrewAI made are not kept.
    """

    def __init__(
        self, clew: Clew | str | os.PathLike[str] = "memory.db", *, user: str = "crew", deletes: Deletes = "forget", **options: Any
    ) -> None:
        self.clew, self.user = opened(clew, options), user
        self._shelf, self._scope = Shelf(self.clew, deletes=deletes), Scope(user=user)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ClewStorage":
        return self  # copies of a crew share its memory

    def save(self, records: list[MemoryRecord]) -> None:
        """Record them; each gets the id of the memory that it became."""
        for record in records:
            at = record.created_at if record.created_at.tzinfo else record.created_at.replace(tzinfo=UTC)
            made = self._shelf.put([{"content": record.content}], self._scope, _envelope(record), at=at, trust="assistant")
            if not made:
                raise UsageError(f"a record became no memory ({record.content!r:.60}); see Clew.review() and Clew.status()")
            record.id = made[0].id

    def search(self, query_embedding: list[float], *_: Any, **__: Any) -> list[tuple[MemoryRecord, float]]:
        """UsageError: Clew is asked by words, which a vector does not tell; see `ClewMemory`."""
        raise UsageError("a Clew is asked by words, not by a vector: use ClewMemory(storage=ClewStorage(...)) in place of Memory")

    def find(self, query: str, wanted: Wanted, limit: int) -> list[tuple[MemoryRecord, Hit]]:
        """The best records that are wanted, best first."""
        found = self._shelf.find(query, self._scope, lambda card: wanted(_record(card)), limit)
        return [(_record(card), hit) for card, hit in found]

    def delete(
        self,
        scope_prefix: str | None = None,
        categories: list[str] | None = None,
        record_ids: list[str] | None = None,
        older_than: datetime | None = None,
        metadata_filter: dict[str, Any] | None = None,
    ) -> int:
        """Take back the records that every condition given fits; how many they were."""
        ids = [r.id for r in self._records(scope_prefix) if _fits(r, categories, record_ids, older_than, metadata_filter)]
        if ids:
            self._shelf.remove(*ids)
        return len(ids)

    def update(self, record: MemoryRecord) -> None:
        """Give a record other words or another envelope; NotFound where there is none of its id."""
        card = self._shelf.card(record.id)
        self._shelf.note(card, _envelope(record))
        if record.content != card.memory.text:
            self.clew.revise(record.id, record.content)

    def get_record(self, record_id: str) -> MemoryRecord | None:
        """A record, or None."""
        try:
            card = self._shelf.card(record_id)
        except NotFound:
            return None
        return _record(card) if card.memory.scope == self._scope else None

    def list_records(self, scope_prefix: str | None = None, limit: int = 200, offset: int = 0) -> list[MemoryRecord]:
        """The records of a scope, newest first."""
        return sorted(self._records(scope_prefix), key=lambda r: r.created_at, reverse=True)[offset : offset + limit]

    def get_scope_info(self, scope: str) -> ScopeInfo:
        """What a scope holds, its own scopes included."""
        found = self._records(scope)
        times = sorted(r.created_at for r in found)
        return ScopeInfo(
            path=normalize_scope_path(scope),
            record_count=len(found),
            categories=sorted({c for r in found for c in r.categories}),
            oldest_record=times[0] if times else None,
            newest_record=times[-1] if times else None,
            child_scopes=self.list_scopes(scope),
        )

    def list_scopes(self, parent: str = "/") -> list[str]:
        """The scopes right below one."""
        above = normalize_scope_path(parent).rstrip("/")
        below = (normalize_scope_path(r.scope)[len(above) + 1 :] for r in self._records(parent))
        return sorted({f"{above}/{path.split('/')[0]}" for path in below if path})

    def list_categories(self, scope_prefix: str | None = None) -> dict[str, int]:
        """How many records each category has."""
        return dict(Counter(c for r in self._records(scope_prefix) for c in r.categories))

    def count(self, scope_prefix: str | None = None) -> int:
        """How many records a scope has."""
        return len(self._records(scope_prefix))

    def reset(self, scope_prefix: str | None = None) -> None:
        """Take back every record of a scope."""
        self.delete(scope_prefix)

    async def asave(self, records: list[MemoryRecord]) -> None:
        """`save`, in a thread."""
        await asyncio.to_thread(self.save, records)

    async def asearch(self, query_embedding: list[float], *_: Any, **__: Any) -> list[tuple[MemoryRecord, float]]:
        """`search`: UsageError."""
        return self.search(query_embedding)

    async def adelete(self, *args: Any, **given: Any) -> int:
        """`delete`, in a thread."""
        return await asyncio.to_thread(self.delete, *args, **given)

    def _records(self, prefix: str | None) -> list[MemoryRecord]:
        return [r for card in self._shelf.cards(self._scope) if _below(r := _record(card), prefix)]


class ClewMemory(Memory):
    """CrewAI's `Memory`, for `Crew(memory=ClewMemory(storage=ClewStorage("memory.db")))`.

    What is remembered is kept as it is, under the scope given; what is recalled is ranked by Clew. Neither asks a model, so
    `depth` has no effect. Everything else is CrewAI's own.
    """

    def remember(
        self, content: str, scope: str | None = None, *args: Any, root_scope: str | None = None, **about: Any
    ) -> MemoryRecord | None:
        """Keep one text; None where the memory is read-only. Arguments are those of CrewAI's `remember`."""
        given = {**dict(zip(("categories", "metadata", "importance", "source", "private", "agent_role"), args)), **about}
        if self.read_only:
            return None
        given.pop("agent_role", None)
        root = root_scope if root_scope is not None else self.root_scope
        own = {name: value for name, value in given.items() if value is not None}
        record = MemoryRecord(content=content, scope=join_scope_paths(root, scope), **{"importance": self.default_importance, **own})
        self._clew.save([record])
        return record

    def remember_many(self, contents: list[str], *args: Any, **about: Any) -> list[MemoryRecord]:
        """Keep several texts at once, before it returns."""
        return [record for text in contents if (record := self.remember(text, *args, **about)) is not None]

    def extract_memories(self, content: str) -> list[str]:
        """The text as it is: Clew keeps words, and what a recipe draws from them leads back to them."""
        return [content] if content.strip() else []

    def recall(
        self,
        query: str,
        scope: str | None = None,
        categories: list[str] | None = None,
        limit: int = 10,
        depth: Literal["shallow", "deep"] = "deep",
        source: str | None = None,
        include_private: bool = False,
    ) -> list[MemoryMatch]:
        """What answers, best first; the score is Clew's own. Private records are for their own source alone."""
        path = join_scope_paths(self.root_scope, scope) if scope is not None or self.root_scope else None

        def wanted(record: MemoryRecord) -> bool:
            mine = include_private or not record.private or (source is not None and record.source == source)
            return mine and _below(record, path) and _fits(record, categories)

        found = self._clew.find(query, wanted, limit) if query.strip() else []
        return [MemoryMatch(record=record, score=hit.score, match_reasons=[*hit.why]) for record, hit in found]

    @property
    def _clew(self) -> ClewStorage:
        if not isinstance(self._storage, ClewStorage):
            raise UsageError(f"ClewMemory needs storage=ClewStorage(...), got {self._storage!r:.60}")
        return self._storage


def _envelope(record: MemoryRecord) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude={"id", "content", "created_at", "last_accessed", "embedding"})


def _record(card: Card) -> MemoryRecord:
    times = {"created_at": card.created.replace(tzinfo=None), "last_accessed": card.updated.replace(tzinfo=None)}  # theirs are naive
    known: Mapping[str, Any] = {name: value for name, value in card.data.items() if name in MemoryRecord.model_fields}
    return MemoryRecord(id=card.memory.id, content=card.memory.text, **{**known, **times})


def _below(record: MemoryRecord, prefix: str | None) -> bool:
    above = normalize_scope_path(prefix or "/").rstrip("/")
    return f"{normalize_scope_path(record.scope)}/".startswith(f"{above}/")


def _fits(
    record: MemoryRecord,
    categories: list[str] | None = None,
    ids: list[str] | None = None,
    older_than: datetime | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> bool:
    before = older_than.astimezone(UTC).replace(tzinfo=None) if older_than is not None and older_than.tzinfo else older_than
    return (
        (not categories or not set(categories).isdisjoint(record.categories))
        and (ids is None or record.id in ids)
        and (before is None or record.created_at < before)
        and all(record.metadata.get(name) == value for name, value in (metadata or {}).items())
    )
