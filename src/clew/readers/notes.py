"""Documents in files that people go on editing: which file each stands in, so that a later import can tell what is gone from it."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from clew.readers.files import File, Left, Message

SOURCE = "notes"  # how the keys of all of them begin
DIGITS = 10  # hex digits for each step of a place
NUMBERS = ("file", "page", "slide", "row")  # data that tell where in it something stands, and change where nothing else does
STEPS = 40  # of a place; what lies deeper is one step with the folders above it


@dataclass(slots=True)
class Reading(Iterator[Message]):
    """Messages on their way, and behind the last of them what `imported` needs: the places that were read whole.

    `there` are the places of all files below a folder that was read, `hidden` those of folders in it that could not be looked into.
    """

    messages: Iterator[Message]
    whole: set[str] = field(default_factory=set)
    folder: str | None = None
    there: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = ()

    def __next__(self) -> Message:
        return next(self.messages)

    def gone(self, place: str) -> bool:
        """Whether no file lies any more at a place below the folder that was read."""
        below = self.folder is not None and place.startswith(self.folder)
        return below and place not in self.there and not place.startswith(self.hidden)

    def survey(self, folder: Path) -> None:
        """Note every file below a folder, whether there is a reader for it or not."""
        hidden = list[str]()
        found = os.walk(folder.resolve(), onerror=lambda error: hidden.append(placed(Path(str(error.filename)))))
        self.there = frozenset(placed(Path(above) / name) for above, _, names in found for name in names)
        self.folder, self.hidden = placed(folder.resolve()), tuple(hidden)


def placed(path: Path) -> str:
    """Where an absolute path leads, as a digest of each step on the way: that of a folder begins that of all that is in it.

    The log has to know a place again, and has no use for the names of somebody's folders.
    """
    parts = path.parts if len(path.parts) <= STEPS else [*path.parts[: STEPS - 1], "/".join(path.parts[STEPS - 1 :])]
    digest, found = hashlib.sha256(), ""
    for part in parts:
        digest.update(os.fsencode(part) + b"\0")
        found += digest.hexdigest()[:DIGITS]
    return found


def kept(reader: Callable[[File], Iterator[Message]], dated: bool = False) -> Callable[[File], Iterator[Message]]:
    """The reader, with each document under a key of its file's place and its words; `file.whole` is told of a file without a flaw.

    With `dated` its time is as good as a word of it: somebody wrote it there, and no program at each saving.
    """

    def read(file: File) -> Iterator[Message]:
        place, count, broken = placed(file.path.resolve()), Counter[str](), list[Left]()

        def hear(what: Left) -> None:
            if what.broken:
                broken.append(what)
            if file.left is not None:
                file.left(what)

        for message in reader(file if file.left is None else replace(file, left=hear)):
            digest = _digest(message, dated)
            count[digest] += 1
            again = f"~{count[digest]}" if count[digest] > 1 else ""
            yield message | {"key": f"{SOURCE}:{place}:{digest}{again}"}
        if file.whole is not None and not broken:
            file.whole(place)

    return read


def _digest(message: Message, dated: bool) -> str:
    """Of all that is told, but for where: even a file's name depends on the folder that was given."""
    data = {name: value for name, value in message.get("data", {}).items() if name not in NUMBERS}
    said = [message["content"], message.get("at") if dated else None, message.get("actor"), data]
    told = json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]
