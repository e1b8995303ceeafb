"""What a task's prompts have cost, against showing the whole history each time."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clew.types import Memory

VERSION = 1


@dataclass(frozen=True, slots=True)
class Account:
    """Tokens of all the prompts of a session so far: one for each turn of the user's."""

    turns: int
    path: int  # as they were shown
    linear: int  # had the whole history been shown

    @property
    def saved(self) -> float:
        """The share that was saved, negative where the path cost more."""
        return round(1 - self.path / self.linear, 4) if self.linear else 0.0

    def __str__(self) -> str:
        """For an agent to read, as JSON."""
        return json.dumps({"turns": self.turns, "path": self.path, "linear": self.linear, "saved": self.saved})


def account(said: Sequence[Memory], active: Callable[[str], Iterable[str]], head: Callable[[str], int]) -> Account:
    """The account of these messages, in order: each has its `node` and `tokens`.

    `active` gives the nodes whose messages a prompt at a node shows, `head` the tokens that it has besides them.
    """
    turns = path = linear = total = 0
    at = dict[str, int]()
    for message in said:
        node, cost = message.data["node"], message.data["tokens"]
        at[node] = at.get(node, 0) + cost
        total += cost
        if message.data["role"] == "user":
            turns, linear = turns + 1, linear + total
            path += head(node) + sum(at.get(key, 0) for key in active(node))
    return Account(turns, path, linear)
