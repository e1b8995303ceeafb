"""What a text is made of for full-text search: stemmed words, and bigrams where words have no spaces.

One function serves indexing and asking on every database, so that the same log gives the same rows.
"""

import re
import threading
import unicodedata

import Stemmer

# Function words carry no topic and make up half of all postings; negations are kept, because they change what is meant.
STOPWORDS = frozenset(
    """a about after all am an and any are as at be because been before being but by can could did do does doing for from
    had has have having he her here hers him his how i if in into is it its itself just me more most my myself of off
    on once only or other our ours out over own s same she should so some such t than that the their theirs them then
    there these they this those through to too until up very was we were what when where which while who whom why will
    with would you your yours d ll m re ve""".split()  # noqa: SIM905 - one word a cell would hide the list
)
# Scripts written without spaces: kana, CJK ideographs, hangul (bigrams beat whitespace words there too).
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]")
_WORD = re.compile(r"[a-z0-9]+")
_local = threading.local()
REMEMBERED = 300_000  # words kept with their terms


class _Terms(dict[str, str | None]):
    """Word to term, filled as words are met; None for a stop word."""

    def __missing__(self, word: str) -> str | None:
        if len(self) > REMEMBERED:
            self.clear()
        stemmer = getattr(_local, "stemmer", None)
        if stemmer is None:  # a Snowball stemmer keeps state between calls, so each thread has its own
            stemmer = _local.stemmer = Stemmer.Stemmer("english", 0)
        term = self[word] = None if word in STOPWORDS else stemmer.stemWord(word)
        return term


_known = _Terms()


def terms(text: str) -> list[str]:
    """The terms of a text in order, with repeats; stop words left out.

    Words are case-folded (NFKC) and stemmed by Snowball English; runs of Chinese, Japanese or Korean
    give their overlapping bigrams, a run of one character itself.
    """
    if text.isascii():
        return [term for word in _WORD.findall(text.lower()) if (term := _known[word])]
    found: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if _UNSPACED_RUN.match(token):
            found += [token[i : i + 2] for i in range(max(1, len(token) - 1))]
        elif term := _known[token]:
            found.append(term)
    return found


def unspaced(character: str) -> bool:
    """True for a character of a script that is written without spaces between words."""
    return _UNSPACED_RUN.match(character) is not None
