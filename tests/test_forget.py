"""Forgetting: what goes, what stays, what the receipt says, and what is found when something was left behind."""

import io
import json
import random
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import toys

from clew import Clew, LogCorrupt, Models, UsageError, Withheld
from clew import forget as forgetting
from clew.models import Reply
from clew.models.fake import Dead, Fickle, Scripted
from clew.recipe import Recipe, load
from clew.retention import Wanted, standing
from clew.storage import answers, residue

Open = Callable[..., Clew]
SECRET = "The Zanzibar Überweisung of Quillfeather"


def told(clew: Clew) -> Clew:
    clew.record(
        [
            {"content": f"{SECRET} is due", "actor": "Quillon", "at": "2026-01-01T10:00:00+00:00"},
            {"content": "the harbour is calm", "actor": "bo", "at": "2026-02-01T10:00:00+00:00"},
            {"content": "Quillon likes copper", "actor": "bo", "at": "2026-03-01T10:00:00+00:00"},
        ],
        user="Annabella",
        session="zeppelin",
    )
    clew.record(
        [{"content": "tides at noon", "actor": "Quillon"}, {"content": "Annabella rang", "actor": "bo"}], user="bo", session="second"
    )
    clew.catch_up()
    return clew


def raw(path: Path) -> bytes:
    return b"".join(f.read_bytes() for f in sorted(path.iterdir()))


def left(clew: Clew) -> list[int]:
    return [e.seq for e in clew.log.read() if not e.forgotten and e.kind != "forget"]


WAYS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "a person": ({"user": "Annabella"}, [1, 2, 3]),
    "a speaker": ({"actor": "Quillon"}, [1, 4]),
    "a session": ({"session": "second"}, [4, 5]),
    "some events": ({"events": [2, 5]}, [2, 5]),
    "some words": ({"matching": "zanzibar"}, [1]),
    "before a day": ({"before": "2026-02-15T00:00:00+00:00", "user": "Annabella"}, [1, 2]),
    "a speaker in a user's events": ({"user": "Annabella", "actor": "bo"}, [2, 3]),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_what_is_named_goes_and_nothing_else(memory: Open, way: str) -> None:
    how, gone = WAYS[way]
    clew = told(memory())
    texts = {e.seq: e.text for e in clew.log.read()}
    tried = clew.forget(**how, dry_run=True)
    assert (list(tried.seqs), tried.state, clew.log.head()) == (gone, "dry run", 5)
    receipt = clew.forget(**how)
    assert list(receipt.seqs) == gone
    assert receipt.state == "erased", receipt.why
    assert left(clew) == [s for s in range(1, 6) if s not in gone]
    assert clew.verify_forgotten(receipt, probes=[texts[s] for s in gone if s == 1]) == []
    assert clew.log.verify()


def test_a_memory_goes_with_what_it_came_from(memory: Open) -> None:
    clew = told(memory())
    [hit] = clew.recall("Zanzibar", user="Annabella", k=1)
    receipt = clew.forget(memories=[hit.memory.id])
    assert receipt.seqs == (1,)
    with pytest.raises(UsageError, match="no memory"):
        clew.forget(memories=["00" * 10])


def test_a_person_leaves_no_byte_of_text_or_name(memory: Open, tmp_path: Path) -> None:
    clew = told(memory())
    clew.recall("Zanzibar", user="Annabella")
    receipt = clew.forget(user="Annabella")
    assert receipt.mentioned_elsewhere == (5,)
    clew.forget(events=[5])
    clew.close()
    data = raw(tmp_path).lower()
    for word in ("zanzibar", "quillfeather", "überweisung", "annabella", "zeppelin"):
        for form in (word.encode(), word.encode("utf-16-le"), json.dumps(word)[1:-1].encode()):
            assert form not in data
    assert b"quillon" in data  # he still spoke elsewhere


def test_a_receipt_holds_nothing_that_could_be_read(memory: Open) -> None:
    receipt = told(memory()).forget(matching="Quillfeather", reason="asked to")
    assert not [w for w in ("Quillfeather", "Annabella", "Quillon", "Zanzibar") if w.lower() in str(receipt).lower()]
    assert receipt.scanned["forms"] > 3
    assert receipt.scanned["found"] == 0


def test_the_pattern_is_not_written_down(memory: Open, tmp_path: Path) -> None:
    clew = told(memory())
    clew.forget(matching="Quillfeather")
    assert "Quillfeather" not in str([e.body for e in clew.log.read()])


@pytest.mark.parametrize(
    "how", [{}, {"matching": "  "}, {"before": "2026-01-01T00:00:00"}, {"events": ["1) OR (1=1"]}, {"events": [True]}, {"events": [1.5]}]
)
def test_a_forget_that_does_not_say_what_is_refused(memory: Open, how: dict[str, Any]) -> None:
    clew = told(memory())
    with pytest.raises(UsageError):
        clew.forget(**how)
    assert left(clew) == [1, 2, 3, 4, 5]


