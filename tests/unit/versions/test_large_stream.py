"""A file far larger than memory goes in and comes out: the process stays small.

A child does it, whose peak memory is its own. The stream is made as it goes and never held: stretches of
fresh noise, of noise that came before, and of text take turns, so that a third of it is stored as it is.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from howdah.core.refs import CommitSpec, RepoRef
from howdah.pachd.versions.opening import OpenStore

GIB, MIB = 1 << 30, 1 << 20
STRETCH = 64
"""In pieces of a mebibyte."""
REPO = RepoRef("large")


def pieces(gib: int) -> Iterator[bytes]:
    text = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(40_000))[:MIB]
    for number in range(gib * GIB // MIB):
        stretch, within = divmod(number, STRETCH)
        if stretch % 3 == 2:
            yield text
        else:
            seed = stretch // 3 if stretch % 3 == 0 else stretch // 6  # anew, or what was long ago
            yield random.Random(f"{seed}/{within}").randbytes(MIB)


def in_and_out(folder: Path, gib: int) -> dict[str, object]:
    written, read = blake3(), blake3()
    with OpenStore(folder) as store:
        store.start()
        store.versions.transact(lambda tx: tx.create_repo(REPO))
        head = CommitSpec(REPO, "master")
        with store.versions.modify(head) as session:
            for piece in pieces(gib):
                written.update(piece)
                session.append("/stream", piece)
        store.versions.wait_commit(head)
        went_in_mib = peak_mib()
        files = store.versions.files(head)
        file = files.one("/stream")
        for run in files.read(file):
            read.update(run)
    stored = sum(path.stat().st_size for path in (folder / "objects" / "packs").iterdir())
    return {
        "size": file.size,
        "same": file.hash == written.digest() == read.digest(),
        "stored": stored,
        "went_in_mib": went_in_mib,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """Of this program alone: what `getrusage` says begins with the size of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.parametrize(
    "gib",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(10, marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
)
def test_a_stream_goes_in_and_out_in_bounded_memory(gib: int, tmp_path: Path) -> None:
    command = [sys.executable, __file__, str(tmp_path / "store"), str(gib)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["size"], told["same"]) == (gib * GIB, True)
    assert 0.3 * gib * GIB < told["stored"] < 0.45 * gib * GIB
    assert told["peak_mib"] < 400


if __name__ == "__main__":
    sys.stdout.write(json.dumps(in_and_out(Path(sys.argv[1]), int(sys.argv[2]))))
