"""How much one caller may ask of the service, and how long it may take to ask."""

from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from clew.storage.log import MAX_BODY

CALLERS = 10_000  # buckets kept; the one used longest ago goes first, and starts full when it comes back


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds, rates in requests a second for each key (0: none)."""

    body: int = MAX_BODY
    load: int = 2_000_000_000  # of an import, which is streamed
    depth: int = 64  # of JSON
    rate: float = 500.0
    burst: int = 1000
    body_s: float = 30.0  # until its body is here
    send_s: float = 60.0  # until the next piece of an answer is taken
    threads: int = 8  # requests worked on at one time; the others wait
    recalls: int = 2  # of these, recalls that wait for no model: Python works on one at a time, and more only take it from each other
    trusted_s: float = 1.0  # for how long a key that was known is known without asking the database again


class Buckets:
    """A token bucket for each caller: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, max(1, burst)
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> (tokens, when)

    def wait(self, caller: str) -> float:
        """Take a token: 0, or the seconds until there is one again."""
        if self.rate <= 0:
            return 0.0
        now = monotonic()
        held, then = self._held.pop(caller, (float(self.burst), now))
        held = min(float(self.burst), held + (now - then) * self.rate)
        short = held < 1
        self._held[caller] = (held if short else held - 1, now)
        if len(self._held) > CALLERS:
            self._held.popitem(last=False)
        return (1 - held) / self.rate if short else 0.0


def deep(body: bytes, limit: int) -> bool:
    """Whether JSON nests deeper than the limit; brackets inside strings do not count. Broken JSON is the parser's to refuse."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    depth = 0
    for part in _outside(body):
        for byte in part.translate(None, _OTHER):
            depth += 1 if byte in b"[{" else -1
            if depth > limit:
                return True
    return False


_OTHER = bytes(b for b in range(256) if b not in b"[]{}")


def _outside(body: bytes) -> list[bytes]:
    """The pieces of JSON that lie between its strings."""
    pieces, inside = [], False
    for piece in body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"'):
        if not inside:
            pieces.append(piece)
        inside = not inside
    return pieces
