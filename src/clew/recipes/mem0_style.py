"""Mem0 style: facts drawn from each message meet their nearest memories: add, update, delete or none.

Paper:     arXiv:2504.19413
Code:      written from the paper, no code copied
Forms:     token        Functions: factual
Formation: knowledge distillation, semantic summarization
Evolution: consolidation (local), updating
Retrieval: semantic
Quadrant:  II
Group:     explicit
Calls:     1 + 1 per fact per add, 1 more every 20 messages of a conversation; none per recall
Checklist: 6 of 6
Differs:   1. each message is taken as it comes, not in pairs; the summary is made every 20 messages of a session, in their turn
           2. delete retires: the old fact stays readable, and the fact that ended it is kept
           3. nothing of lower trust is shown beside a message or a fact, so that a page cannot lower or change what a person said
           4. the messages are kept too, out of recall's sight
Results:   arena table, row mem0_style
"""
from collections.abc import Sequence

from clew.context import Context
from clew.models import forms
from clew.operators import budget, encode, manage
from clew.operators.upkeep import relate
from clew.recipe import Recipe, prompts
from clew.types import Event, Hit, Memory, Query, Source

PARAMS = {
    "near": 10,  # memories that a fact is compared with (paper); 0: facts are added as they come
    "recent": 10,  # messages before the new one that the model sees (paper)
    "summary": 20,  # messages of a conversation after which its summary is made anew (ours); 0: never
    "operations": ("add", "update", "delete", "none"),  # what may become of a fact (paper)
    "dense": True,  # recall by cosine (paper); False: by words
    "window": 4000,  # characters of one message; longer ones become several (ours)
}
FACTS, SUMMARY = forms.records({"text": 240}, 6, means="facts"), forms.text(1200, means="summary")


def extract(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """The message, and the facts that a model finds in it in the light of what was said before."""
    [event] = events
    made = []
    for start, end in encode.windows(event.text, ctx.params["window"]):
        turn = ctx.memory(event.text[start:end], kind="turn", sources=[Source(event.seq, start, end)], actor=event.actor)
        before = [m for m in ctx.view.recent(max(ctx.params["recent"], 1), "turn") if m.scope == event.scope]
        before, place = [m for m in before if manage.may_change(m, turn)], before[-1].data["place"] + 1 if before else 0
        summary = summarised(before, place, turn, ctx)
        context = [*summary, *(before[-ctx.params["recent"] :] if ctx.params["recent"] else ())]
        shown = {"message": said(turn), "context": "\n".join(map(said, context)), "cites": [turn, *context]}
        found = ctx.ask("extract", FACTS, otherwise=[{"text": said(turn)}], **shown)
        texts = list(dict.fromkeys(text for record in found if (text := record["text"].strip())))
        facts = [ctx.memory(text, kind="fact", sources=[located(text, turn)], actor=event.actor) for text in texts]
        made += [*[m for m in summary if m.opened is None], turn.revised(data={"place": place, "summary": [m.id for m in summary]}), *facts]
    return made


def said(turn: Memory) -> str:
    """A message with its speaker."""
    return f"{turn.actor}: {turn.text}" if turn.actor else turn.text


def located(text: str, turn: Memory) -> Source:
    """Where a fact's words stand in its message, or the whole message where the fact is in other words."""
    [whole], at = turn.sources, turn.text.find(text)
    return whole if at < 0 else Source(whole.seq, whole.start + at, whole.start + at + len(text))


def summarised(before: Sequence[Memory], place: int, turn: Memory, ctx: Context) -> list[Memory]:
    """The conversation's summary as it was at the last message, or a new one where it is time; [] where there is none."""
    every = ctx.params["summary"]
    held = [ctx.view.get(id) for id in before[-1].data["summary"]] if before and every else []
    kept = [m for m in held if m is not None and manage.may_change(m, turn)]
    if not every or not before or place % every:
        return kept
    new = [m for m in ctx.view.recent(every, "turn") if m.scope == turn.scope and manage.may_change(m, turn)]
    words = ctx.ask("summarise", SUMMARY, conversation="\n".join(map(said, [*kept, *new])), cites=[*kept, *new], otherwise="")
    sources = [source for m in new for source in m.sources]
    return [ctx.memory(words, kind="summary", sources=sources, basis=[*kept, *new], trust=ctx.authority)] if words else kept


def update(memories: Sequence[Memory], ctx: Context) -> list[Memory]:
    """Each fact against its nearest: it is added, it changes one, it ends one that it contradicts, or it is known already."""
    written: dict[str, Memory] = {m.id: m for m in memories if m.kind != "fact"}
    for fact in (m for m in memories if m.kind == "fact"):
        known = [m for old in neighbours(fact, ctx) if (m := written.get(old.id, old)).retired is None]
        script = relate.edits(ctx, "relate", ctx.params["operations"], known, newer=fact, fact=fact.text, cites=[fact]) if known else []
        for op, old, text in script:
            if old is not None and op == "update":
                both = tuple(dict.fromkeys((*old.sources, *fact.sources)))
                written[old.id] = old.revised(text=text, sources=both, trust=min(old.trust, fact.trust))
            elif old is not None and op == "delete":
                written[old.id] = old.retire(fact.since or ctx.at, "superseded").revised(data={"replaced_by": fact.id})
        if not script or any(op in ("add", "delete") for op, _, _ in script):
            written[fact.id] = fact  # also where nothing valid was decided: no fact is lost
    return list(written.values())


def neighbours(fact: Memory, ctx: Context) -> list[Memory]:
    """The facts nearest to it that hold, said no later, and trusted no less than it needs."""
    most = ctx.params["near"]
    near = (h.memory for h in ctx.view.nearest(ctx.embed([fact.text])[0], most + 4, ("fact",))) if most else ()
    return [m for m in near if m.retired is None and (m.since or ctx.at) <= (fact.since or ctx.at) and manage.may_change(m, fact)][:most]


def retrieve(query: Query, ctx: Context) -> list[Hit]:
    """The facts nearest to the question; what was deleted only where the question is about a time at which it held."""
    dense, most = ctx.params["dense"], 2 * query.k
    hits = ctx.view.nearest(ctx.embed([query.text])[0], most, ("fact",)) if dense else ctx.view.matching(query.text, most, ("fact",))
    return [h for h in hits if h.memory.retired is None or query.valid_at is not None][: query.k]


def answer(query: Query, hits: Sequence[Hit], ctx: Context) -> str:
    """A short answer from the facts, in the order in which they were learned."""
    facts = budget.dated(budget.chronological(hits))
    return ctx.ask("answer", forms.text(400, means="answer"), facts=facts, question=query.text, cites=hits, otherwise=hits[0].memory.text)


recipe = Recipe(
    name="mem0_style", encode=extract, store=update, retrieve=retrieve, answer=answer, needs=frozenset({"ask"}),
    asks=frozenset({"answer"}), embeds=frozenset({"fact"}), params=PARAMS, prompts=prompts(__file__))
