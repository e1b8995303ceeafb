"""A plan as a graph over memories: what lies under what, what rests on what, and what of it a prompt needs.

A node is a memory; `key` tells what it is called in the edges, and its data have them: `parents`, the keys that it lies
under, and `needs`, the keys that it rests on; `began` is the event that it was first told in. Nothing here looks anywhere
but into the nodes, and rings do no harm.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clew.types import Memory

VERSION = 1
INDENT = "  "


def by_id(memory: Memory) -> str:
    """Nodes that are called by their ids."""
    return memory.id


def by_slot(memory: Memory) -> str:
    """Nodes that are called by the slot that they fill."""
    return memory.data["slot"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes that hold, by key, oldest first. Edges to keys that are not there count for nothing."""

    nodes: Mapping[str, Memory] = field(default_factory=dict)

    @classmethod
    def of(cls, memories: Iterable[Memory], key: Callable[[Memory], str] = by_id) -> "Plan":
        """The plan that these memories make, less what was retired; of two with one key the later. In the order in which they began."""
        held = {key(m): m for m in memories if m.retired is None}
        return cls(dict(sorted(held.items(), key=lambda pair: pair[1].data["began"])))

    def with_(self, key: str, node: Memory) -> "Plan":
        """The same plan with this node under that key."""
        return replace(self, nodes={**self.nodes, key: node})

    # -- edges --------------------------------------------------------------------------------------------------

    def parents(self, key: str) -> list[str]:
        """What a node lies under."""
        return self._ends(key, "parents")

    def needs(self, key: str) -> list[str]:
        """What a node rests on."""
        return self._ends(key, "needs")

    def _ends(self, key: str, name: str) -> list[str]:
        node = self.nodes.get(key)
        return [] if node is None else [end for end in node.data[name] if end in self.nodes]

    def children(self, key: str) -> list[str]:
        """What lies under a node."""
        return [other for other in self.nodes if key in self.parents(other)]

    def roots(self) -> list[str]:
        """The nodes that lie under nothing."""
        return [key for key in self.nodes if not self.parents(key)]

    def above(self, key: str) -> list[str]:
        """Everything that a node lies under, the nearest first, itself left out."""
        return self._reached(self.parents(key), self.parents, key)

    def below(self, key: str) -> list[str]:
        """Everything that lies under a node, the nearest first, itself left out."""
        return self._reached(self.children(key), self.children, key)

    def grounds(self, key: str) -> list[str]:
        """Everything that a node rests on, directly or through others, the nearest first, itself left out."""
        return self._reached(self.needs(key), self.needs, key)

    def resting(self, key: str) -> list[str]:
        """Everything that rests on a node, directly or through others, the nearest first, itself left out."""
        found = dict[str, list[str]]()
        for other in self.nodes:
            for end in self.nodes[other].data["needs"]:  # of what is gone too: it is still rested on
                found.setdefault(end, []).append(other)
        return self._reached(found.get(key, []), lambda k: found.get(k, []), key)

    @staticmethod
    def _reached(front: Sequence[str], following: Callable[[str], Sequence[str]], start: str) -> list[str]:
        seen, found = {start}, list[str]()
        front = list(front)
        while front:
            fresh = [key for key in dict.fromkeys(front) if key not in seen]
            seen.update(fresh)
            found += fresh
            front = [end for key in fresh for end in following(key)]
        return found

    def sound(self, key: str, ends: Iterable[str], name: str) -> list[str]:
        """Those ends to which a node may get such an edge (`needs` or `parents`) without a ring."""
        following = self.needs if name == "needs" else self.parents
        return [end for end in dict.fromkeys(ends) if end != key and key not in self._reached(following(end), following, end)]

    # -- what a prompt needs ------------------------------------------------------------------------------------

    def path(self, key: str) -> list[str]:
        """The way from the top down to a node, with it: along the first parent of each."""
        found = [key]
        while (up := [p for p in self.parents(found[-1]) if p not in found]) and len(found) <= len(self.nodes):
            found.append(up[0])
        return found[::-1]

    def active(self, key: str) -> list[str]:
        """The active path and everything that its last node rests on: all that working on that node needs."""
        return list(dict.fromkeys([*self.path(key), *self.grounds(key)])) if key in self.nodes else []

    def part(self, keys: Iterable[str]) -> list[str]:
        """The sub-graph around these nodes: they, what they rest on and lie under, what rests on them and lies under them.

        What matters most comes first, so that a part can be cut off at its end.
        """
        inside = [key for key in dict.fromkeys(keys) if key in self.nodes]
        found = dict.fromkeys(inside)
        for reach in (self.grounds, self.above, self.resting, self.below):
            found |= dict.fromkeys(end for key in inside for end in reach(key))
        for key in list(found):
            found |= dict.fromkeys([*self.grounds(key), *self.above(key)])
        return list(found)

    # -- doubts and words ---------------------------------------------------------------------------------------

    def changed(self, key: str) -> list[str]:
        """What a doubtful node rests on that has changed since, or is in doubt itself; [] where it is in no doubt."""
        node = self.nodes[key]
        if node.status != "suspect":
            return []
        ends = list(node.data["needs"])
        gone = [e for e in ends if e not in self.nodes or self.nodes[e].id not in node.basis or self.nodes[e].status == "suspect"]
        return gone or ends

    def line(self, key: str) -> str:
        """A node in a prompt: its words, and where it is stale, what that was based on."""
        reasons = self.changed(key)
        verb = "have" if len(reasons) > 1 else "has"
        return self.nodes[key].text + (f" (stale: based on {' and '.join(reasons)}, which {verb} changed)" if reasons else "")

    def outline(self, keys: Iterable[str], line: Callable[[str], str]) -> str:
        """Nodes as an indented list, each once, under the first parent that is shown too; in the order of the plan."""
        shown = set(keys)
        lines, seen = list[str](), set[str]()

        def write(key: str, depth: int) -> None:
            if key not in seen:
                seen.add(key)
                lines.append(f"{INDENT * depth}- {line(key)}")
                for child in self.children(key):
                    if child in shown:
                        write(child, depth + 1)

        for key in self.nodes:  # a parent first, whenever it came
            if key in shown and not any(p in shown for p in self.parents(key)):
                write(key, 0)
        for key in self.nodes:  # what is left lies in a ring
            if key in shown:
                write(key, 0)
        return "\n".join(lines)
