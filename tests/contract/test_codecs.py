"""The codecs mean the same, byte for byte, for every message of the protocol: betterproto's own, the
protobuf classes derived from its dataclasses, and the conversion that `howdah.accelerate()` puts in.
"""

from pathlib import Path

import betterproto
import pytest
from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from pachyderm_sdk.api import pfs

from howdah.client import uploads
from howdah.client.conversion import Shapes, sdk_classes
from howdah.core.messages import catalogue as catalogues
from howdah.core.messages.recording import record, sdk_modules

CATALOGUE = catalogues.Catalogue(catalogues.derive())
MODULES = sdk_modules()
RECORDED = record(MODULES)


SDK = dict(sdk_classes(MODULES, RECORDED))
SHAPES = Shapes(CATALOGUE)
for full_name, kind in SDK.items():
    SHAPES.add(full_name, kind)
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
# betterproto reads both into datetime and timedelta: microseconds, no zero, a calendar's range.
TIMESTAMPS = st.builds(
    lambda s, us: timestamp_pb2.Timestamp(seconds=s, nanos=us * 1000),
    st.integers(1, 4_000_000_000),
    st.integers(0, 999_999),
)
DURATIONS = st.builds(
    lambda s, us: duration_pb2.Duration(seconds=s, nanos=us * 1000),
    st.integers(1, 1_000_000),
    st.integers(0, 999_999),
)


def without_negative_zero(number: float) -> float:
    return number + 0.0  # betterproto takes -0.0 for unset


def scalar(field: FieldDescriptor) -> st.SearchStrategy[object]:
    kind = field.cpp_type
    if kind in INTEGERS:
        return INTEGERS[kind]
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if kind == FieldDescriptor.CPPTYPE_FLOAT:
        return st.floats(width=32, allow_nan=False).map(without_negative_zero)
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return st.floats(allow_nan=False).map(without_negative_zero)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return st.binary(max_size=6) if field.type == FieldDescriptor.TYPE_BYTES else TEXT


def fill(draw: st.DrawFn, message: Message, depth: int) -> None:
    descriptor: Descriptor = message.DESCRIPTOR
    if descriptor.full_name == "google.protobuf.Timestamp":
        message.MergeFrom(type(message).FromString(draw(TIMESTAMPS).SerializeToString()))
        return
    if descriptor.full_name == "google.protobuf.Duration":
        message.MergeFrom(type(message).FromString(draw(DURATIONS).SerializeToString()))
        return
    fields = [oneof.fields[draw(st.integers(0, len(oneof.fields) - 1))] for oneof in descriptor.oneofs]
    fields += [field for field in descriptor.fields if field.containing_oneof is None]
    for field in fields:
        if not draw(st.booleans()):
            continue
        is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
        if field.label == FieldDescriptor.LABEL_REPEATED:
            if is_message and field.message_type.GetOptions().map_entry:
                fill_map(draw, message, field, depth)
            elif not is_message:
                getattr(message, field.name).extend(draw(st.lists(scalar(field), max_size=2)))
            elif depth:
                for _ in range(draw(st.integers(0, 2))):
                    fill(draw, getattr(message, field.name).add(), depth - 1)
        elif not is_message:
            setattr(message, field.name, draw(scalar(field)))
        elif depth:
            child = getattr(message, field.name)
            child.SetInParent()
            fill(draw, child, depth - 1)


def fill_map(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    entry = field.message_type.fields_by_name
    for _ in range(draw(st.integers(0, 2))):
        # betterproto drops an entry whose key and value are both empty: its defect, not a difference.
        key = draw(scalar(entry["key"]).filter(bool))
        if entry["value"].cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if depth:
                fill(draw, getattr(message, field.name)[key], depth - 1)
        else:
            getattr(message, field.name)[key] = draw(scalar(entry["value"]))


@st.composite
def messages(draw: st.DrawFn, kind: type[Message]) -> Message:
    message = kind()
    fill(draw, message, depth=2)
    return message


def test_every_message_of_the_sdk_has_a_fast_class() -> None:
    assert set(SDK) <= {name for name, _ in CATALOGUE.messages()}
    assert len(SDK) > 400


@pytest.fixture
def _plain_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's conveniences fill in a repo's project and type; the codec underneath does not."""
    for kind in (pfs.Repo, pfs.RepoPickerRepoName):
        monkeypatch.setattr(kind, "__post_init__", betterproto.Message.__post_init__)


@pytest.mark.slow
@pytest.mark.usefixtures("_plain_messages")
@pytest.mark.parametrize("name", sorted(SDK))
def test_both_codecs_agree(name: str) -> None:
    fast, slow = CATALOGUE.message(name), SDK[name]

    @settings(max_examples=4, deadline=None, database=None)
    @given(message=messages(fast))
    def agree(message: Message) -> None:
        read = slow().parse(message.SerializeToString(deterministic=True))
        assert fast.FromString(bytes(read)) == message
        again = slow().parse(fast.FromString(bytes(read)).SerializeToString(deterministic=True))
        assert again == read
        shape = SHAPES.get(slow)
        converted = shape.decode(message)
        assert converted == read
        assert fast.FromString(bytes(converted)) == message
        written = fast()
        shape.encode(read, written)
        assert written == message

    agree()


def test_the_table_is_the_recording() -> None:
    recorded = {(r.path, r.client_streams, r.server_streams) for r in RECORDED}
    table = {(r.path, r.client_streams, r.server_streams) for r in CATALOGUE.rpcs.values()}
    assert table == recorded
    for rpc in RECORDED:
        assert rpc.request.__name__ == CATALOGUE.rpcs[rpc.path].request.DESCRIPTOR.name
        assert rpc.response.__name__ == CATALOGUE.rpcs[rpc.path].response.DESCRIPTOR.name


def test_recording_leaves_the_sdk_as_it_was() -> None:
    assert pfs.Project(name="a").SerializeToString() == b"\x0a\x01a"


def test_enums_carry_the_sdks_values() -> None:
    state = CATALOGUE.package("pfs_v2").CommitState
    assert (state.STARTED, state.FINISHED) == (1, 4)


def test_pythons_trailing_underscore_is_not_part_of_a_name() -> None:
    fields = CATALOGUE.message("pfs_v2.ListCommitRequest").DESCRIPTOR.fields_by_name
    assert "from" in fields
    assert "from_" not in fields


def test_a_cached_contract_is_used_and_a_damaged_one_is_derived_again(tmp_path: Path) -> None:
    first = catalogues._load(tmp_path)
    (cached,) = tmp_path.iterdir()
    whole = cached.read_bytes()
    assert catalogues._load(tmp_path) == first
    cached.write_bytes(whole[: len(whole) // 2])
    assert catalogues._load(tmp_path) == first
    assert cached.read_bytes() == whole


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 1 << 20])
def test_requests_written_by_hand_are_what_protobuf_reads(size: int) -> None:
    path, piece = "/ä" + "x" * (size // 100), b"\x80" * size
    request, add, delete, raw = (
        CATALOGUE.message(name)
        for name in (
            "pfs_v2.ModifyFileRequest",
            "pfs_v2.AddFile",
            "pfs_v2.DeleteFile",
            "google.protobuf.BytesValue",
        )
    )
    added = request(add_file=add(path=path, raw=raw(value=piece)))
    assert uploads.add_request(path.encode(), piece) == added.SerializeToString()
    deleted = request(delete_file=delete(path=path))
    assert uploads.delete_request(path.encode()) == deleted.SerializeToString()
