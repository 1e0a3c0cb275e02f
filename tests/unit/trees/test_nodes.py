"""Blocks: what goes in comes out, and what is no block is said to be none."""

import random
from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.pachd.storage.trees.alike import alike
from howdah.pachd.storage.trees.cut import LEAF, asks_for_cut, node_ends
from howdah.pachd.storage.trees.nodes import Node, encode
from howdah.pachd.storage.trees.splice import splice

keys = st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=30, unique=True).map(sorted)
values = st.binary(max_size=5) | st.just(b"x" * 70_000)


@pytest.mark.slow
@settings(deadline=None)
@given(prefix=st.binary(max_size=3), suffixes=keys, data=st.data())
def test_a_block_gives_back_its_entries(prefix: bytes, suffixes: list[bytes], data: st.DataObject) -> None:
    names = [prefix + suffix for suffix in suffixes]
    held = [data.draw(values) for _ in names]
    node = Node(encode(data.draw(st.sampled_from([0, 1])), names, held))
    assert (node.keys(), node.values(), node.count) == (names, held, len(names))
    assert node.entries(0, node.count) == list(zip(names, held, strict=True))
    for key in [*names, b"", prefix, prefix + data.draw(st.binary(max_size=4)), b"\xff" * 9]:
        assert node.find(key) == bisect_left(names, key)
        assert node.get(key) == dict(zip(names, held, strict=True)).get(key)


def test_what_is_no_block_is_corrupt() -> None:
    block = encode(0, [b"/a", b"/b"], [b"1", b"2"])
    for damaged in (b"", b"junk", block[:-1], block + b"x", block[:9], b"\x09" + block[1:]):
        with pytest.raises(Corrupt):
            Node(damaged)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(names=keys, data=st.data())
def test_what_two_blocks_share_at_either_end_is_equal(names: list[bytes], data: st.DataObject) -> None:
    small = st.binary(max_size=2)
    one = {name: data.draw(small) for name in names}
    other = dict(one)
    for name in data.draw(st.lists(st.sampled_from(names) | st.binary(min_size=1, max_size=3), max_size=3)):
        other[name] = data.draw(small)
        if data.draw(st.booleans()) and len(other) > 1:
            del other[name]
    pairs = [sorted(entries.items()) for entries in (one, other)]
    nodes = [Node(encode(0, [k for k, _ in each], [v for _, v in each])) for each in pairs]
    head, tail = alike(*nodes)
    assert head + tail <= min(map(len, pairs))
    assert pairs[0][:head] == pairs[1][:head]
    assert pairs[0][len(one) - tail :] == pairs[1][len(other) - tail :]
    if one == other:
        assert head == len(one)


@pytest.mark.slow
def test_a_spliced_block_is_the_block_of_the_edited_entries() -> None:
    rng = random.Random(20)
    spliced = 0
    for _ in range(1500):
        count = rng.choice([5, 31, 32, 33, 40, 120, 600])
        names = sorted({b"/d/%04d" % rng.randrange(2000) for _ in range(count)})
        end = next(iter(node_ends(0, names, names)), None)
        names = names[:end]
        is_last = end is None or rng.random() < 0.5
        edits = dict.fromkeys(rng.sample(names, min(len(names), rng.randrange(3))))
        new = {
            b"/d/%04d" % rng.randrange(2000): rng.randbytes(rng.choice([0, 3, 7, 7, 8]))
            for _ in range(rng.randrange(6))
        }
        found = splice(Node(encode(0, names, names)), sorted((edits | new).items()), is_last)
        if found is None:
            continue
        spliced += 1
        assert sorted(found.went) == [(name, name) for name in names if name in edits | new]
        entries = dict(zip(names, names, strict=True)) | edits | new
        merged = sorted((key, value) for key, value in entries.items() if value is not None)
        keys, values = [key for key, _ in merged], [value for _, value in merged]
        assert found.block == encode(0, keys, values)
        ends = list(node_ends(0, keys, values))
        assert ends == [len(keys)] or (is_last and ends == [])
    assert spliced > 700


def test_most_scattered_edits_are_spliced() -> None:
    names = [b"/d/%04d" % i for i in range(1000)]
    end = next(iter(node_ends(0, names, [b"v"] * 1000)))
    node = Node(encode(0, names[:end], [b"v"] * end))
    spliced = [splice(node, [(name, b"new")], False) is not None for name in names[:end]]
    assert all(spliced)
    removed = [splice(node, [(name, None)], False) is not None for name in names[:end]]
    assert sum(removed) >= end - 2 or end == LEAF.least


@pytest.mark.slow
def test_cuts_keep_their_distance_whatever_the_names() -> None:
    shapes = {
        "never": [key for i in range(30_000) if not asks_for_cut(0, key := b"/%06d" % i)],
        "always": [key for i in range(300_000) if asks_for_cut(0, key := b"/%06d" % i)],
    }
    for names in shapes.values():
        ends = [0, *node_ends(0, names, [b"v"] * len(names))]
        sizes = [b - a for a, b in pairwise(ends)]
        assert min(sizes) >= LEAF.least and max(sizes) <= LEAF.most


@pytest.mark.parametrize("form", [b"/f%07d", b"/d%03d/x.bin", b"/img_%d.png", b"/a/%x"])
def test_ordinary_names_make_leaves_of_about_128(form: bytes) -> None:
    names = sorted(form % i for i in range(40_000))
    count = len(list(node_ends(0, names, [b"v" * 40] * len(names))))
    assert 90 < len(names) / count < 170
