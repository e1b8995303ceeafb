"""The memory as one person may look at it: a `Grant`, and what a page shows beyond the door's verbs."""

from collections.abc import Collection
from datetime import UTC, datetime

from clew import recall as recalling
from clew.disposal import PATIENCE
from clew.engine import Clew
from clew.errors import NotFound
from clew.fold import Folder
from clew.serve.access import LOCAL, Access, Principal
from clew.serve.grant import Grant
from clew.serve.keys import Key
from clew.storage.draft import Draft
from clew.storage.shapes import Only
from clew.storage.view import Generation, Part
from clew.types import Event, Hit, Memory, Query, Scope


class Sight(Grant):
    """Errors are those of `Grant`; what is not the principal's does not exist here either."""

    def __init__(self, clew: Clew, access: Access, who: Principal) -> None:
        super().__init__(clew, access, who)
        self.writable = not clew.database.readonly
        self.keyless = who is LOCAL

    def recipes(self) -> list[str]:
        """The memory systems that can be asked here, the default one first."""
        self.who.needs("tools")
        return list(self._clew._views.recipes)

    def head(self) -> int:
        """The place of the newest event that the principal may know of; 0 where there is none."""
        if self.who.user is None:
            return self._clew.log.head()
        return next((event.seq for event in self.latest(limit=1)), 0)

    def latest(self, *, before: int | None = None, limit: int = 50, user: str | None = None, session: str | None = None) -> list[Event]:
        """The newest events below a place, in the order of the log: for curators."""
        self.who.needs("events")
        scope, last = self.who.scope(user, None, session), (before or self._clew.log.head() + 1) - 1
        reach = limit
        while True:  # other scopes' events may lie between
            found = list(self._clew.log.read(max(0, last - reach), scope, until=last))
            if len(found) >= limit or reach >= last:
                return found[-limit:]
            reach *= 8

    def said(self, seqs: Collection[int]) -> list[Event]:
        """Events by their places, in order; NotFound where one is somebody else's or there is none: for curators."""
        self.who.needs("events")
        found = self._clew.log.select(f"seq IN ({','.join(map(str, sorted(set(seqs))))}) ORDER BY seq", ())
        mine = {e.seq: e for e in found if self.who.user in (None, e.scope.user)}
        for seq in seqs:
            if seq not in mine:
                raise NotFound(f"there is no event {seq} in the log")
        return list(mine.values())

    def made(self, event: Event) -> list[tuple[str, Memory]]:
        """(recipe, memory): what an event became, as it is now, in each memory system: for curators."""
        self.who.needs("events")
        found = []
        for name in self.recipes():
            view = self._looking(name, event.scope, event.seq)
            made = [m.id for m in view.opened_by(event.seq, event.seq) if self._theirs([m])] if view is not None else ()
            found += [(name, self._clew.get(id)) for id in made]
        return found

    def newest(self, user: str | None, recipe: str | None, k: int) -> list[Memory]:
        """The newest memories of a user in a memory system, oldest first; `memories` reads all there are."""
        self.who.needs("memories")
        scope = self.who.scope(user)
        folder, parts = self._reached(recipe or self._clew._default, scope)
        only = Only(*recalling.numbers(folder, scope))
        found = [m for part in parts for m in folder.view.draft(part, part.cursor, only).recent(k)]
        allowed = recalling.permitted(folder, Query("", scope), parts, found)
        return [m for m, may in zip(found, allowed, strict=True) if may][-k:]

    def derived(self, id: str) -> list[Memory]:
        """The memories that were concluded from that one, as they are now, oldest first."""
        memory = self._seen("get", id)
        generation = self._clew._found(id)[1]
        if generation.recipe not in self.recipes():
            return []
        view = self._looking(generation.recipe, self._clew._home(memory, generation))
        return [m for m in view.derived(id) if self._theirs([m])] if view is not None else []

    def recipe_of(self, id: str) -> str:
        """The memory system that a memory is of."""
        self._seen("get", id)
        return self._clew._found(id)[1].recipe

    def beside(self, generation: int, text: str, *, user: str | None = None, k: int = 5, as_of: int | None = None) -> list[Hit]:
        """What one generation of a recipe's views answers, whether it serves or not; as it is, nothing is caught up. For admins."""
        self.who.whole("generations")
        found = self.generation(generation)
        views = self._clew._views
        query = self._clew._query(text, self.who.scope(user), k, None, None, as_of, (), None)
        return recalling.recall(views._folder(found, views.recipe(found.recipe)), query, 0.0, True)[0]

    def generation(self, number: int) -> Generation:
        """A generation by its number; NotFound where there is none. For admins."""
        found = next((g for g in self.generations() if g.id == number), None)
        if found is None:
            raise NotFound(f"there is no generation {number}; the status page lists them")
        return found

    def readers(self, memory: Memory) -> list[Key]:
        """The keys in force that a memory can be seen with: for admins."""
        now = datetime.now(UTC)
        keys = [key for key in self.keys().all() if key.expires is None or key.expires > now]
        return [key for key in keys if Sight(self._clew, self._access, Principal(key.name, key.role, key.user))._shown(memory)]

    def _reached(self, recipe: str, scope: Scope) -> tuple[Folder, list[Part]]:
        """A recipe's serving view, and the partitions of it that a question of a scope reads, caught up."""
        folder = self._clew._views.serving(recipe)
        return folder, recalling.caught_up(folder, scope, PATIENCE, self._clew._views.frozen(folder))

    def _looking(self, recipe: str, scope: Scope, seq: int | None = None) -> Draft | None:
        """The partition of a recipe's serving view that events of a scope fall into, to be read as it is or as of a place; None
        where it has none."""
        folder, parts = self._reached(recipe, scope)
        part = next((part for part in parts if part.key == recalling.keys(folder, scope)[0]), None)
        return None if part is None else folder.view.draft(part, part.cursor if seq is None else seq)
