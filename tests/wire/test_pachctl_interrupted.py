"""pachctl as a process: uploads that break off, pipes that close, Ctrl-C, terminals of every kind."""

import ctypes
import fcntl
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.client.uploads import Opened, put
from howdah.daemon.house import House

pytestmark = pytest.mark.slow

PACHCTL = [sys.executable, "-c", "from howdah.cli.pachctl import main; main()"]


def environment(house: House, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "PACHD_ADDRESS": house.running.pachd,
        "PACH_CONFIG": "/nonexistent/config.json",
        **more,
    }


def start(house: House, *words: str, **more: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*PACHCTL, *words], env=environment(house, **more), stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def heads(client: Client, repo: str) -> list[str]:
    return [info.commit.id for info in client.pfs.list_commit(repo=pfs.Repo(name=repo))]


def test_an_upload_that_cannot_read_on_leaves_no_commit(house: House, client: Client) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("cut", "")
    before = files.put("cut@master", {"/a": b"whole"})

    class Breaking:
        def __init__(self) -> None:
            self.pieces = [b"x" * (1 << 20)] * 3

        def __enter__(self) -> "Breaking":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, _: int) -> bytes:
            if not self.pieces:
                raise OSError("the disk went away")
            return self.pieces.pop()

    with Pachd(Address.parse(house.running.pachd)) as pachd:
        repo = pachd.message(
            "pfs_v2.Repo", project=pachd.message("pfs_v2.Project", name="default"), name="cut"
        )
        repo.type = "user"
        branch = pachd.message("pfs_v2.Branch", repo=repo, name="master")
        commit = pachd.message("pfs_v2.Commit", repo=repo, branch=branch)
        source = Opened("/b", Breaking)  # type: ignore[arg-type]
        with pytest.raises(OSError, match="the disk went away"):
            put(pachd, commit, [source])
    assert heads(client, "cut") == [before]
    assert files.paths("cut@master") == ["/a"]
    files.put("cut@master", {"/b": b"again"})
    assert files.paths("cut@master") == ["/a", "/b"]


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that everybody may enter, in which a file and a folder are nobody's to read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "inner").mkdir()
        (folder / "open").write_text("1")
        (folder / "file").write_text("2")
        (folder / "file").chmod(0)
        (folder / "inner").chmod(0)
        folder.chmod(0o755)
        yield folder
        (folder / "inner").chmod(0o700)


