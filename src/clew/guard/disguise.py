"""Words hidden from a reader or from a filter, read as a model would: encoded, reversed, respelt, spaced out, run together.

Two cases. A disguise that nobody uses in good faith (text written backwards, a shifted alphabet, tags that no screen shows)
is enough to keep a piece out. Of the others only what they say counts, so the rules and the judge read the words behind them.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Container
from typing import NamedTuple

RUN = 24
"""Characters without a break, from which on a word may be a code or words run together."""
_LONG = re.compile(r"[A-Za-z0-9+/_%\\&#;=-]{24}")
_NEVER = 1 << 30
MOST = 2000
"""Characters of one piece that are looked behind."""

_COMMON = """
    the of and to a in is you that it for on with as are this be at your or from have an not by but can all will we has they was
    were if my do so what when which their about would there me how out up no any more been who its them these our into than
"""
COMMON = frozenset(_COMMON.split())
"""English words of which every longer sentence has some: a good sign that a decoding is right."""

_SHAPES = str.maketrans(
    "авекмнорстухіјѕԁցһɩӏοαρυνικτεχΑΒΕΗΙΚΜΝΟΡΤΧΥΖАВЕКМНОРСТУХ",
    "abekmhopctyxijsdghllo" + "apuviktexABEHIKMNOPTXYZABEKMHOPCTYX",
)
_LEET = str.maketrans("43105$7@!|+", "aeiosstaiit")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_INSIDE = re.compile("(?<=[A-Za-z])[\u00ad\u200b-\u200d\u2060-\u2064\ufeff](?=[A-Za-z])")
_STRANGE = re.compile(
    _HIDDEN.pattern + "|[\u1d00-\u1dbf\u2460-\u24ff\uff01-\uff5e\U0001d400-\U0001d7ff]"
    "|[A-Za-z][\u0370-\u03ff\u0400-\u052f]|[\u0370-\u03ff\u0400-\u052f][A-Za-z]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{3,}")
_MIXED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u052f]|[\u0370-\u03ff\u0400-\u052f][A-Za-z]")
_SPACED = re.compile(r"(?<![\w'])(?:[A-Za-z][ .\-_*]{1,3}){4,}[A-Za-z](?![\w'])")
_LETTERED = re.compile(r"[A-Za-z]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:(?:\\x|%|0x)?[0-9a-fA-F]{2}[ ,:]?){16,}")
_ENTITIES = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};|\\u[0-9a-fA-F]{4}){6,}")
_RUN = re.compile(r"(?<![\w./@:-])[A-Za-z]{24,300}(?![\w./@:-])")
_MORSE = re.compile(r"(?:[.\-]{1,6}[ /]+){12,}")
_BINARY = re.compile(r"(?:[01]{8}\s*){6,}")
_WORD = re.compile(r"[a-z']+")


_ALPHABETS = [{97 + i: 97 + (i + by) % 26 for i in range(26)} for by in range(1, 26)] + [{97 + i: 122 - i for i in range(26)}]


class Reading(NamedTuple):
    """What a piece says to a model, and the name of a disguise that is reason enough, if any."""

    text: str
    reason: str | None


def reading(text: str, broken: bool, known: Container[str]) -> Reading:
    """The words behind a piece, by the known words; `broken` says that few of its own are, so that codes are worth trying."""
    text = text[:MOST]
    if not text.isascii():
        found = _folded(text)
        if found.reason:
            return found
        text = found.text
    found = _decoded(text)
    if found:
        return Reading(found, "encoded text")
    if _SPACED.search(text):
        text = _SPACED.sub(lambda m: "".join(_LETTERED.findall(m.group())), text)
    text = _RUN.sub(lambda m: split(m.group(), known), text)
    if broken:
        found = _deciphered(text)
        if found:
            return Reading(found, "enciphered text")
    return Reading(text, None)


def suspicious(text: str) -> bool:
    """A quick look at a whole text: whether anything in it could be a disguise of single pieces, ciphers aside."""
    if not text.isascii() and _STRANGE.search(text):
        return True
    cut = text.split()
    lengths = list(map(len, cut))
    if max(lengths, default=0) >= RUN and _LONG.search(text):
        return True
    if lengths.count(1) > 4 and sum(len(word) == 1 and word.isalpha() for word in cut) > 4:
        return True
    return lengths.count(2) >= 16 or ("01" in text and _BINARY.search(text) is not None)


def broken(text: str, known: Container[str]) -> bool:
    """Whether a piece has words, and few of them are known ones: it may be written in a cipher."""
    found = [word for word in _WORD.findall(text[:MOST].lower()) if len(word) > 1]
    return (
        len(found) >= 4
        and 6 * sum(word in COMMON for word in found) <= len(found)
        and 2 * sum(word in known for word in found) < len(found)
    )


def _folded(text: str) -> Reading:
    if _TAGS.search(text):
        shown = "".join(chr(ord(c) - 0xE0000) if "\U000e0020" <= c <= "\U000e007e" else c for c in text)
        return Reading(shown, "invisible text")
    reason = "invisible text" if len(_INSIDE.findall(text)) >= 3 and "\u00ad" not in text else None
    mixed = len(_MIXED.findall(text))
    text = unicodedata.normalize("NFKC", _HIDDEN.sub("", text))
    if mixed:
        text = text.translate(_SHAPES)
        reason = reason or ("look-alike letters" if mixed >= 3 and common(text) else None)
    return Reading(text, reason)


def common(text: str) -> int:
    """How many words of a text are among the commonest of English."""
    return sum(word in COMMON for word in _WORD.findall(text.lower()))


def _english(text: str) -> bool:
    found = _WORD.findall(text.lower())
    return len(found) >= 3 and sum(w in COMMON for w in found) >= max(1, len(found) // 8) and sum(map(len, found)) > 0.6 * len(text)


def _decoded(text: str) -> str | None:
    for match in _BASE64.finditer(text):
        raw = match.group().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            found = base64.b64decode(raw + "=" * (-len(raw) % 4)).decode("ascii")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
        if _english(found):
            return found
    for pattern in (_HEX, _ENTITIES, _BINARY):
        match = pattern.search(text)
        if match:
            found = _characters(match.group(), pattern is _BINARY)
            if _english(found):
                return found
    return "morse" if _MORSE.search(text) else None


def _characters(text: str, binary: bool) -> str:
    if binary:
        codes = [int(part, 2) for part in re.findall(r"[01]{8}", text)]
    elif "&#" in text or "\\u" in text:
        found = re.findall(r"&#(x?)([0-9a-fA-F]+);|\\u([0-9a-fA-F]{4})", text)
        codes = [int(u, 16) if u else int(digits, 16) if x else int(digits) if digits.isdigit() else 63 for x, digits, u in found]
    else:
        codes = [int(part, 16) for part in re.findall(r"(?:\\x|%|0x)?([0-9a-fA-F]{2})", text)]
    return "".join(chr(code) if 32 <= code < 0x3000 else " " for code in codes)


def _deciphered(text: str) -> str | None:
    """Text written backwards, in a shifted alphabet or with digits for letters, where that makes English of it."""
    found = _WORD.findall(text.lower())
    if len(found) < 4 or sum(map(len, found)) < 14:
        return None
    now = sum(w in COMMON for w in found)
    low = text.lower()
    tries = [low[::-1], " ".join(word[::-1] for word in low.split())]
    tries += [low.translate(table) for table in _ALPHABETS]
    if re.search(r"[a-z][4310$57@!]+[a-z]", low):
        tries.append(low.translate(_LEET))
    best = max(tries, key=common)
    gained = common(best)
    return best if gained >= 2 and gained >= 2 * now + 2 and gained * 5 >= len(found) else None


def split(run: str, known: Container[str]) -> str:
    """Letters without spaces -> the fewest known words they can be cut into, or the run itself where they cannot."""
    if not (run.islower() or run.isupper() or run[1:].islower()):
        return run
    low = run.lower()
    costs, froms = [0] + [_NEVER] * len(low), [0] * (len(low) + 1)
    for end in range(1, len(low) + 1):
        for start in range(max(0, end - 15), end):
            cost = costs[start] + (1 if end - start > 2 else 2)
            if cost < costs[end] and low[start:end] in known:
                costs[end], froms[end] = cost, start
    if costs[-1] * 2.5 > len(low):
        return run
    cuts, end = [], len(low)
    while end > 0:
        cuts.append(low[froms[end] : end])
        end = froms[end]
    return " ".join(reversed(cuts))


def plain(text: str) -> str:
    """A text with compatibility forms folded, hidden characters dropped and look-alike letters made Latin; lengths may change."""
    return unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).translate(_SHAPES)
