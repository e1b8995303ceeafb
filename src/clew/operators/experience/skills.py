"""What an agent has learned to do, as one record for workflows, rules, reflections and code: induced, admitted, found, voted on, ended.

A skill is a memory of kind `skill`; everything about it lies in the memory's data, and it is searched by its description. One
gets in only by a success that somebody vouched for who is trusted as much as an agent. What is changed under the same name is
its next version; the versions before it stay in its history.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from clew.context import Context
from clew.operators.experience import trajectories, workflows
from clew.operators.experience.attempts import Attempt
from clew.operators.experience.workflows import Workflow
from clew.types import Hit, Memory

VERSION = 1
SKILL = "skill"
FLOOR, LEAST = 0.3, 3  # share of successes below which a skill ends (EvolveR), after so many uses
Kind = Literal["workflow", "rule", "reflection", "code"]


@dataclass(frozen=True, slots=True)
class Skill:
    """One thing learned. `good` and `bad` count outcomes that bear it out or speak against it."""

    name: str
    description: str  # what it is for, and what it is found by; of a workflow the task's words with variables
    body: str  # steps, a line each; code; or the rule or reflection itself
    kind: Kind
    parameters: tuple[str, ...] = ()
    preconditions: tuple[str, ...] = ()  # words that must be there before its first step
    good: int = 0
    bad: int = 0
    score: float = 0.5
    version: int = 1
    events: tuple[int, ...] = ()  # where it comes from: places in the log

    @property
    def evidence(self) -> tuple[int, int]:
        """Outcomes for it and against it."""
        return self.good, self.bad

    @property
    def text(self) -> str:
        """As it is shown."""
        if self.kind in ("rule", "reflection"):
            return self.body
        if self.kind == "code":
            return f"{self.name}: {self.description}\n{self.body}"
        steps = [f"{n}. {step}" for n, step in enumerate(self.body.split("\n"), 1)]
        return "\n".join([f"Task: {self.description}", *steps])

    @property
    def workflow(self) -> Workflow:
        """A workflow's description and body, to be merged and filled."""
        return Workflow(self.description, tuple(self.body.split("\n")))

    def told(self, good: bool) -> "Skill":
        """After one more outcome; its score is the share of successes, with one of each beforehand (EvolveR)."""
        won, lost = self.good + good, self.bad + (not good)
        return replace(self, good=won, bad=lost, score=round((won + 1) / (won + lost + 2), 6))


def skill(memory: Memory) -> Skill:
    """The skill in a memory of that kind."""
    found: Mapping[str, Any] = memory.data["skill"]
    listed = {name: tuple(found[name]) for name in ("parameters", "preconditions", "events")}
    return Skill(**{**found, **listed})


def workflow(flow: Workflow, name: str = "") -> Skill:
    """A workflow as a skill, of that name or else named after its task's words and what it does."""
    said = [w for w in workflows.words(flow.template) if w.isalpha() and w not in workflows.STOP][:5]
    mark = hashlib.sha256("\n".join((flow.template, *flow.steps)).encode()).hexdigest()[:6]
    steps = "\n".join(flow.steps)
    return Skill(name or "-".join([*said, mark]), flow.template, steps, "workflow", flow.parameters, flow.preconditions)


def code(name: str, description: str, body: str, parameters: Sequence[str] = ()) -> Skill:
    """Code as a skill, by its own name."""
    return Skill(name, description, body, "code", tuple(parameters))


# -- in -------------------------------------------------------------------------------------------------------------


def all_skills(ctx: Context) -> list[Memory]:
    """The skills that hold, oldest first."""
    return [m for m in ctx.view.all(SKILL) if m.retired is None]


def named(name: str, ctx: Context) -> Memory | None:
    """The skill of that name, if it holds."""
    return next((m for m in ctx.view.linked([node(name)]) if m.kind == SKILL and m.retired is None), None)


def node(name: str) -> str:
    """The link by which a skill is found by its name."""
    return f"skill:{name}"


def admitted(found: Skill, attempt: Attempt, ctx: Context, gate: bool = True) -> list[Memory]:
    """The skill after an attempt that shows it: a new one, the next version of one of that name, or one more success of the same.

    [] where the attempt did not succeed, or nobody said so who is believed; without `gate`, no matter how it ended.
    """
    if gate and not (attempt.good and attempt.believed):
        return []
    old = named(found.name, ctx)
    return [made(found, attempt, ctx) if old is None else revised(old, found, attempt, ctx)]


