"""Files through the official SDK: writing, reading, listing, and what is refused."""

import io
import tarfile
import uuid
from collections.abc import Iterator

import grpc
import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.daemon.house import House


@pytest.fixture
def repo(client: Client) -> pfs.Repo:
    made = pfs.Repo.from_uri(f"files-{uuid.uuid4().hex[:8]}")
    client.pfs.create_repo(repo=made)
    return made


def write(client: Client, repo: pfs.Repo, files: dict[str, bytes]) -> pfs.Commit:
    with client.pfs.commit(branch=pfs.Branch(repo=repo, name="master")) as commit:
        requests = [pfs.ModifyFileRequest(set_commit=pfs.Commit(repo=repo, id=commit.id))]
        for path, data in files.items():
            requests.append(pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data)))
        client.pfs.modify_file(iter(requests))
    return pfs.Commit(repo=repo, id=commit.id)


def at(commit: pfs.Commit, path: str) -> pfs.File:
    return pfs.File(commit=commit, path=path)


def test_what_is_put_is_got(client: Client, repo: pfs.Repo) -> None:
    data = bytes(range(256)) * 5000
    commit = write(client, repo, {"/big": data, "/small": b"x", "/empty": b""})
    assert client.pfs.pfs_file(at(commit, "/big")).read() == data
    assert client.pfs.pfs_file(at(commit, "/empty")).read() == b""
    got = b"".join(each.value for each in client.pfs.get_file(file=at(commit, "/big"), offset=1_000_000))
    assert got == data[1_000_000:]


def test_listing_pages_forwards_and_back(client: Client, repo: pfs.Repo) -> None:
    commit = write(client, repo, {f"/d/{number}": b"1" for number in range(5)})
    first = [each.file.path for each in client.pfs.list_file(file=at(commit, "/d"), number=2)]
    assert first == ["/d/0", "/d/1"]
    marker = at(commit, first[-1])
    second = client.pfs.list_file(file=at(commit, "/d"), number=2, pagination_marker=marker)
    assert [each.file.path for each in second] == ["/d/2", "/d/3"]
    back = client.pfs.list_file(file=at(commit, "/d"), number=2, reverse=True)
    assert [each.file.path for each in back] == ["/d/4", "/d/3"]


def test_a_tar_holds_each_file_once(client: Client, repo: pfs.Repo) -> None:
    files = {"/a/b/c": b"1", "/a/d": b"22", "/e": b"3" * 1000}
    commit = write(client, repo, files)
    stream = b"".join(each.value for each in client.pfs.get_file_tar(file=at(commit, "/**")))
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        regular = [member for member in archive if member.isfile()]
        read = {member.name: archive.extractfile(member).read() for member in regular}  # type: ignore[union-attr]
    assert len(regular) == len(files)
    assert read == files


@pytest.mark.parametrize("shallow", [False, True])
def test_a_diff_names_what_changed_and_the_directories_above(
    client: Client, repo: pfs.Repo, shallow: bool
) -> None:
    write(client, repo, {"/same/x": b"1", "/d/changed": b"1", "/d/gone": b"1"})
    with client.pfs.commit(branch=pfs.Branch(repo=repo, name="master")) as commit:
        commit.put_file_from_bytes(path="/d/changed", data=b"2")
        commit.delete_file(path="/d/gone")
        commit.put_file_from_bytes(path="/new/y", data=b"3")
    found = list(client.pfs.diff_file(new_file=at(pfs.Commit(repo=repo, id=commit.id), "/"), shallow=shallow))
    pairs = [(each.new_file.file.path, each.old_file.file.path) for each in found]
    top = [("/", "/"), ("/d/", "/d/")]
    if shallow:
        assert pairs == [*top, ("/new/", "")]
    else:
        assert pairs == [
            *top,
            ("/d/changed", "/d/changed"),
            ("", "/d/gone"),
            ("/new/", ""),
            ("/new/y", ""),
        ]


