"""Rules drawn from what went well and what did not: scored, edited, merged, and ranked by the tasks that bear them out.

An insight's `links` are the ids of the tasks that support it, `data["against"]` those that spoke against it; its score lies
where `utility` keeps it, and at 0 or below it ends.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from clew.context import Context
from clew.models import forms
from clew.operators.experience import trajectories, utility
from clew.operators.people import cluster
from clew.operators.upkeep import relate
from clew.operators.upkeep.relate import Edit
from clew.types import Memory, Query

VERSION = 1
INSIGHT = "insight"
OPERATIONS = ("add", "edit", "remove", "agree")
FIRST, MANY, HARD = 2, 10, -3  # score of a new rule; from so many rules on, what a removal takes
SUCCESSES, CHUNK = 3, 5  # of one task's neighbours; studied together
Rules = Mapping[str, Memory]  # by id


def drawn(prompt: str, rules: Rules, ctx: Context, sample: int, near: int, most: int) -> dict[str, Memory]:
    """The rules after a look at some cases (`studied`): each script adds rules, edits, agrees with or takes from the worthiest `most`."""
    found = dict(rules)
    for cases in studied(sample, near, ctx):
        held = [m for m in utility.worthiest(list(found.values())) if m.trust >= utility.TRUSTED][:most]
        found |= applied(relate.edits(ctx, prompt, OPERATIONS, held, max_chars=240, cases=cases), cases, found, ctx)
    return found


def gathered(prompt: str, rules: Rules, ctx: Context) -> dict[str, Memory]:
    """The rules after those that were drawn from one cluster of tasks have been merged where they say the same."""
    slots = ctx.view.columns((trajectories.TASK,)).slot
    tasks, found = [m.id for m in ctx.view.at_slots(slots)], dict(rules)
    for group in grouped(tasks, ctx.view.codes(slots), [m for m in rules.values() if m.retired is None]):
        found |= merged(relate.edits(ctx, prompt, ("merge",), group, means="merge", most=len(group)))
    return found


def applied(script: Sequence[Edit], seen: Sequence[Memory], rules: Rules, ctx: Context) -> dict[str, Memory]:
    """The rules that a script makes or changes, drawn from the trajectories `seen`; the tasks of those support what it says."""
    tasks = list(dict.fromkeys(link for m in seen for link in m.links))
    loss, found = HARD if len(rules) >= MANY else -1, dict[str, Memory]()
    for op, rule, text in script:
        if rule is None:
            said = dict.fromkeys(chain.from_iterable(m.sources for m in seen))
            scope = trajectories.shared(ctx.scope)
            about = {"links": tasks, "scope": scope, "trust": ctx.authority, utility.SCORE: FIRST}
            rule = ctx.memory(text, kind=INSIGHT, sources=said, basis=seen, **about)
        elif op == "remove":
            rule = utility.moved(rule.revised(data={"against": [*rule.data.get("against", ()), *tasks]}), loss, ctx.at)
        else:
            words = {"text": text, "sources": tuple(dict.fromkeys((*rule.sources, *chain.from_iterable(m.sources for m in seen))))}
            rule = rule.revised(**(words if op == "edit" else {}), links=tuple(dict.fromkeys((*rule.links, *tasks))))
            rule = utility.moved(rule, 1, ctx.at)
        found[rule.id] = rule
    return found


def studied(sample: int, near: int, ctx: Context) -> list[list[Memory]]:
    """What rules are to be drawn from: for some tasks by chance a success of the nearest tasks beside a failure of them, and
    then the successes among the nearest, five together. Only what was told by who may be trusted as much as an agent.
    """
    slots = ctx.view.columns((trajectories.TASK,)).slot
    pairs, good = dict[tuple[str, str], list[Memory]](), dict[str, Memory]()
    for task in ctx.view.at_slots(ctx.random.sample(slots.tolist(), min(sample, len(slots)))):
        cases = [m for m in trajectories.past(trajectories.like(task.text, 2 * near, ctx), ctx) if m.trust >= utility.TRUSTED]
        won, lost = trajectories.split(cases)
        good |= {m.id: m for m in won[:SUCCESSES]}
        if won and lost:
            pairs[won[0].id, lost[0].id] = [won[0], lost[0]]
    wins = list(good.values())
    return [*pairs.values(), *(wins[i : i + CHUNK] for i in range(0, len(wins), CHUNK))]


def grouped(tasks: Sequence[str], vectors: np.ndarray, rules: Iterable[Memory]) -> list[list[Memory]]:
    """The rules that belong to one cluster of tasks (FINCH, the finest partition), two or more together; the worthiest first.

    A rule belongs to the cluster that most of its tasks lie in.
    """
    labels = dict(zip(tasks, cluster.finch(vectors)[0].tolist(), strict=True))
    found: dict[int, list[Memory]] = {}
    for rule in utility.worthiest(list(rules)):
        its = [labels[link] for link in rule.links if link in labels]
        if its:
            found.setdefault(max(sorted(set(its)), key=its.count), []).append(rule)
    return [group for _, group in sorted(found.items()) if len(group) > 1]


def merged(script: Sequence[Edit]) -> dict[str, Memory]:
    """The rules that are to say the same from now on: the worthiest says it with the support of all, the others end in it."""
    groups: dict[str, list[Memory]] = {}
    for _, rule, text in script:
        if rule is not None:
            groups.setdefault(text, []).append(rule)
    found: dict[str, Memory] = {}
    for text, group in groups.items():
        first, *rest = utility.worthiest(group)
        if rest:
            links = tuple(dict.fromkeys(chain.from_iterable(m.links for m in group)))
            sources = tuple(dict.fromkeys(chain.from_iterable(m.sources for m in group)))
            trust = min(m.trust for m in group)
            found[first.id] = first.revised(text=text, links=links, sources=sources, trust=trust, data={"merged": [m.id for m in rest]})
            found |= {m.id: replace(m, retired="merged") for m in rest}
    return found


def supported(rules: Iterable[Memory], tasks: Collection[str]) -> list[tuple[Memory, int]]:
    """(rule, how many of these tasks support it), the best borne out first, then by score, ties by id."""
    wanted = set(tasks)
    ranked = [(rule, len(wanted & set(rule.links))) for rule in utility.worthiest(list(rules))]
    return sorted(ranked, key=lambda pair: -pair[1])


def for_role(prompt: str, query: Query, rules: Sequence[Memory], ctx: Context) -> list[Memory]:
    """The rules that concern the agent that asks, by its name; all of them where it names none."""
    if not rules or query.scope.agent is None:
        return list(rules)
    ids = [m.id for m in rules]
    shown = {"question": query.text, "profile": query.scope.agent, "insights": list(rules)}
    chosen = ctx.ask(prompt, forms.choices(ids, len(ids), "apt"), otherwise=ids, **shown)
    return [m for m in rules if m.id in chosen]
