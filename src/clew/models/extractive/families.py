"""The seven families of answers, each by what the answer decides. Every function gives the JSON of its form, before it is fitted."""

from collections.abc import Callable, Mapping
from typing import Any

from clew.models.extractive import records, select
from clew.models.extractive.fit import cut
from clew.models.extractive.likeness import Sense
from clew.models.extractive.lists import FAILURES, INSTEAD, RELATIONS
from clew.models.extractive.material import Material, Piece, two
from clew.models.extractive.words import content, covered, dates, greeting, keywords, merged, phrases, sentences, spoken, told, weights
from clew.storage.terms import terms

ENOUGH = 0.6  # share of a question's words that what is shown must hold to answer it
APT = 0.26  # relevance from which something bears on a question
SHARE = 0.6  # of the best one's relevance that another must have to be chosen beside it
MERGED = 0.75  # cosine from which two are merged
INSERTS = frozenset("add insert create new append".split())  # noqa: SIM905 - operations of edits by what they do
UPDATES = frozenset("update revise edit modify replace rewrite change".split())  # noqa: SIM905
DELETES = frozenset("delete remove retire invalidate drop supersede outdate".split())  # noqa: SIM905
LEAVES = frozenset("none keep noop nothing ignore skip".split())  # noqa: SIM905
MERGES = frozenset("merge combine fuse join".split())  # noqa: SIM905
AGREES = frozenset("agree support confirm reinforce upvote strengthen".split())  # noqa: SIM905
Answer = Callable[[Sense, str, Mapping[str, Any], Material], Any]


def gate(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, str]:
    """Yes or no."""
    return {"answer": "yes" if _yes(sense, means, seen) else "no"}


def _yes(sense: Sense, means: str, seen: Material) -> bool:
    asked = seen.question
    if means == "needed":
        return not greeting(asked or seen.text)
    if means == "enough":
        whole = covered(weights(asked), set(terms("\n".join(p.text for p in seen.main))))
        best = select.best(sense, seen.main, asked, 1)
        one = covered(weights(asked), set(terms(best[0][0]))) if best else 0.0
        return whole >= ENOUGH and one >= select.KNOWN
    if means == "good":
        return not any(w in FAILURES for w in seen.text.lower().replace(".", " ").replace(",", " ").split())
    one, other = ("\n".join(p.text for p in parts) for parts in two(seen))
    return sense.same(one, other) if means == "same" else sense.relevance(one, [other])[0] >= APT


def choice(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, Any]:
    """One of some labels or ids, or several."""
    part = schema["properties"].get("choices")
    if part is not None:
        return {"choices": several(sense, means, part, seen)}
    options = schema["properties"]["choice"]["enum"]
    if means == "relation":
        return {"choice": related(sense, options, seen)}
    if means == "best" or any(p.id in options for p in seen.pieces):
        shown = seen.among(options)
        near = sense.relevance(seen.question or focus(seen, options), [p.text for p in shown])
        return {"choice": options[max(range(len(near)), key=lambda i: (near[i], -i))]}
    return {"choice": select.label(sense, seen.text, options)}


def several(sense: Sense, means: str, part: Mapping[str, Any], seen: Material) -> list[str]:
    """The ids that bear on the question, or on what is new; or the labels that fit."""
    options, most = part["items"]["enum"], part["maxItems"]
    if not options:
        return []
    if means == "labels" and not any(p.id in options for p in seen.pieces):
        return select.labels(sense, seen.question if not seen.main else spoken(seen.text), options, most)
    shown = seen.among(options)
    near = sense.relevance(seen.question or focus(seen, options), [p.text for p in shown])
    floor = max(APT, SHARE * max(near, default=0.0))
    order = sorted(range(len(near)), key=lambda i: (-near[i], i))
    return [options[i] for i in order[:most] if near[i] >= floor]


def focus(seen: Material, ids: Any) -> str:
    """What is new among what is shown: what no answer may name."""
    return "\n".join(p.text for p in seen.others(ids)) or seen.text


