"""The peers in the lifecycle benchmark: the adapters of `clew.arena.peers`, with each system's own update and delete beside them.

They answer with texts; none has a door for statuses, for what a memory rests on, for times, or for older states.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clew.arena.lifecycle_lives import ACTIVE, GONE, Heard, K, Life
from clew.arena.lifecycle_script import Ask, Do, Say
from clew.arena.peers import NAMES, peer
from clew.models import Models

MANY = 100_000
REMOVING = ("retire", "retract", "forget events")  # all that a peer knows of these is to delete


class PeerLiving:
    """A peer by name, with our embedder."""

    def __init__(self, name: str, models: Models | None = None) -> None:
        self.system = peer(name, (models or Models()).embedder)
        self.kind, self.name, self.about = name, self.system.name, self.system.about
        self.doors = frozenset({*REMOVING, "revise", "forget user"}) | ({"forget matching"} if name == "chroma" else set())

    def open(self, folder: Path) -> Life:
        """The adapter's memory, with the doors of its kind."""
        return KINDS[self.kind](self.system.open(folder))


def peers(models: Models | None = None) -> list[PeerLiving]:
    """All of them."""
    return [PeerLiving(name, models) for name in NAMES]


class Adapted:
    """What every peer's life has in common: things are said through its adapter, and a time stands in the question's words."""

    answers = False

    def __init__(self, opened: Any) -> None:
        self.opened = opened

    def say(self, said: Say) -> None:
        """Add it; mem0 does so without inference."""
        self.opened.remember([_event(said)])

    def hear(self, ask: Ask) -> Heard:
        """The nearest texts."""
        found = self.opened.find(ask.spoken or ask.text, ask.at, K, ask.user)
        return Heard(found.texts, found.seconds)

    def close(self) -> None:
        """As the adapter does."""
        self.opened.close()


class ChromaLife(Adapted):
    """Chroma: `delete` by id, by user and by `where_document`, `update` by id."""

    def __init__(self, opened: Any) -> None:
        super().__init__(opened)
        self.users = dict[str, str]()

    def do(self, deed: Do) -> bool:
        """By the collection's own calls."""
        rows = self.opened.rows
        if deed.what in REMOVING:
            rows.delete(ids=list(deed.keys))
        elif deed.what == "revise":
            self.revise(deed.keys[0], deed.text, deed.user)
        elif deed.what == "forget user":
            rows.delete(where={"user": deed.user})
        elif deed.what == "forget matching":
            rows.delete(where={"user": deed.user}, where_document={"$contains": deed.text})
        else:
            return False
        return True

    def revise(self, key: str, text: str, user: str) -> None:
        """The text, and the vector that belongs to it."""
        self.opened.rows.delete(ids=[key])
        self.opened.remember([{"key": key, "content": text, "user": user}])

    def hear(self, ask: Ask) -> Heard:
        """The nearest texts; an empty collection cannot be asked."""
        return super().hear(ask) if self.opened.rows.count() else Heard(())

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """There or not."""
        found = set(self.opened.rows.get(ids=list(keys))["ids"]) if keys else set()
        return {key: ACTIVE if key in found else GONE for key in keys}

    def listing(self, user: str) -> list[str]:
        """The user's documents."""
        return list(self.opened.rows.get(where={"user": user})["documents"] or [])


class LangGraphLife(Adapted):
    """LangGraph's store: `delete` and `put` by namespace and key; a user is a namespace, deleted key by key."""

    def do(self, deed: Do) -> bool:
        """By the store's own calls."""
        store, space = self.opened.store, ("memory", deed.user)
        if deed.what in REMOVING:
            for key in deed.keys:
                store.delete(space, key)
        elif deed.what == "revise":
            store.put(space, deed.keys[0], {"text": deed.text, "at": ""})
        elif deed.what == "forget user":
            for item in store.search(space, limit=MANY):
                store.delete(space, item.key)
        else:
            return False
        return True

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """There or not."""
        return {key: ACTIVE if self.opened.store.get(("memory", user), key) is not None else GONE for key in keys}

    def listing(self, user: str) -> list[str]:
        """The texts of the user's namespace."""
        return [item.value["text"] for item in self.opened.store.search(("memory", user), limit=MANY)]


class Mem0Life(Adapted):
    """mem0: `delete` and `update` by id, `delete_all` by user."""

    def _rows(self, user: str) -> list[dict[str, Any]]:
        return self.opened.memory.get_all(filters={"user_id": user}, top_k=MANY)["results"]

    def do(self, deed: Do) -> bool:
        """By the memory's own calls."""
        ids = {row["metadata"]["key"]: row["id"] for row in self._rows(deed.user)}
        if deed.what in REMOVING:
            for key in deed.keys:
                self.opened.memory.delete(ids[key])
        elif deed.what == "revise":
            self.opened.memory.update(ids[deed.keys[0]], text=deed.text)
        elif deed.what == "forget user":
            self.opened.memory.delete_all(user_id=deed.user)
        else:
            return False
        return True

    def states(self, user: str, keys: Sequence[str]) -> dict[str, str]:
        """There or not."""
        found = {row["metadata"]["key"] for row in self._rows(user)}
        return {key: ACTIVE if key in found else GONE for key in keys}

    def listing(self, user: str) -> list[str]:
        """The user's memories."""
        return [row["memory"] for row in self._rows(user)]


KINDS: Mapping[str, type[Any]] = {"chroma": ChromaLife, "langgraph_store": LangGraphLife, "mem0_store": Mem0Life}


def _event(said: Say) -> dict[str, Any]:
    role = "assistant" if said.actor == "assistant" else "user"
    return {"key": said.key, "content": said.text, "user": said.user, "at": said.at, "role": role}
