"""The inspector's pages over a memory that lies in PostgreSQL."""

import re

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")
pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx", reason="needs httpx")

from postgres import tenant
from served import served

from clew import Clew


def test_every_page_opens_and_one_forgets_on_postgresql() -> None:
    with Clew(tenant(), recipes=["verbatim", "facts"]) as c, served(c) as service:
        c.record("Ana keeps bees in Porto.", user="ana", at="2026-03-01T09:00:00+01:00")
        c.record("Ana keeps goats in Faro.", user="ana")
        c.catch_up()
        first = c.memories(user="ana")[0]
        c.record("So there is honey.", user="ana", trust="assistant", basis=[first.id])
        with service.client(Origin=f"http://127.0.0.1:{service.port}") as client:
            q = {"q": "What does Ana keep?", "user": "ana"}
            for room in (
                f"memories/{first.id}",
                "timeline",
                "events/1",
                "recall",
                "memories",
                "graph",
                "compare",
                "review",
                "forget",
                "status",
            ):
                assert client.get(f"/inspect/{room}", params=q).status_code == 200, room
            page = client.get(f"/inspect/memories/{first.id}").text
            assert "So there is honey." in page and "<mark>" in page
            assert "Porto" in client.get("/inspect/timeline", params={**q, "as_of": 1}).text
            fields = {"whose": "ana", "matching": "goats"}
            mark = re.search(r'name="sure" value="([0-9a-f]+)"', client.post("/inspect/forget", data=fields).text)
            assert mark is not None
            assert "Receipt" in client.post("/inspect/forget", data={**fields, "sure": mark[1]}).text
        assert not any("goats" in m.text for m in c.memories(user="ana"))
