"""A small model against proactive interference: with the plain context, with what a scripted Sculptor policy leaves of it, with retrieval.

Two scripted policies, which see the rendered window alone, as an agent would. One has the longest message cut into ten fragments,
reads their ids in the tool's answer, and folds all but the last ones; it knows nothing of the question. The other folds all of the
message and searches for the word of the question that lines begin with. What every system shows is also judged without a model: does
the last line of the key stand in it, and how many older ones beside it.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clew import Clew
from clew.arena.folding import interval
from clew.arena.interference import KEYS, Stream, question, seeds, stream, told
from clew.arena.scores import estimate
from clew.models import Asker, Models
from clew.operators import retrieve
from clew.recipe import Recipe, load

COMMIT = "b03884a9f867d9edff1f58b31cd4ba7ca7553a56"  # that brought the generator of the streams, before what it tests
SEEDS = seeds(COMMIT)
FRAGMENTS, KEPT = 10, 3  # fragments of the long message, and how many of the last stay (PI-LLM guidance: 2 or 3)
ANSWER = 24  # tokens of an answer: enough for a sentence around the value
NEAR = 50  # characters around a match, the least that the tool takes
FOUND = 10  # lines that a control shows
PLAIN, POLICY, SEARCH = "no tools", "sculptor policy", "sculptor search"
WAYS = {"bm25": retrieve.bm25, "dense": retrieve.dense}
SYSTEMS = (PLAIN, POLICY, SEARCH, *WAYS)
ID = re.compile(r"^\[(\w{6})\]", re.MULTILINE)


def sculpted(c: Clew, session: str, kept: int = KEPT) -> list[dict[str, Any]]:
    """The window after the policy's calls."""
    window = c.window(session=session)
    lines = max((str(m["content"]) for m in window if m["role"] == "user"), key=len).splitlines()
    marks = {"start_marker": lines[1], "end_marker": lines[-1], "num_fragments": FRAGMENTS}
    for id in ID.findall(c.call("fragment_context", marks, session=session))[:-kept]:
        c.call("fold_fragment", {"fragment_id": id}, session=session)
    return c.window(session=session)


def searched(c: Clew, session: str) -> list[dict[str, Any]]:
    """The window after the other policy's three calls; what the search found stands at its end, as in the paper."""
    window = c.window(session=session)
    lines = max((str(m["content"]) for m in window if m["role"] == "user"), key=len).splitlines()
    marks = {"start_marker": lines[1], "end_marker": lines[-1], "num_fragments": 1}
    [id] = ID.findall(c.call("fragment_context", marks, session=session))
    c.call("fold_fragment", {"fragment_id": id}, session=session)
    starts = {line.partition(":")[0] for line in lines[1:]}
    word = next(word for word in re.findall(r"\w+", str(window[-1]["content"])) if word in starts)
    _used(c, session, "search_context", {"query": f"\n{word}: ", "max_results": 1, "context_size": NEAR})
    return c.window(session=session)


