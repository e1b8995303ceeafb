"""Builds the table of the default embedder from MiniLM's verified weights; run by `make models`.

    CLEW_DATA=FOLDER python tools/build_static.py [--wheel FILE] [--check] [--plain] [--cache FOLDER]

Each WordPiece goes through MiniLM alone, its vector is cut to the 256 principal directions and weighted by how rare the
piece is; then the vectors are refitted to what MiniLM makes of 73,500 sentences (tools/refit.py), mixed with what they
were, and rounded to int8. NumPy is all that the work needs. The sentences are read from the folder that CLEW_DATA names
(longmemeval, multihop_qa); `--plain` leaves the refit out and needs no text. About 15 minutes of one processor, one with
`--plain`; the teacher's vectors are kept in build/models for the next time. With `--check` nothing is written: the table
is built again and compared with the committed one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
from minilm import END, PACKAGE, ROOT, START, Floats, Transformer, download, unpack
from numpy.typing import NDArray

sys.path.insert(0, str(ROOT / "src"))

import refit

from clew.models.static import DATA, DIMS, PEAK, digest, load
from clew.models.wordpiece import read

RARITY = 1e-4
"""The constant a of a / (a + p(token)), which weights tokens (SIF, Arora 2017); chosen on LoCoMo among 1e-6…1."""
NEW = 0.4
"""Share of the refitted vector in a token's final one; the rest keeps apart words that sentences use alike."""
TOP_WEIGHT = 255
BATCH = 128
ALIKE = 0.99
"""Share of codes that a rebuilt table must have in common with the committed one; none may be 3 or more apart."""
FURTHEST = 2


def token_vectors(weights: bytes, count: int) -> Floats:
    """What MiniLM makes of each token alone between `[CLS]` and `[SEP]`: (count, 384), of length 1."""
    model = Transformer(weights)
    ids = np.arange(count)
    sequences = np.stack([np.full(count, START), ids, np.full(count, END)], axis=1)
    return np.concatenate([model(sequences[at : at + BATCH]) for at in range(0, count, BATCH)])


def directions(vectors: Floats, known: NDArray[np.bool_]) -> Floats:
    """The first 256 principal directions of the known tokens, about the origin, as columns: (384, 256).

    The mean stays in: without it R@10 on LoCoMo was a point lower.
    """
    rows = vectors[known].astype(np.float64)
    found = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :DIMS]
    # The sign of a direction is free; fixed here so that two builds agree.
    found *= np.sign(found[np.abs(found).argmax(axis=0), np.arange(DIMS)])
    return found.astype(np.float32)


def rarity(known: NDArray[np.bool_]) -> Floats:
    """The weight of each token, 0 to 1, from its rank: BERT's vocabulary is roughly in order of frequency (Zipf's law)."""
    share = 1 / (np.arange(known.sum()) + 2)
    weights = np.zeros(len(known), np.float32)
    weights[known] = RARITY / (RARITY + share / share.sum())
    return weights


def whole_numbers(rows: Floats, weights: Floats) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    """Rows and weights as int8 codes and uint8 weights: each row has its own scale, which moves into its weight."""
    peaks = np.abs(rows).max(axis=1)
    scales = weights * peaks
    codes = np.rint(rows * (PEAK / np.where(peaks == 0, 1, peaks))[:, None]).astype(np.int8)
    whole = np.rint(scales * (TOP_WEIGHT / scales.max())).astype(np.uint8)
    codes[whole == 0] = 0
    return codes, whole


def taught(weights: bytes, ids: NDArray[np.int64], lengths: NDArray[np.int64], cache: Path) -> Floats:
    """The teacher's vectors of these sentences, from the cache where an earlier run kept them."""
    name = hashlib.sha256(ids.tobytes() + lengths.tobytes()).hexdigest()[:12]
    kept = cache / f"teacher-{name}.npy"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        print(f"{len(lengths):,} sentences, {len(ids):,} tokens go through MiniLM: about {len(ids) // 180_000} minutes")
        np.save(kept, refit.teach(Transformer(weights), ids, lengths))
    return np.load(kept)


def build(weights: bytes, vocabulary: bytes, data: Path | None, cache: Path) -> tuple[NDArray[np.int8], NDArray[np.uint8]]:
    """The table: codes (tokens, 256) and weights (tokens,); refitted to the sentences under `data` where it is given."""
    pieces = vocabulary.decode().removesuffix("\n").split("\n")
    # Pieces such as [UNK] and [unused7] are no words.
    known = np.array([len(piece) == 1 or not (piece.startswith("[") and piece.endswith("]")) for piece in pieces])
    vectors = token_vectors(weights, len(pieces))
    onto, rare = directions(vectors, known), rarity(known)
    table = vectors @ onto
    if data is not None:
        tokenizer = read(vocabulary)
        short, lengths = tokenizer.batch(refit.sentences(data, tokenizer))
        ids = short.astype(np.int64)
        goal = taught(weights, ids, lengths, cache) @ onto
        table = np.float32(NEW) * refit.fit(refit.Bag(ids, lengths, rare), goal, table) + np.float32(1 - NEW) * table
    return whole_numbers(table, rare)


def check(codes: NDArray[np.int8], weights: NDArray[np.uint8]) -> bool:
    """Prints how far a rebuilt table lies from the committed one; whether that is within the tolerance."""
    kept = load(DATA)
    apart = np.abs(codes.astype(np.int16) - kept.codes)
    moved = int(np.abs(weights.astype(np.int16) - kept.weights).max())
    alike = float((apart == 0).mean())
    print(f"codes equal: {alike:.4%} (at least {ALIKE:.0%}); furthest apart: {apart.max()} (at most {FURTHEST})")
    print(f"weights: furthest apart {moved} (at most 1)")
    return alike >= ALIKE and int(apart.max()) <= FURTHEST and moved <= 1


def write(codes: NDArray[np.int8], weights: NDArray[np.uint8], vocabulary: bytes) -> None:
    """Writes table, vocabulary and digest into the package."""
    # By column: values of one direction are alike in size, which compresses better.
    np.savez_compressed(DATA / "static.npz", codes=np.ascontiguousarray(codes.T), weights=weights)
    (DATA / "vocab.txt").write_bytes(vocabulary)
    (DATA / "static.sha256").write_text(digest(codes, weights, vocabulary) + "\n")
    print(f"wrote {DATA.relative_to(ROOT)}: {sum(file.stat().st_size for file in DATA.iterdir()):,} bytes")


def main() -> int:
    """Reads the command line; 0 when the table was written, or is as it was."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, instead of downloading it")
    words.add_argument("--check", action="store_true", help="write nothing; compare with the committed table")
    words.add_argument("--plain", action="store_true", help="leave the refit out; needs no text")
    words.add_argument("--cache", type=Path, default=ROOT / "build" / "models", help="where the teacher's vectors are kept")
    given = words.parse_args()
    data = None if given.plain else Path(os.environ.get("CLEW_DATA", ""))
    if data is not None and not (data / "longmemeval").is_dir():
        words.error("the refit reads longmemeval and multihop_qa from the folder that CLEW_DATA names; or give --plain")
    weights, vocabulary = unpack(given.wheel or download())
    codes, whole = build(weights, vocabulary, data, given.cache)
    if given.check:
        return 0 if check(codes, whole) else 1
    write(codes, whole, vocabulary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
