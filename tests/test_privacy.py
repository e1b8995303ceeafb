"""The redaction gate: what goes out holds no secret, what comes back is whole, and what was harmless is left alone; canaries."""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import Clew, MissingExtra, Models, UsageError
from clew.models import Reply, forms
from clew.models.fake import Fickle, Scripted
from clew.models.static import Static
from clew.privacy import Gate, GatedAsker, GatedEmbedder, GatedJudge, found, gated, leaves, plant, state, tripped
from clew.privacy.canary import LENGTH, mac
from clew.privacy.numbers import card, chinese, cpf, dni, iban, luhn, nhs, routing, ssn

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7vQz\nxYz12345\n-----END RSA PRIVATE KEY-----"
PRIVATE = [  # kind, what must not leave, the text that it stands in
    ("EMAIL", "ana.lopez@mail.example", "Write to {} any time."),
    ("EMAIL", "jane dot doe at example dot org", "Reach me: {} okay?"),
    ("PHONE", "(415) 555-2671", "Call me on {} after six."),
    ("PHONE", "+44 20 7946 0958", "The office is {}."),
    ("PHONE", "9876543210", "Her mobile is {}, text her."),
    ("PHONE", "13812345678", "我的手机是{}，有事打电话。"),
    ("CARD", "4111 1111 1111 1111", "Charge {} for the shoes."),
    ("CARD", "378282246310005", "amex {} works too"),
    ("CARD", "4111 1111 1111 1112", "My card is {} (I may have mistyped it)."),
    ("IBAN", "DE89 3704 0044 0532 0130 00", "Transfer to {} by Friday."),
    ("IBAN", "GB82WEST12345698765432", "IBAN {} is ours."),
    ("SSN", "536-22-8726", "My SSN is {}."),
    ("IP", "203.0.113.45", "The server is {} on port 22."),
    ("IP", "2001:db8:85a3::8a2e:370:7334", "It pinged {} twice."),
    ("MAC", "00:1B:44:11:3A:B7", "The label says {}."),
    ("URL", "postgres://app:s3cr3tpw@db.internal:5432/prod", "db = {}"),
    ("KEY", "9f8a7b6c5d4e3f2a1b", "GET https://api.example.com/v1?api_key={}&q=cats"),
    ("KEY", "AKIAQYLPMN5HHHFPZAM2", "The access key {} is old."),
    ("KEY", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "export GITHUB_TOKEN={}"),
    ("KEY", "sk-proj-abcDEF1234567890abcDEF1234567890", "OPENAI_API_KEY={}"),
    ("KEY", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "Authorization: Bearer {}"),
    ("KEY", PEM, "Keep this safe: {} thanks"),
    ("KEY", "q8Wz-77Lm-pp02-XYvv", "the api key for the till is {}"),
    ("KEY", "apple river stone cloud tiger lemon paper glass music ocean silver winter", "seed phrase: {}"),
    ("PASSWORD", "hunter2", "My password is {}."),
    ("PASSWORD", "Tr0ub4dor&3", "password: {}"),
    ("PASSWORD", "correct horse battery", 'The wifi password is "{}".'),
    ("PASSWORD", "Blue-Kite-42", "I changed the password for the router to {}."),
    ("PASSWORD", "Sommer2024!", "Das Passwort ist {}."),
    ("PASSWORD", "abc12345", "密码是{}，别告诉别人。"),
    ("CODE", "4821", "my PIN is {}"),
    ("CODE", "482913", "Your verification code is {}."),
    ("DOB", "12 March 1984", "I was born on {} in Leeds."),
    ("DOB", "03/12/1984", "DOB: {}"),
    ("PASSPORT", "X1234567", "my passport number is {}"),
    ("LICENCE", "D123-4567-8901", "driver's license {}"),
    ("ID", "943 476 5919", "NHS number {}"),
    ("ID", "529.982.247-25", "My CPF is {}."),
    ("ID", "11010519491231002X", "身份证号码是{}"),
    ("ACCOUNT", "12345678", "bank account number {}"),
    ("ACCOUNT", "021000021", "routing number {}"),
    ("ADDRESS", "742 Evergreen Terrace", "I live at {}."),
    ("ADDRESS", "221B Baker Street, London NW1 6XE", "Our address: {}."),
    ("ADDRESS", "14 maple avenue", "we moved to {} last week"),
    ("ADDRESS", "Lindenstraße 12, 10969 Berlin", "Ich wohne in der {}."),
    ("ADDRESS", "12 rue de la Paix, 75002 Paris", "J'habite au {}."),
    ("GPS", "37.774929, -122.419418", "Home is at {}."),
]
HARMLESS = [
    "Clone git@github.com:acme/tools.git and run make.",
    "Order 4111111111111112 has shipped; tracking number 1Z999AA10123456784.",
    "Ticket 000-12-3456 was closed and part 987-65-4321 is out of stock.",
    "We run version 1.2.3.4 in staging, listening on 127.0.0.1.",
    "std::vector and a::b::c are fine at 12:30:45.",
    "See https://example.com/docs/page?id=7&lang=en for details.",
    "commit 3f2a9c1b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a fixed the build.",
    "The key to success is patience and the token gesture was nice.",
    "My password is wrong again, can you reset it?",
    "password: str = ''  # then password = os.environ['PW']",
    "The password must be at least 12 characters.",
    "The meeting is on 12 March 2026 at nine; the firm was founded on July 4, 1990.",
    "I drove 3 miles down the road and waited 20 minutes on the street.",
    "He won 5 prizes on the way to stardom in 2019.",
    "ISBN 978-3-16-148410-0, room 415, 555 people, $1,234.56, 12.5 %.",
    "uuid 123e4567-e89b-12d3-a456-426614174000 was logged.",
    "It has improved since 2018, and the visa ending in 7447 expired.",
    "The call at 10 lasted 45 minutes; my number one fan called.",
    "MyVeryLongClassNameForTesting2024Runs and some_function_name_v2_final_3",
    "[5f3a9c0b1d2e4f6a7b8c] Score was 110-98 and then 21-15-9.",
]


