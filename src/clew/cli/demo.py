"""`clew demo`: a week of an agent and its people, and every promise tried on it, with no model, no key and no network."""
import json as codec
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import typer

from clew.cli.page import Story
from clew.cli.terminal import out
from clew.cli.writing import imported
from clew.engine import Clew
from clew.errors import ClewError, NotFound
from clew.operators import retrieve
from clew.readers import git_log, read
from clew.recipe import load
from clew.types import Event, Hit, Quote

TEAM = "harbour"  # the user under whose name the week is imported
BM25 = load("verbatim").variant("bm25", retrieve=retrieve.bm25)  # the plain control: same turns, words alone
QUESTIONS = 5  # shown with their quotes, in the file's order; all of them are counted
LOOKED = 50  # ranks past this one are told as "beyond"
ACKNOWLEDGED = 400  # writes that the child must have had acknowledged before it is killed
WRITER = """
import sys
from clew import Clew
c, acks = Clew(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
for n in range(10**9):
    c.record(f"note {n} about subject {n % 17}", user="writer", at="2026-01-01T00:00:00Z", key=f"k{n}")
    acks.write(f"k{n}\\n")
    if n % 50 == 0:
        c.catch_up()
"""
sockets: list[str] = []


def _no_sockets(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        sockets.append(event)
        raise PermissionError(f"the demonstration may not open a socket, and something tried to: {event}")


@dataclass(slots=True)
class Week:
    """The transcript and what is asked of it, as `examples/demo.json` states them."""

    folder: Path
    asked: dict[str, Any]
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def at(cls, folder: Path | None) -> "Week":
        """The examples in that folder, else in the checkout that this file or the current folder lies in; NotFound elsewhere."""
        places = [folder] if folder else [Path("examples"), Path(__file__).parents[3] / "examples"]
        for place in places:
            if (place / "demo.json").is_file():
                asked = codec.loads((place / "demo.json").read_text(encoding="utf-8"))
                rows = map(codec.loads, (place / asked["transcript"]).read_text(encoding="utf-8").splitlines())
                return cls(place, asked, {row["id"]: row for row in rows})
        raise NotFound(f"the demonstration reads examples/demo.json, which is not in {places[0].absolute()}; run it in a checkout of Clew, or give --examples")

    @property
    def transcript(self) -> Path:
        """The file to import."""
        return self.folder / self.asked["transcript"]

    def is_gold(self, quote: Quote, gold: Sequence[str]) -> bool:
        """True when the quote is one of the lines that answer."""
        return any(quote.event.text == self.lines[id]["text"] for id in gold)


@dataclass(slots=True)
class Demo:
    """One run: the story so far, the memory, the folder that it lies in."""

    story: Story
    week: Week
    folder: Path
    c: Clew

    def found(self, question: str, gold: Sequence[str], recipe: str) -> tuple[int | None, Quote | None]:
        """The rank of the first line that answers, among the first LOOKED, and that line."""
        for rank, hit in enumerate(self.c.recall(question, user=TEAM, k=LOOKED, at=self.week.asked["asked_at"], recipe=recipe), 1):
            for quote in self.c.thread(hit.memory.id):
                if self.week.is_gold(quote, gold):
                    return rank, quote
        return None, None

    def file(self) -> Path:
        """The memory's file."""
        return self.folder / "harbour.db"


def lived(d: Demo) -> None:
    """Import the transcript as it was lived."""
    start = monotonic()
    seen, _ = imported(d.c, read(d.week.transcript), d.week.transcript.name, TEAM, as_lived=True)
    d.c.catch_up()
    taken = monotonic() - start
    events = list(d.c.log.read())
    people = sorted({e.actor for e in events if e.actor and e.kind == "message"})
    days = f"{events[0].at:%-d} to {events[-1].at:%-d %B %Y}"
    d.story.chapter("A week, imported as it was lived")
    d.story.text(f"{seen:,} lines of {len(people)} people and an agent moving a ferry company's bookings to another machine, {days}: {', '.join(people)}, and "
                 f"what the shell said. Recorded, and folded into the views of two recipes, in {taken:.1f} s.")
    again, new = imported(d.c, read(d.week.transcript), d.week.transcript.name, TEAM, as_lived=True)
    d.story.check(new == 0, f"importing it a second time read {again:,} lines and added {new}")


def questions(d: Demo) -> None:
    """Each question with its quote, and where plain BM25 had it."""
    d.story.chapter("Questions, and the words that answer them")
    asked = d.week.asked["questions"]
    ranks = []
    for number, item in enumerate(asked):
        ours, quote = d.found(item["question"], item["gold"], "clew")
        plain, _ = d.found(item["question"], item["gold"], BM25.name)
        ranks.append((ours, plain))
        if number < QUESTIONS:
            d.story.asked(item["question"])
            note = f"rank {ours or f'beyond {LOOKED}'} (plain BM25: {plain or f'beyond {LOOKED}'})"
            if quote is None:
                d.story.text(f"The line that answers is not among the first {LOOKED}: {note}.", mark="bad")
            else:
                d.story.quote(quote.text, quote.event.actor, quote.event.at, note)
    first = [sum(1 for pair in ranks if pair[i] == 1) for i in (0, 1)]
    ten = [sum(1 for pair in ranks if pair[i] and pair[i] <= 3) for i in (0, 1)]
    d.story.text(f"Of all {len(asked)} questions written down beforehand in {d.week.folder.name}/demo.json, the answering line comes")
    d.story.table(("", "clew", "plain BM25"), [("first", *first), ("among the first three", *ten)])


def silence(d: Demo) -> None:
    """What memory does not hold is not answered."""
    d.story.chapter("What it should not answer")
    absent = d.week.asked["absent"]
    answers = [(item["question"], d.c.ask(item["question"], user=TEAM, at=d.week.asked["asked_at"])) for item in absent]
    question, answer = answers[0]
    d.story.asked(question)
    if answer.text is None:
        d.story.text("Nothing in memory supports an answer.", mark="good")
    else:
        d.story.quote(answer.text, answer.quotes[0].event.actor, answer.quotes[0].event.at, "answered, and should not have been")
    silent = sum(1 for _, a in answers if a.text is None)
    answered = sum(1 for q in d.week.asked["questions"] if d.c.ask(q["question"], user=TEAM, at=d.week.asked["asked_at"]).text is not None)
    d.story.text(f"Nobody in the transcript says which. Of {len(absent)} such questions {silent} got no answer; of the {len(d.week.asked['questions'])} that can be "
                 f"answered {answered} got one.")


def two_days(d: Demo) -> None:
    """The same question as of two days."""
    d.story.chapter("What was known when")
    item = d.week.asked["as_of"]
    for when in (item["before"], item["after"]):
        at = when["at"]
        hits = d.c.recall(item["question"], user=TEAM, at=at, as_of=at, k=10)
        ranked = [(rank, quote) for rank, hit in enumerate(hits, 1) for quote in d.c.thread(hit.memory.id) if d.week.is_gold(quote, when["gold"])]
        d.story.asked(item["question"], f"as of {at[:16].replace('T', ' ')}")
        if ranked:
            d.story.quote(ranked[0][1].text, ranked[0][1].event.actor, ranked[0][1].event.at, f"rank {ranked[0][0]}")
        else:
            d.story.text("The line that was believed then is not among the first ten.", mark="bad")
    later = [q for hit in d.c.recall(item["question"], user=TEAM, as_of=item["before"]["at"], k=LOOKED) for q in d.c.thread(hit.memory.id)
             if q.event.at.isoformat() > item["before"]["at"]]
    d.story.check(not later, "asked as of the first day, nothing said after it comes back")


def killed(d: Demo) -> None:
    """A writer is killed in mid-write; what it had acknowledged is there."""
    d.story.chapter("kill -9 in mid-write")
    file, acks = d.folder / "crash.db", d.folder / "acks"
    acks.touch()
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(acks)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    until = monotonic() + 20
    while acks.stat().st_size < ACKNOWLEDGED * 5 and child.poll() is None and monotonic() < until:
        sleep(0.003)
    child.send_signal(signal.SIGKILL)
    child.wait()
    acknowledged = [line for line in acks.read_text().split("\n")[:-1]]
    with Clew(file) as c:
        c.catch_up()
        keys = [e.key for e in c.log.read() if e.key]
        sound, found = c.log.verify(), len(c.memories(user="writer", limit=10**6))
    lost, doubled = set(acknowledged) - set(keys), len(keys) - len(set(keys))
    d.story.text(f"A second process wrote notes one by one, each durable before it was acknowledged, until it was killed. Reopened: "
                 f"{len(acknowledged):,} were acknowledged, {len(keys):,} are in the log, {found:,} in the view.")
    d.story.check(not lost and not doubled and bool(sound) and bool(acknowledged), f"{len(lost)} lost, {doubled} doubled, the hash chain holds")


def forgotten(d: Demo) -> None:
    """A person is forgotten; grep sees the files before and after."""
    wish = d.week.asked["forget"]
    d.story.chapter(f"{wish['actor']} asks to be forgotten")
    request = d.week.lines[wish["request"][0]]
    asked = next((e for e in d.c.log.read() if e.text == request["text"]), None)
    if asked is not None:
        d.story.quote(asked.text, asked.actor, asked.at)
    before = _grep(d.folder, wish["words"])
    receipt = d.c.forget(actor=wish["actor"], reason="asked for it")
    left = d.c.verify_forgotten(receipt, probes=wish["words"])
    after = _grep(d.folder, wish["words"])
    d.story.code(f"grep -c -a -i WORD {' '.join(sorted(p.name for p in _files(d.folder)))}")
    d.story.table(("lines with the word, all files", "before", "after"), [(word, before[word], after[word]) for word in wish["words"]])
    d.story.text(f"{receipt.state.capitalize()}: {len(receipt.seqs)} events are blank, and {receipt.counts.get('memory', 0)} memories that rested on them are gone. "
                 f"{receipt.scanned.get('forms', 0):,} forms of the words were looked for in the bytes, {receipt.scanned.get('found', 0)} found. The log's chain "
                 f"{'still holds' if d.c.log.verify() else 'BROKE'}.")
    d.story.check(not left and not any(after.values()), "nothing that only she said is in any byte of the files")
    d.story.text(f"What others said of her is theirs; the receipt lists it: {len(receipt.mentioned_elsewhere)} events still name her.", mark="soft")


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.glob("harbour.db*") if p.is_file()]


