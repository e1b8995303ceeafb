"""Canaries in a log: planted in a scope, looked for in what comes in, is shown, and goes out; an alarm is an event."""

import hashlib
import json
import secrets
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from clew.errors import UsageError
from clew.privacy import plant, tripped
from clew.privacy.canary import ALARM, KIND
from clew.storage.log import Entry, Log
from clew.types import TRUST, Event, Scope


class Watch:
    """The canaries of one file, whoever planted them: what another process plants is watched for from the next text on."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._reading = threading.Lock()
        self._read()

    @property
    def armed(self) -> bool:
        """Whether there is anything to look for, as far as the last event that was appended here could know."""
        if self.log.planted != self._planted:
            self._read()
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
            planted, macs = _stored(c)
            macs[made.mac] = None if scope.user is None else whose(self.log, scope.user)
            for row in (("canaries", json.dumps(macs, sort_keys=True)), ("planted", (planted or 0) + 1)):
                c.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value=excluded.value", row)
        self._read()
        return made.token

    def _read(self) -> None:
        """Take in the canaries as they are now."""
        with self._reading, self.log.database.snapshot() as c:
            self._planted, self._macs = _stored(c)

    def _heard(self) -> None:
        """Take in what others have planted, where no event is appended that would tell."""
        # closed: its models may serve another memory by now
        with suppress(UsageError), self.log.database.snapshot() as c:
            if c.execute("SELECT value FROM meta WHERE key='planted'").get != self._planted:
                self._read()

    def look(self, where: str, text: str, user: str | None = None) -> None:
        """Append an alarm for every canary in the text, once a day and place; a text is not looked at while none is planted.

        One that is shown to the very user in whose memory it lies is no alarm: any broad question may bring it up.
        """
        if not text:
            return
        if where != "record":
            self._heard()
        macs = self._macs
        found = tripped(text, self.log.database.secret, macs)
        own = whose(self.log, user) if user is not None and found else ""
        found = tuple(mac for mac in found if macs[mac] is None or macs[mac] != own)
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
        self._heard()
        alarms: list[Event] = self.log.select("kind=? AND salt IS NOT NULL ORDER BY seq", (ALARM,)) if self._macs else []
        return {"planted": len(self._macs), "alarms": [{"seq": e.seq, "where": e.body["where"], "at": e.at} for e in alarms]}


def _stored(c: Any) -> tuple[int | None, dict[str, str | None]]:
    """How often one was planted, and the canaries: each mac with whose it is. A file of before has no count."""
    rows = dict(c.execute("SELECT key, value FROM meta WHERE key IN ('canaries', 'planted')"))
    return rows.get("planted"), json.loads(rows.get("canaries") or "{}")


def whose(log: Log, user: str) -> str:
    """A user as the list of canaries knows it: nothing that can be guessed back once the user is forgotten."""
    return hashlib.blake2b(user.encode(), key=log.database.secret, digest_size=12).hexdigest()
