"""When a node fires: StepFly's rule, for every graph.

A node starts when no edge into it is pending and at least one is enabled; one without edges into it, at once. `end` starts as
soon as one edge into it is enabled: nothing else starts any more, and what still runs is stopped. Where all edges into a node
are disabled it is skipped, and the edges out of it are disabled, and so on. A failed node disables the edges out of it.
"""

from collections.abc import Mapping
from dataclasses import replace

from clew.errors import UsageError
from clew.tasks.conditions import compiled
from clew.tasks.graph import ALWAYS, END, SETTLED, Edge, EdgeStatus, Node, NodeStatus, Outcome, TaskGraph

BUSY = frozenset({"running", "waiting"})


def ready(graph: TaskGraph) -> tuple[Node, ...]:
    """The nodes that may start now, in the graph's order; only `end` once it may, and nothing once it has."""
    last = next((n for n in graph.nodes if n.id == END), None)
    if last is not None and last.status in BUSY | {"finished", "failed"}:
        return ()
    if last is not None and _fires(last, graph.into(END)):
        return (last,)
    into = _into(graph)
    return tuple([n for n in graph.nodes if _fires(n, into.get(n.id, ()))])


def _fires(node: Node, into: tuple[Edge, ...]) -> bool:
    if node.status != "pending":
        return False
    if node.id == END and into:
        return any(e.status == "enabled" for e in into)
    return all(e.status != "pending" for e in into) and (not into or any(e.status == "enabled" for e in into))


def choices(graph: TaskGraph, id: str, outcome: Outcome) -> dict[str, bool]:
    """For each edge out of a node that finished, whether it is taken: as the outcome says, else as its condition does.

    By target; UsageError where nobody can tell, or the outcome names an edge that is not there.
    """
    edges = graph.out_of(id)
    known = {name for e in edges for name in (e.target, e.name)}
    if unknown := [name for name in outcome.edges if name not in known]:
        raise UsageError(f"{id} chose the edge {unknown[0]!r}, which is not there; it has {', '.join(e.target for e in edges) or 'none'}")
    return {e.target: _taken(e, outcome) for e in edges}


def _taken(edge: Edge, outcome: Outcome) -> bool:
    for name in (edge.target, edge.name):
        if name in outcome.edges:
            return bool(outcome.edges[name])
    if edge.condition == ALWAYS:
        return True
    predicate = compiled(edge.condition)
    if predicate is None:
        raise UsageError(f"{edge.name} has the condition {edge.condition!r:.120}, and {edge.source} did not say whether it holds")
    return predicate.holds(outcome.outputs)


def started(graph: TaskGraph, id: str) -> TaskGraph:
    """The graph with that node running; where it is `end`, what ran beside it is skipped."""
    if id == END:
        graph = replace(graph, nodes=tuple([replace(n, status="skipped") if n.status in BUSY else n for n in graph.nodes]))
    return marked(graph, id, "running")


def marked(graph: TaskGraph, id: str, status: NodeStatus) -> TaskGraph:
    """The graph with that node in that status, and nothing else changed."""
    return replace(graph, nodes=tuple([replace(n, status=status) if n.id == id else n for n in graph.nodes]))


def settled(graph: TaskGraph, id: str, status: NodeStatus, taken: Mapping[str, bool] | None = None) -> TaskGraph:
    """The graph after a node finished, failed or was skipped: its edges decided, and what can no longer start skipped."""
    if status not in SETTLED:
        raise UsageError(f"a node settles as one of {', '.join(sorted(SETTLED))}; got {status!r}")
    taken = (taken or {}) if status == "finished" else {}

    def decided(edge: Edge) -> EdgeStatus:
        return "enabled" if status == "finished" and taken.get(edge.target, edge.condition == ALWAYS) else "disabled"

    graph = marked(graph, id, status)
    graph = replace(graph, edges=tuple([replace(e, status=decided(e)) if e.source == id else e for e in graph.edges]))
    return skipping(graph)


def skipping(graph: TaskGraph) -> TaskGraph:
    """The graph with every pending node skipped whose inputs are all disabled, and so on along the edges."""
    nodes, edges = {n.id: n for n in graph.nodes}, list(graph.edges)
    while True:
        into = _into(replace(graph, edges=tuple(edges)))
        gone = {n.id for n in nodes.values() if n.status == "pending" and n.id in into and all(e.status == "disabled" for e in into[n.id])}
        if not gone:
            return replace(graph, nodes=tuple(nodes.values()), edges=tuple(edges))
        nodes.update({id: replace(nodes[id], status="skipped") for id in gone})
        edges = [replace(e, status="disabled") if e.source in gone else e for e in edges]


def _into(graph: TaskGraph) -> dict[str, tuple[Edge, ...]]:
    found: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        found.setdefault(edge.target, []).append(edge)
    return {id: tuple(edges) for id, edges in found.items()}
