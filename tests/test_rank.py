"""The second look: what the features see, and how the ranker orders a small partition."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from clew.errors import UsageError
from clew.operators.ranking import features, question, rank
from clew.operators.ranking.features import ASSISTANT, GREETS, NAME_1, NUMBER, PAST, Field
from clew.storage.terms import terms

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TALK = [  # (session, speaker, day, words)
    ("a", "Nora", 0, "Hey Tomas! How was the weekend?"),
    ("a", "Tomas", 0, "I repaired the old kiln in the shed, it took six hours."),
    ("a", "Nora", 0, "Wow, that's great!"),
    ("b", "Nora", 9, "I signed the lease for the bakery on Harbour Street."),
    ("b", "Tomas", 9, "Congratulations! Will you bake rye bread?"),
    ("b", "Nora", 9, "Rye and spelt, and the kiln gave me an idea for plates."),
    ("c", "Tomas", 40, "My sister visited from Lyon, we fired twelve bowls in the kiln."),
]


def a_field(question_text, talk=TALK, live=None):
    """The partition of a talk, with the share of common pairs of letters standing in for a cosine."""
    words = [terms(features.indexed_text(who, START + timedelta(days=day), said)) for _, who, day, said in talk]
    postings = {}
    for term in question.searched(question_text):
        rows = [(slot, found.count(term)) for slot, found in enumerate(words) if term in found]
        if rows:
            postings[term] = (np.array([r[0] for r in rows], np.int32), np.array([r[1] for r in rows], np.int32))
    names = sorted({who for _, who, _, _ in talk})
    sessions = list(dict.fromkeys(s for s, _, _, _ in talk))
    pairs = {question_text[i : i + 2] for i in range(len(question_text))}
    return Field(
        lengths=np.array([len(w) for w in words], np.int32),
        postings=postings,
        actor=np.array([names.index(who) for _, who, _, _ in talk], np.int32),
        actors=dict(enumerate(names)),
        session=np.array([sessions.index(s) for s, _, _, _ in talk], np.int32),
        at=np.array([(START + timedelta(days=day)).timestamp() for _, _, day, _ in talk]),
        cosine=np.array([sum(p in said for p in pairs) / max(len(pairs), 1) for _, _, _, said in talk], np.float32),
        traits=np.array([features.traits(said, who) for _, who, _, said in talk], np.uint16),
        live=live,
        text=lambda slot: talk[slot][3],
    )


def column(asked, name, field, at=None):
    """slot -> value of one feature."""
    read = question.read(asked, features.speakers(field))
    slots, matrix = features.features(asked, read, at, field)
    return dict(zip(slots.tolist(), matrix[:, features.NAMES.index(name)].tolist(), strict=True))


def test_a_turn_is_indexed_with_its_day_and_speaker_but_not_with_a_role():
    assert features.indexed_text("Nora", START, "Hello") == "[2 March 2026] Nora: Hello"
    assert features.indexed_text("user", START, "Hello") == "[2 March 2026] Hello"
    assert features.indexed_text(None, None, "Hello") == "Hello"


def test_traits_tell_greetings_numbers_names_and_the_past():
    assert features.traits("Hey Nora, how are you?") & (GREETS | NUMBER) == GREETS
    assert features.traits("I bought two bowls.") & (NUMBER | PAST) == NUMBER | PAST
    assert features.traits("Fine.", "assistant") == ASSISTANT
    assert features.traits("we met Ana and Luis in Porto") // NAME_1 & 3 == 3


def test_a_named_speaker_is_read_as_whose_words_are_wanted_and_not_searched():
    read = question.read("When did Tomas repair the kiln?", [(0, "Nora"), (1, "Tomas")])
    assert read.speakers == (1,)
    assert set(read.weights) == {"repair", "kiln"}
    assert read.time and read.past and not read.own


def test_the_words_of_asking_are_left_out_unless_nothing_else_is_there():
    assert set(question.read("Can you remind me what you told me about rye bread?", []).weights) == {"rye", "bread"}
    assert question.read("What did you suggest?", []).weights


def test_a_question_in_the_first_person_is_about_the_asker():
    assert question.read("Where did I sign the lease?", [(0, "user"), (1, "assistant")]).own


def test_the_turn_of_the_named_speaker_comes_first():
    asked = "What did Tomas repair?"
    slots, scores, shares = rank.rank(asked, None, a_field(asked))
    assert slots[0] == 1
    assert scores == sorted(scores, reverse=True)
    assert shares[0]["speaker"] > 0 and sum(shares[0].values()) == pytest.approx(scores[0], abs=1e-4)


def test_a_word_that_means_nearly_the_same_is_found_but_counts_less():
    said = ["The automobile would not start.", "The car would not start.", "Rain again."]
    talk = [(str(day), "Nora", day, words) for day, words in enumerate(said)]
    words = column("Which car was it?", "words", a_field("Which car was it?", talk))
    assert 0 < words[0] < words[1] == 1.0


def test_a_time_in_the_question_speaks_for_the_turns_of_that_time():
    near = column("What happened with the kiln in April 2026?", "time", a_field("What happened with the kiln in April 2026?"))
    assert near[6] == 1.0 and near[1] < 0.5


def test_turns_of_another_session_or_another_day_are_no_neighbours():
    talk = [("a", "Nora", day, "Bread.") for day in (0, 0, 3)] + [("b", "Nora", 3, said) for said in ("Rye.", "Spelt.")]
    inside, same = features.around(np.array([1, 2, 3]), a_field("bread", talk))
    assert same.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert inside.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_of_two_statements_that_differ_in_a_word_the_later_comes_first():
    talk = [("a", "Nora", day, f"The capital of Freedonia is {city}.") for day, city in ((0, "Bern"), (9, "Rome"))]
    asked = "What is the capital of Freedonia?"
    slots, scores, shares = rank.rank(asked, None, a_field(asked, talk))
    assert slots == [1, 0]
    assert rank.rank(asked, None, a_field(asked, talk), k=1)[0] == [1]
    assert scores == sorted(scores, reverse=True)
    assert [sum(s.values()) for s in shares] == pytest.approx(scores, abs=1e-4)


def test_vectors_are_not_believed_for_a_question_in_chinese():
    assert question.read("\u5979\u4f4f\u5728\u54ea\u91cc", []).english == 0.0
    assert question.read("Where does she live?", []).english == 1.0


def test_what_may_not_be_shown_changes_no_score():
    asked = "Who fired bowls in the kiln?"
    hidden = [*TALK, ("c", "Nora", 41, "The kiln, the kiln, bowls and bowls fired in the kiln.")]
    live = np.array([True] * len(TALK) + [False])
    assert rank.rank(asked, None, a_field(asked, hidden, live))[:2] == rank.rank(asked, None, a_field(asked))[:2]


def test_the_same_words_by_the_same_speaker_are_shown_once():
    asked = "What about the lease?"
    twice = [*TALK, ("d", "Nora", 50, "i signed the  lease for the bakery on Harbour Street.")]
    slots, _, _ = rank.rank(asked, None, a_field(asked, twice))
    assert len({3, 7} & set(slots)) == 1


def test_the_first_of_a_ranking_is_the_ranking_of_the_first():
    asked = "What did Nora say about rye bread and the kiln?"
    assert rank.rank(asked, None, a_field(asked), k=3)[0] == rank.rank(asked, None, a_field(asked), k=20)[0][:3]


def test_an_empty_partition_and_an_empty_question_are_no_errors():
    assert rank.rank("kiln", None, a_field("kiln", [])) == ([], [], [])
    _, scores, _ = rank.rank("", None, a_field(""))
    assert np.isfinite(scores).all()


def test_weights_that_do_not_fit_the_features_are_refused(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"weights": {"words": 1.0}}')
    with pytest.raises(UsageError, match="meaning"):
        rank.load(path)


def test_the_shipped_weights_fit_and_hold_the_known_signs():
    weights = rank.load()
    assert all(weights[name] >= 0 for name in ("words", "meaning", "words_around", "words_session", "speaker", "time"))
