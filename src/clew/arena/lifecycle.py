"""The lifecycle benchmark's runner: every script through every system's own doors, scored step by step.

A run's folder holds one file of JSON lines a system, so that a run that was cut off goes on where it stopped, and
`lifecycle.json` and `lifecycle.md` with the table. How each step is scored is in `docs/lifecycle.md`.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clew.arena import lifecycle_apollo, lifecycle_report
from clew.arena.lifecycle_cases import scripts, seeds
from clew.arena.lifecycle_lives import ACTIVE, Heard, Life, Living
from clew.arena.lifecycle_script import Alone, Ask, Do, Keep, Marked, Residue, Same, Say, Script
from clew.arena.peers import weight
from clew.arena.run import commit, kept, machine, versions
from clew.arena.scores import normalised
from clew.errors import UsageError

FORMAT = 1  # of the result files
COMMIT = "216c7cbfe3e8f70c8b0faeef4fb673c0523fbf4d"  # that last touched the generator, before what it tests
SEEDS = seeds(COMMIT)  # of reported runs; Apollo 13 has values of its own: seeds only choose which are asked for
UNKNOWN = frozenset({"never said", "never met", "forgotten", "another user's"})  # kinds of questions that nothing may answer
WITHHELD = frozenset({"forgotten", "another user's"})  # of these the value itself must not be found either


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing scored: under which measure, of what kind, right or not; and what was seen, where it was wrong."""

    measure: str
    kind: str
    right: bool
    seen: str = ""


