"""Verbatim: turns as they are; the control that every other recipe must beat.

Paper:     none
Code:      our own
Forms:     token        Functions: factual
Formation: raw
Evolution: none
Retrieval: hybrid
Quadrant:  II
Group:     explicit
Calls:     none per add, none per recall
Published: none
Checklist: none
Differs:   nothing to differ from
Results:   arena table, row verbatim
"""
from clew.operators import encode, retrieve
from clew.recipe import Recipe

recipe = Recipe(name="verbatim", encode=encode.turns, retrieve=retrieve.hybrid)
