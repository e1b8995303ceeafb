"""TME v1 does what its checklist says: a tree of steps with status, a chosen step, its path alone, dependencies, accounts."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clew import Clew
from clew.errors import UsageError
from clew.models import Models
from clew.models.extractive import Extractive
from clew.models.fake import Dead, Scripted
from clew.tasks import Edge, Node, Outcome, TaskGraph, Tasks
from clew.tasks.protocols import Job
from clew.types import Memory

ME: dict[str, Any] = {"user": "ana", "session": "s"}
HEAD = "Messages about other steps are left out. Step: "
# A form in six rounds: what the user says, the step, what it lies under, depends on, and what came of it.
FORM = (
    ("I need to register a boat.", "form", "", (), ""),
    ("The owner is Ana Sand.", "owner", "form", (), "Ana Sand"),
    ("She lives at Quay 4 in Porto.", "address", "owner", (), "Quay 4 in Porto"),
    ("The boat is the Halcyon, nine metres.", "boat", "form", (), "Halcyon, nine metres"),
    ("The berth should be near her address.", "berth", "form", ("address",), ""),
    ("Make the address Quay 9, please.", "address", "owner", (), "Quay 9"),
)


class Clerk:
    """A scripted model that knows the form: which step a message is about, and what it is called."""

    def __init__(self, rounds: Any = FORM) -> None:
        self.rounds = {says: (step, under, needs, output) for says, step, under, needs, output in rounds}

    def __call__(self, prompt: str, schema: Any) -> Any:
        fields = schema["properties"]
        if "Records:" in prompt:
            return {"text": prompt.partition("Records:\n")[2].partition("\n\n")[0][:300]}
        says = prompt.partition("Message:\n")[2].partition("\n\n")[0]
        step, under, needs, output = self.rounds.get(says.removeprefix("Noted: "), ("form", "", (), ""))
        if "status" in fields:
            failed = says.startswith("It cannot")
            return {"status": "failed" if failed else "completed" if output else "pending", "output": output}
        if "text" in fields:
            return {"text": step}
        known = dict(re.findall(r"^\[(\w+)\] ([\w ]+) \(", prompt, re.MULTILINE))
        wanted = {"Wh": ("Which step", [step]), "Of": ("Of which", [under]), "De": ("Which of", list(needs))}
        names = next(found for start, found in wanted.values() if prompt.startswith(start))
        return {"choices": [id for id, name in known.items() if name in names]}


@contextmanager
def opened(path: Path, asker: Any = None, recipe: str = "tme_v1") -> Iterator[Clew]:
    path.mkdir(exist_ok=True)
    with Clew(path / "m.db", recipes=[recipe, "verbatim"], models=Models(asker=asker or Scripted(Clerk()))) as c:
        yield c


def tell(c: Clew, rounds: Any = FORM, replies: bool = True) -> None:
    for says, *_ in rounds:
        c.record(says, **ME)
        if replies:
            c.record({"role": "assistant", "content": f"Noted: {says}"}, **ME)
    c.catch_up()


def steps(c: Clew) -> dict[str, Memory]:
    c.catch_up()  # a recall does not wait for ever on a busy machine
    return {m.data["name"]: m for m in c.memories(**ME, kind="task")}


def shown(c: Clew) -> list[str]:
    """What the window shows below its head."""
    return [m["content"] for m in c.window(**ME)[1:]]


def both(*rounds: int) -> list[str]:
    """What was said and answered in these rounds of the form."""
    return [words for i in rounds for words in (FORM[i][0], f"Noted: {FORM[i][0]}")]


# -- the checklist --------------------------------------------------------------------------------------------------


def test_item_1_typed_task_tree_with_status(tmp_path: Path) -> None:
    with opened(tmp_path / "on") as c:
        tell(c, FORM[:3])
        c.record("It cannot be registered, the papers are lost.", **ME)
        found = steps(c)
        assert [m.kind for m in found.values()] == ["task"] * 3
        assert {n: m.data["state"] for n, m in found.items()} == {"form": "failed", "owner": "completed", "address": "completed"}
        assert found["owner"].data["parents"] == [found["form"].id] and found["address"].data["parents"] == [found["owner"].id]
        assert found["owner"].text == "owner (completed): Ana Sand"
        lines = re.sub(r"\[\w+\] ", "", c.call("path", **ME)).splitlines()
        assert lines == ["- form (failed)", "  - owner (completed): Ana Sand", "    - address (completed): Quay 4 in Porto"]
        tell(c, FORM[5:])
        assert steps(c)["address"].text == "address (completed): Quay 9", "a later value takes the place of the earlier"
    for off, gone in (("-tree", "parents"), ("-status", "status")):
        with opened(tmp_path / off, recipe=f"tme_v1[{off}]") as c:
            tell(c, FORM[:3])
            found = steps(c)
            assert any(m.data["parents"] for m in found.values()) is (gone != "parents")
            assert ({m.data["state"] for m in found.values()} == {"pending"}) is (gone == "status")


def test_item_2_active_node_selection_by_a_model(tmp_path: Path) -> None:
    with opened(tmp_path / "on") as c:
        tell(c)
        found, asker = steps(c), c.models.asker
        assert set(found) == {"form", "owner", "address", "boat", "berth"}, "the last round went on with a step that there was"
        node = c.call("node", {"id": found["address"].id}, **ME)
        assert [line.partition(": ")[2] for line in node.splitlines() if line.startswith(("user", "assistant"))] == both(2, 5)
        asked = [p for p in asker.prompts if p.startswith("Which step is the message about")]  # type: ignore[union-attr]
        assert len(asked) == 5 and f"[{found['address'].id}] address (completed): Quay 4 in Porto" in asked[-1]
        assert f"Step at hand: {found['berth'].id}" in asked[-1]
    with opened(tmp_path / "off", recipe="tme_v1[-selection]") as c:
        tell(c)
        assert set(steps(c)) == {"form"} and shown(c) == both(*range(6)), "one step, whose path is the whole history"


def test_item_3_path_only_prompt_synthesis(tmp_path: Path) -> None:
    with opened(tmp_path / "on") as c:
        tell(c, FORM[:4])
        assert c.window(**ME) == [
            {"role": "system", "content": f"{HEAD}form > boat"},
            {"role": "user", "content": "I need to register a boat."},
            {"role": "assistant", "content": "Noted: I need to register a boat."},
            {"role": "user", "content": "The boat is the Halcyon, nine metres."},
            {"role": "assistant", "content": "Noted: The boat is the Halcyon, nine metres."},
        ]
        tell(c, FORM[4:])
        assert c.window(**ME)[0]["content"] == f"{HEAD}form > owner > address"
        assert shown(c) == both(0, 1, 2, 5), "root, parent, and its own; nothing of boat and berth"
    with opened(tmp_path / "off", recipe="tme_v1[-path]") as c:
        tell(c)
        assert shown(c) == both(*range(6))


def test_item_4_explicit_dependency_edges(tmp_path: Path) -> None:
    with opened(tmp_path / "on") as c:
        tell(c, FORM[:5])
        found = steps(c)
        assert found["berth"].data["needs"] == [found["address"].id]
        assert c.window(**ME)[0]["content"] == f"{HEAD}form > berth\nIt depends on: address"
        assert shown(c) == both(0, 2, 4), "the address's history, not its owner's"
        assert f"depends on [{found['address'].id}] address (completed): Quay 4 in Porto" in c.call("node", {"id": found["berth"].id}, **ME)
    with opened(tmp_path / "off", recipe="tme_v1[-dependencies]") as c:
        tell(c, FORM[:5])
        assert steps(c)["berth"].data["needs"] == [] and shown(c) == both(0, 4)


def test_item_5_token_accounting_against_linear_history(tmp_path: Path) -> None:
    with opened(tmp_path / "on") as c:
        path = linear = 0
        for i in range(len(FORM)):
            tell(c, FORM[i : i + 1], replies=False)
            path += sum(4 + -(-len(m["content"]) // 4) for m in c.window(**ME))
            linear += sum(4 + -(-len(words) // 4) for words, *_ in FORM[: i + 1])
        assert json.loads(c.call("spent", **ME)) == {"turns": 6, "path": path, "linear": linear, "saved": round(1 - path / linear, 4)}
    with opened(tmp_path / "off", recipe="tme_v1[-accounting]") as c:
        tell(c)
        assert c.call("spent", **ME) == "tokens are not counted"


# -- what else has to hold ------------------------------------------------------------------------------------------


def form(fields: int, rounds: int) -> tuple[Any, ...]:
    """A form with so many fields, gone through so many times: each time every field is said in a sentence or two."""
    told = [("I want to fill in the form for the harbour office, all of it, today.", "form", "", (), "")]
    for again in range(rounds):
        for n in range(fields):
            words = f"For field {n} of the form I would like to put down, {'to begin with' if not again else 'as a change'}, the value v{again}n{n}."
            told.append((words, f"field {n}", "form", (), f"v{again}n{n}"))
    return tuple(told)


@pytest.mark.parametrize(("fields", "rounds", "least"), [(6, 1, 0.0), (6, 3, 0.35), (12, 3, 0.6)])
def test_a_longer_form_saves_more(fields: int, rounds: int, least: float, tmp_path: Path) -> None:
    script = form(fields, rounds)
    with opened(tmp_path, Scripted(Clerk(script))) as c:
        tell(c, script)
        spent = json.loads(c.call("spent", **ME))
        assert spent["turns"] == 1 + fields * rounds and spent["saved"] > least, spent
        for n in range(fields):
            assert steps(c)[f"field {n}"].data["output"] == f"v{rounds - 1}n{n}"


def test_the_window_only_grows_while_one_step_is_at_hand_and_keeps_to_a_budget(tmp_path: Path) -> None:
    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    with opened(tmp_path) as c:
        tell(c, FORM[:3])
        before = c.window(**ME)
        for message in (
            call,
            {"role": "tool", "tool_call_id": "c1", "content": "Quay 4 is free"},
            {"role": "assistant", "content": "Good."},
        ):
            c.record(message, **ME)
            after = c.window(**ME)
            assert after == [*before, message]
            before = after
        least = c.window(**ME, max_tokens=75)
        assert least[0] == before[0] and least[-1] == before[-1] and len(least) < len(before)
        with pytest.raises(UsageError, match="least"):
            c.window(**ME, max_tokens=12)


def test_recall_and_ask_answer_from_steps_and_every_one_leads_back(tmp_path: Path) -> None:
    with opened(tmp_path) as c:
        tell(c)
        [hit] = c.recall("What is the owner?", **ME, k=1, kinds=["task"])
        assert hit.memory.text == "owner (completed): Ana Sand"
        assert [q.text for q in c.thread(hit.memory.id)] == ["The owner is Ana Sand."]
        assert "Quay 9" in (c.ask("What is the address?", **ME).text or "")
        before = steps(c), c.window(**ME)
    with Clew(tmp_path / "m.db", recipes=["tme_v1"], models=Models(asker=Dead("fake:scripted"))) as c:
        c.rebuild("tme_v1")
        assert (steps(c), c.window(**ME)) == before


def test_an_invalid_answer_keeps_the_words_in_a_step(tmp_path: Path) -> None:
    with opened(tmp_path, Scripted(lambda p, s: "mumble")) as c:
        tell(c, FORM[:2], replies=False)
        [step] = steps(c).values()
        assert step.data["name"] == "I need to register a boat." and step.data["state"] == "pending"
        assert shown(c) == [FORM[0][0], FORM[1][0]], "what cannot be placed stays at the step at hand"


def test_without_a_language_model_the_tree_grows_and_prompts_are_paths(tmp_path: Path) -> None:
    with opened(tmp_path, Extractive()) as c:
        tell(c, replies=False)
        assert c.window(**ME)[-1]["content"] == FORM[-1][0]
        assert len(shown(c)) < len(FORM) and len(steps(c)) > 1
        assert "Quay 9" in " ".join(h.memory.text for h in c.recall("What is the address?", **ME))


# -- tasks that run -------------------------------------------------------------------------------------------------


def events(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Events of a task, in the shape in which the task layer writes them."""
    graph = {
        "id": "t1",
        "version": 1,
        "goal": "Find out why the pump failed",
        "nodes": [{"id": "logs", "goal": "Collect the logs"}, {"id": "read", "goal": "Read them for errors"}],
        "edges": [["logs", "read"]],
    }
    return [{"content": "plan 1: Find out why the pump failed", "task": "t1", "do": "plan", "version": 1, "graph": graph}, *more]


