"""The lifecycle benchmark on real values: readings and settings of Apollo 13 that change, found in its transcript by rules.

A series is one value over time: a rule finds the lines that state it, and the gold of every question is the line's own words.
Only lines that state exactly one value by their rule count. No word of the transcript is in this file but names of instruments.
"""

import gzip
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from clew.arena.lifecycle_script import Ask, Say, Script, Step
from clew.errors import UsageError

FOLDER = "apollo13"
FILE = "air_to_ground.jsonl"
MISSION = "user-apollo"
AROUND = 15  # lines kept before and after each line that states a value
LONGEST = 420  # characters: longer lines state many things
CREW = frozenset({"CDR", "CMP", "LMP", "SC"})
GROUND = frozenset({"CC"})
NAMES = frozenset({"Joe", "Vance", "Jack"})


@dataclass(frozen=True, slots=True)
class Series:
    """One value that changes: who says it, how it is found in a line, and how it is asked for."""

    name: str
    speakers: frozenset[str]
    rule: str  # its first group that matched is the value
    asks: tuple[str, ...]
    also: str = ""  # a line must match this too
    form: str = "{}"  # how the value stands in an answer
    doubt: str = ""  # a line of these speakers, however long, that matches this may state the value in a form that the rule does not read


SERIES = (
    Series(
        "battery charging volts",
        CREW,
        r"(?i)(?:\b(3[4-9]\.\d) (?:on the )?volts|volt(?:s|age)(?:, \w+,)?(?: is| are|,)*,? (3[4-9]\.\d)|volts and amps: (3[4-9]\.\d))",
        ("What are the volts that the crew reads with the amps?", "How many volts does the crew read, with the amps?"),
        also=r"(?i)^(?!.*\bbus).*\b(?:amps?|zip)\b",
        doubt=r"(?i)^(?=.*\bamps?\b)(?=.*\bvolt).*\d",
    ),
    Series(
        "battery charging amps",
        CREW,
        r"(?i)(?:\b([12]\.\d+) (?:on the )?amps|amps(?: is| are|,)*,? ([12]\.\d+))",
        ("What are the amps that the crew reads with the volts?", "How many amps does the crew read, with the volts?"),
        also=r"(?i)volt",
        doubt=r"(?i)^(?=.*\bamps?\b)(?=.*\bvolt).*\d",
    ),
    Series(
        "omni antenna",
        GROUND,
        r"\bOMNI (Alfa|Bravo|Charlie|Delta)\b",
        ("Which OMNI antenna did Houston ask for?", "What OMNI should be selected?"),
        form="OMNI {}",
        doubt=r"\bOMNI\W+(?:[A-D]\b|Able|Baker|Dog|Alfa|Bravo|Charlie|Delta)",
    ),
    Series(
        "ignition time",
        GROUND,
        r"NOUN 33:?,? (?:is |of )?(\d{3}:\d\d:\d\d\.\d\d)",
        ("What is NOUN 33, the time of ignition, in the maneuver pad?", "What NOUN 33 did Houston read up?"),
    ),
    Series(
        "high gain pitch",
        GROUND,
        r"(?i)high[ -]gain[^.]{0,60}pitch(?: of|,)? ((?:minus|plus) \d+)\b",
        ("What pitch should the high gain antenna have?", "What is the high gain antenna's pitch angle?"),
        doubt=r"(?i)high[ -]gain[^?]*\d",
    ),
    Series("velocity", GROUND, r"(?i)velocity (?:is |of )?(?:about )?(\d[\d,]{2,}\d)", ("What velocity did Houston tell the crew?",)),
    Series("rcs total", GROUND, r"(?i)\bRCS (?:total )?(?:is )?(\d{4}|\d{3})\b", ("What is the RCS total?",), also="(?i)quad"),
    Series("oxygen tank", CREW, r"(?i)O<sub>2</sub> tank (?:number )?1[^.]{0,40}?(\d{3})\b", ("What does O2 tank 1 pressure read?",)),
)


