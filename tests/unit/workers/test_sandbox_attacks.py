"""User code that tries to get out, under every isolation that promises to keep it in.

The whole module runs a second time as an ordinary user, from `test_sandbox_ordinary_user.py`.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from howdah.pachd.pipelines.logs import LogQuery
from howdah.pachd.pipelines.meta import DatumState
from howdah.pachd.pipelines.spec import Resources
from howdah.pachd.pipelines.workers.isolation import Isolation
from howdah.pachd.pipelines.workers.task import DatumResult, Ending
from howdah.pachd.storage.content import Content

pytestmark = pytest.mark.slow

inside_namespaces = pytest.mark.parametrize(
    "inside",
    ["", "unshare -Urm ", "unshare -Um "],
    ids=["as it is", "root of a namespace of its own", "nobody with all capabilities"],
)

Read = Callable[[DatumResult], dict[str, bytes | Content]]
BIG = b"precious" * 20_000

shut_in_only = pytest.mark.parametrize(
    "isolation",
    [Isolation.BUBBLEWRAP, Isolation.NAMESPACES],
    indirect=True,
    ids=lambda isolation: isolation.value,
)


def run(shop: Any, script: str, files: dict[str, bytes] | None = None, **rest: object) -> list[str]:
    """Run a script that must not fail; what it printed."""
    result = shop.sh(f"exec 2>&1\n{script}\ntrue", **rest).run(shop.task(files or {"/big": BIG}))
    assert result.state is DatumState.PROCESSED, result.reason
    printed: list[str] = shop.log()
    return printed


def cached(shop: Any) -> list[bytes]:
    return [path.read_bytes() for path in (shop.state / "cache").rglob("*") if path.is_file()]


@shut_in_only
def test_inputs_are_shared_with_the_cache_and_cannot_be_written(shop: Any) -> None:
    printed = run(
        shop,
        """
        stat -c links=%h /pfs/in/big
        echo x >> /pfs/in/big; chmod u+w /pfs/in/big; rm -f /pfs/in/big; touch /pfs/in/new
        ln /pfs/in/big /pfs/out/hard; mv /pfs/in/big /pfs/out/
        python3 -c 'import os; os.open("/pfs/in/big", os.O_RDWR)'
        """,
    )
    assert printed[0] == "links=2"
    assert cached(shop) == [BIG]
    assert sum("ead-only file system" in line or "Invalid cross-device" in line for line in printed) >= 5


@shut_in_only
@inside_namespaces
def test_read_only_mounts_cannot_be_remounted(shop: Any, inside: str) -> None:
    script = """
        mount -o remount,rw,bind /pfs; mount -o remount,rw /pfs; mount -o remount,rw,bind /
        umount -l /pfs; mount --bind /pfs /pfs; mount -o remount,rw,bind /pfs
        echo x >> /pfs/in/big && echo WRITTEN
        touch /pfs/in/new && echo WRITTEN
        touch /usr/new && echo WRITTEN
    """
    printed = run(shop, f"{inside}sh -c '{script}'")
    assert "WRITTEN" not in printed
    assert cached(shop) == [BIG]


@shut_in_only
def test_capabilities_are_gone_and_cannot_be_had_back(shop: Any) -> None:
    printed = run(shop, "grep -E '^(CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status")
    assert [line.split() for line in printed] == [
        ["CapPrm:", "0" * 16],
        ["CapEff:", "0" * 16],
        ["CapAmb:", "0" * 16],
        ["NoNewPrivs:", "1"],
    ]


@shut_in_only
def test_the_system_cannot_be_reconfigured(shop: Any) -> None:
    before = Path("/proc/sys/vm/swappiness").read_text()
    printed = run(
        shop,
        """
        echo 1 > /proc/sys/vm/swappiness && echo WRITTEN
        echo h > /proc/sysrq-trigger && echo WRITTEN
        mknod /pfs/out/disk b 8 0 && echo WRITTEN
        """,
    )
    assert "WRITTEN" not in printed
    assert Path("/proc/sys/vm/swappiness").read_text() == before


@shut_in_only
@inside_namespaces
def test_the_store_and_other_datums_are_out_of_sight(shop: Any, inside: str) -> None:
    other = shop.sh("sleep 60")
    other_task = shop.task({"/theirs": b"x" * 50_000}, input="secret")
    thread = threading.Thread(target=other.run, args=(other_task,))
    thread.start()
    printed = run(
        shop,
        f"""{inside}sh -c 'umount -l {shop.state}; ls -A {shop.state}; cat {shop.state}/store/database;
        ls -A /pfs /pfs/in; find / -name theirs 2>/dev/null; ls /proc | grep -c "^[0-9]"'""",
        {"/mine": b""},
    )
    other.cancel()
    thread.join()
    assert "precious" not in "\n".join(printed)
    assert not [line for line in printed if line.endswith("theirs")]
    if printed[0].startswith("unshare: "):
        return  # it may not even make a namespace
    assert "mine" in printed
    assert int(printed[-1]) < 12  # its own processes and its init, nobody else's


