"""What a small model makes of TME v2's two closed questions: what a step is meant to do, and which known slot it is about.

On the four tasks of tests/files/task_cases.toml; as a person labelled them. Skipped where no model is there, as in test_local_llm.
"""

import math
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from plans import CASES
from test_local_llm import Connected, Report, connected, report

from clew.models import forms
from clew.operators.plan import trim
from clew.recipe import load

__all__ = ["connected", "report"]  # fixtures


def labelled() -> Iterator[tuple[Mapping[str, Any], dict[str, str]]]:
    """Every step of the cases, with the slots that are known before its turn."""
    for case in CASES:
        known: dict[str, str] = {}
        for turn in case["turn"]:
            before = dict(known)
            for step in turn["steps"]:
                yield step, before
                if step.get("value"):
                    known[step["slot"]] = step["value"]


def interval(right: int, n: int) -> str:
    """A share with its 95 % interval (Wilson)."""
    z, p = 1.96, right / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{right} of {n}, {p:.2f} [{middle - half:.2f}, {middle + half:.2f}]"


def test_intents_and_slots_are_labels_that_were_offered(connected: Connected, report: Report) -> None:
    asker, prompts = connected("qwen2.5-coder-0.5b.gguf"), load("tme_v2").prompts
    intents, slots, plain = list[bool](), list[bool](), list[bool]()
    for step, known in labelled():
        shown = {"known": "\n".join(f"[{slot}] {slot}: {value}" for slot, value in known.items()) or "(none)", "step": step["words"]}
        form = forms.choice(trim.INTENTS, "relation")
        said = form.parse(asker.ask(Template(prompts["intent"]).substitute(shown), form.schema, form.max_tokens).text)
        assert said in trim.INTENTS
        intents.append(said == step["intent"])
        plain.append(("check" if trim.plain_question(step["words"]) else said) == step["intent"])
        if known:
            form = forms.choices(list(known), 1, "apt")
            found = form.parse(asker.ask(Template(prompts["slot"]).substitute(shown), form.schema, form.max_tokens).text)
            assert set(found) <= set(known)
            slots.append(found == [step["slot"]] * (step["slot"] in known))
    report("intent of a step, three ways", interval(sum(intents), len(intents)))
    report("the same with plain questions read by rule", interval(sum(plain), len(plain)))
    report("slot of a step, out of those there are or none", interval(sum(slots), len(slots)))
    assert any(intents) and any(slots), "a model of this size is right now and then"
