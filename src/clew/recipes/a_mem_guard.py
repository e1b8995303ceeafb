"""A-MemGuard: precedents are followed only where they agree on a query; what disagrees is kept apart as a lesson.

Paper:     arXiv:2510.02373
Code:      written from a specification of the paper and of its released code, no code copied
Forms:     token        Functions: experiential
Formation: knowledge distillation (experiential)
Evolution: consolidation (local), forgetting (importance)
Retrieval: semantic, rerank and filter
Quadrant:  VI
Group:     agentic
Calls:     none per add, none per recall by rules; with a model 1 a record compared
Published: none comparable: attack success on EHRAgent, cut by more than 95 % [P]
Checklist: 7 of 7
Differs:   1. needs no model: chains are made by rules (or are sentences, or a model's) and agree by clusters (or by a judge)
           2. groups of one weight cancel out, and no lesson is learned where nothing agrees: nobody has been shown wrong
           3. where a person's record is among them, records of tools and pages have no vote; the release has no trust
           4. lessons have a store of their own, as in the paper; the release writes them into the record itself
           5. a lesson holds under the condition it was learned in, and ends when a person accepts what it speaks against
           6. a lesson is learned when the question is folded as an event: with a model, its chains are asked a second time
           7. the nearest record of a person is compared too, if it is nearly as near: a flood of others cannot keep it out
           8. an action that a lesson speaks against waits for an accepted outcome before it can be a precedent
Results:   docs/findings/a_mem_guard.md
"""
from collections.abc import Sequence
from contextlib import suppress

from clew.context import Context
from clew.errors import BudgetExceeded, ModelUnavailable
from clew.operators.experience import consensus, lessons
from clew.operators.experience.consensus import Verdict
from clew.operators.experience.lessons import HELD, LESSON, RECORD, UNREAD
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import TRUST, Event, Hit, Memory, Query

PARAMS = {
    "records": 4, "lessons": 4,  # precedents compared for one query; lessons shown before one action (release)
    "eps": consensus.EPS, "near": consensus.NEAR, "least": consensus.LEAST,  # of clusters of triples, of sentences; members (see there)
    "chains": "rules",  # rules: triples; text: triples as sentences, embedded; model: a model's sentences, embedded
    "consistency": "clusters",  # clusters; judge: a model looks at all chains at once; none: whatever is near is followed
    "compared": "ends",  # of sentences: ends, what is done; or whole, where the condition that all share drowns it (release)
    "trust": True,  # whether a person's record outweighs those of tools and pages
    "apt": 0.3,  # share of a task that a person's record must have to speak as a person's (ours, from records of the same case)
    "seat": 0.15,  # cosine that the nearest person's record may be behind the last record and still be compared; 0: none is (ours)
    "floor": 0.75,  # cosine of two actions from which a lesson about one is shown before the other (ours, for the default embedder)
    "bearing": 0.5,  # share of a task that a record must have to be a lesson for it, and of a lesson that a task must have (ours)
    "unbacked": True,  # whether lessons are read that come from a vote in which nobody vouched for the winners (ours)
    "shown": 1200,  # characters of a task, a plan or an action in a prompt (ours)
}


def encode(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """An action becomes a record, an outcome settles one, a question teaches what disagreed when it was asked."""
    [event] = events
    if event.kind == "query":
        asked = lessons.labelled(event.text)
        task = asked.task or asked.action
        return lessons.learned(task, lessons.visible([h.memory for h in precedents(task, ctx)], event.scope), ctx)
    if event.kind in ("outcome", "feedback"):
        good = lessons.accepted(event)
        return [] if good is None else [m for record in lessons.concerned(event, ctx) for m in lessons.settled(record, good, ctx)]
    if event.kind == "edit":  # a record with other words is another deed
        old = ctx.view.get(str(event.body.get("id")))
        done = lessons.deed(old.text, True) if old is not None and old.kind in (RECORD, HELD) and old.retired is None else None
        return [old.revised(data=lessons.stated(done))] if old is not None and done is not None else []
    return acted(event, ctx)


def acted(event: Event, ctx: Context) -> list[Memory]:
    """The record of an action; held back where a lesson speaks against it, and a lesson at once where its outcome was bad."""
    done, good = lessons.deed(event.text, event.kind == "action"), lessons.accepted(event)
    if done is None:
        return []
    record = ctx.memory(event.text, kind=RECORD, actor=event.actor, links=[lessons.node(event.seq)], **lessons.stated(done))
    if good is False:  # it never becomes a record at all
        return lessons.lesson(record, done.task, None, lessons.OUTCOME, ctx)
    doubted = good is None and record.trust < TRUST["user"] and consult(done.action, done.task, ctx)
    return [record.revised(kind=HELD) if doubted else record]


def precedents(task: str, ctx: Context) -> list[Hit]:
    """The records that are compared for a task, best first."""
    return lessons.precedents(task, ctx, ctx.params["records"], ctx.params["seat"])


def consult(action: str, task: str, ctx: Context) -> list[Hit]:
    """The lessons that speak against an action for a task."""
    params = ctx.params
    return lessons.consulted(action, task, ctx, params["lessons"], params["floor"], params["bearing"], params["unbacked"])


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The lessons against the action that the query proposes, if it does, then the records that agree, nearest first."""
    asked = lessons.labelled(query.text)
    task = asked.task or asked.action
    warned = consult(asked.action, task, ctx) if asked.action else []
    found, verdict = precedents(task, ctx), Verdict()
    with suppress(ModelUnavailable, BudgetExceeded):  # then nothing is followed; let through, the engine would show all there is
        verdict = consensus.weighed(task, [h.memory for h in found], ctx)[1]
    notes = {"agree": round(verdict.share, 6), **{name: 1.0 for name in ("overruled", "unbacked") if getattr(verdict, name)}}
    kept = [Hit(h.memory, h.score, {**h.why, **notes}) for i, h in enumerate(found) if i in verdict.consistent]
    return [*lessons.standing(warned, asked.action, task, kept), *kept][: query.k]


def indexed(memory: Memory) -> str:
    """A record is found by its task, a lesson by its action."""
    return memory.data["action"] if memory.kind == LESSON else memory.data.get("task", "")


def counts(ctx: Context) -> dict[str, int]:
    """A tool: how many records, records held back and lessons there are, and how often a judge's answer could not be read."""
    return {kind: len(ctx.view.all(kind)) for kind in (RECORD, HELD, LESSON, UNREAD)}


recipe = Recipe(
    name="a_mem_guard", on=CONTENT | {"query", "outcome", "feedback", "edit"}, encode=encode, retrieve=retrieve, indexed=indexed,
    traits=consensus.voice, tools={"counts": counts}, functions=("experiential",), embeds=frozenset({RECORD, HELD, LESSON}),
    params=PARAMS, prompts=prompts(__file__))
asking = recipe.variant("model", chains="model", consistency="judge", needs=frozenset({"ask"}), asks=frozenset({"retrieve"}))
