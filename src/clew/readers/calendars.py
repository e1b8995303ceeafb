"""Calendars (.ics): appointments, tasks and journal entries, one component in memory at a time."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clew.errors import UsageError
from clew.readers.derived import stamp
from clew.readers.files import File, Message

KINDS = ("VEVENT", "VTODO", "VJOURNAL")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LINE = re.compile(r'([\w-]+)((?:;[\w-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)', re.S)
_PARAM = re.compile(r';([\w-]+)=(?:"([^"]*)"|([^";]*))')
_ESCAPE = re.compile(r"\\(.)", re.S)

Field = tuple[dict[str, str], str]  # (parameters, value) of a line
Part = dict[str, list[Field]]


def read_ics(file: File) -> Iterator[Message]:
    """One document an entry: what, when (with its own zone), where, with whom; a rule of repetition is told, not carried out.

    An entry counts as of its beginning. Anybody may send an invitation, so none is believed more than a document.
    """
    zones: dict[str, Any] = {}

    def one(where: str, found: tuple[str, Part]) -> Iterator[Message]:
        kind, part = found
        if kind == "VTIMEZONE":
            zones[_value(part, "TZID")] = part["#"]
        elif kind == "VCALENDAR":
            zones[""] = _value(part, "X-WR-TIMEZONE")
        elif kind in KINDS:
            yield from _entry(kind, part, zones, file, where)
        elif kind == "?":
            raise UsageError(f"{where}: {_value(part, 'LINE')[:60]!r} is no line of a calendar; it should be NAME:VALUE")
        else:
            file.skip(where, f"a component {kind}")

    yield from file.each(_components(file), one)


def _components(file: File) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Each component with the line where it begins; a zone holds its observances under `#`, the calendar's own fields come first."""
    open_: list[tuple[str, int, Any]] = []
    for number, line in _unfolded(file):
        match = _LINE.fullmatch(line)
        if match is None:
            yield f"{file.name}, line {number}", ("?", {"LINE": [({}, line)]})
            continue
        name, value = match[1].upper(), match[3]
        if name == "BEGIN":
            open_.append((value.upper(), number, {"#": []}))
        elif name == "END" and open_:
            kind, start, part = open_.pop()
            if open_ and open_[-1][0] == "VTIMEZONE":
                open_[-1][2]["#"].append((kind, part))
            elif kind != "VCALENDAR" and not (open_ and open_[-1][0] in KINDS):  # an entry's own alarm is no entry
                yield f"{file.name}, line {start}", (kind, part)
        elif open_:
            params = {m[1].upper(): m[2] if m[2] is not None else m[3] for m in _PARAM.finditer(match[2])}
            open_[-1][2].setdefault(name, []).append((params, value))
            if name == "X-WR-TIMEZONE":
                yield f"{file.name}, line {number}", ("VCALENDAR", open_[-1][2])
    for kind, start, _ in open_[1:]:
        file.refuse(f"{file.name}, line {start}", UsageError(f"{file.name}, line {start}: the {kind} has no end; the file is cut off"))