def test_a_reason_that_repeats_what_goes_is_refused(memory: Open) -> None:
    clew = told(memory())
    with pytest.raises(UsageError, match="reason"):
        clew.forget(events=[1], reason="it was about Quillfeather")
    assert left(clew) == [1, 2, 3, 4, 5]


def test_forgetting_what_is_not_there_changes_nothing(memory: Open) -> None:
    clew = told(memory())
    assert clew.forget(user="nobody").why == "nothing matched"
    assert clew.log.head() == 5


def test_words_that_every_file_holds_do_not_keep_a_receipt_open(memory: Open) -> None:
    clew = memory()
    clew.record(
        [
            {"role": "user", "content": "the event, the memory, the answer and the partition were superseded"},
            {"role": "assistant", "content": "generation"},
        ],
        user="ana",
    )
    clew.catch_up()
    receipt = clew.forget(user="ana")
    assert receipt.state == "erased", receipt.why


def test_words_in_any_part_of_a_message_are_matched(memory: Open) -> None:
    clew = memory()
    clew.record({"content": "hi there", "data": {"note": "Zanzibar"}}, user="ana")
    clew.record({"role": "assistant", "tool_calls": [{"function": {"name": "wire", "arguments": '{"to": "Zanzibar"}'}}]}, user="ana")
    assert clew.forget(matching="zanzibar").seqs == (1, 2)


def test_a_callers_own_feedback_does_not_stop_a_forget(memory: Open) -> None:
    clew = memory()
    for body in ("well done", {"content": "x", "sources": 5}, {"content": "x", "sources": [7]}, {"content": "x", "sources": ["a"]}):
        clew.record(body, user="ana", kind="feedback")
    clew.record("to be forgotten", user="ana")
    assert clew.forget(events=[5]).state == "erased"


def test_an_edit_of_what_is_forgotten_goes_too(memory: Open) -> None:
    clew = told(memory())
    [hit] = clew.recall("Zanzibar", user="Annabella", k=1)
    clew.revise(hit.memory.id, "The Xylophone Transfer is due")
    receipt = clew.forget(events=[1])
    assert receipt.seqs == (1, 6)
    assert not [h for h in clew.recall("Xylophone", user="Annabella") if "Xylophone" in h.memory.text]


def test_what_a_forgotten_event_had_superseded_comes_back(memory: Open) -> None:
    clew = memory(recipes=[superseding])
    clew.record(["home Lisbon", "home Porto"], user="ana")
    clew.catch_up()
    assert [m.text for m in clew.memories(user="ana") if m.retired is None] == ["home Porto"]
    clew.forget(events=[2])
    assert [(m.text, m.retired, m.until) for m in clew.memories(user="ana")] == [("home Lisbon", None, None)]


def _supersede(memories: Any, ctx: Any) -> list[Any]:
    return [*(m.retire(ctx.at, "superseded") for m in ctx.view.all("turn") if m.retired is None), *memories]


superseding = Recipe("superseding", toys.encode.turns, toys.retrieve.bm25, store=_supersede)


PLANTED = {
    "event": "UPDATE event SET payload=CAST('{\"body\": \"' || ?1 || '\"}' AS BLOB) WHERE seq=1",
    "name": "INSERT INTO name(text) VALUES (?1)",
    "answer": "INSERT INTO answer SELECT 99, 'r', x'00', 1, 'p', x'01', 0, 'valid', CAST(?1 AS BLOB), 's', 'm', 1, 0, 0, 0.0, 0, 0, NULL, x'00', x'00'",
    "memory": "INSERT INTO memory SELECT place + 1000, x'00', kind, ?1, user, agent, session, actor, opened, closed, ended, since, until, retired,"
    " status, trust, {extra} rest FROM memory LIMIT 1",
    "link": "INSERT INTO link VALUES (1, ?1)",
    "posting": "INSERT INTO posting VALUES (1, ?1, 0, x'00')",
    "fault": "INSERT INTO fault(error) VALUES (?1)",
    "generation": "UPDATE generation SET declared=json_set(declared, '$.note', ?1)",
    "partition": "UPDATE partition SET waiting=?1",
    "meta": "INSERT INTO meta VALUES ('note', ?1)",
    "key": "INSERT INTO key VALUES (CAST(?1 AS BLOB), 1)",
    "vector": "INSERT INTO vector VALUES (CAST(?1 AS BLOB), 's', x'00', 1, x'00')",
    "block": "INSERT INTO block VALUES (1, ?1, 0, x'00')",
}
FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda t: t.encode(),
    "lower case": lambda t: t.lower().encode(),
    "upper case": lambda t: t.upper().replace("ÜBER", "Über").encode(),
    "UTF-16": lambda t: t.encode("utf-16-le"),
    "UTF-16, big end first": lambda t: t.encode("utf-16-be"),
    "JSON": lambda t: json.dumps(t).encode(),
    "a stemmed term": lambda t: residue.terms(t)[-1].encode(),
}


