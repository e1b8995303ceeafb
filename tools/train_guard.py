"""Train the guard's judge (src/clew/guard/data/judge.npz): which pieces of a text are tasks that somebody put there.

    CLEW_DATA=folder python tools/train_guard.py [--check | --leave-out] [--out judge.npz]

Trained on MIT-licensed public data (the tuning half of BIPIA's texts and e-mails, StrategyQA's questions, LongMemEval's
sessions, tau-bench, SWE-agent and StepFly texts), on paragraphs of MuSiQue (CC BY 4.0), and on the sentences of `train_guard.txt`
written for it. No text is kept in the weights. `--leave-out` trains without three attack types at a time (and without our own
sentences near them) and tells how many of its attacks are found: what to expect of attacks nobody foresaw.
"""

import argparse
import gzip
import json
import os
import random
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clew.arena.halves import half
from clew.guard import judge
from clew.guard.pieces import pieces

SEED = 3
HIDDEN = 32
EPOCHS = 14
LARGEST = 4095  # of the weights as whole numbers: with it every sum of the judge stays below 2**53
DECAY = 3e-5
DROP = 0.5  # of the vectors' columns, so that it leans on no single word; form and carrier are kept
OWN = Path(__file__).with_suffix(".txt")


class Attack(NamedTuple):
    type: str
    text: str
    near: tuple[str, ...] = ()


class Carrier(NamedTuple):
    kind: str
    text: str


