"""What an online detector remembers outlives its process, and only the newest process keeps it."""

import subprocess
import sys
from pathlib import Path

import pytest

from howdah.runtimes.detectors.memory import Memory

LATER = """
import sys
from pathlib import Path
from howdah.runtimes.detectors.memory import Memory

class Counted:
    fingerprint = "count"
    rows = 0
    def save(self, folder):
        (folder / "rows").write_text(str(self.rows))
    def restore(self, folder):
        self.rows = int((folder / "rows").read_text())

detector = Counted()
memory = Memory(Path(sys.argv[1]), detector)
memory.take()
detector.rows += 100
memory.save()
print(detector.rows, flush=True)
sys.stdin.read()
"""


class Counted:
    """Remembers how many rows it has seen."""

    def __init__(self, fingerprint: str = "count") -> None:
        self.fingerprint, self.rows = fingerprint, 0

    def save(self, folder: Path) -> None:
        (folder / "rows").write_text(str(self.rows))

    def restore(self, folder: Path) -> None:
        self.rows = -1
        self.rows = int((folder / "rows").read_text())

    def forget(self) -> None:
        self.rows = 0


def seen(folder: Path, rows: int, fingerprint: str = "count") -> tuple[Counted, Memory]:
    """One that has taken so many rows more, and saved."""
    detector = Counted(fingerprint)
    memory = Memory(folder, detector)
    memory.take()
    detector.rows += rows
    assert memory.save()
    return detector, memory


def test_the_next_one_goes_on(tmp_path: Path):
    seen(tmp_path / "m", 3)
    assert seen(tmp_path / "m", 4)[0].rows == 7


def test_without_an_event_nothing_is_saved(tmp_path: Path):
    seen(tmp_path, 3)
    assert not Memory(tmp_path, Counted()).save()
    assert seen(tmp_path, 0)[0].rows == 3


@pytest.mark.slow
def test_a_process_that_was_superseded_saves_nothing_while_its_successor_lives(tmp_path: Path):
    before, memory = seen(tmp_path, 3)
    words = [sys.executable, "-c", LATER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as later:
        assert later.stdout is not None
        assert later.stdout.readline() == "103\n", "the successor goes on from what was saved"
        before.rows += 1
        assert not memory.save()
        assert (tmp_path / "count" / "rows").read_text() == "103"
        later.communicate("")
    assert memory.save(), "with the successor gone there is nobody else to keep it"
    assert (tmp_path / "count" / "rows").read_text() == "4"


@pytest.mark.parametrize("content", ["", "1x", None])
def test_what_cannot_be_read_is_discarded_and_said(tmp_path: Path, caplog, content: str | None):
    seen(tmp_path, 3)
    file = tmp_path / "count" / "rows"
    file.unlink() if content is None else file.write_text(content)
    assert seen(tmp_path, 5)[0].rows == 5
    assert "cannot be read and is discarded" in caplog.text


def test_the_memory_of_something_else_is_discarded_and_said(tmp_path: Path, caplog):
    seen(tmp_path, 3, "other options")
    assert seen(tmp_path, 5)[0].rows == 5
    assert "with other options is discarded" in caplog.text
    assert not (tmp_path / "other options").exists()


def test_a_save_that_breaks_off_leaves_the_one_before(tmp_path: Path):
    detector, memory = seen(tmp_path, 3)

    def torn(folder: Path) -> None:
        (folder / "rows").write_text("9")
        raise OSError("no space")

    detector.save = torn
    with pytest.raises(OSError, match="no space"):
        memory.save()
    assert seen(tmp_path, 0)[0].rows == 3
