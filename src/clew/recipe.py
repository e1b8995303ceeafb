"""What a recipe is, where it lies, and the prompts beside it.

A recipe is a value: operators and declarations. Built-ins lie in `clew.recipes`, one module a system with a `recipe`
in it; other packages offer theirs under the entry point group `clew.recipes`. Both are found by name.
"""

import hashlib
import importlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clew import guard, maintenance
from clew.context import Context
from clew.errors import NotFound, UsageError
from clew.models import entry_points
from clew.types import Event, Hit, Memory, Query, Shares

CONTENT = frozenset({"message", "observation", "action", "document"})
GROUP = "clew.recipes"
_PROMPT = re.compile(r"^## ([a-z0-9_]+)\s*$", re.MULTILINE)
_HEADER = re.compile(r"(?:^| {3,})([A-Z][a-z]+): +((?:(?! {3,}[A-Z][a-z]+: ).)*(?:\n {6,}.*)*)", re.MULTILINE)
_SWITCH = re.compile(r"-(?P<off>[a-z]\w*)|(?P<name>[a-z]\w*)=(?P<value>[^,\]]+)")


def keep(memories: Sequence[Memory], ctx: Context) -> Sequence[Memory]:
    """The `store` of recipes that write what they encode."""
    return memories


def plain(memory: Memory) -> str:
    """The `indexed` of recipes whose memories are searched by their text alone."""
    return memory.text


