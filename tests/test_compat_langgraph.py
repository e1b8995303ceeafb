"""LangGraph's store on Clew: the same answers as LangGraph's own in-memory store, operation by operation, and what only Clew does."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

base = pytest.importorskip("langgraph.store.base", reason="LangGraph is not installed: pip install langgraph-checkpoint")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp  # noqa: E402
from langgraph.store.memory import InMemoryStore  # noqa: E402

from clew import Clew, UsageError  # noqa: E402
from clew.compat.langgraph import ClewStore  # noqa: E402

NS = ("memories", "ana")


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Callable[..., ClewStore]]:
    opened: list[ClewStore] = []

    def make(**options: Any) -> ClewStore:
        opened.append(ClewStore(tmp_path / f"{len(opened)}.db", **options))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def s(stored: Callable[..., ClewStore]) -> ClewStore:
    return stored()


# -- the contract, beside LangGraph's own store ---------------------------------------------------------------------

labels = st.sampled_from(["memories", "ana", "ben", "work", "*x"])
namespaces = st.lists(labels, min_size=1, max_size=3).map(tuple)
keys = st.sampled_from(["a", "b", "c"])
values = st.fixed_dictionaries(
    {"text": st.sampled_from(["a red boat", "a blue boat", "tea", ""]), "n": st.integers(-3, 3) | st.floats(-2, 2)},
    optional={"tags": st.lists(st.sampled_from(["x", "y"]), max_size=2), "of": st.fixed_dictionaries({"kind": st.sampled_from("pq")})},
)
compared = st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), st.integers(-2, 2)).map(lambda pair: dict([pair]))
filters = st.none() | st.fixed_dictionaries(
    {}, optional={"n": compared | st.integers(-1, 1), "tags": st.just(["x"]), "of": st.just({"kind": "p"}), "text": st.just("tea")}
)
puts = st.builds(PutOp, namespaces, keys, st.none() | values)
paths = st.lists(labels | st.just("*"), min_size=1, max_size=2).map(tuple)
reads = (
    st.builds(GetOp, namespaces, keys)
    | st.builds(SearchOp, st.just(()) | namespaces, filter=filters, limit=st.just(100), offset=st.just(0))
    | st.builds(
        SearchOp, st.just(()) | namespaces, filter=filters, limit=st.just(100), offset=st.just(0), query=st.sampled_from(["boat", "tea"])
    )
    | st.builds(
        ListNamespacesOp,
        st.none() | st.lists(st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), paths), min_size=1, max_size=2).map(tuple),
        max_depth=st.none() | st.integers(1, 3),
        limit=st.just(100),
        offset=st.just(0),
    )
)


def plain(result: Any) -> Any:
    """An answer without what two stores cannot share: times, and the order of documents that no query ranks."""
    if isinstance(result, list) and result and isinstance(result[0], tuple):
        return result
    if isinstance(result, list):
        return sorted((item.namespace, item.key, repr(item.value)) for item in result)
    return result if result is None else (result.namespace, result.key, result.value)


fresh = itertools.count()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(puts | reads, min_size=1, max_size=4), max_size=6))
def test_it_answers_as_the_in_memory_store_does(tmp_path: Path, batches: list[list[Any]]) -> None:
    theirs, ours = InMemoryStore(), ClewStore(tmp_path / f"h{next(fresh)}.db", recipes=["verbatim"], deletes="retire")
    for batch in batches:
        filled = {item.namespace for item in theirs.search((), limit=1000)}  # it lists emptied namespaces, and those only asked for
        expected, got = theirs.batch(batch), ours.batch(batch)
        for op, one, other in zip(batch, expected, got, strict=True):
            if isinstance(op, ListNamespacesOp):
                one = sorted({ns[: op.max_depth] for ns in filled} & {*one})
                assert {*other} <= {ns[: op.max_depth] for ns in filled}
                assert [ns for ns in other if ns in {*one}] == one
            else:
                assert plain(other) == plain(one), op
    ours.close()


def test_documents_come_back_as_they_were_put(s: ClewStore) -> None:
    value = {"text": "naïve ☂", "deep": {"list": [1, 2.5, None, True, {"a": []}]}, "0": ""}
    s.put(NS, "k", value)
    first = s.get(NS, "k")
    assert first is not None and first.value == value and first.namespace == NS and first.created_at == first.updated_at
    s.put(NS, "k", {"text": "other"})
    second = s.get(NS, "k")
    assert second is not None and second.value == {"text": "other"} and second.created_at == first.created_at < second.updated_at
    with pytest.raises(UsageError, match="a body must be JSON"):
        s.put(NS, "bad", {"when": object()})


def test_a_search_ranks_and_pages_and_fills_up_with_what_has_no_words(s: ClewStore) -> None:
    for n, words in enumerate(["the ferry leaves at noon", "tea with milk", "a ferry to the island"]):
        s.put(NS, f"k{n}", {"text": words, "n": n})
    s.put(NS, "hidden", {"text": "ferry", "n": 9}, index=False)
    s.put(("memories", "ben"), "k0", {"text": "ben's ferry", "n": 0})
    found = s.search(NS, query="when does the ferry leave?")
    assert found[0].key == "k0" and found[-1].key == "hidden" and found[-1].score is None
    scores = [item.score for item in found[:-1]]
    assert all(score is not None for score in scores) and scores == sorted(scores, reverse=True)
    pages = [s.search(NS, query="when does the ferry leave?", limit=2, offset=at)[0].key for at in (0, 2)]
    assert pages == [found[0].key, found[2].key]
    assert {item.namespace for item in s.search(("memories",), query="ferry")} == {NS, ("memories", "ben")}
    assert [i.key for i in s.search(NS, query="ferry", filter={"n": {"$gte": 2, "$lt": 9}})] == ["k2"]
    with pytest.raises(UsageError, match="no filter operator '\\$like'"):
        s.search(NS, filter={"n": {"$like": 1}})


def test_only_the_fields_that_are_named_are_searched(stored: Callable[..., ClewStore]) -> None:
    s = stored(fields=["title"])
    s.put(NS, "a", {"title": "harbour", "body": "lighthouse"})
    s.put(NS, "b", {"title": "market", "body": "harbour"}, index=["body"])
    assert sorted(m.text for m in s.clew.memories(user="memories.ana", kind="turn")) == ["harbour", "harbour"]


def test_a_put_supersedes_what_was_there_and_other_doors_see_one_document(s: ClewStore) -> None:
    s.put(NS, "home", {"text": "Ana lives in Lisbon"})
    s.put(NS, "home", {"text": "Ana lives in Porto"})
    found = s.clew.recall("where does Ana live?", user="memories.ana")
    assert [h.memory.text for h in found] == ["Ana lives in Porto"]
    before = {m.text: m.retired for m in s.clew.memories(user="memories.ana", kind="turn")}
    assert before == {"Ana lives in Porto": None, "Ana lives in Lisbon": "superseded"}
    assert [i.value["text"] for i in s.search(NS, query="where does Ana live?")] == ["Ana lives in Porto"]


def test_what_is_deleted_is_in_no_byte_of_any_version(s: ClewStore) -> None:
    s.put(NS, "k", {"text": "the Zanzibar ledger"})
    s.put(NS, "k", {"text": "the Quillon ledger"})
    s.put(NS, "other", {"text": "the tide table"})
    s.delete(NS, "k")
    assert s.get(NS, "k") is None and [i.key for i in s.search(NS)] == ["other"] == [i.key for i in s.search(NS, query="ledger")]
    s.clew.database.close()
    raw = b"".join(p.read_bytes() for p in Path(s.clew.database.path).parent.glob("0.db*"))
    assert b"Zanzibar" not in raw and b"Quillon" not in raw and b"tide table" in raw


def test_two_stores_on_one_file_see_each_others_writes_and_what_another_door_forgot(tmp_path: Path) -> None:
    with Clew(tmp_path / "m.db") as one, Clew(tmp_path / "m.db") as two:
        a, b = ClewStore(one, user=1), ClewStore(two, user=1)
        a.put(NS, "k", {"text": "tea"})
        a.put(("memories", "ben"), "k", {"text": "milk"})
        assert b.search(NS)[0].value == {"text": "tea"} and len(b.list_namespaces()) == 2
        two.forget(user="ana")
        assert a.get(NS, "k") is None and a.list_namespaces() == b.list_namespaces() == [("memories", "ben")]
        a.put(NS, "k", {"text": "coffee"})
        assert b.search(("memories",), query="coffee")[0].value == {"text": "coffee"}
        a.put(("short",), "k", {"text": "without a user"})
        assert b.search(("short",), query="user")[0].key == "k"
    with pytest.raises(UsageError, match="this one is open"):
        ClewStore(one, audit=True)


def test_it_says_that_nothing_expires_and_takes_awaited_calls(s: ClewStore) -> None:
    with pytest.raises(NotImplementedError, match="TTL"):
        s.put(NS, "k", {"text": "tea"}, ttl=5)

    async def talk() -> None:
        await s.aput(NS, "k", {"text": "tea"})
        assert (await s.asearch(NS, query="tea"))[0].key == "k" and (await s.aget(NS, "k")) is not None
        assert await s.alist_namespaces(max_depth=1) == [("memories",)]
        await s.adelete(NS, "k")
        assert await s.aget(NS, "k") is None

    asyncio.run(talk())
    with pytest.raises(UsageError, match="0 or more"):
        s.search(NS, limit=-1)
    with pytest.raises(UsageError, match="there is no operation"):
        s.batch(["get"])  # type: ignore[list-item]
