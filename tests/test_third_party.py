"""A thirteenth memory system comes as somebody else's package: under seventy lines, installed, then used by its name."""

import importlib
import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clew import Clew, NotFound, catalogue
from clew.cli import app
from clew.models import Models
from clew.models.fake import Scripted
from clew.recipe import GROUP, load

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "examples" / "third_party_recipe"
PROJECT = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))
TURNS = (
    ("2026-03-01T09:00:00Z", "Ana bought a boat called Tern."),
    ("2026-03-01T18:00:00Z", "The boat leaks."),
    ("2026-03-02T09:00:00Z", "The boat was mended by Bo."),
    ("2026-03-03T09:00:00Z", "Good morning."),
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package as an installer lays it out: its modules, and beside them the entry points of its project file."""
    site, project = tmp_path / "site", PROJECT["project"]
    facts = site / f"clew_diary-{project['version']}.dist-info"
    facts.mkdir(parents=True)
    for file in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]:
        shutil.copy(PACKAGE / file, site)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8")
    points = "\n".join(f"{name} = {value}" for name, value in project["entry-points"][GROUP].items())
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield site
    sys.modules.pop("clew_diary", None)


def model() -> Scripted:
    return Scripted(lambda prompt, schema: {"text": f"A day of {prompt.count('[')} records."})


def told(c: Clew) -> None:
    for at, words in TURNS:
        c.record(words, user="ana", at=at)
    assert set(c.catch_up().values()) == {"folded"}


def test_it_takes_under_seventy_lines_and_the_documentation_shows_them_all() -> None:
    files = [p for p in PACKAGE.iterdir() if p.suffix in (".py", ".md", ".toml")]
    assert sum(p.read_text(encoding="utf-8").count("\n") for p in files) < 70 and len(files) == 3
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for file in files:
        assert file.read_text(encoding="utf-8").strip() in page, f"docs/recipes.md should show {file.name} as it is"


def test_without_the_package_there_is_no_such_recipe() -> None:
    with pytest.raises(NotFound, match="diary"):
        load("diary")


def test_it_is_used_by_name_through_the_door_and_keeps_the_engines_promises(installed: Path, tmp_path: Path) -> None:
    asker = model()
    with Clew(tmp_path / "c.db", recipes=["diary"], models=Models(asker=asker)) as c:
        told(c)
        entries = c.memories(user="ana", kind="entry")
        assert [m.text for m in entries] == ["A day of 2 records.", "A day of 1 records."] and asker.calls == 2
        assert [q.text for q in c.thread(entries[0].id)] == [TURNS[0][1], TURNS[1][1]], "with the way back to the words"
        assert c.recall("Who mended the boat?", user="ana", k=1)[0].memory.text == TURNS[2][1]
        before = list(c._views.serving("diary").view.dump())
        c.rebuild("diary")
        assert list(c._views.serving("diary").view.dump()) == before and asker.calls == 2, "a rebuild asks nobody"
        receipt = c.forget(events=[1])
        assert c.verify_forgotten(receipt, probes=["Tern"]) == []
        left = [m.text for m in c.memories(user="ana")]
        assert left == [words for _, words in TURNS[1:]], "what was made of it went with it"


def test_its_mechanism_is_switched_off_by_name(installed: Path, tmp_path: Path) -> None:
    asker = model()
    with Clew(tmp_path / "c.db", recipes=["diary[-entries]"], models=Models(asker=asker)) as c:
        told(c)
        assert c.memories(user="ana", kind="entry") == [] and asker.calls == 0


def test_it_stands_in_the_catalogue_beside_the_built_in_ones(installed: Path) -> None:
    entry = catalogue.entries()["diary"]
    assert entry["Title"].startswith("Diary") or "clew-diary" in entry["Title"]
    shown: Any = json.loads(CliRunner().invoke(app, ["recipes", "--json"]).stdout)
    assert "diary" in shown and "a_mem" in shown
