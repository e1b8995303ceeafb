"""What stays and what goes, over a real socket: holds, pins, rules, canaries, decay, the day's tick, and a copy of the whole file."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
httpx = pytest.importorskip("httpx", reason="needs httpx")

from served import Service, served  # noqa: E402

from clew import Clew  # noqa: E402
from clew.serve.access import NEEDS  # noqa: E402
from clew.serve.keys import KIND  # noqa: E402

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def service(memory: Callable[..., Clew]) -> Iterator[Service]:
    with served(memory()) as running:
        yield running


def acts(service: Service) -> list[tuple[str, str | None]]:
    """What was done to the memory as a whole, and by whom."""
    found = [e for e in service.memory.log.read() if e.kind == KIND]
    return [(e.body["op"], e.actor) for e in found if e.body["op"] != "key added"]


def test_what_is_held_is_not_forgotten_until_it_is_released(service: Service) -> None:
    boss = service.key("admin", name="boss")
    service.memory.record("My locker code is seven quinces", user="ana")
    with service.client(boss) as client:
        held = client.post("/v1/holds", json={"user": "ana", "reason": "case 17"}).json()
        [hold] = client.get("/v1/holds").json()
        assert (hold["seq"], hold["reason"], hold["covers"]["user"]) == (held["seq"], "case 17", "ana")
        refused = client.post("/v1/forget", json={"user": "ana"})
        assert refused.status_code == 403 and "case 17" in refused.json()["detail"]
        assert client.post(f"/v1/holds/{held['seq']}/release", json={"reason": "settled"}).status_code == 200
        assert client.get("/v1/holds").json() == []
        assert client.post(f"/v1/holds/{held['seq']}/release", json={}).status_code == 404
        assert client.post("/v1/holds", json={"reason": "of nothing"}).status_code == 400
        receipt = client.post("/v1/forget", json={"user": "ana"}).json()
        assert receipt["state"] == "erased" and client.post("/v1/forget/erase", json={"receipt": receipt}).json() == receipt
    assert [op for op, _ in acts(service)] == ["hold", "release", "release", "hold", "forget"]
    assert {who for _, who in acts(service)} == {"boss"}


def test_a_rule_takes_what_is_old_but_for_what_is_pinned(service: Service) -> None:
    c = service.memory
    for number in range(3):
        c.record(f"An old remark, number {number}", user="ana", at=LONG_AGO + timedelta(minutes=number), as_lived=True)
    c.record("A new remark", user="ana")
    with service.client() as client:
        first = client.get("/v1/memories", params={"user": "ana"}).json()["memories"][0]["id"]
        assert client.post("/v1/pins", json={"ids": [first]}).status_code == 200
        assert client.post("/v1/pins", json={"events": [2]}).status_code == 200
        assert client.get("/v1/pins").json() == [1, 2]
        assert client.post("/v1/pins/remove", json={"events": [2]}).status_code == 200
        rule = {"name": "a year", "older_than": "P365D", "user": "ana"}
        tried = client.post("/v1/rules", json={**rule, "dry_run": True}).json()
        assert (tried["state"], tried["seqs"]) == ("dry run", [2, 3]) and client.get("/v1/rules").json() == []
        assert client.post("/v1/rules", json=rule).json()["seqs"] == [2, 3]
        [known] = client.get("/v1/rules").json()
        assert (known["name"], known["said"], known["meant"]["user"]) == ("a year", 2, "ana") and known["older_than"].startswith("P")
        assert client.post("/v1/rules", json={**rule, "older_than": 365}).status_code == 400  # the name is taken
        assert client.post("/v1/rules", json={**rule, "name": "x", "older_than": "365"}).status_code == 400  # of what unit?
        [shown] = client.post("/v1/rules/apply", json={"dry_run": True}).json()
        assert (shown["state"], shown["seqs"]) == ("dry run", [2, 3])
        [receipt] = client.post("/v1/rules/apply", json={"day": datetime.now(UTC).date().isoformat()}).json()
        assert (receipt["state"], receipt["seqs"]) == ("erased", [2, 3])
        assert client.post("/v1/rules/withdraw", json={"name": "a year"}).status_code == 200
        assert client.post("/v1/rules/withdraw", json={"name": "a year"}).status_code == 404
    assert [op for op, _ in acts(service)] == ["pin", "pin", "unpin", "retain", "retain", "retention", "withdraw", "withdraw"]


def test_the_weakest_memories_are_told_then_archived_and_may_be_erased(service: Service) -> None:
    for number in range(30):
        service.memory.record(f"A remark on the weather of day {number}", user="ana")
    with service.client() as client:
        told = client.post("/v1/decay", json={"user": "ana", "keep_count": 20}).json()
        assert (told["memories"], len(told["items"]), told["seqs"]) == (30, 10, [])
        assert abs(sum(told["items"][0]["why"].values()) - told["items"][0]["strength"]) < 1e-6
        assert client.post("/v1/decay", json={"user": "ana", "dry_run": False}).status_code == 400
        done = client.post("/v1/decay", json={"user": "ana", "keep_count": 20, "dry_run": False}).json()
        assert [i["id"] for i in done["items"]] == [i["id"] for i in told["items"]] and done["seqs"]
        assert service.memory.get(done["items"][0]["id"]).status == "archived"
        faded = client.get("/v1/decay/faded", params={"user": "ana"}).json()
        assert len(faded["events"]) == 10 and faded["waiting"] == 0
        tried = client.post("/v1/decay/simulate", json={"user": "ana"})
        assert tried.status_code == 200 and tried.json()["questions"] == "stand-in"
        assert set(tried.json()["curves"]) == {"weakest first", "oldest first", "random"}
    assert acts(service) == [("decay", "local")]


def test_a_copy_of_the_whole_file_comes_over_the_wire_and_leaves_nothing_behind(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "temporary"
    below.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(below))
    service.memory.record(["x" * 1000 + str(number) for number in range(500)], user="ana")
    copy = tmp_path / "copy.db"
    with service.client() as client, client.stream("GET", "/v1/backup") as answer:
        assert int(answer.headers["content-length"]) > 500_000
        copy.write_bytes(answer.read())
    assert list(below.iterdir()) == []
    with Clew(copy, recipes=["verbatim"]) as other:
        assert other.log.verify() and other.log.select("seq = 9", ()) == service.memory.log.select("seq = 9", ())
    assert acts(service) == [("backup", "local")]


def test_a_canary_is_planted_and_the_days_tick_is_added_once(memory: Callable[..., Clew]) -> None:
    c = memory(recipes=["verbatim", "caim"])
    with served(c) as service, service.client() as client:
        c.record("I like tea", user="ana")
        client.post("/v1/recall", json={"text": "tea", "user": "ana", "recipe": "caim"})
        token = client.post("/v1/canaries", json={"user": "ana"}).json()["token"]
        assert client.get("/v1/status").json()["canaries"] == {"planted": 1, "alarms": []}
        client.post("/v1/events", json={"what": f"look: {token}", "user": "bob"})
        assert [a["where"] for a in client.get("/v1/status").json()["canaries"]["alarms"]] == ["record"]
        ticks = [client.post("/v1/ticks", json={"date": "2026-05-20"}).json()["added"] for _ in range(2)]
        assert ticks == [1, 0] and acts(service) == [("canary", "local"), ("tick", "local"), ("tick", "local")]
        assert token not in str([e.body for e in c.log.read() if e.kind == KIND])


def test_two_generations_are_laid_side_by_side(service: Service) -> None:
    service.memory.record("I like tea", user="ana")
    service.memory.catch_up()
    other = service.memory.rebuild(promote=False)
    with service.client() as client:
        first = client.get("/v1/generations").json()[0]["id"]
        assert client.get(f"/v1/generations/{first}/diff", params={"recipe": "verbatim", "other": other.id}).json() == []
        service.memory.record("I like coffee", user="ana")
        service.memory.catch_up()
        rows = client.get(f"/v1/generations/{first}/diff", params={"recipe": "verbatim", "other": other.id}).json()
        assert any(sign == "-" and "I like coffee" in str(row) for sign, row in rows)
        assert client.get("/v1/generations/99/diff", params={"recipe": "verbatim", "other": 1}).status_code == 404


def test_who_acts_for_one_user_pins_and_puts_away_that_users_memories_alone(memory: Callable[..., Clew]) -> None:
    c = memory(recipes=["verbatim", "mem_tool"])
    c.record("I like tea", user="ana")
    c.record("Bob keeps a boat in Porto", user="bob")
    mine, theirs = (c.memories(user=user)[0].id for user in ("ana", "bob"))
    c.pin(events=[2])
    with served(c) as service, service.client(service.key("curator", "ana")) as client:
        assert client.post("/v1/pins", json={"ids": [mine]}).status_code == 200
        assert client.get("/v1/pins").json() == [1]
        for path in ("/v1/pins", "/v1/pins/remove"):
            event, none = (client.post(path, json={"events": [seq]}) for seq in (2, 99))
            assert (event.status_code, event.json()["detail"].replace("2", "99")) == (404, none.json()["detail"])
            assert client.post(path, json={"ids": [theirs]}).status_code == 404
        told = client.post("/v1/decay", json={"keep_count": 0}).json()
        assert told["memories"] == 1 and told["user"] == "ana" and "boat" not in str(told)
        assert client.post("/v1/decay", json={"user": "bob"}).status_code == 404
        shared = client.post("/v1/decay", json={"recipe": "mem_tool"})
        assert shared.status_code == 403 and "share" in shared.json()["detail"]
        whole = [("GET", "/v1/holds"), ("GET", "/v1/rules"), ("GET", "/v1/backup"), ("POST", "/v1/canaries"), ("POST", "/v1/ticks")]
        for method, path in [*whole, ("POST", "/v1/rules/apply")]:
            assert client.request(method, path, json={} if method == "POST" else None).status_code == 403, path
    assert c.pinned() == {1, 2}


def test_every_public_verb_has_a_role_or_is_not_for_the_wire() -> None:
    verbs = {name for name in dir(Clew) if not name.startswith("_")}
    assert verbs - set(NEEDS) == {
        "aging",  # hands out a view, which is no value
        "close",  # of who opened the memory
        "shred",  # destroys the file under the service that answers for it: `clew shred`, on its own machine
    }