def _unfolded(file: File) -> Iterator[tuple[int, str]]:
    """The lines with their number; one that begins with a space goes on from the one before, within a character even."""
    held, start = b"", 1
    for number, raw in enumerate(file.raw(), 1):
        if raw[:1] in (b" ", b"\t"):
            held += raw[1:].rstrip(b"\r\n")
            continue
        if held.strip():
            yield start, held.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        held, start = raw.rstrip(b"\r\n"), number
    if held.strip():
        yield start, held.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _value(part: Mapping[str, list[Field]], name: str) -> str:
    """The first value of that name, with its escapes resolved."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], part[name][0][1]).strip() if part.get(name) else ""


def _people(part: Mapping[str, list[Field]], name: str) -> list[str]:
    return [(params.get("CN") or re.sub("^mailto:", "", value, flags=re.I)).strip() for params, value in part.get(name, [])]


def _entry(kind: str, part: Part, zones: Mapping[str, Any], file: File, where: str) -> Iterator[Message]:
    start, end = (_when(part[name][0], zones, file, where) if part.get(name) else None for name in ("DTSTART", "DTEND"))
    due = _when(part["DUE"][0], zones, file, where) if part.get("DUE") else None
    noted = next((_when(part[n][0], zones, file, where) for n in ("CREATED", "LAST-MODIFIED", "DTSTAMP") if part.get(n)), None)
    who = _people(part, "ATTENDEE")
    lasts = f" to {end[1]}" if end else f" for {_value(part, 'DURATION')}" if part.get("DURATION") else ""
    told = {
        "When": start[1] + lasts if start else "",
        "Due": due[1] if due else "",
        "Repeats": _value(part, "RRULE"),
        "Where": _value(part, "LOCATION"),
        "With": ", ".join(who),
        "Status": _value(part, "STATUS").capitalize() if _value(part, "STATUS") not in ("", "CONFIRMED") else "",
    }
    lines = [_value(part, "SUMMARY") or kind[1:].capitalize(), *(f"{name}: {value}" for name, value in told.items() if value)]
    text = "\n".join(lines) + (f"\n\n{words}" if (words := _value(part, "DESCRIPTION")) else "")
    out: Message = {"content": text, "kind": "document"}
    out["key"] = f"ics:{_value(part, 'UID')[:300]}:{_value(part, 'RECURRENCE-ID')}:{stamp(text)}"[:500]
    if at := start or due or noted:
        out["at"] = at[0]
    if organizer := _people(part, "ORGANIZER"):
        out["actor"] = organizer[0][:500]
    data = {"uid": _value(part, "UID"), "start": start and start[0], "end": end and end[0], "noted": noted and noted[0], "attendees": who}
    data |= {"rule": _value(part, "RRULE"), "location": _value(part, "LOCATION"), "categories": _value(part, "CATEGORIES")}
    yield out | {"current": bool(data["uid"]), "data": {"file": file.name} | {name: value for name, value in data.items() if value}}


def _when(field: Field, zones: Mapping[str, Any], file: File, where: str) -> tuple[str, str]:
    """(the instant in ISO 8601, how the entry itself tells it) of a date or a time."""
    params, text = field
    try:
        whole = len(text) == 8
        when = datetime.strptime(text.rstrip("Z"), "%Y%m%d" if whole else "%Y%m%dT%H%M%S")
    except ValueError as error:
        raise UsageError(f"{where}: {text!r} is not a time of a calendar; it should be 20260520T100000Z") from error
    name = params.get("TZID") or ("" if text.endswith("Z") else str(zones.get("") or ""))
    zone = UTC if text.endswith("Z") else _zone(name, zones, when) if name else None
    said = when.strftime("%A %Y-%m-%d" if whole else "%A %Y-%m-%d %H:%M")
    at = file.moment((when if zone is None else when.replace(tzinfo=zone)).isoformat(), where) or ""
    return at, said if whole or zone is None else f"{said} ({'UTC' if zone is UTC else name})"


def _zone(name: str, zones: Mapping[str, Any], when: datetime) -> tzinfo | None:
    """The zone of that name: one that everybody knows, or as the calendar defines it."""
    try:
        return ZoneInfo(name.removeprefix("/").split("/", 1)[1] if name.startswith("/") else name)
    except (ZoneInfoNotFoundError, ValueError, OSError, IndexError):
        begun = [(onset, part) for _, part in zones.get(name, ()) if (onset := _onset(part, when)) is not None and onset <= when]
        found = max(begun, key=lambda pair: pair[0], default=None)
        offset = _value(found[1], "TZOFFSETTO") if found else ""
        return timezone(datetime.strptime(offset[:5], "%z").utcoffset() or timedelta(0)) if re.match(r"[+-]\d{4}", offset) else None


def _onset(part: Part, when: datetime) -> datetime | None:
    """When a zone's observance last began before that moment, by its rule of the year."""
    try:
        first = datetime.strptime(_value(part, "DTSTART"), "%Y%m%dT%H%M%S")
    except ValueError:
        return None
    rule = dict(each.split("=", 1) for each in _value(part, "RRULE").split(";") if "=" in each)
    match = re.fullmatch(r"([+-]?\d)([A-Z]{2})", rule.get("BYDAY", ""))
    if match is None or match[2] not in DAYS or not rule.get("BYMONTH", "").isdigit():
        return first
    for year in (when.year, when.year - 1):
        opening = datetime(year, int(rule["BYMONTH"]), 1, first.hour, first.minute)
        days = [opening + timedelta(n) for n in range(31) if (opening + timedelta(n)).month == opening.month]
        found = [day for day in days if day.weekday() == DAYS.index(match[2])]
        nth = int(match[1])
        onset = found[nth if nth < 0 else nth - 1] if -len(found) <= nth <= len(found) else found[-1]
        if onset <= when:
            return onset
    return first