def _grep(folder: Path, words: Sequence[str]) -> dict[str, int]:
    """What `grep -c` counts for each word, summed over the memory's files."""
    counts = {}
    for word in words:
        told = subprocess.run(["grep", "-c", "-a", "-i", "-h", word, *map(str, _files(folder))], capture_output=True, text=True, check=False).stdout
        counts[word] = sum(int(line) for line in told.split())
    return counts


def swapped(d: Demo) -> None:
    """Another memory system over the same log; and the same one rebuilt."""
    d.story.chapter("The memory system swapped, the memories rebuilt")
    item = d.week.asked["questions"][0]
    rows = []
    for name in ("clew", "verbatim"):
        with Clew(d.file(), recipes=[name]) as c:
            start = monotonic()
            old = next((g.id for g in c.generations(name) if g.state == "serving"), None)
            new = c.rebuild(name, promote=old is None)
            same = "new" if old is None else f"{sum(1 for _ in c.diff(name, old, new.id))}"
            if old is not None:
                c.drop(name, new.id)
            quotes = [q for hit in c.recall(item["question"], user=TEAM, k=LOOKED) for q in c.thread(hit.memory.id)]
            rank = next((n for n, q in enumerate(quotes, 1) if d.week.is_gold(q, item["gold"])), None)
            rows.append((f'Clew("harbour.db", recipes=["{name}"])', f"{monotonic() - start:.2f} s", same, rank or f"beyond {LOOKED}"))
    d.story.text(f"One word chooses the memory system; its memories are made anew from the log. Asked: {item['question']}")
    d.story.table(("", "rebuilt in", "rows unlike the live view", "rank"), rows)
    d.story.check(rows[0][2] == "0", "rebuilt from the log, the default recipe's memories, postings and vectors are those it had, after forgetting too")


