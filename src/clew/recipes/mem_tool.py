"""MemTool: the tools in an agent's prompt as a short-term memory: searched, added up to a limit, counted, removed.

Paper:     arXiv:2507.21428
Code:      written from a specification of the paper, no code copied
Forms:     token        Functions: working
Differs:   1. over the limit nothing is added and the agent is told so; what fits is not picked for it
           2. in workflow mode the agent cannot search again (the paper's text can be read either way)
Results:   docs/findings/working_memory_recipes.md
"""
from collections.abc import Sequence
from string import Template
from typing import Annotated, Any

from clew.context import Context
from clew.models import forms
from clew.operators import encode, retrieve
from clew.operators.window import fit, messages, toolbox
from clew.operators.window.reply import refused, told
from clew.recipe import Recipe, prompts
from clew.types import Event, Memory, Query

AUTONOMOUS, WORKFLOW, HYBRID, UNBOUND = "autonomous", "workflow", "hybrid", 10**9
PARAMS = {
    "mode": AUTONOMOUS,  # the agent searches and removes; workflow: a prune and a search before it acts; hybrid: a prune, then it searches
    "limit": 128,  # tools in use at once (paper); 0: no bound
    "count": True,  # the system message says how many are in use (paper: without it models do not remove)
    "prune": True,  # before every request, in workflow and hybrid mode
    "k": 5, "keywords": 8,  # cards of one keyword; keywords of one search (ours)
}
Phrases = Annotated[list[str], "what the tools should be able to do, a phrase for each", (1, 8)]


def receive(events: Sequence[Event], ctx: Context) -> list[Memory]:
    """A document that carries a tool goes to the store as its card; everything else is a message, word for word."""
    function = toolbox.carried(events[0])
    return messages.kept(events, ctx) if function is None else toolbox.shelved(events[0], function, ctx)


def prepare(ctx: Context) -> list[Memory]:
    """Before the agent acts on a request: what is not needed any more goes, then in workflow mode what is needed comes."""
    p, event = ctx.params, ctx.event
    if p["mode"] == AUTONOMOUS or event is None or event.kind != "message" or encode.role(event) not in (None, "user"):
        return []
    gone = pruned(event.text, ctx)
    if p["mode"] == HYBRID:
        return gone
    phrases = ctx.ask("search", forms.texts(p["keywords"], 80, means="queries"), question=event.text, otherwise=[event.text], cites=[event])
    held = kept(gone, ctx)
    return [*gone, *toolbox.added(toolbox.found(phrases, p["k"], ctx), held, ctx)[: max((p["limit"] or UNBOUND) - len(held), 0)]]


def pruned(request: str, ctx: Context) -> list[Memory]:
    """The tools that a model finds not needed for the request, no longer in use."""
    cards = toolbox.used(ctx) if ctx.params["prune"] else []
    form, cites = forms.choices([toolbox.name(m) for m in cards], len(cards)), [*cards, *([ctx.event] if ctx.event else [])]
    shown = toolbox.described(cards)
    return toolbox.removed(ctx.ask("prune", form, question=request, tools=shown, cites=cites, otherwise=[]), ctx) if cards else []


def kept(gone: Sequence[Memory], ctx: Context) -> list[str]:
    """The names of the tools in use once these are gone."""
    return [name for name in toolbox.names(ctx) if name not in {m.text for m in gone}]


def search_tools(keywords: Phrases, ctx: Context) -> list[Memory]:
    """Find tools in the store by what they do and add them to the tools in use."""
    p = ctx.params
    if p["mode"] == WORKFLOW:
        return [refused("In this mode tools are found before you act; go on with those in use.", ctx)]
    wanted, held, limit = toolbox.found(keywords, p["k"], ctx), toolbox.names(ctx), p["limit"] or UNBOUND
    gone = pruned("; ".join(keywords), ctx) if p["mode"] == HYBRID and len({*held, *map(toolbox.name, wanted)}) > limit else []
    held = kept(gone, ctx)
    whole = len({*held, *map(toolbox.name, wanted)})
    if whole > limit:
        how = "remove some with Remove_Tools, then search again" if p["mode"] == AUTONOMOUS else "search for less"
        why = f"{whole} tools would be in use and {limit} is the limit, so none was added: {how} ({whole - limit} too many)."
        return [*gone, refused(why, ctx)]
    found = toolbox.described(wanted) or "No tool was found."
    return [*gone, *toolbox.added(wanted, held, ctx), told(f"{found}\n{whole} tools are now in use.", ctx)]


def remove_tools(names: Annotated[list[str], "names of tools in use", (1, 128)], ctx: Context) -> list[Memory]:
    """Remove tools that are not needed any more from the tools in use; the store keeps them."""
    if ctx.params["mode"] != AUTONOMOUS:
        return [refused("In this mode tools are removed for you.", ctx)]
    held = toolbox.names(ctx)
    if unknown := [name for name in names if name not in held]:
        return [refused(f"Not in use, so nothing was removed: {', '.join(unknown)}. In use: {', '.join(held) or 'none'}.", ctx)]
    left = len(held) - len(set(names))
    return [*toolbox.removed(names, ctx), told(f"Removed. {left} tools are now in use.", ctx)]


def active_tools(ctx: Context) -> str:
    """For the caller of a chat API: its `tools` as JSON, those of this mode and those in use."""
    return toolbox.offered({name: TOOLS[name] for name in OFFERED[ctx.params["mode"]]}, ctx)


def window(query: Query, ctx: Context) -> list[dict[str, Any]]:
    """The session's messages under a system message that says how tools come and go, and how many there are."""
    shown = [messages.rendered(m) for m in messages.messages(ctx) if (m.scope.user, m.scope.session) == (ctx.scope.user, ctx.scope.session)]
    count = {"count": len(toolbox.names(ctx)), "limit": ctx.params["limit"] or "any number"}
    parts = [ctx.recipe.prompts[ctx.params["mode"]], *([ctx.recipe.prompts["count"]] if ctx.params["count"] else [])]
    head = Template("\n".join(parts)).safe_substitute(count)
    return [dict(m) for m in fit.fitted(fit.units(messages.paired(toolbox.headed(head, shown))), query.max_tokens, ctx)]


TOOLS = {"Search_Tools": search_tools, "Remove_Tools": remove_tools, "Active_Tools": active_tools}
OFFERED = {AUTONOMOUS: ("Search_Tools", "Remove_Tools"), HYBRID: ("Search_Tools",), WORKFLOW: ()}
recipe = Recipe(
    name="mem_tool", encode=receive, manage=prepare, retrieve=retrieve.bm25, window=window, tools=TOOLS,
    edits=frozenset({"Search_Tools", "Remove_Tools"}), indexed=toolbox.indexed, embeds=frozenset({toolbox.CARD}), shares="agent",
    functions=("working",), params=PARAMS, prompts=prompts(__file__))
workflow = recipe.variant("workflow", mode=WORKFLOW, needs=frozenset({"ask"}))
hybrid = recipe.variant("hybrid", mode=HYBRID, needs=frozenset({"ask"}))
