"""Which views there are, which are stale, and how a new one is built beside the old and takes its place."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from clew.desk import Desk
from clew.errors import ModelUnavailable, NotFound, UsageError
from clew.fold import FOLDED, TAKEN, Folder
from clew.models import Budget, Embedder
from clew.models.static import Static
from clew.recipe import Recipe, load
from clew.storage.log import Log
from clew.storage.shapes import Indexing
from clew.storage.view import Generation, Part, View, generations, new_generation, set_state

SWEEP = 5000  # events offered to partitions at a time
Progress = Callable[[int, int], None]  # (events done, events in all)


class Generations:
    """The recipes of one Clew and their views."""

    def __init__(self, log: Log, desk: Desk, recipes: Sequence[str | Recipe]) -> None:
        self.log, self.desk = log, desk
        self.recipes: dict[str, Recipe] = {}
        self._folders: dict[str, Folder] = {}
        self._static = Static()
        self._fingerprints: dict[tuple[str, frozenset[tuple[str, str]]], str] = {}
        for given in recipes:
            self.add(given)

    def add(self, given: str | Recipe) -> Recipe:
        """Make a recipe known by name; its views are opened when they are first used."""
        recipe = load(given) if isinstance(given, str) else given
        self.recipes[recipe.name] = recipe
        self._fingerprints.clear()
        return recipe

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name among those this Clew was opened with."""
        if name not in self.recipes:
            raise NotFound(
                f"this Clew was not opened with a recipe {name!r}; it has {', '.join(self.recipes)}: Clew(path, recipes=[{name!r}])"
            )
        return self.recipes[name]

    def report(self) -> list[dict[str, Any]]:
        """Every generation with its state, staleness, backlog (events), sizes, and what it waits for."""
        head, found = self.log.head(), []
        for generation in self.all():
            parts = self.view(generation, self.recipes.get(generation.recipe)).parts()
            found.append(
                {
                    "recipe": generation.recipe,
                    "generation": generation.id,
                    "state": generation.state,
                    "fingerprint": generation.fingerprint,
                    "stale": self.stale(generation),
                    "swept": generation.swept,
                    "backlog": head - generation.swept,
                    "partitions": len(parts),
                    "versions": sum(p.slots for p in parts),
                    "waiting": sorted({p.waiting for p in parts if p.waiting}),
                }
            )
        return found

    # -- serving ------------------------------------------------------------------------------------------------

    def all(self, name: str | None = None) -> list[Generation]:
        """Every generation (of a recipe) in the file, oldest first."""
        return generations(self.log, name)

    def serving(self, name: str) -> Folder:
        """The view that answers for a recipe, with its cursor; the first use opens one."""
        folder = self._folders.get(name)
        if folder is not None and not self._moved(folder):
            return folder
        recipe = self.recipe(name)
        current = next((g for g in self.all(name) if g.state == "serving"), None)
        if current is not None and not self.log.database.readonly and self.stale(current) and not self._used(current):
            self.view(current, recipe).clear()  # a model was connected before anything was folded
            current = None
        if current is None:
            current = self._open(recipe, "serving")
        self._folders[name] = folder = self._folder(current, recipe)
        return folder

    def _moved(self, folder: Folder) -> bool:
        with self.log.database.snapshot() as c:
            return c.execute("SELECT state FROM generation WHERE id=?", (folder.view.generation.id,)).get != "serving"

    def _used(self, generation: Generation) -> bool:
        with self.log.database.snapshot() as c:
            return c.execute("SELECT 1 FROM partition WHERE generation=? AND ordinal > 0 LIMIT 1", (generation.id,)).get is not None

    def stale(self, generation: Generation) -> bool:
        """True when its recipe, prompts, operators or models are no longer those it was built with: it is served frozen."""
        recipe = self.recipes.get(generation.recipe)
        return recipe is None or self._fingerprint(recipe, {**generation.declared["models"], **self.desk.names}) != generation.fingerprint

    def _fingerprint(self, recipe: Recipe, models: Mapping[str, str]) -> str:
        """The recipe's fingerprint with these models, worked out once: it is asked for at every recall."""
        key = recipe.name, frozenset(models.items())
        if key not in self._fingerprints:
            self._fingerprints[key] = recipe.fingerprint(models)
        return self._fingerprints[key]

    def frozen(self, folder: Folder) -> bool:
        """Whether nothing is folded into a serving view: it is stale, or the file cannot be written to."""
        return self.log.database.readonly or self.stale(folder.view.generation)

    def _open(self, recipe: Recipe, state: str) -> Generation:
        embedder = self.desk.models.embedder
        declared = {**recipe.declared(self.desk.names), "dims": embedder.dims, "space": embedder.space}
        return new_generation(self.log, recipe.name, self._fingerprint(recipe, self.desk.names), declared, recipe.shares, state)

    def _folder(self, generation: Generation, recipe: Recipe, desk: Desk | None = None) -> Folder:
        return Folder(self.log, self.view(generation, recipe), recipe, desk or self.desk)

    def view(self, generation: Generation, recipe: Recipe | None) -> View:
        """The view of a generation; without its recipe it can be read by id and removed, not searched."""
        on = (recipe.on if recipe else frozenset()) | {"edit"}
        declared = generation.declared
        indexing = Indexing(recipe.indexed, recipe.traits, recipe.embeds) if recipe else Indexing()
        embed = partial(self._embed, self.embedder(declared["space"]), declared["dims"])
        return View(self.log, generation, on, declared["space"], declared["dims"], embed, indexing)

    def embedder(self, space: str) -> Embedder | None:
        """The embedder of a space: the one connected, or the built-in one; None where neither is of that space."""
        return next((e for e in (self.desk.models.embedder, self._static) if e.space == space), None)

    def _embed(self, embedder: Embedder | None, dims: int, part: Part, keep: bool, texts: Sequence[str]) -> np.ndarray:
        if embedder is None:
            return np.zeros((len(texts), dims), np.int8)  # a frozen view without its embedder is searched by words alone
        if embedder.exact or not keep:
            return reached(embedder, texts)
        macs = [hashlib.blake2b(part.mark + text.encode(), key=self.log.database.secret, digest_size=16).digest() for text in texts]
        kept = self.desk.answers.vectors(part.mark, embedder.space, macs)
        missing = list({mac: i for i, mac in enumerate(macs) if mac not in kept}.values())
        if missing:
            codes = reached(embedder, [texts[i] for i in missing])
            new = {macs[i]: codes[row].tobytes() for row, i in enumerate(missing)}
            self.desk.answers.keep_vectors(part.mark, embedder.space, part.cursor, new)
            kept |= new
        return np.stack([np.frombuffer(kept[mac], np.int8) for mac in macs])

    # -- catching up --------------------------------------------------------------------------------------------

    def catch_up(self, folder: Folder, deadline: float | None = None, until: int | None = None, progress: Progress | None = None) -> str:
        """Offer the log to every partition of a view; folded, pending, or the first reason why one waits."""
        if self.log.database.readonly or (folder.view.generation.state == "serving" and self.stale(folder.view.generation)):
            return "frozen"
        state, head, erasures = FOLDED, self.log.head(), folder.view.erasures()
        for part in folder.view.parts(waiting=True):
            found = folder.catch_up(part.key, deadline, until)
            state = state if found == FOLDED or state == TAKEN else found
        for last, keys in folder.view.swept(SWEEP):
            for key in keys:
                found = folder.catch_up(key, deadline, until)
                if found == "pending":
                    return found
                state = state if found == FOLDED or state == TAKEN else found
            if state != TAKEN:  # it may be killed before it is done
                folder.view.sweep_to(last, erasures)
            if progress:
                progress(last, head)
        return state

    # -- generations --------------------------------------------------------------------------------------------

    def rebuild(self, name: str, ask: Budget | None = None, promote: bool = True, progress: Progress | None = None) -> Generation:
        """Replay the whole log into a new generation; without `ask` no model is called and a missing answer is a ReplayMiss.

        A rebuild under an unchanged fingerprint replaces the old one, which it must equal; otherwise the old one is kept.
        """
        recipe = self.recipe(name)
        old = next((g for g in self.all(name) if g.state == "serving"), None)
        for left in [g for g in self.all(name) if g.state == "building"]:
            self.view(left, recipe).clear()  # an earlier rebuild that did not end
        names = {**(old.declared["models"] if old else {}), **self.desk.names}
        desk = replace(self.desk, names=names, replay=ask is None, budget=ask or self.desk.budget)
        declared = {**recipe.declared(names), "dims": self.desk.models.embedder.dims, "space": self.desk.models.embedder.space}
        new = new_generation(self.log, name, recipe.fingerprint(names), declared, recipe.shares, "building")
        folder = self._folder(new, recipe, desk)
        state = self.catch_up(folder, progress=progress)
        if state != FOLDED:
            raise UsageError(f"the rebuild of {name} stopped and lies beside the old one as generation {new.id}: {state}")
        set_state(self.log, [new.id], "frozen")  # whole, and not the one that answers yet
        if promote:
            self.promote(name, new.id)
            if old is not None and old.fingerprint == new.fingerprint:
                self.view(old, recipe).clear()
        return next(g for g in self.all(name) if g.id == new.id)

    def promote(self, name: str, generation: int) -> None:
        """Let that generation answer for the recipe from now on; the one that did is frozen and can be promoted back."""
        mine = {g.id: g for g in self.all(name)}
        if generation not in mine:
            raise NotFound(f"{name} has no generation {generation}; it has {', '.join(map(str, mine)) or 'none'}")
        if mine[generation].state == "building":
            raise UsageError(f"generation {generation} of {name} is not whole yet; rebuild({name!r}) again")
        with self.log.database.write():
            set_state(self.log, [g.id for g in mine.values() if g.state == "serving"], "frozen")
            set_state(self.log, [generation], "serving")
        self._folders.pop(name, None)

    def diff(self, name: str, one: int, other: int) -> Iterator[tuple[str, tuple[object, ...]]]:
        """Rows of the canonical dumps that only one of two generations has: ("-", row) of one, ("+", row) of the other."""
        mine = {g.id: g for g in self.all(name)}
        for wanted in (one, other):
            if wanted not in mine:
                raise NotFound(f"{name} has no generation {wanted}; it has {', '.join(map(str, mine)) or 'none'}")
        recipe = self.recipes.get(name)
        first, second = set(self.view(mine[one], recipe).dump()), set(self.view(mine[other], recipe).dump())
        yield from (("-", row) for row in sorted(first - second, key=repr))
        yield from (("+", row) for row in sorted(second - first, key=repr))

    def drop(self, name: str, generation: int) -> None:
        """Remove a generation that does not serve."""
        found = next((g for g in self.all(name) if g.id == generation), None)
        if found is None:
            raise NotFound(f"{name} has no generation {generation}")
        if found.state == "serving":
            raise UsageError(f"generation {generation} answers for {name}; promote another one before dropping it")
        self.view(found, self.recipes.get(name)).clear()


def reached(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """The embedder's vectors; ModelUnavailable where its connection broke: the work waits, and no event is passed over for it."""
    try:
        return embedder.embed(texts)
    except (ConnectionError, TimeoutError) as error:
        raise ModelUnavailable(f"the embedder {embedder.space} was not reached: {error!r}", after=5.0) from error
