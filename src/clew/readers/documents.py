"""Notes, plain text, tables and mail."""

import csv
import io
import mailbox
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

from clew.errors import UsageError
from clew.readers.chats import NAMES, as_message
from clew.readers.files import File, Message

_FRONT = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.S)
_FIELD = re.compile(r"([\w-]+)[ \t]*:[ \t]*(.*)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")


MAX_LENGTH = 100_000  # characters of one document; a longer section or paragraph is cut, between lines where there are any


def read_markdown(file: File) -> Iterator[Message]:
    """One document a heading's section, with the headings above it in `data`; the date and author of the front matter."""
    text = file.text().replace("\r\n", "\n")
    front: dict[str, str] = {}
    if match := _FRONT.match(text):
        front = {m[1].lower(): m[2].strip().strip("'\"") for m in map(_FIELD.match, match[1].splitlines()) if m}
        text = text[match.end() :]
    about: Message = {"kind": "document"}
    stamp = next((front[name] for name in ("date", "created", "created_at", "updated") if front.get(name)), None)
    if at := file.moment(stamp, f"{file.name}, front matter"):
        about["at"] = at
    if front.get("author"):
        about["actor"] = front["author"][:500]
    title = front.get("title") or file.path.stem
    for path, body in _sections(text):
        data = {"title": path[-1] if path else title, "file": file.name}
        if len(path) > 1:
            data["under"] = " > ".join(path[:-1])
        for piece in _pieces(body):
            yield about | {"content": piece, "key": file.key(" > ".join(path), piece), "data": data}


def _sections(text: str) -> Iterator[tuple[list[str], str]]:
    """(headings from the top down, text with its own heading) of each section with more to it than the heading."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in [*text.split("\n"), None]:
        heading = _HEADING.match(line) if line is not None and not fence else None
        if line is not None and (mark := _FENCE.match(line)) and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        if heading or line is None:
            body = "\n".join(lines).strip()
            if body and not (path and len(body.split("\n")) == 1 and _HEADING.match(body)):
                yield [name for _, name in path], body
            lines = []
        if heading:
            path = [p for p in path if p[0] < len(heading[1])] + [(len(heading[1]), heading[2] or "-")]
        if line is not None:
            lines.append(line)


def read_text(file: File) -> Iterator[Message]:
    """One document a paragraph; a blank line ends a paragraph."""
    for n, paragraph in enumerate(re.split(r"\n[ \t]*\n\s*", file.text().replace("\r\n", "\n").strip()), 1):
        for piece in _pieces(paragraph):
            yield {"content": piece, "kind": "document", "key": file.key(n, piece), "data": {"file": file.name}}


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most MAX_LENGTH characters, none of them blank."""
    start = 0
    while start < len(text):
        end = start + MAX_LENGTH
        if end < len(text):
            line = text.rfind("\n", start + 1, end + 1)
            end = line if line > 0 else end
        piece = text[start:end].strip("\n")
        if piece.strip():
            yield piece
        start = end


def delimiter(head: str) -> str | None:
    """The character between the columns of a table, or None where the first lines are no table."""
    lines = [line for line in head.splitlines()[:5] if line.strip()]
    for mark in ("\t", ",", ";", "|"):
        widths = {len(row) for row in csv.reader(lines, delimiter=mark)}
        if len(lines) > 1 and len(widths) == 1 and widths.pop() > 1:
            return mark
    return None


def read_csv(file: File) -> Iterator[Message]:
    """One message a row where a column is called text, content or body; else one document a row: "column: value" lines."""
    text = file.text()
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text[:8000]) or ",", strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if len(set(header)) < len(header) or not all(header):
            raise UsageError(f"{file.path}: line 1 must name each column once, got {header[:12]}")
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{file.name}, line {rows.line_num}"
            if len(row) != len(header):
                raise UsageError(f"{file.path}: line {rows.line_num} has {len(row)} columns, the header has {len(header)}")
            item: dict[str, Any] = {name.lower(): cell for name, cell in zip(header, row, strict=True) if cell.strip()}
            if any(name in item for name in NAMES["content"]):
                yield as_message(item, file, where)
            else:
                told = "\n".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=True) if cell.strip())
                yield as_message(item | {"content": told, "kind": "document"}, file, where) | {"data": {"file": file.name, **item}}
    except csv.Error as error:
        raise UsageError(f"{file.path}: line {rows.line_num} is not CSV ({error}); close every quote") from error


def read_mbox(file: File) -> Iterator[Message]:
    """One message a mail: who wrote it, when, its subject and its text; a thread is a session."""
    box = mailbox.mbox(file.path, create=False)
    try:
        for n, mail in enumerate(box, 1):
            subject, body = _header(mail, "Subject"), _body(mail).strip()
            content = f"{subject}\n\n{body}".strip()
            if not content:
                continue
            name, address = parseaddr(_header(mail, "From"))
            ident = _header(mail, "Message-ID").strip("<> ")
            thread = (_header(mail, "References") or _header(mail, "In-Reply-To")).split()
            out: Message = {"content": content, "role": "user", "kind": "message", "key": ident[:500] or file.key(n, content)}
            out["session"] = (thread[0].strip("<>") if thread else ident)[:500] or file.name
            if name or address:
                out["actor"] = (name or address)[:500]
            if at := _sent(mail):
                out["at"] = at
            yield out | {"data": {"subject": subject, "from": address, "to": _header(mail, "To")}}
    finally:
        box.close()


def _header(mail: Mail, name: str) -> str:
    value = mail.get(name)
    try:
        return " ".join(str(make_header(decode_header(str(value)))).split()) if value is not None else ""
    except (
        HeaderParseError,
        LookupError,
        ValueError,
    ):  # a charset or encoding that does not exist: the raw words are better than none
        return " ".join(str(value).split())


def _sent(mail: Mail) -> str | None:
    """The date of a mail; RFC 5322 says that -0000 is UTC of an unknown place. An unreadable date is no date."""
    try:
        when = parsedate_to_datetime(_header(mail, "Date"))
    except (ValueError, TypeError, IndexError):
        return None
    return when.isoformat() + ("+00:00" if when.utcoffset() is None else "")


def _body(mail: Mail) -> str:
    """The plain text of a mail, or the words of its HTML; attachments are left out."""
    found: dict[str, str] = {}
    for part in mail.walk():
        sort = part.get_content_type()
        if sort in ("text/plain", "text/html") and sort not in found and part.get_content_disposition() != "attachment":
            raw = part.get_payload(decode=True)
            data = raw if isinstance(raw, bytes) else b""
            try:
                found[sort] = data.decode(part.get_content_charset() or "utf-8", "replace")
            except LookupError:
                found[sort] = data.decode("utf-8", "replace")
    if "text/plain" in found or "text/html" not in found:
        return found.get("text/plain", "")
    words = _Words()
    words.feed(found["text/html"])
    return re.sub(r"\n\s*\n+", "\n\n", "".join(words.kept))


class _Words(HTMLParser):
    """The text of an HTML page without its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins a line; scripts and styles hide what is in them."""
        self.hidden += tag in ("script", "style")
        self.kept.append("\n" if tag in ("p", "br", "div", "li", "tr") else "")

    def handle_endtag(self, tag: str) -> None:
        """The end of a script or style."""
        self.hidden -= tag in ("script", "style") and self.hidden > 0

    def handle_data(self, data: str) -> None:
        """Words, where they are shown."""
        if not self.hidden:
            self.kept.append(data)
