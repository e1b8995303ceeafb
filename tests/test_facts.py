"""Facts read by rules: who, what and when is stated, in the third person, each with its exact words; and the recipe."""

from datetime import UTC, datetime

import pytest

from clew import Clew
from clew.models import Models
from clew.models.fake import Scripted
from clew.operators import facts
from clew.operators.facts.language import gerund, regular_past, sentences, third, verb_forms
from clew.operators.facts.person import told
from clew.recipe import load

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def texts(words: str, speaker: str | None = "Ana Silva", role: str | None = "user") -> list[str]:
    return [f.text for f in facts.read(words, speaker, role, AT)]


def slots(words: str) -> list[tuple[str, str, str]]:
    return [(s.subject, s.slot, s.value) for s in facts.statements(words, "Ana Silva", "user", AT)]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("I live in Porto.", "Ana Silva lives in Porto."),
        ("I'm planning to open a bakery and I've rented a shop.", "Ana Silva is planning to open a bakery and they have rented a shop."),
        ("Yes, my sister plays chess.", "Ana Silva's sister plays chess."),
        ("I work at Acme and teach on Fridays.", "Ana Silva works at Acme and teaches on Fridays."),
        ("I don't eat meat because I find it heavy.", "Ana Silva doesn't eat meat because they find it heavy."),
        ("After the race, I went home.", "After the race, Ana Silva went home."),
        ("We bought a house.", "Ana Silva and others bought a house."),
        ("The pump costs 300 euros.", "The pump costs 300 euros."),
    ],
)
def test_the_first_person_becomes_the_speaker(words: str, read: str) -> None:
    assert texts(words) == [read]


def test_without_a_name_the_speaker_is_the_user() -> None:
    assert texts("I live in Porto with my cat.", None) == ["The user lives in Porto with their cat."]


@pytest.mark.parametrize(
    "words",
    [
        "Where do I live?",
        "Can you book a table?",
        "Thanks, that sounds great!",
        "I'd like to share my music preferences with you.",
        "If I win, I will travel.",
        "Please remind me tomorrow.",
        "I see.",
        "...",
        "",
    ],
)
def test_questions_requests_and_courtesies_state_nothing(words: str) -> None:
    assert texts(words) == []


def test_the_slots_of_a_person_are_told_apart() -> None:
    found = slots("My name is Ana Silva. I was born on 1990-02-03. I live in Porto.")
    assert {slot for _, slot, _ in found} >= {"name", "lives in"}
    assert ("ana silva", "lives in", "Porto") in [(a, b, c) for a, b, c in found]


def test_a_liking_and_its_reason_stand_in_one_fact_and_its_slot_holds_the_thing_alone() -> None:
    fact = facts.read("I like to eat figs, because figs remind me of home.", "Ana", "user", AT)[0]
    assert fact.text == "Ana likes to eat figs, because figs remind them of home."
    assert (fact.statement.slot, fact.statement.value, fact.statement.kind, fact.statement.negated) == (
        "likes",
        "figs",
        "preference",
        False,
    )
    assert facts.read("I don't like figs.", "Ana", "user", AT)[0].statement.negated
    assert facts.read("I dislike figs.", "Ana", "user", AT)[0].statement.negated


def test_who_somebody_is_to_the_speaker_is_a_relation() -> None:
    found = facts.statements("Bo Lund is my neighbour. My boss is Carla.", "Ana", "user", AT)
    assert [(s.slot, s.value) for s in found][:2] == [("neighbour", "Bo Lund"), ("boss", "Carla")]


def test_she_is_the_one_woman_named_before() -> None:
    found = texts("My sister Maria moved to Porto last week. She works at a bank.")
    assert found[1] == "Maria works at a bank."
    assert facts.read("My sister Maria moved. She works at a bank.", "Ana", "user", AT)[-1].resolved == ("Maria",)


def test_a_pronoun_that_two_could_be_meant_by_is_left_as_it_is() -> None:
    found = texts("My sister Maria met my aunt Clara in Rome. She works at a bank.")
    assert len(found) == 1 and found[0].endswith("She works at a bank.")


def test_a_sentence_that_goes_on_is_added_with_its_own_span() -> None:
    words = "I started yoga in May. It helps my sore back at night."
    fact = facts.read(words, "Ana", "user", AT)[0]
    assert [words[a:b] for a, b in fact.spans] == ["I started yoga in May", "It helps my sore back at night."]
    assert fact.text == "Ana started yoga in May. It helps Ana's sore back at night."


def test_every_span_is_the_words_themselves() -> None:
    words = "Hello! Well, I moved to Bern last month, and my brother Tom bought a boat for 9,000 euros.\nIt leaks. I plan to sell it."
    for fact in facts.read(words, "Ana", "user", AT):
        for start, end in fact.spans:
            assert words[start:end].strip() and words[start:end] in words
        assert fact.spans[0][0] == fact.statement.start


def test_a_day_that_is_spoken_of_becomes_the_time_of_the_event() -> None:
    fact = facts.read("I ran 10 km yesterday.", "Ana", "user", AT)[0]
    assert fact.statement.since is not None and fact.statement.since.date().isoformat() == "2026-03-03"


def test_keys_and_values_of_a_tool_are_facts_of_the_thing_they_name() -> None:
    found = facts.read('{"order_id": "W12", "status": "shipped", "total": 45.2}', "shop", "tool", AT)
    assert [f.text for f in found] == ["The order id is W12.", "The status of W12 is shipped.", "The total of W12 is 45.2."]
    assert [f.statement.single for f in found] == [False, True, True]
    assert facts.read("I leak. The pump leaks oil.", None, "document", AT)[-1].text == "The pump leaks oil."
    assert facts.read("Status: open\nCount: 4\n", None, "tool", AT)[0].statement.subject == "the tool"
    lines = facts.read("Status: open\nOwner: Bo Lund\n", "desk", "tool", AT)
    assert [(f.statement.slot, f.statement.value) for f in lines] == [("status", "open"), ("owner", "Bo Lund")]


