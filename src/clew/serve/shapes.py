"""The shapes of requests: the arguments of the door's verbs, with their bounds. What comes back are the engine's own types."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from clew.types import REASONS, TRUST, Hit, Memory, Receipt

LARGEST = 2**53  # a whole number that every JSON parser keeps whole


def whole(value: Any) -> Any:
    """JSON knows one kind of number: 3.0 is a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def worded(value: Any) -> Any:
    """A day or a span of time is a text: a bare number says nothing of its unit."""
    if isinstance(value, str) and not value.lstrip("+-").isdigit():
        return value
    raise ValueError("write it in ISO 8601, such as 2026-05-20 for a day or P90D for a span")


Whole = BeforeValidator(whole)
Day = Annotated[date, BeforeValidator(worded)]
Span = Annotated[timedelta, BeforeValidator(worded)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
Id = Annotated[str, Field(min_length=1, max_length=200, description="A memory's id.")]
Place = Annotated[int, Field(ge=1, le=LARGEST, strict=True, description="The place of an event in the log."), Whole]
Words = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Question = Annotated[str, Field(min_length=1, max_length=100_000)]
Instant = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"}, description="ISO 8601 with an offset.")]
Trust = Literal["web", "document", "tool", "assistant", "user", "owner"]
Reason = Literal["superseded", "corrected", "retracted", "merged", "expired"]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(ge=1, le=1000, strict=True), Whole]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Limit = Annotated[int, Field(ge=0, le=LARGEST, strict=True), Whole]
Tokens = Annotated[int, Field(ge=1, le=1_000_000, strict=True), Whole]
assert set(TRUST) == set(Trust.__args__) and set(REASONS) == set(Reason.__args__)


class Shape(BaseModel):
    """A request's body: an argument that it does not know is refused, never ignored."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """The arguments that were given, for the verb."""
        return self.model_dump(exclude_unset=True)


class Scoped(Shape):
    """Whose."""

    user: Name | None = None
    agent: Name | None = None
    session: Name | None = None


class Asked(Scoped):
    """A question, with its clocks."""

    text: Question
    k: Count = 10
    at: Instant | None = Field(None, description="When it is asked.")
    valid_at: Instant | None = Field(None, description="Ask what held then.")
    as_of: Annotated[int, Field(ge=0, le=LARGEST, strict=True), Whole] | Instant | None = Field(
        None, description="Ask what was known then: a place in the log, or an instant."
    )
    recipe: Name | None = None
    kinds: list[Name] = Field(default_factory=list, max_length=50)


class Recall(Asked):
    """What `recall` takes."""

    max_tokens: Tokens | None = None
    archived: Flag = False


class Prompt(Asked):
    """What `prompt` takes."""

    k: Count = 20
    max_tokens: Tokens = 1500
    archived: Flag = False


class Record(Scoped):
    """What `record` takes: a text, a message in OpenAI's shape, or a list of them, which is one transaction."""

    what: str | dict[str, Any] | Annotated[list[str | dict[str, Any]], Field(max_length=10_000)]
    actor: Name | None = None
    at: Instant | None = None
    kind: Name | None = None
    key: Name | None = Field(None, description="Makes it idempotent for the user; also as the header Idempotency-Key.")
    trust: Trust | None = None
    data: dict[str, Any] | None = None
    basis: list[Id] = Field(default_factory=list, max_length=1000)
    as_lived: Flag = False


class Retract(Shape):
    """Events whose words are withdrawn."""

    events: list[Place] = Field(min_length=1, max_length=10_000)
    reason: Name | None = None
    at: Instant | None = Field(None, description="When they were withdrawn.")
    key: Annotated[str, Field(min_length=1, max_length=450)] | None = Field(None, description="Makes it idempotent.")
    as_lived: Flag = False


class Revise(Shape):
    """Other words for a memory."""

    text: Words


class Retire(Shape):
    """The end of a memory."""

    reason: Reason = "corrected"


class Feedback(Shape):
    """Whether a memory helped."""

    good: Flag


class Archive(Shape):
    """Memories to put out of the sight of recall, or back into it."""

    ids: list[Id] = Field(min_length=1, max_length=1000)
    undo: Flag = False


class Forget(Scoped):
    """What `forget` takes; at least one thing that narrows it."""

    actor: Name | None = None
    kind: Name | None = None
    events: list[Place] = Field(default_factory=list, max_length=10_000)
    memories: list[Id] = Field(default_factory=list, max_length=1000)
    matching: Words | None = None
    before: Instant | None = None
    dry_run: Flag = False
    except_held: Flag = False
    reason: Name | None = None


