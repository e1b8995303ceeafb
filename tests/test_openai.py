"""The OpenAI-compatible provider against a small server that answers as endpoints do: well, strangely, and not at all."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from clew import Clew, MissingExtra, ModelUnavailable, NotFound, UsageError
from clew.arena.cli import app as arena
from clew.models import Models, connect, forms
from clew.models.static import Static

pytest.importorskip("openai", reason="needs the extra [llm]: pip install 'clew[llm]'")
from clew.models.openai import Embeddings, Manner, OpenAI
from clew.models.openai.patience import Pace

Answer = Callable[[str, dict[str, Any]], tuple[Any, ...]]
GATE = forms.gate()


def said(text: str, **choice: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "tiny",
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **choice}],
    }


def wrong(words: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": words, "type": "invalid_request_error", "code": code}}


class Endpoint:
    """A server on a free port; `answer(path, request)` gives status, body and, if need be, headers; keeps the requests."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[dict[str, Any]] = []
        endpoint = self

        class Desk(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                endpoint.requests.append(request)
                status, body, *more = answer(self.path, request)
                packed = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(packed)))
                headers = more[0] if more else {"retry-after": "7"} if status == 429 else {}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(packed)

            def log_message(self, *_: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def endpoint() -> Iterator[Callable[..., tuple[Endpoint, Any]]]:
    held: list[Any] = []

    def make(answer: Answer, address: str = "openai:tiny", **options: Any) -> tuple[Endpoint, Any]:
        served = Endpoint(answer)
        models = connect(address, base_url=served.url, api_key="none", retries=options.pop("retries", 0), **options)
        part = models.asker or models.embedder
        held.extend([part, served.server])
        return served, part

    yield make
    for thing in held:
        if isinstance(thing, ThreadingHTTPServer):
            thing.shutdown()
            thing.server_close()
        else:
            thing.close()


Make = Callable[..., tuple[Endpoint, Any]]


def test_an_answer_comes_with_its_tokens_and_its_cost(endpoint: Make) -> None:
    served, asker = endpoint(lambda path, request: (200, said('{"answer": "yes"}')), prices=(2.0, 8.0))
    reply = asker.ask("Is it so?", GATE.schema, 16)
    assert (reply.text, reply.model, reply.tokens_in, reply.tokens_out) == ('{"answer": "yes"}', "openai:tiny", 10, 5)
    assert reply.cost == pytest.approx(10 * 2e-6 + 5 * 8e-6)
    [request] = served.requests
    assert request["messages"] == [{"role": "user", "content": "Is it so?"}] and request["temperature"] == 0
    assert request["max_completion_tokens"] == 16
    assert request["response_format"]["json_schema"]["schema"] == GATE.schema and request["response_format"]["json_schema"]["strict"]


def test_without_a_schema_plain_text_is_asked_for(endpoint: Make) -> None:
    served, asker = endpoint(lambda path, request: (200, said("Yes.")))
    assert asker.ask("Is it so?", None, 16).text == "Yes."
    assert "response_format" not in served.requests[0]


@pytest.mark.parametrize("accepted", ["schema", "object", "words"])
def test_an_endpoint_that_refuses_schemas_is_asked_in_the_next_best_way(endpoint: Make, accepted: str) -> None:
    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        form = request.get("response_format", {"type": "words"})
        kind = {"json_schema": "schema", "json_object": "object"}.get(form["type"], "words")
        if kind != accepted or form.get("json_schema", {}).get("strict"):
            return 400, wrong(f"response_format {form['type']} is not supported")
        return 200, said('{"answer": "no"}')

    served, asker = endpoint(answer)
    assert GATE.parse(asker.ask("Is it so?", GATE.schema, 16).text) is False
    before = len(served.requests)
    asker.ask("And this?", GATE.schema, 16)
    assert len(served.requests) == before + 1, "what worked is remembered"
    assert ("JSON schema" in served.requests[-1]["messages"][0]["content"]) is (accepted != "schema"), (
        "the schema is in the prompt where it is nowhere else"
    )


def test_the_older_name_of_the_limit_and_models_without_temperature_are_served(endpoint: Make) -> None:
    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        if "max_completion_tokens" in request:
            return 400, wrong("unknown parameter: max_completion_tokens")
        if "temperature" in request:
            return 400, wrong("temperature is not supported with this model")
        return 200, said('{"answer": "no"}')

    served, asker = endpoint(answer)
    asker.ask("Is it so?", GATE.schema, 16)
    assert served.requests[-1]["max_tokens"] == 16 and asker.manner == Manner(limit=1, cool=False)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass_is_unavailable_and_says_when_to_come_back(endpoint: Make, status: int) -> None:
    _, asker = endpoint(lambda path, request: (status, wrong("busy")))
    with pytest.raises(ModelUnavailable) as caught:
        asker.ask("Is it so?", GATE.schema, 16)
    assert caught.value.after == (7.0 if status == 429 else 5.0)


def test_retries_happen_inside_the_call(endpoint: Make) -> None:
    states = iter([500, 500, 200])
    served, asker = endpoint(lambda path, request: (next(states), said("Yes.")), retries=2)
    assert asker.ask("Is it so?", None, 16).text == "Yes." and len(served.requests) == 3


def test_a_wait_that_the_endpoint_asks_for_is_kept(endpoint: Make) -> None:
    states = iter([(429, wrong("slow down"), {"retry-after": "0.3"}), (200, said("Yes."))])
    served, asker = endpoint(lambda path, request: next(states), retries=1)
    started = time.perf_counter()
    assert asker.ask("Is it so?", None, 16).text == "Yes." and len(served.requests) == 2
    assert time.perf_counter() - started >= 0.3


def test_a_wait_of_an_hour_is_told_and_not_slept(endpoint: Make) -> None:
    served, asker = endpoint(lambda path, request: (429, wrong("slow down"), {"retry-after": "3600"}), retries=5)
    with pytest.raises(ModelUnavailable, match="per_minute=") as caught:
        asker.ask("Is it so?", None, 16)
    assert caught.value.after == 3600 and len(served.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "DATE"}, 90),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "soon"}, 5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "1m30s"}, 5),
        ({}, 5),
    ],
)
def test_when_to_come_back_is_read_in_every_way_it_is_told(endpoint: Make, headers: dict[str, str], seconds: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    told = {name: value.replace("DATE", date) for name, value in headers.items()}
    _, asker = endpoint(lambda path, request: (429, wrong("slow down"), told))
    with pytest.raises(ModelUnavailable) as caught:
        asker.ask("Is it so?", None, 16)
    assert caught.value.after == pytest.approx(seconds, abs=5 if seconds == 90 else 0.01)


def test_no_more_requests_go_out_than_a_limit_allows_from_all_threads_together() -> None:
    pace, went = Pace(3, minute=0.3), list[float]()

    def work() -> None:
        for _ in range(2):
            pace.turn()
            went.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    went.sort()
    assert len(went) == 8 and all(later - earlier >= 0.25 for earlier, later in zip(went, went[3:], strict=False))
    with pytest.raises(UsageError, match="per_minute"):
        connect("openai:tiny", base_url="http://127.0.0.1:9/v1", api_key="none", per_minute=0)


def test_a_limit_met_by_one_thread_holds_up_the_others(endpoint: Make) -> None:
    states = iter([(429, wrong("slow down"), {"retry-after": "0.4"}), *[(200, said("Yes."))] * 5])
    _, asker = endpoint(lambda path, request: next(states), retries=1)
    started = time.perf_counter()
    first = threading.Thread(target=asker.ask, args=("One?", None, 16))
    first.start()
    time.sleep(0.15)
    asker.ask("Two?", None, 16)
    assert time.perf_counter() - started >= 0.35, "the second would only have been refused too"
    first.join()


def test_an_account_without_credit_is_for_the_caller_to_mend(endpoint: Make) -> None:
    served, asker = endpoint(lambda path, request: (429, wrong("You exceeded your quota", "insufficient_quota")), retries=3)
    with pytest.raises(UsageError, match="add credit"):
        asker.ask("Is it so?", None, 16)
    assert len(served.requests) == 1


def test_what_is_unavailable_says_what_to_look_at(endpoint: Make) -> None:
    done = threading.Event()
    _, slow = endpoint(lambda path, request: (done.wait(5), (200, said("late")))[1], timeout_s=0.2)
    with pytest.raises(ModelUnavailable, match="timeout_s="):
        slow.ask("Is it so?", None, 16)
    done.set()
    absent = connect("openai:tiny", base_url="http://127.0.0.1:9/v1", api_key="none", retries=0).asker
    assert isinstance(absent, OpenAI)
    with pytest.raises(ModelUnavailable, match="base_url="):
        absent.ask("Is it so?", None, 16)
    absent.close()


def test_a_slow_or_absent_endpoint_is_unavailable(endpoint: Make) -> None:
    done = threading.Event()
    _, asker = endpoint(lambda path, request: (done.wait(5), (200, said("late")))[1], timeout_s=0.2)
    with pytest.raises(ModelUnavailable):
        asker.ask("Is it so?", None, 16)
    done.set()
    absent = connect("openai:tiny", base_url="http://127.0.0.1:9/v1", api_key="none", retries=0).asker
    assert isinstance(absent, OpenAI)
    with pytest.raises(ModelUnavailable):
        absent.ask("Is it so?", None, 16)
    absent.close()


@pytest.mark.parametrize(("status", "error"), [(401, UsageError), (403, UsageError), (404, NotFound), (400, UsageError)])
def test_what_the_caller_must_mend_is_said_so(endpoint: Make, status: int, error: type[Exception]) -> None:
    _, asker = endpoint(lambda path, request: (status, wrong("no")))
    with pytest.raises(error, match="tiny"):
        asker.ask("Is it so?", GATE.schema, 16)


def test_refusals_are_answers_of_a_kind(endpoint: Make) -> None:
    outcomes = iter(
        [
            (200, said("", finish_reason="content_filter")),
            (200, said("", message={"role": "assistant", "content": None, "refusal": "I cannot."})),
            (400, wrong("blocked", "content_filter")),
            (400, wrong("This model's maximum context length is 512 tokens.")),
        ]
    )
    _, asker = endpoint(lambda path, request: next(outcomes))
    for _ in range(4):
        reply = asker.ask("Is it so?", GATE.schema, 16)
        assert reply.refused and reply.text == ""


def test_embeddings_are_codes_scaled_one_text_at_a_time(endpoint: Make) -> None:
    vectors = {"a": [0.5, -1.0, 0.0], "b": [10.0, 5.0, -20.0], "dimensions": [1.0, 0.0, 0.0]}

    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        assert path == "/v1/embeddings"
        rows = [{"object": "embedding", "index": i, "embedding": vectors[t]} for i, t in enumerate(request["input"])]
        return 200, {"object": "list", "model": "tiny", "data": rows[::-1], "usage": {"prompt_tokens": 1, "total_tokens": 1}}

    _, embedder = endpoint(answer, "openai-embed:tiny")
    assert isinstance(embedder, Embeddings) and (embedder.dims, embedder.space, embedder.exact) == (3, "openai:tiny:3", False)
    both = embedder.embed(["a", "b"])
    assert both.dtype == np.int8 and both.tolist() == [[64, -127, 0], [64, 32, -127]]
    assert embedder.embed(["a"]).tolist() == both[:1].tolist(), "no text moves another's codes"
    assert embedder.embed([]).shape == (0, 3)


def test_a_memory_folds_through_the_endpoint_and_replays_without_it(endpoint: Make, tmp_path: Path) -> None:
    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        words = ["boat", "pump", "sea"]
        return 200, said(json.dumps({"keywords": words, "context": "Boats.", "tags": words, "choice": "none", "texts": words}))

    served, asker = endpoint(answer, prices=(1.0, 1.0))
    with Clew(tmp_path / "c.db", recipes=["a_mem"], models=Models(asker=asker)) as c:
        c.record(["The pump broke.", "The pump is mended."], user="ana")
        assert c.catch_up() == {"a_mem": "folded"}
        assert [m.data["context"] for m in c.memories(user="ana")] == ["Boats."] * 2
        assert c.status()["spent"] == {"calls": 3, "tokens": 45, "cost": pytest.approx(45e-6)}
        before = list(c._views.serving("a_mem").view.dump())
        calls = len(served.requests)
        served.server.shutdown()
        c.rebuild("a_mem")
        assert list(c._views.serving("a_mem").view.dump()) == before and len(served.requests) == calls


@pytest.mark.parametrize(("given", "enough"), [("0.1", False), ("30", True)])
def test_the_arena_gives_a_model_the_time_that_it_is_told(
    endpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, enough: bool
) -> None:
    served, _ = endpoint(lambda path, request: (time.sleep(0.3), (200, said("{}")))[1])
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    words = ["mem-tool", "--turns", "4", "--seed", "7", "--model", "openai:tiny", "--base-url", served.url, "--timeout", given]
    result = CliRunner().invoke(arena, [*words, "--out", str(tmp_path)])
    assert isinstance(result.exception, ModelUnavailable) is not enough


def test_a_second_run_of_the_arena_pays_for_nothing(endpoint: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(path: str, request: dict[str, Any]) -> tuple[int, Any]:
        words = ["boat", "pump", "sea"]
        return 200, said(
            json.dumps({"keywords": words, "context": "Boats.", "tags": words, "choice": "both", "choices": [], "texts": words})
        )

    served, _ = endpoint(answer)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    said_so = ("The pump of my boat broke.", "Dinner was mackerel.", "A ferry brought the impeller.", "We sail to Vigo in June.")
    turns = [{"speaker": "Ada", "dia_id": f"D1:{i}", "text": words} for i, words in enumerate(said_so, 1)]
    asked = [{"question": "What broke?", "answer": "the pump", "category": 4, "evidence": ["D1:2"]}]
    sample = {"sample_id": "conv-0", "conversation": {"session_1": turns, "session_1_date_time": "1:56 pm on 8 May, 2023"}, "qa": asked}
    (tmp_path / "locomo_mine.json").write_text(json.dumps([sample]))
    found, counts = [], []
    for name in ("one", "two"):
        words = ["run", "locomo", "--path", str(tmp_path), "--recipe", "a_mem", "--no-controls", "--model", "openai:tiny"]
        words += ["--base-url", served.url, "--keep", str(tmp_path / "answers"), "--out", str(tmp_path / name)]
        result = CliRunner().invoke(arena, words)
        assert result.exit_code == 0, result.output
        outcome = json.loads((tmp_path / name / "locomo-all" / "results.json").read_text())
        [system] = outcome["systems"].values()
        found.append((system["scores"], system["calls"], system["valid"], system["tokens_an_event"]))
        counts.append(len(served.requests))
    assert counts[0] > 8 and counts[1] == counts[0], "all answers were kept, though memories have other ids"
    assert found[0] == found[1]
    monkeypatch.setattr("clew.arena.cli.console", Console(width=200))  # where it is narrow the names are cut
    told = CliRunner().invoke(arena, ["validity", str(tmp_path / "two")])
    assert told.exit_code == 0 and "openai:tiny" in told.output and "records" in told.output


def test_a_missing_key_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        connect("openai:tiny")


def test_without_the_package_the_command_that_installs_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "openai.py").write_text("raise ModuleNotFoundError(\"No module named 'openai'\", name='openai')")
    code = "from clew import ClewError\nfrom clew.models import connect\n"
    code += "try:\n    connect('openai:x')\nexcept ClewError as error:\n    print(type(error).__name__, error)"
    env = {"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert run.stdout.startswith(MissingExtra.__name__) and "pip install 'clew[llm]'" in run.stdout


def test_text_models_keep_the_default_embedder_unless_another_is_given() -> None:
    models = connect("openai:tiny", api_key="none", base_url="http://127.0.0.1:9/v1")
    assert isinstance(models.embedder, Static) and isinstance(models.asker, OpenAI)
    models.asker.close()
