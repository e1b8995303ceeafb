"""Hindsight's verbs on Clew: retain, recall, reflect; documents that are replaced and not lost; banks that are apart and can go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clew import UsageError
from clew.compat.hindsight import Hindsight


@pytest.fixture
def h(tmp_path: Path) -> Iterator[Hindsight]:
    with Hindsight(tmp_path / "m.db") as found:
        yield found


def test_what_is_retained_is_recalled_with_all_that_was_said_about_it(h: Hindsight) -> None:
    done = h.retain(
        "ana",
        "The ferry leaves pier 3 at noon",
        timestamp="2026-05-01T08:00:00+02:00",
        context="timetable",
        tags=["sea"],
        metadata={"a": "b"},
    )
    assert done.success and done.items_count == 1 and len(done.memory_ids) == 1
    [found] = h.recall("ana", "when does the ferry leave?", trace=True).results
    assert (found.id, found.text, found.context, found.tags, found.metadata) == (
        done.memory_ids[0], "The ferry leaves pier 3 at noon", "timetable", ["sea"], {"a": "b"},
    )  # fmt: skip
    assert found.mentioned_at == "2026-05-01T06:00:00+00:00" and found.scores is not None
    assert h.recall("ben", "when does the ferry leave?").results == []


def test_tags_choose_in_each_of_the_five_ways(h: Hindsight) -> None:
    h.retain_batch("ana", [{"content": f"boat number {n}", "tags": tags} for n, tags in enumerate([[], ["a"], ["a", "b"], ["c"]])])

    def found(match: str, *tags: str) -> set[str]:
        return {r.text[-1] for r in h.recall("ana", "boat number", tags=list(tags), tags_match=match).results}

    assert found("any", "a") == {"0", "1", "2"} and found("any_strict", "a") == {"1", "2"}
    assert found("all", "a", "b") == {"0", "2"} and found("all_strict", "a", "b") == {"2"} == found("exact", "b", "a")
    with pytest.raises(UsageError, match="tags_match is one of"):
        found("some", "a")


def test_a_document_is_replaced_or_appended_to_and_its_old_words_stay_in_history(h: Hindsight) -> None:
    [old] = h.retain("ana", "version one of the plan", document_id="plan").memory_ids
    h.retain("ana", "version two of the plan", document_id="plan")
    assert [i["text"] for i in h.list_memories("ana", document_id="plan")["items"]] == ["version two of the plan"]
    assert h.clew.history(old)[-1][0].retired == "superseded"
    h.retain("ana", "an addition to the plan", document_id="plan", update_mode="append")
    assert h.list_memories("ana", limit=1, offset=1)["items"][0]["text"] == "an addition to the plan"
    assert h.list_memories("ana")["total"] == 2


def test_budgets_bound_what_is_given_and_what_has_no_effect_warns(h: Hindsight) -> None:
    h.retain_batch("ana", [{"content": f"a long note about the harbour, number {n}"} for n in range(15)], document_tags=["notes"])
    assert len(h.recall("ana", "harbour note", budget="low").results) == 10
    assert len(h.recall("ana", "harbour note", budget="high", max_tokens=25).results) == 2
    with pytest.raises(UsageError, match="budget is low, mid or high"):
        h.recall("ana", "harbour", budget="huge")
    with pytest.warns(UserWarning, match="recall.. does not know types"):
        h.recall("ana", "harbour", types=["world"])
    with pytest.warns(UserWarning, match="retain.. does not know entities"):
        h.retain("ana", "x", entities=[])
    with pytest.warns(UserWarning, match="create_bank.. does not know mission"):
        assert h.create_bank("ana", mission="m") == {"bank_id": "ana", "name": "ana"}
    with pytest.raises(UsageError, match="needs content"):
        h.retain_batch("ana", [{"text": "x"}])


def test_a_reflection_quotes_what_it_rests_on_and_says_nothing_without_support(h: Hindsight) -> None:
    h.retain("ana", "My sister Berta lives in Porto")
    found = h.reflect("ana", "Where does Berta live?")
    assert "Porto" in found.text and found.based_on[0]["text"] == "My sister Berta lives in Porto"
    assert h.reflect("ben", "Where does Berta live?").text == ""


def test_a_document_and_a_bank_can_be_forgotten(h: Hindsight, tmp_path: Path) -> None:
    h.retain("ana", "the Zanzibar ledger", document_id="d1")
    h.retain("ana", "the Quillon ledger")
    h.retain("ben", "the tide table")
    receipt = h.delete_document("ana", "d1")
    assert receipt is not None and receipt.state == "erased" and h.list_memories("ana")["total"] == 1
    h.delete_bank("ana")
    assert h.list_memories("ana")["total"] == 0 and h.list_memories("ben")["total"] == 1
    h.clew.database.close()
    raw = b"".join(p.read_bytes() for p in tmp_path.glob("m.db*"))
    assert b"Zanzibar" not in raw and b"Quillon" not in raw and b"tide table" in raw
