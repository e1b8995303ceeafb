"""What the REST door costs: a recall over HTTP beside the same recall of the engine, and how many a second it answers.

usage: python -m benchmarks.serve [--size 100000] [--db FILE] [--seconds 20] [--clients 8] [--processes 2]
       python -m benchmarks.serve --peer mem0 [--peer-folder FOLDER] [--peer-url postgresql://...]     beside mem0, see `mem0_route`

Engine and service take turns question by question on the same file, so that a busy machine is busy for both. Wall time on a busy
machine counts every wait for a core, of which a request has several; so processor time is told beside it. Questions are of users
that have a hundredth of everything. The clients run beside the service on the same cores and are part of what is measured.
A peer is asked the same questions by the same clients over the same turns, in turns with one process of ours.
"""

import http.client
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from time import monotonic, perf_counter, process_time, sleep
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import texts
from clew import Clew
from clew.arena.peers import QUIET
from clew.arena.run import commit, machine, versions
from clew.errors import NotFound

PROGRAM = "from clew.serve.server import Settings, serve; import sys, json; serve(Settings(**json.loads(sys.argv[1])))"
RESULTS = Path("benchmarks/results")
WARM = 30  # questions before anything is timed
USERS = [f"u{n}" for n in range(1, 61)]
K = 10
ROUNDS = 3  # that a peer and we take with all clients
FILLING = 3600  # seconds that a peer may take to be filled


@dataclass(frozen=True, slots=True)
class Door:
    """How a service is asked for the memories of a user: its route, its names of question, user and number, and of the answer."""

    path: str
    names: tuple[str, str, str]
    found: str

    def body(self, question: str, user: str) -> dict[str, Any]:
        """What is sent."""
        return dict(zip(self.names, (question, user, K), strict=True))


OURS = Door("/v1/recall", ("text", "user", "k"), "hits")
MEM0 = Door("/search", ("query", "user_id", "top_k"), "results")


def filled(path: Path, size: int) -> None:
    """A memory of that many turns, folded."""
    with Clew(path) as c:
        for chunk in texts.chunks(size, 1000):
            c.record(chunk)
        c.catch_up()


def service(path: Path, processes: int) -> Any:
    """A service of that many processes."""
    port = unused()
    settings = {"db": str(path), "port": port, "processes": processes, "worker": False, "limits": {"rate": 0.0}}
    return started(["-c", PROGRAM, json.dumps(settings)], port, 120)


def route(folder: Path, url: str, size: int) -> Any:
    """mem0 of that many turns behind a route."""
    port = unused()
    return started(["-m", "benchmarks.mem0_route", str(folder), str(port), str(size), "--url", url], port, FILLING)


def unused() -> int:
    """A port that nobody listens at."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def started(arguments: list[str], port: int, patience: float) -> Iterator[tuple[int, int]]:
    """A service that Python is started with; its port, and the group of its processes, once it says that it lives."""
    env = {**os.environ, **QUIET}
    process = subprocess.Popen([sys.executable, *arguments], start_new_session=True, env=env)
    try:
        deadline = monotonic() + patience
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                if process.poll() is not None or monotonic() > deadline:
                    raise
                sleep(0.2)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def spent(group: int) -> float:
    """Milliseconds of processor time that the processes of a group have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


