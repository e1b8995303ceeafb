"""What the REST door costs: a recall over HTTP beside the same recall of the engine, and how many a second it answers.

usage: python -m benchmarks.serve [--size 100000] [--db FILE] [--seconds 20] [--clients 8] [--processes 2]

Engine and service take turns question by question on the same file, so that a busy machine is busy for both. Wall time on a busy
machine counts every wait for a core, of which a request has several; so processor time is told beside it. Questions are of users
that have a hundredth of everything. The clients run beside the service on the same cores and are part of what is measured.
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
from pathlib import Path
from socket import socket
from time import monotonic, perf_counter, process_time, sleep
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import texts
from clew import Clew
from clew.arena.run import commit, machine, versions

PROGRAM = "from clew.serve.server import Settings, serve; import sys, json; serve(Settings(**json.loads(sys.argv[1])))"
WARM = 30  # questions before anything is timed
USERS = [f"u{n}" for n in range(1, 61)]


def filled(path: Path, size: int) -> None:
    """A memory of that many turns, folded."""
    with Clew(path) as c:
        for chunk in texts.chunks(size, 1000):
            c.record(chunk)
        c.catch_up()


@contextmanager
def service(path: Path, processes: int) -> Iterator[tuple[int, int]]:
    """A service of that many processes; its port, and the group of its processes."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"db": str(path), "port": port, "processes": processes, "worker": False, "limits": {"rate": 0.0}}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, json.dumps(settings)], start_new_session=True)
    try:
        deadline = monotonic() + 120
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

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, path: str, body: dict[str, Any] | None = None) -> float:
        """Milliseconds of one request, its answer read and parsed."""
        began = perf_counter()
        method, sent = ("GET", None) if body is None else ("POST", json.dumps(body))
        self.connection.request(method, path, sent, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200 or (body and not found["hits"]):
            raise RuntimeError(f"{answer.status}: {found}")
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
                    pair[1] = call("/v1/recall", {"text": question, "user": user})
                else:
                    began, used = perf_counter(), process_time()
                    c.recall(question, user=user)
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


def asking(port: int, seed: int, seconds: float, pipe: Any) -> None:
    """One client: as many questions as it can."""
    call, taken = Caller(port), []
    questions = texts.questions(200, seed)
    for number in range(len(USERS)):
        call("/v1/recall", {"text": questions[number], "user": USERS[number]})
    pipe.send("warm")
    pipe.recv()
    deadline, number = monotonic() + seconds, seed
    while monotonic() < deadline:
        taken.append(call("/v1/recall", {"text": questions[number % len(questions)], "user": USERS[number % len(USERS)]}))
        number += 1
    pipe.send(taken)


def throughput(path: Path, processes: int, clients: int, seconds: float) -> dict[str, Any]:
    """Recalls a second by clients that each wait for their answer."""
    context = multiprocessing.get_context("spawn")
    with service(path, processes) as (port, group):
        pipes, running = [], []
        for seed in range(clients):
            ours, theirs = context.Pipe()
            pipes.append(ours)
            running.append(context.Process(target=asking, args=(port, seed + 10, seconds, theirs), daemon=True))
            running[-1].start()
            theirs.close()  # so that a client that ends early is an EOFError here, and not a wait for ever
        for pipe in pipes:
            pipe.recv()
        used = -spent(group)
        for pipe in pipes:
            pipe.send("go")
        taken = [ms for pipe in pipes for ms in pipe.recv()]
        used += spent(group)
        for process in running:
            process.join()
    return {
        "processes": processes,
        "clients": clients,
        "recalls_a_second": round(len(taken) / seconds, 1),
        "ms": spread(taken),
        "processor_ms_a_recall": round(used / len(taken), 2),
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
    out: Annotated[Path, typer.Option()] = Path("benchmarks/results/serve.json"),
) -> None:
    """Measure, and write what was measured with the load of the machine beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = db or Path(folder, "memory.db")
        if not path.exists():
            filled(path, size)
        before = os.getloadavg()
        found = {"size": size, "overhead": overhead(path, questions)}
        found["throughput"] = [throughput(path, n, clients, seconds) for n in sorted({1, processes})]
        found["load_average"] = {"before": before, "after": os.getloadavg(), "cores": os.cpu_count()}
    found |= {"machine": machine(), "commit": commit(), "versions": versions()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
