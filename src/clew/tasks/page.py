"""Pages as values: the key by which a place is known again, whether anything on it changed, and its form as text.

The text form has AutoDroid's five kinds, one element a line (button, checkbox, input, p, scroller), and goes back with the last.
"""

import hashlib
import re
from collections.abc import Iterable
from html import escape

from clew.tasks.graph import Element, Page

SHOWN = 50  # characters of an element's text in the text form (AutoDroid)
BLOCK = 8  # longest run of elements, such as the cells of a row, that is known as one when it repeats
FORMS = {
    **dict.fromkeys(("button", "link", "option", "shape", "image", "command"), "button"),
    **dict.fromkeys(("checkbox", "radio"), "checkbox"),
    **dict.fromkeys(("input", "select", "slider"), "input"),
    "scroller": "scroller",
}
_DIGITS = re.compile(r"\d+")


def page_key(place: str, shape: Iterable[str]) -> str:
    """Sixteen hex digits of where a page is (title, address) and of its elements' kinds and paths, in order.

    Numbers are left out and repeated rows count once, so that the same page with other words, another list or other
    values in its fields has the same key.
    """
    parts = [_DIGITS.sub("", place), *_folded([_DIGITS.sub("", s) for s in shape])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def page_state(page: Page) -> str:
    """Sixteen hex digits of everything that a page shows, values and words too: another means that something has changed."""
    parts = [page.key, page.title, page.text, *[f"{e.kind}\t{e.text}\t{e.checked}\t{e.value}" for e in page.elements]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def page_text(elements: Iterable[Element], back: bool = True) -> str:
    """One line an element; the number is its id, which an action names."""
    lines = [_line(e) for e in elements]
    return "\n".join([*lines, "<button id=back>go back</button>"] if back else lines)


def _line(element: Element) -> str:
    form = FORMS.get(element.kind, "p")
    state = ""
    if element.checked is not None:
        state = f" checked={str(element.checked).lower()}"
    if element.value:
        state += f' value="{escape(element.value[:SHOWN])}"'
    return f"<{form} id={element.id}{state}>{escape(element.text[:SHOWN], quote=False)}</{form}>"


def _folded(parts: list[str]) -> list[str]:
    """The list with every block of up to BLOCK items that follows itself told once."""
    for size in range(1, BLOCK + 1):
        found, at = list[str](), 0
        while at < len(parts):
            block = parts[at : at + size]
            found += block
            at += size
            while len(block) == size and parts[at : at + size] == block:
                at += size
        if len(found) < len(parts):
            return _folded(found)
        # Blocks may begin at any place: where the first try finds none, the others do.
        for start in range(1, size):
            for i in range(start, len(parts) - 2 * size + 1, size):
                if parts[i : i + size] == parts[i + size : i + 2 * size]:
                    return _folded(parts[: i + size] + parts[i + 2 * size :])
    return parts