@pytest.mark.parametrize("table", list(PLANTED))
def test_a_residue_planted_in_any_table_is_found(memory: Open, table: str) -> None:
    clew = told(memory())
    receipt = clew.forget(events=[1])
    assert clew.verify_forgotten(receipt, probes=[SECRET]) == []
    with clew.database.write() as c:
        extra = "".join(f"{n}, " for n in ("length", "traits") if n in {r[1] for r in c.execute("PRAGMA table_info(memory)")})
        c.execute(PLANTED[table].format(extra=extra) if table == "memory" else PLANTED[table], (SECRET,))
    assert clew.verify_forgotten(receipt, probes=[SECRET])
    with clew.database.write() as c:
        if table == "generation":
            c.execute("UPDATE generation SET declared=json_remove(declared, '$.note')")


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("where", ["-wal", "-journal", ".cache", "-vectors"])
def test_a_residue_in_a_file_beside_it_is_found_in_every_form(memory: Open, tmp_path: Path, form: str, where: str) -> None:
    clew = told(memory("odd [1] name?.db"))
    receipt = clew.forget(events=[1])
    path = Path(f"{clew.database.path}{where}")
    if where == "-wal":
        path = Path(f"{clew.database.path}-wal.old")  # the live one cannot be written behind SQLite's back
    path.write_bytes(b"\x00" * 100 + FORMS[form](SECRET) + b"\x00" * 100)
    assert clew.verify_forgotten(receipt, probes=[SECRET])
    path.unlink()
    assert clew.verify_forgotten(receipt, probes=[SECRET]) == []


def test_a_reader_that_holds_the_file_leaves_the_receipt_open_and_erase_closes_it(memory: Open) -> None:
    clew = told(memory())
    clew.database._writer.set_busy_timeout(50)
    hold, done = threading.Event(), threading.Event()

    def read() -> None:
        with clew.database.snapshot():
            hold.set()
            done.wait(20)

    thread = threading.Thread(target=read)
    thread.start()
    hold.wait(20)
    receipt = clew.forget(events=[1])
    done.set()
    thread.join()
    assert receipt.state == "withdrawn"
    assert "erase" in receipt.why
    assert not clew.recall("Zanzibar", user="Annabella") or "Zanzibar" not in str(clew.recall("Zanzibar", user="Annabella"))
    again = clew.erase(receipt)
    assert again.state == "erased", again.why
    assert clew.verify_forgotten(again, probes=[SECRET]) == []


def test_an_answer_that_rests_on_what_went_is_withheld_and_not_asked_again(memory: Open) -> None:
    clew = memory(recipes=[toys.asking], models=Models(asker=Fickle()))
    clew.record(["the copper ledger", "the copper harbour", "the copper tide"], user="ana")
    clew.catch_up()
    calls = clew.models.asker.calls  # type: ignore[union-attr]
    receipt = clew.forget(events=[1])
    clew.catch_up()
    assert clew.models.asker.calls == calls, "a forget must not spend: what was erased is withheld until it is asked for anew"  # type: ignore[union-attr]
    assert receipt.counts["answer"] > 0
    assert clew.answers.verify()


def test_a_rebuild_after_a_forget_needs_no_model(memory: Open) -> None:
    clew = memory(recipes=[toys.asking], models=Models(asker=Fickle()))
    clew.record([f"the copper ledger {i}" for i in range(6)], user="ana")
    clew.catch_up()
    clew.close()
    clew = memory(recipes=[toys.asking], models=Models(asker=Dead("fake:fickle")))
    clew.forget(events=[2])
    assert clew.catch_up() == {"asking": "folded"}
    old = list(clew._views.serving("asking").view.dump())
    made = clew.rebuild("asking", promote=False)
    assert old == list(clew._views.view(made, toys.asking).dump())


def test_an_operator_can_tell_an_erased_answer_from_a_bad_one(memory: Open) -> None:
    def note(events: Any, ctx: Any) -> Any:
        try:
            return [ctx.memory(ctx.ask("say", toys.forms.text(60), event=events[0], near=ctx.view.all()))]
        except Withheld:
            return [ctx.memory(f"withheld: {events[0].text}")]

    clew = memory(
        recipes=[Recipe("noting", note, toys.retrieve.bm25, needs=frozenset({"ask"}), prompts={"say": "$event $near"})],
        models=Models(asker=Fickle()),
    )
    clew.record(["one copper", "two copper"], user="ana")
    clew.catch_up()
    clew.forget(events=[1])
    assert [m.text for m in clew.memories(user="ana")] == ["withheld: two copper"]


class Interrupted:
    """While it thinks, somebody forgets what it was shown."""

    name = "fake:interrupted"

    def __init__(self) -> None:
        self.calls, self.meanwhile = 0, lambda: None

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        self.calls += 1
        self.meanwhile()
        return Reply(json.dumps({"text": f"they said: {prompt}"}), self.name)


