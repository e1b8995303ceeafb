"""Clew: each turn in its conversational context, found by words, meaning, speaker and time; no model key.

Paper:     none
Code:      our own
Forms:     token        Functions: factual
Differs:   nothing to differ from
Results:   arena table, row clew
"""
from clew.operators import encode, retrieve
from clew.recipe import Recipe
from clew.types import Memory


def indexed(memory: Memory) -> str:
    """A turn as it is searched: its day and its speaker belong to its meaning."""
    day = f"[{memory.since.day} {memory.since:%B %Y}] " if memory.since else ""
    return f"{day}{memory.actor or ''}: {memory.text}"


recipe = Recipe(name="clew", encode=encode.turns, retrieve=retrieve.hybrid, indexed=indexed)
