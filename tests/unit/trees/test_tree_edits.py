"""Editing a tree gives the tree that a fresh build of the same entries gives: whatever the edits,
whatever the keys, down to keys chosen to cut everywhere or nowhere."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.pachd.storage.content import Hash, chunk_content, hash_of, inline_content
from howdah.pachd.storage.trees import EMPTY_ROOT, read
from howdah.pachd.storage.trees.cut import asks_for_cut, bounds_of
from howdah.pachd.storage.trees.diff import diff
from howdah.pachd.storage.trees.edit import apply
from howdah.pachd.storage.trees.nodes import Node, Nodes
from howdah.pachd.storage.trees.sums import FILES, Measure, Totals, of_entries, of_records

Entries = dict[bytes, bytes]


def fresh(nodes: Nodes, entries: Entries, measure: Measure = FILES) -> Hash:
    return apply(nodes, EMPTY_ROOT, sorted(entries.items()), measure)


def edited(nodes: Nodes, root: Hash, entries: Entries, edits: dict[bytes, bytes | None]) -> Hash:
    """The root after the edits; changes the entries alike."""
    for key, value in edits.items():
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value
    return apply(nodes, root, sorted(edits.items()), FILES)


def check_structure(nodes: Nodes, root: Hash) -> Totals:
    """Every bound and every sum; the totals of the whole."""
    if root == EMPTY_ROOT:
        return Totals()
    return _check_node(nodes, nodes.load(root), is_last=True)


def _check_node(nodes: Nodes, node: Node, is_last: bool) -> Totals:
    keys, values, bounds = node.keys(), node.values(), bounds_of(node.level)
    assert keys == sorted(set(keys))
    size = sum(map(len, keys + values))
    assert node.count <= bounds.most
    assert size - len(keys[-1]) - len(values[-1]) < bounds.most_bytes
    assert is_last or node.count >= bounds.least or size >= bounds.least_bytes
    if not node.level:
        return of_entries(keys, values)
    for i, (key, record) in enumerate(zip(keys, values, strict=True)):
        child = nodes.load(node.child(i))
        assert child.level == node.level - 1
        assert child.key(child.count - 1) == key
        totals = _check_node(nodes, child, is_last and i == node.count - 1)
        assert of_records([record]) == totals
    return of_records(values)


def plain_keys(rng: random.Random) -> Iterator[bytes]:
    while True:
        yield b"/d%02d/e%d/f%05d" % (rng.randrange(30), rng.randrange(3), rng.randrange(10_000))


def chosen(level: int, asks: bool) -> Callable[[random.Random], Iterator[bytes]]:
    def keys(rng: random.Random) -> Iterator[bytes]:
        return (key for key in plain_keys(rng) if asks_for_cut(level, key) is asks)

    return keys


def long_keys(rng: random.Random) -> Iterator[bytes]:
    while True:
        yield b"/" + b"x" * rng.choice([10, 1500, 6000]) + b"%d" % rng.randrange(10_000)


SHAPES = {
    "plain": plain_keys,
    "never asking": chosen(0, False),
    "always asking": chosen(0, True),
    "long": long_keys,
}


def random_value(rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        return inline_content(rng.randbytes(rng.randrange(128))).encode()
    return chunk_content(rng.choice([5, 300, 10**6, 10**12]), hash_of(rng.randbytes(4))).encode()


def random_edits(rng: random.Random, keys: Iterator[bytes], entries: Entries) -> dict[bytes, bytes | None]:
    """A few scattered edits, many, or the removal of a whole range."""
    edits: dict[bytes, bytes | None] = {}
    for _ in range(rng.choice([1, 1, 3, 30, 300])):
        edits[next(keys)] = random_value(rng)
    standing = sorted(entries)
    if standing:
        for key in rng.sample(standing, min(len(standing), rng.choice([0, 1, 20]))):
            edits[key] = rng.choice([None, random_value(rng)])
        if rng.random() < 0.3:
            start = rng.randrange(len(standing))
            edits.update(dict.fromkeys(standing[start : start + rng.choice([1, 40, 500, 5000])]))
    return edits


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_edits_give_the_tree_of_a_fresh_build(nodes: Nodes, shape: str, seed: int) -> None:
    rng = random.Random(seed)
    keys = SHAPES[shape](rng)
    count = rng.choice([0, 1, 50, 150]) if shape == "long" else rng.choice([0, 1, 50, 800, 4000])
    entries = {next(keys): random_value(rng) for _ in range(count)}
    root = fresh(nodes, entries)
    for _ in range(8):
        before, old = dict(entries), root
        root = edited(nodes, root, entries, random_edits(rng, keys, entries))
        assert root == fresh(nodes, entries)
        expected = {(key, before.get(key), entries.get(key)) for key, _ in before.items() ^ entries.items()}
        found = list(diff(nodes, old, root))
        assert found == sorted(found) and set(found) == expected
    assert check_structure(nodes, root) == of_entries(entries.keys(), entries.values())


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_ranges_read_as_those_of_a_sorted_list(nodes: Nodes, seed: int) -> None:
    rng = random.Random(seed)
    keys = plain_keys(rng)
    entries = {next(keys): random_value(rng) for _ in range(rng.choice([0, 1, 200, 3000]))}
    root, ordered = fresh(nodes, entries), sorted(entries)
    for _ in range(20):
        low, high = sorted((next(keys)[: rng.randrange(14)], next(keys)[: rng.randrange(14)]))
        within = ordered[bisect_left(ordered, low) : bisect_left(ordered, high)]
        assert list(read.scan(nodes, root, low, high)) == [(key, entries[key]) for key in within]
        backwards = [key for key, _ in read.scan(nodes, root, low, high, reverse=True)]
        assert backwards == within[::-1]
        assert read.first_key(nodes, root, low, high) == (within[0] if within else None)
        assert read.last_key(nodes, root, low, high) == (within[-1] if within else None)
        found = read.totals(nodes, root, FILES, low, high)
        assert found == of_entries(within, [entries[key] for key in within])
        key = next(keys)
        assert read.get(nodes, root, key) == entries.get(key)
        ranged = [change[0] for change in diff(nodes, EMPTY_ROOT, root, low, high)]
        assert ranged == within


def test_a_changed_entry_rewrites_one_node_a_level(nodes: Nodes, blocks: object) -> None:
    entries = {b"/f%06d" % i: inline_content(b"%d" % i).encode() for i in range(20_000)}
    root = fresh(nodes, entries)
    height = nodes.load(root).level + 1
    before = {hash for hash, _ in read.walk_nodes(nodes, root, lambda _: False)}
    changed = edited(nodes, root, entries, {b"/f010000": inline_content(b"new").encode()})
    after = {hash for hash, _ in read.walk_nodes(nodes, changed, lambda _: False)}
    assert len(after - before) == height
    assert len(before) > 100


def test_removing_everything_leaves_the_empty_tree(nodes: Nodes) -> None:
    entries: Entries = {b"/%d" % i: inline_content(b"").encode() for i in range(3000)}
    root = fresh(nodes, entries)
    assert apply(nodes, root, [(key, None) for key in sorted(entries)], FILES) == EMPTY_ROOT


def test_edits_that_change_nothing_change_nothing(nodes: Nodes) -> None:
    entries: Entries = {b"/%d" % i: inline_content(b"").encode() for i in range(3000)}
    root = fresh(nodes, entries)
    assert apply(nodes, root, [], FILES) == root
    assert apply(nodes, root, [(b"/0none", None), (b"/5", entries[b"/5"])], FILES) == root
    assert apply(nodes, EMPTY_ROOT, [(b"/0", None)], FILES) == EMPTY_ROOT
