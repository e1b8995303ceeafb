"""Run by the tests that kill tasks, in a process of its own: carries a task of many steps, each of which leaves a mark in the world."""

import sys
import time
from pathlib import Path

from clew import Clew
from clew.tasks import Edge, Limits, Node, Outcome, TaskGraph, Tasks
from clew.tasks.protocols import Job

LANES = 3


class Mark:
    """Appends a line to the node's own file: done twice, it has two lines. Says so on stdout when it begins."""

    def __init__(self, world: Path) -> None:
        self.world = world

    def run(self, node: Node, ctx: Job) -> Outcome:
        with (self.world / "entered").open("a") as file:
            file.write(f"{node.id}\n")
        print(node.id, flush=True)
        time.sleep(0.004)
        with (self.world / node.id).open("a") as file:
            file.write("done\n")
        time.sleep(0.004)
        return Outcome("finished", {"path": str(self.world / node.id)})


def graph(task: str, steps: int, world: Path) -> TaskGraph:
    """Three lanes of steps side by side; every step's after-check looks for its mark."""
    nodes = tuple(
        Node(f"s{i}", f"leave mark {i}", "mark", {"of": f"<s{i - LANES}.path>"} if i >= LANES else {}, after=(f"file:{world / f's{i}'}",))
        for i in range(steps)
    )
    edges = tuple(Edge(f"s{i - LANES}", f"s{i}") for i in range(LANES, steps))
    return TaskGraph(task, 1, "leave marks", nodes, edges, Limits(attempts=1, seconds=3600.0, steps=steps), LANES)


def main(db: str, runtime: str, task: str, steps: int) -> None:
    """Carry the task, or go on with it."""
    world = Path(db).with_name(f"world-{task}")
    world.mkdir(exist_ok=True)
    with Clew(db, recipes=["verbatim"]) as clew:
        state = Tasks(clew, executors={"mark": Mark(world)}, runtime=runtime).run(graph(task, steps, world))
    print(f"over {state.status}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
