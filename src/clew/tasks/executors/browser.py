"""Acts in a browser, one after another: the task's environment, or a fresh one at an address. Extra `[browser]`.

Inputs: actions, a list of {"kind": "click", "on": what, "text": ...} (kinds: see the environment `browser`), where `on` is an element's
text, or {"kind": "button", "text": "Login"}; with "expect", a text that the page has afterwards. Without an environment also address and
hosts (those that may be asked: required). Outputs: key, title and text of the last page, acts (what was done, in words). A secret is
`${NAME}` in an action's text. Every step is an event (see `clew.tasks.transitions`).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clew.errors import UsageError
from clew.tasks.environments.browser import Browser
from clew.tasks.graph import Action, Element, Node, Outcome, Page, Verdict
from clew.tasks.protocols import Environment, Job
from clew.tasks.transitions import Transition, event
from clew.tasks.values import given, kept, only
from clew.tasks.vault import Vault, unnamed


class Acting:
    """Finds what each action names on the page as it is then, does it, and looks."""

    def __init__(self, vault: Vault | None = None) -> None:
        self.vault = vault or Vault()

    def run(self, node: Node, ctx: Job) -> Outcome:
        """Finished with the last page; failed at the first action that could not be done or did not lead where it should."""
        only(node, "actions", "address", "hosts")
        actions = given(node, "actions", list, [])
        if len(actions) > node.budget.steps:
            raise UsageError(f"node {node.id}: {len(actions)} actions are more than its budget of {node.budget.steps} steps")
        if ctx.environment is not None:
            return self._done(node, ctx, ctx.environment, actions)
        with Browser(hosts=tuple(given(node, "hosts", list))) as world:
            world.reset({"address": given(node, "address", str)})
            return self._done(node, ctx, world, actions)

    def _done(self, node: Node, ctx: Job, world: Environment, actions: list[Any]) -> Outcome:
        events: list[Any] = []
        acts: list[str] = []
        page, why = self._look(world), ""
        for told in actions:
            if why := "it was cancelled" if ctx.cancelled() else "":
                break
            action = _action(node, told, page)
            if isinstance(action, str):
                why = action
                break
            unnamed(node.id, f"text of {action.kind}", action.text)
            why = self.vault.closed(world.act(replace(action, text=self.vault.opened(action.text))))
            after, expected = self._look(world), str(told.get("expect", ""))
            if not why and expected and expected.lower() not in f"{after.title}\n{after.text}".lower():
                why = f"after {action.kind} the page has no {expected!r}"
            verdict = Verdict(not why, "unexpected" if why else "success", reason=why, blame="step" if why else None)
            step = Transition(page, node.goal, action, after, expected, verdict)
            events.append(event(ctx.graph.id, node.id, step))
            acts.append(step.act)
            page = after
            if why:
                break
        outputs, whole = kept(node, {"text": page.text}, trust="web")
        outputs |= {"key": page.key, "title": page.title, "acts": acts}
        return Outcome("failed" if why else "finished", outputs, events=(*events, *whole), why=why, steps=len(acts))

    def _look(self, world: Environment) -> Page:
        """The page without our secrets in it."""
        page = world.observe()
        elements = [replace(e, text=self.vault.closed(e.text), value=self.vault.closed(e.value)) for e in page.elements]
        return replace(page, elements=tuple(elements), text=self.vault.closed(page.text))


def find(page: Page, on: Any) -> Element | str:
    """The one element with that text (and kind, where one is said), else the one that contains it; or why there is none such."""
    wanted = {"text": on} if isinstance(on, str) else dict(on) if isinstance(on, Mapping) else {}
    text, kind = str(wanted.get("text", "")).strip().lower(), wanted.get("kind")
    likely = [e for e in page.elements if kind in (None, e.kind)]
    if kind is None and [e for e in likely if e.kind != "text" and e.text.lower() == text]:
        likely = [e for e in likely if e.kind != "text"]  # the field rather than the words beside it
    same = [e for e in likely if e.text.lower() == text] or [e for e in likely if text and text in e.text.lower()]
    if len(same) == 1:
        return same[0]
    if not same:
        there = "; ".join(f"{e.kind} {e.text[:30]!r}" for e in likely[:8])
        return f"there is no {kind or 'element'} {text!r} on {page.title!r}; there are {there or 'none'}"
    return f"there are {len(same)} of {kind or 'element'} {text!r} on {page.title!r}; say more of it"


def _action(node: Node, told: Any, page: Page) -> Action | str:
    if not isinstance(told, Mapping) or not isinstance(told.get("kind"), str):
        raise UsageError(f'node {node.id}: an action is {{"kind": "click", "on": "Login"}}; got {told!r:.80}')
    if told.get("on") is None:
        return Action(told["kind"], "", str(told.get("text", "")))
    found = find(page, told["on"])
    return found if isinstance(found, str) else Action(told["kind"], found.id, str(told.get("text", "")))


executor = Acting()