def of(do: str, node: str, words: str, **more: Any) -> dict[str, Any]:
    return {"content": f"{node}: {words}", "task": "t1", "do": do, "version": 1, "node": node, "attempt": 1, **more}


def test_a_task_that_runs_is_a_tree_that_can_be_asked_about(tmp_path: Path) -> None:
    run = events(
        of("begin", "logs", "begun"),
        of("outcome", "logs", "finished", status="finished", outputs={"lines": 812}),
        of("verdict", "logs", "complete", then="finish", verdicts=[{"ok": True}]),
        of("begin", "read", "begun"),
        of("outcome", "read", "failed, the disk is full", status="failed", why="the disk is full"),
        of("verdict", "read", "incomplete", then="retry", verdicts=[{"ok": False, "reason": "the disk is full"}]),
    )
    here: dict[str, Any] = {"user": "ana", "session": "t1"}
    with opened(tmp_path) as c:
        for event in run:
            c.record({**event, "kind": "task", "trust": "user" if event["do"] == "plan" else "tool"}, **here)
        lines = re.sub(r"\[\w+\] ", "", c.call("path", **here)).splitlines()
        assert lines == [
            "- Find out why the pump failed (pending)",
            '  - Collect the logs (completed): {"lines": 812}',
            "  - Read them for errors (pending): the disk is full",
        ]
        found = {m.data["place"]: m for m in c.memories(**here, kind="task")}
        assert found["read"].data["needs"] == [found["logs"].id]
        [hit] = c.recall("What came of the logs that were collected?", **here, k=1)
        assert hit.memory.text == 'Collect the logs (completed): {"lines": 812}'
        assert [q.event.seq for q in c.thread(hit.memory.id)] == [1]
        assert [e.body["do"] for _, e, _ in c.history(hit.memory.id)] == ["plan", "begin", "outcome", "verdict"]
        again = {
            "id": "t1",
            "version": 2,
            "goal": "Find out why the pump failed",
            "nodes": [{"id": "logs", "goal": "Collect the logs"}, {"id": "ask", "goal": "Ask the mechanic"}],
        }
        c.record({"content": "plan 2", "task": "t1", "do": "plan", "version": 2, "graph": again, "kind": "task"}, **here)
        c.record({"content": "task finished", "task": "t1", "do": "status", "status": "finished", "version": 2, "kind": "task"}, **here)
        lines = re.sub(r"\[\w+\] ", "", c.call("path", **here)).splitlines()
        assert lines == [
            "- Find out why the pump failed (completed)",
            '  - Collect the logs (completed): {"lines": 812}',
            "  - Ask the mechanic (pending)",
        ]
        assert c.get(found["read"].id).retired == "superseded"
        assert not c.status()["faults"]


