"""`debug_v2.Debug`: a dump holds what it promises, a profile names our functions, the rest is refused."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from datetime import timedelta

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import debug, pfs


def unpacked(pieces: Iterable[bytes]) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def test_a_dump_tells_its_progress_and_holds_the_state(client: Client) -> None:
    client.pfs.create_repo(repo=pfs.Repo.from_uri("dumped"))
    template = client.debug.get_dump_v2_template().request
    chunks = list(client.debug.dump_v2(system=template.system))
    progress = [each.progress for each in chunks if each.progress is not None and each.progress.task]
    assert [each.progress for each in progress] == list(range(1, progress[0].total + 1))
    found = unpacked(each.content.content for each in chunks if each.content is not None)
    assert {f"howdah/{each.task}" for each in progress} == set(found)
    assert json.loads(found["howdah/version.json"])["pachyderm"].startswith("2.12")
    assert "default/dumped" in json.loads(found["howdah/repos.json"])
    assert b"pytest" in found["howdah/versions.txt"]
    assert all(len(json.loads(line)) == 5 for line in found["howdah/events.jsonl"].splitlines())


def test_the_older_dump_is_the_archive_alone(client: Client) -> None:
    older = debug.DebugStub(client._channel)  # the client's own `dump` asks for the newer one
    assert "howdah/threads.txt" in unpacked(each.value for each in older.dump())


@pytest.mark.parametrize("name", ["cpu", "goroutine"])
def test_a_profile_is_stacks_and_how_often(client: Client, name: str) -> None:
    profile = debug.Profile(name=name, duration=timedelta(milliseconds=1))
    data = b"".join(each.value for each in client.debug.profile(profile=profile))
    lines = gzip.decompress(data).decode().splitlines()
    assert any(
        line.startswith("threading.Thread._bootstrap") or "threading._bootstrap;" in line for line in lines
    )
    assert all(int(line.rpartition(" ")[2]) > 0 for line in lines)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (debug.Profile(name="heap"), "no profile 'heap'"),
        (debug.Profile(name="cpu", duration=timedelta(hours=1)), "may take 300 seconds"),
    ],
)
def test_other_profiles_are_refused(client: Client, profile: debug.Profile, said: str) -> None:
    with pytest.raises(RpcError, match=said) as error:
        list(client.debug.profile(profile=profile))
    assert error.value.code() is StatusCode.INVALID_ARGUMENT


@pytest.mark.slow
def test_the_program_is_its_modules(client: Client) -> None:
    found = unpacked(each.value for each in client.debug.binary())
    assert b"class DebugService" in found["howdah/pachd/wire/debug_service.py"]
    assert "howdah/versions.txt" in found