def test_an_answer_that_comes_after_the_forget_is_not_kept(memory: Open, tmp_path: Path) -> None:
    model = Interrupted()
    plain = Recipe(
        "plain",
        lambda events, ctx: [ctx.memory(ctx.ask("say", toys.forms.text(400), otherwise="nothing", event=events[0]))],
        toys.retrieve.bm25,
        needs=frozenset({"ask"}),
        prompts={"say": "Repeat $event"},
    )
    clew, other = memory(recipes=[plain], models=Models(asker=model)), memory(recipes=["verbatim"])
    clew.record(SECRET, user="ana")
    receipts = []

    def meanwhile() -> None:
        if not receipts:
            receipts.append(other.forget(events=[1]))

    model.meanwhile = meanwhile  # type: ignore[assignment]
    clew.catch_up()
    clew.catch_up()
    assert receipts
    assert not [m for m in clew.memories(user="ana") if "Zanzibar" in m.text]
    again = other.erase(receipts[0])
    assert clew.verify_forgotten(again, probes=[SECRET]) == []


def test_a_fold_under_way_does_not_land_what_is_forgotten_meanwhile(memory: Open) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(events: Any, ctx: Any) -> Any:
        if "Zanzibar" in events[0].text:
            started.set()
            go.wait(20)
        return toys.encode.turns(events, ctx)

    clew, other = memory(recipes=[Recipe("slow", slow, toys.retrieve.bm25)]), memory(recipes=["verbatim"])
    clew.record(["calm", SECRET, "tide"], user="ana")
    thread = threading.Thread(target=clew.catch_up)
    thread.start()
    assert started.wait(20)
    other.forget(events=[2])
    go.set()
    thread.join()
    clew.catch_up()
    assert [m.text for m in clew.memories(user="ana")] == ["calm", "tide"]


def test_a_backup_that_was_made_here_forgets_too(memory: Open, tmp_path: Path) -> None:
    clew = told(memory())
    clew.backup(tmp_path / "copy.db")
    receipt = clew.forget(user="Annabella")
    assert receipt.state == "erased", receipt.why
    assert b"zanzibar" not in (tmp_path / "copy.db").read_bytes().lower()


def test_a_chinese_name_is_found_where_others_mention_it(memory: Open) -> None:
    clew = memory()
    clew.record("你好", user="李雷", actor="李雷")
    clew.record("昨天我看见李雷在港口", user="bo")
    assert clew.forget(user="李雷", dry_run=True).mentioned_elsewhere == (2,)


def test_a_name_forgotten_everywhere_may_come_back_as_somebody_new(memory: Open) -> None:
    clew = memory()
    clew.record("my old words", user="ana")
    clew.forget(user="ana")
    assert clew.users() == []
    clew.record("my new words", user="ana")
    assert [h.memory.text for h in clew.recall("words", user="ana")] == ["my new words"]
    assert clew.users() == ["ana"]
    assert clew.log.verify()


def test_other_users_keep_their_faults(memory: Open) -> None:
    clew = memory(recipes=[toys.clumsy])
    for i in range(6):
        clew.record(f"words {i}", user="ana")
        clew.record(f"lines {i}", user="bo")
    clew.catch_up()
    before = [f for f in clew.status()["faults"] if f["seq"] % 2 == 0]
    assert before
    clew.forget(user="ana")
    assert [f for f in clew.status()["faults"] if f["seq"] % 2 == 0] == before


def test_what_was_spent_stays_spent(memory: Open) -> None:
    clew = memory(
        recipes=[toys.asking],
        models=Models(asker=Scripted(lambda p, s: {"choices": []} if "choices" in s["properties"] else {"text": "a note"})),
    )
    clew.record(["one copper", "two copper"], user="ana")
    clew.catch_up()
    before = clew.answers.spent()
    clew.forget(user="ana")
    assert clew.answers.spent() == before


def test_a_word_across_two_values_side_by_side_is_no_residue_and_a_planted_one_is(memory: Open) -> None:
    clew = memory()
    clew.record("the harbour was calm", user="ana")
    clew.catch_up()
    with clew.database.write() as c:
        c.execute("CREATE TABLE planted(one TEXT, other TEXT)")
        c.execute("INSERT INTO planted VALUES ('zebr', 'aline')")  # in the bytes: zebraline
        assert residue.unexplained(c, [b"zebraline"]) == set()
        c.execute("INSERT INTO planted VALUES ('a Zebraline', '')")
        assert residue.unexplained(c, [b"zebraline"]) == {b"zebraline"}


# -- what was concluded from what goes ------------------------------------------------------------------------------


