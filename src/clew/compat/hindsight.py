"""Hindsight's main verbs, retain, recall and reflect, on a Clew: a bank is a user, a document a session. Needs nothing of Hindsight's."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from clew import Clew, Query, Receipt, Scope, UsageError
from clew import recall as recalling
from clew.compat.shelf import Card, Deletes, Shelf, opened, unknown

BUDGETS = {"low": 10, "mid": 20, "high": 50}  # hits at most
ITEM = frozenset({"content", "timestamp", "context", "document_id", "metadata", "tags", "update_mode"})


@dataclass(frozen=True, slots=True)
class RetainResponse:
    """What was stored."""

    success: bool
    bank_id: str
    items_count: int
    memory_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecallResult:
    """One memory; times are ISO 8601."""

    id: str
    text: str
    type: str
    context: str | None
    occurred_start: str | None
    occurred_end: str | None
    mentioned_at: str
    document_id: str | None
    metadata: Mapping[str, str] | None
    tags: Sequence[str] | None
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class RecallResponse:
    """Memories, best first."""

    results: Sequence[RecallResult]
    trace: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReflectResponse:
    """An answer, "" where memory supports none, and the exact words it rests on."""

    text: str
    based_on: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


class Hindsight:
    """Hindsight's client calls on a path or an open Clew; options (`recipes`, `models`, ...) are those of `Clew`."""

    def __init__(
        self, clew: Clew | str | os.PathLike[str] = "memory.db", *, recipe: str | None = None, deletes: Deletes = "forget", **options: Any
    ) -> None:
        self.clew = opened(clew, options)
        self._shelf = Shelf(self.clew, recipe, deletes)

    def __enter__(self) -> "Hindsight":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the Clew."""
        self.clew.close()

    def retain(self, bank_id: str, content: str, timestamp: datetime | str | None = None, **about: Any) -> RetainResponse:
        """Remember a text: `context`, `document_id`, `tags`, `metadata`. What a document held before is superseded, not lost."""
        return self.retain_batch(bank_id, [{"content": content, "timestamp": timestamp, **about}])

    def retain_batch(
        self, bank_id: str, items: Sequence[Mapping[str, Any]], document_id: str | None = None, document_tags: Sequence[str] | None = None
    ) -> RetainResponse:
        """Remember several texts; those of one document in one transaction."""
        ids: list[str] = []
        documents: dict[str | None, list[Mapping[str, Any]]] = {}
        for item in items:
            if not item.get("content"):
                raise UsageError(f"an item needs content, got {dict(item)!r:.80}")
            unknown("retain", {*item} - ITEM)
            documents.setdefault(item.get("document_id") or document_id, []).append(item)
        for document, texts in documents.items():
            scope = Scope(user=bank_id, session=document)
            append = any(item.get("update_mode") == "append" for item in texts)
            before = list(self._shelf.cards(scope)) if document is not None and not append else []
            ids += [memory for item in texts for memory in self._kept(item, scope, document_tags)]
            for card in before:
                self.clew.retire(card.memory.id, reason="superseded")
        return RetainResponse(True, bank_id, len(items), tuple(ids))

    def recall(
        self,
        bank_id: str,
        query: str,
        *,
        budget: str = "mid",
        max_tokens: int = 4096,
        query_timestamp: datetime | str | None = None,
        tags: Collection[str] | None = None,
        tags_match: str = "any",
        trace: bool = False,
        **more: Any,
    ) -> RecallResponse:
        """What answers, within `max_tokens`; `budget` says how much is looked through. Arguments without effect warn."""
        unknown("recall", more)
        if budget not in BUDGETS:
            raise UsageError(f"budget is low, mid or high, got {budget!r}")
        matches = TAGS.get(tags_match)
        if matches is None:
            raise UsageError(f"tags_match is one of {', '.join(TAGS)}; got {tags_match!r}")
        asked = set(tags or ())
        clocks = {"at": query_timestamp} if query_timestamp is not None else {}

        def wanted(card: Card) -> bool:
            return not asked or matches(asked, set(card.data.get("tags") or ()))

        found = self._shelf.find(query, Scope(user=bank_id), wanted, BUDGETS[budget], **clocks)
        hits = {
            hit.memory.id: hit for hit in recalling.within([h for _, h in found], Query(query, k=BUDGETS[budget], max_tokens=max_tokens))
        }
        kept = [(card, hits[card.memory.id]) for card, _ in found if card.memory.id in hits]
        told = {"query": query, "scores": {hit.memory.id: dict(hit.why) for _, hit in kept}} if trace else None
        return RecallResponse([_result(card, {"final": hit.score}) for card, hit in kept], told)

    def reflect(self, bank_id: str, query: str, *, budget: str = "low", context: str | None = None, **more: Any) -> ReflectResponse:
        """An answer from memory with the quotes it rests on: a model's where one is connected, else the quote that answers."""
        unknown("reflect", more)
        if budget not in BUDGETS:
            raise UsageError(f"budget is low, mid or high, got {budget!r}")
        asked = query if context is None else f"{query}\n{context}"
        answer = self.clew.ask(asked, user=bank_id, recipe=self._shelf.recipe, k=BUDGETS[budget])
        quotes = [{"text": q.text, "actor": q.event.actor, "at": q.event.at.isoformat(), "event": q.event.seq} for q in answer.quotes]
        return ReflectResponse(answer.text or "", quotes)

    def list_memories(self, bank_id: str, limit: int = 100, offset: int = 0, document_id: str | None = None, **more: Any) -> dict[str, Any]:
        """{"items", "total", "limit", "offset"}, oldest first."""
        unknown("list_memories", more)
        cards = list(self._shelf.cards(Scope(user=bank_id, session=document_id)))
        items = [asdict(_result(card, None)) for card in cards[offset : offset + limit]]
        return {"items": items, "total": len(cards), "limit": limit, "offset": offset}

    def create_bank(self, bank_id: str, name: str | None = None, **more: Any) -> dict[str, Any]:
        """Nothing to do: a bank is there with its first memory."""
        unknown("create_bank", more)
        return {"bank_id": bank_id, "name": name or bank_id}

    def delete_document(self, bank_id: str, document_id: str) -> Receipt | None:
        """Forget a document with all that came of it."""
        return self._shelf.clear(Scope(user=bank_id, session=document_id))

    def delete_bank(self, bank_id: str) -> Receipt | None:
        """Forget a bank."""
        return self._shelf.clear(Scope(user=bank_id))

    def _kept(self, item: Mapping[str, Any], scope: Scope, tags: Sequence[str] | None) -> list[str]:
        own = {"context": item.get("context"), "metadata": item.get("metadata"), "tags": [*(item.get("tags") or ()), *(tags or ())]}
        at = None if item.get("timestamp") == "unset" else item.get("timestamp")
        return [m.id for m in self._shelf.put([{"content": item["content"]}], scope, own, at=at)]


TAGS = {
    "any": lambda asked, its: not its or bool(asked & its),
    "all": lambda asked, its: not its or asked <= its,
    "any_strict": lambda asked, its: bool(asked & its),
    "all_strict": lambda asked, its: asked <= its,
    "exact": lambda asked, its: asked == its,
}


def _result(card: Card, scores: Mapping[str, float] | None) -> RecallResult:
    m, data = card.memory, card.data
    since, until = (at.isoformat() if at else None for at in (m.since, m.until))
    about = {"metadata": data.get("metadata"), "tags": data.get("tags") or None, "scores": scores}
    return RecallResult(m.id, m.text, m.kind, data.get("context"), since, until, card.created.isoformat(), m.scope.session, **about)
