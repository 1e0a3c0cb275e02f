"""Log files that children write to by themselves, kept below a size.

A child that outlives the daemon holds its file open, so the file cannot be renamed away
from it: its content is copied aside and the file truncated (it was opened for appending,
so the child goes on at the new end). Lines written between the two steps are lost; while
no daemon runs, nothing is cut.
"""

import contextlib
import os
import shutil
from pathlib import Path


def rotate(path: Path, cap_bytes: int, keep: int = 1) -> bool:
    """Move the content of `path` to `path.1` (that to `path.2`, …) once it exceeds `cap_bytes`.

    At most `keep` older files stay. Returns whether anything moved.
    """
    try:
        if path.stat().st_size <= cap_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(keep, 1, -1):
        older = _numbered(path, number - 1)
        if older.exists():
            older.replace(_numbered(path, number))
    fresh = _numbered(path, 1).with_suffix(".new")
    with path.open("rb") as source, fresh.open("wb") as target:
        # A child that floods its log must not fill the disk with the copy.
        source.seek(max(0, os.fstat(source.fileno()).st_size - cap_bytes))
        shutil.copyfileobj(source, target)
    os.truncate(path, 0)
    fresh.replace(_numbered(path, 1))
    return True


def begin(path: Path) -> None:
    """Leave `path` to a new process: what the one before it wrote is `previous(path)` from now on.

    Of that process' log only the newest part stays if it had been rotated, as in Kubernetes.
    """
    with contextlib.suppress(FileNotFoundError):
        path.replace(previous(path))
    _numbered(path, 1).unlink(missing_ok=True)


def previous(path: Path) -> Path:
    """Where the log of the process before stands."""
    return path.with_name(f"{path.name}.previous")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, undecodable bytes replaced; empty when there is no file."""
    block = 1 << 16
    try:
        with path.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            data = b""
            while position > 0 and data.count(b"\n") <= lines:
                step = min(block, position)
                position -= step
                file.seek(position)
                data = file.read(step) + data
    except FileNotFoundError:
        return []
    return [line.decode(errors="replace") for line in data.splitlines()[-lines:]]


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
