"""Chunks named by their first and last words are found again in the source, and together they are the source."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from clew.operators.documents import spans

TEXT = (
    "The pump of the Halcyon broke off Skye. She was towed to Mallaig.  A new impeller came by ferry, and we fitted it.\nThe bilge is dry."
)
MARKS = (("The pump of the", "to Mallaig."), ("A new impeller", "we fitted it."), ("The bilge", "is dry."))
ALPHABET = "ab \u00e9\u5929\n.,Z\U0001f44d\u0130"
texts = st.text(alphabet=ALPHABET, max_size=60)
marks = st.lists(st.tuples(st.text(alphabet=ALPHABET, max_size=8), st.text(alphabet=ALPHABET, max_size=8)), max_size=6)


def plain(a: str, b: str) -> int:
    """The edit distance by the textbook's table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def pieces(marks: tuple[tuple[str, str], ...], text: str = TEXT) -> list[str]:
    return [text[c.start : c.end].strip() for c in spans.recovered(text, marks)]


def test_marks_give_the_chunks_word_for_word() -> None:
    assert pieces(MARKS) == [
        "The pump of the Halcyon broke off Skye. She was towed to Mallaig.",
        "A new impeller came by ferry, and we fitted it.",
        "The bilge is dry.",
    ]
    assert [c.marks for c in spans.recovered(TEXT, MARKS)] == [(0,), (1,), (2,)]


def test_marks_that_a_model_copied_carelessly_are_found_by_likeness() -> None:
    careless = (("the pump, of the", "towed to Malaig"), ("A new impeler came", "we fited it"), ("The bildge", "dry"))
    assert pieces(careless) == pieces(MARKS)


def test_a_mark_that_is_nowhere_makes_no_chunk_and_loses_no_text() -> None:
    invented = (MARKS[0], ("Dinner was mackerel with lemon", "and everybody slept well"), MARKS[2])
    assert pieces(invented) == [TEXT[: TEXT.index("The bilge")].strip(), "The bilge is dry."]
    assert pieces((("zebra crossing", "of the moon"),)) == [TEXT] == pieces(())
    assert spans.recovered("", MARKS) == []


def test_a_chunk_is_looked_for_after_the_one_before_it() -> None:
    text = "It rained. Ana left. It rained. Bo left."
    assert pieces((("It rained", "Ana left."), ("It rained", "Bo left.")), text) == ["It rained. Ana left.", "It rained. Bo left."]


@settings(max_examples=400, deadline=None)
@given(texts, marks)
def test_whatever_the_marks_the_chunks_in_a_row_are_the_text(text: str, marks: list[tuple[str, str]]) -> None:
    cuts = spans.recovered(text, marks)
    assert "".join(text[c.start : c.end] for c in cuts) == text
    assert all(c.start < c.end for c in cuts) and all(a.end == b.start for a, b in pairwise(cuts))
    used = [m for c in cuts for m in c.marks]
    assert used == sorted(set(used)) and all(0 <= m < len(marks) for m in used)


@settings(max_examples=300, deadline=None)
@given(texts, marks, st.integers(0, 30), st.integers(0, 60))
def test_merged_chunks_in_a_row_are_the_text_too(text: str, marks: list[tuple[str, str]], least: int, most: int) -> None:
    cuts = spans.recovered(text, marks)
    found = spans.merged(text, cuts, least, most)
    assert "".join(text[c.start : c.end] for c in found) == text
    assert [m for c in found for m in c.marks] == [m for c in cuts for m in c.marks]
    if text.strip():
        assert all(text[c.start : c.end].strip() for c in found)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="abcdefg ,.", min_size=12, max_size=30).filter(lambda t: t.strip() == t), min_size=1, max_size=5))
def test_chunks_marked_by_their_own_words_come_back(parts: list[str]) -> None:
    """Each part starts with words of its own, so that there is one way to read the marks."""
    parts = [f"Part{i}x {p} end{i}x" for i, p in enumerate(parts)]
    text = "\n".join(parts)
    cuts = spans.recovered(text, [(p.split()[0], p.split()[-1]) for p in parts])
    assert [text[c.start : c.end].strip() for c in cuts] == parts


def test_a_short_chunk_joins_a_neighbour_only_up_to_a_length() -> None:
    cuts = spans.recovered(TEXT, MARKS)
    assert [c.marks for c in spans.merged(TEXT, cuts, 20, 100)] == [(0,), (1, 2)]
    assert [c.marks for c in spans.merged(TEXT, cuts, 20, 50)] == [(0,), (1,), (2,)], "together they would be too long"
    assert [c.marks for c in spans.merged(TEXT, cuts, 0, 500)] == [(0,), (1,), (2,)], "none is short"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abc", max_size=9), st.text(alphabet="abc", max_size=9))
def test_the_distance_is_that_of_levenshtein(a: str, b: str) -> None:
    assert spans.distance(a, b) == plain(a, b) == spans.distance(b, a)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab ", min_size=1, max_size=7), st.text(alphabet="ab ", max_size=20))
def test_the_nearest_place_is_as_near_as_any(mark: str, text: str) -> None:
    found = spans.nearest(mark, text)
    least = min(plain(mark, text[i:j]) for i in range(len(text) + 1) for j in range(i, len(text) + 1))
    if found is None:
        assert least > spans.SLACK * len(mark) or not text or least == len(mark)
    else:
        assert least <= spans.SLACK * len(mark) and 0 <= found[0] < found[1] <= len(text)
