"""The worker's own folder: `pfs` with one datum's inputs, `out`, `tmp`, and taken results.

Inside the sandbox `pfs` is `/pfs`, read-only, and `out` is `/pfs/out`. Both are mounted
once; what they hold changes from datum to datum, from outside.
"""

import os
import posixpath
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from howdah.errors import Invalid
from howdah.pachd.pipelines.datums import Datum, InputFile
from howdah.pachd.pipelines.workers.cache import InputCache, write
from howdah.pachd.pipelines.workers.task import InputData
from howdah.pachd.storage.content import Content

SMALL_BYTES = 1 << 15
"""Up to this size a file is written afresh: cheaper than keeping it in the cache."""


@dataclass
class Placed:
    """What a datum's inputs became."""

    contents: dict[str, Content] = field(default_factory=dict)
    """By path below /pfs, such as `images/a/b.png`; lazy and empty files too."""
    lazy: dict[Path, Content] = field(default_factory=dict)
    """FIFOs on the host, to be fed when user code opens them."""
    bytes: int = 0


class Taken:
    """What one datum left in `out`, moved aside."""

    def __init__(self, path: Path, free: list[Path]) -> None:
        self.out = path
        self._links: Path | None = None
        self._free = free
        self._closed = False

    @property
    def links(self) -> Path:
        """A place for copies of what links lead to."""
        if self._links is None:
            self._links = self.out.with_name(f"{self.out.name}.links")
            self._links.mkdir()
        return self._links

    def close(self) -> None:
        """Delete everything. Idempotent; from any thread."""
        if not self._closed:
            self._closed = True
            _empty(str(self.out), frozenset())
            if self._links is not None:
                remove(self._links)
            self._free.append(self.out)


class WorkerFolder:
    """Making and removing a folder costs ten times what a file does, so folders that the next datum
    needs again (each input's own, the ones that results are moved to) are kept and emptied."""

    def __init__(self, path: Path, *, shut_in: bool) -> None:
        """`shut_in`: user code sees `pfs` through a read-only mount only."""
        self.path = path
        self.pfs, self.out, self.tmp = path / "pfs", path / "out", path / "tmp"
        self._results = path / "results"
        self._pfs = str(self.pfs)
        self._shut_in = shut_in
        self._free: list[Path] = []
        self._taken = 0
        self._inputs: set[str] = set()
        """Names of inputs whose folders stand in pfs."""
        remove(path)
        for made in (self.pfs, self.out, self.tmp, self._results):
            made.mkdir(parents=True)
        if shut_in:
            (self.pfs / "out").mkdir()  # where the sandbox mounts `out`
        else:
            (self.pfs / "out").symlink_to(self.out)

    def place(self, datum: Datum, data: InputData, cache: InputCache) -> Placed:
        """Lay out the inputs. The folder must have been cleared."""
        placed = Placed()
        made = set(self._inputs)
        for file in datum.inputs:
            self._place(file, data, cache, placed, made)
        wanted = {file.source.name for file in datum.inputs}
        for name in self._inputs - wanted:
            os.rmdir(f"{self._pfs}/{name}")
        self._inputs = wanted
        return placed

    def _place(
        self, file: InputFile, data: InputData, cache: InputCache, placed: Placed, made: set[str]
    ) -> None:
        name = file.source.name
        if not name or "/" in name or name in (".", "..", "out", ".env"):
            raise Invalid(f'an input cannot be named "{name}"; give it another name in the spec')
        if file.path.endswith("/"):
            self._folder_for(_below(name, file.path) + "/x", made)
        for path, content in data.files(file):
            below = _below(name, path)
            if below in placed.contents:
                continue  # two inputs of a group may hold the same file
            target = self._folder_for(below, made)
            placed.contents[below] = content
            if file.source.empty_files:
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444))
            elif file.source.lazy:
                os.mkfifo(target, 0o444 if self._shut_in else 0o644)
                placed.lazy[Path(target)] = content
            else:
                placed.bytes += content.size
                self._fill(target, content, data, cache)

    def _fill(self, target: str, content: Content, data: InputData, cache: InputCache) -> None:
        if content.size <= SMALL_BYTES:
            write(content, data, target)
        elif self._shut_in:
            cache.link(content, data, Path(target))
        else:
            cache.copy(content, data, Path(target))

    def _folder_for(self, below: str, made: set[str]) -> str:
        parent = posixpath.dirname(below)
        if parent not in made:
            os.makedirs(f"{self._pfs}/{parent}", exist_ok=True)
            made.add(parent)
        return f"{self._pfs}/{below}"

    def write_env(self, lines: Iterable[str]) -> None:
        """`/pfs/.env`, as dotenv reads it."""
        fd = os.open(f"{self._pfs}/.env", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
        finally:
            os.close(fd)

    def take_results(self) -> Taken:
        """Move what stands in `out` aside, to be read while the next datum runs."""
        if self._free:
            taken = self._free.pop()
        else:
            self._taken += 1
            taken = self._results / str(self._taken)
            taken.mkdir()
        for name in os.listdir(self.out):
            os.rename(f"{self.out}/{name}", f"{taken}/{name}")
        return Taken(taken, self._free)

    def clear(self, keep_tmp: frozenset[str] = frozenset(), *, tmp: bool = True) -> None:
        """Ready for the next datum: no inputs, an empty `out`, and an empty `tmp` unless it is in use."""
        _empty(self._pfs, frozenset({"out"} | self._inputs))
        kept = set()
        for name in self._inputs:
            if os.path.isdir(f"{self._pfs}/{name}"):
                _empty(f"{self._pfs}/{name}", frozenset())
                kept.add(name)
        self._inputs = kept
        _empty(str(self.out), frozenset())
        if tmp:
            _empty(str(self.tmp), keep_tmp)


def _below(name: str, path: str) -> str:
    below = posixpath.normpath(f"{name}/{path}")
    if below != name and not below.startswith(f"{name}/"):
        raise Invalid(f'the path "{path}" of input {name} leads out of it')
    return below


def _empty(folder: str, keep: frozenset[str]) -> None:
    with os.scandir(folder) as found:
        entries = [entry for entry in found if entry.name not in keep]
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove(Path(entry.path))
        else:
            os.unlink(entry.path)


def remove(path: Path) -> None:
    """Remove a tree that user code may have made unreadable; links are removed, not followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        _open_up(path)
        shutil.rmtree(path)


def _open_up(folder: Path) -> None:
    folder.chmod(0o700)
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            _open_up(Path(entry.path))
