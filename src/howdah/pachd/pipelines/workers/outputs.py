"""What stands in /pfs/out when user code has ended, as files to commit.

Links are followed as user code would have followed them, by way of the sandbox's own root, so
that a link cannot make the daemon read what the sandbox hides. A link to an input becomes
a copy by reference; a link elsewhere is committed as the file or folder it leads to.
"""

import ctypes
import os
import posixpath
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.errors import Invalid
from howdah.pachd.pipelines.workers.folder import Taken
from howdah.pachd.pipelines.workers.task import CopiedInput, LocalFile, OutputFile
from howdah.pachd.storage.content import Content

MAX_LINKS = 40
_SYS_OPENAT2, _RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 437, 0x02, 0x10


class OutputRefused(Invalid):
    """Something in /pfs/out cannot be committed."""


@dataclass(frozen=True, slots=True)
class Where:
    """How paths that user code wrote into links are to be read."""

    pfs: str
    """Where user code saw /pfs."""
    inputs: Mapping[str, Content]
    """By path below /pfs."""
    root: Path
    """The sandbox's root folder as the daemon sees it."""
    confined: bool


class Output:
    """A datum's results; see `task.DatumOutput`."""

    def __init__(self, taken: Taken, files: list[OutputFile]) -> None:
        self._taken = taken
        self._files = files

    def __iter__(self) -> Iterator[OutputFile]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def close(self) -> None:
        self._taken.close()


def collect(taken: Taken, where: Where, check_path: Callable[[str], None]) -> Output:
    """Read what stood in out. Raises OutputRefused; the caller then closes `taken`.

    `check_path` raises Invalid for a path that a repo may not hold.
    """
    files = _Collection(taken, where, check_path).files()
    return Output(taken, files)


class _Collection:
    def __init__(self, taken: Taken, where: Where, check_path: Callable[[str], None]) -> None:
        self._out = taken.out
        self._taken = taken
        self._where = where
        self._check_path = check_path
        self._found: dict[str, OutputFile] = {}

    def files(self) -> list[OutputFile]:
        self._walk(str(self._out), "", 0)
        return [self._found[path] for path in sorted(self._found)]

    def _walk(self, folder: str, inside: str, links: int) -> None:
        try:
            entries = list(os.scandir(folder))
        except PermissionError:
            os.chmod(folder, 0o700)
            entries = list(os.scandir(folder))
        for entry in entries:
            self._entry(entry.path, f"{inside}/{entry.name}", links)

    def _entry(self, path: str, inside: str, links: int) -> None:
        try:
            inside.encode()
        except UnicodeEncodeError:
            raise OutputRefused(f"/pfs/out{os.fsencode(inside)!r}: a name in a repo must be UTF-8") from None
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            self._file(path, inside, status)
        elif stat.S_ISDIR(status.st_mode):
            self._walk(path, inside, links)
        elif stat.S_ISLNK(status.st_mode):
            self._link(path, inside, links)
        else:
            raise OutputRefused(f"/pfs/out{inside} is a pipe, socket or device; only files can be committed")

    def _file(self, path: str, inside: str, status: os.stat_result) -> None:
        self._check_path(inside)
        if not status.st_mode & stat.S_IRUSR:
            os.chmod(path, 0o600)
        self._found[inside] = LocalFile(inside, Path(path), status.st_size)

    def _link(self, path: str, inside: str, links: int) -> None:
        target = os.readlink(path)
        if links >= MAX_LINKS:
            raise OutputRefused(f"/pfs/out{inside} is a link that leads to itself")
        here = posixpath.dirname(f"{self._where.pfs}/out{inside}")
        absolute = posixpath.normpath(posixpath.join(here, target))
        prefix = f"{self._where.pfs}/"
        below = absolute.removeprefix(prefix) if absolute.startswith(prefix) else ""
        if below == "out" or below.startswith("out/"):
            target_path = f"{self._out}/{below.removeprefix('out').lstrip('/')}"
            if not os.path.lexists(target_path):
                raise OutputRefused(f"/pfs/out{inside} is a link to {target}, which is not there")
            self._entry(target_path, inside, links + 1)
        elif below:
            self._input(inside, target, below)
        else:
            self._elsewhere(inside, target, absolute)

    def _input(self, inside: str, target: str, below: str) -> None:
        content = self._where.inputs.get(below)
        if content is not None:
            self._copy(inside, content)
            return
        under = {path: item for path, item in self._where.inputs.items() if path.startswith(f"{below}/")}
        if not under:
            raise OutputRefused(f"/pfs/out{inside} is a link to {target}, which is not there")
        for path, item in under.items():
            self._copy(inside + path.removeprefix(below), item)

    def _copy(self, inside: str, content: Content) -> None:
        self._check_path(inside)
        self._found[inside] = CopiedInput(inside, content)

    def _elsewhere(self, inside: str, target: str, absolute: str) -> None:
        try:
            fd = _open_inside(self._where.root, absolute) if self._where.confined else _open(absolute)
        except OSError as error:
            raise OutputRefused(
                f"/pfs/out{inside} is a link to {target}, which cannot be read ({error.strerror})"
            ) from error
        copy = self._taken.links / str(len(self._found))
        try:
            _copy_from(fd, copy, f"/pfs/out{inside}")
        finally:
            os.close(fd)
        self._entry(str(copy), inside, MAX_LINKS)


def _copy_from(fd: int, target: Path, what: str) -> None:
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        with os.fdopen(os.dup(fd), "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        return
    if not stat.S_ISDIR(status.st_mode):
        raise OutputRefused(f"{what} is a link to something that is neither a file nor a folder")
    target.mkdir()
    for name in os.listdir(fd):
        try:
            below = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
        except OSError as error:
            raise OutputRefused(
                f"{what} links to a folder whose {name} cannot be read ({error.strerror})"
            ) from error
        try:
            _copy_from(below, target / name, what)
        finally:
            os.close(below)


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _open_inside(root: Path, path: str) -> int:
    """Open as if `root` were the root folder: no link, and no `..`, leads out of it."""
    base = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how = (ctypes.c_uint64 * 3)(
            os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS
        )
        libc = ctypes.CDLL(None, use_errno=True)
        fd: int = libc.syscall(_SYS_OPENAT2, base, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
        if fd < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return fd
    finally:
        os.close(base)