def untraited(memory: Memory) -> int:
    """The `traits` of recipes that rank by other things."""
    return 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One memory system as values: what it makes of events (formation, evolution) and how it finds (retrieval)."""

    name: str
    encode: Callable[[Sequence[Event], Context], Sequence[Memory]]
    retrieve: Callable[[Query, Context], Sequence[Hit]]
    store: Callable[[Sequence[Memory], Context], Sequence[Memory]] = keep
    manage: Callable[[Context], Sequence[Memory]] | None = None
    answer: Callable[[Query, Sequence[Hit], Context], str] | None = None
    window: Callable[[Query, Context], Sequence[Mapping[str, Any]]] | None = None  # a session as messages for a chat API
    tools: Mapping[str, Callable[..., Any]] = field(
        default_factory=dict, hash=False
    )  # typed, with a docstring; the last parameter is `ctx`
    edits: frozenset[str] = frozenset()  # tools that change memory: they give memories, one of kind "reply"; a call is an event
    on: frozenset[str] = CONTENT  # event kinds it subscribes to
    shares: Shares = "user"
    forms: tuple[str, ...] = ("token",)
    functions: tuple[str, ...] = ("factual",)
    needs: frozenset[str] = frozenset()  # "ask", "judge": models without which it cannot fold
    asks: frozenset[str] = frozenset()  # "retrieve", "answer": stages that ask a model, so that such a recall is an event;
    #   "fold": asks one where one is connected, and goes on without where none is
    indexed: Callable[[Memory], str] = plain  # the text that is searched and embedded; a pure function
    traits: Callable[[Memory], int] = untraited  # a small number kept beside each memory for ranking; a pure function
    embeds: frozenset[str] | None = None  # memory kinds that get a vector; None is all, empty is none
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)  # hyper-parameters; `variant` changes them by name
    rederive: Callable[[Memory, Context], Memory | None] | None = None  # a suspect memory anew from its premises; None: it falls
    unsupported: bool = False  # its reader is asked too where no hit supports an answer: it may have one of its own, with support 0
    guarded: bool = True  # instructions found in data are kept from it until somebody approves them; False only for controls
    version: int = 1  # raised with every change of what it makes; a golden test watches
    prompts: Mapping[str, str] = field(default_factory=dict, hash=False)

    def variant(self, label: str, **changes: Any) -> "Recipe":
        """The same recipe under `name[label]` with fields or hyper-parameters changed: an ablation in one line."""
        params = {**self.params, **{k: v for k, v in changes.items() if k in self.params}}
        fields = {k: v for k, v in changes.items() if k not in self.params}
        unknown = [k for k in fields if k not in self.__slots__]
        if unknown:
            raise UsageError(
                f"{self.name} has no field or parameter {unknown[0]!r}; parameters are {', '.join(sorted(self.params)) or 'none'}"
            )
        return replace(self, name=f"{self.name}[{label}]", params=params, **fields)

    @property
    def asked(self) -> frozenset[str]:
        """The models that folding asks, whether it needs them or not."""
        return self.needs | ({"ask"} if "fold" in self.asks else set())

    def declared(self, models: Mapping[str, str]) -> dict[str, Any]:
        """What its views depend on; its hash is the fingerprint of a generation."""
        used = {name: models[name] for name in ("embed", *(("count",) if self.window else ()), *sorted(self.asked)) if name in models}
        made = (self.encode, self.store, self.manage, self.indexed, self.traits, self.rederive, *(self.tools[name] for name in self.edits))
        operators = sorted({_operator(self.name, f) for f in made if f is not None})
        return {
            "recipe": self.name,
            "engine": [maintenance.VERSION, guard.VERSION if self.guarded else 0],
            "version": self.version,
            "shares": self.shares,
            "on": sorted(self.on),
            "models": used,
            "params": {k: repr(v) for k, v in sorted(self.params.items())},
            "operators": operators,
            "embeds": None if self.embeds is None else sorted(self.embeds),
            "prompts": {k: hashlib.sha256(v.encode()).hexdigest()[:16] for k, v in sorted(self.prompts.items())},
        }

    def fingerprint(self, models: Mapping[str, str]) -> str:
        """Sixteen hex digits that change whenever its views would."""
        return hashlib.sha256(json.dumps(self.declared(models), sort_keys=True).encode()).hexdigest()[:16]


def _operator(recipe: str, f: Callable[..., Any]) -> str:
    """An operator's name and its module's version, the same in every process; UsageError for a callable that has no name of its own."""
    name = getattr(f, "__qualname__", None)
    if name is None:
        raise UsageError(f"the recipe {recipe!r} has an operator without a name, {f!r:.80}; write a function around it (def ...)")
    module = sys.modules.get(str(f.__module__))  # None: the code was executed, or loaded from a file, outside of any known module
    return f"{f.__module__}.{name}@{getattr(module, 'VERSION', 0)}"


def prompts(module_file: str) -> dict[str, str]:
    """The prompts beside a recipe's module: the `## name` sections of the Markdown file with the same stem."""
    path = Path(module_file).with_suffix(".md")
    if not path.exists():
        raise NotFound(f"the prompts of {Path(module_file).stem} should lie in {path}")
    parts = _PROMPT.split(path.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def load(name: str) -> Recipe:
    """The recipe of that name: a built-in, or another package's entry point. Raises NotFound with the names there are.

    Its mechanisms can be switched by name: `a_mem[-links]` has them off, `a_mem[link_k=3,-evolution]` a parameter changed too.
    """
    base, bracket, switches = name.partition("[")
    if base.isidentifier() and importlib.util.find_spec(f"{GROUP}.{base}"):
        found = importlib.import_module(f"{GROUP}.{base}").recipe
    else:
        points = [p for p in entry_points(GROUP) if p.name == base]
        if not points:
            raise NotFound(f"no recipe is called {name!r}; there are {', '.join(sorted(names()))}")
        found = points[0].load()
    return found.variant(switches.removesuffix("]"), **switched(found, switches.removesuffix("]"))) if bracket else found


def switched(recipe: Recipe, text: str) -> dict[str, Any]:
    """The parameters that `-links,link_k=3` changes: off (False, or 0 of a number) or a JSON value; UsageError for others."""
    changes: dict[str, Any] = {}
    for part in text.split(","):
        match = _SWITCH.fullmatch(part.strip())
        name = (match["off"] or match["name"]) if match else ""
        if match is None or name not in recipe.params:
            known = ", ".join(sorted(recipe.params)) or "none"
            raise UsageError(f"{recipe.name}[{text}]: {part!r} is not -NAME or NAME=VALUE of a parameter; {recipe.name} has {known}")
        held = recipe.params[name]
        changes[name] = type(held)() if match["off"] else _value(match["value"])
        if isinstance(held, (bool, int, float)) and not isinstance(changes[name], (bool, int, float)):
            raise UsageError(f"{recipe.name}[{text}]: {name} is {held!r} by default, so a number or true or false; got {changes[name]!r}")
    return changes


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # a word without quotes


def names() -> dict[str, Path | None]:
    """The names of every recipe there is, with the built-ins' files; nothing is imported."""
    folder = Path(__file__).parent / "recipes"
    found: dict[str, Path | None] = {p.stem: p for p in sorted(folder.glob("*.py")) if not p.stem.startswith("_")}
    return {**{p.name: None for p in entry_points(GROUP)}, **found}


def header(path: Path) -> dict[str, str]:
    """A recipe's header facts (title, Paper, Code, Forms, Functions, Differs, Results, ...), read without importing it.

    They stand at the top of its module, and what does not fit there above the prompts beside it.
    """
    title, _, rest = path.read_text(encoding="utf-8").split('"""')[1].strip().partition("\n")
    if path.with_suffix(".md").exists():
        rest += "\n" + _PROMPT.split(path.with_suffix(".md").read_text(encoding="utf-8"))[0]
    return {"Title": title, **{key: " ".join(value.split()) for key, value in _HEADER.findall(rest)}}