@pytest.mark.parametrize(("kind", "secret", "text"), PRIVATE, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(PRIVATE)])
def test_what_is_private_becomes_a_placeholder_of_its_kind_and_comes_back(kind: str, secret: str, text: str) -> None:
    request, whole = Gate().request(), text.format(secret)
    shown = request.redact(whole)
    assert shown == text.format(f"[{kind}_1]")
    assert request.restore(shown) == whole


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_goes_out_as_it_is(text: str) -> None:
    assert Gate().request().redact(text) == text


def test_check_digits_tell_real_numbers_from_others() -> None:
    assert card("4242 4242 4242 4242") and not card("4242 4242 4242 4241") and not card("0000 0000 0000 0000")
    assert luhn("046 454 286") and not luhn("046 454 287")
    assert iban("NL91 ABNA 0417 1643 00") and not iban("NL92 ABNA 0417 1643 00") and not iban("NL91 ABNA 0417 1643 0")
    assert ssn("219-09-9999") and not ssn("666-09-9999") and not ssn("219-00-9999")
    assert routing("021000021") and not routing("021000022")
    assert chinese("11010519491231002X") and not chinese("110105194912310021")
    assert cpf("529.982.247-25") and not cpf("529.982.247-26") and not cpf("111.111.111-11")
    assert dni("12345678Z") and dni("X1234567L") and not dni("12345678A")
    assert nhs("943 476 5919") and not nhs("943 476 5918")


def test_one_value_has_one_placeholder_in_a_request_and_no_text_of_the_user_is_mistaken_for_one() -> None:
    request = Gate().request()
    first = request.redact("From ana@mail.example to bob@mail.example, [EMAIL_1] is what the form says.")
    assert first == "From [EMAIL_2] to [EMAIL_3], [EMAIL_1] is what the form says."
    assert request.redact("bob@mail.example again") == "[EMAIL_3] again"
    assert request.restore("[EMAIL_1] [EMAIL_2] [EMAIL_3]") == "[EMAIL_1] ana@mail.example bob@mail.example"


def test_a_value_is_masked_wherever_it_stands_in_its_request_and_in_later_ones() -> None:
    gate = Gate()
    assert gate.request().redact("My password is hunter2. Type hunter2 twice, not hunter22.") == (
        "My password is [PASSWORD_1]. Type [PASSWORD_1] twice, not hunter22."
    )
    assert gate.request().redact("keywords: hunter2, login") == "keywords: [PASSWORD_1], login"
    assert Gate().request().redact("keywords: hunter2, login") == "keywords: hunter2, login", "another process does not know it"
    fresh = Gate()
    fresh.learn(["My password is hunter2."])
    assert fresh.request().redact("keywords: hunter2, login") == "keywords: [PASSWORD_1], login"


