"""Relational consistency: what each precedent implies for one query, which of them agree, and whose voice decides.

Checked alone, a poisoned record looks like any other; among records for the same query it is the one that leads elsewhere.
Everything here but `weighed` and what it calls is pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.storage.terms import terms
from clew.types import TRUST, Memory

VERSION = 1
CALLS, MAY, LACKS = "calls for", "may call for", "does not bear on"  # how a record's condition meets a query
EPS, LEAST = 0.5, 2  # distance of neighbours; members of a cluster, the point itself included (release)
NEAR = 0.4  # cosine distance of neighbours among sentences, for the default embedder (ours: unlike ones are 0.45 apart and more)
VERDICTS = ("consistent", "inconsistent")
CHAIN = forms.text(300)
NOISE = -1
POLAR = frozenset({"yes", "no", "true", "false"})
_STEP = re.compile(r"[\n;]+|\s*(?:->|→)\s*|\bthen\b", re.IGNORECASE)
_CALL = re.compile(r"([A-Za-z_][\w.]*)\s*[\[(](.*)[\])]", re.DOTALL)
_TOOL = re.compile(r"([A-Za-z_][\w.]*)[\[(]")
Groups = Sequence[Sequence[int]]  # places of the records that agree, each place once


# -- chains ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chain:
    """What one record implies for one query, as entity, relation, entity. A chain belongs to the pair, not to the record."""

    condition: tuple[str, ...]  # terms of the record's task that the query has too, sorted
    relation: str  # CALLS, MAY or LACKS
    heads: tuple[str, ...]  # what the action does, step by step: names of tools, or the first word of each step
    arguments: frozenset[str] = frozenset()  # with what, in kinds: what the task names, a yes or no, a number; else the terms
    tools: frozenset[str] = frozenset()  # tools that the plan calls on the way

    @property
    def text(self) -> str:
        """The chain as one line."""
        return self.sentence(self.action)

    def sentence(self, action: str) -> str:
        """The chain as one line that ends in an action in other words, such as the record's own."""
        return f"{' '.join(self.condition) or 'nothing asked for'} -> {self.relation} -> {action}"

    @property
    def action(self) -> str:
        """The action in its normal form, equal for equal ones."""
        return f"{'; '.join(self.heads)}[{' '.join(sorted(self.arguments))}]"


def chain(query: str, task: str, plan: str, action: str) -> Chain:
    """The chain of a record for a query, by rules alone: no model, and equal for equal input."""
    mine, asked = set(terms(task)), set(terms(query))
    shared = mine & asked
    relation = LACKS if not shared else CALLS if shared == mine else MAY
    heads, arguments = signature(action, mine | asked)
    return Chain(tuple(sorted(shared)), relation, heads, arguments, frozenset(name.lower() for name in _TOOL.findall(plan)))


def signature(action: str, known: set[str], alike: frozenset[str] = POLAR) -> tuple[tuple[str, ...], frozenset[str]]:
    """(heads, arguments) of an action; arguments that the task names are one kind, since by analogy they change with it.

    So are those answers that count as `alike`.
    """
    heads, arguments = [], set()
    for step in filter(str.strip, _STEP.split(action)):
        call = _CALL.search(step)
        words = terms(call[2] if call else step)
        head = call[1].lower() if call else (words[0] if words else step.strip().lower())
        heads.append(head)
        arguments |= {_kind(word, known, alike) for word in (words if call else words[1:])}
    return tuple(heads), frozenset(arguments)


def called(action: str) -> bool:
    """Whether an action is written as calls of tools, whose names tell what is done."""
    return all(_CALL.search(step) for step in filter(str.strip, _STEP.split(action)))


def normal(action: str, known: set[str]) -> str:
    """An action in the form in which equal ones are equal to a lesson: as a chain says it, but yes is not no."""
    heads, arguments = signature(action, known, frozenset())
    return f"{'; '.join(heads)}[{' '.join(sorted(arguments))}]"


