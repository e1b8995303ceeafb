"""A troubleshooting guide as text: its steps, their code blocks, their sentences, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEADING = re.compile(r"^(?P<marks>#{1,6})\s+Step\s+(?P<number>\d+(?:\.\d+)*)\b\s*(?:[-:.–—)]\s*)?(?P<title>.*?)\s*$", re.I)
_OPEN = re.compile(r"^\s*<(?P<name>[A-Z][A-Z_]*_?\d+)>\s*$")
_FENCE = re.compile(r"^\s*```\s*(?P<language>\w*)\s*$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`<])")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|approx)\.$")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code in a step: fenced, or between `<PLUGIN_1>` and `</PLUGIN_1>`."""

    name: str  # PLUGIN_1; "" for a fenced one
    language: str  # as the fence says; "" where nothing says
    code: str
    line: int  # of the code's first line, from 1
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a step's prose, without Markdown's emphasis. Sentences of one paragraph share its number."""

    text: str
    line: int
    paragraph: int
    item: bool = False  # a list's item
    heading: str = ""  # the sub-heading it stands under


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered section."""

    number: str  # as written: 2, 2.1
    title: str
    line: int
    level: int  # of the heading
    sentences: tuple[Sentence, ...]
    blocks: tuple[Block, ...]

    @property
    def id(self) -> str:
        """The node's id: Step2, Step2.1."""
        return f"Step{self.number}"

    @property
    def prose(self) -> str:
        """All sentences."""
        return " ".join(s.text for s in self.sentences)


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide, read."""

    title: str
    text: str
    steps: tuple[Step, ...]

    def step(self, id: str) -> Step | None:
        """The step of that id, if there is one."""
        return next((s for s in self.steps if s.id == id), None)


def read(text: str) -> Guide:
    """The guide's steps in the order of the text; what stands before the first one belongs to none."""
    lines = text.splitlines()
    starts = [(i, m) for i, inside in _fenced(lines) if not inside and (m := HEADING.match(lines[i]))]
    title = next((line.lstrip("# ").strip() for line in lines if line.startswith("# ") and not HEADING.match(line)), "")
    steps = []
    for place, (at, match) in enumerate(starts):
        end = starts[place + 1][0] if place + 1 < len(starts) else len(lines)
        blocks, prose = _blocks(lines, at + 1, end)
        steps.append(Step(match["number"], match["title"], at + 1, len(match["marks"]), tuple(_sentences(prose)), tuple(blocks)))
    return Guide(title, text, tuple(steps))


def _fenced(lines: list[str]) -> Iterator[tuple[int, bool]]:
    inside = False
    for i, line in enumerate(lines):
        inside = inside != bool(_FENCE.match(line))
        yield i, inside


def _blocks(lines: list[str], start: int, end: int) -> tuple[list[Block], list[tuple[int, str]]]:
    """(code blocks, the other lines with their numbers from 1). A block that is never closed ends with its step."""
    blocks, prose, at = [], [], start
    while at < end:
        tag, fence = _OPEN.match(lines[at]), _FENCE.match(lines[at])
        if tag is None and fence is None:
            prose.append((at + 1, lines[at]))
            at += 1
            continue
        mark = f"</{tag['name']}>" if tag else "```"
        close = next((i for i in range(at + 1, end) if lines[i].strip() == mark), None)
        stop = end if close is None else close
        name, language = (tag["name"], "sql") if tag else ("", fence["language"] if fence else "")
        blocks.append(Block(name, language.lower(), "\n".join(lines[at + 1 : stop]), at + 2, close is not None))
        at = stop + 1
    return blocks, prose


def _sentences(prose: list[tuple[int, str]]) -> Iterator[Sentence]:
    paragraph, heading = 0, ""
    for number, line in prose:
        bare = re.sub(r"<!--.*?-->", "", line).strip()
        if not bare:
            paragraph += 1
            continue
        if bare.startswith("#"):
            heading, paragraph = bare.lstrip("# "), paragraph + 1
            continue
        item = re.match(r"^(?:[-*+]|\d+[.)])\s+", bare)
        if item:
            paragraph, bare = paragraph + 1, bare[item.end() :]
        held = ""
        for part in _SENTENCE.split(re.sub(r"\*\*|__", "", bare)):
            held = f"{held} {part}".strip()
            if not _ABBREVIATION.search(held):
                yield Sentence(held, number, paragraph, item is not None, heading)
                held = ""
        if held:
            yield Sentence(held, number, paragraph, item is not None, heading)
