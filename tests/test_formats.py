"""A file that a released Clew wrote is read by every later one: one file of each format is kept here."""

import shutil
from pathlib import Path

from clew import Clew

FILES = Path(__file__).parent / "files"


def test_a_file_of_format_1_is_read_answered_from_and_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    shutil.copy(FILES / "format-1.clew", path)
    with Clew(path, recipes=["clew", "verbatim"]) as c:
        assert c.log.verify() is True
        assert [e.key for e in c.log.read()][:3] == ["m1", "m2", "m3"]
        assert [e.seq for e in c.log.read() if e.forgotten] == [4]
        c.rebuild("clew")  # recipes may have moved on since the file was written
        [hit] = c.recall("where does Ana live?", user="ana", k=1)
        assert hit.memory.text == "Ana moved to Lisbon in May 2026"
        assert next(q.text for q in c.thread(hit.memory.id)) == "I moved to Lisbon in May"
        assert [h.memory.text for h in c.recall("小白", user="ana", k=1)] == ["这只猫叫小白"]
        assert "The dog is called Rex" not in [h.memory.text for h in c.recall("dog", user="ana")]
        assert c.users() == ["ana"]
