"""Vaults of notes, calendars, mail, PDF and Office documents: each section, entry, page and row with its place."""

import gzip
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clew.errors import MissingExtra, UsageError
from clew.readers import Left, read

EXTRA = "the extra [documents] is not installed"
NOTE = """---
title: The garden
date: 2026-03-02T09:00:00+00:00
author: Ana
tags: [plants, "#outdoors"]
aliases:
  - Plot
  - The beds
status: growing
---
See [[Seeds|what to sow]] and ![[plan.png]] #spring

# North
Peas stand by [[Fence#Gate]], see `[[not this]]` and a#b.
```
#nor [[this]]
```
"""


def vault(folder: Path) -> Path:
    (folder / "home").mkdir()
    (folder / "work").mkdir()
    (folder / ".obsidian").mkdir()
    (folder / "home" / "Garden.md").write_text(NOTE, encoding="utf-8")
    (folder / "home" / "Notes.md").write_text("Milk and bread\n", encoding="utf-8")
    (folder / "work" / "Notes.md").write_text("Milk and bread\n", encoding="utf-8")
    (folder / "2026-03-05.md").write_text("Sowed the peas.\n", encoding="utf-8")
    (folder / "said.jsonl").write_text('{"content": "hello", "actor": "Ben"}\n', encoding="utf-8")
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    (folder / ".obsidian" / "app.json").write_text("{}", encoding="utf-8")
    (folder / "away.md").symlink_to(folder / "home" / "Notes.md")
    return folder


def test_a_vault_is_read_note_by_note_with_its_links_and_tags(tmp_path: Path) -> None:
    left: list[Left] = []
    day, garden, north, home, said, work = read(vault(tmp_path), tz="Europe/Lisbon", left=left.append)
    assert (day["content"], day["at"]) == ("Sowed the peas.", "2026-03-05T00:00:00+00:00")
    assert garden["data"] == {
        "title": "The garden",
        "file": "home/Garden.md",
        "links": ["Seeds", "plan.png"],
        "tags": ["plants", "outdoors", "spring"],
        "front": {"aliases": ["Plot", "The beds"], "status": "growing"},
    }
    assert (garden["actor"], garden["at"]) == ("Ana", "2026-03-02T09:00:00+00:00")
    assert north["data"]["links"] == ["Fence"] and north["data"]["tags"] == ["plants", "outdoors"]
    assert (home["data"]["file"], work["data"]["file"]) == ("home/Notes.md", "work/Notes.md") and home["key"] != work["key"]
    assert (said["actor"], said["content"]) == ("Ben", "hello")
    assert {one.where: one.why for one in left} == {"away.md": "a symbolic link", "photo.png": "a file that no reader is for"}


def test_a_broken_file_in_a_folder_does_not_keep_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    (tmp_path / "b.md").write_text("whole", encoding="utf-8")
    left: list[Left] = []
    assert [m["content"] for m in read(tmp_path, left=left.append)] == ["whole"]
    assert [(one.where, one.broken) for one in left] == [("a.md", True)] and "not UTF-8" in left[0].why
    with pytest.raises(UsageError, match="not UTF-8"):
        list(read(tmp_path))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a folder with no file in it"):
        read(tmp_path)


CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:House Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:u1
SUMMARY:Dentist\\, again
DTSTART;TZID=Europe/Lisbon:20260702T100000
DTEND;TZID=Europe/Lisbon:20260702T113000
LOCATION:Long street
  name
