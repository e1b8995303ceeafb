"""The other end of `benchmarks.against.Tree`: serves whatever clew its path leads to, a line a step."""

import json
import sys
from pathlib import Path
from time import perf_counter

from clew import Clew


def serve(folder: str) -> None:
    """The other end of a `Tree`; imports whatever clew its path leads to."""
    c = Clew(Path(folder) / "memory.db")
    for line in sys.stdin:
        word, given = json.loads(line)
        started = perf_counter()
        if word == "append a batch":
            c.record(given)
        elif word == "append one by one":
            for message in given:
                c.record(message)
        elif word == "fold":
            c.catch_up()
        elif word == "recall":
            spent = []
            for user, text in given:
                began = perf_counter()
                c.recall(text, user=user, k=10)
                spent.append(perf_counter() - began)
            print(json.dumps(spent), flush=True)
            continue
        print(json.dumps([perf_counter() - started]), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
