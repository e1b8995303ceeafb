"""MemCube: a payload with a header of three groups, who may read it, and its way from one host to another (MemOS).

The header's *descriptive* group says where it came from, *governance* who may read it and how long it stays, *behavioural*
how it is used. A memory's text is the plaintext payload; the two other payloads are named as absent, so that nobody takes
a cube for more than it is.

A cube travels as JSON: `dumped` writes memories, `entries` turns such a text into messages for `Clew.record`, and a recipe
that finds `parcel(event)` makes the same cube of it again: same words, keys, tags, lifespan, priority and edges between
those that travelled together. Its id is new, its source is the event that brought it, its trust is that of who loads it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

from clew.context import Context
from clew.errors import UsageError
from clew.operators import encode
from clew.operators.people import tags
from clew.operators.upkeep import capacity
from clew.types import TRUST, Event, Memory, Scope, Source, utc

VERSION = 1
FORMAT = 1
PAYLOADS = ("plaintext", "activation", "parametric")
ABSENT = "absent: not built"
CARRIED = "data"  # of a message, where the settings of its cubes stand, or a cube from elsewhere
VISIBILITIES = ("private", "session", "public")
WAS = "was:"  # before an id of the file that a cube came from, the node that ties those that travelled together
Settings = Mapping[str, Any]


# -- the header -----------------------------------------------------------------------------------------------------


def settings(event: Event) -> dict[str, Any]:
    """What the message's `data` says about lifespan and access of its cubes; what makes no sense is left out."""
    given = event.body.get(CARRIED) if isinstance(event.body, Mapping) else None
    return checked(given) if isinstance(given, Mapping) else {}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of these settings, those that can be kept to."""
    found: dict[str, Any] = {name: given[name] for name in ("ttl_days", "half_life_days", "priority") if _number(given.get(name))}
    if given.get("visibility") in VISIBILITIES:
        found["visibility"] = given["visibility"]
    readers = given.get("readers")
    if isinstance(readers, list) and all(isinstance(name, str) for name in readers):
        found["readers"] = readers
    if isinstance(given.get("sensitivity"), str):
        found["sensitivity"] = given["sensitivity"][:40]
    return {**found, **({"frozen": True} if given.get("frozen") is True else {})}


def headed(event: Event, given: Settings, *, meant: str = "fact", made: bool = False, labels: Sequence[str] = ()) -> dict[str, Any]:
    """The three groups of a cube that this event makes. `made`: its words are a model's, not the speaker's."""
    origin = "inferred" if made or event.trust == TRUST["assistant"] else "user input"
    descriptive = {
        "created": utc(event.at).isoformat(),
        "origin": "external retrieval" if event.trust <= TRUST["tool"] else origin,
        "semantic": "task prompt" if event.trust == TRUST["owner"] else meant,
    }
    governance = {
        "visibility": given.get("visibility", "private" if event.scope.user else "public"),
        "readers": list(given.get("readers", ())),
        "lifespan": {name: given[name] for name in ("ttl_days", "half_life_days") if name in given},
        "priority": given.get("priority", 0),
        "sensitivity": given.get("sensitivity", "unmarked"),
        "watermark": "model" if made else "",
    }
    return {"descriptive": descriptive, "governance": governance, "behavioural": used(None, None, labels)}


def used(header: Mapping[str, Any] | None, at: datetime | None, labels: Sequence[str] = ()) -> dict[str, Any]:
    """The behavioural group after one more use at that time; before the first one without `at`."""
    old = header["behavioural"] if header else {"uses": 0, "fingerprint": list(labels)}
    uses = old["uses"] + (at is not None)
    return {"uses": uses, "last": at and utc(at).isoformat(), "heat": "hot" if uses else "cold", "fingerprint": old["fingerprint"]}


def payload(memory: Memory, kind: str) -> str:
    """One of a cube's `PAYLOADS`: its words; an activation (KV cache) or a parametric one (adapter) is named as absent."""
    if kind not in PAYLOADS:
        raise UsageError(f"a cube's payload is one of {', '.join(PAYLOADS)}; got {kind!r}")
    return memory.text if kind == "plaintext" else ABSENT


