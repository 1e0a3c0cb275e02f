"""Whether the store is what it says it is. Nothing is changed, whatever is found.

Three questions, each on its own: do the rows fit together (heads, parents, provenance, states)? Are
the packs what the index says, and with `data`, is every byte what it was? And if not: which files of
which commits and filesets does that touch? The last is answered exactly, by walking the trees of all of them
around the damage, since only then is it known what a restored backup has to bring back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.errors import Corrupt, NotFound
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.check import Damage, damages, touches
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.progress import Progress, unwatched
from howdah.pachd.storage.trees import EMPTY_ROOT, NodeCache
from howdah.pachd.storage.trees.check import content_of
from howdah.pachd.storage.trees.nodes import Node, Nodes
from howdah.pachd.versions import tables
from howdah.pachd.versions.files import tables as file_tables
from howdah.pachd.versions.records import FILESETS_REPO
from howdah.pachd.versions.store import Versions
from howdah.pachd.versions.structure import inconsistencies


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `commit` and `path` are given where they are known; a fileset is a
    commit of the filesets' repo here, as it is where its files are read."""

    reason: str
    commit: CommitRef | None = None
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.commit}:{self.path}: " if self.commit else ""
        return f"{where}{self.reason}"


def check(versions: Versions, *, data: bool = False, progress: Progress = unwatched) -> Iterator[Finding]:
    """Everything that is wrong; nothing if the store is sound. With `data` every byte is read.

    Writers go on meanwhile. Conflict when gc, a backup or another check runs: what is dropped during
    the check must stay stored until its trees, too, have been walked.
    """
    with versions.blobs.maintenance("check"):
        with versions.view() as view:
            reasons = list(inconsistencies(view.connection))
        for reason in reasons:
            yield Finding(f"consistency error: {reason}")
        damaged: set[Hash] = set()
        for damage in damages(versions.blobs, data=data, progress=progress):
            damaged.update(damage.hashes)
            yield Finding(_told(damage))
        yield from _touched(versions, damaged, progress)


def _told(damage: Damage) -> str:
    return f"{len(damage.hashes)} chunks at {damage.offset} of {damage.pack} are damaged: {damage.reason}"


def _touched(versions: Versions, damaged: set[Hash], progress: Progress) -> Iterator[Finding]:
    """The files that cannot be read. Trees that hold no damage are walked once, all together."""
    walker = _Walker(versions.blobs, damaged, progress)
    for ref, root in _all_roots(versions):
        for path, reason in walker.unreadable(root):
            yield Finding(reason, ref, path)


def _all_roots(versions: Versions) -> Iterator[tuple[CommitRef, Hash]]:
    with versions.view() as view:
        rows = [
            (info.ref, roots)
            for info in tables.commits(view.connection)
            for roots in [_roots(view.connection, info.row, info.finished)]
        ]
        # Those whose time is over, too: gc keeps the bytes of every one that is there.
        for id, (_, base, layers) in file_tables.filesets(view.connection).items():
            ref = CommitRef(RepoRef(FILESETS_REPO), CommitId(id))
            rows.append((ref, [base.content, base.attribution, *layers]))
    for ref, roots in rows:
        for root in roots:
            yield ref, root


def _roots(connection: tables.Connection, row: int, finished: bool) -> list[Hash]:
    if not finished:
        return file_tables.layers_of_commit(connection, row)
    content, _ = tables.commit_content(connection, row)
    roots = file_tables.roots_of(content)
    return [roots.content, roots.attribution]


class _Blocks:
    def __init__(self, blobs: Blobs) -> None:
        self.get, self.get_all = blobs.block, blobs.blocks

    def put(self, data: bytes) -> Hash:
        raise RuntimeError("a check never makes a node")


class _Walker:
    """Trees, with what is damaged in them. Sound subtrees are remembered and not walked again."""

    def __init__(self, blobs: Blobs, damaged: set[Hash], progress: Progress) -> None:
        self._blobs, self._damaged, self._progress = blobs, damaged, progress
        self._nodes = Nodes(_Blocks(blobs), NodeCache())
        self._sound: set[Hash] = set()

    def unreadable(self, root: Hash) -> Iterator[tuple[str, str]]:
        """Paths and reasons. A lost node is told by the range of paths that it held."""
        if root != EMPTY_ROOT:
            yield from self._below(root, b"", b"")

    def _below(self, hash: Hash, low: bytes, high: bytes) -> Iterator[tuple[str, str]]:
        if hash in self._sound:
            return
        self._progress(0, 0)
        node = None if hash in self._damaged else self._load(hash)
        if node is None:
            yield (
                _shown(high),
                f"the files after {_shown(low) or 'the start'} up to this one cannot be listed",
            )
            return
        found = False
        for path, reason in self._inside(node, low):
            found = True
            yield path, reason
        if not found:
            self._sound.add(hash)

    def _inside(self, node: Node, low: bytes) -> Iterator[tuple[str, str]]:
        if node.level:
            for i in range(node.count):
                key = node.key(i)
                yield from self._below(node.child(i), low, key)
                low = key
            return
        entries = zip(node.keys(), node.values(), strict=True)
        contents = [(key, content) for key, value in entries if (content := content_of(key, value))]
        lost = self._lost(contents)
        for key, content in contents:
            if lost and touches(self._blobs, lost, content):
                yield _shown(key), "the file cannot be read whole"

    def _lost(self, contents: list[tuple[bytes, Content]]) -> set[Hash]:
        """What the contents need and is damaged, or is not stored at all."""
        needed: set[Hash] = set()
        for _, content in contents:
            try:
                needed.update(self._blobs.hashes(content))
            except (Corrupt, NotFound):
                needed.add(content.root)
                self._damaged.add(content.root)
        stored = self._blobs.packs.find_durable(list(needed))
        return {hash for hash in needed if hash in self._damaged or hash not in stored}

    def _load(self, hash: Hash) -> Node | None:
        try:
            return self._nodes.load(hash)
        except (Corrupt, NotFound):
            return None


def _shown(key: bytes) -> str:
    """The path in a key of whichever tree."""
    return "/" + key.partition(b"/")[2].partition(b"\0")[0].decode(errors="replace") if b"/" in key else ""
