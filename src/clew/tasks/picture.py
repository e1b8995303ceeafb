"""A task's graph as a picture: boxes in layers for the terminal, and SVG."""

from collections.abc import Mapping
from html import escape

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from clew.operators.budget import clipped
from clew.tasks.graph import ALWAYS, Edge, Node, TaskGraph
from clew.tasks.state import TaskState

SIGNS: Mapping[str, str] = {"pending": "○", "running": "◐", "waiting": "?", "finished": "●", "failed": "✗", "skipped": "–"}
STYLES: Mapping[str, str] = {
    **{"pending": "dim", "running": "cyan", "waiting": "bold yellow", "finished": "green", "failed": "bold red", "skipped": "dim"},
    **{"cancelled": "red"},
}
# fill, outline and text of a box by status: dark enough on white, light enough on black
COLOURS: Mapping[str, tuple[str, str, str]] = {
    "pending": ("#f6f7f9", "#8a94a3", "#3b4351"),
    "running": ("#dff1fb", "#1c7fb4", "#0d4a6b"),
    "waiting": ("#fff3cf", "#c28a00", "#6b4c00"),
    "finished": ("#e0f4e4", "#2c8a45", "#154a24"),
    "failed": ("#fde3e1", "#c6372c", "#6e1710"),
    "skipped": ("#ffffff", "#c3c9d2", "#98a1ae"),
}
EDGES: Mapping[str, str] = {"pending": "#8a94a3", "enabled": "#2c8a45", "disabled": "#d5d9df"}
WIDE, HIGH, ACROSS, DOWN, EDGE = 190, 58, 30, 62, 24  # of a box; between boxes and layers; around: pixels
TITLE, PASSING = 34, 40  # above the first layer; what an edge takes up in a layer that it passes: pixels
LETTERS = 26  # of a goal in a box
SHOWN = 34  # characters of a box in the terminal


def layers(graph: TaskGraph) -> list[list[Node]]:
    """The nodes by the longest way that leads to each, in the graph's order within a layer; circles are cut."""
    depth = {n.id: 0 for n in graph.nodes}
    for _ in graph.nodes:
        moved = False
        for edge in graph.edges:
            if edge.source in depth and depth.get(edge.target, 0) < depth[edge.source] + 1 < len(graph.nodes):
                depth[edge.target], moved = depth[edge.source] + 1, True
        if not moved:
            break
    found: dict[int, list[Node]] = {}
    for node in graph.nodes:
        found.setdefault(depth[node.id], []).append(node)
    return [found[d] for d in sorted(found)]


def boxes(state: TaskState) -> RenderableType:
    """The graph for a terminal: a row of boxes for each layer, and the edges that have conditions below."""
    parts: list[RenderableType] = []
    for layer in layers(state.graph):
        parts.append(Columns([_box(state, node) for node in layer], padding=(0, 1)))
    chosen = [e for e in state.graph.edges if e.condition != ALWAYS]
    return Group(*parts, *[_way(e) for e in chosen])


def _box(state: TaskState, node: Node) -> Panel:
    style, attempts = STYLES[node.status], state.attempts.get(node.id, 0)
    more = ", kept" if node.id in state.kept else f", attempt {attempts}" if attempts > 1 else ""
    text = Text(_cut(node.goal, SHOWN - 4), overflow="ellipsis", no_wrap=True)
    text.append(f"\n{node.status}{more}", style)
    sources = ", ".join(e.source for e in state.graph.into(node.id))
    return Panel(
        text,
        title=Text(f"{SIGNS[node.status]} {node.id}", style),
        title_align="left",
        subtitle=Text(_cut(f"after {sources}", SHOWN - 6), "dim") if sources else None,
        subtitle_align="left",
        border_style=style,
        width=SHOWN,
        padding=(0, 1),
    )


def _way(edge: Edge) -> Text:
    sign = {"pending": "┄", "enabled": "─", "disabled": "╌"}[edge.status]
    style = {"pending": "dim", "enabled": "green", "disabled": "dim strike"}[edge.status]
    return Text(f"  {edge.source} {sign * 2}▶ {edge.target}  if {edge.condition}", style)


def _cut(text: str, letters: int) -> str:
    return clipped(" ".join(text.split()), letters)


def svg(state: TaskState) -> str:
    """The graph as an SVG document that needs nothing beside it: layers from top to bottom, statuses in colour and in words."""
    places, ways, width, height = _laid(state.graph)
    title = f"{state.graph.goal} (version {state.version}, {state.status})"
    lines = [(edge, [places[edge.source], *way, places[edge.target]]) for edge, way in ways]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img"'
            ' font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{escape(title)}</title>",
            "<defs>",
            *[
                f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
                f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
                for name, colour in EDGES.items()
            ],
            "</defs>",
            f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
            f'<text x="{EDGE}" y="{EDGE + 6}" font-size="13" font-weight="600" fill="#222831">{escape(_cut(title, int((width - 2 * EDGE) / 7.4)))}</text>',
            *[_line(edge, points) for edge, points in lines],
            *[_rect(state, node, *places[node.id]) for node in state.graph.nodes],
            *[_words(edge, points, i) for i, (edge, points) in enumerate(lines) if edge.condition != ALWAYS],
            "</svg>",
            "",
        ]
    )


