"""Run by the crash tests in a process of its own, which they kill: writes, or folds, and says on stdout what was acknowledged."""

import sys

import toys

from clew import Clew, Models
from clew.models.fake import Scripted
from clew.recipe import load

RECIPES = {"verbatim": load("verbatim"), **toys.ALL}


def models() -> Models:
    return Models(
        asker=Scripted(lambda p, s: {"choices": []} if "choices" in s["properties"] else {"text": f"note {len(p)}"}, name="fake:fickle")
    )


def main(what: str, path: str, recipe: str, first: int) -> None:
    """`store` records one keyed event after the other and prints each when it is acknowledged; `worker` folds for ever."""
    clew = Clew(path, recipes=[RECIPES[recipe]], models=models())
    print("ready", flush=True)
    number = first
    while True:
        if what == "store":
            batch = [{"content": f"harbour line {number + i} tide", "key": f"k{number + i}"} for i in range(1 + number % 3)]
            clew.record(batch, user=f"u{number % 2}")
            number += len(batch)
            print(number, flush=True)
        elif what == "forget":
            clew.record(f"harbour secret {number} qzx{number}jv", user="u0", key=f"f{number}")
            clew.catch_up()
            clew.forget(events=[clew.log.head()])
            number += 1
            print(number, flush=True)
        else:
            clew.catch_up()
            clew.recall("harbour tide", user="u0")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
