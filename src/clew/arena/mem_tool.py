"""MemTool's bench: an agent works through the turns of a world with the tools that its window and its store give it.

Agents are functions of what a chat API would see, (messages, tools) -> answer: scripted ones of three abilities, whose metrics
are known beforehand, and a small real model that picks from what it is shown. What came and went is read off the tools
offered before and after each step, so nothing of the recipe is looked into.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clew import Clew
from clew.arena.mem_tool_scores import Tally
from clew.arena.mem_tool_world import Turn, World
from clew.models import Asker, forms

STEPS = 8  # answers of an agent in one turn, at most
AGENT, USER, SESSION = "clerk", "ana", "day"
OWN = frozenset({"Search_Tools", "Remove_Tools"})
Message = Mapping[str, Any]
Player = Callable[[Sequence[Message], Sequence[Mapping[str, Any]]], dict[str, Any]]
_TASK = re.compile(r"Please (.+?) \(ticket (\w+)\)")


def stocked(clew: Clew, world: World) -> None:
    """Put the world's cards into the agent's store. The owner vouches for them: a stranger's would wait for review."""
    cards = [{"content": card.description, "kind": "document", "data": {"tool": card.schema}} for card in world.cards]
    clew.record(cards, agent=AGENT, trust="owner")


def played(
    clew: Clew, world: World, player: Player, recipe: str, *, turns: int | None = None, max_tokens: int | None = 6000
) -> list[Tally]:
    """Every turn of the world, carried out by the player; what happened in each."""
    where = {"user": USER, "agent": AGENT, "session": SESSION}
    return [_turn(clew, world, turn, player, {**where, "recipe": recipe}, max_tokens) for turn in world.turns[:turns]]


def _turn(clew: Clew, world: World, turn: Turn, player: Player, where: Mapping[str, Any], room: int | None) -> Tally:
    scope = {k: v for k, v in where.items() if k != "recipe"}
    added, removed, called, said = list[str](), list[str](), set[str](), ""
    tools = _tools(clew, where)

    def moved() -> None:
        nonlocal tools
        before, tools = _held(tools), _tools(clew, where)
        added.extend(name for name in _held(tools) if name not in before)
        removed.extend(name for name in before if name not in _held(tools))

    clew.record({"role": "user", "content": turn.text}, **scope)
    moved()
    for _ in range(STEPS):
        message = player(clew.window(**where, max_tokens=room), tools)
        clew.record({"role": "assistant", **message}, **scope)
        if not message.get("tool_calls"):
            said = message["content"]
            break
        for call in message["tool_calls"]:
            name, given = call["function"]["name"], json.loads(call["function"]["arguments"])
            if name in OWN:
                result = clew.call(name, given, **where)
                moved()
            else:
                result = world.used(name, given["ticket"]) if name in _held(tools) else f"Error: {name} is not in use."
                called.update({name} & _held(tools).keys())
            clew.record({"role": "tool", "tool_call_id": call["id"], "content": result}, **scope)
    right = all(code in said for code in world.answer(turn))
    return Tally(tuple(added), tuple(removed), frozenset(_held(tools)), frozenset(called), turn.gold, right)


