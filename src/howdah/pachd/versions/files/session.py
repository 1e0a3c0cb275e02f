"""One write of files: a session streams into the blob store and ends as a layer.

Nothing is visible until the layer is attached to a commit in a transaction. A session that is
abandoned leaves bytes that gc takes away. Memory does not grow with the write: file bytes go
straight to the store, and the list of operations is sorted on disk.

A session is used by one thread.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from howdah.core.failpoints import Failpoint
from howdah.core.refs import CommitRef
from howdah.errors import Invalid
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import Roots, Trees
from howdah.pachd.versions.files.blocks import joining, through
from howdah.pachd.versions.files.merged import Merged, merge
from howdah.pachd.versions.files.sources import LayersOverBase
from howdah.pachd.versions.names import validate_path

MAX_DATUM = 255
BEFORE_SYNC = Failpoint("session.before_sync")
AFTER_SYNC = Failpoint("session.after_sync")


class Source(Protocol):
    """Where files are copied from."""

    def under(self, path: str) -> Iterator[tuple[str, Content]]:
        """The file of this path, or all files below it."""
        ...


class _Current(NamedTuple):
    """The file that is being written: its path as the caller writes it, and as it is."""

    path: str
    datum: str
    clean: str


class FileSession:
    """Operations apply in the order in which they are called. Paths are checked here."""

    def __init__(self, blobs: Blobs, trees: Trees) -> None:
        self._upload = blobs.upload()
        self._trees = through(trees, self._upload)
        self._layer = self._trees.layer()
        self._written: Hash | None = None
        self._current: _Current | None = None
        self._sealed: Hash | None = None
        self.bytes_written = 0
        self.commit: CommitRef | None = None
        """The commit that got the files, once `Versions.modify` has ended."""

    def append(self, path: str, data: bytes | memoryview, datum: str = "") -> None:
        """Add to the end of the datum's file, which begins empty if there is none."""
        current = self._current
        if current is None or current.path != path or current.datum != datum:
            self._end_file()
            self._current = _Current(path, datum, _checked_file(path, datum))
        self._upload.write(data)
        self.bytes_written += len(data)

    def put(self, path: str, data: bytes | memoryview, datum: str = "") -> None:
        """Begin the file anew with these bytes; `append` goes on with it."""
        self._end_file()
        clean = _checked_file(path, datum)
        self._layer.delete(clean, datum or None)
        self._current = _Current(path, datum, clean)
        self._upload.write(data)
        self.bytes_written += len(data)

    def put_file(self, path: str, pieces: Iterable[bytes | memoryview], datum: str = "") -> Content:
        """A whole file, begun anew; what it came to."""
        self._end_file()
        clean = _checked_file(path, datum)
        self._layer.delete(clean, datum or None)
        for piece in pieces:
            self._upload.write(piece)
            self.bytes_written += len(piece)
        content = self._upload.end_file()
        self._layer.put(clean, content, datum, append=True)
        return content

    def delete(self, path: str, datum: str = "") -> None:
        """The file, or everything under the folder if the path ends in a slash: of this datum, or
        whoever wrote it if the datum is "". What is not there is not missed."""
        self._end_file()
        clean = _checked(path, datum)
        if path.endswith("/") and clean != "/":
            clean += "/"
        self._layer.delete(clean, datum or None)

    def copy(self, source: Source, path: str, to: str, append: bool = False, datum: str = "") -> None:
        """A file or a whole folder. No byte moves."""
        start = validate_path(path)
        for found, content in source.under(start):
            rest = found[len(start) :].lstrip("/")
            self.put_content(f"{to.rstrip('/')}/{rest}" if rest else to, content, append, datum)

    def put_content(self, path: str, content: Content, append: bool = False, datum: str = "") -> None:
        """A file whose bytes are in the store already."""
        self._end_file()
        clean = _checked_file(path, datum)
        self._upload.keep(content)
        if not append:
            self._layer.delete(clean, datum or None)
        self._layer.put(clean, content, datum, append=True)

    def seal(self) -> Hash:
        """Make everything durable and return the layer, to be attached to a commit or a fileset.
        The session keeps its bytes from gc until it is closed."""
        if self._sealed is None:
            layer = self._end_layer()
            BEFORE_SYNC.hit()
            self._upload.sync()
            AFTER_SYNC.hit()
            self._sealed = layer
        return self._sealed

    def ends_simple(self, most: int) -> bool:
        """Ends the writing; whether it comes to at most so many operations, each on one file of no
        datum, that join no bytes."""
        self._end_layer()
        return self._layer.is_simple(most)

    def merged_over(self, base: Roots) -> Merged:
        """Ends the writing; what the base comes to with it, durable once this is sealed."""
        over = LayersOverBase(base, (self._end_layer(),))
        # Looking for each node in an index of millions costs more than storing a few twice.
        self._upload.expect_new_blocks()
        return merge(self._trees, over, joining(self._upload))

    def close(self) -> None:
        """End the protection from gc: when the layer is attached, or given up. Idempotent."""
        self._layer.close()
        self._upload.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end_layer(self) -> Hash:
        if self._written is None:
            self._end_file()
            self._written = self._layer.finish()
        return self._written

    def _end_file(self) -> None:
        if self._current is not None:
            current, self._current = self._current, None
            self._layer.put(current.clean, self._upload.end_file(), current.datum, append=True)


def _checked(path: str, datum: str) -> str:
    if datum and (len(datum) > MAX_DATUM or not datum.isprintable()):
        raise Invalid(f"datum {datum[:40]!r} is not a name of at most {MAX_DATUM} characters")
    return validate_path(path)


def _checked_file(path: str, datum: str) -> str:
    clean = _checked(path, datum)
    if clean == "/":
        raise Invalid("the root of a commit is a folder; name a file in it")
    return clean
