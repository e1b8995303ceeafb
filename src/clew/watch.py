"""Canaries in a log: planted in a scope, looked for in what comes in, is shown, and goes out; an alarm is an event."""

import hashlib
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from clew.privacy import plant, tripped
from clew.privacy.canary import ALARM, KIND
from clew.storage.log import Entry, Log
from clew.types import TRUST, Event, Scope


class Watch:
    """The canaries of one file. What another process plants is watched for from the next opening on."""

    def __init__(self, log: Log) -> None:
        self.log = log
        with log.database.snapshot() as c:
            self._macs: dict[str, str | None] = json.loads(c.execute("SELECT value FROM meta WHERE key='canaries'").get or "{}")  # whose

    @property
    def armed(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._macs)

    def plant(self, scope: Scope) -> str:
        """Record a bait as the owner's words in that scope, in one transaction with how it is known; returns its token."""
        made = plant(self.log.database.secret, secrets.token_bytes(16))
        owner = TRUST["owner"]
        with self.log.database.write() as c:
            entries = [
                Entry("message", {"content": made.text}, scope, None, owner, None),
                Entry(KIND, {"mac": made.mac}, scope, None, owner, None),
            ]
            self.log.insert(c, entries, [entry.payload() for entry in entries])
            self._macs[made.mac] = None if scope.user is None else whose(self.log, scope.user)
            c.execute(
                "INSERT INTO meta VALUES ('canaries', ?1) ON CONFLICT DO UPDATE SET value=?1", (json.dumps(self._macs, sort_keys=True),)
            )
        return made.token

    def look(self, where: str, text: str, user: str | None = None) -> None:
        """Append an alarm for every canary in the text, once a day and place; free while none is planted.

        One that is shown to the very user in whose memory it lies is no alarm: any broad question may bring it up.
        """
        found = tripped(text, self.log.database.secret, self._macs)
        own = whose(self.log, user) if user is not None and found else ""
        found = tuple(mac for mac in found if self._macs[mac] is None or self._macs[mac] != own)
        if not found or self.log.database.readonly:
            return
        day = datetime.now(UTC).date().isoformat()
        self.log.append(
            *[
                Entry(ALARM, {"mac": mac, "where": where}, Scope(), None, TRUST["owner"], None, f"alarm:{mac}:{where}:{day}")
                for mac in found
            ]
        )

    def report(self) -> dict[str, Any]:
        """How many canaries there are, and where one was met: (place in the log, record, prompt or egress)."""
        alarms: list[Event] = self.log.select("kind=? AND salt IS NOT NULL ORDER BY seq", (ALARM,)) if self._macs else []
        return {"planted": len(self._macs), "alarms": [{"seq": e.seq, "where": e.body["where"], "at": e.at} for e in alarms]}


def whose(log: Log, user: str) -> str:
    """A user as the list of canaries knows it: nothing that can be guessed back once the user is forgotten."""
    return hashlib.blake2b(user.encode(), key=log.database.secret, digest_size=12).hexdigest()