def test_what_a_request_rests_on_is_learned_from_once_and_let_go_when_something_is_forgotten() -> None:
    texts, read = {1: "My password is hunter2.", 2: "I like tea."}, []

    def reader(seqs: list[int]) -> list[str]:
        read.extend(seqs)
        return [texts[seq] for seq in seqs]

    gate = Gate()
    gate.study(b"file", {2, 1}, reader)
    gate.study(b"file", {1}, reader)
    assert read == [1, 2] and gate.request().redact("hunter2!") == "[PASSWORD_1]!"
    gate.study(b"another file", {1}, reader)
    assert read == [1, 2, 1], "two files number alike"
    gate.forget()
    assert gate.request().redact("hunter2!") == "hunter2!"
    gate.study(b"file", {1}, reader)
    assert gate.request().redact("hunter2!") == "[PASSWORD_1]!"


def test_a_gate_remembers_only_so_many_values_and_lets_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clew.privacy.gate.KNOWN", 3)
    gate = Gate()
    for i in range(5):
        gate.request().redact(f"password: secret-{i}x")
    shown = gate.request().redact("secret-0x secret-1x secret-2x secret-3x secret-4x")
    assert shown == "secret-0x secret-1x [PASSWORD_1] [PASSWORD_2] [PASSWORD_3]"


def test_a_short_code_is_not_taken_for_the_year_of_another_request() -> None:
    gate = Gate()
    assert gate.request().redact("my PIN is 2024, yes 2024") == "my PIN is [CODE_1], yes [CODE_1]"
    assert gate.request().redact("It happened in 2024.") == "It happened in 2024."


@given(
    st.lists(
        st.one_of(
            st.sampled_from([text.format(secret) for _, secret, text in PRIVATE]),
            st.sampled_from(["[EMAIL_1]", "KEY_2", "[key 1]", "[[CODE_1]]", '"', "\\", "{", "}", "\n"]),
            st.text(max_size=30),
        ),
        max_size=6,
    )
)
def test_what_was_redacted_is_restored_to_the_character(parts: list[str]) -> None:
    request, text = Gate().request(), "\n".join(parts)
    shown = request.redact(text)
    assert request.restore(shown) == text
    for _, secret, form in PRIVATE:
        if form.format(secret) in parts:
            assert secret not in shown


def test_placeholders_that_a_model_bends_a_little_are_still_understood() -> None:
    request = Gate().request()
    request.redact("ana@mail.example, password: Tr0ub4dor&3")
    for said in ("[EMAIL_1]", "[email_1]", "EMAIL_1", "[EMAIL 1]", r"\[EMAIL\_1\]", "[ EMAIL_1 ]", "email_1"):
        assert request.restore(f"It is {said}.") == "It is ana@mail.example."
    assert request.restore("Email 1 of 3, MYEMAIL_1, EMAIL_12") == "Email 1 of 3, MYEMAIL_1, EMAIL_12"


def test_a_placeholder_that_the_model_made_up_stays_and_is_counted() -> None:
    gate = Gate()
    request = gate.request()
    request.redact("ana@mail.example")
    assert request.restore("[EMAIL_1] and [CARD_9]") == "ana@mail.example and [CARD_9]"
    assert gate.report() == {"masked": {"EMAIL": 1}, "unknown placeholders": 1}


# -- askers, judges, embedders ------------------------------------------------------------------------------------------


def test_a_reply_in_a_schema_is_still_valid_when_its_values_are_back() -> None:
    form = forms.text(200)
    asker = GatedAsker(Scripted(lambda prompt, schema: {"text": "It is [PASSWORD_1], key [KEY_1]."}), Gate())
    reply = asker.ask(f"password: pa\\ss\tw0rd then password: pa\\ssw0rd and\n{PEM}", form.schema, 99)
    assert form.parse(reply.text) == f"It is pa\\ss, key {PEM}."


def test_a_value_with_quotes_and_line_ends_goes_into_json_as_a_string() -> None:
    gate = Gate()
    request = gate.request()
    shown = request.redact(f'{PEM} or Zx\\9"k')
    assert shown.startswith("[KEY_1]")
    restored = request.restore('Sure: {"text": "[KEY_1]", "list": ["[KEY_1]"], "n": 3} done', forms.text(999).schema)
    assert json.loads(restored[len("Sure: ") : -len(" done")]) == {"text": PEM, "list": [PEM], "n": 3}
    cut = request.restore('{"text": "[KEY_1]", "list": }', forms.text(999).schema)
    assert json.loads(cut.replace(', "list": ', "")) == {"text": PEM}, "also where the answer is no whole JSON"


