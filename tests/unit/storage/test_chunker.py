import random

from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.pachd.storage.chunker import MAX_BYTES, MIN_BYTES, Chunker


@st.composite
def streams(draw):
    """Bytes as files hold them: noise, runs, and repetitions, in any order."""
    out = bytearray()
    for _ in range(draw(st.integers(1, 4))):
        seed, size = draw(st.integers(0, 99)), draw(st.integers(0, 400_000))
        kind = draw(st.sampled_from(["noise", "run", "words"]))
        noise = random.Random(seed).randbytes(size)
        out += {
            "noise": noise,
            "run": bytes([seed]) * size,
            "words": (noise[:100] * (size // 99 + 1))[:size],
        }[kind]
    return bytes(out)


def cut_whole(data):
    chunks, rest = Chunker().cut(b"", memoryview(data), last=True)
    assert len(rest) == 0
    return [bytes(chunk) for chunk in chunks]


@settings(max_examples=30, deadline=None)
@given(streams(), st.lists(st.integers(1, 900_000), max_size=5))
def test_cuts_depend_on_the_bytes_and_not_on_their_arrival(data, sizes):
    chunker, carried, got, at = Chunker(), b"", [], 0
    for size in [*sizes, len(data)]:
        piece = data[at : at + size]
        at += len(piece)
        chunks, rest = chunker.cut(carried, memoryview(piece), last=at >= len(data) and size == len(data))
        got += map(bytes, chunks)
        carried = bytes(rest)
        assert len(carried) < MAX_BYTES + 1
    assert got == cut_whole(data)


@settings(max_examples=20, deadline=None)
@given(streams())
def test_chunks_are_the_bytes_and_of_bounded_size(data):
    chunks = cut_whole(data)
    assert b"".join(chunks) == data
    assert all(MIN_BYTES <= len(chunk) <= MAX_BYTES for chunk in chunks[:-1])


def test_the_parameters_are_those_of_the_format():
    """Changing them is allowed, but makes every store find fewer of the bytes that it has."""
    lengths = [len(chunk) for chunk in cut_whole(random.Random(1).randbytes(1_000_000))]
    assert lengths == [
        74185,
        106069,
        24113,
        27575,
        78084,
        66565,
        101816,
        100216,
        75214,
        79992,
        65561,
        71019,
        55970,
        69770,
        3851,
    ]
