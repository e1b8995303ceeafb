"""Text worlds of Microsoft's TextWorld (PyPI `textworld`, MIT): rooms, things and quests, generated from a seed. Extra `[worlds]`.

    with TextWorld("treasure", seed=3, level=5) as world:
        world.reset()                       # also reset({"world": ..., "seed": ..., "level": ...}); a game not made before takes some 3 s
        page = world.observe()              # title: the room; text: what the game said; elements: the commands possible here
        why = world.act(Action("click", page.elements[0].id))   # or Action("type", text="open chest"): any words
        page = world.step(Action(...))      # both at once; `world.why` has what prevented it
        world.utterance, world.done, world.reward               # the quest; whether it has ended; the share of the score, 1.0 when won

Worlds: treasure (find the thing, levels 1 to 30), coin (a chain of rooms, levels 1 to 300), cooking (find what a recipe names, prepare
it, eat the meal), simple (a house with a long quest), quest (a random house). Options of cooking: recipe, take, go, cook, cut, open; of
quest: rooms, objects, length. Commands are TextWorld's admissible ones, in alphabetical order. No Java, no network.
"""

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clew.errors import MissingExtra, UsageError
from clew.tasks.graph import Action, Element, Page
from clew.tasks.page import page_key

try:
    import textworld
    from textworld.challenges import CHALLENGES
except ImportError as missing:
    raise MissingExtra("worlds", "a text world") from missing

# Each world with the settings that TextWorld's maker of it takes; a caller's options go over them.
WORLDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "treasure": ("tw-treasure_hunter", {"level": 5}),
    "coin": ("tw-coin_collector", {"level": 5}),
    "cooking": (
        "tw-cooking",
        {"recipe": 1, "take": 1, "go": 6, "open": True, "cook": True, "cut": False, "drop": False, "recipe_seed": 0, "split": ""},
    ),
    "simple": ("tw-simple", {"rewards": "balanced", "goal": "detailed", "test": False}),
    "quest": ("", {"rooms": 4, "objects": 8, "length": 4}),
}
SEEN = ("admissible_commands", "objective", "description", "inventory", "won", "lost", "score", "max_score")
ROOM = re.compile(r"-= (.+?) =-")
BANNER = re.compile(r"^.*?(?=\n-= )", re.DOTALL)  # the title drawn in letters, and the objective, before the first room
STATUS = re.compile(r"\n*>?\s*-=[^=\n]*=-\s*-?\d+/\d+\s*$")  # the interpreter's status line