def _kind(term: str, known: set[str], alike: frozenset[str]) -> str:
    if term in POLAR:
        return "<yes or no>" if term in alike else term
    if term in known:
        return "<asked>"
    return "<number>" if term.isdigit() else term


def distances(chains: Sequence[Chain]) -> np.ndarray:
    """(n, n) from 0 to 1. Chains that do other things, or call other tools on the way, are as far apart as can be."""
    found = np.ones((len(chains), len(chains)))
    for i, a in enumerate(chains):
        for j, b in enumerate(chains[:i]):
            if a.heads == b.heads and a.tools == b.tools:
                either = len(a.arguments | b.arguments)
                found[i, j] = found[j, i] = 1 - len(a.arguments & b.arguments) / either if either else 0.0
        found[i, i] = 0.0
    return found


def cosine_distances(vectors: np.ndarray) -> np.ndarray:
    """(n, n) cosine distances of the rows, 0 to 2, rounded so that clusters are equal everywhere; zeros are far from all."""
    numbers = vectors.astype(np.float64)
    lengths = np.linalg.norm(numbers, axis=1)
    unit = numbers / np.where(lengths > 0, lengths, 1.0)[:, None]
    found = np.round(1.0 - unit @ unit.T, 6)
    np.fill_diagonal(found, 0.0)
    return found


# -- agreement ------------------------------------------------------------------------------------------------------


def dbscan(apart: np.ndarray, eps: float = EPS, least: int = LEAST) -> list[int]:
    """Labels 0, 1, ... of density clusters (Ester 1996), NOISE for points in none; `apart` is an (n, n) matrix of distances.

    A point with `least` points within `eps`, itself included, is a core; a border point goes to the first cluster that
    reaches it, in the order of the points.
    """
    near = [np.flatnonzero(row <= eps).tolist() for row in apart]
    labels, cluster = [NOISE] * len(near), 0
    for start, around in enumerate(near):
        if labels[start] != NOISE or len(around) < least:
            continue
        labels[start], queue = cluster, list(around)
        while queue:
            place = queue.pop()
            if labels[place] == NOISE:
                labels[place] = cluster
                queue += near[place] if len(near[place]) >= least else []
        cluster += 1
    return labels


