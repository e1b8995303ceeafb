"""The key of an encrypted file: kept beside it, wrapped by the caller's. Extra `[encrypted]`.

Whoever lacks the caller's key, or this file, has noise: destroying it (`destroy`) makes the file and every copy and backup
of it unreadable at once, however many there are.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from clew.errors import Denied, MissingExtra, UsageError
from clew.privacy.environment import secret

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError as missing:
    raise MissingExtra("encrypted", "an encrypted file (without cryptography)") from missing

SIZE = 32  # bytes of a data key, and of a caller's key that is used as it is
COST = 2**15  # of scrypt, with blocks of 8: 32 MiB and about a tenth of a second for a passphrase
FORMAT = 1


def create(place: Path, key: bytes | str) -> bytes:
    """A new data key (32 bytes), written wrapped to that place, on the disk when this returns; another process's if it was first."""
    data, salt, nonce = secrets.token_bytes(SIZE), secrets.token_bytes(16), secrets.token_bytes(12)
    kdf = "none" if _whole(key) else "scrypt"
    known = {"clew": "key", "format": FORMAT, "kdf": kdf, "salt": salt.hex(), "nonce": nonce.hex(), "name": name(data)}
    wrapped = AESGCM(_wrapping(key, known)).encrypt(nonce, data, _bound(known))
    draft = place.with_name(f"{place.name}-{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(json.dumps({**known, "wrapped": wrapped.hex()}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, place)  # unlike a renaming, it never replaces a key that is there
        except FileExistsError:
            return read(place, key)
        _settle(place.parent)
    except OSError as error:
        raise Denied(f"the key file {place} cannot be written ({error}); make its folder writable, or give keyfile=") from error
    finally:
        draft.unlink(missing_ok=True)
    return data


def read(place: Path, key: bytes | str) -> bytes:
    """The data key (32 bytes); Denied where the caller's key does not fit or there is no key file."""
    try:
        known: dict[str, Any] = json.loads(place.read_text(encoding="ascii"))
        nonce, wrapped = bytes.fromhex(known["nonce"]), bytes.fromhex(known.pop("wrapped"))
        return AESGCM(_wrapping(key, known)).decrypt(nonce, wrapped, _bound(known))
    except FileNotFoundError as error:
        raise Denied(
            f"there is no key file {place}: give keyfile= if it lies elsewhere; if it was shredded, nothing opens the file"
        ) from error
    except InvalidTag as error:
        raise Denied(f"the key does not fit {place}: it is another key, or the key file was changed") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Denied(f"{place} is no key file of Clew's, or cannot be read ({error}); give the one that was made with the file") from error


def destroy(place: Path) -> str:
    """Overwrite the key file, put that on the disk, remove it; returns the data key's name.

    On a disk that copies what it overwrites (SSD, snapshots) old bytes may outlast this: they are still wrapped by the
    caller's key, and gone with that.
    """
    try:
        text = place.read_bytes()
        with open(place, "r+b", buffering=0) as file:
            for filling in (secrets.token_bytes(len(text)), bytes(len(text))):
                file.seek(0)
                file.write(filling)
                os.fsync(file.fileno())
        place.unlink()
        _settle(place.parent)
    except OSError as error:
        raise Denied(f"the key file {place} cannot be destroyed ({error}); the file can still be read: remove it by hand") from error
    return _named(text)


def name(data: bytes) -> str:
    """What a data key is called on a receipt: 16 bytes of a hash of it, hexadecimal, from which it cannot be told."""
    return hashlib.blake2b(data, digest_size=16, person=b"clew key name").hexdigest()


def _named(text: bytes) -> str:
    try:
        return str(json.loads(text)["name"])
    except (ValueError, KeyError, TypeError):
        return ""


def _whole(key: bytes | str) -> bool:
    return isinstance(key, bytes) and len(key) == SIZE


def _wrapping(key: bytes | str, known: dict[str, Any]) -> bytes:
    """The 32 bytes that wrap: the caller's own, or stretched from a passphrase."""
    if known["kdf"] == "none":
        if not _whole(key):
            raise Denied(f"this file was made with a key of {SIZE} bytes; a passphrase does not open it")
        return bytes(key)  # type: ignore[arg-type]
    secret = _said(key)
    return hashlib.scrypt(secret, salt=bytes.fromhex(known["salt"]), n=COST, r=8, p=1, maxmem=2**26, dklen=SIZE)


def _said(key: bytes | str) -> bytes:
    """The caller's passphrase; `env:NAME` is that of an environment variable."""
    key = secret(key, "key=") if isinstance(key, str) else key
    if not key:
        raise UsageError("key is empty; give a passphrase, 32 bytes, or env:NAME of a variable that holds a passphrase")
    return key.encode() if isinstance(key, str) else bytes(key)


def _bound(known: dict[str, Any]) -> bytes:
    """What the wrapping is bound to: a key file in which any of it was changed does not open."""
    return json.dumps(known, sort_keys=True).encode()


def _settle(folder: Path) -> None:
    """Put a folder's list of names on the disk, where the system lets one."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
