"""The arena: scores against values worked out by hand, readers on tiny files of each schema, runs that go on."""

import gzip
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clew.arena import halves, report, run, scores
from clew.arena.cases import Case, Question
from clew.arena.controls import controls
from clew.arena.datasets import dataset, names
from clew.arena.systems import Door, FullContext, Room
from clew.errors import NotFound, UsageError
from clew.recipe import load

DATA = os.environ.get("CLEW_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="CLEW_DATA names no folder of evaluation data")


def question(**changes):
    given = {"id": "q", "text": "Where does the heron nest?", "at": None, "gold": ("a",), "category": "one", "group": "g"}
    return Question(**{**given, **changes})


def packed(path: Path, *rows) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        path.write_text(text, encoding="utf-8")
    return path


# -- scores ------------------------------------------------------------------------------------------------------


def test_a_ranking_is_scored_as_by_hand():
    found = scores.ranking(["x", "a", "y", "b", "z"], ["a", "b", "c"])
    assert found["recall@1"] == 0 and found["recall@5"] == pytest.approx(2 / 3)
    assert (found["any@1"], found["any@2"], found["all@20"]) == (0, 1, 0)
    assert found["mrr"] == 0.5
    assert found["map"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found["ndcg@5"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)


def test_a_perfect_ranking_has_one_everywhere_from_the_size_of_the_gold_on():
    found = scores.ranking(["a", "b", "c"], ["b", "a"])
    assert {found[name] for name in ("recall@2", "all@2", "ndcg@2", "mrr", "map", "ndcg@20")} == {1.0}
    assert found["recall@1"] == 0.5 and found["ndcg@1"] == 1


def test_nothing_found_scores_nothing():
    assert set(scores.ranking([], ["a"]).values()) == {0.0}


def test_sessions_are_ranked_by_their_first_event():
    sessions = {"s1#0": "s1", "s1#4": "s1", "s2#0": "s2", "s3#0": "s3"}
    found = scores.scored(question(gold=("s2#0",), sessions=("s2", "s3")), ["s1#0", "s1#4", "s2#0", "s3#0"], sessions, [])
    assert found["session recall@1"] == 0 and found["session all@5"] == 1 and found["session mrr"] == 0.5
    assert found["recall@2"] == 0 and found["recall@3"] == 1


def test_an_answer_is_looked_for_in_whole_words_without_articles_and_punctuation():
    asked = question(gold=("7",), answers=("The Hague",), stale=("3",))
    found = scores.scored(asked, ["3", "7"], {}, ["It moved to Haguenau.", "It sits in the Hague, now."])
    assert (found["answer@1"], found["answer@2"]) == (0, 1)
    assert (found["newest first"], found["stale above"]) == (0, 1)


def test_a_fact_that_was_not_found_stands_below_the_stale_one_that_was():
    asked = question(gold=("7",), answers=("x",), stale=("3",))
    assert scores.scored(asked, ["3"], {}, ["w"])["stale above"] == 1
    assert scores.scored(asked, [], {}, [])["stale above"] == 0


def test_intervals_are_the_same_every_time_and_hold_the_mean():
    values, groups = [1, 0, 1, 1, 0, 0, 1, 1, 0, 1], [f"c{i % 5}" for i in range(10)]
    first, again = scores.estimate(values, groups, "x"), scores.estimate(values, groups, "x")
    assert first == again
    assert first.low < first.mean == 0.6 < first.high and first.n == 10
    assert first.low_by_group is not None and first.low_by_group < 0.6


def test_few_conversations_give_no_interval_by_conversation():
    assert scores.estimate([1, 0, 1, 0], ["a", "a", "b", "b"]).low_by_group is None


def test_equal_values_leave_no_doubt():
    found = scores.estimate([1.0] * 8, [str(i) for i in range(8)])
    assert (found.low, found.mean, found.high, found.low_by_group) == (1, 1, 1, None)


def test_a_table_counts_each_score_over_the_questions_that_have_it():
    found = scores.table([("one", "g", {"mrr": 1.0}), ("two", "g", {"mrr": 0.0, "other": 1.0})])
    assert found["all"]["mrr"].mean == 0.5 and found["all"]["other"].n == 1
    assert list(found) == ["all", "one", "two"] and "other" not in found["one"]


# -- datasets ----------------------------------------------------------------------------------------------------


def test_locomo_turns_are_messages_and_malformed_evidence_is_read(tmp_path):
    turns = [
        {"speaker": "Ada", "dia_id": "D1:1", "text": "I keep bees."},
        {"speaker": "Bo", "dia_id": "D1:2", "text": "Look!", "blip_caption": "a hive"},
    ]
    qa = [
        {"question": "Who keeps bees?", "answer": "Ada", "category": 4, "evidence": ["D1:1; D1:02", "D"]},
        {"question": "Unanswerable?", "category": 5, "evidence": ["D1:1"]},
        {"question": "Lost?", "category": 1, "evidence": ["D9:9"]},
    ]
    sample = {"sample_id": "conv-0", "conversation": {"session_1": turns, "session_1_date_time": "1:56 pm on 8 May, 2023"}, "qa": qa}
    (tmp_path / "locomo_mine.json").write_text(json.dumps([sample]))
    [case] = dataset("locomo").read(tmp_path)
    assert case.events[1] == {
        "content": "Look! [image: a hive]",
        "role": "user",
        "actor": "Bo",
        "at": "2023-05-08T13:56:01+00:00",
        "key": "D1:2",
        "session": "s1",
    }
    assert [(q.gold, q.category, q.group) for q in case.questions] == [(("D1:1", "D1:2"), "single-hop", "conv-0")]


def test_longmemeval_reads_each_session_once_and_leaves_abstention_out(tmp_path):
    packed(
        tmp_path / "s_sessions_x.jsonl.gz",
        {"session_id": "s1", "turns": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": " "}]},
    )
    row = {
        "question_id": "q1",
        "question_type": "multi-session",
        "question": "What?",
        "question_date": "2023/05/30 (Tue) 23:40",
        "group": 7,
        "answer_session_ids": ["s1"],
        "evidence_turns": {"s1": [0]},
        "s_haystack": [["2023/05/20 (Sat) 02:21", "s1"], ["2023/05/21 (Sun) 02:21", "s1"]],
    }
    file = packed(
        tmp_path / "questions_x.jsonl.gz", row, {**row, "question_id": "q2_abs"}, {**row, "question_id": "q3", "s_haystack": None}
    )
    [case] = dataset("longmemeval").read(file)
    assert [e["key"] for e in case.events] == ["s1#0"] and case.events[0]["at"] == "2023-05-20T02:21:00+00:00"
    [asked] = case.questions
    assert (asked.gold, asked.sessions, asked.group, asked.at) == (("s1#0",), ("s1",), "7", "2023-05-30T23:40:00+00:00")


def test_beam_strips_markers_and_carries_dates_on(tmp_path):
    messages = [
        {"id": 0, "role": "user", "content": "I moved. ->-> 1,1", "time_anchor": "March-15-2024"},
        {"id": 1, "role": "assistant", "content": "Noted."},
    ]
    chat = {
        "conversation_id": "100K-0",
        "chat": [{"batch_number": 1, "turns": [messages]}],
        "probing_questions": {
            "knowledge_update": [{"question": "Where?", "source_chat_ids": {"new": [0], "old": [[5]]}}],
            "abstention": [{"question": "Never?", "source_chat_ids": [0]}],
        },
    }
    [case] = dataset("beam").read(packed(tmp_path / "beam_100k_x.jsonl.gz", chat))
    assert [(e["content"], e["at"], e["session"]) for e in case.events] == [
        ("I moved.", "2024-03-15T00:00:00+00:00", "1"),
        ("Noted.", "2024-03-15T00:00:01+00:00", "1"),
    ]
    assert [(q.category, q.gold) for q in case.questions] == [("knowledge_update", ("0",))]


def test_factconsolidation_tells_the_newest_fact_from_those_it_replaced(tmp_path):
    context = (
        "Here is a list of facts:\n0. The mayor of Oz is Ann Lee.\n1. Ann Lee lives in Rome.\n"
        "2. The mayor of Oz is the Old Bear.\n3. Tom likes Old Bear.\n"
    )
    row = {"source": "factconsolidation_sh_6k", "context": context, "questions": ["Who is the mayor of Oz?"], "answers": [["Old Bear"]]}
    file = packed(tmp_path / "factconsolidation_x.jsonl.gz", row, {**row, "source": "factconsolidation_mh_6k"})
    case, chained = dataset("factconsolidation").read(file)
    assert chained.questions[0].gold == () and chained.questions[0].answers == ("Old Bear",)
    [asked] = case.questions
    assert (asked.gold, asked.stale, asked.category) == (("2",), ("0",), "sh_6k")
    assert [e["key"] for e in case.events] == ["0", "1", "2", "3"]


def test_multihop_reads_both_schemas(tmp_path):
    packed(tmp_path / "hotpotqa_corpus.jsonl.gz", {"title": "A", "text": "one. two."}, {"title": "B", "text": "three."})
    packed(
        tmp_path / "hotpotqa_100_x.jsonl",
        {
            "_id": "h",
            "question": "?",
            "answer": "x",
            "supporting_facts": [["A", 0]],
            "context": [["A", ["one.", " two."]], ["B", ["three."]]],
        },
    )
    packed(tmp_path / "musique_corpus.jsonl.gz", {"title": "A", "text": "one."}, {"title": "A", "text": "two."})
    packed(
        tmp_path / "musique_100_x.jsonl",
        {
            "id": "m",
            "question": "?",
            "answer": "y",
            "answer_aliases": ["z"],
            "paragraphs": [
                {"title": "A", "paragraph_text": "two.", "is_supporting": True},
                {"title": "A", "paragraph_text": "one.", "is_supporting": False},
            ],
        },
    )
    hotpot, musique = dataset("multihop").read(tmp_path)
    assert hotpot.questions[0].gold == (hotpot.events[0]["key"],) and hotpot.events[0]["content"] == "A\none. two."
    assert musique.questions[0].gold == (musique.events[1]["key"],) and musique.questions[0].answers == ("y", "z")


def test_madial_asks_with_what_was_said_before_the_first_line_to_be_produced(tmp_path):
    packed(tmp_path / "memory_zh.jsonl", {"1": {"time": "2023-12-25", "scene": "Play", "emotion": "Glad", "event": "She flew a kite."}})
    packed(
        tmp_path / "dialogue_zh_x.jsonl",
        {"dialogue": ["<BOD>\n", "Hi\n", "Hello\n", "told\n"], "test-turn": [3, 2], "relevant-id": [1, 9], "dialogue_index": 4},
    )
    [case] = dataset("madial").read(tmp_path / "dialogue_zh_x.jsonl")
    assert [(q.text, q.gold, q.group) for q in case.questions] == [("Hi", ("1",), "madial-4")]
    assert case.events[0]["content"] == "She flew a kite. (Play, Glad)"


def test_an_unknown_dataset_and_a_missing_file_are_told():
    assert {"beam", "factconsolidation", "locomo", "longmemeval", "madial", "multihop"} <= set(names())
    with pytest.raises(NotFound, match="locomo"):
        dataset("nowhere")
    with pytest.raises(UsageError, match="give the file itself"):
        list(dataset("locomo").read(Path("/nowhere")))


def test_halves_are_fixed_and_share_no_group():
    assert [halves.half(name) for name in ("conv-26", "conv-41", "conv-44", "conv-47", "conv-48", "conv-50")] == [
        "tuning",
        "reporting",
        "reporting",
        "tuning",
        "reporting",
        "tuning",
    ]
    case = Case("c", (), tuple(question(id=str(i), group=str(i)) for i in range(40)))
    [one], [other] = halves.of([case], "tuning"), halves.of([case], "reporting")
    assert len(one.questions) + len(other.questions) == 40 and not set(one.questions) & set(other.questions)
    assert list(halves.of([case], "all")) == [case]


# -- runs --------------------------------------------------------------------------------------------------------


def little(name: str) -> Case:
    texts = ["The heron nests in the alder by the weir.", "Rain fell on Tuesday.", "We mended the oars.", "The kettle is broken again."]
    events = tuple(
        {"content": text, "role": "user", "at": f"2026-05-0{i + 1}T10:00:00+00:00", "key": f"k{i}", "session": f"s{i // 2}"}
        for i, text in enumerate(texts)
    )
    nest = question(id=f"{name}-q", gold=("k0",), group=name)
    return Case(name, events, (nest, question(id=f"{name}-r", text="What did we mend?", gold=("k2",), group=name)))


def test_recipes_and_controls_find_through_the_door_alone(tmp_path):
    for system in [Door(load("verbatim")), *controls()]:
        with Room(system, little("c")) as memory:
            found = memory.find("Where does the heron nest?", None, 4)
            assert memory.bytes() > 0 and memory.faults() == 0
        if not isinstance(system, FullContext):
            assert found.keys[0] == "k0" and found.texts[0].startswith("The heron"), system.name
        else:
            assert found.keys == ("k3", "k2", "k1", "k0")
    assert len({system.name for system in controls()}) == 5


def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(tmp_path):
    cases, system, about = [little("a"), little("b")], FullContext(), {"dataset": "mine"}
    whole = list(run.attended(system, cases, run.Plan("locomo", tmp_path, tmp_path), about))
    file = tmp_path / "full-context.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    again = list(run.attended(system, cases, run.Plan("locomo", tmp_path, tmp_path), about))
    assert again[0] == whole[0] and [row["case"] for row in again] == ["a", "b"]
    assert len(run.kept(file, about)) == 2
    assert run.kept(file, {"dataset": "another"}) == {}


def test_results_hold_what_they_depend_on_and_make_a_page_that_needs_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "dataset", lambda name: type("Set", (), {"read": staticmethod(lambda path: iter([little("a"), little("b")]))}))
    outcome = run.run(run.Plan("mine", tmp_path, tmp_path / "mine-all"), [Door(load("verbatim")), *controls()], quiet=True)
    assert outcome["questions"] == 4 and outcome["versions"]["python"] and outcome["seed"] == scores.SEED
    mine = outcome["systems"]["verbatim"]
    assert mine["scores"]["all"]["recall@1"]["mean"] == 1 and mine["faults"] == 0 and mine["bytes_a_memory"] > 0
    page, text = report.write(tmp_path, tmp_path)
    assert "<svg" in page.read_text() and "http" not in page.read_text()
    assert "| verbatim[bm25] | 100.0" in text.read_text()
    with pytest.raises(NotFound, match="clew arena run"):
        report.results(tmp_path / "nothing")


@needs_data
@pytest.mark.parametrize("name", ["locomo", "longmemeval", "beam", "factconsolidation", "multihop", "madial"])
def test_real_files_are_read_and_every_gold_event_exists(name):
    module = dataset(name)
    cases = []
    for case in module.read(Path(DATA, module.FOLDER)):
        keys = [e["key"] for e in case.events]
        assert len(set(keys)) == len(keys)
        assert all(set(q.gold) <= set(keys) for q in case.questions)
        cases.append(case)
        if len(cases) == 20:
            break
    assert any(q.gold for case in cases for q in case.questions)


@needs_data
def test_one_conversation_scores_as_the_shared_program_does(tmp_path):
    program = Path(DATA).parent / "tools" / "evidence.py"
    if not program.exists():
        pytest.skip("the shared evidence program is not there")
    sample = json.loads((Path(DATA) / "locomo" / "locomo_public.json").read_text())[0]
    sample["qa"] = sample["qa"][:40]
    (tmp_path / "locomo_one.json").write_text(json.dumps([sample]))
    told = subprocess.run(
        [sys.executable, str(program), "locomo", f"data={tmp_path}", "recipe=verbatim"], capture_output=True, text=True, check=False
    ).stdout
    theirs = {line.split("  ")[0].strip(): float(line.split()[-2]) for line in told.splitlines() if "n=" in line}
    rows = list(run.attended(Door(load("verbatim")), list(dataset("locomo").read(tmp_path)), run.Plan("locomo", tmp_path, tmp_path), {}))
    mine = run.summary(rows)["scores"]
    compared = 0
    for name, value in theirs.items():
        score, _, category = name.partition("/")
        ours = mine["all" if category == "all questions" else category][score]
        assert round(100 * ours["mean"], 1) == value, name
        compared += 1
    assert compared >= 12
