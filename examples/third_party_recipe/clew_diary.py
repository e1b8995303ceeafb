"""Diary: each day, once it is over, gets an entry that sums it up; questions meet the entries and the words themselves.

Paper:     none
Code:      an example of a recipe in a package of its own
Forms:     token        Functions: factual
Formation: raw, semantic summarization
Evolution: consolidation (local)
Retrieval: hybrid
Quadrant:  II
Group:     explicit
Calls:     1 per day, none per other add; none per recall
Checklist: none
"""

from clew import Recipe
from clew.models import forms
from clew.operators import encode, retrieve
from clew.recipe import prompts

PARAMS = {"entries": True, "most": 60}  # whether days are summed up; turns of a day that are shown for it
ENTRY = forms.text(600, means="summary")


def write(events, ctx):
    """What was said, and where it is the first thing of a day, an entry about the day before."""
    turns = encode.turns(events, ctx)
    before = ctx.view.recent(ctx.params["most"], "turn")
    if not turns or not before or not ctx.params["entries"] or before[-1].since.date() >= turns[0].since.date():
        return turns
    day = [m for m in before if m.since.date() == before[-1].since.date()]
    words = ctx.ask("entry", ENTRY, material=day, otherwise="")
    spans = [span for m in day for span in m.sources]
    return [
        *turns,
        *([ctx.memory(words, kind="entry", sources=spans, basis=day, since=day[0].since, trust=ctx.authority)] if words else []),
    ]


recipe = Recipe("diary", write, retrieve.hybrid, needs=frozenset({"ask"}), params=PARAMS, prompts=prompts(__file__))
