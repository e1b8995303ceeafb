"""The support gate: what the cited words say passes, what they do not say is told with its reason."""

from datetime import UTC, datetime

import pytest

from clew.arena import gate
from clew.operators.truth.support import negations, plain_number, supported, told

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
ME = ("Ana Silva",)


def reasons(text: str, span: str, resolved: tuple[str, ...] = ME, own: bool = True) -> set[str]:
    return {check for check, _ in supported(text, span, resolved, AT, own).reasons}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("Ana Silva lives in Porto.", "I live in Porto"),
        ("Ana Silva doesn't like figs.", "I don't like figs"),
        ("Ana Silva's boat cost 9000 euros.", "My boat cost 9,000 euros"),
        ("Ana Silva ran 10 km on March 3, 2026.", "I ran 10 km yesterday"),
        ("Ana Silva plans to sell the boat.", "I plan to sell the boat"),
        ("Ana Silva has two cats.", "I have 2 cats"),
        ("The pump costs 300 euros.", "The pump costs 300 euros"),
    ],
)
def test_what_the_words_say_passes(text: str, span: str) -> None:
    assert supported(text, span, ME, AT).supported, supported(text, span, ME, AT)


@pytest.mark.parametrize(
    ("text", "span", "reason"),
    [
        ("Ana Silva lives in Bern.", "I live in Porto", "name"),
        ("Ana Silva ran 12 km yesterday.", "I ran 10 km yesterday", "number"),
        ("Ana Silva ran 10 miles yesterday.", "I ran 10 km yesterday", "number"),
        ("Ana Silva ran 10 km on March 1, 2026.", "I ran 10 km yesterday", "number"),
        ("Ana Silva likes figs.", "I don't like figs", "negation"),
        ("Ana Silva does not like figs.", "I like figs", "negation"),
        ("Ana Silva sells the boat.", "I might sell the boat", "doubt"),
        ("Ana Silva might sell the boat.", "I sold the boat", "doubt"),
        ("Ana Silva moved to Porto.", "My sister moved to Porto", "speaker"),
        ("Ana Silva enjoys painting murals abroad.", "I enjoy tea", "words"),
    ],
)
def test_what_they_do_not_say_is_refused_with_the_reason(text: str, span: str, reason: str) -> None:
    assert reason in reasons(text, span)


def test_what_another_says_of_somebody_is_not_theirs() -> None:
    assert reasons("The user lives in Porto.", "you live in Porto", ("the user",), own=False) == {"speaker"}
    assert told(supported("Ana lives in Bern.", "I live in Porto", ("Ana",), AT)) == ["name: Bern", "words: bern"]


def test_numbers_and_negations_have_a_plain_form() -> None:
    assert [plain_number(n) for n in ("$1,200", "1200.00", "3.5", "2026-03-04", "10%")] == ["1200", "1200", "3.5", "2026-03-04", "10"]
    assert [negations(t) for t in ("I do not", "never not", "yes", "I dislike it")] == [1, 0, 0, 1]


def test_falsified_facts_do_not_pass_and_true_ones_do() -> None:
    said = [
        ("Ana has lived in Porto for 3 years.", "I have lived in Porto for 3 years"),
        ("Ana plans to visit Rome in May.", "I plan to visit Rome in May"),
        ("Ana is not a member of the Chess Club.", "I am not a member of the Chess Club"),
        ("Maria works at a bank.", "Maria works at a bank"),
    ]
    facts = [gate.Stated(text, span, ("Ana",), AT) for text, span in said]
    found = gate.errors(facts)
    assert found["true"] == (0, 4)
    assert all(passed == 0 for passed, _ in found.values()), found
    assert {kind for kind, (_, tried) in found.items() if tried} == {*gate.KINDS, "true"}
    assert gate.errors(facts) == found, "the same seed gives the same falsifications"
