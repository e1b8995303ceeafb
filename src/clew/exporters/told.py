"""What both forms of an export walk through: every memory of a view, whoever's it is, with the words it came from."""

from collections import Counter
from collections.abc import Iterator

from clew import recall as recalling
from clew.engine import Clew
from clew.storage.shapes import Only
from clew.storage.view import Part
from clew.types import Memory, Query, Quote, Scope


def memories(c: Clew, recipe: str | None, left: Counter[str]) -> Iterator[tuple[Memory, list[Quote]]]:
    """The memories of all partitions as they are now, archived ones too, those common to all first, each once and with its quotes.

    What is not among them is counted in `left`: quarantined memories, and pending events, which the view has not taken in.
    """
    folder = c._views.serving(recipe or c._default)

    def there(part: Part) -> list[Memory]:
        view = folder.view.draft(part, part.cursor, Only(shelf=2))
        found = view.at_slots(view.columns().slot.tolist())
        withdrawn = recalling.retracted(folder, Query("", Scope()), [part])
        return [memory for memory in found if withdrawn.isdisjoint(memory.rests)]

    for key in sorted(part.key for part in folder.view.parts()):
        part = folder.view.part(key)
        if part is None:
            continue  # somebody took it away meanwhile
        if folder.due(key, part):
            left["pending"] += len(folder.view.due(key, part.cursor, c.log.head()))
        for memory in recalling.steady(lambda part=part: there(part)):
            if memory.status == "quarantined":
                left["quarantined"] += 1
            else:
                yield memory, c.thread(memory.id)
