"""What is chosen out of what is shown: sentences that say most, that answer, that stand in the middle; topics and labels."""

import re
from collections.abc import Sequence

from clew.models.extractive.fit import cut
from clew.models.extractive.likeness import Sense
from clew.models.extractive.lists import NOWHERE, TOPICS
from clew.models.extractive.material import Material, Piece, units
from clew.models.extractive.triplets import entities
from clew.models.extractive.words import content, covered, dates, greeting, names, numbers, salience, spoken, told, weights
from clew.storage.terms import STOPWORDS, terms

MOST = 400  # sentences looked at in one call: the first and the last ones of more
UNKNOWN = "not known"
KNOWN = 0.3  # share of a question's words that the best sentence must hold to answer it
LABEL = 0.28  # cosine from which a text belongs to a label or topic
_LABEL = re.compile(r"^(?:[\w ]{2,24}: )+")  # what stands before the words: a speaker, a heading
_TOPICS = tuple(f"{name} {words}" for name, words in TOPICS.items())


def looked_at(pieces: Sequence[Piece]) -> list[tuple[str, str, str, Piece]]:
    """The sentences of the pieces, as `units`, the middle left out where there are too many."""
    found = units(pieces)
    return found if len(found) <= MOST else [*found[: MOST // 2], *found[-MOST // 2 :]]


def informative(text: str) -> float:
    """How much a sentence tells: the salience of its words over 100, summed; 0 for questions and greetings."""
    if text.endswith("?") or greeting(text):
        return 0.0
    return sum(weights(text).values()) + 0.5 * len(numbers(text)) + 0.5 * len(names(text))


def central(sense: Sense, texts: Sequence[str], question: str = "") -> list[float]:
    """How far each sentence stands for all of them: likeness to the whole, what it tells, and its place; or bears on a question."""
    whole = " ".join(texts)
    near = sense.cosines(whole, texts)
    weight = [informative(t) for t in texts]
    top = max(weight, default=0.0) or 1.0
    score = [c + 0.3 * w / top + 0.1 / (1 + i) for i, (c, w) in enumerate(zip(near, weight, strict=True))]
    if question:
        score = [s + 2 * r for s, r in zip(score, sense.relevance(question, texts), strict=True)]
    return [round(s, 4) for s in score]


def summary(sense: Sense, pieces: Sequence[Piece], most: int, question: str = "", sentences: int = 0) -> str:
    """The sentences that stand for all, in their order, in at most so many characters (and so many sentences, where not 0)."""
    found = looked_at(pieces)
    found = [u for u in found if informative(u[0]) > 0] or found
    texts = list(dict.fromkeys(told(u[0], u[1]) for u in found))
    if not texts:
        return ""
    size = sum(map(len, texts))
    limit = min(most, max(160, int(0.4 * size))) if len(texts) > 2 else most
    score = central(sense, texts, question)
    chosen: list[int] = []
    spent = 0
    for i in sorted(range(len(texts)), key=lambda i: (-score[i], i)):
        if sentences and len(chosen) == sentences:
            break
        if chosen and spent + len(texts[i]) + 1 > limit:
            continue
        if not any(_repeats(texts[i], texts[j]) for j in chosen):
            chosen.append(i)
            spent += len(texts[i]) + 1
    return cut(" ".join(texts[i] for i in sorted(chosen)), most)


def _repeats(one: str, other: str) -> bool:
    one, other = (_LABEL.sub("", text) or text for text in (one, other))
    held, holds = covered(weights(one), set(terms(other))), covered(weights(other), set(terms(one)))
    return (held > 0.9 or (holds > 0.9 and held > 0.65)) and numbers(one) <= numbers(other)


def best(sense: Sense, pieces: Sequence[Piece], question: str, most: int) -> list[tuple[str, str, str, Piece]]:
    """The sentences that bear most on a question, best first."""
    found = looked_at(pieces)
    score = sense.relevance(question, [told(u[0], u[1]) for u in found])
    order = sorted(range(len(found)), key=lambda i: (-(score[i] + _sort(question, found[i])), i))
    return [found[i] for i in order[:most]]


def _sort(question: str, unit: tuple[str, str, str, Piece]) -> float:
    """What speaks for a sentence because it holds the sort of thing that is asked for; questions answer nothing."""
    low, text, when = question.lower(), unit[0], unit[2]
    share = -0.25 if text.endswith("?") else 0.0
    if low.startswith("when") or " what date" in low or "what year" in low:
        share += 0.1 * bool(dates(text)) + 0.02 * bool(when)
    elif "how many" in low or "how much" in low or "how old" in low:
        share += 0.1 * bool(numbers(text))
    elif low.startswith(("who", "whose", "where", "which city", "what is the name")):
        share += 0.08 * bool(set(names(text)) - set(names(question)))
    return share + 0.05 * bool(unit[1] and unit[1].lower() in low)


def answer(sense: Sense, seen: Material, most: int) -> str:
    """The words that answer a question: a date, a number or a name where one is asked for, else the best sentence; or `UNKNOWN`."""
    found = best(sense, seen.main, seen.question, 1)
    asked = weights(seen.question)
    if not found:
        return cut(UNKNOWN, most)
    text, who, when, _ = found[0]
    if covered(asked, set(terms(f"{who} {text}"))) < KNOWN:
        return cut(UNKNOWN, most)
    low = seen.question.lower()
    if low.startswith("when") and (dates(text) or when):
        return cut(", ".join(filter(None, [*dates(text)[:1], when[:10]])), most)
    new = [name for name in names(text) if not set(terms(name)) <= set(terms(seen.question))]
    if low.startswith(("who ", "whose ")) and (new or who):
        return cut(new[0] if new else who, most)
    if "how many" in low and (counts := re.findall(r"\d+(?:[.,]\d+)*", text)):
        return cut(counts[0], most)
    return cut(text, most)


def asked_again(sense: Sense, seen: Material, most: int) -> list[str]:
    """Searches for a question, best first: its own words; what the nearest words shown lead to, with what they do not hold; its parts."""
    question = seen.question or spoken(seen.text)
    words = content(question)
    found = [" ".join(words)]
    if seen.question and any(p.text != question for p in seen.main):
        for text, *_ in best(sense, seen.main, question, 2):
            held = set(terms(text))
            missing = [w for w in words if not set(terms(w)) <= held]
            bridges = [e for e in entities(text) if not set(terms(e)) & set(terms(question))]
            found += [" ".join([bridge, *missing]) for bridge in bridges[:2]]
    for part in re.split(r",| and | or | but |;", spoken(question) or question):
        if len(content(part)) > 1:
            found.append(" ".join(content(part)))
    found += names(question)
    return [q for q in dict.fromkeys(q.strip() for q in found) if q][:most] or [question][:most]


def topics(sense: Sense, text: str, most: int) -> list[str]:
    """The broad classes that a text belongs to, nearest first."""
    near = sense.cosines(text, _TOPICS)
    order = sorted(range(len(near)), key=lambda i: (-near[i], i))
    return [list(TOPICS)[i] for i in order[:most] if near[i] >= LABEL]


def labels(sense: Sense, text: str, options: Sequence[str], most: int) -> list[str]:
    """Those of some labels that a text belongs to, nearest first; a label whose own words are in the text comes first."""
    words = set(terms(text))
    said = [o.replace("_", " ").replace("-", " ") for o in options]
    near = sense.cosines(text, said)
    held = [0.5 * (bool(terms(s)) and set(terms(s)) <= words) for s in said]
    order = sorted(range(len(options)), key=lambda i: (-(near[i] + held[i]), i))
    return [options[i] for i in order if near[i] + held[i] >= LABEL and said[i].lower() not in NOWHERE][:most]


def label(sense: Sense, text: str, options: Sequence[str]) -> str:
    """The one label that fits a text best; where none does, that for what fits none, or the last."""
    chosen = labels(sense, text, options, 1)
    return chosen[0] if chosen else next((o for o in options if o.lower() in NOWHERE), options[-1])


def importance(text: str) -> float:
    """How much a text seems to matter, 0..1: its telling words, names, numbers, and what a person feels or decides."""
    words = [w for w in re.findall(r"[a-z]+", text.lower()) if w not in STOPWORDS]
    strong = sum(w in _STRONG for w in words)
    weight = sum(sorted((salience(w) for w in words), reverse=True)[:8]) / 800
    return min(1.0, 0.55 * weight + 0.25 * min(strong, 2) + 0.1 * bool(names(text)) + 0.1 * bool(numbers(text) or dates(text)))


_STRONG = frozenset(
    """married divorce died death born birth pregnant engaged wedding hospital surgery cancer accident illness diagnosed fired hired
    promoted graduated moved moving adopted adoption decided promise promised emergency deadline passport password allergy allergic
    favourite favorite always never love hate afraid dream goal won lost broke quit bought sold career baby funeral birthday""".split()  # noqa: SIM905
)
