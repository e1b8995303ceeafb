"""A model that is no LLM: the seven families answered by extraction alone, always the same, on a CPU, without a network.

It reads no prose: it gets the values of a prompt, and the form's `means` says what is to be decided. What it says are words
of what it was shown, or labels. It is a floor: what a language model adds to a recipe is measured against it.
"""

import json
from collections.abc import Mapping
from typing import Any

from clew.errors import UsageError
from clew.models import Call, Reply, Shown
from clew.models.extractive import guess
from clew.models.extractive.families import FAMILIES
from clew.models.extractive.fit import fit
from clew.models.extractive.likeness import Sense
from clew.models.extractive.material import material
from clew.models.extractive.words import keywords, spoken
from clew.models.forms import Form
from clew.models.static import Static

VERSION = 1
CHARS = 4  # of a token, about: what a language model would have read at least
FREE = 600  # characters of an answer without a form


class Extractive:
    """An asker for `Models(asker=Extractive())`. Safe to share among threads; answers depend on nothing but the call."""

    local = True  # nothing leaves the process, so nothing is masked
    name = f"extractive:{VERSION}"

    def __init__(self, embedder: Any = None) -> None:
        """`embedder` tells likeness; by default the static one, which is the same on every machine."""
        self._sense = Sense(embedder or Static())

    def extract(self, call: Call) -> Reply:
        """The answer to a call; always one that fits its form, where any does."""
        form = call.form
        schema = form.schema if form else {}
        seen = material(call, guess.named(schema) if form else ())
        size = sum(len(s.text) for parts in call.values.values() for s in parts) // CHARS
        if form is None:
            free = {"type": "object", "properties": {"text": {"type": "string", "maxLength": FREE}}}
            text = FAMILIES["text"](self._sense, "answer" if seen.question else "summary", free, seen)["text"]
        else:
            means = guess.means(call, form, seen)
            found = FAMILIES[form.family](self._sense, means, schema, seen)
            text = json.dumps(fit(found, schema, lambda: _spare(seen.text or seen.question)), ensure_ascii=False)
        return Reply(text, self.name, size, len(text) // CHARS)

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        """The answer to a prompt as it stands: all of it is taken for material."""
        form = Form(guess.family(schema), schema, lambda v: v, max_tokens) if schema is not None else None
        return self.extract(Call("", "", {"prompt": (Shown(prompt),)}, form, max_tokens))


def _spare(text: str) -> list[str]:
    return keywords(spoken(text), 8, 20, single=True)


def connect(model: str = "", **options: Any) -> Extractive:
    """For `connect("extractive")`; takes no model's name and no options."""
    if (model and model != str(VERSION)) or options:
        raise UsageError(f"the extractive model has version {VERSION} and no options; got {model!r} and {sorted(options)}")
    return Extractive()