def _used(c: Clew, session: str, tool: str, arguments: Mapping[str, Any]) -> str:
    """A call as an agent loop makes it: what the agent says is recorded, the call made, and what it was told recorded."""
    said = c.call(tool, arguments, session=session)
    id = f"{tool}-{c.log.head()}"
    call = {"id": id, "type": "function", "function": {"name": tool, "arguments": json.dumps(arguments)}}
    c.record([{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": id, "content": said}], session=session)
    return said


def windowed(given: Stream, recipe: Recipe, act: Callable[[Clew, str], Sequence[Mapping[str, Any]]]) -> str:
    """The words of the window after `act`, of a session that holds the one long message."""
    with tempfile.TemporaryDirectory() as folder, Clew(Path(folder) / "s.db", recipes=[recipe], models=Models()) as c:
        c.record({"role": "user", "content": given.text}, session="s")
        return _told(act(c, "s"))


def _told(window: Sequence[Mapping[str, Any]]) -> str:
    """The words of a window, as one prompt."""
    return "\n\n".join(str(m["content"]) for m in window if m.get("content"))


class Controls:
    """Retrieval over the lines as turns, of one stream: as many as a prompt of a small memory takes, in their order."""

    def __init__(self, given: Stream, way: Callable[..., Any], name: str) -> None:
        self.head, *lines = given.text.splitlines()
        self.folder = tempfile.TemporaryDirectory()
        self.clew = Clew(Path(self.folder.name) / "r.db", recipes=[load("verbatim").variant(name, retrieve=way)])
        self.clew.record(lines, user="a")

    def shown(self, key: str) -> str:
        """The message's first line, and the lines found."""
        hits = self.clew.recall(question(key), user="a", k=FOUND)
        found = sorted((h.memory for h in hits), key=lambda m: m.sources[0].seq)
        return "\n".join([self.head, *(m.text for m in found)])

    def close(self) -> None:
        """Give the file back."""
        self.clew.close()
        self.folder.cleanup()


def shown(name: str, given: Stream, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(key, what the system of that name shows for it)."""
    if name in WAYS:
        with closing(Controls(given, WAYS[name], name)) as control:
            yield from [(key, control.shown(key)) for key in keys]
        return
    recipe = load("sculptor").variant("scripted", asks=frozenset())  # the policies ask for no summary, so for no model
    if name == SEARCH:
        with tempfile.TemporaryDirectory() as folder, Clew(Path(folder) / "s.db", recipes=[recipe], models=Models()) as c:
            for key in keys:
                c.record([{"role": "user", "content": text} for text in (given.text, question(key))], session=key)
                yield key, _told(searched(c, key))
        return
    text = windowed(given, recipe, sculpted if name == POLICY else lambda c, s: c.window(session=s))
    yield from ((key, text) for key in keys)


def looked_at(shown: str, given: Stream, key: str) -> tuple[bool, int]:
    """(whether the key's last line is there, how many older lines of the key are)."""
    values = [line.partition(": ")[2] for line in shown.splitlines() if line.startswith(f"{key}: ")]
    return given.last[key] in values, sum(value != given.last[key] for value in values)


def trial(name: str, given: Stream, asker: Asker | None, most: int | None = None) -> dict[str, Any]:
    """One system on one stream: what it shows of each key, and what the model answers to the first `most` of them (None: all)."""
    keys, rows = sorted(given.last), list[dict[str, Any]]()
    for i, (key, text) in enumerate(shown(name, given, keys)):
        there, older = looked_at(text, given, key)
        row: dict[str, Any] = {"key": key, "there": there, "older": older, "chars": len(text)}
        if asker is not None and (most is None or i < most):
            row["answer"] = asker.ask(f"{text}\n\n{question(key)}", None, ANSWER).text
            row["told"] = told(row["answer"], given, key)
        rows.append(row)
    return {"system": name, "seed": given.seed, "updates": given.updates, "model": asker.name if asker else None, "rows": rows}


def table(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line for each number of updates and system: right answers with their interval, kinds of errors, what was shown."""
    found = list[dict[str, Any]]()
    for updates, name in sorted({(t["updates"], t["system"]) for t in trials}, key=lambda p: (p[0], SYSTEMS.index(p[1]))):
        mine = [t for t in trials if (t["updates"], t["system"]) == (updates, name)]
        rows = [row for t in mine for row in t["rows"]]
        asked = [(row["told"], t["seed"]) for t in mine for row in t["rows"] if "told" in row]
        right = estimate([float(kind == "right") for kind, _ in asked], [str(seed) for _, seed in asked], name) if asked else None
        found.append(
            {
                "updates": updates,
                "system": name,
                "seeds": len({t["seed"] for t in mine}),
                "right": asdict(right) if right else None,
                "kinds": dict(Counter(kind for kind, _ in asked)),
                "last line shown": sum(row["there"] for row in rows) / len(rows),
                "older lines of the key": sum(row["older"] for row in rows) / len(rows),
                "characters": sum(row["chars"] for row in rows) // len(rows),
            }
        )
    return found


def run(
    seeds: Sequence[int],
    updates: Sequence[int],
    asker: Asker | None,
    out: Path,
    most: int | None = None,
    names: Sequence[str] = SYSTEMS,
    keys: int = len(KEYS),
) -> dict[str, Any]:
    """Every system on every stream; each trial is kept in `out` as it ends, so that a run that was cut off goes on there.

    `keys`: fewer than 46 for a model with a small window, in a folder of its own.
    """
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "trials.jsonl"
    trials = [json.loads(row) for row in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []
    done = {(t["seed"], t["updates"], t["system"], t["model"]) for t in trials}
    for seed in seeds:
        for n in updates:
            given = stream(seed, n, keys)
            for name in names:
                if (seed, n, name, asker.name if asker else None) not in done:
                    trials.append(trial(name, given, asker, most))
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(trials[-1]) + "\n")
    outcome = {"model": asker.name if asker else None, "seeds": list(seeds), "keys": keys, "table": table(trials)}
    (out / "interference.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    return outcome


def printed(outcome: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """(header, rows) for a terminal."""
    rows = []
    for row in outcome["table"]:
        asked = sum(row["kinds"].values())
        kinds = [f"{100 * row['kinds'].get(kind, 0) / asked:.0f} %" if asked else "" for kind in ("former", "other", "none")]
        shown = [f"{100 * row['last line shown']:.0f} %", f"{row['older lines of the key']:.1f}", str(row["characters"])]
        rows.append([row["system"], str(row["updates"]), str(asked), interval(row["right"]) if row["right"] else "", *kinds, *shown])
    return ["system", "updates", "asked", "right", "former", "other", "none", "last line shown", "older lines", "characters"], rows