def readable(memory: Memory, asker: Scope) -> bool:
    """User x object x context: whether this asker, as this agent in this session, may read this cube.

    Private: its user alone; session: only who asks in the session it was made in; public: whoever the view serves. Where
    it names readers, only those agents. What has no header, such as a topic, is read with what it was made of.
    """
    rules = memory.data.get("header", {}).get("governance")
    if rules is None:
        return True
    if rules["visibility"] == "private" and memory.scope.user != asker.user:
        return False
    if rules["visibility"] == "session" and (memory.scope.session is None or memory.scope.session != asker.session):
        return False
    return not rules["readers"] or asker.agent in rules["readers"]


# -- making one ------------------------------------------------------------------------------------------------------


def windows(event: Event, size: int, overlap: int) -> list[Source]:
    """What is read at once of a message: spans of at most `size` characters, each with the end of the one before."""
    return [Source(event.seq, max(0, start - overlap), end) for start, end in encode.windows(event.text, size)]


def quoted(words: str, span: Source, event: Event) -> Source:
    """The span of these words in a window, where it says them; else the window."""
    start = event.text.find(words, span.start, span.end) if words else -1
    return span if start < 0 else Source(span.seq, start, start + len(words))


def made(
    event: Event,
    ctx: Context,
    text: str,
    kind: str = "",
    replaces: Sequence[Memory] = (),
    *,
    source: Source | None = None,
    key: str = "",
    labels: Sequence[str] = (),
    links: Sequence[str] = (),
    given: Settings | None = None,
    header: Mapping[str, Any] | None = None,
) -> Memory:
    """A new cube that this event makes: generated, or frozen where it says so; linked to its key and tags, ending with its lifespan.

    `replaces`: the one in whose place it comes; it takes over kind, key and tags. `labels` are its tags.
    """
    old = next(iter(replaces), None)
    kind, given = kind or (old.kind if old else "long_term"), settings(event) if given is None else given
    key, labels = (old.data["key"], old.data["tags"]) if old else (key.strip()[:60], [plain(tag) for tag in labels if plain(tag)])
    lifespan = {name: given[name] for name in ("ttl_days", "half_life_days") if name in given}
    spoken = text in event.text
    top = header or headed(event, given, meant="preference" if kind == "preference" else "fact", made=not spoken, labels=labels)
    more: dict[str, Any] = {**lifespan, **({"replaces": old.id} if old else {}), **({"header": top} if ctx.params["header"] else {})}
    nodes = [*([f"key:{plain(key)}"] if plain(key) else []), *(tags.node(tag) for tag in labels), *pairs(labels), *links]
    return ctx.memory(
        text,
        kind=kind,
        sources=None if source is None else [source],
        actor=event.actor,
        links=nodes,
        until=capacity.ends(event.at, **lifespan),
        key=key,
        tags=list(labels),
        birth=ctx.ordinal,
        version=1 + (old.data.get("version", 1) if old else 0),
        state="frozen" if given.get("frozen") else "generated",
        **more,
    )


def pairs(labels: Sequence[str]) -> list[str]:
    """A node for each two of these tags: memories that share two tags are found by it, without a look at all that share one."""
    named = sorted({plain(tag) for tag in labels} - {""})
    return [tags.node(f"{one}&{other}") for one, other in combinations(named, 2)]


def plain(name: str) -> str:
    """A key or tag in the form in which equal ones are equal."""
    return " ".join(name.lower().split()).strip(" .,;:#")[:40]


# -- between hosts --------------------------------------------------------------------------------------------------


