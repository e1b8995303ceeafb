"""Each recorded recipe, with the answers that a real small model gave, makes today what is written in its expected file."""

import pytest
from recordings import FOLDER, Recorded, lived, recorded

from clew.recipe import load


@pytest.mark.parametrize("name", recorded())
def test_a_recipe_makes_of_a_real_models_answers_what_its_expected_file_says(name: str) -> None:
    asker = Recorded(FOLDER / f"{name}.jsonl")
    found = lived(load(name), asker)
    assert found == (FOLDER / f"{name}.md").read_text(encoding="utf-8"), (
        f"if this is meant: CLEW_RECORD=1 python tests/recordings.py {name}"
    )
    assert asker.calls > 0