def concluded(clew: Clew) -> Clew:
    """ana says where she keeps a key (1) and that it rains (2); an agent concludes from the first (3), and from that (4)."""
    clew.record(["the Zanzibar key lies under the stone", "it rains in the harbour"], user="ana")
    clew.catch_up()
    [first] = [m for m in clew.memories(user="ana") if "Zanzibar" in m.text]
    clew.record("burglars would find the Quillfeather key", user="ana", actor="agent", basis=[first.id])
    clew.catch_up()
    [second] = [m for m in clew.memories(user="ana") if "burglars" in m.text]
    clew.record("the insurance is worth nothing", actor="agent", basis=[second.id])
    clew.catch_up()
    return clew


def test_what_was_concluded_goes_with_its_premise_and_so_does_what_was_concluded_from_that(memory: Open) -> None:
    clew = concluded(memory())
    tried = clew.forget(events=[1], dry_run=True)
    assert (tried.seqs, tried.counts["conclusion"], tried.counts["memory of verbatim"]) == ((1, 3, 4), 2, 3)
    receipt = clew.forget(matching="zanzibar")
    assert (receipt.seqs, receipt.counts["conclusion"], receipt.state) == ((1, 3, 4), 2, "erased")
    assert [m.text for m in clew.memories(user="ana")] == ["it rains in the harbour"]
    assert clew.verify_forgotten(receipt, probes=["Zanzibar", "Quillfeather", "insurance"]) == []


def test_a_conclusion_may_go_without_its_premise(memory: Open) -> None:
    clew = concluded(memory())
    assert clew.forget(events=[4]).seqs == (4,)
    assert [m.text for m in clew.memories(user="ana") if "key" in m.text] == [
        "the Zanzibar key lies under the stone",
        "burglars would find the Quillfeather key",
    ]


def test_a_conclusion_goes_with_an_event_that_only_a_model_was_shown_for_its_premise(memory: Open) -> None:
    clew = memory(recipes=[toys.asking], models=Models(asker=Fickle()))
    clew.record(["the copper ledger of Zanzibar", "the copper ledger of Porto"], user="ana")
    clew.catch_up()
    [note] = [m for m in clew.memories(user="ana") if m.kind == "note" and {s.seq for s in m.sources} == {2}]
    assert 1 in note.rests
    clew.record("so the ledgers are two", user="ana", basis=[note.id])
    assert clew.forget(events=[1]).seqs == (1, 3)


def test_a_retraction_stays_as_long_as_one_of_its_events_does(memory: Open) -> None:
    clew = memory()
    clew.record(["one harbour", "two harbours", "three harbours"], user="ana")
    clew.retract([1, 2], reason="hearsay")
    assert clew.forget(events=[1]).seqs == (1,)
    assert [m.text for m in clew.memories(user="ana") if m.retired is None] == ["three harbours"]
    assert clew.forget(events=[2]).seqs == (2, 4)


def test_forgetting_the_reason_of_a_retraction_does_not_bring_back_what_it_withdrew(memory: Open) -> None:
    clew = memory()
    clew.record(["the mooring is loose", "the ferry is late"], user="ana")
    clew.retract([1], reason="Zephyrine made it up")
    assert clew.forget(matching="Zephyrine", dry_run=True).seqs == (1, 3)
    assert clew.forget(matching="Zephyrine").seqs == (1, 3)
    assert [m.text for m in clew.memories(user="ana")] == ["the ferry is late"]
    clew.retract([2], reason="hearsay")
    head = clew.log.head()
    assert clew.forget(events=[head]).seqs == (head,), "named by its place, it is meant to be undone"
    assert [m.text for m in clew.memories(user="ana")] == ["the ferry is late"]


def test_an_archiving_stays_as_long_as_one_of_its_memories_does(memory: Open) -> None:
    clew = memory()
    clew.record(["one harbour", "two harbours", "three harbours"], user="ana")
    clew.archive([m.id for m in clew.memories(user="ana")[:2]])
    assert clew.forget(events=[1]).seqs == (1,)
    assert [h.memory.text for h in clew.recall("harbours", user="ana")] == ["three harbours"]
    assert clew.forget(events=[2]).seqs == (2, 4)


def test_a_body_of_a_callers_own_with_a_basis_does_not_stop_a_forget(memory: Open) -> None:
    clew = memory()
    clew.record("to be forgotten", user="ana")
    for data in ({"basis": 5}, {"basis": [7, {"sources": 3}, {"id": 4, "sources": ["x", []]}]}):
        clew.record({"content": "words", "data": data}, user="ana")
        clew.log.append(forgetting.Entry("note", {"content": "words", **data}, forgetting.Scope("ana"), None, 5, None))
    assert clew.forget(events=[1]).seqs == (1,)


def test_events_that_come_while_a_forget_is_planned_are_planned_in(memory: Open) -> None:
    clew = concluded(memory())
    wanted = Wanted(events=(2,))
    stale = forgetting.plan(clew.log, wanted, standing(clew.log))
    [rain] = [m for m in clew.memories(user="ana") if "rains" in m.text]
    clew.record("take an umbrella", user="ana", basis=[rain.id])
    assert forgetting._withdrawn(clew.log, stale, {}, None) is None
    assert clew.forget(events=[2]).seqs == (2, 5)