def dumped(memories: Sequence[Memory]) -> str:
    """Cubes as a JSON text that `entries` reads in another file; edges are kept between those that travel together."""
    ids = {m.id for m in memories}
    cubes = [
        {
            "id": m.id,
            "kind": m.kind,
            "payload": {kind: payload(m, kind) for kind in PAYLOADS},
            "since": m.since and m.since.isoformat(),
            "actor": m.actor,
            "edges": [link for link in m.links if link in ids or link.startswith(("#", "key:", WAS))],
            "data": {name: m.data[name] for name in ("key", "tags", "header") if name in m.data} | _frozen(m),
        }
        for m in memories
        if m.retired is None and "header" in m.data
    ]
    return json.dumps({"memcube": FORMAT, "cubes": cubes}, ensure_ascii=False, sort_keys=True)


def entries(text: str) -> list[dict[str, Any]]:
    """The messages that bring dumped cubes into another file, for `Clew.record`; UsageError where the text is no dump."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"this is no dump of cubes: {error}") from error
    if not isinstance(found, dict) or found.get("memcube") != FORMAT or not isinstance(found.get("cubes"), list):
        raise UsageError(f"a dump of cubes says memcube: {FORMAT} and lists cubes; got {text[:80]!r}")
    messages = []
    for place, cube in enumerate(found["cubes"]):
        if not _whole(cube):
            raise UsageError(f"cube {place} of the dump lacks its words, kind, edges or data")
        messages.append({"content": cube["payload"]["plaintext"], "actor": cube.get("actor"), "at": cube.get("since")})
        messages[-1][CARRIED] = {"cube": {name: cube[name] for name in ("id", "kind", "edges", "data")}}
    return messages


def parcel(event: Event) -> Mapping[str, Any] | None:
    """The cube from elsewhere that a message brings: its id there, kind, edges and data; None in every other message."""
    carried = event.body.get(CARRIED) if isinstance(event.body, Mapping) else None
    found = carried.get("cube") if isinstance(carried, Mapping) else None
    return found if isinstance(found, Mapping) and _whole({**found, "payload": {"plaintext": event.text}}) else None


def edges(found: Mapping[str, Any]) -> list[str]:
    """The nodes that a cube from elsewhere links to here: tags and keys as they are, ids there behind `WAS`, its own first."""
    named = [link if link.startswith(("#", "key:", WAS)) else WAS + link for link in found["edges"]]
    return list(dict.fromkeys((WAS + found["id"], *named)))


def restored(event: Event, found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings, data) of a cube from elsewhere: key, tags, and its header as it was, as far as it is whole; else a new one."""
    data = found["data"]
    parts = data.get("header") if isinstance(data.get("header"), Mapping) else {}
    groups = {name: parts[name] if isinstance(parts.get(name), Mapping) else {} for name in ("descriptive", "governance", "behavioural")}
    lifespan = groups["governance"].get("lifespan")
    given = checked({**groups["governance"], **(lifespan if isinstance(lifespan, Mapping) else {}), "frozen": data.get("frozen")})
    named = [tag for tag in data["tags"] if isinstance(tag, str)] if isinstance(data.get("tags"), list) else []
    new = headed(event, given, labels=named, made=groups["governance"].get("watermark") == "model")
    told = {name: value for name, value in groups["descriptive"].items() if name in new["descriptive"] and isinstance(value, str)}
    uses = groups["behavioural"].get("uses")
    if isinstance(uses, int) and uses > 0:
        new["behavioural"] = {**used(new, event.at), "uses": uses}
    key = data["key"] if isinstance(data.get("key"), str) else ""
    return given, {"key": key, "labels": named, "header": {**new, "descriptive": {**new["descriptive"], **told}}}


def _whole(cube: Any) -> bool:
    wanted = {"id": str, "kind": str, "edges": list, "data": dict, "payload": dict}
    if not isinstance(cube, Mapping) or not all(isinstance(cube.get(name), kind) for name, kind in wanted.items()):
        return False
    words = cube["payload"].get("plaintext")
    return isinstance(words, str) and bool(words.strip()) and all(isinstance(edge, str) for edge in cube["edges"])


def _frozen(memory: Memory) -> dict[str, bool]:
    return {"frozen": True} if memory.data.get("state") == "frozen" else {}


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
