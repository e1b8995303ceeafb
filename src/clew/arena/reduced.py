"""A fixed, small part of a dataset, for models that answer slowly: the same for every system, and stated beside its results."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from clew.arena.cases import Case


def reduced(cases: Iterable[Case], events: int, questions: int) -> Iterator[Case]:
    """Each case with at most so many events and questions; a case of which no question is left is left out.

    The first questions are taken whose evidence fits, with that evidence; the events that begin the case fill up what is
    left, all in their old order. So the evidence of every question is there, among fewer distractors than in the whole.
    """
    for case in cases:
        kept, needed = [], set[str]()
        for question in case.questions:
            more = {*needed, *question.gold}
            if question.gold and len(kept) < questions and len(more) <= events:
                kept, needed = [*kept, question], more
        if kept:
            free = events - len(needed)
            chosen = []
            for event in case.events:
                mine = event["key"] in needed
                if mine or free > 0:
                    chosen.append(event)
                    free -= not mine
            yield replace(case, events=tuple(chosen), questions=tuple(kept))