def made(found: Skill, attempt: Attempt, ctx: Context, basis: Sequence[Memory] = (), links: Iterable[str] = ()) -> Memory:
    """A new skill, with the outcome that it comes from counted unless it keeps a score of its own."""
    found = replace(found if found.kind in ("rule", "reflection") else found.told(attempt.good), events=_events(found, attempt))
    premises = [*basis] or [attempt.task, *attempt.actions]
    return ctx.memory(
        found.text,
        kind=SKILL,
        sources=attempt.sources,
        basis=premises,
        links=[node(found.name), *links],
        scope=trajectories.shared(ctx.scope),
        trust=ctx.authority,
        skill=asdict(found),
    )


def revised(memory: Memory, found: Skill, attempt: Attempt, ctx: Context) -> Memory:
    """A known skill that an attempt shows again: counted, and where its words are others now, the next version of it."""
    old = skill(memory)
    same = (old.description, old.body) == (found.description, found.body)
    new = replace(found, name=old.name, good=old.good, bad=old.bad, version=old.version + (not same)).told(attempt.good)
    new = replace(new, events=old.events if same else _events(old, attempt))
    if same:
        return memory.revised(data={"skill": asdict(new)})
    sources = tuple(dict.fromkeys((*memory.sources, *attempt.sources)))
    basis = tuple(dict.fromkeys((*memory.basis, attempt.task.id, *(m.id for m in attempt.actions))))
    trust = min(memory.trust, ctx.authority, *(m.trust for m in (attempt.task, *attempt.actions)))
    return memory.revised(text=new.text, sources=sources, basis=basis, trust=trust, data={"skill": asdict(new)})


def changed(memory: Memory, new: Skill) -> Memory:
    """The memory with its skill in another state."""
    return memory.revised(text=new.text, data={"skill": asdict(new)})


def _events(found: Skill, attempt: Attempt) -> tuple[int, ...]:
    return tuple(sorted({*found.events, *(s.seq for s in attempt.sources)}))


# -- use ------------------------------------------------------------------------------------------------------------


def told(attempt: Attempt, ctx: Context, floor: float = FLOOR, least: int = LEAST) -> list[Memory]:
    """The skills that an attempt followed, after its outcome: counted; below `floor` after `least` uses they end."""
    if not attempt.believed:
        return []
    found = [m for name in dict.fromkeys(attempt.used) if (m := named(name, ctx)) is not None]
    return [ended(changed(m, skill(m).told(attempt.good)), ctx, floor, least) for m in found]


def ended(memory: Memory, ctx: Context, floor: float = FLOOR, least: int = LEAST) -> Memory:
    """The skill, retired as expired where it has failed too often."""
    found = skill(memory)
    return memory.retire(ctx.at, "expired") if found.good + found.bad >= least and found.score < floor else memory


def found(text: str, k: int, ctx: Context, floor: float = 0.0, fits: bool = True) -> list[Hit]:
    """The skills for a task, best first: by the likeness of their description, by how many of its words the task has (`fits`,
    of workflows), and by how often they succeeded. Those below a cosine of `floor` are left out.
    """
    if not text.strip() or k < 1:
        return []
    hits = list[Hit]()
    for hit in ctx.view.nearest(ctx.embed([text])[0], max(4 * k, 20), (SKILL,)):
        if hit.score < floor or hit.memory.retired is not None or hit.memory.status != "active":
            continue
        mine = skill(hit.memory)
        fit = workflows.fit(mine.description, text) if fits and mine.kind == "workflow" else 0.0
        shares = {"cosine": round(hit.score, 6), "fit": round(fit, 6), "worth": mine.score if fits else 0.0}
        hits.append(Hit(hit.memory, round(sum(shares.values()), 6), shares))
    return sorted(hits, key=lambda h: (-h.score, h.memory.id))[:k]


def indexed(memory: Memory) -> str:
    """A skill is searched by its description, everything else by its text."""
    return memory.data["skill"]["description"] if memory.kind == SKILL else memory.text


def met(found: Skill, shown: str) -> bool:
    """Whether what is shown has everything that the skill needs for its first step."""
    seen = shown.lower()
    return all(words.lower() in seen for words in found.preconditions)


def counts(ctx: Context) -> dict[str, int]:
    """A tool: how many skills of each kind there are, and how many outcomes they have seen."""
    found = [skill(m) for m in all_skills(ctx)]
    kinds = {kind: sum(s.kind == kind for s in found) for kind in dict.fromkeys(s.kind for s in found)}
    return {**kinds, "good": sum(s.good for s in found), "bad": sum(s.bad for s in found)}
