"""A reading that also takes the writes of operators: drafts of several events stack in memory until they land together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from clew.errors import RecipeError
from clew.storage import rows
from clew.storage.answers import Given
from clew.storage.index import NEVER, SHELF, Index, Lost
from clew.storage.log import Log, micros
from clew.storage.reading import Embed, Reading
from clew.storage.schema import SLOT_BITS
from clew.storage.shapes import Indexing, Only, nodes
from clew.storage.terms import terms
from clew.types import ENDED, Memory


class Draft(Reading):
    """While folding: what was written is seen at once, and can be taken back to a mark."""

    def __init__(self, log: Log, index: Index, embed: Embed, indexing: Indexing, seq: int | None = None, only: Only | None = None) -> None:
        super().__init__(log, index, embed, indexing, seq, only)
        self.rows: list[tuple[Any, ...]] = []  # `added` as rows, in slot order
        self.closings: list[tuple[int, int, str]] = []  # slot, seq, why
        self.asked: list[Given] = []  # answers that would be given again word for word, kept together when the draft lands
        self.known: dict[int, tuple[int, int]] = {}  # events met: length of the text, trust
        self._numbers: dict[str | None, int | None] = {None: None}

    def write(self, memories: Sequence[Memory], seq: int) -> None:
        """Take memories in: a new id is added, a known one gets a new version, a retired one ends."""
        with self.index.lock, self.log.database.snapshot() as c:
            self._look(c)
            for given in memories:
                memory = rows.normal(given)
                old = None if self.fresh(memory) else self._slot(c, memory.id)
                gone = memory.retired is not None and memory.retired not in ENDED
                if old is None and gone:
                    raise RecipeError(f"memory {memory.id} is to be retired as {memory.retired} but does not exist here")
                if old is not None:
                    before = self._at(c, old)
                    if replace(memory, opened=before.opened, rests=before.rests) == before:
                        continue  # nothing changed: no version
                    self.index.close(old, seq)
                    self.closings.append((old, seq, memory.retired if gone and memory.retired else "revised"))
                    self._current.pop(memory.id, None)
                if not gone:
                    self._add(c, memory, seq)

    def _add(self, c: Any, memory: Memory, seq: int) -> None:
        index, shape = self.index, self._indexing
        hidden = SHELF[memory.status] > 1  # its words lie in no index
        text, traits = "" if hidden else shape.text(memory), shape.traits(memory)
        slot, words = index.n, terms(text)
        place, id = index.pid << SLOT_BITS | slot, rows.encoded(memory.id)
        scope = memory.scope
        numbers = [self._number(c, name, memory) for name in (scope.user, scope.agent, scope.session, memory.actor)]
        since = None if memory.since is None else micros(memory.since)
        until = None if memory.until is None else micros(memory.until)
        ends = (memory.retired, memory.status, memory.trust, len(words), traits, rows.packed(memory, seq))
        self.rows.append((place, id, memory.kind, memory.text, *numbers, seq, None, None, since, until, *ends))
        held = (-NEVER if since is None else since, NEVER if until is None else until, len(words), traits, memory.kind)
        index.add(((seq, NEVER, *held, *(n or 0 for n in numbers), id, memory.status),))
        index.post(slot, words)
        self.added[slot] = replace(memory, opened=seq, closed=None)
        for node in nodes(memory):
            self._nodes.setdefault(node, []).append(slot)
        self._current[memory.id] = slot
        if shape.embeds is None or shape.embeds:
            self._texts.append(text if not hidden and (shape.embeds is None or memory.kind in shape.embeds) else None)

    def mark(self) -> tuple[int, int]:
        """Where the draft stands (slots, closings), for `undo`."""
        with self.index.lock:
            return self.index.n, len(self.closings)

    def undo(self, mark: tuple[int, int]) -> None:
        """Take back everything written since that mark, so that a failed event leaves nothing behind."""
        n, closings = mark
        with self.index.lock:
            if self._resets != self.index.resets:
                raise Lost("there is nothing left to take back")
            for slot, _, _ in self.closings[closings:]:
                self.index.columns["closed"][slot] = NEVER
            del self.closings[closings:]
            for slot in [s for s in self.added if s >= n]:
                del self.added[slot]
            del self.rows[len(self.added) :]
            self._nodes = {node: [s for s in slots if s < n] for node, slots in self._nodes.items()}
            self._current = {m.id: s for s, m in self.added.items() if self.index.columns["closed"][s] == NEVER}
            self.index.cut(n)
            closed = self.index.columns["closed"][:n]
            self.index.ended = int(closed[closed != NEVER].max(initial=0))  # or `refresh` would pass over what others end there
            del self._texts[max(0, n - max(self.index.embedded, self.index.flushed)) :]

    def _number(self, c: Any, name: str | None, memory: Memory) -> int | None:
        if name not in self._numbers:
            number = self.log.known(c, name)
            if number is None:
                raise RecipeError(f"memory {memory.id} is said to be of {name!r}, a name that no event of the log has")
            self._numbers[name] = number
        return self._numbers[name]