def read(path: Path) -> list[dict[str, Any]]:
    """The transcript's lines in order, from a file or the folder that holds one; UsageError where there is none."""
    files = [path] if path.is_file() else sorted(path.glob(f"{FILE.removesuffix('.jsonl')}*.jsonl*"))
    if not files:
        raise UsageError(f"there is no {FILE} at {path}; the Apollo 13 part of the lifecycle needs it")
    opener: Callable[..., Any] = gzip.open if files[0].suffix == ".gz" else open
    with opener(files[0], "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def found() -> Path | None:
    """The transcript's folder below $CLEW_DATA; None where it is absent."""
    root = os.environ.get("CLEW_DATA")
    path = Path(root) / FOLDER if root else None
    return path if path is not None and path.exists() else None


def stated(series: Series, lines: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """(place in `lines`, value) of every line that states exactly one value of the series."""
    rule, places = re.compile(series.rule), []
    for place, line in enumerate(lines):
        text = line["text"]
        if line["speaker"] not in series.speakers or len(text) > LONGEST or not re.search(series.also, text):
            continue
        values = {next(group for group in match.groups() if group) for match in rule.finditer(text)}
        if len(values) == 1:
            places.append((place, series.form.format(values.pop())))
    return places


def doubtful(series: Series, lines: Sequence[Mapping[str, Any]], places: Sequence[tuple[int, str]]) -> list[int]:
    """Places of lines that may state a value of the series in a form that its rule does not read."""
    understood, doubt = {place for place, _ in places}, re.compile(series.doubt)
    return [
        place
        for place, line in enumerate(lines)
        if series.doubt and place not in understood and line["speaker"] in series.speakers and doubt.search(line["text"])
    ]


_ADDRESS = re.compile(r"^(?:Okay|Roger|Hey|Yes|All right|Thank you)[,.] (Joe|Vance|Jack|Ken|Charlie|Deke)\b[.,]")


def capcom(lines: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """(place, name) of every line in which the crew addresses the ground by name.

    Jack is both a CAPCOM and the command module pilot, so it counts only when that pilot says it.
    """
    places = []
    for place, line in enumerate(lines):
        match = _ADDRESS.match(line["text"])
        if match and line["speaker"] in CREW and match[1] in NAMES and (match[1] != "Jack" or line["speaker"] == "CMP"):
            places.append((place, match[1]))
    return places


def otherwise(lines: Sequence[Mapping[str, Any]], places: Sequence[tuple[int, str]]) -> list[int]:
    """Places of lines in which the crew addresses the ground by another name than the last of `places` before them."""
    found, standing = [], dict(places)
    name = ""
    for place, line in enumerate(lines):
        name = standing.get(place, name)
        spoken = _ADDRESS.match(line["text"]) if line["speaker"] in CREW else None
        if spoken and spoken[1] != name:
            found.append(place)
    return found


def script(seed: int, path: Path) -> Script:
    """One script over the lines around every stated value, with questions for now, for then and for what was known."""
    lines, chance = read(path), random.Random(f"apollo {seed}")
    all_series = [(series.name, series.asks, places := stated(series, lines), doubtful(series, lines, places)) for series in SERIES]
    called = _settled(capcom(lines))
    asked = ("Who is CAPCOM?", "What is the name of the CAPCOM that the crew talks to?")
    all_series.append(("capcom", asked, _thinned(called), otherwise(lines, called)))
    all_series = [series for series in all_series if len({v for _, v in series[2]}) > 1]
    wanted = {p for _, _, places, _ in all_series for place, _ in places for p in range(place - AROUND, place + AROUND + 1)}
    keys = {place: f"a13-{seed}-{line['id']}" for place, line in enumerate(lines)}
    steps: list[Step] = [
        Say(keys[place], MISSION, line["text"], line["at"].replace("Z", "+00:00"), line["speaker"])
        for place, line in enumerate(lines)
        if place in wanted and line["text"].strip()
    ]
    end = datetime.fromisoformat(lines[-1]["at"]) + timedelta(hours=1)
    for name, asks, places, doubt in all_series:
        for kind, at, known, right in _asked(places, doubt, lines, chance):
            number = sum(isinstance(step, Ask) for step in steps)
            text = chance.choice(asks)
            gold = places[right][1]
            mine = tuple(keys[place] for place, value in _stretch(places, right) if value == gold)
            wrong = tuple(dict.fromkeys(value for _, value in places if value != gold))
            valid = None if at is None else at.isoformat()
            spoken = text if at is None else f"As of {at.day} April 1970, {at:%H:%M}: {text}"
            place = None if known is None else keys[known]
            steps.append(
                Ask(f"a13-{seed}-q{number}", f"{name}, {kind}", MISSION, text, end.isoformat(), gold, mine, wrong, valid, place, spoken)
            )
    return Script(f"apollo-{seed}", "apollo", tuple(steps))


def _settled(places: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Addresses whose two neighbours on each side name the same person: a name called in passing is left out."""
    return [p for i, p in enumerate(places) if {q[1] for q in places[max(0, i - 2) : i + 3]} == {p[1]}]


def _thinned(places: Sequence[tuple[int, str]], most: int = 3) -> list[tuple[int, str]]:
    """Of every row of statements of one value the first and last few: the crew says its CAPCOM's name hundreds of times."""
    rows = [list(row) for _, row in groupby(places, key=lambda place: place[1])]
    return [place for row in rows for place in (row if len(row) <= 2 * most else [*row[:most], *row[-most:]])]


def _stretch(places: Sequence[tuple[int, str]], right: int) -> list[tuple[int, str]]:
    """The statements in a row around one that state the same value: any of them is evidence."""
    low = high = right
    while low > 0 and places[low - 1][1] == places[right][1]:
        low -= 1
    while high + 1 < len(places) and places[high + 1][1] == places[right][1]:
        high += 1
    return list(places[low : high + 1])


def _asked(
    places: Sequence[tuple[int, str]], doubt: Sequence[int], lines: Sequence[Mapping[str, Any]], chance: random.Random
) -> Iterator[tuple[str, datetime | None, int | None, int]]:
    """(kind, valid at, place known, index of the right statement): the newest, and up to four moments of each sort.

    Nothing is asked of a moment before which a line of `doubt` came after the statement: it may have changed the value.
    """
    last = len(places) - 1
    ends = [place for place, _ in places[1:]] + [len(lines)]
    clear = [not any(places[i][0] < place < ends[i] for place in doubt) for i in range(len(places))]
    if clear[last]:
        yield "now", None, None, last
    held = [i for i in range(last) if clear[i]]
    for right in chance.sample(held, min(4, len(held))):
        begin, end = (datetime.fromisoformat(lines[places[i][0]]["at"]) for i in (right, right + 1))
        if end > begin:
            yield "valid at", begin + (end - begin) / 2, None, right
    for right in chance.sample(range(last), min(4, last)):
        yield "as of", None, places[right][0], right
