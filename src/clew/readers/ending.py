"""What a source says held only for a time: the memories that views made of it end then, so that recall tells it of that time alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from clew import recall as recalling
from clew.engine import Clew
from clew.fold import Folder
from clew.maintenance import reference, rest_on
from clew.readers.files import Left
from clew.storage.log import Entry
from clew.types import TRUST, Event, Memory, Query, Scope

CHUNK = 500  # events that are looked at together


def ended(c: Clew, until: Mapping[int, str], as_lived: bool, left: Callable[[Left], None] | None) -> None:
    """End, as expired, what each of these events alone became, at its moment (ISO 8601) in every recipe that is open.

    Edits, as `Clew.retire` makes them, but at the source's time. What a view has not taken in yet cannot end there; that is
    told to `left`, and a later import makes up for it. An end that is still to come is told too, and left to the words.
    """
    if not until:
        return
    c.catch_up()
    moments = {seq: datetime.fromisoformat(at) for seq, at in until.items()}
    over = sorted(seq for seq, at in moments.items() if at <= datetime.now(UTC))
    for seq in sorted(moments.keys() - over):
        _tell(left, f"event {seq}", "an end that is still to come: it stands in the words alone")
    for start in range(0, len(over), CHUNK):
        scopes: dict[Scope, dict[int, Event]] = {}
        for event in c.log.select(f"seq IN ({','.join(map(str, over[start : start + CHUNK]))}) AND salt IS NOT NULL", ()):
            scopes.setdefault(event.scope, {})[event.seq] = event
        entries = [
            entry
            for scope, events in scopes.items()
            for name in c._views.recipes
            for entry in _ends(c, c._views.serving(name), scope, events, moments, as_lived, left)
        ]
        if entries:
            c.log.append(*entries)


def _ends(
    c: Clew,
    folder: Folder,
    scope: Scope,
    events: Mapping[int, Event],
    moments: Mapping[int, datetime],
    as_lived: bool,
    left: Callable[[Left], None] | None,
) -> Iterator[Entry]:
    """The edits that end what one view made of these events of a scope."""
    part = folder.view.part(recalling.keys(folder, scope)[0])
    if part is None or part.cursor < max(events):
        return _tell(left, f"event {max(events)}", f"an end, in {folder.recipe.name}: its view has not taken in what ended; import again")
    ctx = recalling.looking(folder, Query("", scope, datetime.now(UTC)), part)
    for memory in _made(rest_on([*events], ctx), events):
        [seq] = {source.seq for source in memory.sources}
        body = {"op": "retire", "reason": "expired", **reference(c.database.secret, memory, folder.recipe.name, folder.view.generation.id)}
        key = f"{events[seq].key}:until:{folder.recipe.name}:{memory.id}"
        lived = moments[seq] if as_lived else None
        yield Entry("edit", body, scope, None, TRUST["owner"], moments[seq], key if len(key) <= 500 else None, lived)


def _made(memories: Sequence[Memory], events: Mapping[int, Event]) -> Iterator[Memory]:
    """Those that say what one of the events alone said, and have not ended: what was read off a memory before the memory itself."""
    for memory in reversed(memories):
        said = {source.seq for source in memory.sources}
        if len(said) == 1 and said <= events.keys() and memory.retired is None and memory.status != "quarantined":
            yield memory


def _tell(left: Callable[[Left], None] | None, where: str, why: str) -> None:
    if left is not None:
        left(Left(where, why, False))