def test_what_an_assistant_says_of_the_user_is_not_the_users_own() -> None:
    found = facts.read(
        "I remember you mentioned a boat in Porto. Your sister has two cats. You could sell it.", "assistant", "assistant", AT
    )
    assert [f.own for f in found] == [False, False]
    assert found[1].text == "The user's sister has two cats."


@pytest.mark.parametrize(
    "words", ["\u200b!", "的", "I", "I'm", "my", "'s", "I " * 500, "a" * 5000, "I ```code", "\ud800 I live", "İ I'm ß"]
)
def test_no_text_is_too_odd(words: str) -> None:
    for fact in facts.read(words, "Ana", "user", AT):
        assert fact.text


def test_verbs_agree() -> None:
    assert [third(v) for v in ("work", "try", "teach", "go", "be", "play")] == ["works", "tries", "teaches", "goes", "is", "plays"]
    assert [regular_past(v) for v in ("plan", "try", "bake", "visit")] == ["planned", "tried", "baked", "visited"]
    assert [gerund(v) for v in ("run", "bake", "die", "see")] == ["running", "baking", "dying", "seeing"]
    assert verb_forms()["went"] == ("go", "past")
    assert told("I think I'm late and my bus left", "Ana").text == "Ana thinks they are late and their bus left"


def test_sentences_keep_abbreviations_and_leave_code_out() -> None:
    words = "Dr. Lund is my boss. ```I am code.``` I like tea."
    assert [words[a:b] for a, b in sentences(words)] == ["Dr. Lund is my boss.", "I like tea."]


def record(clew: Clew, *said: tuple[str, str], user: str = "ana") -> None:
    for day, (role, words) in enumerate(said, 1):
        clew.record({"role": role, "content": words}, user=user, actor="Ana" if role == "user" else role, at=f"2026-05-{day:02}T10:00:00Z")
    clew.catch_up()


def test_a_new_value_ends_the_old_one_and_what_was_said_again_is_kept_once() -> None:
    with Clew(":memory:", recipes=["facts"]) as clew:
        record(clew, ("user", "I live in Porto."), ("user", "I live in Porto."), ("user", "I live in Bern."))
        held = {m.text: m for m in clew.memories(user="ana") if m.kind == "fact" and m.retired is None}
        assert set(held) == {"Ana lives in Bern."}
        hits = clew.recall("Where does Ana live?", user="ana", k=3)
        assert [(h.memory.text, h.memory.kind) for h in hits] == [
            ("Ana lives in Bern.", "fact"),
            ("Ana lives in Porto.", "profile"),
        ]
        assert [c.reason for c in hits[0].changes] == ["replaces"] and hits[1].memory.status == "suspect"
        then = clew.recall("Where does Ana live?", user="ana", k=1, valid_at="2026-05-02T12:00:00Z")
        assert [h.memory.text for h in then] == ["Ana lives in Porto."]


def test_a_profile_rests_on_its_facts_and_is_made_anew_when_one_falls() -> None:
    with Clew(":memory:", recipes=["facts"]) as clew:
        record(clew, ("user", "I live in Porto. I like figs."), ("user", "I live in Bern now."))
        profile = clew.memories(user="ana", kind="profile")[0]
        assert profile.status == "suspect" and "Porto" in profile.text
        clew.rederive(profile.id)
        clew.catch_up()
        again = clew.memories(user="ana", kind="profile")[0]
        assert again.status == "active" and "Bern" in again.text and "Porto" not in again.text and "figs" in again.text


def test_a_claim_of_the_assistant_waits_for_review_and_is_not_recalled() -> None:
    with Clew(":memory:", recipes=["facts"]) as clew:
        record(clew, ("user", "I play the violin in Porto."), ("assistant", "I remember you mentioned your brother plays the tuba."))
        assert [m.text for m in clew.review(user="ana")] == ["The user's brother plays the tuba."]
        assert all("tuba" not in h.memory.text for h in clew.recall("Who plays the tuba?", user="ana"))


def test_a_models_facts_pass_the_same_gate() -> None:
    row = {"kind": "state"}
    answer = {
        "records": [
            {"text": "Ana lives in Porto.", "quote": "I live in Porto", **row},
            {"text": "Ana lives in Bern.", "quote": "I live in Porto", **row},
            {"text": "Ana owns 3 boats.", "quote": "words that nobody said", **row},
        ]
    }
    recipe = load("facts").variant("model", ask=True, rules=False, needs=frozenset({"ask"}))
    with Clew(":memory:", recipes=[recipe], models=Models(asker=Scripted(lambda prompt, schema: answer))) as clew:
        record(clew, ("user", "I live in Porto and swim."))
        assert [m.text for m in clew.memories(user="ana") if m.kind != "profile"] == ["Ana lives in Porto."]
        assert {m.data["reason"].split(":")[0] for m in clew.review(user="ana")} == {"name", "speaker"}


def test_intentions_and_general_remarks_that_name_nothing_are_let_go() -> None:
    assert (
        texts("I'll keep working on it and improve the process. Collaborations bring diverse expertise. Sharing stories builds trust.")
        == []
    )
    assert texts("I'll fly to Rome on Friday. Sharing stories helps me sleep.") != []
    assert [f.text for f in facts.read("Whales are large mammals.", "guide", "document", AT)] == ["Whales are large mammals."]