Point = tuple[float, float]  # the middle of a box's upper edge, or where an edge passes a layer: pixels


def _laid(graph: TaskGraph) -> tuple[dict[str, Point], list[tuple[Edge, list[Point]]], float, float]:
    """Where each node lies, by which points each edge passes the layers between its ends, and the size of it all."""
    rows: list[list[tuple[str, float]]] = [[(n.id, WIDE) for n in row] for row in layers(graph)]
    depth = {id: d for d, row in enumerate(rows) for id, _ in row}
    edges = [e for e in graph.edges if e.source in depth and e.target in depth]
    for edge in edges:
        for d in range(depth[edge.source] + 1, depth[edge.target]):
            rows[d].append((edge.name, PASSING))
    above = {
        e.target: [x.source if depth[x.target] - depth[x.source] == 1 else x.name for x in edges if x.target == e.target] for e in edges
    }
    above.update({e.name: [e.source, e.name] for e in edges})
    total = [sum(w for _, w in row) + ACROSS * (len(row) - 1) for row in rows]
    width, at = max(total) + 2 * EDGE, {}
    places: dict[tuple[int, str], Point] = {}
    for d, row in enumerate(rows):
        order = {id: i for i, (id, _) in enumerate(row)}
        row.sort(key=lambda item: (_mean([at[o] for o in above.get(item[0], ()) if o in at], order[item[0]]), order[item[0]]))
        x = (width - total[d]) / 2
        for id, wide in row:
            places[d, id] = (x + wide / 2, EDGE + TITLE + d * (HIGH + DOWN))
            x += wide + ACROSS
        at.update({id: places[d, id][0] for id, _ in row})
    ways = [(e, [places[d, e.name] for d in range(depth[e.source] + 1, depth[e.target])]) for e in edges]
    return {id: places[d, id] for id, d in depth.items()}, ways, width, 2 * EDGE + TITLE + len(rows) * HIGH + (len(rows) - 1) * DOWN


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _line(edge: Edge, points: list[Point]) -> str:
    (x, y), *rest = points
    y += HIGH
    path = f"M{x:g} {y:g}"
    for i, (x2, y2) in enumerate(rest):
        path += f"C{x:g} {y + DOWN * 0.55:g} {x2:g} {y2 - DOWN * 0.55:g} {x2:g} {y2 - 2:g}"
        if i < len(rest) - 1:
            path += f"V{y2 + HIGH:g}"
        x, y = x2, y2 + HIGH
    dashes = "" if edge.status == "enabled" else ' stroke-dasharray="4 4"'
    return (
        f'<path d="{path}" fill="none" stroke="{EDGES[edge.status]}" stroke-width="1.6"{dashes} marker-end="url(#{edge.status})">'
        f"<title>{escape(f'{edge.source} to {edge.target}: {edge.status}')}</title></path>"
    )


def _words(edge: Edge, points: list[Point], place: int) -> str:
    (x1, y1), (x2, y2) = points[0], points[1]
    y1 += 16 * (place % 2) - 8  # neighbours one above the other
    ink = "#98a1ae" if edge.status == "disabled" else "#3b4351"
    return (
        f'<text x="{x1 + (x2 - x1) * 0.6:g}" y="{(y1 + HIGH + y2) / 2 + 6:g}" text-anchor="middle" font-size="11" fill="{ink}"'
        f' stroke="#ffffff" stroke-width="4" paint-order="stroke">{escape(_cut(edge.condition, 30))}</text>'
    )


def _rect(state: TaskState, node: Node, middle: float, y: float) -> str:
    x = middle - WIDE / 2
    fill, line, ink = COLOURS[node.status]
    attempts = state.attempts.get(node.id, 0)
    more = ", kept" if node.id in state.kept else f", attempt {attempts}" if attempts > 1 else ""
    return (
        f"<g><title>{escape(node.goal)}</title>"
        f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="8" fill="{fill}" stroke="{line}" stroke-width="1.4"/>'
        f'<text x="{x + 10:g}" y="{y + 18:g}" font-weight="600" fill="{ink}">{escape(_cut(node.id, LETTERS))}</text>'
        f'<text x="{x + 10:g}" y="{y + 34:g}" font-size="11" fill="{ink}">{escape(_cut(node.goal, LETTERS + 2))}</text>'
        f'<text x="{x + 10:g}" y="{y + 49:g}" font-size="11" fill="{ink}">{SIGNS[node.status]} {node.status}{more}</text></g>'
    )
