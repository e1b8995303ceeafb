"""The gate on the way out: what is private becomes a placeholder before a request leaves, and comes back in the reply.

The placeholders' values stay in this process: in the memory of one request, and, of what was once found, in the gate's
own, so that a password that was recognised beside the word *password* is still masked where it stands alone.
"""

import importlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clew.privacy.credentials import credentials
from clew.privacy.personal import personal
from clew.privacy.spans import KINDS, Span, merged

Finder = Callable[[str], Sequence[Span]]
PLACE = re.compile(
    rf"(?i)\\*\[\s*({'|'.join(KINDS)})(?:\\*[_ -])(\d{{1,5}})\s*\\*\]|(?<![A-Za-z0-9])({'|'.join(KINDS)})\\*_(\d{{1,5}})(?![A-Za-z0-9])"
)
STUDIED = 100_000  # events remembered as learned from
KNOWN = 20_000  # values remembered by one gate; the oldest are let go
LEAST = 4  # characters of a value that is looked for elsewhere in its own request
LEAST_KNOWN = 6  # characters of one that is looked for in every request: shorter ones are years and counts too
WORDS = frozenset({"enum", "const", "default", "description", "examples", "title"})  # of a schema: where texts of users stand
SUFFIX = "+redacted"  # of the space of vectors that were made behind a gate


def found(text: str) -> list[Span]:
    """What the rules find in a text: spans in order that do not touch."""
    return merged([*credentials(text), *personal(text)], text)


class Gate:
    """What may not leave, and what was found so far. Safe to share among threads.

    `names` asks for people's names too, which takes the extra `[privacy]`; `finders` add rules of your own. `witness`
    is called with every text that goes out: a test's way to prove what did not.
    """

    def __init__(self, *, names: bool = False, finders: Iterable[Finder] = (), witness: Callable[[str], None] | None = None) -> None:
        people = [importlib.import_module("clew.privacy.rampart").names] if names else []  # raises MissingExtra
        self._finders: tuple[Finder, ...] = (found, *people, *finders)
        self.witness = witness
        self.watch: Callable[[str], object] | None = None  # told every text that goes out, to look for canaries in it
        self.masked: Counter[str] = Counter()  # placeholders made so far, by kind
        self.lost = 0  # placeholders in replies that no request had: a model made them up
        self._known: dict[str, str] = {}  # value -> kind, oldest first
        self._heads: dict[str, set[str]] = {}  # first characters -> the known values that begin so
        self._studied: set[tuple[bytes, int]] = set()  # events that were learned from, by the file's secret and place
        self._lock = threading.Lock()

    def spans(self, text: str) -> list[Span]:
        """Everything private in a text: found by rule, or known from before."""
        spans = [span for finder in self._finders for span in finder(text)]
        return merged([*spans, *self._again(text)], text)

    def learn(self, texts: Iterable[str]) -> None:
        """Take note of what these texts hold, so that it is masked wherever it turns up alone."""
        for text in texts:
            self._note((text[s.start : s.end], s.kind) for s in self.spans(text))

    def study(self, secret: bytes, seqs: Iterable[int], read: Callable[[list[int]], Iterable[str]]) -> None:
        """Learn from the events that a request rests on, each once: what is derived from them may lack the telling words.

        `secret` is the file's, as two files number alike; `read` gives the texts of some events.
        """
        with self._lock:
            fresh = [seq for seq in sorted(seqs) if (secret, seq) not in self._studied]
        if fresh:
            self.learn(read(fresh))
            with self._lock:
                self._studied.update((secret, seq) for seq in fresh)
                if len(self._studied) > STUDIED:
                    self._studied.clear()

    def forget(self) -> None:
        """Let go of every value that was found so far: they are learned again from the texts that are still there."""
        with self._lock:
            self._known.clear()
            self._heads.clear()
            self._studied.clear()

    def request(self) -> "Request":
        """A fresh set of placeholders, for one request and its reply."""
        return Request(self)

    def report(self) -> dict[str, Any]:
        """What `status` shows: how many placeholders were made, by kind, and how many came back unknown."""
        with self._lock:
            return {"masked": dict(sorted(self.masked.items())), "unknown placeholders": self.lost}

    def _note(self, values: Iterable[tuple[str, str]]) -> None:
        with self._lock:
            for raw, kind in values:
                value = raw.rstrip("!?.") if kind == "PASSWORD" else raw
                if len(value) >= LEAST_KNOWN and value not in self._known:
                    self._known[value] = kind
                    self._heads.setdefault(value[:LEAST], set()).add(value)
            while len(self._known) > KNOWN:
                value = next(iter(self._known))
                del self._known[value]
                self._heads[value[:LEAST]].discard(value)

    def _again(self, text: str) -> list[Span]:
        """Where values that were found before stand in this text, as words of their own."""
        if not self._known:
            return []
        grams = {text[i : i + LEAST] for i in range(len(text) - LEAST + 1)}
        with self._lock:
            kinds = {value: self._known[value] for head in grams & self._heads.keys() for value in self._heads[head]}
        return [Span(start, start + len(value), kind) for value, kind in kinds.items() for start in occurrences(text, value)]


