"""Clew: memory for agents. One append-only log is the truth; every memory is a view of it and leads back to the words."""

from clew.engine import Clew
from clew.errors import (
    BudgetExceeded,
    ClewError,
    Denied,
    LogCorrupt,
    MissingExtra,
    ModelError,
    ModelUnavailable,
    NotFound,
    RecipeError,
    ReplayMiss,
    StorageBusy,
    StorageFull,
    UsageError,
    Withheld,
)
from clew.models import Budget, Models, connect
from clew.recall import Answer
from clew.recipe import Recipe
from clew.retention import Hold, Rule
from clew.types import Change, Event, Hit, Memory, Query, Quote, Receipt, Recorded, Scope, Source

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Budget",
    "BudgetExceeded",
    "Change",
    "Clew",
    "ClewError",
    "Denied",
    "Event",
    "Hit",
    "Hold",
    "LogCorrupt",
    "Memory",
    "MissingExtra",
    "ModelError",
    "ModelUnavailable",
    "Models",
    "NotFound",
    "Query",
    "Quote",
    "Receipt",
    "Recipe",
    "RecipeError",
    "Recorded",
    "ReplayMiss",
    "Rule",
    "Scope",
    "Source",
    "StorageBusy",
    "StorageFull",
    "UsageError",
    "Withheld",
    "connect",
]
