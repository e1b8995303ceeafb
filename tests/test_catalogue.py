"""The catalogue tells the truth: every header is whole and in the surveys' words, and a checklist counts tests that are there."""

import ast
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clew import UsageError, catalogue
from clew.cli import app
from clew.recipe import load

HERE = Path(__file__).parent
BUILT_IN = {name: entry for name, entry in catalogue.entries().items() if (HERE.parent / f"src/clew/recipes/{name}.py").exists()}
FACTS = (
    "Paper",
    "Code",
    "Forms",
    "Functions",
    "Formation",
    "Evolution",
    "Retrieval",
    "Quadrant",
    "Group",
    "Calls",
    "Published",
    "Checklist",
)


def items(name: str) -> set[int]:
    """The checklist items that a recipe's tests name: `test_item_3_...`; one test may name several."""
    path = HERE / f"test_{name}.py"
    if not path.exists():
        return set()
    tests = [n.name for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)]
    return {int(n) for test in tests if test.startswith("test_item_") for n in re.findall(r"item_(\d+)_", test)}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_header_has_every_fact_in_the_words_of_the_surveys(name: str) -> None:
    entry = BUILT_IN[name]
    assert [fact for fact in FACTS if not entry.get(fact)] == []
    for field, (_, known) in catalogue.FIELDS.items():
        if known is not None:
            assert catalogue.words(entry, field) and catalogue.words(entry, field) <= known, field


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_checklist_counts_the_items_that_have_a_test_and_a_missing_one_costs_the_name(name: str) -> None:
    told = BUILT_IN[name]["Checklist"]
    if told == "none":
        assert BUILT_IN[name]["Paper"] == "none", "a published system has a checklist"
        return
    match = re.match(r"(\d+) of (\d+)(: (?P<reduced>.+))?$", told)
    assert match, told
    passed, whole = int(match[1]), int(match[2])
    assert len(items(name)) == passed and items(name) <= set(range(1, whole + 1))
    assert match["reduced"] or passed == whole, "where an item is missing, the system bears its reduced name"


def test_the_page_of_the_documentation_is_the_one_that_the_headers_make() -> None:
    page = (HERE.parent / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == catalogue.page(BUILT_IN) + "\n", "clew recipes --markdown > docs/catalogue.md"


def test_recipes_are_filtered_by_any_field_and_a_wrong_word_is_told() -> None:
    entries = catalogue.entries()
    assert "a_mem_guard" in catalogue.matching(entries, ["function=experiential"])
    assert "verbatim" not in catalogue.matching(entries, ["function=experiential"])
    assert set(catalogue.matching(entries, ["group=agentic", "quadrant=VI"])) <= set(catalogue.matching(entries, ["quadrant=VI"]))
    assert list(catalogue.matching(entries, ["paper=2502.12110"])) == ["a_mem"]
    for wrong, told in (("group=explicitt", "explicitt"), ("colour=red", "colour"), ("group", "FIELD=WORD")):
        with pytest.raises(UsageError, match=told):
            catalogue.matching(entries, [wrong])
    shown = CliRunner().invoke(app, ["recipes", "--where", "function=working", "--json"])
    assert set(json.loads(shown.stdout)) == set(catalogue.matching(entries, ["function=working"]))


def test_a_mechanism_is_switched_off_by_its_name_and_a_name_that_is_none_is_told() -> None:
    recipe = load("a_mem[-links,link_k=3]")
    assert recipe.name == "a_mem[-links,link_k=3]" and recipe.params["links"] is False and recipe.params["link_k"] == 3
    assert load("scm[-recency]").params["recency"] == 0.0
    for wrong in ("a_mem[links]", "a_mem[-knots]", "a_mem[link_k=many]", "a_mem[]"):
        with pytest.raises(UsageError, match="a_mem"):
            load(wrong)
