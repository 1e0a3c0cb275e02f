import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.pachd.storage.content import (
    EMPTY,
    Content,
    Hash,
    chunk_content,
    decode_list,
    encode_list,
    hash_of,
    inline_content,
    list_content,
)

hashes = st.binary(min_size=32, max_size=32).map(Hash)
sizes = st.integers(0, 2**62)
contents = st.one_of(
    st.binary(max_size=128).map(inline_content),
    st.builds(chunk_content, sizes, hashes),
    st.builds(list_content, sizes, hashes, st.integers(1, 5), hashes),
)


@given(contents)
def test_round_trip(content):
    assert Content.decode(content.encode()) == content


@given(st.lists(st.tuples(hashes, sizes)))
def test_lists_round_trip(entries):
    assert list(decode_list(encode_list(entries))) == entries


def test_the_three_forms_know_what_they_are():
    chunk = hash_of(b"x")
    assert inline_content(b"abc").inline == b"abc"
    assert chunk_content(5, chunk).inline is None
    assert (chunk_content(5, chunk).depth, chunk_content(5, chunk).root) == (0, chunk)
    assert (list_content(9, chunk, 2, hash_of(b"l")).depth, list_content(9, chunk, 2, chunk).root) == (
        2,
        chunk,
    )
    assert EMPTY.inline == b""


@pytest.mark.parametrize("data", [b"", b"\xff" * 11, b"\x05" + b"h" * 31])
def test_refuses_what_is_no_content(data):
    with pytest.raises(Corrupt):
        Content.decode(data)


def test_refuses_a_torn_list():
    with pytest.raises(Corrupt, match="not whole entries"):
        list(decode_list(b"x" * 41))