# -- what comes back, and what stays --------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["clew", "verbatim", "scm"])
def test_a_memory_whose_retirement_is_forgotten_holds_again(memory: Open, recipe: str) -> None:
    clew = memory(recipes=[recipe], models=Models(asker=Fickle()))
    clew.record("I live in Lisbon", user="ana")
    clew.catch_up()
    home = clew.memories(user="ana")[0]
    done = clew.retire(home.id, reason="superseded")
    assert clew.get(home.id).retired == "superseded"
    assert clew.forget(events=[done.seq or 0]).state == "erased"
    again = clew.get(home.id)
    assert (again.text, again.retired, again.until) == (home.text, None, home.until)
    assert again in clew.memories(user="ana")


def test_derived_text_is_made_anew_from_what_survives_or_withheld(memory: Open) -> None:
    summary = Scripted(lambda prompt, schema: {"text": f"a summary of {'Zanzibar' if 'Zanzibar' in prompt else 'Porto'}"})
    clew = memory(recipes=["scm"], models=Models(asker=summary))
    words = "the ledger of Porto was balanced again and again " * 40
    clew.record([{"role": "user", "content": words}, {"role": "assistant", "content": f"Zanzibar owes the rest {words}"}], user="ana")
    clew.catch_up()
    assert "Zanzibar" in str([m.data for m in clew.memories(user="ana")])
    receipt = clew.forget(matching="zanzibar owes")
    assert receipt.state == "erased", receipt.why
    [turn] = clew.memories(user="ana")
    assert "Zanzibar" not in turn.text + str(turn.data)
    assert turn.text.strip() == words.strip()
    assert clew.verify_forgotten(receipt, probes=["Zanzibar"]) == []


@pytest.mark.parametrize("recipe", [toys.crowd, load("verbatim").variant("all", shares="all"), load("clew")])
def test_of_two_users_who_share_a_fact_the_others_stays(memory: Open, recipe: Recipe) -> None:
    clew = memory(recipes=[recipe])
    for user in ("ana", "bo"):
        clew.record("the ferry to Zanzibar leaves at nine", user=user, actor=user)
    clew.catch_up()
    receipt = clew.forget(user="ana")
    assert (receipt.seqs, receipt.state) == ((1,), "erased")
    [hit] = clew.recall("ferry to Zanzibar", user="bo")
    assert (hit.memory.text, hit.memory.actor) == ("the ferry to Zanzibar leaves at nine", "bo")
    assert clew.recall("ferry to Zanzibar", user="ana") == [] or {h.memory.actor for h in clew.recall("ferry", user="ana")} <= {"bo"}
    assert clew.verify_forgotten(receipt) == []


def _merge(memories: Any, ctx: Any) -> list[Any]:
    """What somebody else has said already becomes a memory of both."""
    made = []
    for memory in memories:
        same = next((m for m in ctx.view.all("turn") if m.text == memory.text), None)
        made.append(memory if same is None else same.revised(sources=(*same.sources, *memory.sources), data={"said": 2}))
    return made


def test_a_memory_made_of_two_users_words_is_the_others_alone_afterwards(memory: Open) -> None:
    clew = memory(recipes=[Recipe("merging", toys.encode.turns, toys.retrieve.bm25, store=_merge, shares="all")])
    for user in ("ana", "bo"):
        clew.record("the ferry to Zanzibar leaves at nine", user=user, actor=user)
    clew.catch_up()
    assert [(len(m.sources), m.data["said"]) for m in clew.memories() if m.data.get("said")] == [(2, 2)]
    receipt = clew.forget(user="ana")
    assert receipt.state == "erased", receipt.why
    [hit] = clew.recall("ferry", user="bo")
    assert ([source.seq for source in hit.memory.sources], "said" in hit.memory.data) == ([2], False)


def test_frozen_generations_and_backups_forget_too(memory: Open, tmp_path: Path) -> None:
    plain = Recipe("plain", toys.encode.turns, toys.retrieve.bm25)
    clew = memory(recipes=[plain])
    told(clew)
    clew.close()
    clew = memory(recipes=[Recipe("plain", toys.encode.turns, toys.retrieve.bm25, version=2)])
    clew.rebuild("plain")
    assert {g.state for g in clew.generations("plain")} == {"frozen", "serving"}
    clew.backup(tmp_path / "copy.db")
    receipt = clew.forget(user="Annabella")
    assert receipt.state == "erased", receipt.why
    for name in ("memory.db", "copy.db"):
        data = (tmp_path / name).read_bytes().lower()
        assert b"zanzibar" not in data and b"annabella likes" not in data
    with clew.database.snapshot() as c:
        assert {g for (g,) in c.execute("SELECT DISTINCT generation FROM partition JOIN memory ON place >> 32 = partition.id")} == {1, 2}
    other = memory("copy.db", recipes=[plain])
    assert other.log.verify() and other.answers.verify()
    assert [e.seq for e in other.log.read() if e.forgotten] == [1, 2, 3]


