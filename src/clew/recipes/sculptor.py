"""Sculptor: an agent cuts, folds, sums up, restores and searches its own context; every message stays where it is.

Paper:     arXiv:2508.04664
Code:      written from a specification of the paper, no code copied (none was found)
Forms:     token        Functions: working
Differs:   1. cutting alone changes nothing that is shown: ids stand in the tool's answer, so the cached prefix holds
           2. exact search finds folded text too, says that it is folded, and keeps the newest matches; its ids hold the place itself
           3. `restore_fragment` takes "all" too; where a budget is given, the oldest messages show as a line until it fits
           4. only messages whose content is one text can be cut; a summary waits for no model: without one the fragment stays
Results:   docs/working_memory.md
"""
from typing import Annotated, Any, Literal

from clew.context import Context
from clew.models import forms
from clew.operators.window import fit, handles, messages, sight
from clew.operators.window import fragments as cuts
from clew.operators.window.sight import reply
from clew.recipe import Recipe, prompts
from clew.types import Hit, Memory, Query

PARAMS = {
    "restoration": True, "folded_search": True,  # what is hidden comes back; what is hidden is found
    "structure": True,  # as many messages as there were, in their order; off: what is folded whole is left out
    "cap": 20, "accounting": True,  # calls a turn, 0 is no cap (paper); answers say how much is shown
    "fit": True, "step": 0.25,  # over `max_tokens` the oldest messages are shown as lines (ours); off: UsageError
    "summary": 600, "opening": 60,  # characters of a summary, of the words that tell which fragment is which (ours)
}
Role = Annotated[Literal["user", "assistant", "tool", "system", "any"], "whose messages to look in"]
FragmentId = Annotated[str, "the six characters that fragment_context gave it", (1, 20)]
Marker = Annotated[str, "words of the message, copied exactly", (1, 500)]


def fragment_context(start_marker: Marker, end_marker: Marker, ctx: Context, num_fragments: Annotated[int, "how many", (1, 20)] = 5,
                     role: Role = "user") -> list[Memory]:
    """Cut a long message, from one phrase to another, into fragments with ids that can be folded, summarised and restored."""
    span = cuts.between(messages.messages(ctx), role, start_marker, end_marker)
    if span is None:
        return reply(f"No message of role {role} has {start_marker!r} and then {end_marker!r}; copy both exactly.", ctx, error=True)
    made = cuts.made(*span, num_fragments, handles.taken(cuts.sound(ctx)), ctx)
    return reply("\n".join([f"{len(made)} fragments, in order:", *cuts.listed(made, ctx.params["opening"], ctx)]), ctx, made, span[:1])


def changed(name: str, state: str, ctx: Context, **data: Any) -> list[Memory]:
    """The fragment in another state, and what the agent is told; refused where there is none, or hiding it would cut another in two."""
    held = cuts.sound(ctx)
    if (fragment := handles.found(name, held)) is None:
        there = ", ".join(f.data["handle"] for f in held) or "none; fragment_context makes them"
        return reply(f"There is no fragment {name!r}; there are: {there}.", ctx, error=True)
    other = cuts.crossing(fragment, [f for f in held if f.data["of"] == fragment.data["of"]]) if state != cuts.PLAIN else None
    if other is not None:
        return reply(f"[{fragment.data['handle']}] shares words with [{other.data['handle']}]; restore that one first.", ctx, error=True)
    return reply(f"[{fragment.data['handle']}] is {state} now.", ctx, [fragment.revised(data={"state": state, **data})], [fragment])


def fold_fragment(fragment_id: FragmentId, ctx: Context) -> list[Memory]:
    """Hide a fragment behind its id and size. Nothing is lost: restore_fragment brings it back, search_context still finds it."""
    return changed(fragment_id, cuts.FOLDED, ctx)


def summarize_fragment(fragment_id: FragmentId, focus: Annotated[str, "what it must keep", (1, 300)], ctx: Context) -> list[Memory]:
    """Show a summary in place of a fragment, written with a focus. restore_fragment brings the words back."""
    form, fragment, text = forms.text(ctx.params["summary"], "summary"), handles.found(fragment_id, cuts.sound(ctx)), None
    if fragment is not None and not sight.capped(ctx):
        text = ctx.ask("summarise", form, otherwise=None, question=focus, fragment=fragment.text, cites=[fragment])
        if not text:
            return reply(f"No model gave a summary; [{fragment.data['handle']}] stays as it is.", ctx, error=True)
    return changed(fragment_id, cuts.SUMMARISED, ctx, focus=focus, summary=text)


def restore_fragment(fragment_id: Annotated[str, "a fragment's six characters, or all", (1, 20)], ctx: Context) -> list[Memory]:
    """Show a folded or summarised fragment word for word again."""
    if not ctx.params["restoration"]:
        return reply("Nothing is restored here.", ctx, error=True)
    if fragment_id.strip().lower() != "all":
        return changed(fragment_id, cuts.PLAIN, ctx)
    held = [f for f in cuts.sound(ctx) if f.data["state"] != cuts.PLAIN]
    return reply(f"{len(held)} fragments are plain now.", ctx, [f.revised(data={"state": cuts.PLAIN}) for f in held], held)


def search_context(query: Annotated[str, "exact words, capitals as written", (1, 300)], ctx: Context, role: Role = "user",
                   max_results: Annotated[int, (1, 50)] = 10, context_size: Annotated[int, "in characters", (50, 1000)] = 200) -> list[Memory]:
    """Find exact words in the conversation, in folded parts too. Each match has a search id for get_search_detail."""
    found = cuts.matches(messages.messages(ctx), cuts.grouped(cuts.sound(ctx)), query, role, max_results, ctx.params["folded_search"])
    lines = [f"[{m.id}]{'' if m.visible else ' (folded)'} {cuts.around(m.message.text, m.start, m.end, context_size)}" for m in found]
    return reply("\n".join([f"{len(found)} matches of {query!r}:", *lines]), ctx, shown=[m.message for m in found])


def get_search_detail(search_id: Annotated[str, "as search_context gave it, such as 1a2b3c@120", (1, 40)], ctx: Context,
                      extended_context: Annotated[int, "characters around it", (100, 2000)] = 500) -> list[Memory]:
    """Read more of the text around a match."""
    message, at = cuts.located(search_id, messages.messages(ctx))
    if message is None:
        return reply(f"There is no place {search_id!r}; search_context gives search ids.", ctx, error=True)
    return reply(cuts.around(message.text, at, at, extended_context), ctx, shown=[message])


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """Every message in its place, what is folded as its marker."""
    said, p = messages.messages(ctx), ctx.params
    shown = sight.seen(said, cuts.sound(ctx), ctx, p["structure"])
    units = sight.pressed(shown, cuts.names(said), ctx) if p["fit"] and p["structure"] else fit.units(shown)
    return messages.paired(fit.fitted(units, query.max_tokens, ctx, step=p["step"], drop=False))


def look(query: Query, ctx: Context) -> list[Hit]:
    """The messages that match, by BM25."""
    return ctx.view.matching(query.text, query.k, query.kinds or ("message",))


TOOLS = {fn.__name__: fn for fn in (fragment_context, fold_fragment, summarize_fragment, restore_fragment, search_context, get_search_detail)}
recipe = Recipe(
    name="sculptor", encode=messages.kept, retrieve=look, window=window, tools=TOOLS, edits=frozenset(TOOLS), shares="session",
    functions=("working",), asks=frozenset({"fold"}), embeds=frozenset(), params=PARAMS, prompts=prompts(__file__))
