"""The task graph as data: when nodes fire, which edges are taken, what is wrong with a plan, how its state folds from events."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.errors import NotFound, UsageError
from clew.tasks import Edge, Limits, Node, Outcome, TaskGraph, Verdict
from clew.tasks.conditions import Condition, compiled
from clew.tasks.files import graph_json, graph_of, read
from clew.tasks.firing import choices, ready, settled, started
from clew.tasks.graph import content, references, resolved
from clew.tasks.picture import layers
from clew.tasks.verdicts import lint, verifier


def graph(edges: list[tuple[str, ...]], *alone: str, **fields: Any) -> TaskGraph:
    ids = dict.fromkeys([*alone, *(end for e in edges for end in e[:2])])
    return TaskGraph("t", 1, "a goal", tuple(Node(i, i.upper()) for i in ids), tuple(Edge(*e) for e in edges), **fields)


def ids(nodes: tuple[Node, ...]) -> list[str]:
    return [n.id for n in nodes]


def statuses(g: TaskGraph) -> dict[str, str]:
    return {n.id: n.status for n in g.nodes}


# -- the firing rule ------------------------------------------------------------------------------------------------


def test_a_node_without_edges_into_it_starts_at_once_and_others_wait_for_every_edge() -> None:
    g = graph([("a", "c"), ("b", "c")])
    assert ids(ready(g)) == ["a", "b"]
    g = settled(g, "a", "finished")
    assert ids(ready(g)) == ["b"], "one edge into c is still pending"
    assert ids(ready(settled(g, "b", "finished"))) == ["c"]


def test_one_enabled_edge_is_enough_once_no_edge_is_pending() -> None:
    g = settled(graph([("a", "c", "x"), ("b", "c", "y")]), "a", "finished", {"c": False})
    assert ids(ready(settled(g, "b", "finished", {"c": True}))) == ["c"]


def test_where_all_edges_are_disabled_a_node_is_skipped_and_so_is_what_follows_it() -> None:
    g = settled(graph([("a", "b", "x"), ("b", "c"), ("c", "d"), ("a", "e", "not x")]), "a", "finished", {"b": False, "e": True})
    assert statuses(g) == {"a": "finished", "b": "skipped", "c": "skipped", "d": "skipped", "e": "pending"}
    assert {e.name: e.status for e in g.edges} == {
        **{"edge_a_b": "disabled", "edge_b_c": "disabled", "edge_c_d": "disabled", "edge_a_e": "enabled"}
    }


def test_a_failed_node_disables_the_edges_out_of_it_and_other_branches_go_on() -> None:
    g = settled(graph([("a", "c"), ("b", "d")]), "a", "failed")
    assert statuses(g)["c"] == "skipped"
    assert ids(ready(g)) == ["b"]


def test_end_starts_on_any_enabled_edge_blocks_new_starts_and_cuts_what_runs() -> None:
    g = graph([("a", "end"), ("b", "end"), ("b", "c")], "x")
    g = started(started(g, "a"), "b")
    g = settled(g, "a", "finished")
    assert ids(ready(g)) == ["end"], "x could start, and the edge from b is still pending"
    g = started(g, "end")
    assert statuses(g)["b"] == "skipped"
    assert ready(g) == ()


def test_end_is_skipped_where_no_way_leads_to_it() -> None:
    assert statuses(settled(graph([("a", "end", "x")]), "a", "finished", {"end": False}))["end"] == "skipped"


@st.composite
def runs(draw: st.DrawFn) -> tuple[TaskGraph, dict[str, bool], dict[tuple[str, str], bool], list[int]]:
    size = draw(st.integers(1, 8))
    names = [f"n{i}" for i in range(size)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    succeeds = {n: draw(st.integers(0, 4)) > 0 for n in names}
    taken = {e: draw(st.booleans()) for e in edges}
    return graph([(a, b, "?") for a, b in edges], *names), succeeds, taken, draw(st.lists(st.integers(0, 7), min_size=20, max_size=20))


@given(runs())
@settings(max_examples=300, deadline=None)
def test_any_order_of_completion_gives_what_the_rule_says_node_by_node(run: Any) -> None:
    g, succeeds, taken, order = run
    expected: dict[str, str] = {}
    for node in g.nodes:  # their order is a topological one
        into = [e.source for e in g.edges if e.target == node.id]
        enabled = [s for s in into if expected[s] == "finished" and taken[(s, node.id)]]
        expected[node.id] = "skipped" if into and not enabled else "finished" if succeeds[node.id] else "failed"
    for pick in order:
        open_nodes = ready(g)
        if not open_nodes:
            break
        for node in open_nodes:
            into = g.into(node.id)
            assert all(e.status != "pending" for e in into) and (not into or any(e.status == "enabled" for e in into))
        node = open_nodes[pick % len(open_nodes)]
        chosen = {e.target: taken[(e.source, e.target)] for e in g.out_of(node.id)}
        g = settled(started(g, node.id), node.id, "finished" if succeeds[node.id] else "failed", chosen)
    assert statuses(g) == expected
    assert all(e.status != "pending" for e in g.edges)


# -- edges and conditions -------------------------------------------------------------------------------------------


def test_a_condition_with_numbers_is_compiled_and_decided_by_the_outputs() -> None:
    g = graph([("a", "b", "failure_rate > 4.0 and status in ['open', 'new']"), ("a", "c", "failure_rate <= 4"), ("a", "d")])
    assert choices(g, "a", Outcome("finished", {"failure_rate": 4.1, "status": "new"})) == {"b": True, "c": False, "d": True}


def test_a_condition_in_prose_must_be_decided_by_the_executor() -> None:
    g = graph([("a", "b", "the logs look healthy")])
    with pytest.raises(UsageError, match="did not say whether it holds"):
        choices(g, "a", Outcome("finished"))
    assert choices(g, "a", Outcome("finished", edges={"edge_a_b": True})) == {"b": True}
    assert choices(g, "a", Outcome("finished", edges={"b": False})) == {"b": False}
    with pytest.raises(UsageError, match="which is not there"):
        choices(g, "a", Outcome("finished", edges={"z": True, "b": True}))


@pytest.mark.parametrize(
    "text",
    [
        "it is urgent",
        "the ticket is not closed",
        "__import__('os').system('true') == 0",
        "open('f') == 1",
        "().__class__ == 1",
        "[x for x in y] == 1",
        "lambda: 1",
        "rows",
        "is it so?",
        "2 ** 9 > 1",
    ],
)
def test_a_condition_can_compare_and_nothing_else(text: str) -> None:
    assert compiled(text) is None


def test_a_condition_reads_nested_outputs_and_says_what_is_missing() -> None:
    values = {"row": {"n": 3}, "rows": [1, 2], "flag": False}
    for text, holds in [
        ("row.n == 3", True),
        ("len(rows) > 2", False),
        ("rows[1] == 2", True),
        ("not flag == true", True),
        ("1 < row.n < 3", False),
    ]:
        assert Condition(text).holds(values) is holds, text
    with pytest.raises(UsageError, match="there is no count; there is row, rows, flag"):
        Condition("count > 1").holds(values)
    with pytest.raises(UsageError, match="cannot be decided"):
        Condition("row > 1").holds(values)


def test_references_are_filled_in_and_keep_their_type_where_they_stand_alone() -> None:
    results = {"a": {"rows": [1, 2], "name": "x"}}
    assert resolved({"n": "<a.rows>", "t": "<a.name>: <a.rows>!", "first": "<a.rows.0>", "all": "<a>"}, results) == {
        **{"n": [1, 2], "t": "x: [1, 2]!", "first": 1, "all": {"rows": [1, 2], "name": "x"}}
    }
    assert resolved("<b>bold</b>", results) == "<b>bold</b>", "b is no node"
    with pytest.raises(UsageError, match="no output 'cost' of a; it has rows, name"):
        resolved("<a.cost>", results)
    assert references(["<a.rows>", {"x": "and <b>"}]) == {"a", "b"}


def test_a_nodes_content_changes_with_its_work_and_with_the_work_it_builds_on_only() -> None:
    a, b = Node("a", "fetch", "sql", {"q": "select 1"}), Node("b", "count", "code", {"rows": "<a.rows>"})
    g = TaskGraph("t", 1, "g", (a, b), (Edge("a", "b"),))
    other = replace(g, version=2, nodes=(replace(a, budget=Limits(attempts=9), status="finished"), b))
    assert content(g, "a") == content(other, "a") and content(g, "b") == content(other, "b")
    changed = replace(g, nodes=(replace(a, inputs={"q": "select 2"}), b))
    assert content(g, "a") != content(changed, "a") and content(g, "b") != content(changed, "b"), "b builds on what a gives"
    assert content(g, "a") != content(replace(g, nodes=(replace(a, after=("rows > 0",)), b)), "a")


# -- plans ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (graph([("a", "b"), ("b", "a")]), "in a circle"),
        (replace(graph([("a", "b")]), edges=(Edge("a", "z"),)), "'z', which is no node"),
        (replace(graph([]), nodes=(Node("a", "A"), Node("a", "B"))), "two nodes are called a"),
        (replace(graph([("a", "b")]), edges=(Edge("a", "b", "x > 1"), Edge("a", "b", "x < 0"))), "join its conditions by or"),
        (replace(graph([]), nodes=(Node("a", "A"), Node("b", "B", inputs={"x": "<a.y>"}))), "no edges lead from a to it"),
        (replace(graph([]), nodes=(Node("a", "A", inputs={"city": None}),)), "lacks a value for city"),
        (graph([("a", "b", "it looks fine")]), "in prose"),
        (graph([]), "it has no nodes"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_before_anything_runs(wrong: TaskGraph, says: str) -> None:
    found = lint(wrong)
    assert any(says in v.reason for v in found), found
    assert all((v.ok, v.label, v.blame) == (False, "infeasible", "plan") for v in found)


def test_a_sound_plan_has_nothing_wrong_and_unknown_names_are_found() -> None:
    g = graph([("a", "b", "x > 1")])
    assert lint(g) == ()

    def nobody(name: str) -> Any:
        raise NotFound(f"no executor is called {name!r}")

    assert "a names the executor 'pass'" in lint(g, nobody)[0].reason
    with pytest.raises(NotFound, match="no verifier is called 'not a check!'"):
        verifier("not a check!", {})


def test_a_graph_survives_json_and_says_which_value_is_wrong(tmp_path: Path) -> None:
    g = TaskGraph(
        *(
            "t",
            2,
            "g",
            (Node("a", "A", "shell", {"command": "true"}, ("approval",), ("code == 0",), Limits(3, 1.5, 4, 100)), Node("b", "B")),
        ),
        *((Edge("a", "b", "code == 0"),), Limits(2, 10.0, 5), 1, ("a.code == 0",), {"name": "browser", "url": "x"}, "mender", True),
    )
    assert graph_of(json.loads(json.dumps(graph_json(g)))) == g
    file = tmp_path / "task.json"
    for text, says in [
        ("{", "no JSON"),
        ('{"goal": "g"}', "lacks 'nodes'"),
        ('{"goal": "g", "nodes": [{"id": "a"}]}', "a node 'a' lacks 'goal'"),
        ('{"goal": "g", "nodes": [{"id": "a", "goal": "A", "budget": {"seconds": -1}}]}', "should be a number above 0; got -1"),
        ('{"goal": "g", "nodes": [{"id": "a", "goal": "A", "colour": 1}]}', "'colour', which means nothing"),
        ('{"goal": "g", "nodes": [], "edges": [["a"]]}', "an edge is"),
        ('{"goal": "g", "nodes": [], "id": "../x"}', "a task's id has"),
    ]:
        file.write_text(text)
        with pytest.raises(UsageError, match=says):
            read(file)


def test_layers_follow_the_longest_way() -> None:
    assert [[n.id for n in row] for row in layers(graph([("a", "b"), ("b", "d"), ("a", "d"), ("c", "d")]))] == [["a", "c"], ["b"], ["d"]]


def test_verdicts_that_nobody_can_give_are_not_let_pass() -> None:
    node = Node("a", "A")
    held = verifier("rows > 0", {})
    assert held.check("after", node, None, Outcome("finished", {"rows": 1}), None).ok
    assert not held.check("after", node, None, None, None).ok, "after a crash nothing is known of the outputs"
    assert held.check("after", node, None, Outcome("finished", {}), None) == Verdict(
        False, "below-target", reason="'rows > 0' cannot be decided: there is no rows; there is nothing"
    )