class Request:
    """The placeholders of one request: the same value, the same placeholder; no other request's and no text's own."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._places: dict[str, str] = {}  # value -> placeholder
        self._values: dict[str, str] = {}  # placeholder -> value
        self._taken: set[str] = set()  # what looks like a placeholder in the texts themselves

    def redact(self, text: str) -> str:
        """The text with placeholders for what is private."""
        self._taken |= {_name(m) for m in PLACE.finditer(text)}
        spans = self._gate.spans(text)
        self._gate._note((text[s.start : s.end], s.kind) for s in spans)
        values = {text[s.start : s.end]: s.kind for s in spans} | {v: _kind(p) for v, p in self._places.items()}
        again = [
            Span(start, start + len(value), kind)
            for value, kind in values.items()
            if len(value) >= LEAST
            for start in occurrences(text, value)
        ]
        out, end = [], 0
        for span in merged([*spans, *again], text):
            out += [text[end : span.start], self._place(text[span.start : span.end], span.kind)]
            end = span.end
        return "".join([*out, text[end:]])

    def redacted(self, schema: Any, words: bool = False) -> Any:
        """A JSON schema with the words in it redacted: its choices and descriptions, not what makes it a schema."""
        if isinstance(schema, str):
            return self.redact(schema) if words else schema
        if isinstance(schema, Mapping):
            inside = schema.get("type") != "object" and not words  # the names under `properties` are names, whatever they are
            return {name: self.redacted(item, words or (inside and name in WORDS)) for name, item in schema.items()}
        if isinstance(schema, (list, tuple)):
            return [self.redacted(item, words) for item in schema]
        return schema

    def restore(self, text: str, schema: Mapping[str, Any] | None = None) -> str:
        """A reply with the values back in their places. JSON stays JSON: values are put into its strings, not its text.

        A string that a value makes longer than the schema lets it be is cut there, as a model that had known the value
        would have been.
        """
        if not self._values and not PLACE.search(text):
            return text
        start, end = text.find("{"), text.rfind("}")
        if schema is not None and 0 <= start < end:
            try:
                body = json.loads(text[start : end + 1])
            except (ValueError, RecursionError):
                return self._put(text, lambda value: json.dumps(value, ensure_ascii=False)[1:-1])
            whole = json.dumps(self._restored(body, schema), ensure_ascii=False)
            return self._put(text[:start]) + whole + self._put(text[end + 1 :])
        return self._put(text)

    def _restored(self, value: Any, schema: Any) -> Any:
        shape = schema if isinstance(schema, Mapping) else {}
        if isinstance(value, str):
            full = self._put(value)
            return full[: shape.get("maxLength", len(full))] if full != value else value
        if isinstance(value, dict):
            parts = shape.get("properties", {})
            return {name: self._restored(item, parts.get(name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self._restored(item, shape.get("items")) for item in value]
        return value

    def _put(self, text: str, written: Callable[[str], str] = str) -> str:
        def value(match: re.Match[str]) -> str:
            name = _name(match)
            if name in self._values:
                return written(self._values[name])
            self._gate.lost += name not in self._taken
            return match[0]

        return PLACE.sub(value, text)

    def _place(self, value: str, kind: str) -> str:
        if value not in self._places:
            number = 1
            while f"[{kind}_{number}]" in self._values or f"[{kind}_{number}]" in self._taken:
                number += 1
            place = f"[{kind}_{number}]"
            self._places[value], self._values[place] = place, value
            with self._gate._lock:
                self._gate.masked[kind] += 1
        return self._places[value]


def occurrences(text: str, value: str) -> list[int]:
    """Where a value begins in a text, not inside a longer word or number."""
    starts, at = [], text.find(value)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(value) : at + len(value) + 1]
        if not (_joined(before, value[0]) or _joined(value[-1], after)):
            starts.append(at)
        at = text.find(value, at + 1)
    return starts


def _joined(one: str, other: str) -> bool:
    """Whether two neighbours are inside one word: Chinese has no spaces, so only the same script counts."""
    return bool(one and other) and one.isalnum() and other.isalnum() and one.isascii() == other.isascii()


def _name(match: re.Match[str]) -> str:
    return f"[{(match[1] or match[3]).upper()}_{int(match[2] or match[4])}]"


def _kind(place: str) -> str:
    return place[1:].rpartition("_")[0]


class GatedAsker:
    """A text model behind a gate. Its name is the model's own: answers kept before the gate are still its answers."""

    def __init__(self, asker: Any, gate: Gate) -> None:
        self.inner, self.gate, self.name = asker, gate, asker.name

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Any:
        """The model's reply to the redacted prompt and schema, with the values back in it."""
        request = self.gate.request()
        shown, shape = request.redact(prompt), request.redacted(schema)
        _seen(self.gate, shown, json.dumps(shape, ensure_ascii=False) if shape is not None else "")
        reply = self.inner.ask(shown, shape, max_tokens)
        return replace(reply, text=request.restore(reply.text, schema))

    def close(self) -> None:
        """Close the model behind it, where it can be closed."""
        getattr(self.inner, "close", lambda: None)()