STEPS = (lived, questions, silence, two_days, killed, forgotten, swapped)


# -- the prompt at the end --------------------------------------------------------------------------------------


def sources(d: Demo, repository: Path, file: Path | None) -> Iterator[tuple[str, str]]:
    """(user, what it is) of everything that the prompt can be asked about."""
    yield TEAM, "the week above"
    if (repository / ".git").exists():
        shallow = (repository / ".git" / "shallow").exists()
        try:
            seen, _ = imported(d.c, git_log(repository), "git", "git", as_lived=True)
            yield "git", f"this repository's history, {seen:,} commits{' (a shallow clone: older ones are not here)' if shallow else ''}"
        except ClewError as error:
            d.story.text(f"The repository's own history cannot be asked: {error}", mark="soft")
    else:
        d.story.text(f"The repository's own history cannot be asked: {repository.absolute()} is no git clone.", mark="soft")
    if file is not None:
        start = monotonic()
        seen, _ = imported(d.c, read(file), file.name, "file", as_lived=False)
        d.c.catch_up()
        yield "file", f"{file.name}, {seen:,} pieces, imported in {monotonic() - start:.1f} s"


def answered(d: Demo, question: str, known: Sequence[tuple[str, str]]) -> None:
    """The best quotes of each source, the sources as they come."""
    d.story.asked(question)
    for user, what in known:
        start = monotonic()
        hits: list[Hit] = d.c.recall(question, user=user, k=3)
        taken = (monotonic() - start) * 1000
        d.story.text(f"From {what.partition(',')[0]} ({taken:.0f} ms):", mark="soft")
        for rank, hit in enumerate(hits, 1):
            event: Event = d.c.thread(hit.memory.id)[0].event
            words = hit.memory.text if len(hit.memory.text) <= 400 else hit.memory.text[:400].rsplit(" ", 1)[0] + " ..."
            d.story.quote(words, event.actor, event.at, f"rank {rank}")
        if not hits:
            d.story.text("Nothing.", mark="soft")


