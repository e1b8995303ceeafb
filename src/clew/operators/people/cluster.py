"""Vectors into groups: Ward and complete linkage cut at a distance, k-means, and first-neighbour clustering (FINCH).

Rows are taken at length 1, so that what counts is direction. Labels are whole numbers from 0 in the order in which the groups
first appear. Ties go to the lower index. The engine's int8 codes have dot products that no order of summation changes, so that
the same codes give the same groups on every machine; what is summed as fractions is rounded first.

Shapes: n vectors, d dimensions, m clusters.
"""

from collections.abc import Callable, Iterable

import numpy as np

VERSION = 1
DIGITS = 9  # decimals that distances are compared in: far finer than any embedder means, far coarser than rounding errors
ROUNDS = 100  # of k-means; it settles long before
Update = Callable[[np.ndarray, np.ndarray, float, float, float, np.ndarray], np.ndarray]


def cosines(vectors: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """(n, m) cosines of two sets of vectors, (n, n) of one; 0 with a vector of length 0."""
    a = np.asarray(vectors, float)
    b = a if others is None else np.asarray(others, float)
    lengths = np.outer(np.sqrt((a * a).sum(1)), np.sqrt((b * b).sum(1)))
    dots = a @ b.T
    return np.round(np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0), DIGITS)


