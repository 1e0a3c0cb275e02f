"""`pachctl put file --untar`: names as they are, bytes in pieces, and nothing left out in silence."""

import io
import tarfile
import uuid
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.cli.failures import run
from howdah.cli.pachctl import archived
from howdah.cli.pachctl.tree import app


def archive(path: Path, *names: str, link: str = "") -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(entry)
    return path


@pytest.fixture
def repo(client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PACHD_ADDRESS", client.address)
    name = f"tar-{uuid.uuid4().hex[:8]}"
    client.pfs.create_repo(repo=pfs.Repo.from_uri(name))
    return name


@pytest.mark.parametrize("suffix", [".tar", ".tgz"])
def test_files_keep_their_names_and_links_are_named(
    client: Client, repo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    path = archive(tmp_path / f"a{suffix}", "./.hidden", "..dots", "d/./e", "/rooted", link="lnk")
    assert run(app, "pachctl", ["put", "file", f"{repo}@master:/in/", "-f", str(path), "--untar"]) == 0
    assert "left out: lnk, a link to /etc/passwd" in capsys.readouterr().err
    commit = pfs.Commit.from_uri(f"{repo}@master")
    found = {
        info.file.path: client.pfs.pfs_file(pfs.File(commit=commit, path=info.file.path)).read()
        for info in client.pfs.walk_file(file=pfs.File(commit=commit, path="/"))
        if info.file_type == pfs.FileType.FILE
    }
    assert found == {
        "/in/.hidden": b"./.hidden",
        "/in/..dots": b"..dots",
        "/in/d/e": b"d/./e",
        "/in/rooted": b"/rooted",
    }


@pytest.mark.parametrize("name", ["../x", "a/../../x"])
def test_what_would_lie_outside_is_refused_by_its_name(
    client: Client, repo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = archive(tmp_path / "a.tar", "good", name)
    assert run(app, "pachctl", ["put", "file", f"{repo}@master:/in/", "-f", str(path), "--untar"]) == 1
    assert f"holds {name}," in capsys.readouterr().err
    assert not client.pfs.branch_exists(pfs.Branch.from_uri(f"{repo}@master"))


def test_what_is_no_archive_is_refused(repo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"no archive")
    assert run(app, "pachctl", ["put", "file", f"{repo}@master:/in/", "-f", str(path), "--untar"]) == 1
    assert "is no whole tar archive" in capsys.readouterr().err


def test_a_member_is_not_read_before_its_turn(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", "one", "two")
    with archived.ExitStack() as archives:
        first, second = archived.members(path, "/in", archives)
        with second.open() as content:
            assert content.read(1) == b"t"
        with first.open() as content:
            assert content.read() == b"one"