@dataclass(slots=True)
class Game:
    """One script being played by one system."""

    script: Script
    living: Living
    life: Life
    folder: Path
    told: dict[str, Say] = field(default_factory=dict)  # what has been said and not been forgotten
    answers: dict[str, list[tuple[tuple[str, ...], str | None]]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)  # deeds for which there was no door
    marks: list[Mark] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def mark(self, measure: str, kind: str, right: bool, seen: object = "") -> None:
        """Keep a score, with what was seen where it is wrong."""
        self.marks.append(Mark(measure, kind, right, "" if right else str(seen)[:300]))

    def heard(self, ask: Ask) -> Heard:
        """Ask, and keep the time."""
        heard = self.life.hear(ask)
        self.times.append(heard.seconds)
        return heard

    def play(self) -> None:
        """Every step in order."""
        for step in self.script.steps:
            match step:
                case Say():
                    self.life.say(step)
                    self.told[step.key] = step
                case Do():
                    self.do(step)
                case Ask():
                    self.ask(step)
                case Marked():
                    self.marked(step)
                case Keep():
                    self.answers[step.name] = self.answered(step.asks)
                    for ask in step.asks:  # an empty memory is always the same: so what is kept is judged too
                        self.ask(ask)
                case Same():
                    self.same(step)
                case Alone():
                    self.alone(step)
                case Residue():
                    self.residue(step)

    def do(self, deed: Do) -> None:
        """Carry it out, and know from then on what may still be told."""
        self.refused.discard(deed.what)
        if not self.life.do(deed):
            self.refused.add(deed.what)
        if deed.what in ("forget events", "retract"):
            self.told = {key: said for key, said in self.told.items() if key not in deed.keys}
        elif deed.what == "forget matching":
            self.told = {key: said for key, said in self.told.items() if said.user != deed.user or deed.text not in said.text}
        elif deed.what == "forget user":
            self.told = {key: said for key, said in self.told.items() if said.user != deed.user}

    def ask(self, ask: Ask) -> None:
        """A question with gold: the answer, and beside it what comes first among the texts found."""
        heard = self.heard(ask)
        answer = heard.answer if self.life.answers else (heard.texts[0] if heard.texts else None)
        texts = [self.told[key].text for key in ask.keys if key in self.told]
        right = judged(ask, answer, texts, self.life.answers)
        seen = f"{ask.text} -> {answer!r}, not {ask.gold!r} [{ask.id}]"
        if ask.kind in WITHHELD:
            leaked = self.leaked(ask.wrong, ask.user, heard)
            right, seen = right and not leaked, f"{seen}; leaked {leaked}"
        measure = MEASURES.get(self.script.axis, self.script.axis)
        if self.script.axis == "absence":
            measure = "absence: not answered" if ask.kind in UNKNOWN else "absence: answerable answered"
        self.mark(measure, ask.kind, right, seen)
        if ask.kind not in UNKNOWN:
            first = heard.texts[0] if heard.texts else None
            self.mark(
                f"{self.script.axis}: first hit", ask.kind, judged(ask, first, texts, False), f"{ask.text} -> {first!r}, not {ask.gold!r}"
            )
        if ask.known is not None:
            later = self.later(ask)
            told = [value for value in later if any(holds(text, value) for text in (*heard.texts, heard.answer or ""))]
            self.mark(f"{self.script.axis}: nothing from later", ask.kind, not told, f"{ask.text}: {told}")
        if self.script.axis == "isolation":
            leaked = self.leaked(ask.wrong, ask.user, heard)
            self.mark("isolation: nothing of others", ask.kind, not leaked, f"{ask.text}: {leaked}")

    def later(self, ask: Ask) -> list[str]:
        """Values of the question that nothing had said at the moment which it asks about."""
        keys = list(self.told)
        before = [self.told[key].text for key in keys[: keys.index(ask.known) + 1]] if ask.known in keys else []
        return [value for value in (*ask.wrong, ask.gold or "") if value and not any(holds(text, value) for text in before)]

    def leaked(self, values: Iterable[str], user: str, heard: Heard) -> list[str]:
        """Those values that nothing told by this user has, and that were given to the user all the same."""
        own = [said.text for said in self.told.values() if said.user == user]
        foreign = [value for value in values if not any(holds(text, value) for text in own)]
        # in a prompt stand ids and times too, in which a short number may be met by chance
        prompts = [heard.prompt] if heard.prompt else []
        found = [value for value in foreign if any(holds(text, value) for text in (*heard.texts, heard.answer or ""))]
        return found + [value for value in foreign if len(value) > 4 and any(value in text for text in prompts)]

    def marked(self, step: Marked) -> None:
        """Which conclusions are marked or gone, and which stand."""
        states = self.life.states(step.user, (*step.affected, *step.unaffected))
        for key in step.affected:
            self.mark("cascade: affected marked", step.kind, states[key] != ACTIVE, f"{key} is {states[key]}: {self.told[key].text}")
        for key in step.unaffected:
            self.mark("cascade: others left", step.kind, states[key] == ACTIVE, f"{key} is {states[key]}: {self.told[key].text}")

    def answered(self, asks: Sequence[Ask]) -> list[tuple[tuple[str, ...], str | None]]:
        """What each question gets: the ranking and the answer."""
        return [(heard.texts, heard.answer) for heard in map(self.heard, asks)]

    def same(self, step: Same) -> None:
        """Every question gets what it got then; a step whose door is missing is not scored but told."""
        if step.kind in self.refused:
            return
        asks = next(keep.asks for keep in self.script.steps if isinstance(keep, Keep) and keep.name == step.name)
        for ask, old, new in zip(asks, self.answers[step.name], self.answered(asks), strict=True):
            self.mark("rollback: same as before", step.kind, old == new, f"{ask.text}: {old[1]!r} became {new[1]!r}")

    def alone(self, step: Alone) -> None:
        """A second memory in which nobody else ever spoke answers the same."""
        with opened(self.living) as (life, _):
            for said in self.script.steps:
                if isinstance(said, Say) and said.user == step.user:
                    life.say(said)
            for ask in step.asks:
                with_others, without = self.heard(ask), life.hear(ask)
                same = (with_others.texts, with_others.answer) == (without.texts, without.answer)
                self.mark("isolation: same as alone", "alone", same, f"{ask.text}: {with_others.texts[:3]} / {without.texts[:3]}")

    def residue(self, step: Residue) -> None:
        """What must be gone is in no text, answer, prompt or byte; what must stay is listed."""
        users = sorted({said.user for said in self.script.steps if isinstance(said, Say)})
        texts = [text for user in users for text in self.life.listing(user)]
        asks = [*step.asks, *(Ask("", "residue", user, gone, step.asks[0].at, None) for gone in step.gone for user in users)]
        for heard in map(self.heard, asks):
            texts += [*heard.texts, heard.answer or "", heard.prompt]
        raw = [path.read_bytes().lower() for path in self.folder.rglob("*") if path.is_file()]
        for gone in step.gone:
            said = [text for text in texts if gone.casefold() in text.casefold()]
            self.mark("erasure: nowhere told", step.kind, not said, f"{gone} in {said[:1]}")
            forms = (gone.lower().encode(), gone.lower().encode("utf-16-le"))
            self.mark("erasure: in no byte", step.kind, not any(form in part for part in raw for form in forms), gone)
        mine = self.life.listing(step.asks[0].user if step.kind != "forget user" else users[0])
        for stays in step.kept:
            self.mark("erasure: the rest stays", step.kind, any(stays in text for text in mine), f"{stays} is gone")


MEASURES = {
    "isolation": "isolation: own answered",
    "rollback": "rollback: answered",
    "erasure": "erasure: answered after",
    "cost": "cost: answered",
}


def holds(text: str, value: str) -> bool:
    """Whether a text has the value as whole words, case, punctuation and articles aside."""
    return f" {normalised(value)} " in f" {normalised(text)} "


