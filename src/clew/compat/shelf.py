"""What the conventions share: an item is the words of an event with an envelope, shown as the memory that it became."""

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

from clew import Clew, Event, Hit, Memory, NotFound, Receipt, Scope, UsageError
from clew import recall as recalling

ENVELOPE = "compat"  # the key of an event's data under which a convention keeps what is its own
NOTE = "note"  # the kind of event that changes an envelope; no recipe subscribes to it
TOGETHER = 256  # items read from the log at a time
LONG = 3600.0  # seconds that a writer waits for its own words to become memories
AGAIN = 10  # times as many hits are asked for, where a filter left too few of them
Deletes = Literal["forget", "retire"]


def warn(text: str, frames: int = 3) -> None:
    """A warning at the line that called the convention, so many frames up."""
    warnings.warn(text, UserWarning, stacklevel=frames)


def unknown(verb: str, names: Iterable[str], frames: int = 4) -> None:
    """Say which arguments have no effect."""
    if told := ", ".join(sorted(names)):
        warn(f"{verb}() does not know {told}; it had no effect", frames)


def opened(clew: Clew | str | os.PathLike[str], options: Mapping[str, Any]) -> Clew:
    """The Clew given, or one opened at a path with these options."""
    if not isinstance(clew, Clew):
        return Clew(clew, **options)
    if options:
        raise UsageError(f"{next(iter(options))} is for a Clew that is opened here; this one is open")
    return clew


@dataclass(frozen=True, slots=True)
class Card:
    """A memory with the event it came from first, and its envelope as it is now."""

    memory: Memory
    event: Event
    data: Mapping[str, Any]
    updated: datetime  # UTC; when the words or the envelope changed last

    @property
    def created(self) -> datetime:
        """When it happened, UTC."""
        return self.event.at.astimezone(UTC)