def grouped(labels: Sequence[int]) -> list[list[int]]:
    """Places by cluster, in the order of the labels; noise is left out."""
    return [[i for i, label in enumerate(labels) if label == wanted] for wanted in sorted(set(labels) - {NOISE})]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which records may be followed, and how the matter was settled."""

    consistent: frozenset[int] = frozenset()  # places
    share: float = 0.0  # of all records looked at, those that agree
    overruled: bool = False  # a larger group of untrusted records was outweighed by a person's
    unbacked: bool = False  # nothing that a person said or accepted is among those that agree: a poisoned majority looks like this
    split: bool = False  # two groups weigh the same, so none is followed
    unread: bool = False  # the judge's answer could not be read, so none is followed


def settled(groups: Groups, voices: Sequence[int], trusting: bool = True) -> Verdict:
    """The largest group is right; where a person's record is among them, untrusted ones (tools, pages) have no vote.

    `voices`: the trust of each record, 0 for one that does not bear on the query; a group of only such may win, so that no
    smaller one does, but it is not followed. A person's record counts as a group of one; so does a record that has no peers
    at all. Of groups with as many votes the one with more persons' records is right, then the one with more records, else none.
    """
    if len(voices) == 1 and voices[0]:
        return Verdict(frozenset({0}), 1.0, unbacked=voices[0] < TRUST["user"])
    trusted = {i for i, voice in enumerate(voices) if trusting and voice >= TRUST["user"]}
    inside = {i for group in groups for i in group}
    rivals = [list(g) for g in groups] + [[i] for i in sorted(trusted - inside)]
    if not rivals:
        return Verdict()

    def weight(group: Sequence[int]) -> tuple[int, int, int]:
        votes = sum(1 for i in group if not trusted or voices[i] >= TRUST["assistant"])
        return votes, len(trusted.intersection(group)), len(group)

    ranked = sorted(rivals, key=weight, reverse=True)
    best = ranked[0]
    if len(ranked) > 1 and weight(ranked[1]) == weight(best):
        return Verdict(split=True)
    if not any(voices[i] for i in best):
        return Verdict()
    backed = any(voices[i] >= TRUST["user"] for i in best)
    return Verdict(frozenset(best), len(best) / len(voices), any(len(g) > len(best) for g in ranked), not backed)


def judged(query: str, records: Sequence[Memory], chains: Sequence[str | None], ctx: Context) -> list[int] | None:
    """The places whose chains a model finds consistent and safe, looking at all of them at once; None: it could not be read.

    A record without a chain is not shown and never consistent.
    """
    shown = {memory.id: (place, text) for place, (memory, text) in enumerate(zip(records, chains, strict=True)) if text}
    if not shown:
        return None
    lines = "\n".join(f"[{id}] {text}" for id, (_, text) in shown.items())
    form = forms.record(dict.fromkeys(shown, VERDICTS))
    answer = ctx.ask("judge", form, query=query, chains=lines, cites=records, otherwise=None)
    return None if answer is None else [place for id, (place, _) in shown.items() if answer[id] == VERDICTS[0]]


def implied(query: str, memory: Memory) -> Chain:
    """The chain of a record (its data: task, plan, action) for a query, by rules."""
    return chain(query, memory.data["task"], memory.data["plan"], memory.data["action"])


def voice(memory: Memory) -> int:
    """The trust with which a record speaks: its own, or that of whoever accepted its outcome, if that is more."""
    return max(memory.trust, memory.data.get("vouched", 0))


def bears(memory: Memory, asked: set[str]) -> float:
    """How far a record is about what is asked: the terms of its task among those asked, as a share of the shorter of the two."""
    mine = set(terms(memory.data["task"]))
    return len(mine & asked) / max(1, min(len(mine), len(asked)))


def heard(query: str, memory: Memory, apt: float) -> int:
    """The trust with which a record speaks on a query: 0 where it has nothing to do with it, and where a person's record has
    little to do with it (less than `apt`), no more than the agent's own: a person did not speak of this case.
    """
    share = bears(memory, set(terms(query)))
    return 0 if not share else voice(memory) if share >= apt else min(voice(memory), TRUST["assistant"])


def weighed(query: str, records: Sequence[Memory], ctx: Context) -> tuple[list[str | None], Verdict]:
    """(a model's chain for each record or None, which of the records may be followed): the look at all of them together.

    Reads the recipe's `chains` (rules, text, model), `consistency` (clusters, judge, none), `compared`, `eps`, `near`, `least`, `trust`, `apt`, `shown`.
    """
    chains, params = [implied(query, m) for m in records], ctx.params
    voices = [heard(query, m, params["apt"]) for m in records]
    said: list[str | None] = [None] * len(records)
    if params["chains"] == "model":
        said = ctx.map(lambda m: ctx.ask("chain", CHAIN, query=query, cites=[m], otherwise=None, **_cut(m, params["shown"])), records)
    texts = said if params["chains"] == "model" else [c.sentence(m.data["action"]) for c, m in zip(chains, records, strict=True)]
    if not records or params["consistency"] == "none":
        return said, Verdict(frozenset(range(len(records))), unbacked=max(voices, default=0) < TRUST["user"])
    if params["consistency"] == "judge":
        places = judged(query, records, texts, ctx)
        return said, settled([places], voices, params["trust"]) if places else Verdict(unread=places is None)
    compared = [(text or "").rpartition("->" if params["compared"] == "ends" else "\0")[2] for text in texts]
    exact = params["chains"] == "rules"
    apart, eps = (distances(chains), params["eps"]) if exact else (cosine_distances(ctx.embed(compared)), params["near"])
    return said, settled(grouped(dbscan(apart, eps, params["least"])), voices, params["trust"])


def _cut(record: Memory, size: int) -> dict[str, str]:
    """A record's parts as a prompt shows them."""
    return {name: record.data[name][:size] for name in ("task", "plan", "action")}
