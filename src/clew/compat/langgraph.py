"""LangGraph's `BaseStore`: documents under namespaces, in a Clew.

A put is an event whose words are the document's texts, so every other door finds them too; the store itself is a fold of
those events. There is no expiry: a `ttl` raises NotImplementedError, as LangGraph has it for such stores.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any, Literal

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
    tokenize_path,
)

from clew import Clew, Event, Scope, UsageError
from clew.compat.filters import OPERATORS
from clew.compat.shelf import NOTE, TOGETHER, Card, Deletes, Shelf, envelope, opened
from clew.storage.rows import unranged

Namespace = tuple[str, ...]
Place = tuple[Namespace, str, datetime]  # of a document: its namespace, its key, when it was made


@dataclass(slots=True)
class _Version:
    """Where a document lies in the log: every put of it since it was deleted last, oldest first."""

    seqs: list[int]
    created: datetime


There = Mapping[Namespace, Mapping[str, _Version]]


@dataclass(slots=True)
class _Places:
    """Which documents there are: a fold of the log's puts, forgets and deletions. No words are kept in it."""

    seq: int = 0
    found: dict[Namespace, dict[str, _Version]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, clew: Clew) -> dict[Namespace, dict[str, _Version]]:
        """What there is now; reads what was recorded since it was asked last."""
        with self.lock:
            where = "seq > ? AND kind IN ('message', ?, 'forget') AND salt IS NOT NULL ORDER BY seq"
            for event in clew.log.select(where, (self.seq, NOTE)):
                self._take(event)
                self.seq = event.seq
            return {namespace: dict(keys) for namespace, keys in self.found.items()}

    def _take(self, event: Event) -> None:
        if event.kind == "forget":
            gone = {*unranged(event.body["forgotten"])}
            for keys in self.found.values():
                for key in [key for key, version in keys.items() if version.seqs[-1] in gone]:
                    del keys[key]
        elif (put := envelope(event)) and "namespace" in put:
            keys = self.found.setdefault(tuple(put["namespace"]), {})
            if put.get("deleted"):
                keys.pop(put["key"], None)
            else:
                keys.setdefault(put["key"], _Version([], event.recorded_at)).seqs.append(event.seq)


