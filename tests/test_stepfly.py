"""StepFly's checklist: a guide is linted, compiled, carried out in parallel, and judged by path and conclusion."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.arena.stepfly_orders import DEFECTS, REPORT, STEPS, SUBJECTS, TROUBLES, orders
from clew.arena.stepfly_world import CAUSES, world
from clew.errors import UsageError
from clew.models import Models, Reply
from clew.tasks import Tasks
from clew.tasks.graph import END, Outcome
from clew.tasks.stepfly import (
    RULES,
    Concluded,
    Sources,
    amended,
    concluded,
    differences,
    executor,
    graph,
    lint,
    mechanical,
    plan_dag,
    plugins,
    read,
    results,
    task,
)
from clew.tasks.stepfly.conclusion import expected, path
from clew.tasks.stepfly.database import asked
from clew.tasks.stepfly.dialect import spoken
from clew.tasks.stepfly.extraction import ways
from clew.tasks.stepfly.fields import Table, tables
from clew.tasks.stepfly.mentor import advised
from clew.tasks.stepfly.plan import edges, numbers
from clew.tasks.stepfly.predicates import compiled

GUIDE = (Path(__file__).parents[1] / "examples" / "slow_orders.md").read_text(encoding="utf-8")
PUBLIC = ("Distributed_System_Low_Availability", "Distributed_System_Low_Availability_Series")


def public(name: str) -> tuple[str, dict[str, Any]]:
    root = os.environ.get("CLEW_DATA")
    if not root or not (Path(root) / "stepfly_tsg").exists():
        pytest.skip("needs StepFly's public guides: set CLEW_DATA to a folder with stepfly_tsg in it")
    folder = Path(root) / "stepfly_tsg" / "TSGs"
    plan = json.loads((folder / "PlanDAGs" / f"{name}_plan_dag.json").read_text(encoding="utf-8"))
    return (folder / f"{name}.md").read_text(encoding="utf-8"), plan


@pytest.fixture
def shop(tmp_path: Path) -> Callable[[str], str]:
    def make(trouble: str) -> str:
        place = tmp_path / f"{trouble}.db"
        if not place.exists():
            orders(place, 1, trouble)
        return str(place)

    return make


def verdict(state: Any, plan: dict[str, Any], step: str, subject: str) -> Any:
    named = [part for part in subject.split("=") if part]
    return Concluded(plan, step, named).check("end", state.graph, None, Outcome("finished", state.results), None)


# -- 1: lint of the guide with the five categories before compiling ------------------------------------------------------------------


def test_item_1_lint_of_the_guide_with_the_five_categories_before_compiling(shop: Any) -> None:
    database = shop("none")
    assert lint(GUIDE, RULES, Sources(database)).counts == {"CP": 0, "CF": 0, "DF": 0, "DI": 0, "PS": 0}
    found = {}
    for defect in DEFECTS:
        spoiled, lines = defect.planted(GUIDE)
        notes = lint(spoiled, RULES, Sources(database)).issues
        found[defect] = any(i.category == defect.category and i.line_number in lines for i in notes)
    for category in ("CP", "CF", "DF", "DI", "PS"):
        mine = [right for defect, right in found.items() if defect.category == category]
        assert len(mine) >= 7
        assert sum(mine) >= 0.8 * len(mine), [d.name for d, right in found.items() if not right]
    with pytest.raises(UsageError, match=r"missing schema: There is no table queue_log"):
        task(GUIDE.replace("FROM queues", "FROM queue_log"), REPORT, database)


def test_without_the_lint_a_spoiled_guide_is_compiled_and_fails_when_it_runs(shop: Any, tmp_path: Path) -> None:
    spoiled = GUIDE.replace("FROM queues", "FROM queue_log")
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).run(graph(read(spoiled), REPORT, shop("queue")))
    assert state.outcomes["Step3.1"]["status"] == "failed"
    assert "no such table: queue_log" in state.outcomes["Step3.1"]["why"]


def test_what_a_person_accepts_is_written_into_the_guide_and_nothing_else(shop: Any) -> None:
    spoiled = GUIDE.replace("FROM parcels\nWHERE", "FROM parcels p\nJOIN orders o ON o.article = p.article\nWHERE")
    with pytest.raises(UsageError, match="ambiguous column"):
        task(spoiled, REPORT, shop("none"))
    report = lint(spoiled, RULES, Sources(shop("none")))
    assert amended(spoiled, [i for i in report.issues if i.fix]) == spoiled.replace(
        "WHERE shop = '{shop}'\nGROUP", "WHERE p.shop = '{shop}'\nGROUP"
    )
    assert "<!-- DI: ambiguous column" in report.annotated()
    assert task(spoiled, REPORT, shop("none"), accept=mechanical)[1].counts["DI"] >= 1


class Reviewing:
    """A text model that notes one thing on the first step, of a category that there is not on the second, and nothing else."""

    name, local = "fake:reviewing", True

    def ask(self, prompt: str, schema: Any, max_tokens: int) -> Reply:
        line = int(re.findall(r"^(\d+): ", prompt, re.M)[0])
        category = "CP" if "Step 1:" in prompt else "ZZ"
        note = {"line_number": line, "category": category, "issue_type": "unclear", "description": "d", "suggestion": "s"}
        return Reply(json.dumps({"issues": [note]}), self.name)


def test_a_model_may_add_notes_but_only_of_the_five_categories_and_on_lines_that_are_there() -> None:
    assert [(i.line_number, i.category) for i in advised(GUIDE, Models(asker=Reviewing()))] == [(5, "CP")]
    assert advised(GUIDE, Models()) == ()


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_guides_notes_are_true_and_mend_them(name: str, tmp_path: Path) -> None:
    text, _ = public(name)
    world(tmp_path / "w.db", 1, None, 0.25)
    sources = Sources(str(tmp_path / "w.db"))
    report = lint(text, RULES, sources)
    kinds = [(i.category, i.issue_type) for i in report.issues]
    assert ("CP", "contradicting threshold") in kinds  # HIGH_ERROR_RATE: 8 % and 1000 in the text, 15 % and 500 in the query
    assert kinds.count(("DI", "ambiguous column")) == 4
    assert ("CF", "missing branch") in kinds  # step 9
    assert report.counts["DF"] == report.counts["PS"] == 0
    assert not [i for i in lint(amended(text, [i for i in report.issues if i.fix]), RULES, sources).issues if i.category == "DI"]


# -- 2: the PlanDAG schema and exact-threshold conditions ----------------------------------------------------------------------------


def test_item_2_the_plan_dag_schema_and_exact_threshold_conditions() -> None:
    guide = read(GUIDE)
    plan = plan_dag(guide)
    assert [n["node"] for n in plan["nodes"]] == ["start", *(s.id for s in guide.steps), "end"]
    assert all(set(n) == {"node", "description", "input_edges", "output_edges"} for n in plan["nodes"])
    conditions = {(source, target): condition for source, target, condition in edges(plan)}
    assert conditions["Step3.1", "end"] == "a queue is STUCK or its wait exceeds 2.5 seconds"
    assert conditions["Step1", "Step2"] == "none"
    assert [t for s, t in conditions if s == "Step3"] == ["Step3.1", "Step3.2", "Step3.3"]  # an overview, and its parts side by side
    for way in (w for mine in ways(guide).values() for w in mine):
        for condition, predicate in zip(way.conditions, way.predicates, strict=True):
            tested = {float(t.value) for case in (predicate.cases if predicate else ()) for t in case if not isinstance(t.value, str)}
            said = {n * (1000 if "seconds" in condition else 1) for _, n in numbers(condition)}
            assert said <= tested, condition
    with pytest.raises(UsageError, match="edge_Step1_Step2 leaves Step1, but is no input edge of Step2"):
        list(edges({"nodes": [{**n, "input_edges": []} if n["node"] == "Step2" else n for n in plan["nodes"]]}))


@pytest.mark.parametrize("name", PUBLIC)
def test_the_plans_that_were_made_by_hand_are_found_in_the_guides(name: str) -> None:
    text, gold = public(name)
    mine = {(s, t): c for s, t, c in edges(plan_dag(read(text)))}
    given = {(s, t): c for s, t, c in edges(gold)}
    assert mine.keys() == given.keys()
    assert {ends for ends, c in mine.items() if c != "none"} == {ends for ends, c in given.items() if c != "none"}
    assert not differences(read(text), gold)


def test_several_conditions_for_one_target_are_joined_by_or() -> None:
    guide = read(
        "## Step 1 - A\n\n`x`\n\nIf the rate is over 5%, go to Step 2. If the count is under 3, go to Step 2. Otherwise, go to Step 3.\n"
    )
    way = ways(guide)["Step1"][0]
    assert way.condition == "the rate is over 5% or the count is under 3"


def test_conditions_mean_what_they_say() -> None:
    table = Table("t", ("name", "state", "error_rate", "request_count", "wait_ms"), {"LATE": "state", "STUCK": "state"})
    rows = [("a", "LATE", 9.0, 50, 900.0), ("b", "FINE", 4.0, 5000, 2600.0)]
    for text, holds in (
        ("the error rate is above 8%", True),
        ("the error rate exceeds 9 percent", False),
        ("the error rate is at least 9%", True),
        (">8% error rate with >1000 requests", False),
        ("the error rate is over 8% or there are more than 1,000 requests", True),
        ("the wait exceeds 2.5 seconds", True),
        ("every error rate is below 9.5%", True),
        ("all waits are under 2 s", False),
        ("no one is STUCK", True),
        ("none of them is LATE", False),
        ("any is LATE or STUCK", True),
    ):
        found = compiled(text, [table])
        assert found is not None and found.holds(table.columns, rows) is holds, text
    for text in ("it looks bad", "the error rate is not above 8%", "the colour is over 9", "somebody is BROKEN"):
        assert compiled(text, [table]) is None, text  # better asked than guessed


# -- 3: three-state edges with skip propagation and early end ------------------------------------------------------------------------


def test_item_3_three_state_edges_with_skip_propagation_and_early_end(shop: Any, tmp_path: Path) -> None:
    plan = graph(read(GUIDE), REPORT, shop("healthy"))
    assert {e.status for e in plan.edges} == {"pending"}
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).run(plan)
        early = Tasks(c).run(graph(read(GUIDE), REPORT, shop("queue"), id="early", cap=1))
    status = {e.name: e.status for e in state.graph.edges}
    assert (status["edge_Step2_end"], status["edge_Step2_Step3"], status["edge_Step3_Step3.1"]) == ("enabled", "disabled", "disabled")
    assert {n.status for n in state.graph.nodes if n.id.startswith(("Step3", "Step4", "Step5"))} == {"skipped"}
    nodes = {n.id: n.status for n in early.graph.nodes}
    assert nodes[END] == nodes["Step3.1"] == "finished"
    assert "Step4" not in early.results and nodes["Step4"] != "finished"  # the end came first, and nothing started after it
    assert {e.status for e in early.graph.edges} == {"enabled", "disabled", "pending"}


# -- 4: plugins that only fill parameters --------------------------------------------------------------------------------------------


def test_item_4_plugins_that_only_fill_parameters() -> None:
    for plugin in plugins(read(GUIDE)):
        values = {p.name: f"<{p.name}>" for p in plugin.parameters if p.type != "time"}
        times = {p.name: "2025-04-01T08:00:00Z" for p in plugin.parameters if p.type == "time"}
        back = plugin.filled({**values, **times})
        for name, value in {**values, **dict.fromkeys(times, "2025-04-01 08:00:00")}.items():
            back = back.replace(value, f"{{{name}}}") if name in values else back
        assert back.replace("BETWEEN '2025-04-01 08:00:00' AND '2025-04-01 08:00:00'", "BETWEEN '{start_time}' AND '{end_time}'").replace(
            ">= '2025-04-01 08:00:00' AND seen_at <= '2025-04-01 08:00:00'", ">= '{start_time}' AND seen_at <= '{end_time}'"
        ) == (plugin.templated_code)
        assert plugin.templated_code == plugin.original_code
    with pytest.raises(UsageError, match=r"needs shop \(text\)"):
        plugins(read(GUIDE))[0].filled({"start_time": "2025-04-01T08:00:00Z"})


def test_what_a_query_has_written_out_becomes_a_parameter_with_that_default() -> None:
    spoiled = GUIDE.replace("shop = '{shop}' AND seen_at >= '{start_time}'", "shop = 'north' AND seen_at >= '2025-04-01 08:00'")
    plugin = next(p for p in plugins(read(spoiled)) if p.step_reference == "Step3.1")
    assert "shop = '{shop}' AND seen_at >= '{start_time}'" in plugin.templated_code
    assert plugin.filled({"end_time": "2025-04-01T10:00:00Z"}) == plugin.original_code.replace("{end_time}", "2025-04-01 10:00:00")
    assert [p.name for p in plugin.parameters if p.required] == ["end_time"]


def test_a_value_never_leaves_the_literal_that_it_is_put_in(shop: Any) -> None:
    plugin = plugins(read(GUIDE))[0]
    times = {"start_time": "2025-04-01T08:00:00Z", "end_time": "2025-04-01T10:00:00Z"}
    assert asked(shop("none"), plugin.filled({"shop": "north' OR '1'='1", **times})).rows == ()
    with pytest.raises(UsageError, match="must be an ISO time"):
        plugin.filled({"shop": "north", **times, "end_time": "2025' OR 1=1 --"})


def test_a_guides_dialect_gives_the_numbers_that_it_means(tmp_path: Path) -> None:
    orders(tmp_path / "d.db", 2, "none")
    query = """SELECT DATE_TRUNC('30 minutes', '2025-04-01 08:47:10'), STDDEV(x), STDDEV(x) OVER () FROM (SELECT 2 x UNION SELECT 4)"""
    assert asked(str(tmp_path / "d.db"), query.replace(", STDDEV(x) OVER ()", "")).rows == (("2025-04-01 08:30:00", 2**0.5),)
    for sql, value in (
        ("SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY x) FROM (SELECT 1 x UNION SELECT 2)", 1.5),
        ("SELECT SPLIT_PART('3.14.2', '.', 2)", "14"),
        ("SELECT EXTRACT(EPOCH FROM ('2025-04-01 09:00:00' - '2025-04-01 08:00:00')) / 60", 60),
        ("SELECT LEAST(3, GREATEST(1, 2))", 2),
        ("SELECT REGR_SLOPE(y, x) FROM (SELECT 1 x, 3 y UNION SELECT 2, 5 UNION SELECT 3, 7)", 2.0),
        ("SELECT 'NOW()', 1 -- DATE_TRUNC(", "NOW()"),
    ):
        assert asked(str(tmp_path / "d.db"), sql).rows[0][0] == value, spoken(sql)


# -- 5: results in memory by reference, summaries to the model -----------------------------------------------------------------------


class Listening:
    """A text model that answers yes and keeps what it was shown."""

    name, local = "fake:listening", True

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def ask(self, prompt: str, schema: Any, max_tokens: int) -> Reply:
        self.prompts.append(prompt)
        return Reply('{"holds": "yes"}', self.name)


PROSE = GUIDE.replace("If any waiting share is at least 30% with more than 50 orders", "If one article stands out")


def test_item_5_results_in_memory_by_reference_summaries_to_the_model(shop: Any, tmp_path: Path) -> None:
    model = Listening()
    with Clew(tmp_path / "m.db", models=Models(asker=model)) as c:
        state = Tasks(c).run(graph(read(PROSE), REPORT, shop("stock"), cap=1))
        again = Tasks(c).run(graph(read(PROSE), REPORT, shop("stock"), id="again", cap=1))
        reference = state.results["Step3.2"]["results"]["step3.2_query_1"]
        whole = results.whole(c, reference)
        stored = [e for e in c.log.read() if e.kind == "result"]
    assert len(whole.rows) == reference["shape"][0] == 7
    assert [list(r) for r in (whole.rows[0], whole.rows[1], whole.rows[-1])] == reference["shown"]
    assert [p for p in model.prompts if "one article stands out" in p]
    for prompt in model.prompts:  # three of seven rows, and of those no more than the columns
        assert [str(row[0]) in prompt for row in whole.rows] == [True, True, False, False, False, False, True]
    assert len(stored) == len({e.key for e in stored}) and concluded(again.results)["step"] == "Step3.2"


def test_a_condition_with_numbers_never_goes_to_a_model(shop: Any, tmp_path: Path) -> None:
    model = Listening()
    with Clew(tmp_path / "m.db", models=Models(asker=model)) as c:
        Tasks(c).run(graph(read(GUIDE), REPORT, shop("stock")))
    assert model.prompts == []


def test_without_a_model_a_person_decides_what_has_no_number_and_fills_in_what_is_missing(shop: Any, tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as c:
        tasks = Tasks(c)
        state = tasks.run(graph(read(PROSE), REPORT.replace("- shop: north\n", ""), shop("none"), cap=1))
        assert state.status == "waiting" and "shop" in state.asked["Step1"].text
        tasks.approve("stepfly", "here", shop="north")
        state = tasks.resume("stepfly")
        assert state.asked["Step3.2"].choices == ("yes", "no")
        tasks.approve("stepfly", "no")
        state = tasks.resume("stepfly")
    assert (state.status, concluded(state.results)["step"]) == ("finished", "Step5")


# -- 6: real parallel executors with a cap -------------------------------------------------------------------------------------------


class Meeting:
    """The executor, with a door in the parallel steps that opens when so many stand before it; counts who is inside."""

    def __init__(self, together: int) -> None:
        self.barrier, self.lock, self.inside, self.most = threading.Barrier(together), threading.Lock(), 0, 0

    def run(self, node: Any, ctx: Any) -> Outcome:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            if node.id.startswith("Step3."):
                self.barrier.wait(3)
            return executor.run(node, ctx)
        finally:
            with self.lock:
                self.inside -= 1


@pytest.mark.parametrize(("cap", "together", "meets"), [(3, 3, True), (2, 2, False), (1, 2, False)])
def test_item_6_real_parallel_executors_with_a_cap(cap: int, together: int, meets: bool, shop: Any, tmp_path: Path) -> None:
    meeting = Meeting(together)
    if cap == 1:  # nobody will ever come: the door breaks at once
        meeting.barrier.abort()
    plan = graph(read(GUIDE), REPORT, shop("none"), cap=cap)
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c, executors={"stepfly": meeting}).run(
            replace(plan, nodes=tuple(replace(n, budget=replace(n.budget, attempts=1)) for n in plan.nodes)) if cap != 3 else plan
        )
    assert meeting.most == cap
    if meets:
        assert state.status == "finished"


# -- 7: success judged on path and conclusion ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", TROUBLES)
def test_item_7_success_judged_on_path_and_conclusion(trouble: str, shop: Any, tmp_path: Path) -> None:
    plan = plan_dag(read(GUIDE))
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).run(graph(read(GUIDE), REPORT, shop(trouble)))
    assert verdict(state, plan, STEPS[trouble], SUBJECTS[trouble]).ok
    assert path(state.graph, STEPS[trouble]) == expected(plan, STEPS[trouble])
    assert not verdict(state, plan, STEPS[trouble], "somebody else").ok  # right path, wrong conclusion
    assert not verdict(state, plan, "Step3.3", SUBJECTS[trouble]).ok  # wrong path


MUTANTS = (
    ("stock", "at least 30%", "at least 99%"),
    ("stock", "more than 50 orders", "more than 500 orders"),
    ("none", "more than 50 orders", "more than 5 orders"),
    ("none", "at most 800 ms", "at most 8000 ms"),
    ("healthy", "at most 800 ms", "at most 80 ms"),
    ("none", "exceeds 2.5 seconds", "exceeds 0.25 seconds"),
)


@pytest.mark.parametrize(("trouble", "right", "wrong"), MUTANTS)
def test_a_wrong_threshold_in_the_plan_gives_a_wrong_conclusion_and_is_caught(
    trouble: str, right: str, wrong: str, shop: Any, tmp_path: Path
) -> None:
    guide = read(GUIDE)
    plan = json.loads(json.dumps(plan_dag(guide)).replace(right, wrong))
    mutant = graph(guide, REPORT, shop(trouble), plan=plan)
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).run(mutant)
        assert not verdict(state, plan, STEPS[trouble], SUBJECTS[trouble]).ok
        known = Concluded(plan, STEPS[trouble], [SUBJECTS[trouble]], guide)
        with pytest.raises(UsageError, match="the guide says"):  # and before anything runs, where the guide is at hand
            Tasks(c, verifiers={"known": known}).add(replace(mutant, id="again", verifiers=("known",)))


@pytest.mark.parametrize(("cause", "name"), [(c, PUBLIC[i % 2]) for i, c in enumerate((*CAUSES, "none"))])
def test_the_planted_cause_is_found_by_both_shapes_of_the_public_guide(cause: str, name: str, tmp_path: Path) -> None:
    text, gold = public(name)
    planted = world(tmp_path / "w.db", 3, None if cause == "none" else cause, 0.25)
    incident = (tmp_path / "w.txt").read_text(encoding="utf-8")
    for number, plan in enumerate((None, gold)):  # by the plan found in the guide, and by the one made by hand
        made, _ = task(text, incident, str(tmp_path / "w.db"), accept=mechanical, plan=plan)
        with Clew(tmp_path / f"m{number}.db") as c:
            state = Tasks(c).run(made)
        assert verdict(state, gold, planted.step, planted.culprit).ok


@pytest.mark.parametrize(
    ("cause", "right", "wrong"), [("none", "CRITICAL business", "HIGH business"), ("workflow", ">10%", ">1%"), ("region", ">1000", ">500")]
)
def test_a_wrong_threshold_in_the_public_plan_is_caught(cause: str, right: str, wrong: str, tmp_path: Path) -> None:
    text, gold = public(PUBLIC[1])
    world(tmp_path / "w.db", 4, None if cause == "none" else cause, 0.25)
    plan = json.loads(json.dumps(gold).replace(right, wrong))
    made, _ = task(text, (tmp_path / "w.txt").read_text(encoding="utf-8"), str(tmp_path / "w.db"), accept=mechanical, plan=plan)
    if wrong.startswith(">"):
        assert differences(read(text), plan)
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).run(made)
    assert not verdict(state, gold, "Step11" if cause != "workflow" else "Step9", "").ok


# -- and a crash ---------------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from clew import Clew
from clew.arena.stepfly_orders import REPORT
from clew.tasks import Tasks
from clew.tasks.stepfly import executor, graph, read

class Dying:
    def run(self, node, ctx):
        outcome = executor.run(node, ctx)  # its results are in the log already
        if node.id == "Step3.2":
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

with Clew(sys.argv[1]) as c:
    Tasks(c, executors={"stepfly": Dying()}).run(graph(read(Path(sys.argv[2]).read_text()), REPORT, sys.argv[3]))
"""


def test_a_kill_in_mid_run_loses_nothing_doubles_nothing_and_the_conclusion_is_the_same(shop: Any, tmp_path: Path) -> None:
    guide = Path(__file__).parents[1] / "examples" / "slow_orders.md"
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "m.db"), str(guide), shop("carrier")], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    with Clew(tmp_path / "m.db") as c:
        state = Tasks(c).resume("stepfly")
        stored = [(e.body["data"]["digest"], e.body["data"]["part"]) for e in c.log.read() if e.kind == "result"]
        assert c.log.verify()
    assert concluded(state.results)["subject"] == {"carrier": "Postillon"}
    assert len(stored) == len(set(stored)) == 4
    assert tables(read(GUIDE).steps[1])[0].columns[0] == "shop"
