"""Each promise of Clew, tried on a week of an agent and its people: what `clew demo` tells before its prompt."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from clew.cli.page import Story
from clew.cli.writing import imported
from clew.engine import Clew
from clew.errors import NotFound
from clew.operators import retrieve
from clew.readers import read
from clew.recipe import load
from clew.types import Quote

TEAM = "harbour"  # the user under whose name the week is imported
BM25 = load("verbatim").variant("bm25", retrieve=retrieve.bm25, embeds=frozenset())  # the plain control: the same turns, words alone
QUESTIONS = 5  # shown with their quotes, in the file's order; all of them are counted
LOOKED = 50  # ranks past this one are told as "beyond"
ACKNOWLEDGED = 400  # writes that the child must have had acknowledged before it is killed
WRITER = """
import sys
def no_sockets(event, _):
    if event.startswith("socket."):
        raise PermissionError(event)
sys.addaudithook(no_sockets)
from clew import Clew
c, acks = Clew(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
for n in range(10**9):
    c.record(f"note {n} about subject {n % 17}", user="writer", at="2026-01-01T00:00:00Z", key=f"k{n}")
    acks.write(f"k{n}\\n")
    if n % 50 == 0:
        c.catch_up()
"""


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
                asked = json.loads((place / "demo.json").read_text(encoding="utf-8"))
                rows = map(json.loads, (place / asked["transcript"]).read_text(encoding="utf-8").splitlines())
                return cls(place, asked, {row["id"]: row for row in rows})
        missing = places[0].absolute() / "demo.json"
        raise NotFound(f"the demonstration reads {missing}, which is not there; run it in a checkout of Clew, or give --examples")

    @property
    def transcript(self) -> Path:
        """The file to import."""
        return self.folder / self.asked["transcript"]

    def is_gold(self, quote: Quote, gold: Sequence[str]) -> bool:
        """True when the quote is of one of the lines that answer."""
        return any(quote.event.text == self.lines[id]["text"] for id in gold)


@dataclass(slots=True)
class Trial:
    """One run: the story so far, the transcript, the folder of its files, the memory."""

    story: Story
    week: Week
    folder: Path
    c: Clew

    def found(
        self, question: str, gold: Sequence[str], recipe: str = "clew", k: int = LOOKED, **clocks: Any
    ) -> tuple[int | None, Quote | None]:
        """The rank of the first line that answers among the first k, and that line; (None, None) where it is not among them."""
        for rank, hit in enumerate(self.c.recall(question, user=TEAM, k=k, recipe=recipe, **clocks), 1):
            for quote in self.c.thread(hit.memory.id):
                if self.week.is_gold(quote, gold):
                    return rank, quote
        return None, None

    def files(self) -> list[Path]:
        """The memory's file and those that SQLite keeps beside it."""
        return sorted(p for p in self.folder.glob("harbour.db*") if p.is_file())


def lived(t: Trial) -> None:
    """Import the transcript as it was lived."""
    start = monotonic()
    seen, _ = imported(t.c, read(t.week.transcript), t.week.transcript.name, TEAM, as_lived=True)
    t.c.catch_up()
    taken = monotonic() - start
    events = list(t.c.log.read())
    people = sorted({e.actor for e in events if e.actor and e.kind == "message"})
    t.story.chapter("A week, imported as it was lived")
    t.story.text(
        f"{seen:,} lines from {events[0].at:%A} to {events[-1].at:%A}, {events[-1].at:%B %Y}: a ferry company moves its "
        f"bookings to another machine. The voices are {', '.join(people[:-1])} and {people[-1]}, one of them an agent, and "
        f"what the shell printed. Recorded and folded into the views of two recipes in {taken:.1f} s."
    )
    again, new = imported(t.c, read(t.week.transcript), t.week.transcript.name, TEAM, as_lived=True)
    t.story.check(new == 0, f"importing it a second time read {again:,} lines and added {new}")


def questions(t: Trial) -> None:
    """Each question with its quote, and where plain BM25 had it."""
    asked = t.week.asked["questions"]
    at = t.week.asked["asked_at"]
    t.story.chapter("Questions, and the words that answer them")
    ranks = []
    for number, item in enumerate(asked):
        ours, quote = t.found(item["question"], item["gold"], at=at)
        plain, _ = t.found(item["question"], item["gold"], BM25.name, at=at)
        ranks.append((ours, plain))
        if number < QUESTIONS:
            t.story.asked(item["question"])
            note = f"rank {ours or f'beyond {LOOKED}'} (plain BM25: {plain or f'beyond {LOOKED}'})"
            if quote is None:
                t.story.text(f"The line that answers is not among the first {LOOKED}: {note}.", mark="bad")
            else:
                t.story.quote(quote.text, quote.event.actor, quote.event.at, note)
    first = [sum(1 for pair in ranks if pair[i] == 1) for i in (0, 1)]
    third = [sum(1 for pair in ranks if (pair[i] or LOOKED) <= 3) for i in (0, 1)]
    t.story.text(f"Of all {len(asked)} questions that were written down with the transcript, the line that answers comes:")
    t.story.table(("", "clew", "plain BM25"), [("first", *first), ("among the first three", *third)])


def silence(t: Trial) -> None:
    """What memory does not hold is not answered."""
    t.story.chapter("What it should not answer")
    absent, at = t.week.asked["absent"], t.week.asked["asked_at"]
    answers = [t.c.ask(item["question"], user=TEAM, at=at) for item in absent]
    t.story.asked(absent[0]["question"])
    if answers[0].text is None:
        t.story.text("Nothing in memory supports an answer.", mark="good")
    else:
        t.story.quote(
            answers[0].text,
            answers[0].quotes[0].event.actor,
            answers[0].quotes[0].event.at,
            "this is no answer: it should be silent",
        )
    silent = sum(1 for answer in answers if answer.text is None)
    known = t.week.asked["questions"]
    given = [(item, t.c.ask(item["question"], user=TEAM, at=at)) for item in known]
    answered = sum(1 for _, answer in given if answer.text is not None)
    right = sum(1 for item, answer in given if any(t.week.is_gold(quote, item["gold"]) for quote in answer.quotes))
    t.story.text(
        f"The transcript does not say. Of {len(absent)} such questions {silent} got no answer; of the {len(known)} that it "
        f"does answer, {answered} got one, {right} of them with the right line."
    )


def two_days(t: Trial) -> None:
    """The same question as of two days."""
    item = t.week.asked["as_of"]
    t.story.chapter("What was known when")
    for when in (item["before"], item["after"]):
        rank, quote = t.found(item["question"], when["gold"], at=when["at"], as_of=when["at"], k=10)
        t.story.asked(item["question"], f"as of {when['at'][:16].replace('T', ' ')}")
        if quote is None:
            t.story.text("The line that was believed then is not among the first ten.", mark="bad")
        else:
            t.story.quote(quote.text, quote.event.actor, quote.event.at, f"rank {rank}")
    first_day = t.c.recall(item["question"], user=TEAM, as_of=item["before"]["at"], k=LOOKED)
    later = [q for hit in first_day for q in t.c.thread(hit.memory.id) if q.event.at.isoformat() > item["before"]["at"]]
    t.story.check(not later, f"asked as of the first day, none of the first {len(first_day)} hits was said after it")


def killed(t: Trial) -> None:
    """A writer is killed in mid-write; what it had acknowledged is there."""
    t.story.chapter("kill -9 in mid-write")
    file, acks = t.folder / "crash.db", t.folder / "acks"
    acks.touch()
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(file), str(acks)])
    until = monotonic() + 20
    while acks.stat().st_size < ACKNOWLEDGED * len("k100\n") and child.poll() is None and monotonic() < until:
        sleep(0.003)
    child.send_signal(signal.SIGKILL)
    child.wait()
    acknowledged = acks.read_text().split("\n")[:-1]  # a line without its end was not acknowledged
    with Clew(file) as c:
        c.catch_up()
        keys = [e.key for e in c.log.read() if e.key]
        sound, found = c.log.verify(), len(c.memories(user="writer", limit=10**6))
    lost, doubled = set(acknowledged) - set(keys), len(keys) - len(set(keys))
    t.story.text(
        "A second process wrote notes one by one, each durable before it was acknowledged, until it was killed. Reopened: "
        f"{len(acknowledged):,} were acknowledged, {len(keys):,} are in the log, {found:,} in the view."
    )
    t.story.check(not lost and not doubled and sound and bool(acknowledged), f"{len(lost)} lost, {doubled} doubled, the hash chain holds")


