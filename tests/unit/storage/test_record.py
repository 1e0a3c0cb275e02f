import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.pachd.storage import record
from howdah.pachd.storage.content import hash_of

payloads = st.one_of(st.binary(max_size=300), st.binary(max_size=9).map(lambda b: b * 400))
items = st.lists(payloads, min_size=1, max_size=12)


def encoded(datas, *, compress=True):
    compressor = record.Compressor(record.CHUNKS) if compress else None
    return b"".join(record.encode(record.CHUNKS, [(hash_of(data), data) for data in datas], compressor))


@settings(deadline=None)
@given(items, st.booleans(), st.binary(max_size=50))
def test_round_trip_whatever_follows(datas, compress, following):
    whole = encoded(datas, compress=compress)
    header = record.decode_header(whole + following)
    assert header.record_bytes == len(whole)
    table = record.decode_table(header, whole + following)
    payload = record.payload_of(header, whole + following)
    assert [hash for hash, _, _ in table] == [hash_of(data) for data in datas]
    assert [bytes(payload[start : start + size]) for _, start, size in table] == datas


@settings(deadline=None)
@given(items, st.data())
def test_a_changed_byte_is_never_taken_for_the_truth(datas, data):
    whole = bytearray(encoded(datas))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        header = record.decode_header(whole)
        table = record.decode_table(header, whole)
        payload = record.payload_of(header, whole)
    except Corrupt:
        return
    wrong = [hash for hash, start, size in table if hash_of(payload[start : start + size]) != hash]
    # zstd may spell the same bytes in two ways; then nothing is lost.
    assert wrong or [bytes(payload[start : start + size]) for _, start, size in table] == datas


@given(items, st.data())
def test_a_cut_off_record_is_refused(datas, data):
    whole = encoded(datas)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Corrupt):
        header = record.decode_header(part)
        record.decode_table(header, part)
        record.payload_of(header, part)


@settings(deadline=None)
@given(st.lists(st.tuples(items, st.booleans()), min_size=1, max_size=4), st.data())
def test_single_chunks_are_found_among_their_neighbours(records, data):
    whole = b"".join(encoded(datas, compress=compress) for datas, compress in records)
    alone = {hash_of(datas[0]): datas[0] for datas, _ in records if len(datas) == 1}
    assert {hash: bytes(found) for hash, found in record.single_chunks(whole).items()} == alone
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(Corrupt):  # nothing else, and whoever uses a chunk checks its hash
        record.single_chunks(bytes(damaged))
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    with contextlib.suppress(Corrupt):
        assert record.single_chunks(cut).keys() <= alone.keys()


def test_compression_is_kept_only_where_it_pays():
    compressor = record.Compressor(record.CHUNKS)
    assert compressor.pays(b"abc" * 10_000)
    assert not compressor.pays(bytes(hash_of(bytes([n]))[i] for n in range(250) for i in range(32)))
    assert len(encoded([b"abc" * 10_000])) < 500