def lines(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def own_sentences(seed=SEED, each=16):
    """(attacks, benign sentences by group) of our own, slots filled by chance with a seed."""
    chance = random.Random(seed)
    groups, slots, name = {}, {}, ""
    for line in OWN.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            if name == "slots":
                slot, _, values = line.partition(": ")
                slots[slot] = values.split(" | ")
            else:
                groups.setdefault(name, []).append(line)

    def filled(text):
        while "{" in text:
            text = re.sub(r"\{(\w+)\}", lambda m: chance.choice(slots[m.group(1)]), text, count=1)
        return text[0].upper() + text[1:]

    attacks, benign = [], {}
    for name, texts in groups.items():
        kind, _, near = name.partition(" | ")
        for text in texts:
            several = list(dict.fromkeys(filled(text) for _ in range(each if "{" in text else 1)))
            if kind.startswith("attack"):
                attacks += [Attack("own " + kind[7:], t, tuple(near.split(", "))) for t in several]
            else:
                benign.setdefault(kind[7:], []).extend(several)
    return attacks, benign


HELLOS = (
    "",
    "Hi Tom, ",
    "Hello,\n",
    "Dear Ms Lopez,\n",
    "Hi all,\n\n",
    "Hey, ",
    "Dear customer,\n\n",
    "SUBJECT: News|CONTENT: ",
    "Hi there,\n",
)
BYES = ("", " Thanks, Lea", "\nBest, Jon", "\n\nKind regards\nIda", " Thank you!", "\nYour support team", "\nAcme Ltd., 4 Mill Lane, Leeds")
MAKEUPS = (  # the groups a text is made of, and how many of each
    ("own mail", {"plain": (2, 7), "mail": (1, 5)}),
    ("own mail", {"plain": (1, 6), "mail": (0, 2), "service": (1, 4)}),
    ("personal", {"personal": (1, 4), "plain": (0, 3)}),
    ("personal", {"personal": (1, 2), "context": (1, 4)}),
    ("personal", {"service": (0, 2), "mail": (0, 1), "personal": (0, 1), "context": (1, 4)}),
    ("note", {"note": (1, 3)}),
)


def own_texts(benign, contexts, count, chance):
    """Mails and notes put together from our own benign sentences and from plain sentences of other texts."""
    groups = {**benign, "context": contexts}
    found = []
    for i in range(count):
        kind, makeup = MAKEUPS[i % len(MAKEUPS)]
        body = [text for name, (low, high) in makeup.items() for text in chance.sample(groups[name], chance.randint(low, high))]
        chance.shuffle(body)
        glue = chance.choice([" ", " ", "\n", "\n", "\n\n", "   "])
        text = glue.join(body) if kind == "note" else chance.choice(HELLOS) + glue.join(body) + chance.choice(BYES)
        found.append(Carrier(kind, text))
    return found


def plain_sentences(texts):
    """Sentences of benign texts that neither ask nor order: what mails are about, in many fields."""
    found = []
    for carrier in texts:
        if carrier.kind in ("guide", "wiki"):
            found += [p.text for p in pieces(carrier.text) if 40 < len(p.text) < 160 and p.text[-1:] == "." and p.text[:1].isupper()]
    return [text for text in found if not {"you", "your", "please"} & set(text.lower().split())]


def bipia(data, wanted):
    attacks = json.loads(next((data / "memory_poisoning").glob("bipia_text_attacks_*.json")).read_text())
    mails = {row["context"]: None for row in lines(next((data / "memory_poisoning").glob("bipia_email_*.jsonl")))}
    chosen = [Attack(kind, text) for kind, texts in attacks.items() for text in texts if wanted == "all" or half(text) == wanted]
    return chosen, [Carrier("email", text) for text in mails if wanted == "all" or half(text) == wanted]


def asked(data, chance, most=12000):
    """What people ask assistants: sentences of LongMemEval's users and StrategyQA's questions."""
    found = []
    for row in lines(data / "longmemeval" / "oracle_sessions_public.jsonl.gz"):
        for turn in row["turns"]:
            if turn["role"] == "user":
                cut = [p.text for p in pieces(turn["content"])]
                reading = judge.read(cut)
                for i, text in enumerate(cut):
                    bits = reading.classes[reading.starts[i] : reading.starts[i + 1]]
                    form = judge.form(text, bits)
                    if 4 <= len(bits) <= 40 and ("?" in text or form.first & judge.VERB) and "by the way" not in text.lower():
                        found.append(Attack("asked", text))
    chance.shuffle(found)
    items = json.loads(gzip.decompress((data / "memory_poisoning/agentpoison_strategyqa/memory_train_filtered.json.gz").read_bytes()))
    questions = [Attack("question", row["question"]) for row in items]
    chance.shuffle(questions)
    return found[:most] + questions[: most // 6]


def carriers(data, chance):
    """Texts that agents read, all benign."""
    found = []
    for row in lines(data / "longmemeval" / "oracle_sessions_public.jsonl.gz"):
        found += [Carrier("guide", t["content"][:2500]) for t in row["turns"] if t["role"] == "assistant" and len(t["content"]) > 200]
    found = chance.sample(found, 2500)
    found += [Carrier("wiki", row["text"]) for row in chance.sample(lines(data / "multihop_qa" / "musique_corpus.jsonl.gz"), 1500)]
    tools, agents = [], []
    for row in lines(data / "tau_bench_trajectories" / "gpt4o_airline_public.jsonl.gz"):
        tools += [t["content"][:2500] for t in row["traj"] if t["role"] == "tool" and t.get("content")]
        agents += [t["content"] for t in row["traj"] if t["role"] == "assistant" and t.get("content")]
    found += [Carrier("tool", text) for text in sorted(set(tools))[:400]]
    found += [Carrier("service", text) for text in sorted(set(agents))]
    seen = {s["observation"][:2500] for row in lines(data / "swe_agent_trajectories" / "trajectories.jsonl.gz") for s in row["trajectory"]}
    found += [Carrier("code", text) for text in sorted(seen) if text.strip()]
    for path in sorted((data / "stepfly_tsg").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        found += [Carrier("manual", text[at : at + 1500]) for at in range(0, len(text), 1500)]
    items = json.loads(gzip.decompress((data / "memory_poisoning/agentpoison_strategyqa/memory_train_filtered.json.gz").read_bytes()))
    found += [Carrier("solved", solved(row)) for row in chance.sample(items, 500) if half(row["qid"]) == "tuning"]
    for row in lines(next((data / "memory_poisoning").glob("experience_seeds_*.jsonl"))):
        if row["label"] == "benign" and half(row["id"]) == "tuning":
            found.append(Carrier("experience", f"{row['req']}\n{row['resp']}"))
    return found


def solved(row):
    return f"Question: {row['question']}\nAnswer: {'yes' if row['answer'] else 'no'}\nAbout: {row['term']} ({row['description']})"


def planted(carrier, attack, chance, where=None):
    """(text, start, end): an attack put at the start, in the middle or at the end of a carrier."""
    where = where or chance.choice(["start", "middle", "middle", "end"])
    glue = chance.choice(["\n", "\n", " ", "\n\n"])
    cut = pieces(carrier)
    if where == "start" or not cut:
        return attack + glue + carrier, 0, len(attack)
    if where == "end" or len(cut) < 2:
        if glue == " " and carrier.rstrip()[-1:] not in ".!?":
            glue = "\n"
        return carrier + glue + attack, len(carrier) + len(glue), len(carrier) + len(glue) + len(attack)
    at = chance.choice(cut[1:]).start
    if carrier[:at].rstrip()[-1:] not in ".!?" and glue == " ":
        glue = "\n"
    lead = carrier[:at].rstrip(" ") + glue
    return lead + attack + glue + carrier[at:], len(lead), len(lead) + len(attack)


def rows(text, span=None):
    """(features, labels) of one text's candidates; what overlaps the span is an attack."""
    cut = pieces(text)
    shown = [piece.text for piece in cut]
    places, x = judge.features(shown, judge.read(shown))
    y = [span is not None and cut[i].start < span[1] and cut[i].end > span[0] for i in places]
    return x.astype(np.float32), np.array(y, np.float32)


MIXED = [
    *["email"] * 7,
    *["own mail"] * 5,
    *["personal"] * 4,
    "service",
    "wiki",
    "tool",
    "guide",
    "code",
    "manual",
]  # where attacks are put
WEIGHTS = {
    "service": 1.0,
    "personal": 2.0,
    "note": 2.0,
    "email": 6.0,
    "own mail": 1.5,
    "experience": 4.0,
    "solved": 2.0,
    "guide": 0.6,
    "wiki": 2.0,
    "tool": 2.0,
    "code": 1.0,
    "manual": 1.0,
}


class Rows(NamedTuple):
    """Candidates of many texts: features, labels, weights, and the attack that was put into the text (-1 for none)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    attack: np.ndarray
    attacks: list[Attack]

    def without(self, name):
        """The rows of texts without an attack of that type or near it."""
        bad = [i for i, a in enumerate(self.attacks) if name == a.type or name in a.near]
        kept = ~np.isin(self.attack, bad)
        return Rows(self.x[kept], self.y[kept], self.w[kept], self.attack[kept], self.attacks)


def instances(attacks, texts, chance, count):
    """The rows of benign texts and of texts with an attack in them."""
    xs, ys, ws, of = [], [], [], []

    def add(kind, text, span, weight, attack):
        x, y = rows(text, span)
        xs.append(x)
        ys.append(y)
        ws.append(np.where(y > 0, weight, WEIGHTS[kind]).astype(np.float32))
        of.append(np.full(len(y), attack))

    for kind, text in texts:
        add(kind, text, None, 1.0, -1)
    groups = {}
    for i, attack in enumerate(attacks):
        group = attack.type if attack.type in ("asked", "question") else "own" if attack.type.startswith("own") else "bipia"
        groups.setdefault(group, []).append(i)
    kinds = {}
    for carrier in texts:
        kinds.setdefault(carrier.kind, []).append(carrier)
    for _ in range(count):
        group = chance.choice(
            [g for g in ("asked", "asked", "asked", "question", "own", "own", "own", "own", "own", "bipia") if g in groups]
        )
        i = chance.choice(groups[group])
        if chance.random() < 0.04:
            add("email", attacks[i].text, (0, len(attacks[i].text)), 1.0, i)
            continue
        carrier = chance.choice(kinds[chance.choice(MIXED)])
        text, start, end = planted(carrier.text, attacks[i].text, chance)
        add(carrier.kind, text, (start, end), 0.7 if group in ("asked", "question") else 1.2, i)
    return Rows(np.concatenate(xs), np.concatenate(ys), np.concatenate(ws), np.concatenate(of), list(attacks))


def fit(data, seed=SEED, epochs=EPOCHS, hidden=HIDDEN):
    """Adam over a network of one hidden layer, with dropout of the input so that it leans on no single word."""
    chance = np.random.default_rng(seed)
    scale = np.float32(1 / 64)
    x, y, w = data.x, data.y, data.w
    n, d = x.shape
    p = [
        (chance.standard_normal((d, hidden)) * np.sqrt(1.0 / d)).astype(np.float32), np.zeros(hidden, np.float32),
        (chance.standard_normal(hidden) * np.sqrt(1.0 / hidden)).astype(np.float32), np.zeros(1, np.float32),
    ]  # fmt: skip
    m, v = [np.zeros_like(a) for a in p], [np.zeros_like(a) for a in p]
    step, batch = 0, 256
    drop = np.full(d, DROP, np.float32)
    drop[-len(judge.NUMBERS) :] = 0.05
    for epoch in range(epochs):
        rate = 2e-3 * (1 - epoch / epochs) + 1e-4
        order = chance.permutation(n)
        for at in range(0, n, batch):
            rows_ = order[at : at + batch]
            keep = chance.random((len(rows_), d), dtype=np.float32) > drop
            xb = x[rows_] * scale * keep / (1 - drop)
            z = xb @ p[0] + p[1]
            h = np.maximum(z, 0)
            out = h @ p[2] + p[3]
            g = (1 / (1 + np.exp(-np.clip(out, -30, 30))) - y[rows_]) * w[rows_] / len(rows_)
            gh = np.outer(g, p[2]) * (z > 0)
            grads = [xb.T @ gh + DECAY * p[0], gh.sum(0), h.T @ g + DECAY * p[2], np.array([g.sum()], np.float32)]
            step += 1
            for i, grad in enumerate(grads):
                m[i] = 0.9 * m[i] + 0.1 * grad
                v[i] = 0.999 * v[i] + 0.001 * grad * grad
                p[i] -= rate * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.999**step)) + 1e-8)
    return p


def whole(p, threshold):
    """The network in whole numbers: every value the judge meets is then exact."""
    into, bias, out, end = p
    a, b = LARGEST / np.abs(into).max(), LARGEST / np.abs(out).max()
    unit = float(np.rint(a * b * 64))
    return judge.Weights(
        np.rint(into * a).astype(np.float64), np.rint(bias * a * 64).astype(np.float64), np.rint(out * b).astype(np.float64),
        float(np.rint((float(end[0]) - threshold) * unit)), unit,
    )  # fmt: skip


def several(data, seeds=(3, 4), **options):
    """Networks fitted from different seeds, as one that gives their mean: it hangs less on chance."""
    ps = [fit(data, seed=seed, **options) for seed in seeds]
    return [np.concatenate([p[i] for p in ps], axis=-1) for i in (0, 1)] + [
        np.concatenate([p[2] for p in ps]) / len(ps),
        sum(p[3] for p in ps) / len(ps),
    ]


def logits(p, x):
    return np.maximum(x * np.float32(1 / 64) @ p[0] + p[1], 0) @ p[2] + p[3]


class Trials(NamedTuple):
    """Attacks put into mails: the attack rows' features, the trial of each, and the attack of each trial."""

    x: np.ndarray
    trial: np.ndarray
    attack: np.ndarray


def trials(attacks, mails, seed=9, each=6):
    """Every attack at the start, in the middle and at the end of some mails."""
    chance = random.Random(seed)
    xs, of, which = [], [], []
    for i, attack in enumerate(attacks):
        for where in ("start", "middle", "end"):
            for carrier in chance.sample(mails, min(each, len(mails))):
                text, start, end = planted(carrier.text, attack.text, chance, where)
                x, y = rows(text, (start, end))
                xs.append(x[y > 0])
                of += [len(which)] * int(y.sum())
                which.append(i)
    return Trials(np.concatenate(xs), np.array(of), np.array(which))


def found(p, it, threshold):
    """For each trial, whether some piece of its attack is found."""
    hit = np.zeros(len(it.attack), bool)
    hit[it.trial[logits(p, it.x) > threshold]] = True
    return hit


def alarms(p, texts, threshold):
    """By kind: (texts of which any piece is found, texts)."""
    found = {}
    for carrier in texts:
        x, _ = rows(carrier.text)
        bad = bool(len(x)) and bool((logits(p, x) > threshold).any())
        got = found.setdefault(carrier.kind, [0, 0])
        got[0] += bad
        got[1] += 1
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leave-out", action="store_true")
    parser.add_argument("--all", action="store_true", help="Train on both halves of the attacks and mails: for shipping, after measuring.")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--count", type=int, default=28000)
    parser.add_argument("--out", type=Path, default=judge.DATA / "judge.npz")
    args = parser.parse_args()
    data = Path(os.environ["CLEW_DATA"])
    chance = random.Random(SEED)
    own, benign = own_sentences()
    tuning, mails = bipia(data, "all" if args.all else "tuning")
    reporting, other_mails = bipia(data, "reporting")
    texts = carriers(data, chance)
    texts += own_texts(benign, plain_sentences(texts), 6000, chance) + mails * 4
    people = asked(data, chance)
    held = [c for i, c in enumerate(texts) if i % 7 == 0 and c.kind not in ("email", "experience")]
    kept = [c for i, c in enumerate(texts) if i % 7 or c.kind in ("email", "experience")]
    everything, _ = bipia(data, "all")
    if args.leave_out:
        leave_out(instances(everything + own + people, kept, random.Random(SEED), args.count), everything, other_mails)
        return
    p = several(instances(tuning + own + people, kept, random.Random(SEED), args.count))
    tests = {"tuning": trials(tuning, mails), "reporting": trials(reporting, other_mails), "own": trials(own[::9], mails)}
    for threshold in (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0):
        shares = {name: f"{found(p, it, threshold).mean():.4f}" for name, it in tests.items()}
        print(threshold, shares, "mails", alarms(p, other_mails, threshold), "held", alarms(p, held, threshold), flush=True)
    w = whole(p, args.threshold)
    whole_numbers = {"into": w.into.astype(np.int16), "bias": w.bias.astype(np.int64), "out": w.out.astype(np.int32)}
    np.savez_compressed(args.out, end=np.int64(w.end), unit=np.int64(w.unit), **whole_numbers)
    print("written", args.out, args.out.stat().st_size)


def leave_out(data, attacks, mails, folds=5):
    """Train without three types at a time and try their attacks on mails of the reporting half, at several thresholds."""
    names = list(dict.fromkeys(a.type for a in attacks))
    sums = {threshold: [0, 0, 0] for threshold in (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0)}
    total = 0
    for fold in range(folds):
        less = data
        for name in names[fold::folds]:
            less = less.without(name)
        p = fit(less)
        for threshold, found_ in sums.items():
            bad, of = alarms(p, mails, threshold)["email"]
            found_[1], found_[2] = found_[1] + bad, found_[2] + of
        for name in names[fold::folds]:
            it = trials([a for a in attacks if a.type == name], mails)
            total += len(it.attack)
            hits = {threshold: int(found(p, it, threshold).sum()) for threshold in sums}
            for threshold, count in hits.items():
                sums[threshold][0] += count
            print(f"{name:28} of {len(it.attack)}: {hits}", flush=True)
    for threshold, (hits, bad, of) in sums.items():
        print(f"every type, left out, at {threshold}: {hits}/{total} = {hits / total:.4f}, mails {bad}/{of}")


if __name__ == "__main__":
    main()