def test_a_backup_from_before_the_words_is_left_as_it_is(memory: Open, tmp_path: Path) -> None:
    clew = memory()
    clew.record("the harbour is calm", user="ana")
    clew.backup(tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    clew.record(SECRET, user="ana")
    clew.catch_up()
    assert clew.forget(matching="Zanzibar").state == "erased"
    assert (tmp_path / "copy.db").read_bytes() == before
    assert clew.forget(matching="harbour").state == "erased"
    assert b"harbour is calm" not in (tmp_path / "copy.db").read_bytes()


# -- nothing that can be guessed ------------------------------------------------------------------------------------


def test_a_retry_of_a_forgotten_persons_words_is_refused_and_their_keys_cannot_be_guessed(memory: Open) -> None:
    clew = memory()
    clew.record([{"content": "my secret is a zebra", "key": "k1"}, {"content": "so it is", "key": "k2"}], user="ana")
    clew.record("a line of mine", user="bo", key="k1")
    guess = clew.log._mac(forgetting.Entry("message", "", forgetting.Scope("ana"), None, 5, None, "k1"))

    def keys() -> set[bytes]:
        with clew.database.snapshot() as c:
            return {mac for (mac,) in c.execute("SELECT mac FROM key")}

    assert guess in keys()
    clew.forget(events=[1])
    assert guess in keys()  # ana is still there, and her key stands for this event whatever the words
    assert clew.record("other words", user="ana", key="k1").stages["log"] == "refused as forgotten"
    clew.forget(user="ana")
    assert guess not in keys()
    for words, key in (("my secret is a zebra", "k1"), ("so it is", "k2")):
        assert clew.record(words, user="ana", key=key).stages["log"] == "refused as forgotten"
    assert clew.record("somebody new", user="ana", key="k1").stages["log"] == "stored"
    assert clew.record("a line of mine", user="bo", key="k1").stages["log"] == "already"
    assert clew.log.verify()


def test_neither_a_partition_nor_an_answer_tells_whose_it_was_or_what_was_asked(memory: Open) -> None:
    clew = memory(recipes=[toys.asking], models=Models(asker=Fickle()))
    clew.record(["the copper ledger", "the copper harbour"], user="ana")
    clew.record("the copper tide", user="bo")
    clew.catch_up()
    with clew.database.snapshot() as c:
        before = {*c.execute("SELECT part, request FROM answer WHERE seq < 3")}
        mark = c.execute("SELECT mark FROM partition WHERE user=(SELECT id FROM name WHERE text='ana')").get
    assert {part for part, _ in before} == {mark}
    clew.forget(events=[1])
    clew.forget(user="ana")
    clew.rebuild("asking")
    with clew.database.snapshot() as c:
        assert not before & {*c.execute("SELECT part, request FROM answer")}
        assert not c.execute("SELECT 1 FROM answer WHERE part=?", (mark,)).get
        assert not c.execute("SELECT 1 FROM partition WHERE mark=?", (mark,)).get
    assert clew.answers.verify()


def test_what_an_answer_rests_on_and_what_came_of_it_cannot_be_changed_unseen(memory: Open) -> None:
    clew = memory(recipes=[toys.asking], models=Models(asker=Fickle()))
    clew.record(["the copper ledger", "the copper harbour"], user="ana")
    clew.catch_up()
    for change in (
        "UPDATE answer SET outcome='refused' WHERE id=1",
        "DELETE FROM answer_rest WHERE answer=2",
        "INSERT INTO answer_rest VALUES (7, 2)",
        "UPDATE answer SET part=x'00' WHERE id=1",
        "UPDATE answer SET salt=NULL, body=NULL WHERE id=1",
    ):
        with clew.database.write() as c:
            c.execute("SAVEPOINT before")
            c.execute(change)
            with pytest.raises(LogCorrupt):
                answers.walk(c)
            c.execute("ROLLBACK TO before")
    assert clew.answers.verify()


# -- the search of bytes --------------------------------------------------------------------------------------------


def test_words_across_two_pieces_of_a_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residue, "PIECE", 64)
    path = tmp_path / "file"
    form = b"the quillfeather of zanzibar"
    for place in range(40, 130, 7):
        path.write_bytes(b"\x00" * place + form.upper() + b"\x01" * 90)
        found, scanned = residue.scan([path], [form, b"zanzibar", b"never there"], lambda p: io.BytesIO(p.read_bytes()))
        assert (set(found), scanned["bytes"]) == ({form, b"zanzibar"}, place + len(form) + 90)


def test_a_name_is_found_in_what_others_said_however_it_is_written(memory: Open) -> None:
    clew = memory()
    clew.record("hello", user="Ann", actor="Ann")
    texts = ["ANN came", "we met\nAnn there", 'she said "Ann"', "Annabel came", "planning"]
    clew.record([{"role": "user", "content": text} for text in texts], user="bo")
    assert clew.forget(user="Ann", dry_run=True).mentioned_elsewhere == (2, 3, 4)


