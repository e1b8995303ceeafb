"""Facts without a model: who, what and when is stated in dialogue, tools' results and documents, read by rules.

`read` gives facts (a statement, the sentence that a memory keeps, the spans it came from); `statements` the statements alone.
"""

from clew.operators.facts.fact import Fact, name_of
from clew.operators.facts.reading import read, statements

__all__ = ["Fact", "name_of", "read", "statements"]
