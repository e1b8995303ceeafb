"""Executors with the real thing behind each: subprocesses, SQLite files, an HTTP server on this machine, Chromium, people's answers."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from clew import Clew
from clew.errors import BudgetExceeded, ModelUnavailable, NotFound, UsageError
from clew.models import Budget, Models
from clew.models.fake import Dead, Scripted
from clew.tasks import process
from clew.tasks.door import Tasks
from clew.tasks.executors.code import Code
from clew.tasks.executors.http import Http
from clew.tasks.executors.human import Human
from clew.tasks.executors.llm import Llm
from clew.tasks.executors.shell import Shell
from clew.tasks.executors.sql import Sql
from clew.tasks.executors.tool import Tool
from clew.tasks.graph import Edge, Limits, Node, Outcome, TaskGraph
from clew.tasks.protocols import Job
from clew.tasks.vault import Vault

Memory = Callable[..., Clew]
Do = Callable[..., Outcome]


@pytest.fixture
def do(memory: Memory) -> Do:
    """Runs one node of a graph of one with an executor: do(Shell(), command="true", seconds=5)."""
    held: list[Clew] = []

    def run(
        executor: Any, *, goal: str = "", seconds: float = 20.0, edges: tuple[Edge, ...] = (), clew: Clew | None = None, **more: Any
    ) -> Outcome:
        job = {k: more.pop(k) for k in ("reply", "cancelled", "attempt", "user") if k in more}
        tokens = more.pop("tokens", None)
        node = Node("n", goal, type(executor).__name__.lower(), more, budget=Limits(seconds=seconds, tokens=tokens))
        others = tuple([Node(e.target, "") for e in edges])
        if clew is None and not held:
            held.append(memory("jobs.db"))
        return executor.run(node, Job(clew or held[0], TaskGraph("t", 1, "test", (node, *others), edges), **job))

    return run


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def waited(gone: Callable[[], bool], seconds: float = 3.0) -> bool:
    until = time.monotonic() + seconds
    while not gone() and time.monotonic() < until:
        time.sleep(0.02)
    return gone()


# -- shell ------------------------------------------------------------------------------------------------------------


def test_a_command_gives_what_it_printed_and_its_exit_code(do: Do) -> None:
    found = do(Shell(), command="cat; echo done >&2", stdin="hello")
    assert (found.status, found.outputs) == ("finished", {"code": 0, "stdout": "hello", "stderr": "done\n"})
    assert do(Shell(), command=["printf", "%s|", "a b", "$HOME"]).outputs["stdout"] == "a b|$HOME|"  # a list goes through no shell


def test_a_failing_command_is_a_failed_outcome_with_its_exit_code_and_last_words(do: Do) -> None:
    found = do(Shell(), command="echo first; echo 'no such table' >&2; exit 3")
    assert found.status == "failed" and found.outputs["code"] == 3 and found.outputs["stdout"] == "first\n"
    assert found.why == "exit code 3: no such table"
    assert do(Shell(), command="exit 3", codes=[0, 3]).status == "finished"


def test_time_out_kills_what_the_command_started_and_what_that_started(do: Do, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    # A child, its child, and one that leaves the group with setsid: none may be left.
    script = f"sh -c 'sleep 300 & echo $! >> {pids}; echo $$ >> {pids}; wait' & setsid sh -c 'echo $$ >> {pids}; exec sleep 300' & wait"
    started = time.monotonic()
    found = do(Shell(), command=script, seconds=1.5)
    assert found.status == "failed" and "took longer than" in found.why and time.monotonic() - started < 5
    numbers = [int(n) for n in pids.read_text().split()]
    assert len(numbers) == 3
    assert waited(lambda: not any(alive(n) for n in numbers)), [n for n in numbers if alive(n)]


def test_what_a_command_leaves_running_behind_its_back_ends_with_it(do: Do) -> None:
    started = time.monotonic()
    found = do(Shell(), command="sleep 300 & echo $!")
    assert found.status == "finished" and time.monotonic() - started < 5
    assert waited(lambda: not alive(int(found.outputs["stdout"])))


def test_a_command_that_ignores_being_asked_to_end_is_ended(do: Do) -> None:
    started = time.monotonic()
    found = do(Shell(), command="trap '' TERM; while :; do sleep 0.1; done", seconds=1.0)
    assert found.status == "failed" and found.outputs["code"] == -9 and time.monotonic() - started < 4


def test_a_cancelled_command_ends_before_its_time(do: Do) -> None:
    gone = threading.Event()
    threading.Timer(0.3, gone.set).start()
    started = time.monotonic()
    found = do(Shell(), command="sleep 60", cancelled=gone.is_set)
    assert found.why == "it was cancelled" and time.monotonic() - started < 5


def test_long_output_is_short_among_the_outputs_and_whole_in_an_event(do: Do) -> None:
    found = do(Shell(), command="seq 1 5000")
    assert len(found.outputs["stdout"]) < 4200 and "characters left out" in found.outputs["stdout"]
    [event] = found.events
    assert event["content"] == "".join(f"{i}\n" for i in range(1, 5001))
    assert event["data"]["sha256"] == found.outputs["whole"]["stdout"]["sha256"]
    assert found.outputs["whole"]["stdout"]["characters"] == len(event["content"])


def test_output_without_end_is_cut_in_the_middle_and_costs_no_memory() -> None:
    ran = process.run(["sh", "-c", "echo first; yes | head -c 30000000; echo last"], seconds=30, most=10_000)
    assert ran.out.startswith("first") and ran.out.endswith("last\n") and len(ran.out) < 10_100 and "bytes left out" in ran.out


def test_a_command_sees_nothing_of_our_environment_but_what_it_needs(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-you")
    found = do(Shell(), command="env", env={"COLOUR": "blue"}).outputs["stdout"]
    assert "COLOUR=blue" in found and "PATH=" in found and "sk-not-for-you" not in found


def test_a_secret_reaches_a_command_by_name_and_never_comes_back(do: Do) -> None:
    shell = Shell(Vault({"TOKEN": "correct-horse"}))
    found = do(shell, command='test "${TOKEN}" = correct-horse && echo "got ${TOKEN}"')
    assert found.status == "finished" and found.outputs["stdout"] == "got ${TOKEN}\n"
    assert "correct-horse" not in json.dumps([found.outputs, list(found.events), found.why])
    assert "correct-horse" not in repr(shell.vault)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "shell needs 'command'"),
        ({"command": ["no-such-program-here"]}, "cannot be started"),
        ({"command": "true", "cdw": "/"}, "has no input 'cdw'; it takes command, cwd"),
        ({"command": "true", "env": [1]}, "needs 'env' in its inputs, a mapping"),
    ],
)
def test_wrong_inputs_are_told_with_what_would_be_right(do: Do, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        do(Shell(), **inputs)


# -- code -------------------------------------------------------------------------------------------------------------


def test_code_gives_its_result_as_json(do: Do) -> None:
    found = do(Code(), code="print('hi'); result = {'mean': sum(xs) / len(xs), 'n': len(xs)}", values={"xs": [1, 2, 6]})
    assert found.status == "finished" and found.outputs["result"] == {"mean": 3.0, "n": 3} and found.outputs["stdout"] == "hi\n"


def test_code_that_raises_is_a_failed_outcome_with_the_line(do: Do) -> None:
    found = do(Code(), code="x = 1\ny = x / 0\n")
    assert found.status == "failed" and found.why == "ZeroDivisionError: division by zero"
    assert 'File "<node>", line 2' in found.outputs["stderr"]


def test_code_sees_neither_our_environment_nor_our_folder(do: Do) -> None:
    found = do(Code(), code="import os, sys\nresult = [os.listdir('.'), sys.flags.isolated, 'CLEW_DATA' in os.environ]")
    assert found.outputs["result"] == [[], 1, False]


def test_code_without_end_or_measure_is_stopped(do: Do) -> None:
    assert "took longer than" in do(Code(), code="while True: pass", seconds=1.0).why
    assert do(Code(), code="x = 'a' * (600 << 20)", megabytes=300).why == "MemoryError"
    assert "is longer than" in do(Code(), code="result = 'a' * 2_000_000").why
    assert "not JSON serializable" in do(Code(), code="result = object()").why


# -- SQL --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE item(name TEXT, price INTEGER, photo BLOB)")
        c.executemany("INSERT INTO item VALUES (?,?,?)", [(f"cup {i}", i, b"\x00\x01") for i in range(50)])
    c.close()
    return str(path)


def test_a_query_gives_rows_and_its_parameters_are_never_part_of_it(do: Do, shop: str) -> None:
    found = do(Sql(), database=shop, sql="SELECT name, price FROM item WHERE price > :least ORDER BY price", parameters={"least": 47})
    assert found.outputs == {"columns": ["name", "price"], "rows": [["cup 48", 48], ["cup 49", 49]], "count": 2, "more": False}
    assert do(Sql(), database=shop, sql="SELECT * FROM item WHERE name = ?", parameters=["x' OR 1=1 --"]).outputs["count"] == 0
    many = do(Sql(), database=shop, sql="SELECT photo FROM item", rows=3).outputs
    assert many["rows"][0] == [{"bytes": 2, "hex": "0001"}] and many["count"] == 3 and many["more"] is True


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM item", "PRAGMA query_only=0", "ATTACH '/tmp/other.db' AS o", "CREATE TABLE x(y)", "SELECT 1; DELETE FROM item"],
)
def test_a_node_that_may_only_read_changes_nothing(do: Do, shop: str, statement: str) -> None:
    before = Path(shop).read_bytes()
    found = do(Sql(), database=shop, sql=statement)
    assert found.status == "failed" and found.why
    assert Path(shop).read_bytes() == before


def test_a_write_is_one_transaction(do: Do, shop: str) -> None:
    assert do(Sql(), database=shop, write=True, sql="UPDATE item SET price = 0 WHERE price < ?", parameters=[10]).outputs["changed"] == 10
    with sqlite3.connect(shop) as c:
        c.execute("CREATE UNIQUE INDEX one ON item(name)")
    assert (
        "UNIQUE constraint failed"
        in do(Sql(), database=shop, write=True, sql="INSERT INTO item SELECT 'new', 1, 0 UNION ALL SELECT 'cup 1', 1, 0").why
    )
    assert do(Sql(), database=shop, sql="SELECT count(*) FROM item").outputs["rows"] == [[50]]


def test_a_query_without_end_stops_at_its_time_and_a_wrong_one_says_what_is_wrong(do: Do, shop: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    assert "took longer than" in do(Sql(), database=shop, sql=endless, seconds=0.5).why
    assert "no such column: colour" in do(Sql(), database=shop, sql="SELECT colour FROM item").why
    assert "there is no database" in do(Sql(), database=shop + "x", sql="SELECT 1").why


# -- HTTP -------------------------------------------------------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, dict[str, str], str]] = []  # noqa: RUF012 - one server at a time

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.seen.append((self.command, self.path, dict(self.headers.items()), body))
        if self.path == "/slow":
            time.sleep(3)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://example.org/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        text = {"/big": "x" * 50_000, "/json": '{"ok": [1, 2]}', "/echo": json.dumps(dict(self.headers.items()))}.get(self.path, "fine")
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Type", "application/json" if self.path in ("/json", "/echo") else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(text.encode())

    do_GET = do_POST = do_PUT = _any


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    server.daemon_threads = True
    _Answers.seen.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_gives_status_headers_and_body(do: Do, site: str) -> None:
    found = do(Http(), url=f"{site}/json", hosts=["127.0.0.1"])
    assert (found.status, found.outputs["status"], found.outputs["json"]) == ("finished", 200, {"ok": [1, 2]})
    assert do(Http(), url=f"{site}/x", method="put", json={"a": "ü"}, headers={"X-Of": "us"}, hosts=["127.0.0.1"]).outputs["body"] == "fine"
    method, _, headers, body = _Answers.seen[-1]
    assert (method, headers["X-Of"], headers["Content-Type"], json.loads(body)) == ("PUT", "us", "application/json", {"a": "ü"})


def test_a_status_of_failure_is_a_failed_outcome(do: Do, site: str) -> None:
    found = do(Http(), url=f"{site}/none", hosts=["127.0.0.1"])
    assert found.status == "failed" and found.outputs["status"] == 404 and found.why == "status 404: fine"
    assert do(Http(), url=f"{site}/none", hosts=["127.0.0.1"], codes=[404]).status == "finished"


def test_only_hosts_that_the_node_allows_are_asked_redirects_included(do: Do, site: str) -> None:
    with pytest.raises(UsageError, match=r"none of the hosts that the node allows: example\.com"):
        do(Http(), url=f"{site}/json", hosts=["example.com"])
    with pytest.raises(UsageError, match="needs 'hosts'"):
        do(Http(), url=f"{site}/json")
    with pytest.raises(UsageError, match="only http and https"):
        do(Http(), url="file:///etc/passwd", hosts=["127.0.0.1"])
    assert _Answers.seen == []
    with pytest.raises(UsageError, match=r"'example.org' is none of the hosts"):
        do(Http(), url=f"{site}/away", hosts=["127.0.0.1"])


def test_a_slow_or_huge_answer_is_a_failed_outcome(do: Do, site: str) -> None:
    started = time.monotonic()
    assert "timed out" in do(Http(), url=f"{site}/slow", hosts=["127.0.0.1"], seconds=0.6).why and time.monotonic() - started < 2.5
    assert "longer than 1000 bytes" in do(Http(most=1000), url=f"{site}/big", hosts=["127.0.0.1"]).why
    assert "refused" in do(Http(), url="http://127.0.0.1:9/", hosts=["127.0.0.1"]).why.lower()


def test_a_secret_is_sent_by_name_and_masked_in_the_answer_and_others_are_not_sent(do: Do, site: str) -> None:
    http, key = Http(Vault({"KEY": "sk-live-aaaabbbbccccddddeeee"})), "sk-proj-0123456789abcdefghijklmn"
    found = do(http, url=f"{site}/echo", headers={"Authorization": "Bearer ${KEY}"}, hosts=["127.0.0.1"])
    assert _Answers.seen[-1][2]["Authorization"] == "Bearer sk-live-aaaabbbbccccddddeeee"
    assert found.outputs["json"]["Authorization"] == "Bearer ${KEY}" and "aaaabbbb" not in json.dumps(found.outputs)
    with pytest.raises(UsageError, match="there is no secret 'OTHER'; there are KEY; set CLEW_SECRET_OTHER"):
        do(http, url=f"{site}/echo", body="${OTHER}", hosts=["127.0.0.1"])
    count = len(_Answers.seen)
    for inputs in ({"body": f"my key is {key}"}, {"headers": {"Authorization": f"Bearer {key}"}}, {"json": {"api_key": key}}):
        with pytest.raises(UsageError, match="looks like a secret"):
            do(http, url=f"{site}/echo", hosts=["127.0.0.1"], **inputs)
    assert len(_Answers.seen) == count


# -- people -----------------------------------------------------------------------------------------------------------


def test_a_person_is_asked_and_the_answer_chooses_the_way(do: Do) -> None:
    edges = (Edge("n", "send", "it was approved"), Edge("n", "drop", "it was not"), Edge("n", "log"))
    asked = do(Human(), question="Send it?", choices=["send", "drop"], edges=edges)
    assert asked.status == "waiting" and asked.outputs == {"question": "Send it?", "choices": ["send", "drop"]}
    found = do(Human(), question="Send it?", choices=["send", "drop"], edges=edges, reply={"answer": "drop", "by": "Ana"})
    assert found.status == "finished" and found.outputs == {"answer": "drop", "by": "Ana"} and found.edges == {"send": False, "drop": True}
    again = do(Human(), question="Send it?", choices=["send", "drop"], reply={"answer": "maybe"})
    assert again.status == "waiting" and "the answer 'maybe' is not one of send, drop" in again.outputs["question"]


# -- models -----------------------------------------------------------------------------------------------------------


def answering(prompt: str, schema: Mapping[str, Any] | None) -> Any:
    if schema is None:
        return "Silva mends pumps."
    properties = schema["properties"]
    if "choice" in properties:
        return {"choice": properties["choice"]["enum"][-1]}
    if "answer" in properties:
        return {"answer": "yes" if "this is urgent work" in prompt else "no"}
    return {"text": "short"} if "text" in properties else dict.fromkeys(properties, "x")


def test_a_model_answers_in_the_form_asked_for_and_decides_conditions_in_prose(do: Do, memory: Memory) -> None:
    asker = Scripted(answering)
    clew = memory("asked.db", models=Models(asker=asker))
    edges = (
        Edge("n", "call", "this is urgent work"),
        Edge("n", "wait", "it can wait"),
        Edge("n", "count", "len(answer) > 3"),
        Edge("n", "log"),
    )
    found = do(Llm(), clew=clew, prompt="How bad is it?", form={"choice": ["low", "high"]}, values={"error": "no water"}, edges=edges)
    assert found.outputs == {"answer": "high"} and found.edges == {"call": True, "wait": False}
    assert "error: no water" in asker.prompts[0] and asker.calls == 3
    assert do(Llm(), clew=clew, prompt="Say it shortly.", form={"text": 40}).outputs["answer"] == "short"
    assert do(Llm(), clew=clew, goal="Who mends pumps?").outputs["answer"] == "Silva mends pumps."


def test_a_models_calls_are_counted_and_an_attempt_carried_on_asks_nothing_again(do: Do, memory: Memory) -> None:
    asker = Scripted(answering)
    clew = memory("counted.db", models=Models(asker=asker))
    first = do(Llm(), clew=clew, prompt="Who?", attempt=1)
    assert first.tokens > 0 and clew.answers.spent().tokens == first.tokens and clew.answers.ledger()[0]["recipe"] == "tasks"
    again = do(Llm(), clew=clew, prompt="Who?", attempt=1)
    assert again.outputs == first.outputs and asker.calls == 1 and again.tokens == first.tokens
    do(Llm(), clew=clew, prompt="Who?", attempt=2)
    assert asker.calls == 2


def test_what_memory_holds_is_shown_to_the_model_and_forgetting_it_takes_the_answer_along(do: Do, memory: Memory) -> None:
    asker = Scripted(answering)
    clew = memory("recalled.db", models=Models(asker=asker))
    clew.record("Silva is a mechanic who mends pumps in Porto.", user="ana")
    found = do(Llm(), clew=clew, prompt="Who can help?", recall="who mends pumps?", user="ana")
    assert "Silva is a mechanic" in asker.prompts[0] and len(found.outputs["memories"]) == 1
    assert do(Llm(), clew=clew, prompt="Who can help?", recall="who mends pumps?", user="bo").outputs.get("memories") is None
    clew.forget(user="ana", events=[1])
    with clew.database.snapshot() as c:
        kept = list(c.execute("SELECT body FROM answer WHERE recipe='tasks' ORDER BY id"))
    assert kept[0] == (None,) and kept[1][0] is not None


def test_a_models_failure_is_told_and_its_budget_holds(do: Do, memory: Memory) -> None:
    wrong = memory("wrong.db", models=Models(asker=Scripted(lambda p, s: {"choice": "neither"})))
    found = do(Llm(), clew=wrong, prompt="Which?", form={"choice": ["a", "b"]})
    assert found.status == "failed" and "do not fit the form" in found.why and found.tokens > 0
    with pytest.raises(ModelUnavailable):
        do(Llm(), clew=memory("dead.db", models=Models(asker=Dead())), prompt="Who?")
    with pytest.raises(BudgetExceeded):
        do(Llm(), clew=memory("poor.db", models=Models(asker=Scripted(answering))), prompt="Who?", tokens=10)
    with pytest.raises(BudgetExceeded):
        do(Llm(), clew=memory("spent.db", models=Models(asker=Scripted(answering)), budget=Budget(calls_per_day=0)), prompt="Who?")
    with pytest.raises(UsageError, match="a form is"):
        do(Llm(), clew=wrong, prompt="Which?", form={"colour": "blue"})


def test_a_secret_in_what_a_model_is_asked_goes_out_masked(do: Do, memory: Memory) -> None:
    class Outside(Scripted):
        local = False

    asker = Outside(lambda p, s: "The key is [KEY_1].")
    clew = memory("gated.db", models=Models(asker=asker))
    found = do(Llm(), clew=clew, prompt="Which key?", values={"env": "OPENAI_API_KEY=sk-proj-0123456789abcdefghijklmn"})
    assert "sk-proj-0123" not in asker.prompts[0] and found.outputs["answer"] == "The key is sk-proj-0123456789abcdefghijklmn."


# -- tools ------------------------------------------------------------------------------------------------------------


def weigh(grams: Annotated[int, "what the scales say", (1, 5000)], unit: Literal["g", "kg"] = "g") -> str:
    """Say a weight in words."""
    return f"{grams if unit == 'g' else grams / 1000:g} {unit}"


def graph(ctx: Job) -> dict[str, Any]:
    """What task this is."""
    return {"task": ctx.graph.id, "attempt": ctx.attempt}


def test_a_typed_function_is_a_tool_and_its_arguments_are_checked(do: Do) -> None:
    tool = Tool({"weigh": weigh})
    assert tool.add(graph) is graph
    assert do(tool, tool="weigh", arguments={"grams": 500, "unit": "kg"}).outputs == {"result": "0.5 kg"}
    assert do(tool, tool="weigh", arguments='{"grams": 20}').outputs == {"result": "20 g"}
    assert do(tool, tool="graph", attempt=2).outputs == {"task": "t", "attempt": 2}
    with pytest.raises(UsageError, match="weigh: grams is 1 to 5000, got 9000"):
        do(tool, tool="weigh", arguments={"grams": 9000})
    with pytest.raises(NotFound, match="there is no tool 'wiegh'; there are graph, weigh"):
        do(tool, tool="wiegh")
    assert [s["function"]["name"] for s in tool.schemas()] == ["graph", "weigh"]


# -- all of them in one task ------------------------------------------------------------------------------------------


def test_a_task_goes_from_a_database_through_code_a_command_and_a_person_to_its_end(memory: Memory, shop: str) -> None:
    clew = memory("whole.db")
    graph = TaskGraph(
        "whole",
        1,
        "price list",
        (
            Node("rows", "read", "sql", {"database": shop, "sql": "SELECT name, price FROM item WHERE price > 46"}, after=("count > 0",)),
            Node("sum", "add up", "code", {"code": "result = sum(p for _, p in rows)", "values": {"rows": "<rows.rows>"}}),
            Node("long", "write it out", "shell", {"command": "echo total <sum.result>; seq 1 3000"}, after=("code == 0",)),
            Node("ask", "Send it?", "human", {"choices": ["send", "drop"]}),
            Node("send", "send", "shell", {"command": ["printf", "%s", "<long.stdout>"]}),
            Node("drop", "drop", "shell", {"command": "exit 1"}),
        ),
        (
            Edge("rows", "sum"),
            Edge("sum", "long"),
            Edge("long", "ask"),
            Edge("ask", "send", "the person agrees to it"),
            Edge("ask", "drop", "or not"),
        ),
    )
    tasks = Tasks(clew)
    assert tasks.run(graph).status == "waiting"
    tasks.approve("whole", "send", by="Ana")
    state = tasks.resume("whole")
    assert state.status == "finished" and state.graph.node("drop").status == "skipped"
    assert state.results["sum"]["result"] == 47 + 48 + 49 and state.results["send"]["stdout"].startswith("total 144\n1\n2\n")
    [whole] = [e for e in clew.log.read() if e.kind == "observation" and e.body["data"]["node"] == "long"]
    assert whole.text.endswith("\n2999\n3000\n") and whole.body["data"]["sha256"] == state.results["long"]["whole"]["stdout"]["sha256"]
