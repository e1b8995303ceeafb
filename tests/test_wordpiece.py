"""The tokenizer gives the pieces that BERT uncased gives; the expected ones were checked against the reference tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.models.static import DATA
from clew.models.wordpiece import LONGEST_KEPT, WordPiece, read

VOCABULARY = (DATA / "vocab.txt").read_bytes()
PIECES = VOCABULARY.decode().split("\n")
TOKENIZER = read(VOCABULARY)

KNOWN = [
    ("Hello, World!", "hello , world !"),
    ("unaffable", "una ##ffa ##ble"),
    ("Café Zürich naïve", "cafe zurich naive"),
    ("it's 9:30 a.m. – OK?", "it ' s 9 : 30 a . m . – ok ?"),
    ("e-mail bob_smith@example.com", "e - mail bob _ smith @ example . com"),
    ("$5.99 + 10% = ~16^2", "$ 5 . 99 + 10 % = ~ 16 ^ 2"),
    ("我住在北京 since 2020", "我 [UNK] [UNK] 北 京 since 2020"),
    ("abc中文def", "abc 中 文 def"),
    ("Straße İstanbul ΣΟΦΟΣ", "st ##raße istanbul σ ##ο ##φ ##ο ##σ"),
    ("한국", "ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ"),
    ("hi 🎉 there", "hi [UNK] there"),
    ("great🎉", "[UNK]"),
    ("zero\u200bwidth", "zero ##wi ##dt ##h"),
    ("one\x0btwo", "one ##t ##wo"),
    ("line\u2028break\u00a0here\ttab", "line break here tab"),
    ("don't... wait--what?!", "don ' t . . . wait - - what ? !"),
    ("\u00bfQu\u00e9 pasa?", "¿ que pas ##a ?"),
]


def pieces(text: str) -> str:
    """The pieces of a text, with spaces between."""
    return " ".join(PIECES[i] for i in TOKENIZER.ids(text))


@pytest.mark.parametrize(("text", "expected"), KNOWN)
def test_a_text_has_the_pieces_that_bert_gives_it(text: str, expected: str) -> None:
    assert pieces(text) == expected


def test_a_special_piece_in_a_text_is_only_text() -> None:
    assert pieces("[CLS] [UNK]") == "[ cl ##s ] [ un ##k ]"


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0", "\x00\ufffd\u200b", "\u0301"])
def test_a_text_of_nothing_visible_has_no_pieces(text: str) -> None:
    assert TOKENIZER.ids(text).tolist() == []


def test_a_word_of_more_than_a_hundred_characters_is_unknown_as_a_whole() -> None:
    assert pieces("a" * 101) == "[UNK]"
    assert "[UNK]" not in pieces("a" * 100)


def test_a_very_long_text_is_read_to_its_end() -> None:
    assert pieces("x" * 50_000) == "[UNK]"
    assert TOKENIZER.ids("好" * 50_000).tolist() == TOKENIZER.ids("好").tolist() * 50_000


def test_half_a_surrogate_pair_is_dropped() -> None:
    assert pieces("half \ud83c pair") == "half pair"


def test_a_batch_is_its_texts_end_to_end() -> None:
    ids, lengths = TOKENIZER.batch(["one two", "", "three"])
    assert lengths.tolist() == [2, 0, 1]
    assert ids.tolist() == TOKENIZER.ids("one two three").tolist()


@given(st.lists(st.text(max_size=40), max_size=6))
def test_pieces_do_not_depend_on_the_texts_around_or_on_the_cache(texts: list[str]) -> None:
    ids, lengths = TOKENIZER.batch(texts)
    fresh = read(VOCABULARY) if len(texts) == 1 else TOKENIZER
    expected = [fresh.ids(text).tolist() for text in texts]
    assert [len(row) for row in expected] == lengths.tolist()
    assert ids.tolist() == [i for row in expected for i in row]


def test_the_cache_holds_no_long_chunk_and_can_be_emptied() -> None:
    tokenizer = WordPiece(["[UNK]", "key"])
    tokenizer.ids("key " + "k" * (LONGEST_KEPT + 1))
    assert list(tokenizer) == ["key"]
    tokenizer.clear()
    assert tokenizer.ids("key").tolist() == [1]


def test_a_full_cache_is_emptied_and_answers_stay_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clew.models.wordpiece.MOST_KEPT", 2)
    tokenizer = WordPiece(["[UNK]", "a", "b", "c"])
    assert tokenizer.ids("a b c a b c").tolist() == [1, 2, 3, 1, 2, 3]
    assert len(tokenizer) <= 2
