"""Tasks run: retries, checks, budgets, people, plans that are mended, environments that are reset; under both runtimes."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from clew import Clew
from clew.errors import NotFound, StorageBusy, UsageError
from clew.tasks import Action, Edge, Limits, Node, Outcome, Page, TaskGraph, Tasks, Verdict
from clew.tasks.ledger import Hold, folder
from clew.tasks.picture import svg
from clew.tasks.protocols import Job
from clew.tasks.state import TaskState, applied, fold


@dataclass
class Does:
    """An executor made of a function, which notes what it was asked."""

    fn: Callable[[Node, Job], Any]
    calls: list[str] = field(default_factory=list)

    def run(self, node: Node, ctx: Job) -> Outcome:
        self.calls.append(node.id)
        gave = self.fn(node, ctx)
        return gave if isinstance(gave, Outcome) else Outcome("finished", gave or {})


@dataclass
class Says:
    """A verifier made of a function."""

    fn: Callable[..., Verdict]

    def check(self, *arguments: Any) -> Verdict:
        return self.fn(*arguments)


GOOD, BAD = Verdict(True, "success"), Verdict(False, "incomplete", reason="not yet")


def line(*nodes: Node, **fields: Any) -> TaskGraph:
    return TaskGraph("t", 1, "a goal", nodes, tuple(Edge(a.id, b.id) for a, b in itertools.pairwise(nodes)), **fields)


def statuses(state: TaskState) -> dict[str, str]:
    return {n.id: n.status for n in state.graph.nodes}


@pytest.fixture(params=["inline", "dbos"])
def runtime(request: pytest.FixtureRequest) -> str:
    if request.param == "dbos":
        pytest.importorskip("dbos")
    return request.param


def test_a_task_runs_to_its_end_and_the_log_alone_tells_how(memory: Callable[..., Clew], runtime: str) -> None:
    clew = memory()
    work = Does(lambda node, ctx: {"n": node.inputs.get("n", 0) + 1})
    nodes = (
        Node("a", "begin", "work", {"n": 1}),
        Node("b", "more", "work", {"n": "<a.n>"}, after=("n == 3",)),
        Node("c", "no", "work"),
        Node("end", ""),
    )
    graph = TaskGraph("t", 1, "count", nodes, (Edge("a", "b", "n == 2"), Edge("a", "c", "n > 2"), Edge("b", "end"), Edge("c", "end")))
    seen: list[str] = []
    state = Tasks(clew, executors={"work": work}, runtime=runtime).run(graph, watch=lambda s: seen.append(s.status))
    assert state.status == "finished" and statuses(state) == {"a": "finished", "b": "finished", "c": "skipped", "end": "finished"}
    assert state.results["b"] == {"n": 3} and work.calls == ["a", "b"]
    assert seen[-1] == "finished"
    shown = Tasks(memory()).show("t")  # opened anew, with no executors: nothing but the log is needed
    assert shown == state == fold(Tasks(clew).events("t"))
    assert [e.key for e in Tasks(clew).events("t")][:4] == ["t:1:plan", "t:1:a:1:begin", "t:1:a:1:outcome", "t:1:a:1:verdict"]
    assert not list(folder(clew).glob("*.sqlite*")), "what carried it is gone when it is over"


def test_a_fold_step_by_step_is_the_fold_of_all(memory: Callable[..., Clew]) -> None:
    clew = memory()
    tasks = Tasks(clew, executors={"work": Does(lambda node, ctx: Outcome("failed", why="no") if ctx.attempt == 1 else {})})
    tasks.run(line(Node("a", "A", "work"), Node("b", "B", "work")))
    state = None
    for event in tasks.events("t"):
        state = applied(state, event)
    assert state == tasks.show("t")


def test_nodes_that_do_not_wait_for_each_other_run_at_once_up_to_the_cap(memory: Callable[..., Clew], runtime: str) -> None:
    at_once, most, lock = [0], [0], threading.Lock()

    full = threading.Event()

    def slow(node: Node, ctx: Job) -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            if at_once[0] == 3:
                full.set()
        full.wait(20)
        time.sleep(0.05)
        with lock:
            at_once[0] -= 1

    graph = TaskGraph("t", 1, "g", tuple(Node(f"n{i}", "", "slow") for i in range(5)), cap=3)
    assert Tasks(memory(), executors={"slow": Does(slow)}, runtime=runtime).run(graph).status == "finished"
    assert most[0] == 3


def test_a_failed_attempt_is_tried_again_with_the_verdict_in_view_until_its_budget_is_used_up(
    memory: Callable[..., Clew], runtime: str
) -> None:
    told: list[str] = []

    def work(node: Node, ctx: Job) -> Outcome:
        told.append(ctx.verdict.reason if ctx.verdict else "")
        if ctx.attempt == 2:
            raise ValueError("a bug in an executor")
        return Outcome("finished", {"n": ctx.attempt})

    graph = line(Node("a", "A", "work", after=("n >= 3",), budget=Limits(attempts=3)), Node("b", "B", "work"))
    tasks = Tasks(memory(), executors={"work": Does(work)}, runtime=runtime)
    state = tasks.run(graph)
    assert state.status == "finished" and state.attempts == {"a": 3, "b": 1}
    assert told[:3] == ["", "not so: n >= 3", "ValueError: a bug in an executor"]
    poor = Tasks(memory("poor.db"), executors={"work": Does(work)}, runtime=runtime)
    state = poor.run(replace(graph, nodes=(replace(graph.nodes[0], budget=Limits(attempts=2)), graph.nodes[1])))
    assert state.status == "failed" and statuses(state) == {"a": "failed", "b": "skipped"}
    assert state.why == "a failed: ValueError: a bug in an executor"


def test_time_tokens_and_steps_of_a_node_are_bounded(memory: Callable[..., Clew]) -> None:
    gave = {"slow": Outcome("finished"), "dear": Outcome("finished", tokens=101), "long": Outcome("finished", steps=6)}

    def work(node: Node, ctx: Job) -> Outcome:
        if node.id == "slow":
            time.sleep(1.5)
        return gave[node.id]

    budget = Limits(attempts=1, seconds=0.3, steps=5, tokens=100)
    graph = TaskGraph("t", 1, "g", tuple(Node(n, "", "work", budget=budget) for n in gave))
    state = Tasks(memory(), executors={"work": Does(work)}).run(graph)
    reasons = {n: state.verdicts[n]["verdicts"][0]["reason"] for n in gave}
    assert reasons == {
        **{"slow": "it took longer than 0.3 seconds", "dear": "it used 101 tokens of 100", "long": "it took 6 steps of 5"},
    }


@pytest.mark.parametrize(
    ("limits", "why"),
    [(Limits(3, 3600.0, 4), "4 attempts"), (Limits(3, 0.2, 100), "0.2 seconds"), (Limits(3, 3600.0, 100, 25), "25 tokens")],
)
def test_the_budget_of_a_task_stops_it(memory: Callable[..., Clew], limits: Limits, why: str, runtime: str) -> None:
    work = Does(lambda node, ctx: time.sleep(0.1) or Outcome("finished", tokens=10))
    state = Tasks(memory(), executors={"work": work}, runtime=runtime).run(
        line(*[Node(f"n{i}", "", "work") for i in range(9)], limits=limits)
    )
    assert state.status == "failed" and state.why == f"the budget of {why} is used up"
    assert 2 <= len(work.calls) <= 4


def test_a_before_check_keeps_a_node_from_running_and_an_after_check_keeps_its_result_from_counting(memory: Callable[..., Clew]) -> None:
    work = Does(lambda node, ctx: {"rows": 0})
    nodes = (Node("a", "A", "work", {"path": "/nowhere/x"}, before=("file",)), Node("b", "B", "work", after=("rows > 0",)))
    state = Tasks(memory(), executors={"work": work}).run(TaskGraph("t", 1, "g", nodes))
    assert work.calls == ["b", "b"] and statuses(state) == {"a": "failed", "b": "failed"}
    assert state.verdicts["a"]["verdicts"][0]["label"] == "infeasible" and state.verdicts["b"]["verdicts"][0]["label"] == "below-target"
    assert state.verdicts["b"]["verdicts"][0]["evidence"] == [state.verdicts["b"]["verdicts"][0]["evidence"][0]], "an event of the log"
    assert "b" not in state.results


def test_a_check_that_needs_time_is_asked_again_and_one_that_breaks_is_no_pass(memory: Callable[..., Clew]) -> None:
    asked: list[int] = []

    def later(*_: Any) -> Verdict:
        asked.append(1)
        return GOOD if len(asked) > 2 else Verdict(False, "needs-time")

    def broken(*_: Any) -> Verdict:
        raise RuntimeError("lost the connection")

    nodes = (Node("a", "A", after=("later",)), Node("b", "B", after=("broken",), budget=Limits(attempts=1)))
    state = Tasks(memory(), verifiers={"later": Says(later), "broken": Says(broken)}).run(TaskGraph("t", 1, "g", nodes))
    assert statuses(state) == {"a": "finished", "b": "failed"} and len(asked) == 3
    assert state.verdicts["b"]["verdicts"][0]["reason"] == "broken: RuntimeError: lost the connection"


def test_the_end_stops_what_still_runs_beside_it(memory: Callable[..., Clew], runtime: str) -> None:
    stopped = threading.Event()

    def slow(node: Node, ctx: Job) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if ctx.cancelled():
                stopped.set()
                return
            time.sleep(0.01)

    nodes = (Node("quick", ""), Node("slow", "", "slow"), Node("after", "", "slow"), Node("end", ""))
    graph = TaskGraph("t", 1, "g", nodes, (Edge("quick", "end"), Edge("slow", "after"), Edge("after", "end")))
    started = time.monotonic()
    state = Tasks(memory(), executors={"slow": Does(slow)}, runtime=runtime).run(graph)
    assert state.status == "finished" and time.monotonic() - started < 10
    assert statuses(state)["slow"] == "skipped" and statuses(state)["after"] in ("pending", "skipped")
    assert stopped.wait(2)


# -- people ---------------------------------------------------------------------------------------------------------


def asks(node: Node, ctx: Job) -> Outcome:
    if ctx.reply is None:
        return Outcome("waiting", {"question": "which colour?", "choices": ["red", "blue"]})
    return Outcome("finished", {"colour": ctx.reply["answer"], "note": ctx.reply.get("note")})


def test_a_task_waits_for_a_person_while_the_rest_goes_on_and_takes_the_answer_up_later(memory: Callable[..., Clew], runtime: str) -> None:
    clew = memory()
    work = Does(lambda node, ctx: {})
    nodes = (Node("ask", "", "ask"), Node("other", "", "work"), Node("paint", "", "work", {"in": "<ask.colour>"}))
    graph = TaskGraph("t", 1, "g", nodes, (Edge("ask", "paint"),))
    tasks = Tasks(clew, executors={"ask": Does(asks), "work": work}, runtime=runtime)
    state = tasks.run(graph)
    assert state.status == "waiting" and statuses(state) == {"ask": "waiting", "other": "finished", "paint": "pending"}
    assert (state.asked["ask"].text, state.asked["ask"].choices) == ("which colour?", ("red", "blue"))
    with pytest.raises(UsageError, match="asks for one of red, blue; got 'green'"):
        tasks.approve("t", "green")
    Tasks(memory()).approve("t", "blue", by="Ana", note="dark")  # a door of its own: the answer goes through the log
    with pytest.raises(UsageError, match="asks nothing"):
        tasks.approve("t", "red")
    state = Tasks(memory(), executors={"ask": Does(asks), "work": work}, runtime=runtime).resume("t")
    assert state.status == "finished" and state.results["ask"] == {"colour": "blue", "note": "dark"} and state.replies["ask"]["by"] == "Ana"
    assert work.calls == ["other", "paint"], "what was done before the pause was not done again"


def test_an_answer_reaches_a_task_that_is_being_waited_for(memory: Callable[..., Clew]) -> None:
    pytest.importorskip("dbos")
    tasks = Tasks(memory(), executors={"ask": Does(asks)}, runtime="dbos")

    def answer() -> None:
        other = Tasks(memory())
        while not other.show("t").asked:
            time.sleep(0.05)
        other.approve("t", "red")

    timer = threading.Thread(target=answer)
    graph = line(Node("ask", "", "ask"), Node("b", ""))
    tasks.add(graph)
    timer.start()
    with pytest.raises(UsageError):
        Tasks(memory()).approve("t", "red")  # nothing is asked yet
    state = tasks.resume("t", wait=True)
    timer.join()
    assert state.status == "finished" and state.results["ask"]["colour"] == "red"


def test_what_needs_approval_is_done_only_after_it(memory: Callable[..., Clew], runtime: str) -> None:
    clew, work = memory(), Does(lambda node, ctx: {"reply": ctx.reply})
    graph = line(Node("pay", "pay the bill", "work", before=("approval:Pay 40 euros?",)), Node("b", ""))
    tasks = Tasks(clew, executors={"work": work}, runtime=runtime)
    assert tasks.run(graph).asked["pay"].text == "Pay 40 euros?" and work.calls == []
    tasks.approve("t")
    assert tasks.resume("t").status == "finished" and work.calls == ["pay"]
    other = Tasks(memory("other.db"), executors={"work": work}, runtime=runtime)
    other.run(graph)
    other.approve("t", "deny")
    state = other.resume("t")
    assert state.status == "failed" and state.why == "pay failed: it was not approved: deny" and work.calls == ["pay"]


@pytest.mark.parametrize(("answer", "ends"), [("retry", "finished"), ("accept", "finished"), ("skip", "finished"), ("fail", "failed")])
def test_where_attempts_are_used_up_a_person_may_decide(memory: Callable[..., Clew], answer: str, ends: str) -> None:
    work = Does(lambda node, ctx: Outcome("finished", {"n": ctx.attempt}))
    graph = line(Node("a", "", "work", after=("n > 2",)), Node("b", ""), asks=True)
    tasks = Tasks(memory(), executors={"work": work})
    state = tasks.run(graph)
    assert state.status == "waiting" and state.asked["a"].decide and state.asked["a"].choices == ("retry", "accept", "skip", "fail")
    tasks.approve("t", answer)
    state = tasks.resume("t")
    assert state.status == ends
    assert statuses(state)["a"] == {"retry": "finished", "accept": "finished", "skip": "skipped", "fail": "failed"}[answer]
    assert statuses(state)["b"] == ("finished" if answer in ("retry", "accept") else "skipped")


def test_a_cancelled_task_stops_and_stays_so(memory: Callable[..., Clew], runtime: str) -> None:
    clew = memory()

    begun = threading.Event()

    def slow(node: Node, ctx: Job) -> None:
        begun.set()
        until = time.monotonic() + 20
        while time.monotonic() < until and not ctx.cancelled():
            time.sleep(0.01)

    work = Does(slow)
    tasks = Tasks(clew, executors={"slow": work}, runtime=runtime)
    timer = threading.Thread(target=lambda: begun.wait(30) and Tasks(memory()).cancel("t", "not needed any more"))
    timer.start()
    started = time.monotonic()
    state = tasks.run(line(Node("a", "", "slow", budget=Limits(seconds=30)), Node("b", "", "slow")))
    timer.join()
    assert state.status == "cancelled" and state.why == "not needed any more" and time.monotonic() - started < 12
    assert tasks.resume("t").status == "cancelled" and work.calls == ["a"]
    with pytest.raises(UsageError, match="it is cancelled"):
        tasks.approve("t")


# -- plans that are mended ------------------------------------------------------------------------------------------


@dataclass
class Mends:
    """A planner that puts another query in the place of the one that failed."""

    queries: list[str]

    def plan(self, goal: str, memories: Sequence[Any], n: int) -> list[TaskGraph]:
        nodes = (
            Node("fetch", "fetch the rows", "work", {"q": self.queries[0]}),
            Node("load", "load once", "work"),
            Node("count", "", "work", {"rows": "<fetch.q>"}),
        )
        return [TaskGraph("t", 1, goal, nodes, (Edge("fetch", "count"), Edge("load", "count")))][:n]

    def revise(self, graph: TaskGraph, verdicts: Sequence[Verdict]) -> TaskGraph:
        if graph.version >= len(self.queries):
            return graph
        fetch = replace(graph.node("fetch"), inputs={"q": self.queries[graph.version]})
        return replace(graph, version=graph.version + 1).with_nodes([fetch])


def fetching(node: Node, ctx: Job) -> Outcome:
    return Outcome("failed", why="no such table") if node.inputs.get("q") == "bad" else Outcome("finished", dict(node.inputs))


def test_a_plan_that_is_to_blame_is_mended_and_nodes_that_stay_the_same_keep_their_results(
    memory: Callable[..., Clew], runtime: str
) -> None:
    work = Does(fetching)
    tasks = Tasks(memory(), executors={"work": work}, planners={"mender": Mends(["bad", "bad", "good"])}, runtime=runtime)
    graph = tasks.plan("count the rows", "mender")
    state = tasks.run(graph)
    assert state.status == "finished" and state.version == 3 and state.kept == ("load",)
    assert work.calls.count("load") == 1 and work.calls.count("fetch") == 5 and work.calls.count("count") == 1
    assert state.results["count"] == {"rows": "good"}


def test_versions_are_bounded_and_a_planner_may_have_nothing_better(memory: Callable[..., Clew]) -> None:
    few = Tasks(memory(), executors={"work": Does(fetching)}, planners={"mender": Mends(["bad"] * 9)})
    state = few.run(replace(few.plan("count", "mender"), limits=Limits(2, 3600.0, 100)))
    assert state.status == "failed" and state.version == 2
    none = Tasks(memory("none.db"), executors={"work": Does(fetching)}, planners={"mender": Mends(["bad"])})
    state = none.run(none.plan("count", "mender"))
    assert state.status == "failed" and state.version == 1 and statuses(state)["load"] == "finished"


def test_an_end_check_judges_the_whole_and_may_have_the_plan_mended(memory: Callable[..., Clew]) -> None:
    work = Does(fetching)
    tasks = Tasks(memory(), executors={"work": work}, planners={"mender": Mends(["poor", "good"])})
    state = tasks.run(replace(tasks.plan("count", "mender"), verifiers=("count.rows == 'good'",)))
    assert state.status == "finished" and state.version == 2
    alone = Tasks(memory("alone.db"), executors={"work": work})
    state = alone.run(replace(tasks.plan("count", "mender"), planner="", verifiers=("count.rows == 'good'",)))
    assert state.status == "failed" and state.why == "not so: count.rows == 'good'"


def test_a_node_may_add_nodes_and_what_it_adds_is_checked_first(memory: Callable[..., Clew], runtime: str) -> None:
    def grow(node: Node, ctx: Job) -> Outcome:
        if node.id != "root":
            return Outcome("finished", {"child": node.id})
        other = "work" if ctx.attempt == 2 else "nobody"
        return Outcome("finished", nodes=(Node("x", "X", other), Node("y", "Y", "work")), edges_new=(Edge("root", "x"), Edge("x", "y")))

    state = Tasks(memory(), executors={"work": Does(grow)}, runtime=runtime).run(line(Node("root", "", "work")))
    assert state.status == "finished" and statuses(state) == {"root": "finished", "x": "finished", "y": "finished"}
    assert state.attempts["root"] == 2


def test_a_task_that_cannot_be_run_is_refused_and_leaves_no_trace(memory: Callable[..., Clew]) -> None:
    clew = memory()
    with pytest.raises(UsageError, match="a names the executor 'nobody': no executor is called 'nobody'"):
        Tasks(clew).run(line(Node("a", "", "nobody")))
    assert clew.log.head() == 0
    with pytest.raises(NotFound):
        Tasks(clew).show("t")
    Tasks(clew).run(line(Node("a", "")))
    with pytest.raises(UsageError, match="there is another task called t"):
        Tasks(clew).run(line(Node("a", "something else")))


# -- environments ---------------------------------------------------------------------------------------------------


@dataclass
class Rooms:
    """A world of rooms in a row; `shaky` makes it forget where it is at a certain act."""

    shaky: int = 0
    at: int = 0
    acts: list[str] = field(default_factory=list)
    resets: int = 0

    def reset(self, config: Mapping[str, Any]) -> None:
        self.at, self.resets = 0, self.resets + 1

    def observe(self) -> Page:
        return Page(f"room {self.at}", f"Room {self.at}")

    def act(self, action: Action) -> str:
        self.acts.append(action.kind)
        self.at += 1
        if len(self.acts) == self.shaky:
            self.at = 99
        return ""

    def close(self) -> None:
        pass


def walk(node: Node, ctx: Job) -> Outcome:
    assert ctx.environment is not None
    ctx.environment.act(Action("go"))
    page = ctx.environment.observe().key
    event = {"kind": "action", "content": "go", "data": {"action": {"kind": "go", "element": "", "text": ""}, "page": page}}
    return Outcome("finished", {"page": page}, events=(event,))


def test_where_the_environment_is_to_blame_it_is_reset_and_what_was_done_is_replayed_and_checked(memory: Callable[..., Clew]) -> None:
    rooms = Rooms(shaky=3)
    check = Says(
        lambda stage, node, before, outcome, after: GOOD if after.key == f"room {node.id[1]}" else replace(BAD, blame="environment")
    )
    tasks = Tasks(memory(), executors={"walk": Does(walk)}, verifiers={"there": check}, environments={"rooms": lambda config: rooms})
    nodes = [Node(f"w{i}", "", "walk", after=("there",)) for i in (1, 2, 3)]
    state = tasks.run(line(*nodes, environment={"name": "rooms"}, cap=1))
    assert state.status == "finished" and state.attempts == {"w1": 1, "w2": 1, "w3": 2}
    assert rooms.resets == 2 and len(rooms.acts) == 6, "three acts, two of them again after the reset, and the third anew"
    clew = tasks.clew
    assert sum(e.kind == "action" for e in clew.log.read()) == 4, "every act of an attempt is an event; a replay is none"


def test_a_replay_that_leads_elsewhere_is_not_believed(memory: Callable[..., Clew]) -> None:
    tasks = Tasks(memory(), executors={"walk": Does(walk), "ask": Does(asks)}, environments={"rooms": lambda config: Rooms()})
    graph = line(Node("w1", "", "walk"), Node("ask", "", "ask"), Node("w2", "", "walk"), environment={"name": "rooms"}, cap=1)
    assert tasks.run(graph).status == "waiting"
    tasks.approve("t", "red")
    other = Tasks(memory(), executors={"walk": Does(walk), "ask": Does(asks)}, environments={"rooms": lambda config: Rooms(shaky=1)})
    state = other.resume("t")  # the world is new, and brought to where the task stands: at the first try, the act leads elsewhere
    assert state.status == "finished"
    assert "the replay diverges: act 1 of 1 led to the page 'room 99'" in str([e.body for e in other.events("t")])


# -- several processes ----------------------------------------------------------------------------------------------


def test_one_task_is_carried_by_one_run_at_a_time(memory: Callable[..., Clew]) -> None:
    clew = memory()
    tasks = Tasks(clew)
    tasks.add(line(Node("a", "")))
    hold = Hold(clew, "t")
    with pytest.raises(StorageBusy, match="being carried by another run"):
        tasks.resume("t")
    assert tasks.carried("t")
    hold.release()
    assert not tasks.carried("t")
    assert tasks.resume("t").status == "finished"


def test_a_task_left_by_one_runtime_goes_on_under_the_other(memory: Callable[..., Clew]) -> None:
    pytest.importorskip("dbos")
    work, graph = Does(lambda node, ctx: {}), line(Node("a", "", "work"), Node("ask", "", "ask"), Node("b", "", "work"))
    executors = {"work": work, "ask": Does(asks)}
    for first, second in (("inline", "dbos"), ("dbos", "inline")):
        task = replace(graph, id=f"{first}-first")
        Tasks(memory(), executors=executors, runtime=first).run(task)
        Tasks(memory()).approve(task.id, "red")
        assert Tasks(memory(), executors=executors, runtime=second).resume(task.id).status == "finished"
    assert work.calls == ["a", "b", "a", "b"]


def test_a_forgotten_result_is_gone_from_the_state_too(memory: Callable[..., Clew]) -> None:
    clew = memory()
    tasks = Tasks(clew, user="ana", executors={"work": Does(lambda node, ctx: {"secret": "the harbour code is 4711"})})
    tasks.run(line(Node("a", "", "work")))
    assert "4711" in str(tasks.show("t").results)
    seq = next(e.seq for e in tasks.events("t") if e.body["do"] == "outcome")
    clew.forget(events=[seq])
    assert "4711" not in str(Tasks(clew, user="ana").show("t").results)


def test_a_picture_is_sound_xml_and_says_what_the_nodes_are_about(memory: Callable[..., Clew], tmp_path: Path) -> None:
    graph = TaskGraph("t", 1, "a <goal> & more", (Node("a", "A & B <x>"), Node("b", "B")), (Edge("a", "b", "1 < 2"),))
    state = Tasks(memory()).run(graph)
    drawn = svg(state)
    root = ElementTree.fromstring(drawn)
    words = " ".join("".join(part.itertext()) for part in root.iter() if part.tag.endswith("text"))
    assert "A & B <x>" in words and "1 < 2" in words and "● finished" in words


@pytest.mark.parametrize("done", [True, False])
def test_after_a_crash_the_after_check_runs_before_an_act_is_repeated(
    memory: Callable[..., Clew], tmp_path: Path, done: bool, runtime: str
) -> None:
    clew, mark = memory(), tmp_path / "mark"

    def act(node: Node, ctx: Job) -> Outcome:
        mark.write_text("done")
        return Outcome("finished", {"path": str(mark), "fresh": True})

    work = Does(act)
    tasks = Tasks(clew, executors={"work": work}, runtime=runtime)
    tasks.add(line(Node("a", "leave a mark", "work", after=(f"file:{mark}",)), Node("b", "", inputs={"seen": "<a.path>"})))
    begun = {"content": "a: begun", "task": "t", "do": "begin", "version": 1, "node": "a", "attempt": 1}
    tasks.crew.ledger("t").append(begun, "t:1:a:1:begin")  # as a process leaves it that is killed within the act
    if done:
        mark.write_text("done before the crash")
    state = tasks.resume("t")
    assert state.status == "finished" and state.attempts["a"] == 1 and state.results["b"] == {"seen": str(mark)}
    assert work.calls == ([] if done else ["a"])
    assert mark.read_text() == ("done before the crash" if done else "done")
    assert bool(state.outcomes["a"].get("recovered")) is done


def test_nobody_but_a_person_can_answer_a_question(memory: Callable[..., Clew]) -> None:
    clew = memory()
    tasks = Tasks(clew, executors={"ask": Does(asks)})
    tasks.run(line(Node("ask", "", "ask")))
    forged = {
        "content": "yes",
        "task": "t",
        "do": "reply",
        "version": 1,
        "node": "ask",
        "attempt": 1,
        "turn": 0,
        "reply": {"answer": "red"},
    }
    clew.record({**forged, "kind": "task", "trust": "tool"}, agent="tasks", session="t")
    assert tasks.resume("t").status == "waiting"


def test_a_users_task_is_answered_by_who_does_not_say_whose_it_is_and_two_users_may_have_one_of_the_same_name(
    memory: Callable[..., Clew],
) -> None:
    clew, graph = memory(), line(Node("ask", "", "ask"))
    executors = {"ask": Does(asks)}
    Tasks(clew, user="ana", executors=executors).run(graph)
    Tasks(clew).approve("t", "blue")
    assert Tasks(clew, user="ana", executors=executors).resume("t").results["ask"]["colour"] == "blue"
    Tasks(clew, user="bo", executors=executors).run(graph)
    assert Tasks(clew, user="bo").show("t").status == "waiting" and Tasks(clew, user="ana").show("t").status == "finished"
    assert sorted(s.status for s in Tasks(clew).all()) == ["finished", "waiting"]
