"""PDF and Office documents, by pypdf, python-docx, python-pptx and openpyxl: a page, a section, a slide, a row at a time."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from clew.errors import MissingExtra, UsageError
from clew.readers.documents import pieces, sectioned
from clew.readers.files import File, Message

try:
    import docx
    import openpyxl
    import pptx
    import pypdf
    from docx.table import Table
    from lxml.etree import LxmlError
    from openpyxl.utils import get_column_letter
    from pypdf.errors import PyPdfError
except ImportError as missing:
    raise MissingExtra("documents", f"a PDF or Office document (without {missing.name})") from missing

T = TypeVar("T")
LARGEST = 1 << 30  # bytes of a document, unpacked; a larger one is refused as a bomb
# What the libraries raise at a file that is not as it should be; they name no common ancestor.
BROKEN = (
    PyPdfError,
    LxmlError,
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
)


def _guarded(file: File, where: str, act: Callable[[], T]) -> T:
    try:
        return act()
    except BROKEN as error:
        raise UsageError(f"{where}: it cannot be read ({type(error).__name__}: {str(error)[:200]}); save {file.name} anew") from error


def _about(file: File, author: Any, *moments: Any) -> Message:
    """Who wrote a document and when, as it says itself; a time without a zone counts only where one was given."""
    out: Message = {"kind": "document"}
    if author and str(author).strip():
        out["actor"] = str(author).strip()[:500]
    when = next((m for m in moments if isinstance(m, datetime)), None)
    if when is not None and (when.utcoffset() is not None or file.zone is not None) and 2 <= when.year <= 9998:
        out["at"] = file.moment(when.isoformat(), file.name)
    return out


def read_pdf(file: File) -> Iterator[Message]:
    """One document a page; a page without text (a scan) is told of."""
    pdf = _guarded(file, file.name, lambda: pypdf.PdfReader(file.path))
    if _guarded(file, file.name, lambda: pdf.is_encrypted and not pdf.decrypt("")):
        raise UsageError(f"{file.name} is encrypted; save a copy without a password")
    meta = _guarded(file, file.name, lambda: pdf.metadata)
    about = _about(file, meta and meta.author, *((_dated(meta, "modification_date"), _dated(meta, "creation_date")) if meta else ()))
    title = (meta and meta.title) or file.path.stem

    def page(where: str, number: int) -> Iterator[Message]:
        text = _guarded(file, where, lambda: pdf.pages[number - 1].extract_text()).strip()
        if not text:
            file.skip(where, "a page without text: a scan, or empty")
        for piece in pieces(text):
            yield about | {"content": piece, "data": {"file": file.name, "title": str(title), "page": number}}

    count = _guarded(file, file.name, lambda: len(pdf.pages))
    yield from file.each(((f"{file.name}, page {n}", n) for n in range(1, count + 1)), page)


def _dated(meta: Any, name: str) -> datetime | None:
    try:
        return getattr(meta, name)
    except BROKEN:
        return None


def _unpacked(file: File) -> None:
    size = _guarded(file, file.name, lambda: sum(info.file_size for info in zipfile.ZipFile(file.path).infolist()))
    if size > LARGEST:
        raise UsageError(f"{file.name} unpacks to {size:,} bytes; that is no document")


def read_docx(file: File) -> Iterator[Message]:
    """One document a heading's section, as with Markdown; tables as lines of cells."""
    _unpacked(file)
    word = _guarded(file, file.name, lambda: docx.Document(str(file.path)))
    core = word.core_properties
    about = _about(file, core.author, *(_utc(moment) for moment in (core.modified, core.created)))
    text = _guarded(file, file.name, lambda: "\n\n".join(line for block in word.iter_inner_content() for line in _block(block)))
    yield from sectioned(text, core.title or file.path.stem, about, file)


def _utc(moment: Any) -> Any:
    """Office keeps these times in UTC; its libraries do not say so."""
    return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) and moment.utcoffset() is None else moment


def _block(block: Any) -> Iterator[str]:
    if isinstance(block, Table):
        yield "\n".join(" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in block.rows)
        return
    text, style = block.text.strip(), (block.style.name or "") if block.style is not None else ""
    if text:
        level = style.rpartition(" ")[2] if style.startswith("Heading ") else "1" if style == "Title" else ""
        yield f"{'#' * min(int(level), 6)} {' '.join(text.split())}" if level.isdigit() else f"- {text}" if "List" in style else text


def read_pptx(file: File) -> Iterator[Message]:
    """One document a slide: its texts, its tables, and the speaker's notes."""
    _unpacked(file)
    show = _guarded(file, file.name, lambda: pptx.Presentation(str(file.path)))
    core = show.core_properties
    about = _about(file, core.author, *(_utc(moment) for moment in (core.modified, core.created)))

    def slide(where: str, item: tuple[int, Any]) -> Iterator[Message]:
        number, shown = item
        lines = _guarded(file, where, lambda: list(_shapes(shown.shapes)))
        notes = _guarded(file, where, lambda: shown.notes_slide.notes_text_frame.text.strip() if shown.has_notes_slide else "")
        text = "\n".join([*lines, *([f"Notes: {notes}"] if notes else [])])
        if not text.strip():
            file.skip(where, "a slide without text")
        for piece in pieces(text):
            data = {"file": file.name, "title": lines[0].split("\n")[0] if lines else file.path.stem, "slide": number}
            yield about | {"content": piece, "data": data}

    slides = _guarded(file, file.name, lambda: list(show.slides))
    yield from file.each(((f"{file.name}, slide {n}", (n, each)) for n, each in enumerate(slides, 1)), slide)


def _shapes(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if getattr(shape, "shapes", None) is not None:
            yield from _shapes(shape.shapes)
        elif getattr(shape, "has_table", False):
            yield "\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in shape.table.rows)
        elif shape.has_text_frame and shape.text_frame.text.strip():
            yield shape.text_frame.text.strip()


def read_xlsx(file: File) -> Iterator[Message]:
    """One document a row, as "column: value" lines under the sheet's first row; values as they were last calculated."""
    _unpacked(file)
    book = _guarded(file, file.name, lambda: openpyxl.load_workbook(file.path, read_only=True, data_only=True))
    core = book.properties
    about = _about(file, core.creator, *(_utc(moment) for moment in (core.modified, core.created)))
    try:
        for sheet in book.worksheets:
            header: list[str] = []
            rows = enumerate(sheet.iter_rows(values_only=True), 1)
            while found := _guarded(file, f"{file.name}, sheet {sheet.title}", lambda rows=rows: next(rows, None)):
                number, row = found
                cells = [_cell(value) for value in row]
                if not any(cells):
                    continue
                if not header:
                    header = [cell or get_column_letter(n) for n, cell in enumerate(cells, 1)]
                    continue
                names = [*header, *(get_column_letter(n) for n in range(len(header) + 1, len(cells) + 1))]
                text = "\n".join(f"{name}: {cell}" for name, cell in zip(names, cells) if cell)
                data = {"file": file.name, "sheet": sheet.title, "row": number}
                yield about | {"content": text, "data": data}
    finally:
        book.close()


def _cell(value: Any) -> str:
    if isinstance(value, (datetime, timedelta)) or hasattr(value, "isoformat"):
        return str(value).removesuffix(" 00:00:00")
    return "" if value is None else str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
