"""Which of several ways to cut a text is best, by perplexity: how clear the boundaries are, how much the cores keep.

Clarity is the mean probability of a boundary between consecutive chunks: ppl(next | chunk) / ppl(next), at most 1, so that
chunks which do not help to predict each other are well parted. Completeness is the mean of 1 / (ppl(chunk | core) * log|core|),
|core| in tokens: a short text from which the chunk could nearly be guessed. Ranks by either are fused (MoM, arXiv 2510.14252).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from clew.context import Context
from clew.models.scoring import LIKELIHOOD, Ngram
from clew.operators.budget import tokens
from clew.types import Memory

VERSION = 1
FUSION = 60  # the constant of reciprocal rank fusion (Cormack 2009)
LEAST = 2  # tokens of a core below which its logarithm would be nothing
NOTHING = Memory("", "")


def likelihoods(pairs: Sequence[tuple[Memory, Memory]], ctx: Context) -> list[float]:
    """One over the perplexity of each second text after the first.

    By the recipe's `evaluator`: model (the judge that is connected; kept, and waited for where there is none) or ngram (counts).
    """
    if ctx.params["evaluator"] == "model":
        return ctx.judge(pairs, LIKELIHOOD) if pairs else []
    return Ngram().judge([(a.text, b.text) for a, b in pairs])


def clarity(alone: Sequence[float], after: Sequence[float]) -> float:
    """The mean boundary probability, 0..1; of each chunk but the first the likelihood by itself and after the one before.

    A text in one chunk has no boundary, and none that is clear: 0.
    """
    shares = [min(1.0, a / b) if b > 0 else 1.0 for a, b in zip(alone, after, strict=True)]
    return sum(shares) / len(shares) if shares else 0.0


def completeness(given: Sequence[float], lengths: Sequence[int]) -> float:
    """The mean of likelihood over log length; of each chunk its likelihood given its core (0 without one), and the core's tokens."""
    shares = [p / math.log(max(n, LEAST)) for p, n in zip(given, lengths, strict=True)]
    return sum(shares) / len(shares) if shares else 0.0


def scored(chunks: Sequence[Memory], cores: Sequence[Memory | None], ctx: Context) -> tuple[float, float]:
    """(clarity, completeness) of one way to cut: chunks in order, and the core content of each, None where it has none."""
    steps = list(pairwise(chunks))
    kept = [(core, chunk) for core, chunk in zip(cores, chunks, strict=True) if core is not None]
    found = likelihoods([*((NOTHING, b) for _, b in steps), *steps, *kept], ctx)
    given = iter(found[2 * len(steps) :])
    shares = [0.0 if core is None else next(given) for core in cores]
    lengths = [0 if core is None else tokens(core.text) for core in cores]
    clear = clarity(found[: len(steps)], found[len(steps) : 2 * len(steps)])
    return round(clear, 6), round(completeness(shares, lengths), 9)


def fused(scores: Sequence[tuple[float, float]]) -> int:
    """The place of the best of (clarity, completeness): reciprocal ranks added; equal scores rank alike, the first of equals wins."""
    total = [0.0] * len(scores)
    for column in zip(*scores, strict=True):
        for place, value in enumerate(column):
            total[place] += 1 / (FUSION + 1 + sum(other > value for other in column))
    return max(range(len(scores)), key=lambda place: (total[place], -place))
