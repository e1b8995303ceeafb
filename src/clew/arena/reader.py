"""One and the same small reader for every system: it answers from the texts found, and its answers are scored by token F1."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

from clew.arena import scores
from clew.errors import ModelError
from clew.models import Asker, Call, Extracts, Shown, forms
from clew.recipe import prompts

ATTEMPTS = 2
TEXTS = 10  # of those found, best first
CHARS = 6000  # of them together, whole texts: what a small model's window holds
ANSWER = forms.text(200, means="answer")
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Read:
    """An answer, its token F1 against the best of the references, and how many calls it took and failed."""

    answer: str
    f1: float
    calls: int
    invalid: int


class Reader:
    """Answers questions by a model; an answer without the right form counts as none."""

    def __init__(self, asker: Asker) -> None:
        self.asker, self.name = asker, asker.name
        self._template = Template(prompts(__file__)["read"])

    def read(self, question: str, texts: Sequence[str], references: Sequence[str]) -> Read:
        """The answer from these texts, scored; ModelUnavailable goes through."""
        shown, size = [], 0
        for text in texts[:TEXTS]:
            if shown and size + len(text) > CHARS:
                break
            shown.append(text[:CHARS])
            size += len(text)
        answer, invalid = UNKNOWN, 0
        for _ in range(ATTEMPTS):
            try:
                answer = ANSWER.parse(self._reply(question, shown))
                break
            except ModelError:
                invalid += 1
        return Read(answer, scores.token_f1(answer, references), min(invalid + 1, ATTEMPTS), invalid)

    def _reply(self, question: str, texts: Sequence[str]) -> str:
        if isinstance(self.asker, Extracts):
            values = {"records": tuple(Shown(id=None, text=t) for t in texts), "question": (Shown(id=None, text=question),)}
            return self.asker.extract(Call("arena", "read", values, ANSWER, ANSWER.max_tokens)).text
        records = "\n".join(f"- {text}" for text in texts)
        return self.asker.ask(self._template.substitute(records=records, question=question), ANSWER.schema, ANSWER.max_tokens).text