def test_a_forget_that_was_cut_off_before_the_cleaning_is_seen_and_ended(memory: Open, tmp_path: Path) -> None:
    clew, today = told(memory()), datetime.now(UTC).date()
    clew.backup(tmp_path / "copy.db")
    clew.retention()
    receipt, _ = forgetting.forget(clew.log, Wanted(user="Annabella"))
    clew.close()
    clew = memory()
    assert not forgetting.due(clew.log, today)  # the one who forgets may be about to clean
    with clew.database.write() as c:
        c.execute("UPDATE meta SET value = value - 700000000 WHERE key = 'cleaning'")
    assert forgetting.due(clew.log, today)
    assert b"zanzibar" in (tmp_path / "copy.db").read_bytes().lower()
    assert [why for why in clew.verify_forgotten(receipt) if "not cleaned yet" in why]
    clew.retention()
    assert not forgetting.due(clew.log, today)
    assert clew.verify_forgotten(receipt, probes=[SECRET]) == []
    assert b"zanzibar" not in (tmp_path / "copy.db").read_bytes().lower()


def test_what_is_written_and_deleted_after_the_cleaning_is_not_taken_for_what_was_forgotten(memory: Open) -> None:
    clew = told(memory())
    clew.record([f"a long tale of {n} ships" * 20 for n in range(200)], user="bo")
    clew.catch_up()
    receipt = clew.forget(user="Annabella")
    clew.rebuild()  # and the rows of the view that it replaces go
    assert clew.database.reader().execute("PRAGMA freelist_count").get
    assert receipt.state == "erased" and clew.verify_forgotten(receipt, probes=[SECRET]) == []


# -- anything, in any order -----------------------------------------------------------------------------------------


def lived(clew: Clew, luck: random.Random) -> None:
    """A random life: words with a token of their own, conclusions that repeat their premises' tokens, edits, retractions, holds, pins."""
    for step in range(30):
        user = luck.choice(["ana", "bo", None])
        known = clew.memories(user=user) if user and luck.random() < 0.7 else []
        standing = [m for m in known if m.retired is None]
        what = luck.choice(["say", "say", "conclude", "revise", "retire", "retract", "archive", "pin"]) if standing else "say"
        some = luck.sample(standing, min(len(standing), 2))
        if what == "say":
            clew.record(f"qz{step}xk said of the harbour", user=user, session=luck.choice(["s1", "s2", None]), key=f"k{step}")
        elif what == "conclude":
            tokens = " ".join(m.text.split()[0] for m in some)
            clew.record(f"{tokens} hence qz{step}xk", user=luck.choice([user, None]), actor="agent", basis=[m.id for m in some])
        elif what == "revise":
            clew.revise(some[0].id, f"{some[0].text.split()[0]} or rather qz{step}xk")
        elif what == "retire":
            clew.retire(some[0].id, reason=luck.choice(["superseded", "corrected", "retracted"]))
        elif what == "retract":
            clew.retract([some[0].sources[0].seq])
        elif what == "archive":
            clew.archive([m.id for m in some])
        else:
            clew.pin(some[0].id)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("recipe", ["verbatim", "rewriting"])
def test_whatever_was_lived_what_is_forgotten_is_gone_and_the_views_are_those_of_what_is_left(
    memory: Open, tmp_path: Path, recipe: str, seed: int
) -> None:
    luck = random.Random(seed)
    clew = memory(recipes=[toys.ALL.get(recipe) or load(recipe)])
    lived(clew, luck)
    held = luck.randint(1, clew.log.head())
    clew.hold(events=[held], reason="an audit")
    texts = {e.seq: str(e.body) for e in clew.log.read()}
    for how in ({"events": luck.sample(range(1, held + 1), min(held, 3))}, {"matching": f"qz{luck.randrange(30)}xk"}, {"user": "ana"}):
        tried = clew.forget(**how, except_held=True, dry_run=True)
        receipt = clew.forget(**how, except_held=True)
        assert receipt.seqs == tried.seqs and receipt.state == "erased", receipt.why
        assert held not in receipt.seqs
        assert clew.verify_forgotten(receipt) == []
    left = {e.seq: e.text for e in clew.log.read() if not e.forgotten}
    assert held in left
    stay = {token for seq in left for token in re.findall(r"qz\d+xk", texts.get(seq, ""))}
    gone = {token for seq in texts if seq not in left for token in re.findall(r"qz\d+xk", texts[seq])} - stay
    assert gone
    data = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.name.startswith("memory.db"))
    assert not [token for token in gone if token.encode() in data]
    clew.catch_up()
    live = list(clew._views.serving(recipe).view.dump())
    made = clew.rebuild(recipe, promote=False)
    assert live == list(clew._views.view(made, clew._views.recipe(recipe)).dump())
    assert clew.log.verify() and clew.answers.verify()
