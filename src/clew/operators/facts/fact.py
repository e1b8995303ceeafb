"""A fact as a value: what is stated, the sentence that a memory keeps of it, and what that sentence rests on."""

from dataclasses import dataclass

from clew.operators.slots.statement import Statement

ROLES = frozenset({"user", "assistant", "system", "tool", "document", "human", "ai", "bot", ""})


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement, the sentence that says it by itself, and what its words stand for.

    `resolved`: words of the text that are not in the span and what they were taken from is known (the speaker's name, the
    name behind "she"). `by`: who says so. `own`: whether that is the one whom it is said of, or the one who may say so.
    """

    statement: Statement
    text: str
    resolved: tuple[str, ...] = ()
    by: str = "user"
    own: bool = True
    spans: tuple[tuple[int, int], ...] = ()


def name_of(speaker: str | None, role: str | None) -> str:
    """How who speaks is called in a fact: the name; without one "The user", or what the role says ("The tool", "The document")."""
    plain = (speaker or "").strip()
    if plain.casefold() not in ROLES:
        return plain
    if role == "assistant" or plain.casefold() in ("assistant", "ai", "bot"):
        return "The assistant"
    return f"The {role}" if role in ("tool", "document") else "The user"
