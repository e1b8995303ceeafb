"""What an agent sees of a session whose messages have fragments, and what it is told when it changes that."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clew.context import Context
from clew.maintenance import REPLY
from clew.operators.window import fit, fragments, messages
from clew.types import Memory

VERSION = 1


def seen(said: Sequence[Memory], held: Iterable[Memory], ctx: Context, structure: bool = True) -> list[dict[str, Any]]:
    """The messages as they are seen with these fragments: as many as there are, and in their order.

    Without `structure` a message that is folded from end to end is left out.
    """
    of, found = fragments.grouped(held), list[dict[str, Any]]()
    for message in said:
        mine, text = of.get(message.id, []), fragments.content(message)
        if text is None or not mine:
            found.append(messages.rendered(message))
        elif structure or (0, len(text)) not in map(fragments.bounds, fragments.hidden(mine)):
            found.append(messages.rendered(message, fragments.shown(text, mine, ctx)))
    return found


def pressed(shown: Sequence[Mapping[str, Any]], names: Iterable[str], ctx: Context) -> list[fit.Unit]:
    """The messages as units that may each be shown as a line that says how to read it; instructions may not."""
    found = list[fit.Unit]()
    for message, name in zip(shown, names, strict=True):
        size = ctx.tokens(messages.words(message))
        line = f'[{size} tokens not shown for lack of room; get_search_detail("{name}@0") reads from their start]'
        short = ({**message, "content": line},) if message.get("content") else None
        found.append(fit.Unit((message,), short, message["role"] == "system"))
    return found


def spent(said: Sequence[Memory], ctx: Context) -> int:
    """Calls that were answered in this turn: since the user's newest message; refused ones do not count."""
    turn = max((messages.place(m) for m in said if m.data["role"] == "user"), default=0)
    return sum(messages.place(m) > turn and not m.data.get("capped") for m in ctx.view.all(REPLY))


def capped(ctx: Context) -> bool:
    """Whether the turn has had all its calls."""
    return 0 < ctx.params["cap"] <= spent(messages.messages(ctx), ctx)


def reply(text: str, ctx: Context, new: Iterable[Memory] = (), shown: Iterable[Memory] = (), error: bool = False) -> list[Memory]:
    """What a call changes and what the agent is told of it, with what is now seen of the session; `shown` is what the text quotes.

    Parameters of the recipe: `cap`, the calls of one turn after which they are refused (0: none), and `accounting`.
    """
    p, new, said = ctx.params, list(new), messages.messages(ctx)
    if capped(ctx):
        told = f"This turn has had its {p['cap']} calls of these tools. Go on with what you see."
        return [ctx.memory(told, kind=REPLY, error=True, capped=True)]
    if p["accounting"]:
        held = {f.id: f for f in (*fragments.sound(ctx), *new)}
        size = messages.size(seen(said, held.values(), ctx, p["structure"]), ctx)
        whole = messages.size(map(messages.rendered, said), ctx)
        text += f"\n[{size} of {whole} tokens are shown; call {spent(said, ctx) + 1} of {p['cap'] or 'any number'} in this turn]"
    data: dict[str, Any] = {"error": True} if error else {}
    return [*new, ctx.memory(text, kind=REPLY, basis=list(shown), **data)]