class Erase(Shape):
    """A receipt of `forget`."""

    receipt: Receipt

    @field_validator("receipt")
    @classmethod
    def placed(cls, receipt: Receipt) -> Receipt:
        """Places are places, and each has its digest."""
        if not all(0 < seq <= LARGEST for seq in (*receipt.seqs, receipt.forget_seq or 1)):
            raise ValueError("seqs and forget_seq are places of events in the log, from 1")
        if len(receipt.digests) != len(receipt.seqs):
            raise ValueError("digests are one for each of seqs")
        return receipt


class Verify(Erase):
    """A receipt of `forget`, and words to look for in every byte."""

    probes: list[Words] = Field(default_factory=list, max_length=100)


class Holding(Scoped):
    """What `hold` takes; at least one thing that says what."""

    reason: Name = Field(description="What a refused forget says.")
    actor: Name | None = None
    events: list[Place] = Field(default_factory=list, max_length=10_000)
    matching: Words | None = None
    before: Instant | None = None


class Release(Shape):
    """The end of a hold."""

    reason: Name | None = None


class Pins(Shape):
    """Memories whose events are meant, and events."""

    ids: list[Id] = Field(default_factory=list, max_length=1000)
    events: list[Place] = Field(default_factory=list, max_length=10_000)


class Retain(Scoped):
    """What `retain` takes: a rule by age, kind, scope and words."""

    name: Name
    older_than: Annotated[int, Field(ge=1, le=36_500, strict=True), Whole] | Span | None = Field(
        None, description="Since it was recorded: whole days, or an ISO 8601 duration such as P90D."
    )
    kind: Name | None = None
    actor: Name | None = None
    matching: Words | None = None
    at_most: Place | None = Field(None, description="Events a day; a run that would take more takes none.")
    reason: Name | None = None
    dry_run: Flag = False


class Withdraw(Shape):
    """A rule's name."""

    name: Name


class Apply(Shape):
    """The day as of which the rules are applied: today, or an earlier one."""

    day: Day | None = None
    dry_run: Flag = False


class Simulate(Shape):
    """Whose memories decay is tried on, in which view."""

    user: Name | None = None
    recipe: Name | None = None


class Decay(Simulate):
    """What `decay` takes: one limit, or none to list the weakest."""

    below: Share | None = None
    keep_share: Share | None = None
    keep_bytes: Limit | None = None
    keep_count: Limit | None = None
    dry_run: Flag = True
    show: Count = 20


class Tick(Shape):
    """A day."""

    date: Day | None = None


class Window(Shape):
    """A session as messages for a chat API."""

    session: Name
    user: Name | None = None
    agent: Name | None = None
    max_tokens: Tokens | None = None
    recipe: Name | None = None


class Call(Scoped):
    """An agent's call of one of a recipe's tools."""

    arguments: dict[str, Any] | str = "{}"
    recipe: Name | None = None
    actor: Name | None = None
    key: Name | None = None


class Ask(Shape):
    """What a rebuild may ask of models that was never asked: the limits of a `Budget`; null is no limit."""

    tokens_per_day: Limit | None = None
    calls_per_day: Limit | None = None
    cost_per_day: Annotated[float, Field(ge=0)] | None = None
    tokens_per_call: Limit | None = None


class Start(Shape):
    """Long work to be done."""

    verb: Literal["rebuild", "catch_up", "verify"]
    recipe: Name | None = None
    promote: Flag = True
    ask: Ask | None = Field(None, description="Of a rebuild; without it no model is asked.")


class Promote(Shape):
    """The recipe of a generation."""

    recipe: Name


class NewKey(Shape):
    """A key to be made."""

    name: Name
    role: Literal["reader", "writer", "curator", "admin"]
    user: Name | None = None
    days: Annotated[int, Field(ge=1, le=36_500, strict=True), Whole] | None = None


# -- answers that are no type of the engine ------------------------------------------------------------------------


class Hits(BaseModel):
    """The memories that answer, best first."""

    hits: list[Hit]


class Text(BaseModel):
    """A text; empty where there is nothing to say."""

    text: str


class Page(BaseModel):
    """A page of memories, oldest first; `next` is what to give as `after` for the one that follows, null for the last."""

    memories: list[Memory]
    next: str | None


class Erasable(BaseModel):
    """Events that only archived memories came from, and how many archived memories must wait."""

    events: list[int]
    waiting: int
