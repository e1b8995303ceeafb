"""Clustering gives what scipy and the definitions give, the same on every run, and fast enough."""

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.operators.people import cluster


def points(seed: int, n: int, d: int = 16, groups: int = 4, spread: float = 0.25) -> np.ndarray:
    """Int8 vectors round a few directions."""
    chance = np.random.default_rng(seed)
    middles = chance.normal(size=(groups, d))
    found = middles[chance.integers(groups, size=n)] + spread * chance.normal(size=(n, d))
    return np.clip(np.round(found * 30), -127, 127).astype(np.int8)


def same_groups(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings put the same together, whatever the labels are called."""
    return bool(((a[:, None] == a[None]) == (b[:, None] == b[None])).all())


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("distance", [0.2, 0.5, 1.0, 1.6])
def test_wards_linkage_is_scipys(seed: int, distance: float) -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy", reason="scipy is only needed to check Ward's linkage against")
    vectors = points(seed, 40 + 7 * seed, spread=0.1 * (1 + seed % 5))
    theirs = hierarchy.fcluster(hierarchy.linkage(unit(vectors), "ward"), distance, "distance")
    assert same_groups(cluster.ward(vectors, distance), theirs)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("distance", [0.05, 0.15, 0.6, 0.85])
def test_complete_linkage_is_scipys(seed: int, distance: float) -> None:
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy", reason="scipy is only needed to check complete linkage against")
    spatial = pytest.importorskip("scipy.spatial.distance")
    vectors = points(seed, 30 + 5 * seed, spread=0.1 * (1 + seed % 5))
    theirs = hierarchy.fcluster(hierarchy.linkage(spatial.pdist(unit(vectors), "cosine"), "complete"), distance, "distance")
    assert same_groups(cluster.complete(vectors, distance), theirs)


def test_complete_linkage_keeps_every_pair_within_the_distance() -> None:
    vectors = points(3, 80, spread=0.6)
    labels = cluster.complete(vectors, 0.4)
    assert max(1 - cluster.cosines(vectors)[labels == j].T[labels == j].min() for j in range(labels.max() + 1)) <= 0.4


def test_labels_are_numbered_by_first_appearance() -> None:
    vectors = np.array([[9, 0], [0, 9], [9, 1], [-9, 0], [0, 8]], np.int8)
    for labels in (cluster.ward(vectors, 0.5), cluster.complete(vectors, 0.2), cluster.kmeans(vectors, 3, 1)):
        assert labels.tolist() == [0, 1, 0, 2, 1]


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), max_size=25))
@settings(max_examples=60, deadline=None)
def test_ties_and_empty_vectors_end_and_repeat(rows: list[list[int]]) -> None:
    vectors = np.array(rows, np.int8).reshape(len(rows), 3)
    for f in (lambda v: cluster.ward(v, 1.0), lambda v: cluster.complete(v, 0.3), lambda v: cluster.kmeans(v, 4, 7)):
        assert len(f(vectors)) == len(rows)
        assert np.array_equal(f(vectors), f(vectors)) and np.array_equal(f(vectors), f(vectors.astype(float)))
    for labels in cluster.finch(vectors):
        assert len(labels) == len(rows)


def test_ward_takes_two_thousand_vectors_within_seconds() -> None:
    vectors = points(1, 2000, d=64, groups=40)
    started = perf_counter()
    cluster.ward(vectors, 1.0)
    assert perf_counter() - started < 5


def test_k_means_finds_what_lies_apart_and_lowers_the_spread() -> None:
    vectors = points(5, 120, groups=5, spread=0.05)
    assert same_groups(cluster.kmeans(vectors, 5, seed=2), cluster.ward(vectors, 1.0))
    rows = unit(points(6, 150, spread=0.8))

    def spread(labels: np.ndarray) -> float:
        return sum(((rows[labels == j] - rows[labels == j].mean(0)) ** 2).sum() for j in np.unique(labels))

    found = cluster.kmeans(rows, 6, 3)
    means = np.stack([rows[found == j].mean(0) for j in range(6)])
    nearest = ((rows[:, None] - means[None]) ** 2).sum(2).argmin(1)
    assert np.array_equal(nearest, found), "each lies nearest to the mean of its own group: Lloyd's rounds have settled"
    assert spread(found) < spread(np.zeros(150, int)) and np.array_equal(found, cluster.kmeans(rows, 6, 3))


def test_k_means_of_few_gives_few() -> None:
    assert cluster.kmeans(np.array([[1, 0]] * 3, np.int8), 2, 0).tolist() == [0, 0, 0]
    assert cluster.kmeans(np.zeros((0, 4), np.int8), 2, 0).shape == (0,)
    assert set(cluster.kmeans(np.array([[1, 0], [0, 1]], np.int8), 5, 0).tolist()) == {0, 1}


@pytest.mark.parametrize("seed", range(8))
def test_finch_joins_first_neighbours_level_by_level(seed: int) -> None:
    vectors = points(seed, 60, spread=0.4)
    rows, before = unit(vectors), np.arange(60)
    partitions = cluster.finch(vectors)
    for labels in partitions:
        means = np.stack([rows[before == j].mean(0) for j in range(before.max() + 1)])
        likeness = unit(means) @ unit(means).T
        np.fill_diagonal(likeness, -2)
        first = likeness.argmax(1)
        joined = (first[:, None] == np.arange(len(first))) | (first[:, None] == first[None])  # names it, or names the same
        reach = joined | joined.T | np.eye(len(first), dtype=bool)
        for _ in range(8):
            reach = reach @ reach
        assert ((labels[:, None] == labels[None]) == reach[before][:, before]).all()
        before = labels
    sizes = [labels.max() + 1 for labels in partitions]
    assert sizes == sorted(sizes, reverse=True) and (sizes[-1] > 1 or len(sizes) == 1)
    assert all(2 * later <= earlier for earlier, later in zip([60, *sizes], sizes, strict=False)), "nobody is left alone"


def test_finch_of_one_or_none_is_one_partition() -> None:
    assert [p.tolist() for p in cluster.finch(np.ones((1, 4), np.int8))] == [[0]]
    assert [p.tolist() for p in cluster.finch(np.zeros((0, 4), np.int8))] == [[]]
    assert [p.tolist() for p in cluster.finch(np.array([[9, 0], [8, 1], [9, 1]], np.int8))] == [[0, 0, 0]]


def test_the_core_of_a_group_leaves_out_what_lies_furthest() -> None:
    vectors = np.array([[9, 0], [9, 1], [0, 9], [9, -1], [9, 0]], np.int8)
    assert cluster.core(vectors, 0.8).tolist() == [0, 1, 3, 4]
    assert cluster.core(vectors, 0.7).tolist() == [0, 1, 3, 4], "rounded up"


def test_components_follow_edges() -> None:
    assert cluster.components(5, [(4, 1), (1, 3)]).tolist() == [0, 1, 2, 1, 1]


def test_a_vector_joins_the_nearest_centre_within_the_distance_or_none() -> None:
    centres = np.array([[9, 0], [0, 9]], np.int8)
    found = cluster.joined(np.array([[9, 1], [1, 9], [-9, 0], [9, 8]], np.int8), centres, 0.5)
    assert found.tolist() == [0, 1, -1, -1]
    assert cluster.joined(np.array([[9, 8]], np.int8), centres, 1.0).tolist() == [0]
    assert cluster.joined(np.ones((2, 2)), np.zeros((0, 2)), 0.5).tolist() == [-1, -1]


def test_centres_within_the_distance_merge_and_so_do_chains_of_them() -> None:
    centres = np.array([[90, 0], [90, 30], [90, 65], [-90, 0]], np.int8)
    assert cluster.merged(centres, 0.5).tolist() == [0, 0, 0, 1]
    assert cluster.merged(centres, 0.1).tolist() == [0, 1, 2, 3]
    assert cluster.merged(np.zeros((0, 2)), 0.5).tolist() == []


def test_groups_smaller_than_the_square_root_of_the_largest_are_left_out() -> None:
    vectors = np.array([[9, 0]] * 10 + [[0, 9]] * 4 + [[-9, 0]] * 3 + [[0, -9]], np.int8)
    labels = cluster.ward(vectors, 0.5)
    assert [len(g) for g in cluster.kept(vectors, labels, 1.0)] == [10, 4], "three is less than the square root of ten"
    assert [len(g) for g in cluster.kept(vectors, labels, 0.8)] == [8, 4], "four fifths of each, rounded up"
    assert cluster.kept(vectors[:1], labels[:1], 1.0) == [], "one is no group"
