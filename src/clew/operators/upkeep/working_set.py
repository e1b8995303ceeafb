"""A scheduler: what sort of work an event is, and a small set of memories kept at hand for the questions being asked (MemOS).

The set is a memory of its own (kind `WORKING`): it names its members, how they ranked and how often they were used. After a
question the set is looked at: where it does not hold what the question needs, or some time has passed, what is missing is
searched for and the set is put together anew. What leaves it is only out of the set.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from clew.context import Context
from clew.maintenance import digest
from clew.models import forms
from clew.operators.people import cluster
from clew.operators.upkeep import capacity, cube
from clew.operators.upkeep import states as lifecycle_states
from clew.storage.terms import terms
from clew.types import TRUST, Event, Memory, Scope

VERSION = 1
WORKING, AUDIT = "working", "audit"
ALIKE = 0.9  # likeness from which two say the same, and one of them is enough (ours, for the default embedder; release: 0.75)
SHORT = 20  # characters below which a memory says too little to be kept at hand (release: 20 words or characters)
APT = 0.4  # cosine with the question below which a memory has nothing to do with it (ours, likewise)
EVIDENCE = 5  # memories fetched for all that is missing together (release)
LABELS: Mapping[str, str] = {"query": "query", "feedback": "feedback", "tick": "mem_organize", "document": "mem_read"}
MISSING = forms.texts(3, 120, 1, means="queries")
Search = Callable[[str, int], Sequence[Memory]]  # the memories for a text, so many at most


def label(event: Event) -> str:
    """The scheduler's word for an event: query, feedback, mem_organize, mem_read, or add."""
    return LABELS.get(event.kind, "add")


def current(ctx: Context) -> Memory | None:
    """The set as it is; None before the first question."""
    return next(iter(ctx.view.recent(1, WORKING)), None)


def members(ctx: Context) -> list[Memory]:
    """The memories at hand, best first, less those that have ended or that the asker may not see."""
    kept = current(ctx)
    found = [ctx.view.get(id) for id in (kept.data["ids"] if kept else ())]
    return [m for m in found if m is not None and m.retired is None and m.status in ("active", "suspect")]


def importance(rank: float, keywords: int, hits: int) -> float:
    """How much a memory belongs at hand: its place (1 the first, 0 the last), words shared with the question, times used."""
    return round(0.9 * rank + 0.05 * min(0.05 * keywords, 5) + 0.05 * min(0.05 * hits, 2), 6)


def asked(event: Event, search: Search, ctx: Context) -> list[Memory]:
    """What follows a question that this recipe was asked: a record of the read, and where it is due the set anew."""
    if event.body["recipe"].partition("[")[0] != ctx.recipe.name.partition("[")[0]:
        return []
    held = members(ctx)
    audit = [audited(event, search(event.text, ctx.params["working"]), ctx)] if ctx.params["audit"] else []
    due = ctx.params["scheduler"] and triggered(event, held, ctx)
    return [*audit, *(refreshed(event, held, search, ctx) if due else [])]


def audited(event: Event, near: Sequence[Memory], ctx: Context) -> Memory:
    """A record of a read: who asked, in which context, what was shown, and what was withheld of what lay near."""
    told = set(event.body["hits"])
    shown = [m.id for m in near if digest(ctx.desk.secret, m) in told]
    withheld = [m.id for m in near if not cube.readable(m, event.scope)]
    asker = {"user": event.scope.user, "agent": event.scope.agent, "session": event.scope.session}
    words = f"read: {len(told)} shown, {len(withheld)} withheld"
    return ctx.memory(words, kind=AUDIT, label="query", asker=asker, shown=shown, withheld=withheld)


def triggered(event: Event, held: Sequence[Memory], ctx: Context) -> bool:
    """Whether this question makes the set be put together anew: some time has passed, or what is at hand does not answer it."""
    last = current(ctx)
    if last is None or not held or last.since is None or event.at - last.since >= timedelta(seconds=ctx.params["timer"]):
        return True
    return not ctx.ask("intent", forms.gate("enough"), question=event.text, working=list(held), otherwise=False)


def refreshed(event: Event, held: Sequence[Memory], search: Search, ctx: Context) -> list[Memory]:
    """The set for this question, and its new members as they are now that they are used; the old set is let go of."""
    missing = ctx.ask("missing", MISSING, question=event.text, working=list(held), otherwise=[event.text])
    found = [m for text in missing for m in search(text or event.text, max(1, EVIDENCE // len(missing)))]
    pool = [m for m in {m.id: m for m in (*held, *found)}.values() if len(m.text) >= SHORT]
    last = current(ctx)
    uses = last.data["uses"] if last else {}
    chosen = _chosen(event.text, pool, {m.id: uses.get(m.id, 0) for m in pool}, ctx)
    kept = ctx.memory(
        f"{len(chosen)} at hand",
        kind=WORKING,
        scope=Scope(event.scope.user),
        ids=list(chosen),
        importance=chosen,
        uses={id: uses.get(id, 0) + 1 for id in chosen},
        trust=min(TRUST.values()),  # it says nothing itself, and any question may let go of it, whatever that was shown
    )
    level = ctx.authority  # of the words shown: what they are used for must not lower the trust of the better
    new = [m for m in pool if m.id in chosen and (m.id not in uses or "half_life_days" in m.data) and m.trust <= level]
    return [kept, *([last.retire(ctx.at, "merged")] if last else []), *(_used(m, ctx) for m in new)]


def _used(memory: Memory, ctx: Context) -> Memory:
    """The memory in use: activated where that is legal, its header's behavioural group counted up."""
    if lifecycle_states.legal(memory, lifecycle_states.ACTIVATED):
        memory = lifecycle_states.moved(memory, lifecycle_states.ACTIVATED, ctx.at)
    data: dict[str, Any] = {"used_at": ctx.at.isoformat()} if "half_life_days" in memory.data else {}
    if "header" in memory.data:
        data["header"] = {**memory.data["header"], "behavioural": cube.used(memory.data["header"], ctx.at)}
    memory = memory.revised(data=data)
    return memory.revised(until=capacity.lifespan(memory)) if "half_life_days" in memory.data else memory  # use keeps it from fading


def _chosen(question: str, pool: Sequence[Memory], uses: Mapping[str, int], ctx: Context) -> dict[str, float]:
    """id -> importance of those that stay at hand, the most important first; of two that say the same the one nearer the question."""
    if not pool:
        return {}
    vectors = ctx.embed([question, *(m.text for m in pool)])
    near = cluster.cosines(vectors[1:], vectors[:1])[:, 0]
    order = sorted(range(len(pool)), key=lambda i: (-near[i], pool[i].id))
    among, kept = cluster.cosines(vectors[1:]), list[int]()
    for i in order:
        if near[i] >= APT and all(among[i, j] < ALIKE for j in kept):
            kept.append(i)
    wanted, found = set(terms(question)), {}
    for place, i in enumerate(kept):
        rank = 1 - place / max(len(kept) - 1, 1)
        found[pool[i].id] = importance(rank, len(wanted & set(terms(pool[i].text))), uses[pool[i].id])
    best = sorted(found, key=lambda id: (-found[id], id))[: ctx.params["working"]]
    return {id: found[id] for id in best}
