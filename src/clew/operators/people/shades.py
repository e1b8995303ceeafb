"""Facets of one person as growing clusters: which new memories join which, which grow together, what of the rest is a new one.

A shade is a memory with, in its data, `centre` (the mean of its members' unit vectors, in ten-thousandths), `members` (how many
went into it) and `timeline`: entries {id, at, text, second}, one statement each about one memory, in the third and the second person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clew.context import Context
from clew.operators.people import cluster
from clew.types import Memory

VERSION = 1
SCALE = 10_000
Vectors = np.ndarray  # (n, d), rows in the order of the memories they belong to
BANDS = ("very high", "high", "medium", "low", "very low")


@dataclass(frozen=True, slots=True)
class Group:
    """Places of the old shades that become one and of the new vectors that go into it; no old one: a shade begins."""

    old: list[int]
    new: list[int]


def trust(memory: Memory) -> int:
    """The `traits` of a recipe that draws on the better trusted alone: how far a memory may be believed, 0 when it is retired."""
    return 0 if memory.retired else memory.trust


def loose(slots: np.ndarray, shades: Iterable[Memory], ctx: Context) -> np.ndarray:
    """Of these slots those whose memories are in no shade, in the same order; nothing is read, so that it costs nothing."""
    held = [int(id[:16], 16) for shade in shades for id in shade.basis]  # `order` is the head of an id as a number
    return slots[~np.isin(ctx.view.order(slots), np.array(held, np.uint64))]


def grouped(shades: Sequence[Memory], vectors: np.ndarray, clustered: int, params: Mapping[str, float]) -> tuple[list[Group], int]:
    """(the groups that change, how many vectors belonged nowhere when last they were clustered: `clustered`, or anew).

    A vector joins the nearest centre within `join`; centres within `merge` of each other become one. What is left over is
    clustered by Ward's linkage at `ward`, each new group pruned to the nearest `keep` of it, once it has grown by `again`.
    """
    centres = np.array([s.data["centre"] for s in shades], float).reshape(len(shades), vectors.shape[1]) / SCALE
    homes = cluster.joined(vectors, centres, params["join"])
    moved = [grown(centres[j], shades[j].data["members"], vectors[homes == j]) for j in range(len(shades))]
    labels = cluster.merged(np.array(moved, float), params["merge"]) if moved else np.zeros(0, int)
    groups = []
    for label in range(int(labels.max(initial=-1)) + 1):
        old = np.flatnonzero(labels == label)
        new = np.flatnonzero(np.isin(homes, old))
        if len(new) or len(old) > 1:
            groups.append(Group(old.tolist(), new.tolist()))
    alone = np.flatnonzero(homes < 0)
    if len(alone) <= (1 + params["again"]) * clustered:
        return groups, clustered
    found = cluster.kept(vectors[alone], cluster.ward(vectors[alone], params["ward"]), params["keep"])
    groups += [Group([], alone[group].tolist()) for group in found]
    return groups, len(alone) - sum(map(len, found))


def grown(centre: np.ndarray, size: int, vectors: np.ndarray) -> np.ndarray:
    """The mean of `size` unit vectors around that centre and of these."""
    return centre if not len(vectors) else (centre * size + cluster.centre(vectors) * len(vectors)) / (size + len(vectors))


def centred(old: Sequence[Memory], vectors: np.ndarray) -> dict[str, Any]:
    """`centre` and `members` of the shade that these old ones and the new vectors make together."""
    centre, size = np.zeros(vectors.shape[1]) if len(vectors) else np.zeros(len(old[0].data["centre"])), 0
    for shade in old:
        more = shade.data["members"]
        centre, size = (centre * size + np.array(shade.data["centre"]) / SCALE * more) / (size + more), size + more
    return {"centre": np.round(grown(centre, size, vectors) * SCALE).astype(int).tolist(), "members": size + len(vectors)}


def timeline(shades: Iterable[Memory], new: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries of these shades and new ones, in the order in which things happened."""
    return sorted([*(entry for shade in shades for entry in shade.data["timeline"]), *new], key=lambda e: (e["at"], e["id"]))


def banded(shades: Sequence[Memory]) -> list[Memory]:
    """The shades with their `confidence`: a band by the rank of their number of timeline entries, the top fifth very high.

    Equal numbers, equal bands.
    """
    counts = [len(s.data["timeline"]) for s in shades]
    bands = [BANDS[len(BANDS) * sum(other > count for other in counts) // len(counts)] for count in counts]
    return [s if s.data.get("confidence") == band else s.revised(data={"confidence": band}) for s, band in zip(shades, bands, strict=True)]


def unchanged(shades: Sequence[Memory], groups: Sequence[Group]) -> list[Memory]:
    """The shades that no group changes."""
    moved = {place for group in groups for place in group.old}
    return [shade for place, shade in enumerate(shades) if place not in moved]


def attested(shades: Sequence[Memory]) -> list[Memory]:
    """The shades with most timeline entries first."""
    return sorted(shades, key=lambda s: (-len(s.data["timeline"]), s.id))