def prompted(d: Demo, known: Sequence[tuple[str, str]], questions_given: Sequence[str]) -> None:
    """Answer what was given, then whatever is typed at a terminal, until an empty line."""
    for question in questions_given:
        answered(d, question, known)
    while not questions_given and sys.stdin.isatty():
        question = input("\nask (an empty line ends)> ").strip()
        if not question:
            return
        answered(d, question, known)


def demo(examples: Annotated[Path | None, typer.Option(help="The folder with demo.json and its transcript.")] = None,
         page: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("out/demo.html"),
         file: Annotated[Path | None, typer.Option(envvar="FILE", help="Any file that the prompt at the end should know too.")] = None,
         question: Annotated[list[str] | None, typer.Option("--ask", envvar="ASK", help="Asked at the end, in place of a prompt.")] = None,
         repository: Annotated[Path, typer.Option(help="The git clone whose history the prompt should know.")] = Path(".")) -> None:
    """Show what Clew promises, tried on a week of an agent and its people; no socket is opened, no model called."""
    start = monotonic()
    sys.addaudithook(_no_sockets)
    week = Week.at(examples)
    if file is not None and not file.exists():
        raise NotFound(f"there is no file {file} for the prompt; FILE= takes a chat export, notes, a transcript")
    folder = Path(tempfile.mkdtemp(prefix="clew-demo-"))
    story = Story("Clew: every memory leads back to the words", "A demonstration on one machine, with one file, no key, no server and no network.")
    try:
        with Clew(folder / "harbour.db", recipes=["clew", BM25]) as c:
            d = Demo(story, week, folder, c)
            for step in STEPS:
                step(d)
            calls = c.status()["spent"]["calls"]
            story.chapter("Ask it yourself")
            known = list(sources(d, repository, file))
            c.catch_up()
            story.text("It knows " + "; ".join(what for _, what in known) + ".")
            given = [q for q in question or () if q.strip()]
            last = f"{monotonic() - start:.1f} s, {calls} model calls, {len(sockets)} sockets opened."
            if given:
                prompted(d, known, given)
                last = f"{monotonic() - start:.1f} s, {calls} model calls, {len(sockets)} sockets opened."
            elif not sys.stdin.isatty():
                story.text("There is no terminal here: ASK='...' asks, FILE=... adds a file.", mark="soft")
            story.write(page, last)
            out.print(f"\n{last} The page: {page}", style="bold", soft_wrap=True)
            if not given:
                prompted(d, known, ())
                story.write(page, last)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mount(app: Any) -> None:
    """Give the word to the command line."""
    app.command()(demo)
