"""What a task's words give to type, and the forms in which a field may want it: plain, in other letters, as dates and times are written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”')
_DATE, _TIME = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), re.compile(r"(\d{1,2}):(\d{2}) ?([AaPp][Mm])")
_VALUE = re.compile(r"[\w@][\w@./:'’-]*")
_SPAN = re.compile(r"(\d+) seconds?\b")
_BOUND = re.compile(
    r"\b(?:(start|begin|end)(?:s|ing|ning)? (?:with|in|by)|(contain|includ)(?:s|es|ing)?) (?:the )?(?:letters? |words? |text )?"
    r'(?:"([^"]+)"|“([^”]+)”|([A-Z][\w-]*))'
)
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
ORDINALS = {
    word: n
    for n, pair in enumerate(("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th"), 1)
    for word in pair.split()
}


@dataclass(frozen=True, slots=True)
class Date:
    """A day that a task names, as it names it."""

    text: str
    year: int
    month: int  # 1 to 12
    day: int


def values(task: str) -> list[str]:
    """What in a task may have to be typed: what it quotes; else words with digits or capitals, and runs of them; in its order."""
    quoted = [a or b for a, b in _QUOTED.findall(task)]
    if quoted:
        return list(dict.fromkeys(quoted))
    found, run = list[str](), list[tuple[int, int]]()
    for i, match in enumerate([*_VALUE.finditer(task), None]):
        said = "" if match is None else match[0].rstrip(".'’:")
        if match is not None and (any(c.isdigit() for c in said) or (i and said[:1].isupper())):
            run.append((match.start(), match.start() + len(said)))
            if len(said) == len(match[0]):
                continue  # a word that ends with a full stop or a colon is the last of its run
        if run:
            parts = [p for p in re.split(r"\s*,\s+", task[run[0][0] : run[-1][1]]) if p]
            found += [task[run[0][0] : run[-1][1]], *(parts if len(parts) > 1 else [])]
        run = []
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Part:
    """What a task says of something that it does not name whole: its beginning, its end, or what it holds."""

    value: str
    where: str  # start, end or within

    def of(self, text: str) -> bool:
        """Whether a text has it where it should be."""
        whole, part = text.lower(), self.value.lower()
        return part in whole if self.where == "within" else whole.endswith(part) if self.where == "end" else whole.startswith(part)


def parts(task: str) -> list[Part]:
    """The parts by which a task tells what is to be chosen, in its order."""
    places = {"start": "start", "begin": "start", "end": "end"}
    return [Part(m[3] or m[4] or m[5], places.get(m[1], "within")) for m in _BOUND.finditer(task)]


def forms(value: str) -> list[tuple[str, str]]:
    """(how, what) a value may have to be written otherwise: as fields for dates and times take it, in capitals, in small letters."""
    if date := _DATE.fullmatch(value):
        return [("as a date", f"{date[3]}-{int(date[1]):02d}-{int(date[2]):02d}")]
    if time := _TIME.fullmatch(value):
        return [("as a time", f"{int(time[1]) % 12 + 12 * (time[3].lower() == 'pm'):02d}:{time[2]}")]
    other = [("in capitals", value.upper()), ("in small letters", value.lower()), ("with a capital", value.capitalize())]
    return [(how, what) for n, (how, what) in enumerate(other) if what not in (value, *(w for _, w in other[:n]))]


def dates(task: str) -> list[Date]:
    """The days that a task names in figures, in its order."""
    return [Date(m[0], int(m[3]), int(m[1]), int(m[2])) for m in _DATE.finditer(task) if 1 <= int(m[1]) <= 12]


def pauses(task: str) -> list[str]:
    """The spans of time, in seconds, that a task names."""
    return list(dict.fromkeys(_SPAN.findall(task)))


def ordinal(told: Sequence[str], place: int, nouns: frozenset[str]) -> str:
    """The word of a task that says `place`-th, counted from 1, of things called one of the nouns; "" where it says none."""
    for i, word in enumerate(told):
        if ORDINALS.get(word) == place and nouns & {w.rstrip("s") for w in told[i + 1 : i + 3]}:
            return word
    return ""


def counted(told: Sequence[str], nouns: frozenset[str]) -> bool:
    """Whether a task says of things called one of the nouns which of several it means, by their order."""
    return any(word in ORDINALS and nouns & {w.rstrip("s") for w in told[i + 1 : i + 3]} for i, word in enumerate(told))