def forgotten(t: Trial) -> None:
    """A person is forgotten; grep sees the files before and after."""
    wish = t.week.asked["forget"]
    t.story.chapter(f"{wish['actor']} asks to be forgotten")
    request = t.week.lines[wish["request"][0]]
    for event in t.c.log.read():
        if event.text == request["text"]:
            t.story.quote(event.text, event.actor, event.at)
    before = _grep(t.files(), wish["words"])
    receipt = t.c.forget(actor=wish["actor"], reason="asked for it")
    left = t.c.verify_forgotten(receipt, probes=wish["words"])
    after = _grep(t.files(), wish["words"])
    t.story.code(f"grep -c -a -i WORD {' '.join(p.name for p in t.files())}")
    t.story.table(("lines with the word, in all files", "before", "after"), [(word, before[word], after[word]) for word in wish["words"]])
    t.story.text(
        f"{len(receipt.seqs)} events are blank, and the views were folded again without them. Of {receipt.scanned['forms']:,} "
        f"forms of the words, {receipt.scanned['found']} were found in the bytes afterwards; the receipt says: {receipt.state}. "
        f"What others said of a person is theirs: {len(receipt.mentioned_elsewhere)} events that give the name are listed in it."
    )
    gone = receipt.state == "erased" and not left and not any(after.values()) and t.c.log.verify()
    t.story.check(gone, "none of these words is left in any byte, and the log's hash chain still holds")