@shut_in_only
def test_links_in_out_cannot_make_the_daemon_read_what_is_hidden(shop: Any) -> None:
    for script in (
        f"ln -s {shop.state}/store/database /pfs/out/x",
        f"ln -s /proc/1/root{shop.state}/store/database /pfs/out/x",
        f"ln -s /proc/self/root{shop.state}/store/database /pfs/out/x",
        f"ln -s ../../../../../../../..{shop.state}/store/database /pfs/out/x",
        f"mkdir /tmp/d; ln -s {shop.state} /tmp/d/store; ln -s /tmp/d /pfs/out/x",
        f"ln -s {shop.state}/store /tmp/l; ln -s /tmp/l/database /pfs/out/x",
    ):
        result = shop.sh(script).run(shop.task({}))
        assert result.state is DatumState.FAILED, script
        assert "/pfs/out/x" in result.reason
        assert "precious" not in result.reason


def test_nothing_daemonised_survives(shop: Any) -> None:
    beat = shop.root / "beat" if shop.isolation is Isolation.PLAIN else Path("/pfs/out/beat")
    script = f"""
        (setsid sh -c 'setsid sh -c "while :; do echo x >> {beat}; sleep 0.01; done" &' &)
        (trap "" HUP TERM INT; sleep 61.5) &
        while [ ! -e {beat} ]; do sleep 0.01; done
    """
    worker = shop.sh(script)
    assert worker.run(shop.task({})).state is DatumState.PROCESSED
    assert not _commands_with("sleep 61.5")
    if shop.isolation is Isolation.PLAIN:
        assert not _commands_with(str(beat))


@pytest.mark.parametrize("how", ["timeout", "cancel", "close"])
def test_a_stubborn_command_and_all_it_started_are_killed(shop: Any, how: str) -> None:
    worker = shop.sh("trap '' TERM INT HUP; (setsid sleep 62.5 &); echo ready; while :; do sleep 62.5; done")
    if how == "timeout":
        assert "datum_timeout" in worker.run(shop.task({}, timeout_s=0.3)).reason
    else:

        def end() -> None:
            query = LogQuery(shop.task().job.pipeline)
            next(line for line in shop.logs.read(query, follow=True) if line.message == "ready")
            getattr(worker, how)()

        thread = threading.Thread(target=end)
        thread.start()
        assert worker.run(shop.task({})).ending is Ending.CANCELLED
        thread.join()
    assert not _commands_with("sleep 62.5")


def test_killing_the_sandbox_itself_fails_one_datum_only(shop: Any) -> None:
    worker = shop.sh("[ -e /pfs/in/good ] || kill -9 $PPID || true; [ -e /pfs/in/good ] || sleep 0.2")
    result = worker.run(shop.task({"/bad": b""}))
    if shop.isolation is Isolation.PLAIN:
        assert result.reason == "the worker's sandbox was killed"
    else:
        assert result.state is DatumState.PROCESSED  # process 1 cannot be killed from inside
    assert worker.run(shop.task({"/good": b""})).state is DatumState.PROCESSED


