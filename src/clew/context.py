"""The one seam between operators and the outside: time, chance, ids, models and the view, all replayable."""

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from string import Template
from time import perf_counter
from typing import Any, TypeVar

import numpy as np

from clew.desk import Desk, Voice
from clew.errors import BudgetExceeded, ModelError, ModelUnavailable, RecipeError, ReplayMiss, UsageError, Withheld
from clew.models import FREE_TOKENS, Budget, Call, Extracts, Shown
from clew.models.forms import Form
from clew.privacy import GatedAsker
from clew.storage.answers import Answer, AnswerKey, Given
from clew.storage.draft import Draft
from clew.types import TRUST, Event, Hit, Memory, Scope, Source

A = TypeVar("A")
R = TypeVar("R")
ATTEMPTS = 2  # a second try tells the model what was wrong; a third has not been seen to help
THREADS = 8  # model calls of one `map` under way at once
CHARS_PER_TOKEN = 4  # a rough count, for budgets before a call
NO_FALLBACK: Any = object()
_path: ContextVar[tuple[str, ...]] = ContextVar("path", default=())


@dataclass(slots=True)
class Context:
    """Handed to every operator. Nothing an operator needs comes from elsewhere."""

    desk: Desk
    recipe: Voice
    view: Draft
    mark: bytes  # the partition, opaque
    scope: Scope
    now: datetime  # learned clock: when the event was recorded, or when the question is asked
    at: datetime  # when the event happened, or when the question is asked
    seq: int  # the event's place; for a question, the place it looks back from
    ordinal: int = 0  # of the event in its partition
    event: Event | None = None
    user: int | None = None
    rests: set[int] = field(default_factory=set)  # events whose text models were shown
    premises: tuple[Memory, ...] = ()  # what the event itself says it was concluded from
    doing: str = "edit"  # the operator at work, for faults
    faults: list[tuple[str, str]] = field(default_factory=list)  # (operator, what was wrong), noted and gone on from
    _counts: dict[tuple[str, ...], int] = field(default_factory=dict)
    _floor: tuple[int, int] = (0, 0)  # how many events `rests` had when their least trust was looked up, and what it was
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def random(self) -> random.Random:
        """Chance, seeded by the event: a fresh generator of the same seed at each use."""
        return random.Random(self._hash("random", "/".join(_path.get())))

    @property
    def params(self) -> Mapping[str, Any]:
        """The recipe's hyper-parameters."""
        return self.recipe.params

    def memory(
        self,
        text: str,
        *,
        kind: str = "note",
        sources: Iterable[Source | Event] | None = None,
        basis: Iterable[str | Memory] = (),
        links: Iterable[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        scope: Scope | None = None,
        actor: str | None = None,
        trust: int | None = None,
        status: str = "active",
        **data: Any,
    ) -> Memory:
        """A new memory with an id of its own. Without `sources` it comes from the whole text of this event."""
        if self.event is None:
            raise RecipeError(f"{self.recipe.name} makes a memory while answering a question; only events make memories")
        path = _path.get()
        with self._lock:
            place = self._counts[path] = self._counts.get(path, 0) + 1
        spans = tuple(
            [s if isinstance(s, Source) else Source(s.seq, 0, len(s.text)) for s in ((self.event,) if sources is None else sources)]
        )
        bases = [b if isinstance(b, Memory) else self._known(b) for b in basis]
        if self.premises and any(s.seq == self.event.seq for s in spans):
            bases = list({b.id: b for b in (*self.premises, *bases)}.values())
        rests = {self.seq, *[s.seq for s in spans], *[seq for b in bases for seq in b.rests]}
        level, began = self.event.trust if trust is None else trust, since or self.at
        if began.tzinfo is None:
            raise RecipeError(f"{self.recipe.name} gives a memory the time {began.isoformat()}, which has no zone")
        return Memory(
            self._hash("id", "/".join(path), str(place))[:10].hex(),
            text,
            kind,
            self.event.scope if scope is None else scope,
            actor,
            spans,
            tuple([b.id for b in bases]),
            tuple(dict.fromkeys(links)),
            tuple(sorted(rests)),
            began.astimezone(UTC),
            until,
            trust=min([level, *[b.trust for b in bases]]),  # whatever a recipe says: nothing is believed more than its premises
            status=status,
            data=data,
        )

    def _known(self, id: str) -> Memory:
        found = self.view.get(id)
        if found is None:
            raise RecipeError(f"{self.recipe.name} bases a memory on {id}, which is not in its view")
        return found

    def _hash(self, *parts: str) -> bytes:
        text = "\0".join((self.recipe.name.partition("[")[0], str(self.ordinal), *parts))
        return hashlib.blake2b(self.mark + text.encode(), key=self.desk.secret, digest_size=16).digest()

    def tokens(self, text: str) -> int:
        """How many tokens a text has: exactly where `Models.counter` is connected, else about."""
        counter = self.desk.models.counter
        return -(-len(text) // CHARS_PER_TOKEN) if counter is None else counter.count(text)

    # -- models -------------------------------------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dims) int8 vectors, rows in the order of texts."""
        return self.view.vectors(texts)

    def ask(
        self,
        prompt: str,
        form: Form | None = None,
        *,
        otherwise: Any = NO_FALLBACK,
        cites: Iterable[Event | Memory | Hit] = (),
        **values: Any,
    ) -> Any:
        """Ask with the recipe's prompt of that name; the answer in the form's shape, a str without one.

        Events and memories among the values are shown by their text and cited. `otherwise` is what the recipe goes on
        with when the model's answer is invalid after every attempt, refused, or erased; it is noted as a fault. In the midst
        of an agent's step (a recipe that asks while folding), so it is when the model is away or the budget spent, and for
        good: a rebuild finds no answer kept and goes on in the same way.
        """
        template = self.recipe.prompts.get(prompt)
        if template is None:
            raise RecipeError(f"{self.recipe.name} has no prompt {prompt!r}; it has {', '.join(self.recipe.prompts) or 'none'}")
        shown = {name: self._shown(value) for name, value in values.items()}
        self._cite(cites)
        text = Template(template).substitute(shown)
        late = () if self.event is None or "fold" not in self.recipe.asks else (ModelUnavailable, BudgetExceeded, ReplayMiss)
        try:
            parts = {name: tuple(_parts(value)) for name, value in values.items()}
            return self._asked(Call(self.recipe.name, prompt, parts, form, form.max_tokens if form else FREE_TOKENS), text)
        except (ModelError, *late) as error:
            if otherwise is NO_FALLBACK:
                raise
            wrong = str(error) if isinstance(error, ModelError) else "no model answered in time; the step went on without it"
            self.faults.append((f"ask {prompt}", wrong))
            return otherwise

    def _asked(self, call: Call, text: str) -> Any:
        prompt, form, problem = call.prompt, call.form, ""
        for attempt in range(ATTEMPTS):
            request = json.dumps([self.desk.names.get("ask", ""), text, form.schema if form else None], sort_keys=True, ensure_ascii=False)
            asked = hashlib.sha256(request.encode()).digest()[:16]
            key = AnswerKey(self.recipe.name, self.mark, self.seq, "/".join((*_path.get(), prompt)), asked, attempt)
            kept = self.desk.answers.answer(key) or self._call(key, call, text + problem)
            if kept.body is None or kept.outcome == "withheld":
                raise Withheld(f"the answer to {prompt!r} at event {self.seq} was erased with what it rested on")
            if kept.outcome == "refused":
                raise ModelError(f"{kept.model} refused to answer {prompt!r}")
            if kept.outcome == "valid":
                return form.parse(kept.body) if form else kept.body.strip()
            problem = "\n\nYour last answer did not have the form asked for. Answer with the JSON object alone."
        raise ModelError(f"{self.desk.names.get('ask')} gave {ATTEMPTS} answers to {prompt!r} that do not fit the form")

    def _call(self, key: AnswerKey, call: Call, text: str) -> Answer:
        prompt, form, limit = call.prompt, call.form, call.max_tokens
        self._erased(key, prompt)
        if self.desk.replay:
            raise ReplayMiss(
                f"{self.recipe.name} needs the answer to {prompt!r} at event {self.seq}, which was never kept; rebuild(ask=Budget(...)) asks anew"
            )
        asker = self.desk.models.asker
        if asker is None:
            raise ModelUnavailable(
                f'{self.recipe.name} asks a model and none is connected: Clew(..., models=connect("openai:..."))', after=60.0
            )
        if isinstance(asker, GatedAsker):
            asker.gate.study(self.desk.secret, self.rests | {self.seq}, self._words)
        self.desk.afford(len(text) // CHARS_PER_TOKEN + limit)
        started = perf_counter()
        try:
            extracts = isinstance(asker, Extracts)  # a model that reads no prose is given what the prompt was made of
            reply = asker.extract(call) if extracts else asker.ask(text, form.schema if form else None, limit)
        except UsageError as error:  # a refused key is nothing that an event did wrong: the work waits for another key
            raise ModelUnavailable(str(error), after=60.0) from error
        except (ConnectionError, TimeoutError) as error:  # of a plug-in that does not say it itself
            raise ModelUnavailable(f"{asker.name} was not reached: {error!r}", after=5.0) from error
        outcome = "refused" if reply.refused else "valid"
        if form and outcome == "valid":
            try:
                form.parse(reply.text)
            except ModelError:
                outcome = "invalid"  # kept as such: a replay must fail the same way
        answer = Answer(
            outcome, reply.text, reply.model, reply.tokens_in, reply.tokens_out, reply.cost, int(1000 * (perf_counter() - started))
        )
        given = self._given(key, answer)
        if extracts and self.event is not None and self.desk.budget == Budget():  # a budget counts what is in the file
            self.view.asked.append(given)
            return given.answer
        return self.desk.answers.keep(given, durable=not extracts)

    def _given(self, key: AnswerKey, answer: Answer) -> Given:
        said = replace(answer, body=(answer.body or "").encode("utf-8", "backslashreplace").decode())  # exactly what a replay will read
        return Given(key, said, (*_path.get(), "")[0], self.user, tuple(sorted(self.rests | {self.seq})))

    def _words(self, seqs: list[int]) -> list[str]:
        return [e.text for e in self.view.log.select(f"seq IN ({','.join(map(str, seqs))})", ())]

    def _erased(self, key: AnswerKey, prompt: str) -> None:
        if self.desk.answers.withheld(key):
            raise Withheld(f"the answer to {prompt!r} at event {self.seq} was erased with what it rested on")

    def judge(self, pairs: Sequence[tuple[Event | Memory, Event | Memory]], question: str) -> list[float]:
        """A probability for each pair of texts, in order; kept like answers."""
        self._cite(item for pair in pairs for item in pair)
        texts = [(_text(a), _text(b)) for a, b in pairs]
        request = json.dumps([self.desk.names.get("judge", ""), question, texts], ensure_ascii=False)
        key = AnswerKey(
            self.recipe.name, self.mark, self.seq, "/".join((*_path.get(), "judge")), hashlib.sha256(request.encode()).digest()[:16]
        )
        kept = self.desk.answers.answer(key)
        if kept is None:
            self._erased(key, "judge")
            if self.desk.replay:
                raise ReplayMiss(f"{self.recipe.name} needs a judgement at event {self.seq} that was never kept")
            judge = self.desk.models.judge
            if judge is None:
                raise ModelUnavailable(f"{self.recipe.name} needs a judge and none is connected", after=60.0)
            self.desk.afford(0)
            found = json.dumps([float(p) for p in judge.judge(texts, question)])
            kept = self.desk.answers.keep(self._given(key, Answer("valid", found, judge.name)))
        if kept.body is None:
            raise Withheld(f"a judgement at event {self.seq} was erased with what it rested on")
        return json.loads(kept.body)

    def map(self, fn: Callable[[A], R], items: Iterable[A]) -> list[R]:
        """`fn` of each item, in threads; results in order. Each item has a call path of its own, so order does not matter."""
        work = list(items)

        def one(place: int) -> R:
            token = _path.set((*_path.get(), str(place)))
            try:
                return fn(work[place])
            finally:
                _path.reset(token)

        if len(work) < 2 or isinstance(self.desk.models.asker, Extracts):  # there is no answer to wait for
            return [one(i) for i in range(len(work))]
        with ThreadPoolExecutor(min(THREADS, len(work))) as pool:
            return list(pool.map(lambda pair: pair[1].run(one, pair[0]), [(i, copy_context()) for i in range(len(work))]))

    def stage(self, name: str, fn: Callable[..., R], *arguments: Any) -> R:
        """Run an operator under its stage's name, the first part of every call path."""
        token = _path.set((name,))
        self.doing = name
        try:
            return fn(*arguments, self)
        finally:
            _path.reset(token)

    # -- what models are shown ----------------------------------------------------------------------------------

    def _cite(self, items: Iterable[Event | Memory | Hit]) -> None:
        for item in items:
            item = item.memory if isinstance(item, Hit) else item
            self.rests.update((item.seq,) if isinstance(item, Event) else item.rests)

    def _shown(self, value: Any) -> str:
        if isinstance(value, (Event, Memory, Hit)):
            self._cite((value,))
            return _text(value)
        if isinstance(value, (list, tuple)):
            return "\n".join(f"[{item.id}] {self._shown(item)}" if isinstance(item, Memory) else self._shown(item) for item in value)
        return str(value)

    def _sourced(self, memory: Memory) -> None:
        """RecipeError where a memory names words that are not there, or a new one claims more trust than they have."""
        known = self.view.known
        if unknown := [s.seq for s in memory.sources if s.seq not in known]:
            events = self.view.log.select(f"seq IN ({','.join(map(str, unknown))})", ())
            known.update({e.seq: (len(e.text), e.trust) for e in events})
        for source in memory.sources:
            length, trust = known.get(source.seq, (-1, 0))
            if not 0 <= source.start <= source.end <= length:
                raise RecipeError(
                    f"memory {memory.id} names characters {source.start} to {source.end} of event {source.seq}, which are not there"
                )
            if memory.opened is None and memory.trust > trust:
                raise RecipeError(f"memory {memory.id} claims trust {memory.trust}, its source event {source.seq} has {trust}")

    @property
    def authority(self) -> int:
        """How far what happens now may be believed: as far as the event, what it was concluded from, and what models were shown."""
        assert self.event is not None
        return min([self.event.trust, *[m.trust for m in self.premises], *([self._level()] if self.rests else [])])

    def _level(self) -> int:
        """The least trust among the events that models were shown: looked up again only when there are more, as none goes."""
        if self._floor[0] != len(self.rests):
            with self.view.log.database.snapshot() as c:
                least = c.execute(f"SELECT min(trust) FROM event WHERE seq IN ({','.join(map(str, self.rests))})").get
            self._floor = (len(self.rests), TRUST["owner"] if least is None else least)
        return self._floor[1]

    def resting(self, memory: Memory) -> Memory:
        """The memory with this event, its sources, and everything that models were shown for the event added to what it rests on."""
        if self.event is not None and self.event.seq not in self.view.known:  # a text is put together at every look
            self.view.known[self.event.seq] = (len(self.event.text), self.event.trust)
        self._sourced(memory)
        if memory.opened is None and not self.rests:
            return memory  # a new one has them already
        if self.rests and memory.trust > (level := self._level()):
            memory = replace(memory, trust=level)  # what a model was shown may have put words into its mouth
        needed = {self.seq, *self.rests, *(source.seq for source in memory.sources)}  # a revised memory has gained some of them
        if needed <= set(memory.rests):
            return memory
        return replace(memory, rests=tuple(sorted({*memory.rests, *needed})))


def _parts(value: Any) -> Iterable[Shown]:
    """A value of a prompt as the things it is made of, memories with their ids."""
    for item in value if isinstance(value, (list, tuple)) else (value,):
        item = item.memory if isinstance(item, Hit) else item
        if isinstance(item, (list, tuple)):
            yield from _parts(item)
        else:
            yield Shown(item.text if isinstance(item, (Event, Memory)) else str(item), item.id if isinstance(item, Memory) else None)


def _text(item: Event | Memory | Hit) -> str:
    return item.memory.text if isinstance(item, Hit) else item.text