def test_find_commits_tells_where_a_file_changed(client: Client, repo: pfs.Repo) -> None:
    one = write(client, repo, {"/a": b"1"})
    write(client, repo, {"/b": b"1"})
    three = write(client, repo, {"/a": b"2"})
    client.pfs.wait_commit(three)
    results = list(client.pfs.find_commits(start=three, file_path="/a"))
    assert [each.found_commit.id for each in results[:-1]] == [three.id, one.id]
    assert results[-1].last_searched_commit.id


def test_a_branch_head_that_is_finished_gets_a_child(client: Client, repo: pfs.Repo) -> None:
    before = write(client, repo, {"/a": b"1"})
    branch = pfs.Commit(branch=pfs.Branch(repo=repo, name="master"), repo=repo)
    client.pfs.put_file_from_bytes(commit=branch, path="/b", data=b"2")
    assert client.pfs.inspect_branch(branch=branch.branch).head.id != before.id
    with pytest.raises(RpcError) as error:
        client.pfs.put_file_from_bytes(commit=before, path="/b", data=b"2")
    assert "has already finished" in error.value.details()


@pytest.mark.parametrize("path", ["/../x", "/a/../b", "/a*", "/a\x00b", "/", "/naïve"])
def test_a_bad_path_is_refused_and_nothing_is_written(client: Client, repo: pfs.Repo, path: str) -> None:
    with pytest.raises(RpcError) as error:
        write(client, repo, {"/good": b"1", path: b"2"})
    assert error.value.code() is StatusCode.INVALID_ARGUMENT
    head = pfs.Commit(branch=pfs.Branch(repo=repo, name="master"), repo=repo)
    assert list(client.pfs.list_file(file=at(head, "/"))) == []


def test_a_stream_cut_in_the_middle_leaves_nothing(client: Client, repo: pfs.Repo, house: House) -> None:
    commit = client.pfs.start_commit(branch=pfs.Branch(repo=repo, name="master"))

    def requests() -> Iterator[bytes]:
        yield bytes(pfs.ModifyFileRequest(set_commit=commit))
        yield bytes(pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/half", raw=b"1" * 100_000)))
        call.cancel()
        yield bytes(pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/rest", raw=b"2")))

    with grpc.insecure_channel(house.running.pachd.removeprefix("grpc://")) as channel:
        call = channel.stream_unary("/pfs_v2.API/ModifyFile").future(requests())
        with pytest.raises((RpcError, grpc.FutureCancelledError)):
            call.result()
    assert list(client.pfs.list_file(file=at(commit, "/"))) == []
    client.pfs.put_file_from_bytes(commit=commit, path="/whole", data=b"3")
    assert [each.file.path for each in client.pfs.list_file(file=at(commit, "/"))] == ["/whole"]


def test_urls_are_refused_unless_allowed(client: Client, repo: pfs.Repo) -> None:
    commit = client.pfs.start_commit(branch=pfs.Branch(repo=repo, name="master"))
    for url in ("file:///etc/passwd", "http://127.0.0.1:1/", "http://169.254.169.254/"):
        with pytest.raises(RpcError) as error:
            client.pfs.put_file_from_url(commit=commit, path="/x", url=url)
        assert error.value.code() is StatusCode.INVALID_ARGUMENT


def test_a_message_above_the_limit_is_refused(client: Client, repo: pfs.Repo) -> None:
    with pytest.raises(RpcError) as error:
        write(client, repo, {"/big": bytes(21 << 20)})
    assert error.value.code() is StatusCode.RESOURCE_EXHAUSTED


def test_a_directory_is_not_a_file(client: Client, repo: pfs.Repo) -> None:
    commit = write(client, repo, {"/d/a": b"1", "/d/b": b"2"})
    for path in ("/d", "/d/*", "/none"):
        with pytest.raises(RpcError) as error:
            list(client.pfs.get_file(file=at(commit, path)))
        expected = StatusCode.NOT_FOUND if path == "/none" else StatusCode.INVALID_ARGUMENT
        assert error.value.code() is expected
