"""A model's turns in a dialogue with a retriever: what a turn in natural language decides, and the dialogue so far."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clew.operators.retrieve import reciprocal
from clew.types import Hit, Memory

VERSION = 1
_ANSWER = re.compile(r"\bfinal answer\W*?[:\uff1a]\W*(.*)", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"\b(?:refined )?query\W*?[:\uff1a][\s\"'*]*([^\n]+)", re.IGNORECASE)
_NONE = re.compile(r"\W*(?:(?:it|this|the answer) is )?(?:unknown|not known|none|n/?a|i (?:do not|don't) know)?\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Talk:
    """The model's turns, the queries in them, the passages that came back, and the final answer where there is one."""

    turns: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    found: tuple[tuple[Hit, int], ...] = ()  # a passage and the turn that brought it, from 1
    answer: str = ""

    @property
    def passages(self) -> list[Memory]:
        """The passages in the order in which they came."""
        return [hit.memory for hit, _ in self.found]

    @property
    def first(self) -> list[tuple[Hit, int]]:
        """Each passage once, with the turn that brought it first."""
        came: dict[str, tuple[Hit, int]] = {}
        for hit, number in self.found:
            came.setdefault(hit.memory.id, (hit, number))
        return list(came.values())


def decided(said: str) -> tuple[str, str]:
    """(final answer, query) of a turn: what stands behind "Final answer:", else behind the last "Query:", else all of it.

    One of the two is empty, or both, where the turn says nothing. An answer that says it is not known is none.
    """
    if final := _ANSWER.search(said):
        return answered(final[1]), ""
    queries = _QUERY.findall(said)
    return "", (queries[-1] if queries else said).strip(" \t\"'*")


def answered(text: str) -> str:
    """The answer, or an empty text where it says no more than that it is not known."""
    return "" if _NONE.fullmatch(text) else text.strip()


def ranked(talk: Talk, others: Sequence[Hit], k: int) -> list[Hit]:
    """The talk's passages and other hits, reciprocal ranks fused: those of the talk rank as they came. Each says its turn (0: none).

    What the talk came to stands in each hit's data under `loop`: its answer, its queries, how many turns it took.
    """
    state = {"answer": talk.answer, "queries": list(dict.fromkeys(talk.queries)), "turns": len(talk.turns)}
    turns = {hit.memory.id: number for hit, number in talk.first}
    fused = reciprocal({"loop": [hit for hit, _ in talk.first], "question": others})
    return [replace(h, memory=h.memory.revised(data={"turn": turns.get(h.memory.id, 0), "loop": state})) for h in fused[:k]]
