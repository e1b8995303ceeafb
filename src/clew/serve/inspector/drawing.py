"""Memories and what ties them, as a picture that the server draws: names that several share, and what was concluded from what."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clew.serve.inspector.frame import Visit
from clew.serve.inspector.markup import Html, el
from clew.serve.inspector.pieces import linked, short
from clew.types import Memory

MOST = 160  # memories in one picture
NAMES = 60  # nodes that are no memory
ROUNDS = 150  # of the layout
WIDE, HIGH, EDGE = 1000.0, 700.0, 40.0
LONGEST = 170.0  # of the ties of a small picture, which need not fill the page
LABELS = 24  # of the nodes with most ties that bear their name
FEW = 12  # memories, up to which they bear theirs too
REACHED = 30  # memories of a picture that the Tab key leads to; the pages of the list have them all


@dataclass(frozen=True, slots=True)
class Ties:
    """What is drawn: nodes (ids of memories, or names), and which are tied; `derived` ones are conclusions."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    derived: frozenset[tuple[int, int]]
    degrees: tuple[int, ...]


def tied(memories: Sequence[Memory], centre: str | None = None) -> Ties:
    """The ties among these memories: of those that have any the most tied, or those nearest to the one in the centre."""
    known = {m.id: m for m in memories}
    ties: dict[tuple[str, str], bool] = {}
    for m in memories:
        for link in m.links:
            if spoken(link) and link != m.id:
                ties.setdefault((m.id, link), False)
        for premise in m.basis:
            if premise in known:
                ties[(m.id, premise)] = True
    count = Counter(node for pair in ties for node in pair)
    ties = {pair: kind for pair, kind in ties.items() if pair[1] in known or count[pair[1]] > 1 or centre in pair}
    chosen = _chosen(ties, known, centre)
    nodes = tuple(sorted(chosen))
    place = {node: i for i, node in enumerate(nodes)}
    pairs = {(place[a], place[b]): kind for (a, b), kind in ties.items() if a in place and b in place}
    degree = Counter(i for pair in pairs for i in pair)
    return Ties(nodes, tuple(pairs), frozenset(p for p, kind in pairs.items() if kind), tuple(degree[i] for i in range(len(nodes))))


def _chosen(ties: Mapping[tuple[str, str], bool], known: Mapping[str, Memory], centre: str | None) -> set[str]:
    """Which nodes are drawn: breadth first from the centre, or from the most tied."""
    beside: dict[str, list[str]] = {}
    for a, b in ties:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    starts = [centre] if centre is not None else sorted(beside, key=lambda node: (-len(beside[node]), node))
    found, memories, names = dict.fromkeys(starts[:1]), 0, 0
    queue = list(starts)
    seen = set(queue[:1]) if centre is not None else set(queue)
    while queue and memories < MOST:
        node = queue.pop(0)
        for other in [node, *beside.get(node, ())]:
            if other in known:
                memories += other not in found
            elif other not in found:
                if names >= NAMES:
                    continue
                names += 1
            found[other] = None
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return {node for node in found if node in beside or node == centre}


def placed(ties: Ties) -> np.ndarray:
    """A place for each node, spring by spring (Fruchterman and Reingold), the same for the same ties."""
    n = len(ties.nodes)
    turn = np.arange(n) * (math.pi * (3 - math.sqrt(5)))  # a sunflower to begin with: no chance, no two in one place
    at = np.stack([np.cos(turn), np.sin(turn)], 1) * np.sqrt(np.arange(1, n + 1) / max(n, 1))[:, None]
    ends = np.array(ties.edges, int).reshape(-1, 2)
    near = 1.6 / math.sqrt(max(n, 1))
    for heat in np.linspace(0.12, 0.004, ROUNDS):
        apart = at[:, None] - at[None]
        far = np.maximum(np.sqrt((apart**2).sum(2)), 1e-3)
        push = (apart * (near**2 / far**2)[..., None]).sum(1)
        along = at[ends[:, 0]] - at[ends[:, 1]]
        pull = along * (np.sqrt((along**2).sum(1)) / near)[:, None]
        np.add.at(push, ends[:, 0], -pull)
        np.add.at(push, ends[:, 1], pull)
        push -= at * 0.9 * near * math.sqrt(max(n, 1))  # parts that nothing ties together stay in the picture
        size = np.maximum(np.sqrt((push**2).sum(1)), 1e-9)
        at += push * (np.minimum(size, heat) / size)[:, None]
    low, high = at.min(0), at.max(0)
    scale = np.minimum((np.array([WIDE, HIGH]) - 2 * EDGE) / np.maximum(high - low, 1e-9), LONGEST / near)
    size = (high - low) * scale
    return (at - low) * scale + [(WIDE - size[0]) / 2, EDGE]