ORGANIZER;CN="Ana: B":mailto:ana@example.org
ATTENDEE:mailto:ben@example.org
DESCRIPTION:Bring\\nthe x-rays
BEGIN:VALARM
TRIGGER:-PT15M
DESCRIPTION:ring
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:u2
SUMMARY:Board
STATUS:CANCELLED
RRULE:FREQ=WEEKLY
DTSTART;TZID=House Time:20260702T100000
DURATION:PT1H
END:VEVENT
BEGIN:VTODO
UID:u3
SUMMARY:Pay the gas
DUE:20260703T080000Z
END:VTODO
BEGIN:VFREEBUSY
UID:u4
END:VFREEBUSY
BEGIN:VEVENT
UID:u5
SUMMARY:Holiday
DTSTART;VALUE=DATE:20260801
END:VEVENT
END:VCALENDAR
"""


def test_a_calendar_gives_its_entries_with_their_own_zones(tmp_path: Path) -> None:
    path = tmp_path / "house.ics"
    path.write_bytes(CALENDAR.replace("\n", "\r\n").encode())
    left: list[Left] = []
    dentist, board, gas = read(path, left=left.append)
    assert dentist["content"] == (
        "Dentist, again\nWhen: Thursday 2026-07-02 10:00 (Europe/Lisbon) to Thursday 2026-07-02 11:30 (Europe/Lisbon)\n"
        "Where: Long street name\nWith: ben@example.org\n\nBring\nthe x-rays"
    )
    assert (dentist["at"], dentist["actor"], dentist["kind"]) == ("2026-07-02T10:00:00+01:00", "Ana: B", "document")
    assert board["at"] == "2026-07-02T10:00:00+02:00" and "for PT1H" in board["content"] and "Status: Cancelled" in board["content"]
    assert board["data"]["rule"] == "FREQ=WEEKLY" and (gas["at"], gas["content"].split("\n")[0]) == (
        "2026-07-03T08:00:00+00:00",
        "Pay the gas",
    )
    assert [(one.broken, one.where) for one in left] == [(False, "house.ics, line 46"), (True, "house.ics, line 49")]
    assert "no time zone" in left[1].why and "2026-08-01" in list(read(path, tz="UTC"))[-1]["at"]


@pytest.mark.parametrize(("month", "offset"), [(1, "+01:00"), (3, "+01:00"), (4, "+02:00"), (10, "+02:00"), (11, "+01:00")])
def test_a_zone_that_a_calendar_defines_itself_knows_summer_from_winter(tmp_path: Path, month: int, offset: str) -> None:
    path = tmp_path / "a.ics"
    path.write_text(CALENDAR.replace("TZID=House Time:20260702", f"TZID=House Time:2026{month:02}10"), encoding="utf-8")
    assert list(read(path, tz="UTC"))[1]["at"].endswith(offset)


def test_a_calendar_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.ics"
    path.write_text(CALENDAR[: CALENDAR.index("UID:u2")] + "no line\n", encoding="utf-8")
    left: list[Left] = []
    assert len(list(read(path, left=left.append))) == 1
    assert ["no line of a calendar" in left[0].why, "cut off" in left[1].why, len(left)] == [True, True, 2]


def letter(number: int, **headers: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Ana B <ana@example.org>", f"Letter {number}"
    mail["Date"], mail["Message-ID"] = "Tue, 05 May 2026 10:00:00 +0100", f"<{number}@example.org>"
    mail.set_content("From here it is far.\n" if number == 2 else f"Words {number}\n")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    if number == 3:
        mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    return b"From ana@example.org Tue May  5 10:00:00 2026\n" + bytes(mail).replace(b"\nFrom ", b"\n>From ") + b"\n"


@pytest.mark.parametrize("packed", [False, True])
def test_mail_is_read_letter_by_letter_packed_or_not(tmp_path: Path, packed: bool) -> None:
    whole = letter(1) + letter(2, In_Reply_To="<1@example.org>") + letter(3)
    path = tmp_path / ("all.mbox.gz" if packed else "all.mbox")
    path.write_bytes(gzip.compress(whole, mtime=0) if packed else whole)
    left: list[Left] = []
    one, two, three = read(path, left=left.append)
    assert (one["content"], one["actor"], one["at"], one["key"]) == (
        "Letter 1\n\nWords 1",
        "Ana B",
        "2026-05-05T10:00:00+01:00",
        "1@example.org",
    )
    assert two["content"].endswith("From here it is far.") and two["session"] == "1@example.org"
    assert (three["content"], left) == ("Letter 3\n\nWords 3", [Left(f"{path.name}, mail 3", "an attachment", False)])
    assert {m["trust"] for m in (one, two, three)} == {"document"}


def pdf(folder: Path, *pages: str) -> Path:
    """A PDF of one line a page, as small as one can be written by hand."""
    found = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    found.append(b"<</Author(Ana)/Title(The house)/CreationDate(D:20260301100000+01'00')>>")
    kids = []
    for page in pages:
        drawn = f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET".encode() if page else b""
        found.append(b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn))
        found.append(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>" % len(found))
        kids.append(b"%d 0 R" % len(found))
    found[1] = found[1] % (b" ".join(kids), len(kids))
    out, places = b"%PDF-1.4\n", []
    for n, one in enumerate(found, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (n, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R/Info 4 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(found) + 1, table, len(found) + 1, len(out),
    )  # fmt: skip
    path = folder / "house.pdf"
    path.write_bytes(out)
    return path


def test_a_pdf_gives_a_document_a_page(tmp_path: Path) -> None:
    pytest.importorskip("pypdf", reason=EXTRA)
    pytest.importorskip("docx", reason=EXTRA)
    left: list[Left] = []
    first, third = read(pdf(tmp_path, "The roof leaks", "", "The cellar is dry"), left=left.append)
    assert (first["content"], first["kind"], first["actor"], first["at"]) == (
        "The roof leaks",
        "document",
        "Ana",
        "2026-03-01T10:00:00+01:00",
    )
    assert (third["content"], third["data"]) == ("The cellar is dry", {"file": "house.pdf", "title": "The house", "page": 3})
    assert [(one.where, one.broken) for one in left] == [("house.pdf, page 2", False)]


def test_a_damaged_pdf_or_document_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name in ("pypdf", "docx", "pptx", "openpyxl"):
        pytest.importorskip(name, reason=EXTRA)
    path = pdf(tmp_path, "The roof leaks")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match=r"house\.pdf.*cannot be read"):
        list(read(path))
    for kind in ("docx", "pptx", "xlsx"):
        (tmp_path / f"a.{kind}").write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(UsageError, match="cannot be read"):
            list(read(tmp_path / f"a.{kind}", kind=kind))


def test_a_word_document_gives_a_document_a_section(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx", reason=EXTRA)
    pytest.importorskip("pypdf", reason=EXTRA)
    word = docx.Document()
    word.core_properties.author, word.core_properties.title = "Ana", "The house"
    word.core_properties.modified = datetime(2026, 3, 1, 10, tzinfo=UTC).replace(tzinfo=None)
    word.add_paragraph("Before all.")
    word.add_heading("Roof", 1)
    word.add_heading("Tiles", 2)
    word.add_paragraph("Forty are broken.")
    table = word.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "tile", "40"
    word.save(str(tmp_path / "house.docx"))
    before, tiles = read(tmp_path / "house.docx")
    assert (before["content"], before["data"]["title"], before["actor"]) == ("Before all.", "The house", "Ana")
    assert (tiles["content"], tiles["at"]) == ("## Tiles\n\nForty are broken.\n\ntile | 40", "2026-03-01T10:00:00+00:00")
    assert tiles["data"] == {"title": "Tiles", "file": "house.docx", "under": "Roof"}


def test_a_presentation_gives_a_document_a_slide(tmp_path: Path) -> None:
    pptx = pytest.importorskip("pptx", reason=EXTRA)
    for name in ("pypdf", "docx"):
        pytest.importorskip(name, reason=EXTRA)
    show = pptx.Presentation()
    for words in ("The roof", ""):
        slide = show.slides.add_slide(show.slide_layouts[5])
        slide.shapes.title.text = words
    show.slides[0].notes_slide.notes_text_frame.text = "Say it slowly"
    show.save(str(tmp_path / "house.pptx"))
    left: list[Left] = []
    (roof,) = read(tmp_path / "house.pptx", left=left.append)
    assert roof["content"] == "The roof\nNotes: Say it slowly" and roof["data"]["slide"] == 1
    assert [one.where for one in left] == ["house.pptx, slide 2"]


def test_a_workbook_gives_a_document_a_row(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason=EXTRA)
    for name in ("pypdf", "docx", "pptx"):
        pytest.importorskip(name, reason=EXTRA)
    book = openpyxl.Workbook()
    book.active.title = "costs"
    for row in (["what", "when", "euros"], ["tiles", datetime(2026, 3, 1), 40.0], [None, None, None], ["paint", None, 12.5]):
        book.active.append(row)
    book.save(tmp_path / "house.xlsx")
    tiles, paint = read(tmp_path / "house.xlsx")
    assert tiles["content"] == "what: tiles\nwhen: 2026-03-01\neuros: 40" and tiles["data"] == {
        "file": "house.xlsx",
        "sheet": "costs",
        "row": 2,
    }
    assert (paint["content"], paint["data"]["row"]) == ("what: paint\neuros: 12.5", 4)


def test_without_the_extra_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    try:
        found = list(read(pdf(tmp_path, "The roof leaks")))
    except MissingExtra as error:
        assert "pip install 'clew[documents]'" in str(error)
        left: list[Left] = []
        assert list(read(tmp_path, left=left.append)) == [] and left[0].broken and "clew[documents]" in left[0].why
    else:
        assert len(found) == 1


_LINES = st.sampled_from(
    [
        *CALENDAR.splitlines(),
        "BEGIN:VEVENT",
        "END:VEVENT",
        " folded",
        "DTSTART:2026",
        'SUMMARY;X="a:b":c',
        "---",
        "[[a]]",
        "From a",
        "\x00",
        "",
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_LINES, max_size=30), st.sampled_from(["ics", "mbox", "markdown"]), st.booleans())
def test_lines_in_any_order_are_read_or_told_but_never_crash(tmp_path_factory: Any, lines: list[str], kind: str, listening: bool) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    try:
        assert all({"content", "kind", "key"} <= set(m) for m in read(path, kind=kind, left=(lambda _: None) if listening else None))
    except UsageError as error:
        assert "a.txt" in str(error)
