"""What `put file` cannot put: it says so, and whether the rest was put."""

import os
import socket
from pathlib import Path

import pytest

from howdah.cli.failures import run
from howdah.cli.pachctl.tree import app
from howdah.client.files import Files

pytestmark = pytest.mark.slow


@pytest.fixture
def repo(files: Files, pachd_alone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PACHD_ADDRESS", pachd_alone)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files.ensure_repo("partly", "")
    return "partly"


@pytest.mark.parametrize("many", [1, 100])
def test_a_name_that_is_not_utf_8(
    many: int, repo: str, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(os.fsdecode(b"in/\xff"))
    folder.mkdir(parents=True)
    for number in range(many):
        (folder / f"{number}").write_text("1")
    assert run(app, "pachctl", ["put", "file", f"{repo}@master:/in", "-r", "-f", "in"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(r"Error: /in/\xff")
    assert "is no name that pachd could keep\n  Why: It is not UTF-8.\n  Do:  Nothing was put." in said
    assert files.finished_head(f"{repo}@master") is None


def test_a_list_that_is_not_utf_8(repo: str, files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    Path("list").write_bytes(b"one\n\xff\n")
    assert run(app, "pachctl", ["put", "file", f"{repo}@master", "-i", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: the list list is not UTF-8\n  Why: ")
    assert "Do:  Nothing was put." in said
    assert files.finished_head(f"{repo}@master") is None


def test_a_list_at_a_url_is_refused_in_words(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, "pachctl", ["put", "file", f"{repo}@master", "-i", "http://127.0.0.1:1/list"]) == 1
    assert "is not fetched from its URL\n  Do:  Fetch it yourself" in capsys.readouterr().err


def test_links_to_folders_and_what_is_no_file_are_named(
    repo: str, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/deep").mkdir(parents=True)
    Path("in/whole").write_text("1")
    Path("in/linked").symlink_to("whole")
    Path("in/folder").symlink_to("deep")
    Path("in/dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("in/socket")
        assert run(app, "pachctl", ["put", "file", f"{repo}@master:/in", "-r", "-f", "in"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "left out: in/dangling, a link to nowhere",
        "left out: in/folder, a link to deep",
        "left out: in/socket, no file",
    ]
    assert files.paths(f"{repo}@master") == ["/in/linked", "/in/whole"]