class Shelf:
    """A Clew as a place for items. Safe to share among threads, as a Clew is."""

    def __init__(self, clew: Clew, recipe: str | None = None, deletes: Deletes = "forget") -> None:
        if deletes not in ("forget", "retire"):
            raise UsageError(f"deletes is 'forget' (the words go, with a receipt) or 'retire' (they stay in history), got {deletes!r}")
        self.clew, self.recipe, self.deletes = clew, recipe, deletes

    # -- writing ------------------------------------------------------------------------------------------------

    def put(self, messages: Sequence[Mapping[str, Any]], scope: Scope, envelope: Mapping[str, Any], **given: Any) -> list[Memory]:
        """Record messages, each with the envelope, in one transaction; the memories they became, oldest first."""
        data = {ENVELOPE: dict(envelope)}
        done = self.clew.record(list(messages), user=scope.user, agent=scope.agent, session=scope.session, data=data, **given)
        return self.became([seq for seq in done.seqs if seq is not None], scope)

    def became(self, seqs: Sequence[int], scope: Scope) -> list[Memory]:
        """The memories that these events of a scope made or changed, as they are now, once they are folded."""
        if not seqs:
            return []
        folder = self.clew._views.serving(self.recipe or self.clew._default)
        frozen = self.clew._views.frozen(folder)
        parts = recalling.caught_up(folder, scope, LONG, frozen)
        why = "its views are of another version, rebuild() them" if frozen else next((part.waiting for part in parts[:1]), None)
        if why:
            warn(f"it is stored, and {folder.recipe.name} has not taken it in yet: {why}", 5)
        found = {m.id: m for part in parts for m in folder.view.draft(part).opened_by(min(seqs), max(seqs))}
        return [m for m in found.values() if self._shown(m) and m.opened in set(seqs)]

    def note(self, card: Card, envelope: Mapping[str, Any]) -> None:
        """Merge this into a card's envelope; an event, which is forgotten with the memory."""
        s = card.memory.scope
        message = {"data": {ENVELOPE: dict(envelope)}}
        self.clew.record(message, kind=NOTE, user=s.user, agent=s.agent, session=s.session, basis=[card.memory.id])

    def remove(self, *ids: str) -> Receipt | None:
        """Let memories go, words and all, with a receipt; where the shelf only retires, they end as corrected and None is given."""
        if self.deletes == "forget":
            return self.clew.forget(memories=ids)
        for id in ids:
            self.clew.retire(id)
        return None

    def clear(self, scope: Scope) -> Receipt | None:
        """Let everything of a scope go; see `remove`."""
        if self.deletes == "forget":
            return self.clew.forget(user=scope.user, agent=scope.agent, session=scope.session)
        self.remove(*(card.memory.id for card in self.cards(scope)))
        return None

    # -- reading ------------------------------------------------------------------------------------------------

    def card(self, id: str) -> Card:
        """The card of a memory that is there and in sight; NotFound where there is none."""
        memory = self.clew.get(id)
        if not self._shown(memory):
            raise NotFound(f"there is no memory {id!r} any more: it was {memory.retired or memory.status}")
        return self._dressed([memory])[0]

    def cards(self, scope: Scope, where: Callable[[Memory], bool] = lambda memory: True) -> Iterator[Card]:
        """Every item that lies in the scope exactly and fits, oldest first."""
        for user in self._users(scope):
            all_ = self.clew.memories(user=user, agent=scope.agent, session=scope.session, limit=sys.maxsize, recipe=self.recipe)
            mine = (m for m in all_ if self._lies(m, scope, user) and where(m))
            while some := list(islice(mine, TOGETHER)):
                yield from self._dressed(some)

    def find(self, text: str, scope: Scope, wanted: Callable[[Card], bool], k: int, **clocks: Any) -> list[tuple[Card, Hit]]:
        """The k best items of the scope that are wanted, with the hits they are, best first.

        More and more hits are looked at until k are wanted ones, so a filter never hides what lies behind others, nor what
        a recipe shows once because the same was said before.
        """
        found = {pair[0].memory.id: pair for user in self._users(scope) for pair in self._found(text, scope, user, wanted, k, clocks)}
        return sorted(found.values(), key=lambda pair: -pair[1].score)[:k]

    def _found(
        self, text: str, scope: Scope, user: str | None, wanted: Callable[[Card], bool], k: int, clocks: Mapping[str, Any]
    ) -> list[tuple[Card, Hit]]:
        reach, kept, refused, seen = k, list[tuple[Card, Hit]](), dict[Any, Hit](), set[str]()
        while True:
            hits = self.clew.recall(text, user=user, agent=scope.agent, session=scope.session, k=reach, recipe=self.recipe, **clocks)
            new = {h.memory.id: h for h in hits if h.memory.id not in seen and self._lies(h.memory, scope, user)}
            seen |= {*new}
            for card in self._dressed(h.memory for h in new.values()):
                if wanted(card):
                    kept.append((card, new[card.memory.id]))
                else:
                    refused.setdefault(_words(card.memory), new[card.memory.id])
            if len(kept) >= k or len(hits) < reach:
                break
            reach *= AGAIN
        if refused and len(kept) < k:
            same = self.cards(replace(scope, user=user), lambda m: m.id not in seen and _words(m) in refused)
            kept += [(card, replace(refused[_words(card.memory)], memory=card.memory)) for card in same if wanted(card)]
        return kept

    def _lies(self, memory: Memory, scope: Scope, user: str | None) -> bool:
        """Whether a memory is an item of the scope and of that user: what is common to all users is nobody's."""
        return scope.covers(memory.scope) and memory.scope.user == user and self._shown(memory)

    def _users(self, scope: Scope) -> list[str | None]:
        """Whose partitions a scope reads: one user's, or where none is named those of all who have something in it."""
        if scope.user is not None:
            return [scope.user]
        if scope == Scope():
            return [*self.clew.users(), None]
        return list(dict.fromkeys(e.scope.user for e in self.clew.log.read(scope=scope) if not e.forgotten))

    def _shown(self, memory: Memory) -> bool:
        """Whether a memory is an item: of recipes that draw facts by a model the facts, of others the words themselves."""
        made = self.clew._views.recipe(self.recipe or self.clew._default).asked
        hidden = ("turn", "summary", "reply") if made else ("fact",)
        return memory.retired is None and memory.kind not in hidden and memory.status in ("active", "suspect")

    def _dressed(self, memories: Iterable[Memory]) -> list[Card]:
        memories = list(memories)
        first = {m.id: min((s.seq for s in m.sources), default=m.opened or 0) for m in memories}
        events = self.events({*first.values(), *(m.opened or 0 for m in memories)})
        notes = self._notes(memories)
        cards = []
        for m in memories:
            if (event := events.get(first[m.id])) is not None:
                told = [envelope(event), *(envelope(e) for e in notes.get(m.id, ()))]
                last = [*([events[m.opened].at] if m.opened in events else []), *(e.at for e in notes.get(m.id, ()))]
                cards.append(Card(m, event, {k: v for data in told for k, v in data.items()}, max([event.at, *last]).astimezone(UTC)))
        return cards

    def events(self, seqs: Iterable[int]) -> dict[int, Event]:
        """The events at these places, forgotten ones left out."""
        return {e.seq: e for e in self.clew.log.select(f"seq IN ({','.join(map(str, sorted(seqs)))}) AND salt IS NOT NULL", ())}

    def _notes(self, memories: Sequence[Memory]) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        ids = {m.id for m in memories}
        for user in {m.scope.user for m in memories}:
            for e in self.clew.log.select("user IS ? AND kind = ? AND salt IS NOT NULL ORDER BY seq", (self.clew.log.number(user), NOTE)):
                for ref in e.body.get("basis", ()):
                    if ref["id"] in ids:
                        found.setdefault(ref["id"], []).append(e)
        return found


def _words(memory: Memory) -> tuple[str | None, str]:
    """What two memories have in common of which a recipe may show one."""
    return memory.actor, " ".join(memory.text.split()).casefold()


def envelope(event: Event) -> Mapping[str, Any]:
    """What a convention keeps beside the words of an event; empty where another door wrote it."""
    data = event.body.get("data") if isinstance(event.body, Mapping) else None
    found = data.get(ENVELOPE) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else {}
