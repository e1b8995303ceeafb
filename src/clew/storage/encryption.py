"""What an SQLite file is encrypted with, and where that lies."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from clew.errors import MissingExtra


@dataclass(frozen=True, slots=True)
class Key:
    """What a file is encrypted with: 32 bytes, and the file that holds them wrapped by the caller's key."""

    data: bytes = field(repr=False)
    file: Path


def unlocked(file: Path, key: bytes | str, new: bool) -> Key:
    """The data key in that key file, which is made where the database is new; MissingExtra without the libraries, Denied for a wrong key."""
    if not hasattr(apsw, "mc_version"):
        raise MissingExtra(
            "encrypted",
            "an encrypted file (the `apsw` here is the plain build; once the extra is there: "
            "pip install --force-reinstall --no-deps apsw-sqlite3mc)",
        )
    vault = importlib.import_module("clew.privacy.vault")
    return Key(vault.create(file, key) if new and not file.exists() else vault.read(file, key), file)