def test_a_string_that_a_value_makes_too_long_is_cut_where_the_schema_says() -> None:
    form = forms.text(20)
    asker = GatedAsker(Scripted(lambda prompt, schema: {"text": "mail [EMAIL_1]"}), Gate())
    reply = asker.ask("somebody.with.a.long.name@mail.example", form.schema, 16)
    assert form.parse(reply.text) == "mail somebody.with.a"


def test_choices_with_private_words_are_masked_in_the_schema_and_chosen_as_they_were() -> None:
    form = forms.choice(["ana@mail.example", "bob@mail.example", "none"])
    seen: list[Any] = []

    def second(prompt: str, schema: Mapping[str, Any] | None) -> Any:
        seen.append((prompt, schema))
        assert schema is not None
        return {"choice": schema["properties"]["choice"]["enum"][1]}

    reply = GatedAsker(Scripted(second), Gate()).ask("Who wrote, ana@mail.example or bob@mail.example?", form.schema, 16)
    assert form.parse(reply.text) == "bob@mail.example"
    [(prompt, schema)] = seen
    assert prompt == "Who wrote, [EMAIL_1] or [EMAIL_2]?"
    assert schema["properties"]["choice"]["enum"] == ["[EMAIL_1]", "[EMAIL_2]", "none"] and "mail.example" not in json.dumps(schema)


class Remote:
    """Stands for what leaves the process, without a network: keeps every text it is given."""

    def __init__(self) -> None:
        self.name, self.space, self.dims, self.exact = "remote", "remote:4", 4, True
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.seen += texts
        return np.array([[len(t), t.count("a"), t.count("["), 1] for t in texts], np.int8).reshape(-1, 4)

    def judge(self, pairs: Sequence[tuple[str, str]], question: str) -> Sequence[float]:
        self.seen += [question, *(text for pair in pairs for text in pair)]
        return [float(one == other) for one, other in pairs]


def test_vectors_are_of_redacted_text_and_no_text_moves_anothers() -> None:
    remote = Remote()
    embedder = GatedEmbedder(remote, Gate())
    both = embedder.embed(["from ana@mail.example", "from bob@mail.example"])
    assert remote.seen == ["from [EMAIL_1]", "from [EMAIL_1]"] and (both[0] == both[1]).all()
    assert embedder.embed(["from bob@mail.example"]).tolist() == both[:1].tolist()
    assert (embedder.space, embedder.dims, embedder.exact) == ("remote:4+redacted", 4, True), "behind a gate is another space"


def test_a_judge_sees_that_two_texts_hold_the_same_value() -> None:
    remote = Remote()
    judge = GatedJudge(remote, Gate())
    pairs = [("ana@mail.example", "ana@mail.example"), ("ana@mail.example", "bob@mail.example")]
    assert judge.judge(pairs, "Same as in ana@mail.example?") == [1.0, 0.0]
    assert not [text for text in remote.seen if "mail.example" in text]


def test_what_stays_in_the_process_is_not_gated_and_the_rest_is_unless_it_says_so() -> None:
    class Here(Remote):
        local = True

    remote = Remote()
    models = gated(Models(asker=Scripted(lambda *_: "x"), embedder=remote, judge=Here()), Gate())
    assert isinstance(models.embedder, GatedEmbedder) and type(models.asker) is Scripted and type(models.judge) is Here
    assert gated(models, Gate()).embedder is models.embedder, "one gate is enough"
    assert leaves(remote) and not leaves(Static()) and not leaves(Fickle())
    assert gated(models, None) is models
    assert state(models, Gate())["redaction"] == "on" and state(models, Gate())["outside"] == ["embedder"]
    assert state(Models(judge=Remote()), None) == {"outside": ["judge"], "redaction": "off"}
    assert state(Models(), Gate())["redaction"] == "nothing leaves this process"


# -- egress -------------------------------------------------------------------------------------------------------------


