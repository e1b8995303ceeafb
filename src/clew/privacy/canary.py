"""Canaries: texts that nobody has a reason to repeat. One that turns up elsewhere says that something read what it should not.

A canary's token is told by its HMAC under the file's secret, so that the list of canaries gives none of them away. It
looks like a key, so the redaction gate masks it; where one leaves all the same, the gate was off or has failed.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass

from clew.errors import UsageError

LENGTH = 28  # characters of a token: few words are as long, and chance makes none twice
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
WORD = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z0-9]{{{LENGTH}}}(?![A-Za-z0-9])")
LEAST = 16  # bytes of chance
BAIT = "Recovery key of the account, for emergencies only: {token}"
KIND, ALARM = "canary", "alarm"  # kinds of the events that name a canary and that say that one was met


@dataclass(frozen=True, slots=True)
class Canary:
    """What to record: `text` as the owner's words in the scope that is watched, `mac` in an event of kind `canary`."""

    text: str
    token: str
    mac: str  # hexadecimal


def plant(secret: bytes, chance: bytes, bait: str = BAIT) -> Canary:
    """A canary from random bytes (at least 16), which the caller gets from the system; `bait` holds `{token}` once."""
    if len(chance) < LEAST:
        raise UsageError(f"a canary needs at least {LEAST} random bytes, got {len(chance)}")
    if bait.count("{token}") != 1:
        raise UsageError(f"the bait must hold {{token}} once, got {bait!r:.80}")
    stream = hashlib.shake_256(b"clew canary" + chance).digest(LENGTH * 8)
    usable = [b for b in stream if b < len(LETTERS) * (256 // len(LETTERS))][: LENGTH - 4]
    token = "".join(LETTERS[b % len(LETTERS)] for b in usable)
    token = f"{token[:6]}7q{token[6:18]}K4{token[18:]}"  # so that it always has what the gate takes for a key
    return Canary(bait.replace("{token}", token), token, mac(secret, token))


def mac(secret: bytes, token: str) -> str:
    """How a token is known: an HMAC under the file's secret, the same for capitals and small letters."""
    return hmac.new(secret, b"canary\0" + token.casefold().encode(), hashlib.sha256).hexdigest()[:32]


def tripped(text: str, secret: bytes, planted: Collection[str]) -> tuple[str, ...]:
    """The macs of the planted canaries that stand in a text, each once, in order; nothing is hashed where none is planted."""
    if not planted:
        return ()
    seen = (mac(secret, match[0]) for match in WORD.finditer(text))
    return tuple(dict.fromkeys(found for found in seen if found in planted))
