"""What is written straight into bytes is what protobuf writes."""

from hypothesis import given
from hypothesis import strategies as st

from howdah.core.refs import CommitRef, RepoRef, new_commit_id
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees.files import Directory, File
from howdah.pachd.versions import CommitInfo, Origin
from howdah.pachd.wire.contract import google, pfs
from howdah.pachd.wire.convert import commit_message, timestamp
from howdah.pachd.wire.encoding import FileInfos, bytes_value
from howdah.pachd.wire.pfs_files import MESSAGE_BYTES, messages

COMMIT = CommitRef(RepoRef("images"), new_commit_id())
HASHES = st.binary(min_size=32, max_size=32)


@given(st.lists(st.binary(max_size=400), max_size=5))
def test_bytes_values(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert bytes_value(parts) == google.BytesValue(value=data).SerializeToString()


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.integers(0, 2**50),
    HASHES,
    st.booleans(),
    st.none() | st.integers(1, 2**62),
)
def test_file_infos(name: str, size: int, digest: bytes, directory: bool, finished_ns: int | None) -> None:
    info = CommitInfo(1, COMMIT, "master", Origin.USER, 5, finished_ns, finished_ns)
    entry = (
        Directory(f"/{name}/", size, 1, Hash(digest))
        if directory
        else File(f"/{name}", Content(size, Hash(digest), b""))
    )
    expected = pfs.FileInfo(
        file=pfs.File(commit=commit_message(COMMIT), path=entry.path),
        file_type=pfs.FileType.DIR if directory else pfs.FileType.FILE,
        size_bytes=size,
        hash=digest,
    )
    if finished_ns is not None:
        expected.committed.CopyFrom(timestamp(finished_ns))
    assert FileInfos(info).message(entry) == expected
    assert FileInfos(info).encode(entry) == expected.SerializeToString()


@given(st.lists(st.integers(0, MESSAGE_BYTES), max_size=4))
def test_messages_hold_everything_in_order(sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    sent = [google.BytesValue.FromString(each).value for each in messages(iter(pieces))]
    assert b"".join(sent) == b"".join(pieces)
    assert all(len(each) < 2 * MESSAGE_BYTES for each in sent)
