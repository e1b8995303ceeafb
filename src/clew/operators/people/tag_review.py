"""A review of what was known by what is new: rows that share a tag are shown together, and those that say the same become one.

Nothing ends before the model's answer was checked, and nothing is merged with what is trusted otherwise.
"""

from collections.abc import Sequence

from clew.context import Context
from clew.operators import manage
from clew.operators.people import tags
from clew.operators.upkeep import relate
from clew.types import Memory

VERSION = 1


def reviewed(rows: Sequence[Memory], ctx: Context, most: int, least: float, few: int) -> list[Memory]:
    """The new rows, merged with known ones of their kind where they say the same, and those known ones retired as merged.

    Prompt `review`, one call a row that shares a tag with something: `most` known rows are shown, the likest in words, of those
    that share `least` of their words (Jaccard): what says the same shares some, and so most rows need no call. A merged row
    bears at most `few` tags. An answer none of whose words stand in the rows that it merges merges nothing.
    """
    bearing = tags.tagged((tag for row in rows for tag in row.data["tags"]), ctx, kind=rows[0].kind) if rows else []
    near = {row.id: tags.alike(row.text, comparable(row, bearing), most, least) for row in rows}
    kept, ended = list[Memory](), dict[str, Memory]()
    for row, script in zip(rows, ctx.map(lambda row: compared(row, near[row.id], ctx), rows), strict=True):
        same = [(m, text) for _, m, text in script if m is not None and m.id not in ended and tags.origins(text, [row, m])]
        ended |= {m.id: m.retire(ctx.at, "merged") for m, _ in same}
        kept.append(joined(row, [m for m, _ in same], same[-1][1], few) if same else row)
    return [*kept, *ended.values()]


def comparable(row: Memory, known: Sequence[Memory]) -> list[Memory]:
    """Of the known rows those that share a tag, the scope and the level of trust with a new one."""
    mine = set(row.data["tags"])
    near = [m for m in known if m.scope == row.scope and not mine.isdisjoint(m.data["tags"])]
    return [m for m in near if manage.may_change(row, m) and manage.may_change(m, row)]


def compared(row: Memory, shown: Sequence[Memory], ctx: Context) -> list[relate.Edit]:
    """What the model would merge with a new row of the known ones shown.

    The row is cited by the turns that it was made of: the event that is at hand only ended their session.
    """
    if not shown:
        return []
    said = [m for id in row.basis if (m := ctx.view.get(id)) is not None]
    more = {"means": "merge", "cites": said, "thought": row.text}
    return relate.edits(ctx, "review", ("merge",), shown, newer=row, most=len(shown), max_chars=240, **more)


def joined(row: Memory, others: Sequence[Memory], text: str, few: int) -> Memory:
    """One row for all: the new one with the merged words, everybody's sources, `few` tags at most and the latest date."""
    both = [row, *others]
    chosen = list(dict.fromkeys(tag for m in both for tag in m.data["tags"]))[:few]
    return row.revised(
        text=text,
        actor=row.actor if len({m.actor for m in both}) == 1 else None,
        sources=tuple(dict.fromkeys(s for m in both for s in m.sources)),
        basis=tuple(dict.fromkeys(id for m in both for id in m.basis)),
        links=tuple(map(tags.node, chosen)),
        since=max((m.since for m in both if m.since), default=None),
        trust=min(m.trust for m in both),
        data={"tags": chosen, "date": max(m.data["date"] for m in both)},
    )
