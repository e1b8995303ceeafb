"""Use and sight: which memories a recall showed, so that use can strengthen them, and whether a conclusion may be shown."""

from collections.abc import Sequence

from clew.context import Context
from clew.maintenance import digest
from clew.types import Event, Hit, Memory, Query

VERSION = 1


def recalled(event: Event, candidates: Sequence[Memory], ctx: Context) -> list[Memory]:
    """Of these memories the ones that a `query` event of this recipe showed: an event names them by the digests of their words."""
    if event.body.get("recipe", "").partition("[")[0] != ctx.recipe.name.partition("[")[0]:
        return []
    shown = set(event.body.get("hits", ()))
    return [m for m in candidates if digest(ctx.desk.secret, m) in shown]


def in_sight(hits: Sequence[Hit], query: Query, ctx: Context) -> list[Hit]:
    """The hits whose premises the asker may see too: who asks within a session or of an agent is not told what others led to."""
    if query.scope.session is None and query.scope.agent is None:
        return list(hits)
    return [h for h in hits if all(ctx.view.get(id) is not None for id in h.memory.basis)]