class Caller:
    """One connection that is kept."""

    def __init__(self, port: int, door: Door = OURS) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.door, self.said = door, {}

    def ask(self, question: str, user: str) -> float:
        """Milliseconds of one search."""
        return self(self.door.path, self.door.body(question, user))

    def __call__(self, path: str, body: dict[str, Any] | None = None) -> float:
        """Milliseconds of one request, its answer read and parsed."""
        began = perf_counter()
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        self.connection.request(method, path, sent, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200 or (body and self.door == OURS and not found[OURS.found]):
            raise RuntimeError(f"{answer.status}: {found}")
        self.said = found
        return (perf_counter() - began) * 1000


def overhead(path: Path, count: int) -> dict[str, Any]:
    """The same questions to the engine and to the service, in turns."""
    engine, rest, health = [], [], []
    questions = texts.questions(count + WARM, 3)
    ours = theirs = 0.0
    with service(path, 1) as (port, group), Clew(path) as c:
        call = Caller(port)
        for number, question in enumerate(questions):
            if number == WARM:
                theirs = -spent(group)
            user = USERS[number % len(USERS)]
            pair: list[float] = [0.0, 0.0]
            for which in (0, 1) if number % 2 else (1, 0):
                if which:
                    pair[1] = call.ask(question, user)
                else:
                    began, used = perf_counter(), process_time()
                    c.recall(question, user=user, k=K)
                    pair[0] = (perf_counter() - began) * 1000
                    ours += (process_time() - used) * 1000 if number >= WARM else 0.0
            if number >= WARM:
                engine.append(pair[0])
                rest.append(pair[1])
        theirs += spent(group)
        for _ in range(count):
            health.append(call("/health"))
    return {
        "questions": count,
        "processor_ms": {"engine": round(ours / count, 2), "service": round(theirs / count, 2), "added": round((theirs - ours) / count, 2)},
        "engine_ms": spread(engine),
        "rest_ms": spread(rest),
        "added_ms_p50_of_pairs": round(float(np.median(np.subtract(rest, engine))), 2),
        "added_ms_of_p50s": round(float(np.median(rest) - np.median(engine)), 2),
        "health_ms": spread(health),
    }


def asking(port: int, door: Door, seed: int, seconds: float, warm: int, pipe: Any) -> None:
    """One client: as many questions as it can, the last one's answer waited for; and the seconds that this took."""
    call, taken = Caller(port, door), []
    questions = texts.questions(200, seed)
    for number in range(warm):
        call.ask(questions[number], USERS[number])
    pipe.send("warm")
    pipe.recv()
    began, number = monotonic(), seed
    while monotonic() < began + seconds:
        taken.append(call.ask(questions[number % len(questions)], USERS[number % len(USERS)]))
        number += 1
    pipe.send((taken, monotonic() - began))


def crowd(port: int, group: int, door: Door, clients: int, seconds: float, warm: int) -> dict[str, Any]:
    """Recalls a second by clients that each wait for their answer."""
    context = multiprocessing.get_context("spawn")
    pipes, running = [], []
    for seed in range(clients):
        ours, theirs = context.Pipe()
        pipes.append(ours)
        running.append(context.Process(target=asking, args=(port, door, seed + 10, seconds, warm, theirs), daemon=True))
        running[-1].start()
        theirs.close()  # so that a client that ends early is an EOFError here, and not a wait for ever
    for pipe in pipes:
        pipe.recv()
    used = -spent(group)
    for pipe in pipes:
        pipe.send("go")
    done = [pipe.recv() for pipe in pipes]
    used += spent(group)
    for process in running:
        process.join()
    taken = [ms for each, _ in done for ms in each]
    return {
        "clients": clients,
        "recalls_a_second": round(sum(len(each) / took for each, took in done), 1),
        "ms": spread(taken),
        "processor_ms_a_recall": round(used / len(taken), 2),
    }


def throughput(path: Path, processes: int, clients: int, seconds: float) -> dict[str, Any]:
    """The same of a service that nothing else runs beside."""
    with service(path, processes) as (port, group):
        return {"processes": processes, **crowd(port, group, OURS, clients, seconds, len(USERS))}


def beside(path: Path, peer: tuple[Path, str, int], count: int, clients: int, seconds: float) -> dict[str, Any]:
    """One process of ours and the peer's (folder, URL, size): question by question in turns, then all clients, some seconds each in turns."""
    with route(*peer) as (theirs, their_group), service(path, 1) as (ours, our_group):
        callers = {"clew": Caller(ours), "mem0": Caller(theirs, MEM0)}
        callers["mem0"]("/health")
        about = callers["mem0"].said
        taken: dict[str, list[float]] = {name: [] for name in callers}
        hits: dict[str, list[int]] = {name: [] for name in callers}
        for user in USERS:
            callers["clew"].ask("warm", user)
        for number, question in enumerate(texts.questions(count + WARM, 3)):
            for name in sorted(callers, reverse=number % 2 == 1):
                took = callers[name].ask(question, USERS[number % len(USERS)])
                if number >= WARM:
                    taken[name].append(took)
                    hits[name].append(len(callers[name].said[callers[name].door.found]))
        groups = {"clew": (ours, our_group, OURS), "mem0": (theirs, their_group, MEM0)}
        rounds = [{name: crowd(*groups[name], clients, seconds, 1) for name in sorted(groups, reverse=n % 2 == 1)} for n in range(ROUNDS)]
    ratio = np.divide(taken["mem0"], taken["clew"])
    faster = [each["clew"]["recalls_a_second"] / each["mem0"]["recalls_a_second"] for each in rounds]
    return {
        "peer": about,
        "questions": count,
        "one_client_ms": {name: spread(each) for name, each in taken.items()},
        "hits_an_answer": {name: round(float(np.mean(each)), 2) for name, each in hits.items()},
        "empty_answers": {name: each.count(0) for name, each in hits.items()},
        "mem0_by_clew": {name: round(float(np.percentile(ratio, p)), 2) for name, p in (("p5", 5), ("p50", 50), ("p95", 95))},
        "rounds": rounds,
        "clew_by_mem0_recalls_a_second": [round(each, 2) for each in faster],
    }


def spread(taken: list[float]) -> dict[str, float]:
    """What is usual and what is rare."""
    return {name: round(float(np.percentile(taken, p)), 2) for name, p in (("p50", 50), ("p95", 95), ("p99", 99))}


def main(
    size: Annotated[int, typer.Option(help="Turns in the memory.")] = 100_000,
    db: Annotated[Path | None, typer.Option(help="Keep the memory here, and use it again.")] = None,
    seconds: Annotated[float, typer.Option()] = 20.0,
    clients: Annotated[int, typer.Option()] = 8,
    processes: Annotated[int, typer.Option()] = 2,
    questions: Annotated[int, typer.Option()] = 200,
    out: Annotated[Path, typer.Option()] = RESULTS / "serve.json",
    peer: Annotated[str, typer.Option(help="mem0: that beside us, and nothing else.")] = "",
    peer_folder: Annotated[Path | None, typer.Option(help="Keep the peer's memory here, and use it again.")] = None,
    peer_url: Annotated[str, typer.Option(help="A PostgreSQL database with the extension vector, instead of local Qdrant.")] = "",
) -> None:
    """Measure, and write what was measured with the load of the machine beside it."""
    if peer not in ("", "mem0"):
        raise NotFound(f"there is no server of {peer!r} here; there is mem0")
    with tempfile.TemporaryDirectory() as folder:
        path = db or Path(folder, "memory.db")
        if not path.exists():
            filled(path, size)
        before = os.getloadavg()
        found: dict[str, Any] = {"size": size}
        if peer:
            found |= beside(path, (peer_folder or Path(folder, peer), peer_url, size), questions, clients, seconds)
        else:
            found["overhead"] = overhead(path, questions)
            found["throughput"] = [throughput(path, n, clients, seconds) for n in sorted({1, processes})]
        found["load_average"] = {"before": before, "after": os.getloadavg(), "cores": os.cpu_count()}
    found |= {"machine": machine(), "commit": commit(), "versions": versions()}
    if peer:  # one entry a size and store
        out = RESULTS / "serve_mem0.json" if out == RESULTS / "serve.json" else out
        kept = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        found = kept | {f"{size}, {found['peer']['store']}": found}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
