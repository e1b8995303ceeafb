"""How likely a text is: what a judge answers when the question is `LIKELIHOOD`, and a judge that needs no model.

A judge of likelihood gives, for each pair (context, text), the probability per token of the text after the context:
exp(-NLL / n), which is one over the perplexity. `models/openai/likelihood` reads it off a language model; `Ngram` counts words.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

LIKELIHOOD = "likelihood"  # the question: how probable is a token of the second text, when the first has been read
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts without spaces: a character is a word
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")
CACHE, PAIRS = 0.25, 0.25  # weight of the context's words, and of its pairs of words, beside the counts of all the texts


class Ngram:
    """A floor for a language model: words and pairs of words of the context, over word counts of the texts of one call.

    It sees repetition and nothing else: no grammar, no synonyms, no knowledge. The same pairs give the same numbers anywhere.
    """

    name = "ngram"

    def judge(self, pairs: Sequence[tuple[str, str]], question: str = LIKELIHOOD) -> list[float]:
        """Probability per word of each second text after the first, 0..1, six digits; 0 where the text has no words."""
        words = {text: _WORD.findall(text.lower()) for text in dict.fromkeys(text for pair in pairs for text in pair)}
        background = Counter(word for found in words.values() for word in found)
        whole = background.total() + len(background) + 1
        common = {word: (count + 1) / whole for word, count in background.items()}
        return [_per_token(list(_chances(words[before], words[text], common))) for before, text in pairs]


def _chances(before: Sequence[str], text: Sequence[str], common: dict[str, float]) -> Iterator[float]:
    """The probability of each word of the text; what the context might have told falls away where it tells nothing."""
    cache, follows = Counter(before), Counter(pairwise(before))
    for previous, word in zip(["", *text], text, strict=False):
        near = follows[previous, word] / cache[previous] if cache[previous] else 0.0
        yield CACHE * cache[word] / max(len(before), 1) + PAIRS * near + (1 - CACHE - PAIRS) * common[word]


def _per_token(chances: Sequence[float]) -> float:
    return round(math.exp(sum(map(math.log, chances)) / len(chances)), 6) if chances else 0.0