def _grep(files: Sequence[Path], words: Sequence[str]) -> dict[str, int]:
    """What the operating system's `grep -c` counts for each word, summed over the files."""
    counts = {}
    for word in words:
        command = ["grep", "-c", "-a", "-i", "-h", word, *map(str, files)]
        told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}).stdout
        counts[word] = sum(int(line) for line in told.split())
    return counts


def swapped(t: Trial) -> None:
    """Another memory system over the same log; and the same one rebuilt."""
    t.story.chapter("The memory system swapped, the memories rebuilt")
    item = t.week.asked["questions"][0]
    rows = []
    for name in ("clew", "verbatim"):
        with Clew(t.folder / "harbour.db", recipes=[name]) as c:
            start = monotonic()
            old = next((g.id for g in c.generations(name) if g.state == "serving"), None)
            new = c.rebuild(name, promote=old is None)
            taken = monotonic() - start
            unlike = "new" if old is None else str(sum(1 for _ in c.diff(name, old, new.id)))
            if old is not None:
                c.drop(name, new.id)
            rank, _ = Trial(t.story, t.week, t.folder, c).found(item["question"], item["gold"], name)
            rows.append((f'Clew("harbour.db", recipes=["{name}"])', f"{taken:.2f} s", unlike, rank or f"beyond {LOOKED}"))
    t.story.text(f"One word chooses the memory system; its memories are made anew from the log. Asked: {item['question']}")
    t.story.table(("", "rebuilt in", "rows unlike the live view", "rank"), rows)
    t.story.check(rows[0][2] == "0", "what was rebuilt beside the live view equals it row by row: memories, postings, vectors")


FIRST = (lived, questions, silence, two_days)  # then what `standing` tells
LAST = (killed, forgotten, swapped)
