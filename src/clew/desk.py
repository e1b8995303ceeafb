"""What contexts share, and what they know of the recipe that they serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clew.errors import BudgetExceeded
from clew.models import Budget, Models
from clew.storage.answers import Answers


class Voice(Protocol):
    """Of a recipe, what the context needs to know."""

    @property
    def name(self) -> str:
        """Its name, a variant's label included."""
        ...

    @property
    def prompts(self) -> Mapping[str, str]:
        """Its prompts by name, with $placeholders."""
        ...

    @property
    def params(self) -> Mapping[str, Any]:
        """Its hyper-parameters."""
        ...

    @property
    def asks(self) -> frozenset[str]:
        """Its stages that ask a model where one is; with "fold" among them, events never wait for one."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What all contexts of one Clew share: models, kept answers, limits, and the file's secret."""

    models: Models
    answers: Answers
    budget: Budget
    secret: bytes
    names: Mapping[str, str]  # models by use, for request hashes; a replay names those of the time
    replay: bool = False  # True: never call a model; what was not kept is a ReplayMiss

    def afford(self, tokens: int) -> None:
        """BudgetExceeded where a call of so many tokens would pass a limit: checked before it, by what was spent today."""
        budget = self.budget
        if budget == Budget():
            return
        if budget.tokens_per_call is not None and tokens > budget.tokens_per_call:
            raise BudgetExceeded(f"this call may need {tokens} tokens and the budget allows {budget.tokens_per_call} a call")
        spent = self.answers.spent_today()
        for name, used, more, limit in (
            ("tokens", spent.tokens, tokens, budget.tokens_per_day),
            ("calls", spent.calls, 1, budget.calls_per_day),
            ("cost", spent.cost, 0, budget.cost_per_day),
        ):
            if limit is not None and (used + more > limit or (name == "cost" and used >= limit)):
                raise BudgetExceeded(f"{used} {name} were spent today of {limit}; this call needs {more} more and was not made")