def judged(ask: Ask, answer: str | None, texts: Sequence[str], strict: bool) -> bool:
    """Whether an answer is right.

    With gold: it holds the gold value, and no wrong one that the words which state the gold do not hold too ("X, not Y").
    Without: there is no answer; where the system cannot decline (not `strict`), none that holds a wrong value.
    """
    wrong = [value for value in ask.wrong if answer is not None and holds(answer, value)]
    if ask.gold is None:
        return answer is None if strict else not wrong
    allowed = [value for value in wrong if any(holds(text, value) and holds(text, ask.gold) for text in texts)]
    return answer is not None and holds(answer, ask.gold) and len(allowed) == len(wrong)


@contextmanager
def opened(living: Living) -> Iterator[tuple[Life, Path]]:
    """A memory in a folder of its own, which goes in the end."""
    folder = Path(tempfile.mkdtemp(prefix="clew-lifecycle-"))
    life = living.open(folder)
    try:
        yield life, folder
    finally:
        life.close()
        shutil.rmtree(folder, ignore_errors=True)


def attempt(living: Living, script: Script) -> dict[str, Any]:
    """One script in a memory of its own: its marks, what had no door, and for the cost axis what it cost."""
    with opened(living) as (life, folder):
        game = Game(script, living, life, folder)
        cost = {}
        if script.axis == "cost":
            cost = timed(game)
        else:
            game.play()
        row = {"case": script.id, "axis": script.axis, "marks": [asdict(mark) for mark in game.marks], "no_door": sorted(game.refused)}
        if cost:
            row["cost"] = {**cost, "ms": [1000 * t for t in game.times], "bytes": weight(folder)}
        return row


def timed(game: Game) -> dict[str, float]:
    """The script's events first, until they can be found, then its questions."""
    said = [step for step in game.script.steps if isinstance(step, Say)]
    started = perf_counter()
    for step in said:
        game.life.say(step)
        game.told[step.key] = step
    game.life.listing(said[0].user)
    took = perf_counter() - started
    for ask in game.script.asks():
        game.ask(ask)
    return {"events": len(said), "seconds": took}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run: seeds, axes (all where empty), the folder for results, and where Apollo 13's transcript lies, if it does."""

    seeds: tuple[int, ...]
    out: Path
    axes: tuple[str, ...] = ()
    apollo: Path | None = None

    def scripts(self) -> list[Script]:
        """Every script, in order."""
        found = [script for seed in self.seeds for script in scripts(seed, self.axes)]
        if self.apollo is not None and (not self.axes or "apollo" in self.axes):
            found.append(lifecycle_apollo.script(self.seeds[0], self.apollo))
        return found


def run(plan: Plan, systems: Sequence[Living], quiet: bool = False) -> dict[str, Any]:
    """Put every system through every script and write `lifecycle.json` and `lifecycle.md`; returns what the first holds."""
    chosen = plan.scripts()
    if not chosen:
        raise UsageError(f"no script is left of the axes {', '.join(plan.axes)}; Apollo 13 needs its transcript below $CLEW_DATA")
    plan.out.mkdir(parents=True, exist_ok=True)
    about = {
        "format": FORMAT,
        "seeds": list(plan.seeds),
        "axes": list(plan.axes),
        "scripts": len(chosen),
        "apollo": any(script.axis == "apollo" for script in chosen),
        "data": hashlib.sha256(json.dumps([asdict(script) for script in chosen], sort_keys=True).encode()).hexdigest()[:16],
    }
    outcome: dict[str, Any] = {**about, "commit": commit(), "versions": versions(), "machine": machine()}
    outcome["systems"] = dict.fromkeys(living.name for living in systems) | earlier(plan.out / "lifecycle.json", about["data"])
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=quiet) as bar:
        for living in systems:
            task = bar.add_task(escape(living.name), total=len(chosen))
            rows = []
            for row in attended(living, chosen, plan.out, {**about, "system": living.name, **living.about, "commit": outcome["commit"]}):
                rows.append(row)
                bar.advance(task)
            outcome["systems"][living.name] = {
                "about": dict(living.about),
                "commit": outcome["commit"],
                "doors": sorted(living.doors),
                **lifecycle_report.summary(rows),
            }
    (plan.out / "lifecycle.json").write_text(json.dumps(outcome, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (plan.out / "lifecycle.md").write_text(lifecycle_report.as_markdown(outcome), encoding="utf-8")
    return outcome


def earlier(path: Path, data: str) -> dict[str, Any]:
    """What an earlier run over the same scripts found, by system: peers may need an environment of their own."""
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["systems"] if found.get("data") == data else {}


def attended(living: Living, chosen: Sequence[Script], out: Path, about: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """One row a script, in order; those that an earlier run of the same kind left in the file are not played again."""
    path = out / f"lifecycle-{''.join(c if c.isalnum() else '-' for c in living.name).strip('-')}.jsonl"
    done = kept(path, about)
    if not done:
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")
    for script in chosen:
        row = done.get(script.id)
        if row is None:
            row = attempt(living, script)
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        yield row
