"""The fast path recognises exactly what protobuf would read, and judges nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.errors import Malformed
from howdah.pachd.wire.modify_parsing import Append, Other, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def add(path: str, datum: str, raw: bytes) -> bytes:
    request = pfs.ModifyFileRequest()
    request.add_file.path = path
    request.add_file.datum = datum
    request.add_file.raw.value = raw
    return bytes(request.SerializeToString())


def slowly(data: bytes) -> tuple[str, str, bytes] | None:
    """What protobuf makes of it: None if it is not bytes added to a file."""
    request = pfs.ModifyFileRequest.FromString(data)
    if request.WhichOneof("body") != "add_file" or request.add_file.WhichOneof("source") == "url":
        return None
    file = request.add_file
    return file.path, file.datum, file.raw.value


@given(TEXT, TEXT, st.binary(max_size=70_000))
def test_payloads_come_through_unchanged(path: str, datum: str, raw: bytes) -> None:
    parsed = parse(add(path, datum, raw))
    assert isinstance(parsed, Append)
    assert (parsed.path, parsed.datum, bytes(parsed.data)) == (path, datum, raw)


def test_a_payload_is_not_copied() -> None:
    data = add("/a", "", b"x" * 1000)
    parsed = parse(data)
    assert isinstance(parsed, Append)
    assert isinstance(parsed.data, memoryview)
    assert parsed.data.obj is data


@given(st.binary(max_size=200))
@example(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x12\x02\x0a\xff")
@example(b"\x12\x00")
@example(b"\x12\x06\x0a\x01\xff\x1a\x01\x0a")
@example(add("/a", "", b"abc") + add("/b", "", b"d"))
def test_it_agrees_with_protobuf_on_any_bytes(data: bytes) -> None:
    try:
        expected = slowly(data)
    except Exception:  # noqa: BLE001 - whatever protobuf refuses with
        with pytest.raises(Malformed):
            parse(data)
        return
    parsed = parse(data)
    if expected is None:
        assert isinstance(parsed, Other)
    else:
        assert isinstance(parsed, Append)
        assert (parsed.path, parsed.datum, bytes(parsed.data)) == expected


@given(TEXT, st.binary(max_size=40), st.data())
def test_a_damaged_request_is_read_as_protobuf_reads_it_or_refused(
    path: str, raw: bytes, data: st.DataObject
) -> None:
    whole = bytearray(add(path, "", raw))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    test_it_agrees_with_protobuf_on_any_bytes.hypothesis.inner_test(bytes(whole))  # type: ignore[attr-defined]


def test_other_requests_are_protobufs() -> None:
    request = pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path="/a"))
    parsed = parse(request.SerializeToString())
    assert isinstance(parsed, Other)
    assert parsed.request.delete_file.path == "/a"
