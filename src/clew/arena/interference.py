"""Proactive interference, made from a seed: keys whose values change again and again, and a question for each one's last value.

In the shape of PI-LLM (its generator was not read): 46 keys, each updated 2 to 256 times, all updates shuffled together in one long
message. Older values of a key are what interferes: they look just like the answer. The last value of a key is never one of its
older ones, so that what was answered instead can be told: an older value, another key's, or none of them.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

UPDATES = (2, 4, 8, 16, 32, 64, 128, 256)  # values of each key
HEAVY = 64  # updates from which interference is held to be heavy
_KEYS = (
    "anchor basket bridge candle carpet cellar chapel circle clock coat cup desk door engine fence flag garden gate glove hall hammer "
    "harbour hat ladder lamp mirror needle oven paper pillow pipe plate pocket river roof rope shelf ship spoon stone table tent tower "
    "train wheel window"
)
_VALUES = (
    "apple april arrow autumn bacon bamboo beach bear bird black blue bone book bottle box brass bread brick bronze brother brown bull "
    "butter cake camel camp canal card castle cat chain chair cheese cherry child church city clay cloud coal coffee coin copper coral "
    "corn cotton cow cream crown dance dark deer desert diamond dog dollar dragon dream drum duck dust eagle earth east egg evening "
    "farm father feather field fire fish flame flower forest fox friday frog fruit ghost giant gift glass goat gold goose grain grape "
    "grass gray green guitar hair hand hawk heart hill holiday honey horse hotel house ice iron island ivory jacket january jewel judge "
    "juice june jungle king kitchen knife lake lamb laser leaf leather lemon letter light lime lion lock march market marble meadow meat "
    "metal milk mint monday money monkey moon morning mother mountain mouse music north november nurse oak ocean october oil olive onion "
    "orange owl palace palm panda pearl pepper piano pig pilot pine pink planet plum poem pony potato prince purple queen rabbit radio "
    "rain red rice ring robot rock rose royal salt sand school sea seed shadow sheep shoe silk silver sister sky smoke snake snow "
    "soap song south spice spring star steam steel storm sugar summer sun sweet tea thunder tiger tomato tree tulip turtle valley "
    "velvet violin wall water wave west wheat white wind wine winter wolf wood wool yellow zebra"
)
KEYS, VALUES = tuple(_KEYS.split()), tuple(_VALUES.split())
OPENING = "Each line below sets a key to a new value. A key is set many times; what counts is the line that sets it last.\n"


@dataclass(frozen=True, slots=True)
class Stream:
    """One world: the updates in order as (key, value)."""

    seed: int
    updates: int  # of each key
    lines: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The message: what the lines mean, then a line an update."""
        return OPENING + "\n".join(f"{key}: {value}" for key, value in self.lines)

    @property
    def last(self) -> Mapping[str, str]:
        """What each key holds at the end."""
        return dict(self.lines)

    def former(self, key: str) -> tuple[str, ...]:
        """What the key held before, oldest first."""
        return tuple(value for name, value in self.lines if name == key)[:-1]


def stream(seed: int, updates: int, keys: int = len(KEYS)) -> Stream:
    """The same world for the same numbers, on every machine."""
    chance = random.Random(f"interference {seed} {updates} {keys}")
    names = chance.sample(KEYS, keys)
    values = {name: iter(_values(chance, updates)) for name in names}
    order = [name for name in names for _ in range(updates)]
    chance.shuffle(order)
    return Stream(seed, updates, tuple((name, next(values[name])) for name in order))


def _values(chance: random.Random, n: int) -> list[str]:
    """n values, the last unlike all others, and none twice running."""
    last, former = chance.choice(VALUES), list[str]()
    while len(former) < n - 1:
        value = chance.choice(VALUES)
        if value != last and value not in former[-1:]:
            former.append(value)
    return [*former, last]


def question(key: str) -> str:
    """What a model is asked about a key."""
    return f"What is the last value of the key {key}? Answer with the value alone."


def told(answer: str, stream: Stream, key: str) -> str:
    """What an answer is: right, former (an older value of the key), other (another word of the stream), none."""
    words = "".join(c if c.isalnum() else " " for c in answer.lower()).split()
    named = [word for word in words if word in VALUES]
    if not named:
        return "none"
    if named[0] == stream.last[key]:
        return "right"
    return "former" if named[0] in stream.former(key) else "other"


def seeds(commit: str, n: int = 3) -> tuple[int, ...]:
    """Seeds from a commit's hash: nobody can choose them who has not written the commit."""
    return tuple(int(commit[8 * i : 8 * i + 8], 16) for i in range(n))
