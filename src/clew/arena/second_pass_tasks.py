"""Which tasks and seeds the second pass is measured on, chosen before anything was measured.

MiniWoB: of the tasks whose page is used by clicking on things that have words, choosing from lists and typing, the twenty
whose names come first when sorted by their hash; the explorer is developed on the others. Text worlds: games of TextWorld's
own makers. The seeds of a reported run come from the commit that last touched the explorer (`second_pass.COMMIT`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from clew.errors import UsageError

SALT = "second pass"  # before each name, in its hash
NUMBER = 20
HALF = 10  # seeds a task of each half: what is learned from one is measured on the other
STEPS, WORDS = 30, 100  # actions that one episode may take, all trials together: on a page, in a text world
DEVELOPED = range(1, 40)  # seeds that code may be developed on; a commit never gives these
# Tasks of MiniWoB whose page is used by clicking on words, choosing and typing. Left out are those whose page needs dragging,
# drawing, hovering, scrolling, sliders, colours, shapes, places in a picture, marked text, a clipboard or a moment in time; those
# whose answer has to be worked out (arithmetic, counting, guessing, comparing, games); and variants of a task that is there
# already, with the same page without its pauses or with the same wish in other words.
CANDIDATES = (
    "book-flight", "button-delay", "buy-ticket", "choose-date", "choose-date-easy", "choose-date-medium", "choose-list", "click-button",
    "click-button-sequence", "click-checkboxes", "click-checkboxes-large", "click-checkboxes-soft", "click-checkboxes-transfer",
    "click-collapsible", "click-collapsible-2", "click-dialog", "click-dialog-2", "click-link", "click-menu", "click-menu-2",
    "click-option", "click-tab", "click-tab-2", "click-tab-2-easy", "click-tab-2-hard", "click-tab-2-medium", "click-test",
    "click-test-2", "click-test-transfer", "click-widget", "email-inbox", "email-inbox-delete", "email-inbox-forward",
    "email-inbox-important", "email-inbox-reply", "email-inbox-star-reply", "enter-date", "enter-password", "enter-text",
    "enter-text-2", "enter-text-dynamic", "enter-time", "focus-text", "focus-text-2", "form-sequence-2", "form-sequence-3",
    "login-user", "login-user-popup", "multi-layouts", "multi-orderings", "navigate-tree", "order-food", "phone-book",
    "read-table", "read-table-2", "search-engine", "social-media", "social-media-all", "social-media-some", "unicode-test",
    "use-autocomplete",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """A kind of game that one of TextWorld's makers makes, a different one for each seed."""

    name: str
    maker: str
    settings: dict[str, Any] = field(hash=False)


COOKING = {"recipe": 1, "take": 1, "go": 1, "open": False, "cook": False, "cut": False, "drop": False, "split": "train"}
WORLDS = (
    World("dinner", "tw-simple", {"rewards": "sparse", "goal": "brief", "test": False}),
    World("meal", "tw-cooking", dict(COOKING)),
    World("meal, cooked", "tw-cooking", {**COOKING, "cook": True}),
    World("meal, cut", "tw-cooking", {**COOKING, "cut": True}),
    World("meal, fetched and cooked", "tw-cooking", {**COOKING, "open": True, "cook": True}),
)


def selected(candidates: Sequence[str] = CANDIDATES, number: int = NUMBER) -> tuple[str, ...]:
    """The tasks that are reported, in the order of their hashes."""
    return tuple(sorted(candidates, key=lambda name: hashlib.sha256(f"{SALT}: {name}".encode()).hexdigest())[:number])


def developed() -> tuple[str, ...]:
    """The tasks that code may be developed on."""
    return tuple(name for name in CANDIDATES if name not in selected())


def seeds(commit: str, digit: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two halves of seeds: seven hex digits of a commit, from `digit` on, and the numbers after them."""
    if not 0 <= digit <= len(commit) - 7:
        raise UsageError(f"the seeds are seven hex digits of the commit, from 0 to {len(commit) - 7} on; got {digit}")
    start = DEVELOPED.stop + int(commit[digit : digit + 7], 16)
    return tuple(range(start, start + HALF)), tuple(range(start + HALF, start + 2 * HALF))