class TextWorld:
    """One game at a time, made from its world, seed and options, and kept in `folder` for the next time."""

    def __init__(self, world: str = "treasure", seed: int = 0, *, folder: str | Path | None = None, **options: Any) -> None:
        self._config: dict[str, Any] = {"world": world, "seed": seed, **options}
        _settings(self._config)
        self._made = tempfile.TemporaryDirectory(prefix="clew-textworld-") if folder is None else None
        self._folder = Path(self._made.name if self._made is not None else str(folder))
        self._game: Any = None
        self._state: Any = None
        self._room = ""
        self.utterance, self.done, self.reward, self.why = "", False, 0.0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def reset(self, config: Mapping[str, Any] | None = None) -> None:
        """The game from its beginning; config may name another world, seed or options."""
        self._config = {**(self._config if "world" not in (config or {}) else {"seed": self._config["seed"]}), **(config or {})}
        if self._game is not None:
            self._game.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that its interpreter knows no score of a game of ours: the game's own file does
            self._game = textworld.start(str(self._file()), textworld.EnvInfos(**dict.fromkeys(SEEN, True)))
            self._state, self.done, self.reward, self.why, self._room = self._game.reset(), False, 0.0, "", ""
        self.utterance = " ".join(str(self._state["objective"]).split())
        self._look(BANNER.sub("", str(self._state["feedback"])))

    def observe(self) -> Page:
        """The room, what the game said last, what is carried, and every command that is possible."""
        commands = [] if self.done else sorted(self._state["admissible_commands"])
        elements = tuple([Element(str(i), "command", c) for i, c in enumerate(commands)])
        carried = " ".join(str(self._state["inventory"]).split())
        return Page(
            page_key(self._room, sorted({c.split()[0] for c in commands})), self._room, elements, f"{self._said}\n{carried}".strip()
        )

    def act(self, action: Action) -> str:
        """Give a command, by the element that stands for it or in words; "" where the game understood, else what it said."""
        self.why = self._act(action)
        return self.why

    def step(self, action: Action) -> Page:
        """Do it and look; `why` has what prevented it, if anything did."""
        self.act(action)
        return self.observe()

    def close(self) -> None:
        """End the game; harmless again."""
        if self._game is not None:
            self._game.close()
            self._game = None
        if self._made is not None:
            self._made.cleanup()

    def _act(self, action: Action) -> str:
        if action.kind not in ("click", "type"):
            raise UsageError(f"a text world has no action {action.kind!r}; it has click (a command) and type (words)")
        if self._game is None:
            raise UsageError("no game is on: reset() first")
        if self.done:
            return "the game has ended"
        commands = sorted(self._state["admissible_commands"])
        if action.kind == "click" and not (action.element.isdigit() and int(action.element) < len(commands)):
            return f"there is no command {action.element!r} here; there are 0 to {len(commands) - 1}"
        command = commands[int(action.element)] if action.kind == "click" else " ".join(action.text.split())
        if not command:
            return "a command needs words"
        self._state, _, _ = self._game.step(command)
        self._look(str(self._state["feedback"]))
        return "" if command in commands else "" if _understood(self._said) else self._said

    def _look(self, said: str) -> None:
        self._said = STATUS.sub("", said).strip()
        if found := ROOM.findall(f"{self._state['description']}\n{self._said}"):
            self._room = found[-1]
        won, lost = bool(self._state["won"]), bool(self._state["lost"])
        self.done = won or lost
        self.reward = 1.0 if won else max(0.0, float(self._state["score"] or 0) / max(1, self._state["max_score"] or 1))

    def _file(self) -> Path:
        """The compiled game, made where it is not there yet."""
        name, maker, settings = _settings(self._config)
        words = "-".join([name, str(self._config["seed"]), *[f"{k}{v}" for k, v in sorted(settings.items()) if v is not None]])
        path = self._folder / (re.sub(r"[^\w-]", "", words) + ".z8")
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            options = textworld.GameOptions()
            options.seeds, options.path = int(self._config["seed"]), str(path)
            if maker:
                game = CHALLENGES[maker][1](settings, options)
            else:
                options.nb_rooms, options.nb_objects, options.quest_length = settings["rooms"], settings["objects"], settings["length"]
                game = textworld.generator.make_game(options)
            with contextlib.redirect_stdout(io.StringIO()):  # Inform talks
                textworld.generator.compile_game(game, options)
        return path


def environment(config: Mapping[str, Any]) -> TextWorld:
    """The world, seed and options that the configuration names."""
    return TextWorld(
        config.get("world", "treasure"), config.get("seed", 0), **{k: v for k, v in config.items() if k not in ("world", "seed")}
    )


def _settings(config: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    name = config["world"]
    if name not in WORLDS:
        raise UsageError(f"there is no text world {name!r}; there are {', '.join(WORLDS)}")
    maker, known = WORLDS[name]
    given = {k: v for k, v in config.items() if k not in ("world", "seed")}
    if unknown := [k for k in given if k not in known]:
        raise UsageError(f"the text world {name} has no option {unknown[0]!r}; it has {', '.join(known)}")
    return name, maker, {**known, **given}


def _understood(said: str) -> bool:
    return not re.match(r"(That's not a verb|You can't see any such|I only understood|I didn't understand|What do you want)", said)
