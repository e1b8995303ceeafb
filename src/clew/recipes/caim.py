"""CAIM: what a session leaves behind is tagged from a closed ontology, and a controller asks for it only where it is needed.

Paper:     arXiv:2505.13044
Code:      written from the paper and a specification, no code copied
Forms:     token        Functions: factual, working
Formation: semantic summarization, knowledge distillation
Evolution: consolidation (local), updating
Retrieval: timing and intent, lexical, rerank and filter
Quadrant:  I, II
Group:     explicit
Calls:     0 per add; at a session's end 2 per 10 turns, 1 to 4 for new tags, up to 1 per thought; 1 to 6 per recall
Differs:   1. thoughts are reviewed one by one; one of which no word was said is refused
           2. a session ends with an event of another, a tick, an outcome, by silence or length; till then its turns are found
           3. tags are equal or not (in the release, inside one another); what the ontology gains is kept
           4. rows merge once the answer was checked, and only if equally trusted; the old ones stay in the history
           5. a question is offered the tags that rows bear, of every session; hits are ranked by tags and words, as the paper has no k
Results:   arena table, row caim
Checklist: 6 of 6
"""
from collections.abc import Sequence
from functools import partial
from itertools import chain

from clew.context import Context
from clew.models import forms
from clew.operators import budget
from clew.operators.people import sessions, tag_review, tags
from clew.operators.retrieve import shares
from clew.recipe import CONTENT, Recipe, prompts
from clew.types import Event, Hit, Memory, Query

PARAMS = {
    "controller": True, "growth": True, "tagging": True, "filter": True, "times": True, "thinking": True, "review": True,  # (paper)
    "tags": 3, "stm": 2000,  # of a thought or question; tokens above which the running conversation is summarised (release)
    "gap": 12.0, "longest": 6000, "window": 4000,  # hours and tokens that end a session, characters of a turn (ours)
    "read": 10, "pieces": 12, "new": 3,  # turns in one call, thoughts out of it, tags that a session may add (ours; all below too)
    "compared": 8, "alike": 0.2, "shown": 40, "days": 31,  # rows in a review, their share of common words; rows in a filter; a period
}
UNKNOWN = "There is not enough information in memory to answer this."


