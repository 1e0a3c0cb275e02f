"""The files of one commit or fileset, as they stood when it was opened.

Holding a reader holds nothing open; but once its commit is deleted and gc has run, reading from it
is NotFound.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

from howdah.core.refs import CommitRef
from howdah.errors import Invalid
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content
from howdah.pachd.storage.trees import Directory, File, Glob, Roots, Trees
from howdah.pachd.versions.errors import FileNotFound, NotOneFile
from howdah.pachd.versions.names import clean_path
from howdah.pachd.versions.records import CommitInfo

type Entry = File | Directory

LIST_LIMIT = 100_000
_NOT_A_FILE = "cannot get directory or non-regular file. Use GetFileTAR instead"
_SEVERAL = "matched multiple files. Use GetFileTAR instead"


class CommitFiles:
    """Paths may be written with or without their slashes at either end; entries come with a slash
    at the end of a directory's."""

    def __init__(
        self, blobs: Blobs, trees: Trees, info: CommitInfo, roots: Roots, kept: object = None
    ) -> None:
        """`kept` lives as long as the reader does."""
        self.info = info
        self.roots = roots
        self.tree = trees.files(roots.content)
        self._trees = trees
        self._blobs = blobs
        self._kept = kept

    @property
    def ref(self) -> CommitRef:
        return self.info.ref

    def stat(self, path: str, datum: str = "") -> Entry:
        """The file or directory of exactly this path; FileNotFound."""
        clean = clean_path(path)
        found = self.tree.find(clean)
        if found is None or (found.path == "/" and not self._has_files()):
            raise FileNotFound(path, self.ref)
        if datum and (not isinstance(found, File) or datum not in self.writers(clean)):
            raise FileNotFound(path, self.ref)
        return found

    def _has_files(self) -> bool:
        root = self.tree.directory("/")
        return root is not None and root.count > 0

    def writers(self, path: str) -> tuple[str, ...]:
        """The datums that wrote the file; "" stands for no datum."""
        return self._trees.writers(self.roots, path)

    def written_by(self, datum: str) -> Iterator[str]:
        """The paths that a datum wrote."""
        return self._trees.written(self.roots, datum)

    def listing(
        self, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
    ) -> Iterator[Entry]:
        """What is immediately in the directory, or the file itself; nothing if neither is there."""
        _check_page(number, reverse)
        clean = clean_path(path)
        file = self.tree.get(clean)
        if file is not None:
            return iter([file])
        return _limited(self.tree.listing(clean, after=_marker(after), reverse=reverse), number)

    def walk(
        self, path: str = "/", *, after: str = "", number: int = 0, reverse: bool = False
    ) -> Iterator[Entry]:
        """The path and everything below it; FileNotFound unless it is there or is the root."""
        _check_page(number, reverse)
        clean = clean_path(path)
        found = self.tree.walk(clean)
        first = next(found, None)
        if first is None:
            if clean != "/":
                raise FileNotFound(path, self.ref)
            return iter(())
        everything = chain([first], found)
        root = self.tree.directory("/")
        if clean == "/" and root is not None and first.path != "/":
            everything = chain([root], everything)
        marker = _marker(after)
        if reverse:
            before = (entry for entry in everything if not marker or _past(marker, entry.path))
            return reversed(deque(before, maxlen=number))
        return _limited((entry for entry in everything if not marker or _past(entry.path, marker)), number)

    def glob(self, pattern: str | Glob, *, lower: str = "", upper: str = "") -> Iterator[Entry]:
        """What matches, of paths from `lower` up to and without `upper`."""
        for entry in self.tree.glob(pattern):
            if upper and entry.path >= upper:
                return
            if entry.path >= lower:
                yield entry

    def one(self, pattern: str) -> File:
        """The one file that matches. FileNotFound if nothing does, NotOneFile for all else."""
        found = self.tree.glob(clean_path(pattern))
        first, second = next(found, None), next(found, None)
        if first is None:
            raise FileNotFound(pattern, self.ref)
        if isinstance(first, Directory):
            raise NotOneFile(_NOT_A_FILE)
        if second is not None:
            raise NotOneFile(_SEVERAL)
        return first

    def under(self, path: str) -> Iterator[tuple[str, Content]]:
        """The file of this path, or all files below it: what a copy takes."""
        clean = clean_path(path)
        file = self.tree.get(clean)
        if file is not None:
            yield clean, file.content
        for below in self.tree.files("/" if clean == "/" else clean + "/"):
            yield below.path, below.content

    def read(self, file: File, start: int = 0, length: int | None = None) -> Iterator[memoryview]:
        """The file's bytes, piece by piece, each verified."""
        return self._blobs.read(file.content, start, length)

    def runs[T](self, file: File, make: Callable[[list[memoryview]], T], start: int = 0) -> Iterator[T]:
        """As `Blobs.runs`."""
        return self._blobs.runs(file.content, make, start)

    def read_all(self, path: str) -> bytes:
        return self._blobs.read_all(self.one(path).content)


def _check_page(number: int, reverse: bool) -> None:
    if number == 0 and reverse:
        raise Invalid("number must be > 0 when reverse is true")
    if number > LIST_LIMIT:
        raise Invalid(f"cannot return more than {LIST_LIMIT} files at a time")


def _marker(path: str) -> str:
    if not path:
        return ""
    return clean_path(path) + ("/" if path.endswith("/") and clean_path(path) != "/" else "")


def _past(path: str, other: str) -> bool:
    """Whether one path comes after the other; a directory's is the same with its slash and without."""
    return path > other and path.rstrip("/") != other.rstrip("/")


def _limited(entries: Iterator[Entry], number: int) -> Iterator[Entry]:
    for sent, entry in enumerate(entries, 1):
        yield entry
        if sent == number:
            return
