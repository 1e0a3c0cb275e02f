"""Files in commits, from the store: what `files.CommitFiles` promises.

Readers of finished commits are kept for a while: a job asks the same few commits over and
over, and what a finished commit holds never changes.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines.datums import Found, InputFile
from howdah.pachd.pipelines.meta import Meta, decode, meta_path
from howdah.pachd.pipelines.refs import DatumId
from howdah.pachd.storage.content import Content
from howdah.pachd.storage.trees import Directory, File
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.versions.files.reader import CommitFiles as CommitReader
from howdah.pachd.versions.files.session import FileSession

_KEPT = 64


class StoredFiles:
    """Implements `files.CommitFiles`."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._lock = Lock()
        self._kept: OrderedDict[CommitRef, CommitReader] = OrderedDict()

    def _reader(self, commit: CommitRef) -> CommitReader:
        with self._lock:
            reader = self._kept.get(commit)
            if reader is not None:
                self._kept.move_to_end(commit)
                return reader
        reader = self._versions.files(commit)
        if reader.info.finished:
            with self._lock:
                self._kept[commit] = reader
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return reader

    # -- reading

    def glob(self, commit: CommitRef, pattern: str) -> Iterator[Found]:
        return map(_found, self._reader(commit).glob(pattern))

    def find(self, commit: CommitRef, path: str) -> Found | None:
        tree = self._reader(commit).tree
        found: File | Directory | None = tree.directory(path) if path.endswith("/") else tree.get(path)
        return None if found is None else _found(found)

    def changed_paths(self, old: CommitRef, new: CommitRef) -> Iterator[str]:
        before, after = self._reader(old), self._reader(new)
        return (each.path for each in self._versions.trees.diff(before.roots.content, after.roots.content))

    def written_by(self, commit: CommitRef, datum: DatumId) -> Iterator[str]:
        return self._reader(commit).written_by(datum)

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        return self._reader(file.source.at).under(file.path)

    def read(self, content: Content) -> Iterator[bytes]:
        return map(bytes, self._versions.blobs.read(content))

    def metas(self, commit: CommitRef) -> Iterator[Meta]:
        for file in self._reader(commit).tree.files("/meta/"):
            yield decode(self._versions.blobs.read_all(file.content))

    def meta(self, commit: CommitRef, id: DatumId) -> Meta | None:
        file = self._reader(commit).tree.get(meta_path(id))
        return None if file is None else decode(self._versions.blobs.read_all(file.content))

    def writing(self) -> "StoredWriting":
        return StoredWriting(self._versions.prepare())


def _found(entry: File | Directory) -> Found:
    return Found(entry.path, entry.hash, entry.size)


class StoredWriting:
    """Implements `files.Writing`."""

    def __init__(self, session: FileSession) -> None:
        self._session = session

    def put(self, path: str, pieces: Iterable[bytes], datum: str = "") -> Content:
        return self._session.put_file(path, pieces, datum)

    def put_content(self, path: str, content: Content, datum: str = "") -> None:
        self._session.put_content(path, content, datum=datum)

    def delete_file(self, path: str, datum: str = "") -> None:
        self._session.delete(path, datum)

    def delete_folder(self, path: str) -> None:
        self._session.delete(path)

    def seal(self) -> None:
        self._session.seal()

    def attach(self, tx: Transaction, commit: CommitRef) -> None:
        tx.attach(commit, [self._session.seal()])

    def close(self) -> None:
        self._session.close()