class ClewStore(BaseStore):
    """A LangGraph store on a path or an open Clew; options (`recipes`, ...) are those of `Clew`.

    Each namespace is a partition of its own: `Scope(user=".".join(namespace))`. With `user=1` the element at that place
    names the user instead and the namespace is the session, so that `forget(user="ana")` takes all that is ana's.
    `deletes="retire"` lets deleted documents stay in the history of their memories. `fields` are the paths whose texts are
    searched, where a put does not say.
    """

    supports_ttl = False

    def __init__(
        self,
        clew: Clew | str | os.PathLike[str] = "memory.db",
        *,
        user: int | None = None,
        fields: Sequence[str] | None = None,
        recipe: str | None = None,
        deletes: Deletes = "forget",
        **options: Any,
    ) -> None:
        self.clew = opened(clew, options)
        self._shelf, self._user, self._fields, self._places = Shelf(self.clew, recipe, deletes), user, fields, _Places()

    def close(self) -> None:
        """Close the Clew."""
        self.clew.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Answer the reads by what there was before, then write: of two puts of one document the later."""
        ops = list(ops)
        there, puts, results = self._places.follow(self.clew), dict[tuple[Namespace, str], PutOp](), list[Result]()
        for op in ops:
            if isinstance(op, PutOp):
                puts[op.namespace, op.key] = op
                results.append(None)
            elif isinstance(op, GetOp):
                results.append(self._got(op, there.get(op.namespace, {}).get(op.key)))
            elif isinstance(op, SearchOp):
                results.append(self._searched(op, there))
            elif isinstance(op, ListNamespacesOp):
                results.append(_listed(op, [namespace for namespace, keys in there.items() if keys]))
            else:
                raise UsageError(f"there is no operation {op!r:.80}; a store takes GetOp, PutOp, SearchOp and ListNamespacesOp")
        for (namespace, key), op in puts.items():
            self._put(op, there.get(namespace, {}).get(key))
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch`, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    # -- writing ------------------------------------------------------------------------------------------------

    def _put(self, op: PutOp, before: _Version | None) -> None:
        scope, where = self._scope(op.namespace), {"namespace": list(op.namespace), "key": op.key}
        if op.value is not None:
            data = {"compat": {**where, "value": dict(op.value)}}
            message = {"content": "\n".join(self._texts(op.value, op.index)), "data": data}
            self.clew.record(message, user=scope.user, session=scope.session, trust="assistant")
            if before is not None:
                for memory in self._shelf.became(before.seqs[-1:], scope):
                    self.clew.retire(memory.id, reason="superseded")
        elif before is not None and self._shelf.deletes == "forget":
            self.clew.forget(events=before.seqs)
        elif before is not None:
            self._shelf.remove(*(memory.id for memory in self._shelf.became(before.seqs[-1:], scope)))
            gone = {"data": {"compat": {**where, "deleted": True}}}
            self.clew.record(gone, kind=NOTE, user=scope.user, session=scope.session)

    def _scope(self, namespace: Namespace) -> Scope:
        whole = ".".join(map(str, namespace))
        if self._user is None:
            return Scope(user=whole)
        return Scope(user=namespace[self._user] if len(namespace) > self._user else None, session=whole)

    def _texts(self, value: Mapping[str, Any], index: Literal[False] | list[str] | None) -> list[str]:
        if index is False:
            return []
        fields = index or self._fields or ("$",)
        found = [_leaves(value) if path == "$" else get_text_at_path(value, tokenize_path(path)) for path in fields]
        return [text for texts in found for text in texts]

    # -- reading ------------------------------------------------------------------------------------------------

    def _got(self, op: GetOp, version: _Version | None) -> Item | None:
        if version is None:
            return None
        seq = version.seqs[-1]
        return next((item for _, item in self._items({seq: (op.namespace, op.key, version.created)}, [seq])), None)

    def _items(self, places: Mapping[int, Place], seqs: Iterable[int]) -> Iterator[tuple[int, Item]]:
        """The documents whose newest puts these are, in their order; one that was forgotten meanwhile is left out."""
        seqs = iter(seqs)
        while some := list(islice(seqs, TOGETHER)):
            events = self._shelf.events(some)
            for event in (events[seq] for seq in some if seq in events):
                namespace, key, created = places[event.seq]
                at = {"created_at": created, "updated_at": event.recorded_at}
                yield event.seq, Item(value=envelope(event)["value"], key=key, namespace=namespace, **at)

    def _searched(self, op: SearchOp, there: There) -> list[SearchItem]:
        """The best by the query, then, where there are too few of them, the others in the order in which they were put."""
        if op.limit < 0 or op.offset < 0:
            raise UsageError(f"limit and offset must be 0 or more, got {op.limit} and {op.offset}")
        n, prefix, many = len(op.namespace_prefix), tuple(op.namespace_prefix), op.offset + op.limit
        keys = [(ns, key, version) for ns, keys in there.items() if ns[:n] == prefix for key, version in keys.items()]
        places: dict[int, Place] = {version.seqs[-1]: (ns, key, version.created) for ns, key, version in keys}

        def fits(value: Mapping[str, Any]) -> bool:
            return all(_fits(value.get(name), condition) for name, condition in (op.filter or {}).items())

        scores = self._scores(op.query, places, fits, many) if op.query else {}
        others = ((seq, item) for seq, item in self._items(places, (seq for seq in places if seq not in scores)) if fits(item.value))
        found = islice(chain(self._items(places, scores), others), op.offset, many)
        return [SearchItem(i.namespace, i.key, i.value, i.created_at, i.updated_at, scores.get(seq)) for seq, i in found]

    def _scores(self, query: str, places: Mapping[int, Place], fits: Callable[[Mapping[str, Any]], bool], k: int) -> dict[int, float]:
        """The k best of these documents that fit, as places of puts with their scores, best first."""

        def wanted(card: Card) -> bool:
            return card.event.seq in places and fits(envelope(card.event)["value"])

        scopes = {self._scope(namespace) for namespace, _, _ in places.values()}
        found = [(card.event.seq, hit.score) for scope in scopes for card, hit in self._shelf.find(query, scope, wanted, k)]
        best = sorted(dict(sorted(found, key=lambda pair: pair[1])).items(), key=lambda pair: (-pair[1], pair[0]))
        return dict(best[:k])


def _leaves(value: Any) -> list[str]:
    """The texts and numbers in a document, in its order."""
    if isinstance(value, Mapping):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in _leaves(part)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _fits(value: Any, condition: Any) -> bool:
    """Whether a value is equal, holds the same parts, or stands in the relation of $eq $ne $gt $gte $lt $lte."""
    if isinstance(condition, Mapping) and any(name.startswith("$") for name in condition):
        for name in condition:
            if name.removeprefix("$") not in ("eq", "ne", "gt", "gte", "lt", "lte"):
                raise UsageError(f"there is no filter operator {name!r}; there are $eq, $ne, $gt, $gte, $lt and $lte")
        return all(OPERATORS[name.removeprefix("$")](value, other) for name, other in condition.items())
    if isinstance(condition, Mapping):
        return isinstance(value, Mapping) and all(_fits(value.get(name), part) for name, part in condition.items())
    if isinstance(condition, (list, tuple)):
        return isinstance(value, list) and len(value) == len(condition) and all(map(_fits, value, condition))
    return value == condition


def _listed(op: ListNamespacesOp, namespaces: Iterable[Namespace]) -> list[Namespace]:
    found = [ns for ns in namespaces if all(_matches(condition, ns) for condition in op.match_conditions or ())]
    return sorted({ns[: op.max_depth] for ns in found})[op.offset : op.offset + op.limit]


def _matches(condition: MatchCondition, namespace: Namespace) -> bool:
    path, ends = tuple(condition.path), namespace
    if condition.match_type == "suffix":
        path, ends = path[::-1], namespace[::-1]
    return len(path) <= len(ends) and all(part in ("*", its) for part, its in zip(path, ends))