def _as_anybody() -> None:
    """What is executed next asks for permission as everybody has to, root or not."""
    for capability in (1, 2):  # DAC_OVERRIDE, DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("-f", "{}/file"), "{}/file"),
        (("-f", "{}/open", "-f", "{}/file"), "{}/file"),
        (("-r", "-f", "{}"), "{}/inner"),
    ],
    ids=["alone", "behind another", "below a folder"],
)
def test_what_may_not_be_read_is_named_and_nothing_is_put(
    words: tuple[str, ...], named: str, closed: Path, house: House, client: Client
) -> None:
    Files.at(house.running.pachd).ensure_repo("closed", "")
    ran = subprocess.run(
        [*PACHCTL, "put", "file", "closed@master", *(word.format(closed) for word in words)],
        env=environment(house, XDG_CACHE_HOME=str(closed / "none")),
        preexec_fn=_as_anybody if os.getuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    refusal = (
        f"Error: {named.format(closed)} cannot be read\n  Why: Permission denied\n  Do:  Nothing was put."
    )
    assert ran.stderr.startswith(refusal)
    assert heads(client, "closed") == []


def test_ctrl_c_in_the_middle_of_an_upload_leaves_no_commit(house: House, client: Client) -> None:
    Files.at(house.running.pachd).ensure_repo("stopped", "")
    running = start(house, "put", "file", "stopped@master:/typed")
    assert running.stdin is not None
    running.stdin.write("x" * (3 << 20))  # more than a pipe holds: it has been read from
    running.stdin.flush()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == "Interrupted.\n"
    assert heads(client, "stopped") == []


def test_a_killed_upload_leaves_no_commit(house: House, client: Client) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("killed", "")
    running = start(house, "put", "file", "killed@master:/typed")
    assert running.stdin is not None
    running.stdin.write("x" * (3 << 20))
    running.stdin.flush()
    running.kill()
    running.communicate(timeout=60)
    assert heads(client, "killed") == []
    files.put("killed@master", {"/a": b"1"})
    assert files.paths("killed@master") == ["/a"]


def test_what_a_killed_upload_had_sent_is_not_stored_again(
    files: Files, pachd_alone: str, tmp_path: Path, house: House
) -> None:
    files.ensure_repo("resumed", "")
    whole = random.Random(7).randbytes(48 << 20)
    address = ("put", "file", "resumed@master:/typed")
    given = environment(house, PACHD_ADDRESS=pachd_alone)
    running = subprocess.Popen([*PACHCTL, *address], env=given, stdin=subprocess.PIPE)
    assert running.stdin is not None
    # What has been taken from the pipe, but for a few messages on their way, is at pachd.
    running.stdin.write(whole)
    running.stdin.flush()
    before = stored(tmp_path)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    assert files.finished_head("resumed@master") is None
    files.put("resumed@master", {"/typed": whole})
    assert before > len(whole) // 2
    assert stored(tmp_path) < 1.15 * len(whole)
    assert files.read("resumed@master", "/typed") == whole


def stored(state: Path) -> int:
    """How many bytes the packs hold."""
    return sum(path.stat().st_size for path in state.rglob("packs/*"))


def test_a_pipe_that_is_closed_early_is_no_fault(house: House) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("long", "")
    files.put("long@master", {"/big": b"line\n" * 1_000_000})
    running = start(house, "get", "file", "long@master:/big")
    assert running.stdout is not None
    assert running.stdout.readline() == "line\n"
    running.stdout.close()
    assert running.stdin is not None
    assert running.stderr is not None
    running.stdin.close()
    with running.stderr as stderr:
        assert stderr.read() == ""
    assert running.wait(timeout=60) == 1


def test_ctrl_c_ends_a_subscription(house: House) -> None:
    files = Files.at(house.running.pachd)
    files.ensure_repo("watched", "")
    commit = files.put("watched@master", {"/a": b"1"})
    running = start(house, "subscribe", "commit", "watched@master")
    assert running.stdout is not None
    while commit not in running.stdout.readline():
        pass
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "Interrupted.\n")


@pytest.mark.parametrize("moment", ["typer", "google.protobuf.descriptor_pool", "grpc", "grpc._channel"])
def test_ctrl_c_while_it_is_still_starting(house: House, moment: str) -> None:
    """Python tells on stderr what it has imported: that is how far the program is."""
    running = subprocess.Popen(
        [PACHCTL[0], "-X", "importtime", *PACHCTL[1:], "subscribe", "commit", "interrupted"],
        env=environment(house),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.rpartition("|")[2].strip() == moment:
            break
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT)
    told = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert (out, told) in (("", []), ("", ["Interrupted."]))


def test_a_reader_that_leaves_before_the_first_word(house: House) -> None:
    running = start(house, "list", "project")
    assert running.stdout is not None
    running.stdout.close()
    assert running.stdin is not None
    running.stdin.close()
    assert running.stderr is not None
    with running.stderr as stderr:
        assert stderr.read() == ""
    assert running.wait(timeout=60) == 1