def listen(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """What is said is a turn of the running conversation."""
    return sessions.listened(events[0], ctx, ctx.params["window"])


def reflect(ctx: Context) -> list[Memory]:
    """Post-thinking where a session has ended; a running one that has grown long is summarised."""
    hits, p = sessions.heard(ctx), ctx.params
    talk = [h.memory for h in sessions.running(hits)]
    over = sessions.ended([h.memory for h in hits], ctx, p["gap"], p["longest"]) if p["thinking"] else []
    if over or sessions.size(talk) <= p["stm"]:
        return thought_over(over, ctx) if over else []
    brief = ctx.ask("abridge", forms.text(1200, "summary"), cites=talk, talk=tags.spoken(talk), otherwise="")
    return [sessions.drawn(brief, sessions.SUMMARY, talk, ctx, talk[-1].scope.session, place=ctx.seq)] if brief else []


def thought_over(turns: Sequence[Memory], ctx: Context) -> list[Memory]:
    """A session as tagged and dated thoughts, the tags that were missing, and a record that it was thought over."""
    p, form = ctx.params, forms.texts(ctx.params["pieces"], 240, means="sentences")
    groups = [turns[i : i + p["read"]] for i in range(0, len(turns), p["read"])]
    told = ctx.map(lambda g: ctx.ask("think", form, cites=g, talk=tags.spoken(g), otherwise=[m.text for m in g]), groups)
    told = [[text for text in dict.fromkeys(texts) if tags.origins(text, g)] for g, texts in zip(groups, told, strict=True)]
    new = tags.lacking([*chain(*told)], turns, ctx, p["new"]) if any(told) and p["growth"] else []
    known, held = tags.learned(ctx, new)
    found = ctx.map(lambda i: tags.rows(told[i], groups[i], known, held, ctx, p["tags"]), range(len(groups)))
    rows = [written(*row, said, ctx) for g, some in zip(groups, found, strict=True) for row in some if (said := tags.origins(row[0], g))]
    rows = tag_review.reviewed(rows, ctx, p["compared"], p["alike"], p["tags"]) if p["review"] else rows
    return [*new, *rows, sessions.recorded("\n".join(chain(*told)) or turns[-1].text, turns, ctx)]


def written(text: str, chosen: Sequence[str], said: Sequence[Memory], ctx: Context) -> Memory:
    """A thought with its tags, and the date of the latest turn that it comes from."""
    actor = said[0].actor if len(said) == 1 else None
    return sessions.drawn(text.removeprefix(f"{actor}: "), "thought", said, ctx, actor=actor, links=map(tags.node, chosen),
                          tags=list(chosen), date=max(m.data["date"] for m in said))


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The controller's choice of long-term memory and the running conversation, best first."""
    talk, rows = sessions.running(sessions.heard(ctx, query.text)), shares(query.text, ("thought",), ctx)
    long, short = controlled(query, bool(rows), bool(talk), ctx) if ctx.params["controller"] else (True, True)
    hits = [*(recalled(query, rows, ctx) if long else ()), *(talk if short else ())]
    return sorted(hits, key=lambda h: (-h.score, h.memory.id))[: query.k]


def controlled(query: Query, long: bool, short: bool, ctx: Context) -> tuple[bool, bool]:
    """(whether long-term memory is asked, whether the running conversation is): yes or no, up to three times."""
    yes = partial(ctx.ask, form=forms.gate("needed"), question=query.text, otherwise=True)
    if not (long or short) or not yes("any_memory"):
        return False, False
    return (long, short) if not (long and short) or yes("both") else (True, False) if yes("long_term") else (False, True)


def recalled(query: Query, rows: Sequence[Hit], ctx: Context) -> list[Hit]:
    """Thoughts that bear a tag of the question and are found relevant, and, unfiltered, those of the days that it names."""
    known = list(dict.fromkeys(tag for h in rows for tag in h.memory.data["tags"]))
    asked = tags.wanted(query.text, known, ctx, ctx.params["tags"])
    near = {m.id: len(set(asked) & {*m.data["tags"]}) / len(asked) for m in tags.tagged(asked, ctx, kind="thought")}
    named = ctx.ask("dates", forms.texts(6, 60, means="dates"), question=query.text, otherwise=[]) if ctx.params["times"] else []
    days = set(tags.days(named, ctx.at, ctx.params["days"]))
    hits = [tags.weighed(h, near.get(h.memory.id, 0.0), float(h.memory.data["date"] in days)) for h in rows if h.memory.retired is None]
    hits.sort(key=lambda h: (-h.score, h.memory.id))
    apt = [h.memory for h in hits if h.why["tags"] or not ctx.params["tagging"]][: ctx.params["shown"]]
    kept = [m.id for m in apt]
    if apt and ctx.params["filter"]:
        kept = ctx.ask("relevant", forms.choices(kept, len(kept), "apt"), question=query.text, rows=apt, otherwise=kept)
    return [h for h in hits if h.memory.id in kept or h.why["date"]]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the records in the order of their dates, or that memory does not hold enough."""
    return ctx.ask("answer", forms.text(400, "answer"), question=query.text, cites=hits, otherwise=UNKNOWN,
                   records=budget.dated(budget.chronological(hits)))


recipe = Recipe(
    name="caim", on=CONTENT | sessions.ENDS, encode=listen, manage=reflect, retrieve=retrieve, answer=answer, traits=sessions.place,
    functions=("factual", "working"), needs=frozenset({"ask"}), asks=frozenset({"retrieve", "answer"}), embeds=frozenset(),
    params=PARAMS, prompts=prompts(__file__))