def related(sense: Sense, options: Any, seen: Material) -> str:
    """The label for what the first thing shown is to the others: to that which it is most to."""
    first, others = two(seen)
    new = "\n".join(p.text for p in first)
    near = sense.cosines(new, [p.text for p in others])
    kinds = {sense.relation(new, p.text) for p, c in zip(others, near, strict=True) if c >= max(near)} or {"none"}
    kind = next(k for k in ("duplicate", "conflict", "update", "link", "none") if k in kinds)
    by = {o: next((k for k, names in RELATIONS.items() if o.lower().replace(" ", "_") in names.split()), "") for o in options}
    for wanted in INSTEAD[kind]:
        if found := next((o for o, k in by.items() if k == wanted), None):
            return found
    return select.label(sense, new, options)


def text(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, str]:
    """One bounded text."""
    size = schema["properties"]["text"]["maxLength"]
    if means == "answer":
        return {"text": select.answer(sense, seen, size)}
    if means == "title":
        words = keywords(spoken(seen.text or seen.question), 3, size)
        return {"text": cut(" ".join(words[:1]) or seen.text, size)}
    if means == "question":
        return {"text": cut(_asked(sense, seen), size)}
    if means == "description" and _alone(seen):
        return {"text": ""}  # what is asked for is knowledge, and there is none
    few = 2 if means == "description" else 0
    return {"text": select.summary(sense, seen.main, size, seen.question, few) or cut(seen.text or seen.question, size)}


def _alone(seen: Material) -> bool:
    """Whether there is a question and nothing else."""
    return bool(seen.question) and all(p.text == seen.question for p in seen.main)


def _asked(sense: Sense, seen: Material) -> str:
    """The next question: what the nearest words lead to, where there are some; nothing that was asked before."""
    found = select.asked_again(sense, seen, 8)
    before = "\n".join(p.text for p in seen.side).lower()
    fresh = [q for q in found if q.lower() not in before]
    later = fresh[1:] if fresh[:1] == found[:1] and not _alone(seen) else fresh
    return (later or fresh or [seen.question or seen.text])[0]


def texts(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, list[str]]:
    """A bounded list of bounded texts."""
    part = schema["properties"]["texts"]
    most, size = part["maxItems"], part["items"].get("maxLength", 400)
    alone = _alone(seen)
    if means == "topics":
        return {"texts": select.topics(sense, spoken(seen.text), min(most, 3))}
    if means == "keywords":
        said = [p for p in phrases(seen.question) if len(p) <= size] or content(seen.question)
        return {"texts": said[:most] if alone else keywords(spoken(seen.text), most, size)}
    if means == "dates":
        return {"texts": dates(f"{seen.question}\n{seen.text}" if not alone else seen.question)[:most]}
    if means == "queries" and not seen.question:
        return {"texts": keywords(spoken(seen.text), most, size)}
    if means == "queries" or (means == "clues" and alone):
        return {"texts": [cut(q, size) for q in select.asked_again(sense, seen, most)]}
    if means == "clues":
        return {"texts": [cut(told(u[0], u[1]), size) for u in select.best(sense, seen.main, seen.question or seen.text, most)]}
    found = [u for u in select.looked_at(seen.main) if select.informative(u[0]) > 0] or select.looked_at(seen.main)
    lines = list(dict.fromkeys(told(u[0], u[1]) for u in found))
    score = select.central(sense, lines, seen.question)
    keep = sorted(sorted(range(len(lines)), key=lambda i: (-score[i], i))[:most])
    return {"texts": [cut(lines[i], size) for i in keep]}


def record(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, Any]:
    """A list of flat records, or one."""
    part = schema["properties"].get("records")
    if set(schema["properties"]) == {"old", "new"}:
        return dict(zip(("old", "new"), records.swapped(seen.text or seen.question), strict=True))
    if part is None or part["type"] != "array" or part["items"]["type"] != "object":
        return records.filled(sense, records.units(sense, "note", seen, 1)[0], schema["properties"], seen)
    fields = part["items"]["properties"]
    if len(fields) > 1 and all("enum" in field for field in fields.values()):
        return {"records": records.pairs(sense, part["items"], seen)[: part["maxItems"]]}
    found = records.cited(fields, seen, part["maxItems"]) or records.units(sense, means, seen, part["maxItems"])
    if not found and part.get("minItems", 0):
        found = [records.Unit(seen.text or seen.question)]
    return {"records": [records.filled(sense, unit, fields, seen) for unit in found]}


