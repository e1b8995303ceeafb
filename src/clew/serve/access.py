"""Who asks, and what they may do: roles, principals, and how a request's `Authorization` becomes one.

Nothing here needs an extra. REST, MCP and the proxy share it: `Access.principal` says who, `grant.Grant` is the memory as they may use it.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from clew import intake
from clew.errors import Denied, NotFound, UsageError
from clew.serve.keys import PREFIX, Keys, audit
from clew.storage.log import Log
from clew.types import TRUST, Scope

ROLES = ("reader", "writer", "curator", "admin")  # each may do what those before it may
# The least role for each verb of the door, the same at every door.
NEEDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("recall", "prompt", "ask", "thread", "history", "get", "memories", "users", "window", "tools", "status"), "reader"
        ),
        **dict.fromkeys(("record", "call", "feedback"), "writer"),
        **dict.fromkeys(("revise", "retire", "confirm", "rederive", "archive", "retract", "review", "approve", "reject"), "curator"),
        **dict.fromkeys(("events", "forget", "verify_forgotten", "erase", "holds", "rules"), "curator"),
        **dict.fromkeys(("pin", "unpin", "pinned", "decay", "faded", "simulate"), "curator"),
        **dict.fromkeys(("hold", "release", "retain", "withdraw", "retention", "canary", "backup", "tick"), "admin"),
        **dict.fromkeys(("catch_up", "rebuild", "generations", "promote", "drop", "diff", "verify", "export", "load", "keys"), "admin"),
    }
)


class Unauthenticated(Denied):
    """The request names no principal that is known here: send `Authorization: Bearer KEY`, made by `clew keys add`."""

    http_status = 401


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `user` None may act for any user; else only for that one, and nobody else's memory exists for it."""

    name: str
    role: str
    user: str | None = None
    until: float | None = field(default=None, compare=False)  # seconds since 1970 at which its token ends; None: nothing says

    def may(self, verb: str) -> bool:
        """Whether the role reaches a verb of NEEDS."""
        return ROLES.index(self.role) >= ROLES.index(NEEDS[verb])

    def needs(self, verb: str) -> None:
        """Denied where the role does not reach a verb of NEEDS."""
        if not self.may(verb):
            raise Denied(f"{verb} needs the role {NEEDS[verb]}, and this key has the role {self.role}")

    def whole(self, verb: str) -> None:
        """Denied to whoever acts for one user alone: the verb tells of, or changes, everybody's memory. Checks the role too."""
        self.needs(verb)
        if self.user is not None:
            raise Denied(f"{verb} is about the whole memory, and this key acts for one user")

    def scope(self, user: str | None = None, agent: str | None = None, session: str | None = None) -> Scope:
        """Whose memory is touched. NotFound for anybody but the principal's own user, whether there is such a user or not."""
        intake.name(user, "user")
        if self.user is not None and user not in (None, self.user):
            raise NotFound(f"there is no user {user!r} here")
        return Scope(self.user if user is None else user, intake.name(agent, "agent"), intake.name(session, "session"))

    def entrusted(self, what: Any, trust: int | str | None = None, kind: str | None = None) -> Any:
        """What a caller wants to record, checked: nobody else's scope, and below a curator nobody is believed like the owner.

        A system message of such a caller is taken in with a user's trust; to ask for more is Denied.
        """
        if isinstance(what, Mapping):
            self.scope(what.get("user"), what.get("agent"), what.get("session"))
            return self._believed(what, trust, kind)
        if isinstance(what, Sequence) and not isinstance(what, str | bytes):
            return [self.entrusted(item, trust, kind) for item in what]
        self._believed({}, trust, kind)
        return what

    def _believed(self, message: Mapping[str, Any], trust: int | str | None, kind: str | None) -> Mapping[str, Any]:
        asked = message["trust"] if message.get("trust") is not None else trust
        level = intake.trust(asked, message.get("role"), str(message.get("kind") or kind or "message"))
        if level <= TRUST["user"] or self.role in ("curator", "admin"):
            return message
        if asked is not None:
            raise Denied(f"trust {asked!r} is the owner's, and a {self.role} is believed like a user at most")
        return {**message, "trust": "user"}


LOCAL = Principal("local", "admin")  # who asks on this machine while no key was ever made
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})  # what this machine calls itself
KEYED = "make one with `clew keys add`"
RELAYED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})  # somebody else's request, sent on to us


class Access:
    """Turns `Authorization` headers into principals. `tokens` verifies bearer tokens that are not our keys (`oidc.Oidc`).

    `local`: only this machine can reach the door. Then, and until the first key is made, whoever asks is the owner.
    """

    def __init__(self, log: Log, *, local: bool = True, tokens: Callable[[str], Principal] | None = None) -> None:
        self.log, self.keys, self.local, self.tokens = log, Keys(log), local, tokens

    @property
    def open(self) -> bool:
        """Whether the door answers without a key: on this machine alone, and only until the first key is made."""
        return self.local and self.tokens is None and not self.keys.any()

    def principal(self, authorization: str | None) -> Principal:
        """Who asks, by the value of the header; Unauthenticated where that is nobody. Reads one row, so that a revoked key ends at once."""
        if self.open:
            return LOCAL
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send the header 'Authorization: Bearer KEY'; the owner makes keys by `clew keys add`")
        if token.startswith(PREFIX):
            key = self.keys.found(token)
            if key is not None:
                return Principal(key.name, key.role, key.user)
        elif self.tokens is not None:
            return self.tokens(token)
        raise Unauthenticated("this key is not known here, was revoked, or has expired")

    def audit(self, who: Principal, op: str, **facts: Any) -> None:
        """Write an administrative act into the log, as an event of its own kind with its actor; facts are numbers and names of parts."""
        audit(self.log, who.name, op, facts)


def nearby(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Denied, for a request that has to show no key, to whatever may come from elsewhere: a name that was bent to this machine, a
    relay, a page of another site. The headers are those of ASGI; every door asks here, before it lets in LOCAL."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    host, *more = given.get("host", [""])
    if more or (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOOPBACK:
        raise Denied(f"without a key only this machine is answered, under the name localhost or 127.0.0.1; {KEYED}")
    if not RELAYED.isdisjoint(given):
        raise Denied(f"without a key nothing is answered through a relay; {KEYED}")
    if any(origin not in (f"http://{host}", f"https://{host}") for origin in given.get("origin", ())):
        raise Denied(f"without a key no page of another site is answered; {KEYED}")


def loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def role(value: str) -> str:
    """The name of a role, checked."""
    if value not in ROLES:
        raise UsageError(f"role must be one of {', '.join(ROLES)}; got {value!r}")
    return value
