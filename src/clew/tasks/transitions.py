"""What was done on pages, as events: (page before, goal, action, expected, page after, verdict), and the map that they fold into.

One event a step, of kind `task` in the log and `do: transition` in its body; every map, path and skill is read off these.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from clew.tasks.files import verdict_json, verdict_of
from clew.tasks.graph import Action, Element, Page, Verdict
from clew.tasks.values import short
from clew.types import Event

DONE = Verdict(True, "success")
SHOWN = 2000  # characters of a page's text in an event


@dataclass(frozen=True, slots=True)
class Transition:
    """One step: where, what for, what was done, what should have come of it, what did, and whether that was good."""

    before: Page
    goal: str
    action: Action
    after: Page
    expected: str = ""
    verdict: Verdict = DONE

    @property
    def element(self) -> Element | None:
        """What was acted on, as it was seen before."""
        return next((e for e in self.before.elements if e.id == self.action.element), None)

    @property
    def act(self) -> str:
        """The action in words that hold on other days: an element's kind and text in place of its id."""
        on = self.element
        words = [
            self.action.kind,
            *([f"{on.kind} {on.text!r}"] if on is not None else []),
            *([repr(self.action.text)] if self.action.text else []),
        ]
        return " ".join(words)


def event(task: str, node: str, step: Transition) -> dict[str, Any]:
    """The step as a message for `Clew.record`, or among an outcome's events. Its words are a page's: they are believed as a page is."""
    on = step.element
    return {
        "kind": "task",
        "trust": "web",
        "do": "transition",
        "task": task,
        "node": node,
        "content": f"{step.before.title or step.before.key}: {step.act} -> {step.after.title or step.after.key}",
        "goal": step.goal,
        "before": _page(step.before),
        "after": _page(step.after),
        "act": step.act,
        "element": None if on is None else {"id": on.id, "kind": on.kind, "text": on.text},
        "expected": step.expected,
        "verdict": verdict_json(step.verdict),
        "data": {"action": asdict(step.action), "page": step.after.key},
    }


def transitions(events: Iterable[Event]) -> list[Transition]:
    """The steps among some events, in their order; of each page its key, title, text, and the element that was acted on."""
    found = []
    for each in events:
        body = each.body
        if isinstance(body, Mapping) and body.get("do") == "transition":
            on = body["element"]
            elements = () if on is None else (Element(on["id"], on["kind"], on["text"]),)
            before, after = body["before"], body["after"]
            found.append(
                Transition(
                    Page(before["key"], before["title"], elements, before["text"]),
                    body["goal"],
                    Action(**body["data"]["action"]),
                    Page(after["key"], after["title"], (), after["text"]),
                    body["expected"],
                    verdict_of(body["verdict"]),
                )
            )
    return found


@dataclass(slots=True)
class Place:
    """A page as it is known from the steps that touched it."""

    key: str
    title: str = ""
    exits: dict[str, dict[str, int]] = field(default_factory=dict)  # act in words -> key of the page it led to -> how often
    seen: int = 0


def places(steps: Iterable[Transition]) -> dict[str, Place]:
    """The map of everything that was visited: places by key, and what was done from each with where it led. Failed steps lead nowhere."""
    found: dict[str, Place] = {}
    for step in steps:
        for page in (step.before, step.after):
            place = found.setdefault(page.key, Place(page.key, page.title))
            place.seen += 1
        if step.verdict.ok:
            leads = found[step.before.key].exits.setdefault(step.act, {})
            leads[step.after.key] = leads.get(step.after.key, 0) + 1
    return found


def route(known: Mapping[str, Place], start: str, end: str) -> list[str] | None:
    """The fewest acts, in words, that lead from one place to another by their most frequent ways; None where none is known."""
    ways: dict[str, list[str]] = {start: []}
    frontier = [start]
    while frontier and end not in ways:
        here = frontier.pop(0)
        for act, leads in sorted(known[here].exits.items()) if here in known else ():
            there = max(sorted(leads), key=lambda key: leads[key])
            if there not in ways:
                ways[there] = [*ways[here], act]
                frontier.append(there)
    return ways.get(end)


def _page(page: Page) -> dict[str, str]:
    return {"key": page.key, "title": page.title, "text": short(page.text, SHOWN)}
