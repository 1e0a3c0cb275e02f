"""Whole sessions with pachctl against a daemon, held against what they said when last looked at.

A transcript is commands and their outcome: stdout as it is, stderr behind `! `, the exit code in brackets
if it is not nought. Lines with `<` before the outcome are typed in. What differs from run to run is
replaced: `ID1` is the first id that a transcript shows. To look afresh:

    UPDATE_TRANSCRIPTS=1 python -m pytest tests/wire/test_transcripts.py && git diff tests/wire/transcripts
"""

import io
import os
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from howdah.cli.failures import run
from howdah.cli.pachctl.tree import app
from howdah.daemon.house import House

pytestmark = pytest.mark.slow

TRANSCRIPTS = Path(__file__).parent / "transcripts"
AGO = re.compile(r"(Less than a second|About an? \w+|\d+ (second|minute|hour)s?) ago")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ID = re.compile(r"\b[0-9a-f]{32}\b")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


@dataclass
class Shell:
    """Runs command lines in this process, in a folder of its own, as a terminal without colours would."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, line: str, typed: str) -> str:
        for identity, name in self.ids.items():
            line = line.replace(name, identity)
        words = shlex.split(line)
        binary = io.BytesIO(typed.encode())
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(binary))
        code = run(app, "pachctl", words[1:])
        said = self.capsys.readouterr()
        text = self.same(said.out)
        text += "".join(f"! {each}\n" for each in self.same(said.err).splitlines())
        return text + (f"[{code}]\n" if code else "")

    def same(self, text: str) -> str:
        """The text without what differs from run to run."""
        text = UUID.sub("UUID", ID.sub(self._named, text)).replace(str(self.folder), "FOLDER")
        text = TIME.sub("TIME", text)
        # The daemon is shared: what others left there is none of this session's.
        text = re.sub(r"^(! )?\w+ to delete: .*\n", "", text, flags=re.M)
        if AGO.search(text) or "CREATED" in text or "ID" in text:
            text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", AGO.sub("AGO", text))
        return re.sub(
            r" +$", "", re.sub(r"\bID\d+ +", lambda found: found[0].rstrip() + " ", text), flags=re.M
        )

    def _named(self, found: re.Match[str]) -> str:
        return self.ids.setdefault(found[0], f"ID{len(self.ids) + 1}")


def commands(text: str) -> list[tuple[str, str]]:
    """Command lines with what is typed into them."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), ""))
        elif line.startswith("< ") and found:
            found[-1] = (found[-1][0], found[-1][1] + line.removeprefix("< ") + "\n")
    return found


def comments(text: str) -> str:
    return "".join(line + "\n" for line in text.splitlines() if line.startswith("# "))


@pytest.fixture
def shell(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    for name in ("PACH_TOKEN", "NO_COLOR", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PACHD_ADDRESS", house.running.pachd)
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.txt").write_text("1\n")
    (tmp_path / "two.txt").write_text("22\n")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "a").write_text("a")
    (tmp_path / "folder" / "deep" / "b").write_text("b")
    return Shell(capsys, monkeypatch, tmp_path)


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_transcript(path: Path, shell: Shell) -> None:
    told = path.read_text()
    again = comments(told)
    for line, typed in commands(told):
        again += f"$ {line}\n" + "".join(f"< {each}\n" for each in typed.splitlines())
        again += shell.run(line, typed)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(again)
    assert again == told


def test_there_are_transcripts() -> None:
    assert len(list(TRANSCRIPTS.glob("*.txt"))) >= 8
