"""Mail: the messages of an mbox file, one in memory at a time."""

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from clew.readers.files import File, Message

_FROM = re.compile(rb"From (?:\S+ +)?\w{3} \w{3} +\d+ \d\d:\d\d")  # the line before a mail where no blank one precedes it
_QUOTED = re.compile(rb"^>(>*From )", re.M)


def read_mbox(file: File) -> Iterator[Message]:
    """One message a mail: who wrote it, when, its subject and its text; a thread is a session.

    Anybody may write a mail, so none is believed more than a document.
    """
    yield from file.each(_mails(file), lambda where, raw: _mail(raw, file, where))


def _mails(file: File) -> Iterator[tuple[str, bytes]]:
    """Each mail as it stands there, behind a line that begins with `From `."""
    lines: list[bytes] = []
    count, blank = 0, True
    for raw in file.raw():
        if (blank and raw.startswith(b"From ")) or _FROM.match(raw):
            if lines:
                yield f"{file.name}, mail {count}", b"".join(lines)
            lines, count = [], count + 1
        elif count:
            lines.append(raw)
        blank = not raw.strip(b"\r\n")
    if lines:
        yield f"{file.name}, mail {count}", b"".join(lines)


def _mail(raw: bytes, file: File, where: str) -> Iterator[Message]:
    mail = email.message_from_bytes(_QUOTED.sub(rb"\1", raw))
    for part in mail.walk():
        if part.get_filename() or part.get_content_disposition() == "attachment":
            file.skip(where, "an attachment")
    subject, body = _header(mail, "Subject"), _body(mail).strip()
    content = f"{subject}\n\n{body}".strip()
    if not content:
        return file.skip(where, "no words")
    name, address = parseaddr(_header(mail, "From"))
    ident = _header(mail, "Message-ID").strip("<> ")
    thread = (_header(mail, "References") or _header(mail, "In-Reply-To")).split()
    out: Message = {"content": content, "role": "user", "kind": "message", "trust": "document"}
    out["key"] = ident[:500] or file.key(where.rpartition(" ")[2], content)
    out["session"] = (thread[0].strip("<>") if thread else ident)[:500] or file.name
    if name or address:
        out["actor"] = (name or address)[:500]
    if at := _sent(mail):
        out["at"] = at
    elif mail.get("Date"):
        file.skip(where, "a date that cannot be read: the mail comes without one")
    yield out | {"data": {"subject": subject, "from": address, "to": _header(mail, "To")}}


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
