"""One source at several granularities: whole, by its keywords, by its propositions, by the concepts that these are about.

The finer ones are linked to the whole (its id is their first link) and to each other, and found through their own vectors;
what is given back is the whole. Stores are kept apart by a number beside each memory (`Recipe.traits = store`).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from clew.context import Context
from clew.errors import UsageError
from clew.models import forms
from clew.operators.people import tags
from clew.storage.terms import terms
from clew.types import Hit, Memory, Source

VERSION = 1
KEYWORD, PROPOSITION, CONCEPT = "keyword", "proposition", "concept"  # kinds of memory; `WHOLE` has those of the whole
STORES: Mapping[str, tuple[str, int]] = {"knowledge": ("document", 1), "history": ("message", 2), "feedback": ("feedback", 3)}
WHOLE = tuple(kind for kind, _ in STORES.values())
MODES: Mapping[str, tuple[str, ...]] = {"document": WHOLE, KEYWORD: (KEYWORD,), PROPOSITION: (PROPOSITION,), CONCEPT: (CONCEPT,)}
POOL = 50  # memories of each granularity that a fusion looks at


def store(memory: Memory) -> int:
    """The number of the store that a memory lies in; 0 for none."""
    return STORES.get(memory.data.get("store", ""), ("", 0))[1]


def divided(whole: Memory, ctx: Context, most: int) -> list[Memory]:
    """Keywords, propositions and concepts of one whole; prompts `keywords`, `propositions` and `concepts`, one call each.

    A proposition of which no word stands in the whole is refused; one that stands there word for word has just that span.
    The helper names (concept, perspective) pairs of the propositions it was shown, by their ids; each becomes a memory, and
    the concept's name a node that it and its proposition share with those of other sources.
    """
    shown = f"{whole.actor}: {whole.text}" if whole.actor else whole.text
    words = ctx.ask("keywords", forms.texts(8, 40, means="keywords"), content=shown, cites=[whole], otherwise=[])
    said = ctx.ask("propositions", forms.texts(most, 240, means="sentences"), content=shown, cites=[whole], otherwise=[])
    found = {m.id: m for text in dict.fromkeys(said) if tags.origins(text, [whole]) for m in [part(text, PROPOSITION, whole, [], ctx)]}
    made = [part(", ".join(words), KEYWORD, whole, [], ctx)] if any(words) else []
    if not found:
        return made
    form = forms.records({"id": list(found), "name": 60, "description": 160}, len(found), means="entities")
    for pair in ctx.ask("concepts", form, propositions=list(found.values()), otherwise=[]):
        node, its = "c:" + " ".join(terms(pair["name"])), found[pair["id"]]
        if node != "c:":
            found[its.id] = its.revised(links=tuple(dict.fromkeys((*its.links, node))))
            made.append(part(f"{pair['name']}: {pair['description']}", CONCEPT, whole, [node], ctx, its))
    return [*found.values(), *made]


def part(text: str, kind: str, whole: Memory, links: Sequence[str], ctx: Context, of: Memory | None = None) -> Memory:
    """A finer memory of a whole, or of a part of it: from the words that it repeats, or else from all of them."""
    [span], base = whole.sources, of or whole
    start = whole.text.find(text) if kind == PROPOSITION else -1
    words = Source(span.seq, span.start + start, span.start + start + len(text)) if start >= 0 else base.sources[0]
    near, more = dict.fromkeys((whole.id, base.id, *links)), {"since": whole.since, "trust": whole.trust, "actor": whole.actor}
    return ctx.memory(text, kind=kind, sources=[words], basis=[base], links=near, **more, store=whole.data["store"])


def ranked(vector: np.ndarray, kinds: Sequence[str], name: str, ctx: Context) -> list[Hit]:
    """The wholes of a store by the best cosine of theirs among memories of these kinds; best first, ties by id.

    Where a question asks for a finer kind of memory, that itself is found.
    """
    asked = (*WHOLE, *(ctx.view.only.kinds if ctx.view.only else ()))
    columns = ctx.view.columns(kinds)
    slots = columns.slot[columns.traits == STORES[name][1]]
    scores = np.round(ctx.view.cosines(vector, slots), 6)
    best = np.argsort(-scores, kind="stable")[:POOL]
    found: dict[str, Hit] = {}
    for memory, score in zip(ctx.view.at_slots(slots[best]), scores[best].tolist(), strict=True):
        whole = memory if memory.kind in asked else ctx.view.get(memory.links[0])
        if whole is not None and whole.retired is None and memory.retired is None and score > found.get(whole.id, Hit(whole, 0.0)).score:
            found[whole.id] = Hit(whole, score)
    return sorted(found.values(), key=lambda h: (-h.score, h.memory.id))


def filled(ctx: Context) -> list[str]:
    """The stores that hold anything."""
    held = set(ctx.view.columns().traits.tolist())
    return [name for name, (_, number) in STORES.items() if number in held]


def known(name: str) -> str:
    """The store's name; UsageError where there is none of it."""
    if name not in STORES:
        raise UsageError(f"there is no store {name!r}; there are {', '.join(STORES)}")
    return name
