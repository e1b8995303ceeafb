"""Notes, plain text and tables."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from clew.errors import UsageError
from clew.readers.chats import NAMES, as_message
from clew.readers.files import File, Message

_FRONT = re.compile(r"---[ \t]*\n(.*?)\n?(?:---|\.\.\.)[ \t]*(?:\n|$)", re.S)
_FIELD = re.compile(r"([\w][\w -]*?)[ \t]*:(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.*)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_WIKI = re.compile(r"!?\[\[([^\[\]|#\n]+)(?:#[^\[\]|\n]*)?(?:\|[^\[\]\n]*)?\]\]")
_TAG = re.compile(r"(?<![\w#&/])#([^\W\d][\w/-]*)")
_CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]*`", re.S)
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
DATES = ("date", "created", "created_at", "updated")  # fields of a front matter that say when; the first one present is taken


MAX_LENGTH = 100_000  # characters of one document; a longer section or paragraph is cut, between lines where there are any


def read_markdown(file: File) -> Iterator[Message]:
    """One document a heading's section: the headings above it, wiki links and tags in `data`; date and author of the front matter."""
    text = file.text().replace("\r\n", "\n")
    front: dict[str, Any] = {}
    if match := _FRONT.match(text):
        front = _fields(match[1])
        text = text[match.end() :]
    about: Message = {"kind": "document"}
    stamp = next((front[name] for name in DATES if front.get(name)), None)
    if stamp is None and file.root is not None and file.zone is not None and _DAY.match(file.path.stem):
        stamp = file.path.stem  # a vault's daily note
    if at := file.moment(stamp, f"{file.name}, front matter"):
        about["at"] = at
    if author := _words(front.get("author")):
        about["actor"] = author[0][:500]
    more = {name: value for name, value in front.items() if name not in ("title", "author", "tags", *DATES) and value}
    title = next(iter(_words(front.get("title"))), file.path.stem)
    yield from sectioned(text, title, about, file, _words(front.get("tags")), more)


def sectioned(
    text: str, title: str, about: Message, file: File, tags: Sequence[str] = (), front: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[Message]:
    """A document of each section of Markdown, with what `about` says of all; `data` has its tags and the notes it links to."""
    said = False
    for path, body in _sections(text):
        data = {"title": path[-1] if path else title, "file": file.name}
        if len(path) > 1:
            data["under"] = " > ".join(path[:-1])
        for piece in pieces(body):
            plain = _CODE.sub(" ", piece)  # a `#` in there is no tag
            links = dict.fromkeys(name.strip() for name in _WIKI.findall(plain))
            marks = {"links": list(links), "tags": list(dict.fromkeys([*tags, *_TAG.findall(plain)])), "front": dict(front)}
            told = data | {name: found for name, found in marks.items() if found}
            said = True
            yield about | {"content": piece, "data": told}
    if not said:
        file.skip(file.name, "no words")


def _fields(text: str) -> dict[str, Any]:
    """A front matter as far as notes use it: texts, and lists in brackets or one item a line."""
    found: dict[str, Any] = {}
    name = ""
    for line in text.split("\n"):
        if match := _FIELD.match(line):
            name, value = match[1].lower(), (match[2] or "").strip()
            listed = value.startswith("[") and value.endswith("]") and not value.startswith("[[")
            found[name] = [_unquoted(part) for part in value[1:-1].split(",") if part.strip()] if listed else _unquoted(value)
        elif name and (match := _ITEM.match(line)):
            found[name] = [*(found[name] if isinstance(found[name], list) else []), _unquoted(match[1])]
    return found


def _unquoted(value: str) -> str:
    return value.strip().strip("'\"")


def _words(value: Any) -> list[str]:
    """The texts of a field that holds one or a list of them."""
    return [text.lstrip("#") for text in (value if isinstance(value, list) else [value]) if text]


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
    for paragraph in re.split(r"\n[ \t]*\n\s*", file.text().replace("\r\n", "\n").strip()):
        for piece in pieces(paragraph):
            yield {"content": piece, "kind": "document", "data": {"file": file.name}}


def pieces(text: str) -> Iterator[str]:
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
        filled = ((f"{file.name}, line {rows.line_num}", row) for row in rows if any(cell.strip() for cell in row))
        yield from file.each(filled, lambda where, row: _row(header, row, rows.line_num, file, where))
    except csv.Error as error:
        raise UsageError(f"{file.path}: line {rows.line_num} is not CSV ({error}); close every quote") from error


def _row(header: list[str], row: list[str], line: int, file: File, where: str) -> Iterator[Message]:
    if len(row) != len(header):
        raise UsageError(f"{file.path}: line {line} has {len(row)} columns, the header has {len(header)}")
    item: dict[str, Any] = {name.lower(): cell for name, cell in zip(header, row, strict=True) if cell.strip()}
    if any(name in item for name in NAMES["content"]):
        yield as_message(item, file, where)
    else:
        told = "\n".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=True) if cell.strip())
        yield as_message(item | {"content": told, "kind": "document"}, file, where) | {"data": {"file": file.name, **item}}
