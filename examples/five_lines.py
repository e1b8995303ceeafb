"""Memory in five lines: no key, no server, one file."""

from clew import Clew

c = Clew("memory.db")
c.record("I moved to Lisbon in May, the flat is on Rua da Bica", user="ana", actor="ana", at="2026-05-20T10:00:00+01:00")
hit = c.recall("where does Ana live?", user="ana")[0]
print(hit.memory.text)
print(c.thread(hit.memory.id)[0].event.at)
