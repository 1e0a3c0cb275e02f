"""`storage.Fileset` by the official SDK: made, read, composed, cut into shards, and by links."""

import os
import urllib.request
from collections.abc import Mapping

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import storage

FILES = {"/a": b"1", "/b/c": b"22", "/empty": b""}


def append(path: str, data: bytes) -> storage.CreateFilesetRequest:
    return storage.CreateFilesetRequest(append_file=storage.AppendFile(path=path, data=data))


def made(client: Client, files: Mapping[str, bytes]) -> str:
    return client.storage.create_fileset(append(path, data) for path, data in files.items()).fileset_id


def read(client: Client, id: str, **more: object) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in client.storage.read_fileset(fileset_id=id, **more):  # type: ignore[arg-type]
        found[each.path] = found.get(each.path, b"") + each.data
    return found


def test_what_was_put_in_is_read(client: Client) -> None:
    assert read(client, made(client, FILES)) == FILES


def test_appending_copying_and_deleting_go_in_order(client: Client) -> None:
    first = made(client, FILES)
    copy = storage.CopyFile(fileset_id=first, src="/b/c", dst="/copied")
    requests = [
        append("/x", b"1"),
        append("/x", b"2"),
        append("/gone", b"3"),
        storage.CreateFilesetRequest(delete_file=storage.DeleteFile(path="/gone")),
        storage.CreateFilesetRequest(copy_file=copy),
    ]
    id = client.storage.create_fileset(iter(requests)).fileset_id
    assert read(client, id) == {"/x": b"12", "/copied": b"22"}


def test_filters_choose_by_range_and_pattern(client: Client) -> None:
    id = made(client, FILES)
    upper = storage.FileFilter(path_range=storage.PathRange(lower="/b", upper="/e"))
    pattern = storage.FileFilter(path_regex="^/[ab]")
    assert set(read(client, id, filters=[upper])) == {"/b/c"}
    assert set(read(client, id, filters=[pattern])) == {"/a", "/b/c"}
    assert read(client, id, empty_files=True) == dict.fromkeys(FILES, b"")
    with pytest.raises(RpcError, match="no regular expression") as error:
        read(client, id, filters=[storage.FileFilter(path_regex="(")])
    assert error.value.code() is StatusCode.INVALID_ARGUMENT


def test_composed_filesets_are_written_in_turn_and_shards_cover_all(client: Client) -> None:
    delete = storage.CreateFilesetRequest(delete_file=storage.DeleteFile(path="/a"))
    replacing = client.storage.create_fileset(iter([delete, append("/a", b"new"), append("/b/c", b"33")]))
    ids = [made(client, FILES), replacing.fileset_id, made(client, {"/z": b"9"})]
    whole = client.storage.compose_fileset(fileset_ids=ids, ttl_seconds=60).fileset_id
    assert read(client, whole) == {"/a": b"new", "/b/c": b"2233", "/empty": b"", "/z": b"9"}
    client.storage.renew_fileset(fileset_id=whole, ttl_seconds=120)
    shards = client.storage.shard_fileset(fileset_id=whole, num_files=1).shards
    parts = [read(client, whole, filters=[storage.FileFilter(path_range=each)]) for each in shards]
    assert len(parts) > 1
    assert sorted(path for part in parts for path in part) == sorted({*FILES, "/z"})


def test_links_give_the_bytes(client: Client) -> None:
    large = os.urandom(9 << 20)  # more than one piece
    pieces = [append("/large", large[start : start + (1 << 20)]) for start in range(0, len(large), 1 << 20)]
    id = client.storage.create_fileset(iter([append("/small", b"1"), *pieces])).fileset_id
    fetched = {}
    for each in client.storage.read_fileset_cdr(fileset_id=id):
        refs = each.ref.concat.refs or [each.ref]
        links = [ref.content_hash.inner.http.url for ref in refs]
        fetched[each.path] = b"".join(urllib.request.urlopen(link).read() for link in links)
    assert fetched == {"/small": b"1", "/large": large}


def test_what_is_no_fileset_or_no_operation_is_refused(client: Client) -> None:
    with pytest.raises(RpcError) as error:
        read(client, "0" * 32)
    assert error.value.code() is StatusCode.NOT_FOUND
    with pytest.raises(RpcError, match="holds no operation") as error:
        client.storage.create_fileset(iter([storage.CreateFilesetRequest()]))
    assert error.value.code() is StatusCode.INVALID_ARGUMENT