class Pump:
    """An executor that finds something, and once does not."""

    def run(self, node: Node, ctx: Job) -> Outcome:
        if node.id == "read" and ctx.attempt == 1:
            return Outcome("failed", why="the disk is full")
        return Outcome("finished", {"found": f"the {node.id} of the bilge pump"})


def test_what_the_task_layer_really_writes_can_be_asked_about(tmp_path: Path) -> None:
    nodes = (Node("logs", "Collect the logs", "pump"), Node("read", "Read them for errors", "pump"))
    with opened(tmp_path) as c:
        state = Tasks(c, user="ana", executors={"pump": Pump()}).run(
            TaskGraph("t9", 1, "Find out why it failed", nodes, (Edge("logs", "read"),))
        )
        assert state.status == "finished"
        c.catch_up()
        here: dict[str, Any] = {"user": "ana", "session": "t9"}
        lines = re.sub(r"\[\w+\] ", "", c.call("path", **here)).splitlines()
        assert lines == [
            "- Find out why it failed (completed)",
            '  - Collect the logs (completed): {"found": "the logs of the bilge pump"}',
            '  - Read them for errors (completed): {"found": "the read of the bilge pump"}',
        ]
        [hit] = c.recall("Which errors were read?", **here, k=1)
        assert hit.memory.data["place"] == "read"
        told = [memory.text for memory, _, _ in c.history(hit.memory.id)]
        assert "Read them for errors (pending): the disk is full" in told, "what went wrong on the way is history"
        assert not c.status()["faults"]