def edits(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, list[dict[str, str]]]:
    """An edit script against ids that were shown."""
    part = schema["properties"]["edits"]
    fields = part["items"]["properties"]
    operations, ids, size = fields["op"]["enum"], fields["target"]["enum"], fields["text"]["maxLength"]
    if not ids:
        return {"edits": []}
    found = (
        _merges(sense, operations, ids, size, seen)
        if means == "merge"
        else _revisions(sense, operations, ids, size, seen, part["maxItems"])
    )
    return {"edits": found[: part["maxItems"]]}


def _merges(sense: Sense, operations: Any, ids: Any, size: int, seen: Material) -> list[dict[str, str]]:
    """One edit for every member of a group that means the same, all with the group's words."""
    op = next((o for o in operations if o.lower() in MERGES), operations[0])
    shown = [p for p in seen.among(ids) if p in seen.pieces]
    near = sense.matrix([p.text for p in shown])
    left, found = list(range(len(shown))), []
    while left:
        group = [i for i in left if near[left[0], i] >= MERGED or i == left[0]]
        left = [i for i in left if i not in group]
        if len(group) > 1:
            words = cut(merged([shown[i].text for i in group]), size)
            found += [{"op": op, "target": shown[i].id or "", "text": words} for i in group]
    return found


def _revisions(sense: Sense, operations: Any, ids: Any, size: int, seen: Material, most: int) -> list[dict[str, str]]:
    """What is new is inserted, takes the place of what it contradicts, or is left out where it is known already."""
    by = {kind: next((o for o in operations if o.lower() in words), None) for kind, words in _OPERATIONS.items()}
    shown = [p for p in seen.among(ids) if p in seen.pieces]
    free = next((i for i in ids if i not in {p.id for p in shown}), None)  # the target of what is about none of them
    fresh = [p for p in seen.others(ids) if p.text]
    if seen.question and not fresh:
        fresh = [Piece(None, seen.question, {})]
    if len(fresh) > 1:
        lines = [_brief(sense, p, size) for p in fresh]
    else:
        lines = [u.text for u in records.units(sense, "facts", _only(fresh, seen.question), most)]
    found: list[dict[str, str]] = []
    used: set[str] = set()
    for line in lines or [p.text for p in fresh]:
        near = sense.cosines(line, [p.text for p in shown])
        old = shown[max(range(len(near)), key=lambda i: (near[i], -i))] if shown else None
        kind = sense.relation(line, old.text) if old is not None else "none"
        wanted = {"duplicate": ("agree", "leave"), "update": ("update", "delete"), "conflict": ("update", "delete")}.get(kind, ("insert",))
        op = next((by[w] for w in wanted if by[w]), None)
        target = (old.id if old is not None and (wanted != ("insert",) or free is None) else free) or ids[0]
        if op is not None and (wanted == ("insert",) or target not in used):
            found.append({"op": op, "target": target, "text": cut(line, size)})
            used |= set() if wanted == ("insert",) else {target}
    return found


def _brief(sense: Sense, piece: Piece, size: int) -> str:
    """A thing's own words, where they are few; else the two sentences that stand for all."""
    return piece.text if len(sentences(piece.text)) < 3 else select.summary(sense, [piece], size, sentences=2) or piece.text


_OPERATIONS = {"insert": INSERTS, "update": UPDATES, "delete": DELETES, "leave": LEAVES, "agree": AGREES}


def _only(pieces: list[Piece], question: str) -> Material:
    return Material(question, tuple(pieces), tuple(pieces), (), {})


def scores(sense: Sense, means: str, schema: Mapping[str, Any], seen: Material) -> dict[str, int]:
    """A whole number for each id."""
    parts = schema["properties"]
    shown = seen.among(parts)
    if means == "importance":
        shares = [select.importance(p.text) for p in shown]
    else:
        near = sense.relevance(seen.question or focus(seen, parts), [p.text for p in shown])
        shares = [min(max((r - 0.1) / 0.6, 0.0), 1.0) for r in near]
    return {i: part["minimum"] + round((part["maximum"] - part["minimum"]) * s) for (i, part), s in zip(parts.items(), shares, strict=True)}


FAMILIES: Mapping[str, Answer] = {
    "gate": gate,
    "choice": choice,
    "text": text,
    "texts": texts,
    "records": record,
    "edits": edits,
    "scores": scores,
}