def test_names_that_are_not_there(house: House) -> None:
    Files.at(house.running.pachd).ensure_repo("there", "")
    for words, said in (
        (("list", "file", "nowhere@master"), "nowhere not found"),
        (("put", "file", "nowhere@master:/a", "-f", __file__), "nowhere not found"),
        (("inspect", "repo", "there", "--project", "no-project"), "repo no-project/there not found"),
        (("list", "repo", "--project", "no-project"), 'project "no-project" not found'),
        (("list", "pipeline", "--project", "no-project"), 'project "no-project" not found'),
        (("list", "job", "--project", "no-project"), 'project "no-project" not found'),
        (("list", "job", "--expand", "--project", "no-project"), 'project "no-project" not found'),
    ):
        running = start(house, *words)
        _, told = running.communicate(timeout=60)
        assert running.returncode == 1
        assert f"{said}\n  Do:  See `pachctl list " in told


def test_an_address_that_is_none(house: House) -> None:
    running = start(house, "list", "repo", PACHD_ADDRESS="ftp://nonsense")
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "is no pachd address" in said


def test_nobody_answers(house: House) -> None:
    running = start(house, "list", "repo", PACHD_ADDRESS="grpc://127.0.0.1:1")
    out, said = running.communicate(timeout=60)
    assert (running.returncode, out) == (1, "")
    assert said.startswith("Error: ")
    assert "127.0.0.1:1" in said
    assert "Do:  " in said


def test_a_terminal_gets_colours_unless_it_wants_none(house: House) -> None:
    Files.at(house.running.pachd).ensure_repo("shades", "")
    Files.at(house.running.pachd).put("shades@master", {"/a": b"1"})
    assert "\x1b[32m" in on_a_terminal(house, "diff", "file", "shades@master:/")
    assert "\x1b[" not in on_a_terminal(house, "diff", "file", "shades@master:/", NO_COLOR="1")


def test_help_fits_a_narrow_terminal(house: House) -> None:
    text = on_a_terminal(house, "put", "file", "--help", COLUMNS="40")
    assert max(map(len, text.splitlines())) <= 60  # options are never broken inside
    assert "--recursive" in text


def test_progress_stays_on_one_line_of_a_narrow_terminal(house: House, tmp_path: Path) -> None:
    Files.at(house.running.pachd).ensure_repo("narrow", "")
    (tmp_path / "big").write_bytes(b"x" * (8 << 20))
    put = ("put", "file", "narrow@master", "-f", str(tmp_path / "big"))
    text = on_a_terminal(house, *put, COLUMNS="40")
    shown = [each.removeprefix("\x1b[K") for each in text.rstrip().split("\r")]
    assert any("8MiB of 8MiB" in each for each in shown)
    assert [each for each in shown if len(each) > 39] == []


def on_a_terminal(house: House, *words: str, **more: str) -> str:
    """What the command prints on a terminal."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(more.get("COLUMNS", 80)), 0, 0))
    given = environment(house, **more)
    if "NO_COLOR" not in more:
        given.pop("NO_COLOR", None)
    running = subprocess.Popen([*PACHCTL, *words], env=given, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 1 << 16):
            text += piece
    except OSError:
        pass  # the terminal's other end is closed: the command has ended
    os.close(ours)
    assert running.wait(timeout=60) == 0, text
    return text.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_names_that_exist(house: House, shell: str) -> None:
    Files.at(house.running.pachd).ensure_repo("completed-one", "")
    Files.at(house.running.pachd).put("completed-one@main", {"/a": b"1"})
    assert "completed-one" in completions(house, shell, "inspect repo compl")
    assert "completed-one@main" in completions(house, shell, "inspect branch completed-one@")
    assert "pipeline" in completions(house, shell, "inspect pi")
    assert "completed" not in completions(
        house, shell, "inspect repo compl", PACHD_ADDRESS="grpc://127.0.0.1:1"
    )


def completions(house: House, shell: str, typed: str, **more: str) -> str:
    """What the program answers when the shell's own script asks it."""
    line = f"pachctl {typed}"
    asked = {
        "_PACHCTL_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        **more,
    }
    ran = subprocess.run(
        PACHCTL, env=environment(house, **asked), capture_output=True, text=True, check=False
    )
    assert "Traceback" not in ran.stderr
    return ran.stdout
