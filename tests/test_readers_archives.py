"""Archives as services hand them out: read out of the zip itself, the same as unpacked, and refused where they are not to be trusted."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clew import Clew, UsageError
from clew.readers import Left, archives, imported, read

DAY = 1_770_000_000  # a moment, in seconds since 1970


def chatgpt(name: str, *words: str) -> dict[str, Any]:
    ids = [f"{name}-{n}" for n in range(len(words))]
    nodes = {
        ident: {
            "id": ident,
            "parent": ids[n - 1] if n else None,
            "children": ids[n + 1 : n + 2],
            "message": {
                "id": ident,
                "author": {"role": ("user", "assistant")[n % 2]},
                "create_time": DAY + n,
                "content": {"content_type": "text", "parts": [words[n]]},
            },
        }
        for n, ident in enumerate(ids)
    }
    return {"title": name, "conversation_id": name, "mapping": nodes, "current_node": ids[-1] if ids else None}


def claude(name: str, *words: str) -> dict[str, Any]:
    said = [{"uuid": f"{name}-{n}", "sender": ("human", "assistant")[n % 2], "text": text} for n, text in enumerate(words)]
    return {"uuid": name, "name": name, "created_at": "2026-02-01T10:00:00Z", "chat_messages": said}


def packed(path: Path, parts: dict[str, Any], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, what in parts.items():
            archive.writestr(name, what if isinstance(what, (str, bytes)) else json.dumps(what))
    return path


@pytest.mark.parametrize("below", ["", "my-export/"])
@pytest.mark.parametrize("talk", [chatgpt, claude])
def test_an_archive_is_read_as_what_is_in_it_would_be(tmp_path: Path, talk: Any, below: str) -> None:
    talks = [talk("tea", "Which tea?", "Assam."), talk("bees", "I keep bees")]
    path = packed(tmp_path / "export.zip", {f"{below}conversations.json": talks, f"{below}users.json": [], f"{below}memories.json": {}})
    (tmp_path / "conversations.json").write_text(json.dumps(talks), encoding="utf-8")
    left: list[Left] = []
    said = list(read(path, left=left.append))
    assert [m["content"] for m in said] == ["Which tea?", "Assam.", "I keep bees"] and said == list(read(tmp_path / "conversations.json"))
    assert [(one.where, one.broken) for one in left] == [(f"export.zip, {below}{name}", False) for name in ("users.json", "memories.json")]
    with Clew(tmp_path / "m.db") as c:
        for source, new in ((path, 3), (path, 0), (tmp_path / "conversations.json", 0)):
            assert imported(c, read(source, left=left.append), source.name, "ana", False) == (3, new)


def test_the_numbered_parts_of_a_large_export_come_in_their_order(tmp_path: Path) -> None:
    parts = {f"conversations-{n:03}.json": [chatgpt(f"t{n}", f"word {n}")] for n in (10, 2, 0)}
    path = packed(tmp_path / "export.zip", {**parts, "export_manifest.json": {}, "chat.html": "<html>"})
    left: list[Left] = []
    assert [m["content"] for m in read(path, left=left.append)] == ["word 0", "word 2", "word 10"]
    assert {one.why for one in left} == {"a file that stands beside the conversations in the archive"} and len(left) == 2


def test_a_part_that_is_broken_does_not_keep_the_next_one_back(tmp_path: Path) -> None:
    broken = json.dumps([chatgpt("a", "kept"), chatgpt("b", "cut")])[:-40]
    path = packed(tmp_path / "e.zip", {"conversations-000.json": broken, "conversations-001.json": [chatgpt("c", "kept too")]})
    left: list[Left] = []
    assert [m["content"] for m in read(path, left=left.append)] == ["kept", "kept too"]
    assert [one.broken for one in left] == [True] and "conversations-000.json" in left[0].where
    with pytest.raises(UsageError, match=r"conversations-000\.json: line 1 is not JSON"):
        list(read(path))


def test_a_part_that_was_damaged_on_the_way_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "e.zip", {"conversations.json": [claude("a", "x" * 200_000)]}, zipfile.ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole[:100_000] + b"yyyy" + whole[100_004:])
    with pytest.raises(UsageError, match=r"conversations\.json cannot be read \(Bad CRC-32"):
        list(read(path))


def test_an_archive_is_read_one_conversation_at_a_time(tmp_path: Path) -> None:
    talks = [claude(f"t{n}", f"the heron stood at place {n}") for n in range(20_000)]
    path = packed(tmp_path / "e.zip", {"conversations.json": talks}, zipfile.ZIP_STORED)
    messages = read(path)
    assert next(messages)["content"].endswith("place 0")
    with path.open("r+b") as file:  # what stands far behind has not been read yet
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 1000)
    with pytest.raises(UsageError, match="not UTF-8"):
        list(messages)


def test_an_export_in_which_nothing_was_said_has_no_messages(tmp_path: Path) -> None:
    assert list(read(packed(tmp_path / "e.zip", {"conversations.json": "[]"}))) == []


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (None, "without its end"),
        ({"notes.md": "# a"}, "no known export .* unpack it and give a file or a folder in it: notes.md"),
        ({}, "it is empty"),
        ({"conversations.json": [{"a": 1}]}, "neither ChatGPT's nor Claude's"),
        ({"conversations.json": "{"}, "line 1 is not JSON"),
        ({"conversations.json": [claude("a", "x")], "../../evil.json": "[]"}, "leads out of the archive"),
        ({"conversations.json": [claude("a", "x")], "/etc/evil.json": "[]"}, "leads out of the archive"),
        ({"conversations.json": [claude("a", "x")], "C:\\evil.json": "[]"}, "leads out of the archive"),
        ({"conversations.json": [claude("a", "x")], "a\\..\\..\\evil.json": "[]"}, "leads out of the archive"),
        ({"../memories.json": {"memories": []}}, "leads out of the archive"),
        ({"conversations.json": b"[" + b" " * (20 << 20) + b"]"}, "unpacks to 20,971,522 bytes"),
        ({"memories.json": b"[" + b" " * (20 << 20) + b"]"}, "unpacks to 20,971,522 bytes"),
        ({"memories.jsonl.gz": gzip.compress(b"{" + b" " * (20 << 20), mtime=0)}, "far more than it is packed in"),
    ],
)
def test_an_archive_that_is_none_of_them_or_not_to_be_trusted_is_refused(tmp_path: Path, parts: dict[str, Any] | None, says: str) -> None:
    path = packed(tmp_path / "a.zip", {"a.md": "x" * 1000} if parts is None else parts)
    if parts is None:
        path.write_bytes(path.read_bytes()[:-90])
    with pytest.raises(UsageError, match=says):
        list(read(path))
    assert [p.name for p in tmp_path.rglob("*")] == ["a.zip"]


def test_a_name_that_stands_twice_or_a_lock_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"conversations.json": [claude("a", "x")]})
    locked = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + flags] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(UsageError, match="locked by a password"):
        list(read(tmp_path / "locked.zip"))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("conversations.json", "[]")
    with pytest.raises(UsageError, match="twice"):
        list(read(path))


def test_a_part_may_be_large_where_it_is_packed_as_texts_are() -> None:
    assert archives.allowed(1) == archives.SMALL and archives.allowed(1 << 20) == archives.MOST << 20
    assert archives.allowed(1 << 40) == archives.LARGEST


def test_an_archive_in_a_folder_is_read_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    packed(folder / "claude.zip", {"conversations.json": [claude("a", "I keep bees")]})
    packed(folder / "photos.zip", {"a.jpg": b"\xff\xd8"})
    left: list[Left] = []
    assert [m["content"] for m in read(folder, left=left.append)] == ["I keep bees"]
    assert [(one.where, one.broken) for one in left] == [("photos.zip", False)]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6), st.integers(0, 300), st.booleans())
def test_an_archive_with_any_damage_is_read_or_refused_but_never_crashes(
    tmp_path_factory: Any, flips: list[tuple[int, int]], cut: int, stored: bool
) -> None:
    path = packed(
        tmp_path_factory.mktemp("zip") / "a.zip",
        {"conversations.json": [claude("a", "I keep bees", "How many hives?")], "users.json": []},
        zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED,
    )
    whole = bytearray(path.read_bytes())
    for place, byte in flips:
        whole[place % len(whole)] = byte
    path.write_bytes(whole[: len(whole) - cut])
    try:
        assert all(message["content"] for message in read(path, left=lambda _: None))
    except UsageError as error:
        assert "a.zip" in str(error)
