"""A store of 500 tools and 100 turns that need some of them, generated from a seed: what MemTool's metrics are measured on.

A tool is an action on a thing. Cards say both in one way, requests in either of two, so that a search by words alone misses
some. What a tool gives for a ticket is a code that only calling it tells, so an answer is right or wrong without a judge.
"""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Name in tools' names, as cards say it, as people may say it.
ACTIONS = (
    ("open", "open a new", "set up a"), ("close", "close an existing", "shut down the"), ("list", "list every", "show all of the"),
    ("count", "count how many there are of a", "tell the number of"), ("export", "export as a file a", "download the"),
    ("print", "print on paper a", "make a hard copy of the"), ("lock", "lock against changes a", "freeze the"),
    ("share", "share with a colleague a", "give somebody access to the"), ("rename", "rename a", "give another title to the"),
    ("copy", "copy a", "duplicate the"), ("approve", "approve a pending", "sign off the"), ("reject", "reject a pending", "turn down the"),
    ("schedule", "schedule for later a", "plan a date for the"), ("cancel", "cancel a scheduled", "call off the"),
    ("price", "calculate the price of a", "say what it costs to have the"), ("translate", "translate into another language a", "put into French the"),
    ("audit", "check the history of changes of a", "find out who touched the"), ("archive", "move into the archive a", "put away the"),
    ("restore", "restore a deleted", "bring back the"), ("measure", "measure the size of a", "say how big is the"),
)  # fmt: skip
THINGS = (
    ("invoice", "customer invoice", "bill"), ("payroll", "monthly payroll", "wages run"), ("budget", "department budget", "spending plan"),
    ("contract", "supplier contract", "agreement with a vendor"), ("shipment", "parcel shipment", "delivery"), ("warehouse", "warehouse shelf", "storage rack"),
    ("vehicle", "company vehicle", "van"), ("meeting", "team meeting", "get-together"), ("room", "conference room", "hall"),
    ("ticket", "support ticket", "complaint"), ("survey", "customer survey", "questionnaire"), ("campaign", "advertising campaign", "promotion"),
    ("newsletter", "e-mail newsletter", "mailing"), ("recipe", "kitchen recipe", "dish"), ("menu", "lunch menu", "bill of fare"),
    ("flight", "flight booking", "plane seat"), ("hotel", "hotel reservation", "overnight stay"), ("course", "training course", "class"),
    ("exam", "written exam", "test paper"), ("patient", "patient record", "sick person's chart"), ("prescription", "medical prescription", "medicine order"),
    ("sensor", "temperature sensor", "thermometer"), ("firewall", "firewall rule", "network filter"), ("database", "database table", "data set"),
    ("map", "city map", "street plan"),
)  # fmt: skip
TURNS = 100
FEWEST, MOST = 3, 7  # tools that a turn needs: five on average, as in the paper
AGAIN = 0.2  # share of a turn's tools that the turn before needed too


@dataclass(frozen=True, slots=True)
class Card:
    """A tool as the store holds it."""

    name: str
    description: str

    @property
    def schema(self) -> Mapping[str, Any]:
        """The tool in OpenAI's shape: it takes one ticket."""
        properties = {"ticket": {"type": "string", "description": "the ticket's number"}}
        parameters = {"type": "object", "properties": properties, "required": ["ticket"], "additionalProperties": False}
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": parameters}}


@dataclass(frozen=True, slots=True)
class Task:
    """One of the things that a turn asks for: the words, and the call that does it."""

    words: str
    tool: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A user's request."""

    tasks: tuple[Task, ...]

    @property
    def text(self) -> str:
        """What the user says."""
        return "\n".join(f"{i}. Please {task.words} (ticket {task.ticket})." for i, task in enumerate(self.tasks, 1))

    @property
    def gold(self) -> frozenset[str]:
        """The tools that it needs."""
        return frozenset(task.tool for task in self.tasks)


@dataclass(frozen=True, slots=True)
class World:
    """A store and a day's requests."""

    seed: int
    cards: tuple[Card, ...]
    turns: tuple[Turn, ...]

    def used(self, tool: str, ticket: str) -> str:
        """What a tool gives for a ticket."""
        return hashlib.sha256(f"{self.seed}:{tool}:{ticket}".encode()).hexdigest()[:8]

    def answer(self, turn: Turn) -> tuple[str, ...]:
        """The codes that a right answer holds."""
        return tuple(self.used(task.tool, task.ticket) for task in turn.tasks)


def made(seed: int, turns: int = TURNS, fewest: int = FEWEST, most: int = MOST) -> World:
    """The world of a seed: the same on every machine. The store is the same in all of them, the requests are not."""
    luck, before, found = random.Random(f"mem_tool:{seed}"), list[tuple[int, int]](), list[Turn]()
    for number in range(turns):
        size = luck.randint(fewest, most)
        kept = [pair for pair in before if luck.random() < AGAIN][:size]
        while len(kept) < size:
            pair = (luck.randrange(len(ACTIONS)), luck.randrange(len(THINGS)))
            if pair not in kept:
                kept.append(pair)
        luck.shuffle(kept)
        found.append(Turn(tuple([_task(action, thing, f"{number:03}{place}", luck) for place, (action, thing) in enumerate(kept)])))
        before = kept
    cards = tuple([Card(f"{a}_{t}", f"{says.capitalize()} {what}.") for a, says, _ in ACTIONS for t, what, _ in THINGS])
    return World(seed, cards, tuple(found))


def _task(action: int, thing: int, ticket: str, luck: random.Random) -> Task:
    (verb, *ways), (noun, *names) = ACTIONS[action], THINGS[thing]
    return Task(f"{luck.choice(ways)} {luck.choice(names)}", f"{verb}_{noun}", ticket)