def _tools(clew: Clew, where: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return json.loads(clew.call("Active_Tools", {}, **where))


def _held(tools: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    """The names of the tools in use, in order."""
    return dict.fromkeys(name for name in offered(tools) if name not in OWN)


def offered(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the tools that a chat API is given."""
    return [tool["function"]["name"] for tool in tools]


def request(messages: Sequence[Message]) -> tuple[list[tuple[str, str]], list[Message]]:
    """(what the newest request asks for, as words and ticket; what has happened since)."""
    last = max(i for i, message in enumerate(messages) if message["role"] == "user" and _TASK.search(str(message["content"])))
    return _TASK.findall(messages[last]["content"]), list(messages[last + 1 :])


def calling(*calls: tuple[str, Mapping[str, Any]], at: int = 0) -> dict[str, Any]:
    """An answer that makes these calls."""
    made = [
        {"id": f"c{at}.{i}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for i, (name, given) in enumerate(calls)
    ]
    return {"content": "", "tool_calls": made}


@dataclass(frozen=True, slots=True)
class Scripted:
    """An agent that knows the store by heart, and how well it keeps its tools: the three abilities of the bench.

    Perfect: removes what a request does not need, searches what it lacks, calls, answers. One that forgets to remove goes
    on with what it has when the store refuses; one that never searches has nothing to call.
    """

    world: World
    removes: bool = True
    searches: bool = True

    def __call__(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The agent\'s next answer."""
        tasks, since = request(messages)
        wanted, at = {self.tool(words): ticket for words, ticket in tasks}, len(messages)
        held = [name for name in offered(tools) if name not in OWN]
        asked = {call["function"]["name"] for message in since for call in message.get("tool_calls") or ()}
        idle = [name for name in held if name not in wanted]
        lacking = [name for name in wanted if name not in held]
        if self.removes and idle and "Remove_Tools" in offered(tools) and not asked - OWN:
            return calling(("Remove_Tools", {"names": idle}), at=at)
        if self.searches and lacking and "Search_Tools" in offered(tools) and "Search_Tools" not in asked:
            return calling(("Search_Tools", {"keywords": [self.says(name) for name in lacking]}), at=at)
        ready = [(name, {"ticket": ticket}) for name, ticket in wanted.items() if name in held]
        if ready and not asked & wanted.keys():
            return calling(*ready, at=at)
        return {"content": "Done: " + ", ".join(str(message["content"]) for message in since if message["role"] == "tool")}

    def tool(self, words: str) -> str:
        """The tool that does what these words ask for."""
        return next(task.tool for turn in self.world.turns for task in turn.tasks if task.words == words)

    def says(self, name: str) -> str:
        """What the store says of a tool."""
        return next(card.description for card in self.world.cards if card.name == name)

    def script(self, prompt: str, schema: Mapping[str, Any] | None) -> Any:
        """What it answers where the recipe asks (`models.fake.Scripted`): which tools can go, what to look for."""
        gold = [self.tool(words) for words, _ in _TASK.findall(prompt)]
        if schema is not None and "choices" in schema["properties"]:
            held = schema["properties"]["choices"]["items"]["enum"]
            return {"choices": [name for name in held if name not in gold] if self.removes else []}
        return {"texts": [self.says(name) for name in gold] if self.searches else []}


@dataclass(frozen=True, slots=True)
class Picking:
    """A small real model as the agent: it says what to look for, and picks tools out of those that it is shown."""

    asker: Asker

    def __call__(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The agent\'s next answer."""
        tasks, since = request(messages)
        held = {tool["function"]["name"]: tool["function"]["description"] for tool in tools if tool["function"]["name"] not in OWN}
        asked = {call["function"]["name"] for message in since for call in message.get("tool_calls") or ()}
        told, at = "\n".join(f"- {words}" for words, _ in tasks), len(messages)
        if "Remove_Tools" in offered(tools) and held and not asked:
            idle = self._ask(
                f"Tasks:\n{told}\n\nTools:\n{_listed(held)}\n\nWhich tools do the tasks not need?", forms.choices([*held], len(held))
            )
            if idle:
                return calling(("Remove_Tools", {"names": idle}), at=at)
        if "Search_Tools" in offered(tools) and "Search_Tools" not in asked:
            words = self._ask(f"Tasks:\n{told}\n\nWrite a short phrase for each task to find a tool by.", forms.texts(8, 60, 1))
            return calling(("Search_Tools", {"keywords": [w for w in words if w] or ["tool"]}), at=at)
        if held and not asked - OWN:
            chosen = [(self._pick(words, held), {"ticket": ticket}) for words, ticket in tasks]
            return calling(*chosen, at=at)
        return {"content": "Done: " + ", ".join(str(message["content"]) for message in since if message["role"] == "tool")}

    def _pick(self, words: str, held: Mapping[str, str]) -> str:
        return self._ask(f"Tools:\n{_listed(held)}\n\nTask: {words}\n\nWhich tool does the task?", forms.choice([*held]))

    def _ask(self, prompt: str, form: forms.Form) -> Any:
        return form.parse(self.asker.ask(f"{prompt}\nAnswer with a JSON object.", form.schema, form.max_tokens).text)


def _listed(held: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {description}" for name, description in held.items())