def distances(vectors: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """(n, m) Euclidean distances between the unit vectors: 0 for the same direction, 1.41 for a right angle, 2 for the opposite."""
    return np.round(np.sqrt(np.maximum(2.0 - 2.0 * cosines(vectors, others), 0.0)), DIGITS)


def centre(vectors: np.ndarray) -> np.ndarray:
    """(d,) the mean of the unit vectors."""
    return np.round(_unit(vectors).mean(0), DIGITS)


def ward(vectors: np.ndarray, distance: float) -> np.ndarray:
    """(n,) labels: Ward's linkage, cut where the cophenetic distance (Euclidean, between unit vectors) passes `distance`.

    Keeps an (n, n) matrix: 32 MB and half a second for two thousand vectors.
    """
    gaps = np.maximum(2.0 - 2.0 * cosines(vectors), 0.0)
    return _linked(gaps, distance**2, _ward)


def complete(vectors: np.ndarray, distance: float) -> np.ndarray:
    """(n,) labels: complete linkage over cosine distance (1 - cosine): no two members of a group are further apart."""
    return _linked(1.0 - cosines(vectors), distance, lambda a, b, gap, x, y, z: np.maximum(a, b))


def kmeans(vectors: np.ndarray, k: int, seed: int) -> np.ndarray:
    """(n,) labels of at most k groups by Lloyd's rounds from centres drawn far apart (k-means++); fewer where vectors are the same."""
    points = _unit(vectors)
    if len(points) == 0:
        return np.zeros(0, int)
    centres = _drawn(points, k, np.random.RandomState(seed))
    labels = np.full(len(points), -1)
    for _ in range(ROUNDS):
        before, labels = labels, np.argmin(_squared(points, centres), 1)
        if np.array_equal(labels, before):
            break
        centres = np.stack(
            [np.round(points[labels == j].mean(0), DIGITS) if (labels == j).any() else centres[j] for j in range(len(centres))]
        )
    return _numbered(labels)


def finch(vectors: np.ndarray) -> list[np.ndarray]:
    """Partitions, finest first: each an array (n,) of labels (Sarfraz 2019). No parameter.

    Whoever names another as the nearest by cosine belongs with it: the connected parts of that graph are the first partition,
    the same over the parts' means the next, as long as there are two parts; a first partition of one part is given all the same.
    """
    points = _unit(vectors)
    if len(points) < 2:
        return [np.zeros(len(points), int)]
    labels, found = np.arange(len(points)), list[np.ndarray]()
    while (m := int(labels.max()) + 1) > 1:
        means = points if m == len(points) else np.stack([np.round(points[labels == j].mean(0), DIGITS) for j in range(m)])
        likeness = cosines(means)
        np.fill_diagonal(likeness, -np.inf)
        labels = _numbered(components(m, enumerate(np.argmax(likeness, 1).tolist()))[labels])
        if labels.max() > 0 or not found:
            found.append(labels)
    return found


def components(n: int, edges: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n,) labels: the connected parts of a graph of n nodes."""
    root = list(range(n))

    def top(node: int) -> int:
        while root[node] != node:
            root[node] = node = root[root[node]]
        return node

    for a, b in edges:
        a, b = top(a), top(b)
        root[max(a, b)] = min(a, b)
    return _numbered(np.array([top(i) for i in range(n)], int))


def core(vectors: np.ndarray, share: float) -> np.ndarray:
    """Places of that share of the vectors, rounded up, that lie nearest to their centre; ascending."""
    keep = -int(-len(vectors) * share // 1)
    return np.sort(np.argsort(distances(vectors, centre(vectors)[None])[:, 0], kind="stable")[:keep])


def kept(vectors: np.ndarray, labels: np.ndarray, share: float) -> list[np.ndarray]:
    """The groups worth a name, as ascending places: of two at least and of the square root of the largest, each pruned to its core."""
    sizes = np.bincount(labels) if len(labels) else np.zeros(0, int)
    least = max(2.0, np.sqrt(sizes.max(initial=0)))
    groups = [np.flatnonzero(labels == j) for j in range(len(sizes)) if sizes[j] >= least]
    return [group[core(vectors[group], share)] for group in groups]


def joined(vectors: np.ndarray, centres: np.ndarray, distance: float) -> np.ndarray:
    """(n,) for each vector the place of its nearest centre, -1 where none is nearer than `distance`: incremental clustering."""
    if not len(centres) or not len(vectors):
        return np.full(len(vectors), -1)
    gaps = distances(vectors, centres)
    return np.where(gaps.min(1) < distance, gaps.argmin(1), -1)


def merged(centres: np.ndarray, distance: float) -> np.ndarray:
    """(m,) labels of centres that grew together: the connected parts of those nearer to each other than `distance`."""
    pairs = np.argwhere(np.triu(distances(centres) < distance, 1)) if len(centres) else []
    return components(len(centres), [(int(a), int(b)) for a, b in pairs])


def _unit(vectors: np.ndarray) -> np.ndarray:
    rows = np.asarray(vectors, float)
    lengths = np.sqrt((rows * rows).sum(1, keepdims=True))
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """The same groups, numbered in the order of their first members."""
    _, first, groups = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[groups]


def _ward(a: np.ndarray, b: np.ndarray, gap: float, x: float, y: float, z: np.ndarray) -> np.ndarray:
    return ((x + z) * a + (y + z) * b - z * gap) / (x + y + z)


def _linked(gaps: np.ndarray, limit: float, update: Update) -> np.ndarray:
    """Labels after every merge of at most `limit`: chains of nearest neighbours (Murtagh 1983), O(n^2) in all.

    Right for linkages in which a merge brings nobody nearer: then a cluster with no neighbour within the limit is done.
    `update` gives the gaps of a merged cluster from those of its two parts, their gap and sizes, and the sizes of the others.
    """
    n, gaps, limit = len(gaps), gaps.copy(), limit + 10.0**-DIGITS
    sizes, labels, alive = np.ones(n), np.arange(n), np.ones(n, bool)
    np.fill_diagonal(gaps, np.inf)
    chain: list[int] = []
    start = 0
    while True:
        if not chain:
            while start < n and not alive[start]:
                start += 1
            if start == n:
                return _numbered(labels)
            chain = [start]
        tip = chain[-1]
        near = int(np.argmin(gaps[tip]))
        if len(chain) > 1 and gaps[tip, chain[-2]] <= gaps[tip, near] + 10.0**-DIGITS:
            near = chain[-2]  # of equals the one it came from, or the chain would go round for ever
        if gaps[tip, near] > limit:
            alive[tip] = False
            gaps[tip], gaps[:, tip] = np.inf, np.inf
            chain.pop()
        elif len(chain) > 1 and near == chain[-2]:
            keep, gone = min(tip, near), max(tip, near)
            others = np.isfinite(gaps[keep]) & np.isfinite(gaps[gone])
            merged = update(gaps[keep, others], gaps[gone, others], float(gaps[keep, gone]), sizes[keep], sizes[gone], sizes[others])
            gaps[gone], gaps[:, gone] = np.inf, np.inf
            gaps[keep, others] = gaps[others, keep] = merged
            sizes[keep] += sizes[gone]
            labels[labels == gone] = keep
            alive[gone] = False
            chain = chain[:-2]
        else:
            chain.append(near)


def _squared(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    gaps = (points * points).sum(1)[:, None] + (centres * centres).sum(1)[None] - 2.0 * points @ centres.T
    return np.round(np.maximum(gaps, 0.0), DIGITS)


def _drawn(points: np.ndarray, k: int, chance: np.random.RandomState) -> np.ndarray:
    """Up to k of the points, each drawn with a chance that grows with the square of its distance from those before.

    The legacy generator, because its stream is frozen for ever.
    """
    chosen = [int(chance.randint(len(points)))]
    while len(chosen) < k:
        gaps = _squared(points, points[chosen]).min(1)
        sums = np.cumsum(gaps)
        if sums[-1] <= 0:
            break
        chosen.append(int(np.searchsorted(sums, chance.random_sample() * sums[-1], side="right")))
    return points[chosen]