class Endpoint:
    """A server on this machine in the place of a provider: keeps the bytes of every request."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        endpoint = self

        class Desk(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                endpoint.bodies.append(body)
                packed = json.dumps(answered(self.path, json.loads(body))).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


def answered(path: str, request: dict[str, Any]) -> dict[str, Any]:
    """What a provider would say: vectors, or a note that repeats the last line of the prompt's content as it was shown."""
    if path.endswith("embeddings"):
        rows = [{"object": "embedding", "index": i, "embedding": [1.0, len(t) % 7, 0.5, 0.1]} for i, t in enumerate(request["input"])]
        return {"object": "list", "model": "tiny", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    prompt = request["messages"][0]["content"]
    words = [w.strip(".,") for w in prompt.split() if "[" in w and "_" in w and w.strip(".,").endswith("]")][:3] or ["plain"]
    words = [*words, "note", "thing"][:3]
    note = {"keywords": words, "context": f"About {words[0]}.", "tags": words, "choice": "none", "texts": words}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "tiny",
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(note)}}],
    }


class Posting:
    """An asker and an embedder without an SDK: JSON over HTTP, as a plug-in of somebody else's would be."""

    local = False

    def __init__(self, url: str) -> None:
        self.name, self.space, self.dims, self.exact = "posting", "posting:4", 4, False
        self.host, _, self.root = url.removeprefix("http://").partition("/")

    def _post(self, path: str, body: Any) -> Any:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request("POST", f"/{self.root}/{path}", json.dumps(body), {"content-type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def ask(self, prompt: str, schema: Mapping[str, Any] | None, max_tokens: int) -> Reply:
        found = self._post("chat/completions", {"messages": [{"role": "user", "content": prompt}], "schema": schema})
        return Reply(found["choices"][0]["message"]["content"], self.name, 1, 1)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = self._post("embeddings", {"input": list(texts)})["data"] if texts else []
        return np.rint(np.array([r["embedding"] for r in rows], float).reshape(-1, 4) * 10).astype(np.int8)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    served = Endpoint()
    yield served
    served.server.shutdown()
    served.server.server_close()


def planted(folder: Path, models: Models, endpoint: Endpoint, sent: list[str]) -> None:
    """Record every secret there is through a recipe that asks and embeds: none leaves, all arrive, and a replay needs no call."""
    with Clew(folder / "c.db", recipes=["a_mem"], models=models) as c:
        c.record([text.format(secret) for _, secret, text in PRIVATE], user="ana")
        c.record("password again: the cat knows Tr0ub4dor&3 by heart", user="ana")
        assert c.catch_up() == {"a_mem": "folded"} and not c.status()["faults"]
        memories = c.memories(user="ana")
        out = b"\n".join(endpoint.bodies).decode() + "\n".join(sent)
        out += json.dumps([json.loads(b) for b in endpoint.bodies], ensure_ascii=False)  # as it reads without escapes
        for _, secret, text in PRIVATE:
            assert secret not in out and json.dumps(secret)[1:-1] not in out, f"{secret!r} left the process"
            assert any(m.text == text.format(secret) for m in memories)
        kept = " ".join(str(m.data) for m in memories)
        restored = [s for _, s, _ in PRIVATE if " " not in s and "\n" not in s and len(s) < 40 and s in kept]
        assert len(restored) > 20, "what the model said of a secret arrived with the secret in it"
        assert "[EMAIL_1]" not in kept and "[PASSWORD_1]" not in kept
        before, calls = list(c._views.serving("a_mem").view.dump()), len(endpoint.bodies)
        c.rebuild("a_mem")
        assert list(c._views.serving("a_mem").view.dump()) == before and len(endpoint.bodies) == calls
        with c.database.snapshot() as connection:
            bodies = b"".join(row[0] or b"" for row in connection.execute("SELECT body FROM answer"))
        assert b"[EMAIL_1]" not in bodies and b"ana.lopez@mail.example" in bodies, "kept answers are the restored ones"


def test_nothing_private_leaves_through_a_plug_in_and_all_of_it_arrives_in_the_memory(tmp_path: Path, endpoint: Endpoint) -> None:
    sent: list[str] = []
    part = Posting(endpoint.url)
    planted(tmp_path, gated(Models(asker=part, embedder=part), Gate(witness=sent.append)), endpoint, sent)
    assert len(sent) > 100, "the witness saw what went out"


def test_nothing_private_leaves_through_the_sdk_and_all_of_it_arrives_in_the_memory(tmp_path: Path, endpoint: Endpoint) -> None:
    openai = pytest.importorskip("clew.models.openai", reason="needs the extra [llm]", exc_type=MissingExtra)
    asker = openai.connect("tiny", base_url=endpoint.url, api_key="none", retries=0)
    embedder = openai.connect_embeddings("tiny", base_url=endpoint.url, api_key="none", retries=0)
    sent: list[str] = []
    planted(tmp_path, gated(Models(asker=asker, embedder=embedder), Gate(witness=sent.append)), endpoint, sent)
    asker.close()
    embedder.close()


def test_without_the_gate_the_same_test_finds_the_secrets(tmp_path: Path, endpoint: Endpoint) -> None:
    part = Posting(endpoint.url)
    part.local = True  # it says that it stays in the process, and lies
    with pytest.raises(AssertionError, match="left the process"):
        planted(tmp_path, Models(asker=part, embedder=part), endpoint, [])


def test_a_text_made_to_be_slow_to_search_is_not() -> None:
    parts = [
        "a",
        "1",
        "key_",
        "token1",
        "password ",
        "a@a.",
        "a://b:",
        "1 Main ",
        "call 1 ",
        "seed phrase ",
        "-----BEGIN PRIVATE KEY-----",
        "1:",
    ]
    started = process_time()
    for part in parts:
        found(part * (20_000 // len(part)))
    assert process_time() - started < 20, "a quadratic pattern takes minutes"


# -- names --------------------------------------------------------------------------------------------------------------


def test_names_are_masked_when_they_are_asked_for() -> None:
    pytest.importorskip("clew.privacy.rampart", reason="needs the extra [privacy]", exc_type=MissingExtra)
    try:
        request = Gate(names=True).request()
        shown = request.redact("I had lunch with Marta Kowalski in May; the Golden Gate bridge was closed.")
    except MissingExtra as missing:
        pytest.skip(str(missing))
    assert shown == "I had lunch with [NAME_1] in May; the Golden Gate bridge was closed."
    assert request.restore("[NAME_1] ate.") == "Marta Kowalski ate."
    assert Gate().request().redact("Marta Kowalski ate.") == "Marta Kowalski ate.", "and not otherwise"


def test_without_the_package_the_command_that_installs_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError(\"No module named 'onnxruntime'\", name='onnxruntime')")
    code = "from clew.privacy import Gate\nfrom clew import MissingExtra\n"
    code += "try:\n    Gate(names=True)\nexcept MissingExtra as error:\n    print(error)"
    env = {"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert "pip install 'clew[privacy]'" in run.stdout


# -- canaries -----------------------------------------------------------------------------------------------------------

SECRET, CHANCE = b"s" * 32, bytes(range(16))


def test_a_canary_is_known_wherever_its_token_turns_up_and_only_then() -> None:
    one, other = plant(SECRET, CHANCE), plant(SECRET, CHANCE[::-1])
    known = {one.mac, other.mac}
    assert one.token in one.text and len(one.token) == LENGTH and one.token != other.token
    assert tripped(f"He said ({one.token.upper()}), then x={other.token}.", SECRET, known) == (one.mac, other.mac)
    assert tripped(f"{one.token}x and {one.token[:-1]}", SECRET, known) == ()
    assert tripped(one.text, SECRET, ()) == () and tripped(one.text, b"t" * 32, known) == ()
    assert one.token not in one.mac and mac(SECRET, one.token) == one.mac


def test_a_canary_is_the_same_for_the_same_bytes_and_looks_like_a_key_to_the_gate() -> None:
    for i in range(200):
        chance = i.to_bytes(16, "big")
        canary = plant(SECRET, chance)
        assert canary == plant(SECRET, chance) and canary.token.isalnum()
        assert [s.kind for s in found(canary.token)] == ["KEY"]


def test_a_canary_without_enough_chance_or_without_a_place_in_its_bait_is_refused() -> None:
    with pytest.raises(UsageError, match="16 random bytes"):
        plant(SECRET, b"short")
    with pytest.raises(UsageError, match="once"):
        plant(SECRET, CHANCE, bait="no place for it")


def test_the_gate_tells_a_watcher_what_goes_out_and_a_canary_is_masked_before() -> None:
    canary, met = plant(SECRET, CHANCE), []
    gate = Gate()
    gate.watch = lambda text: met.append(tripped(text, SECRET, {canary.mac}))
    GatedAsker(Scripted(lambda *_: "fine"), gate).ask(f"note: {canary.text}", None, 9)
    assert met == [()]
    Remote().embed([canary.text])
    assert tripped(canary.text, SECRET, {canary.mac}) == (canary.mac,)
