"""HotpotQA and MuSiQue: questions that need two or more paragraphs of a given corpus.

Source:    the samples and corpora of github.com/OSU-NLP-Group/HippoRAG (branch legacy)
Licence:   HotpotQA CC BY-SA 4.0, MuSiQue CC BY 4.0
Metric:    share of supporting paragraphs among the first k
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clew.arena.cases import Case, Question, found
from clew.arena.datasets import lines

FOLDER = "multihop_qa"
SETS = ("hotpotqa", "musique")


def read(path: Path) -> Iterator[Case]:
    """One case a set: its corpus (`<set>_corpus.jsonl.gz` beside the questions), then its questions in order."""
    files = [path] if path.is_file() else [found(path, f"{name}_100", ".jsonl") for name in SETS]
    for file in files:
        name = next((s for s in SETS if file.name.startswith(s)), file.stem)
        corpus = list(lines(found(file.parent, f"{name}_corpus", ".jsonl.gz")))
        keys = {key(p["title"], p["text"]): p for p in corpus}
        titles: dict[str, list[str]] = {}
        for k, paragraph in keys.items():
            titles.setdefault(paragraph["title"], []).append(k)
        events = tuple({"content": f"{p['title']}\n{p['text']}", "role": "user", "kind": "document", "key": k} for k, p in keys.items())
        yield Case(name, events, tuple(q for row in lines(file) if (q := question(row, name, keys, titles)).gold))


def key(title: str, text: str) -> str:
    """A paragraph's key: equal paragraphs are one."""
    return hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:16]


def question(row: Mapping[str, Any], name: str, keys: Mapping[str, Any], titles: Mapping[str, Sequence[str]]) -> Question:
    """A row of either schema; gold paragraphs that the corpus lacks are left out."""
    if "paragraphs" in row:
        wanted = [(p["title"], p["paragraph_text"]) for p in row["paragraphs"] if p["is_supporting"]]
    else:
        supporting = {title for title, _ in row["supporting_facts"]}
        wanted = [(title, "".join(sentences)) for title, sentences in row["context"] if title in supporting]
    gold = []
    for title, text in wanted:
        same = titles.get(title, ())
        gold += [key(title, text)] if key(title, text) in keys else same[:1] if len(same) == 1 else []
    id = str(row.get("_id", row.get("id")))
    answers = tuple(dict.fromkeys([row["answer"], *row.get("answer_aliases", ())]))
    return Question(id, row["question"], None, tuple(dict.fromkeys(gold)), name, id, answers=answers)