class GatedEmbedder:
    """An embedder behind a gate. Each text is its own request, so that no text's vector depends on another's."""

    def __init__(self, embedder: Any, gate: Gate) -> None:
        self.inner, self.gate = embedder, gate
        self.space, self.dims, self.exact = embedder.space + SUFFIX, embedder.dims, embedder.exact

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8 codes of the redacted texts: two texts that differ only in what was masked have one vector."""
        shown = [self.gate.request().redact(text) for text in texts]
        _seen(self.gate, *shown)
        return self.inner.embed(shown)

    def close(self) -> None:
        """Close the model behind it, where it can be closed."""
        getattr(self.inner, "close", lambda: None)()


class GatedJudge:
    """A judge behind a gate; both texts of a pair share their placeholders, so that it sees what is the same."""

    def __init__(self, judge: Any, gate: Gate) -> None:
        self.inner, self.gate, self.name = judge, gate, judge.name

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> Sequence[float]:
        """A probability for each redacted pair, in order."""
        asked = self.gate.request().redact(question)
        shown = []
        for one, other in pairs:
            request = self.gate.request()
            first = request.redact(one)
            shown.append((first, request.redact(other)))
        _seen(self.gate, asked, *[text for pair in shown for text in pair])
        return self.inner.judge(shown, asked)


def gated(models: Any, gate: Gate | None) -> Any:
    """The same `Models` with those parts behind the gate that leave this process; as they are where there is no gate."""
    if gate is None:
        return models
    parts = {"asker": GatedAsker, "embedder": GatedEmbedder, "judge": GatedJudge}
    held = {name: getattr(models, name) for name in parts}
    outside = {name: part for name, part in held.items() if part is not None and not isinstance(part, parts[name]) and leaves(part)}
    return replace(models, **{name: parts[name](part, gate) for name, part in outside.items()})


def state(models: Any, gate: Gate | None) -> dict[str, Any]:
    """What `status` says: whether anything leaves the process, whether it is redacted, and what was masked so far."""
    outside = sorted(
        name
        for name in ("asker", "embedder", "judge")
        if (part := getattr(models, name)) is not None and (hasattr(part, "gate") or leaves(part))
    )
    redaction = "nothing leaves this process" if not outside else "off" if gate is None else "on"
    return {"outside": outside, "redaction": redaction, **(gate.report() if gate else {})}


def _seen(gate: Gate, *texts: str) -> None:
    for told in (gate.witness, gate.watch):
        if told is not None:
            for text in filter(None, texts):
                told(text)


def leaves(part: Any) -> bool:
    """Whether a model's calls leave this process: what does not say `local = True` and is not Clew's own is taken to."""
    said = getattr(part, "local", None)
    if said is not None:
        return not said
    home = type(part).__module__
    return not home.startswith("clew.") or home.startswith("clew.models.openai")