@shut_in_only
def test_a_sandbox_killed_from_outside_fails_one_datum_only(shop: Any) -> None:
    worker = shop.sh("[ -e /pfs/in/good ] || sleep 63.5; true")

    def kill() -> None:
        while not (found := [pid for pid, command in _commands() if command == "sleep 63.5"]):
            pass
        os.kill(_parent(_parent(found[0])), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    assert worker.run(shop.task({})).reason == "the worker's sandbox was killed"
    thread.join()
    assert worker.run(shop.task({"/good": b""})).state is DatumState.PROCESSED


def test_filling_the_disk_is_stopped_at_the_limit(shop: Any) -> None:
    worker = shop.sh("cat /dev/zero > /pfs/out/big", limits=Resources(disk_bytes=20 << 20))
    reason = worker.run(shop.task({})).reason
    assert reason.startswith("the command was killed: it wrote ")
    assert reason.endswith("to disk, more than its limit of 20 MiB")
    assert not any(
        path.stat().st_size > 1 << 20 for path in (shop.state / "workers").rglob("*") if path.is_file()
    ) or (worker.run(shop.task({})).state is DatumState.FAILED)


def test_a_disk_that_runs_full_stops_user_code_before_it_is(shop: Any) -> None:
    left = iter([10 << 30, 5 << 30, 100 << 20])
    shop.guard = replace(shop.guard, disk_reserve_bytes=1 << 30, free_bytes=lambda path: next(left))
    reason = shop.sh("sleep 60").run(shop.task({})).reason
    assert reason == "the command was killed: it filled the disk; only 100 MiB are left"


def test_a_flood_of_logs_costs_neither_disk_nor_the_last_words(shop: Any) -> None:
    flood = (
        "import os, sys\nfor _ in range(1024): os.write(1, b'spam ' * 13107 + b'spam\\n')\nprint('the end')"
    )
    worker = shop.worker("python3", "-c", flood)
    assert worker.run(shop.task({})).state is DatumState.PROCESSED
    assert sum(path.stat().st_size for path in (shop.state / "logs").rglob("*.jsonl")) < 500_000
    printed = shop.log()
    assert printed[-1] == "the end"
    notes = [line.message for line in shop.logs.read(LogQuery(shop.task().job.pipeline)) if not line.user]
    assert any("bytes of output were left out here" in note for note in notes)


def test_a_flood_of_the_shortest_lines_is_bounded_in_the_file(shop: Any) -> None:
    worker = shop.sh("yes | head -c 2000000")
    assert worker.run(shop.task({})).state is DatumState.PROCESSED
    assert sum(path.stat().st_size for path in (shop.state / "logs").rglob("*.jsonl")) < 150_000


@pytest.mark.long
def test_a_gibibyte_of_logs(shop: Any) -> None:
    worker = shop.sh("yes | head -c 1073741824")
    assert worker.run(shop.task({})).state is DatumState.PROCESSED
    assert sum(path.stat().st_size for path in (shop.state / "logs").rglob("*.jsonl")) < 500_000


@shut_in_only
def test_shared_memory_is_bounded_and_emptied(shop: Any) -> None:
    worker = shop.sh("ls -A /dev/shm; echo x > /dev/shm/left; df --output=size -B1 /dev/shm | tail -1")
    for _ in range(2):
        assert worker.run(shop.task({})).state is DatumState.PROCESSED
    assert shop.log() == [str(1 << 30)] * 2


def test_names_with_spaces_quotes_and_any_letters(shop: Any, read: Read) -> None:
    names = [
        "/a b",
        "/it's",
        '/"quoted"',
        "/ünï/çö∂é ☃",
        "/-rf",
        "/$HOME",
        "/new\nline",
        "/;ls",
        "/back\\slash",
    ]
    worker = shop.worker("cp", "-r", "/pfs/in/.", "/pfs/out/")
    files = {name: name.encode() for name in names}
    assert read(worker.run(shop.task(files))) == files


def test_output_of_thousands_of_files(shop: Any, read: Read) -> None:
    script = "import os\nfor n in range(3000): open(f'{os.environ[\"OUT\"]}/{n % 7}-{n}', 'w').write(str(n))"
    result = shop.worker("python3", "-c", script, env={"OUT": "/pfs/out"}).run(shop.task({}))
    files = read(result)
    assert len(files) == 3000
    assert list(files) == sorted(files)


def _commands() -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                found.append((int(entry.name), _command(entry)))
    return found


def _command(process: Path) -> str:
    return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def _commands_with(text: str) -> list[str]:
    return [command for pid, command in _commands() if text in command and pid != os.getpid()]


def _parent(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split()[1])