def picture(visit: Visit, memories: Sequence[Memory], centre: str | None = None) -> tuple[Html | None, Ties]:
    """The drawing, and what is in it; None where nothing is tied to anything."""
    known = {m.id: m for m in memories}
    ties = tied(memories, centre)
    if not ties.edges:
        return None, ties
    at = placed(ties)
    lines = [
        el(
            "line",
            x1=f"{at[a, 0]:.1f}",
            y1=f"{at[a, 1]:.1f}",
            x2=f"{at[b, 0]:.1f}",
            y2=f"{at[b, 1]:.1f}",
            class_="tie drawn" if (a, b) in ties.derived else "tie",
            data_a=a,
            data_b=b,
        )
        for a, b in ties.edges
    ]
    count = sum(node in known for node in ties.nodes)
    order = sorted(range(len(ties.nodes)), key=lambda i: (ties.nodes[i] in known, -ties.degrees[i], i))
    named = {i for i in order[:LABELS] if ties.nodes[i] not in known or count <= FEW or ties.nodes[i] == centre}
    reached = {*[i for i in order if ties.nodes[i] in known][:REACHED]}
    nodes = [_node(visit, ties, i, at[i], known.get(ties.nodes[i]), centre, i in named, i in reached) for i in range(len(ties.nodes))]
    said = f"{count} memories, {len(ties.nodes) - count} names, {len(ties.edges)} ties"
    drawing = el(
        "svg",
        el("g", lines),
        el("g", nodes),
        viewBox=f"0 0 {WIDE:g} {at[:, 1].max() + EDGE:.0f}",
        class_="graph",
        role="group",
        aria_label=said,
    )
    return drawing, ties


def _node(
    visit: Visit, ties: Ties, i: int, at: np.ndarray, memory: Memory | None, centre: str | None, labelled: bool, reached: bool
) -> Html:
    size = 4 + 1.8 * math.sqrt(ties.degrees[i])
    words = short(memory.text, 140) if memory else called(ties.nodes[i])
    kind = "centre" if ties.nodes[i] == centre else "ended" if memory and memory.retired else "memory" if memory else "name"
    inside = [el("title", words), el("circle", cx=f"{at[0]:.1f}", cy=f"{at[1]:.1f}", r=f"{size:.1f}")]
    if labelled:
        left = at[0] > WIDE * 0.7
        x = at[0] - size - 4 if left else at[0] + size + 4
        anchor = "end" if left else "start"
        inside.append(el("text", short(words, 28), x=f"{x:.1f}", y=f"{at[1] + 4:.1f}", text_anchor=anchor, aria_hidden="true"))
    group = el("g", inside, class_=f"node {kind}", data_node=i)
    if memory is None:
        return group
    return el("a", group, href=linked(visit, memory), aria_label=words, tabindex=None if reached else "-1")


def spoken(node: str) -> bool:
    """Whether a link says something to a reader: recipes have some by which they only find repetitions, and the engine its own."""
    return node.isprintable() and not node.startswith("words:")


def called(node: str) -> str:
    """A node's name without the prefix by which recipes tell their nodes apart."""
    head, colon, rest = node.partition(":")
    return rest.replace("|", ": ").strip(": ") if colon and rest and head.isidentifier() else node
