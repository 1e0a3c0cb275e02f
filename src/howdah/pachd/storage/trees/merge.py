"""Layers onto a base: the operations of an open commit become its files.

Layers apply in their order, and the operations of a layer in theirs. Work goes path by path, in one
pass over all layers at once: what stood at the path, what was done to it, what stands now. Only
paths that some layer names are looked at, and only nodes that change are written.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import attribution, edit, layers, read
from howdah.pachd.storage.trees.attribution import NO_DATUM, Versions
from howdah.pachd.storage.trees.edit import Edit
from howdah.pachd.storage.trees.layers import Act, Operation
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Nodes
from howdah.pachd.storage.trees.sorter import Sorter
from howdah.pachd.storage.trees.sums import FILES, MARKS

Concat = Callable[[Sequence[Content]], Content]
"""The content whose bytes are those of two or more others, one after the other."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The files of a commit: the tree of contents, and the tree of who wrote them."""

    content: Hash = EMPTY_ROOT
    attribution: Hash = EMPTY_ROOT


_Placed = tuple[bytes, int, Operation | None]
"""A path, the number of the layer, what is done to the path; None only says that the path is
within a directory that some layer deletes."""


def merge(nodes: Nodes, base: Roots, layers_: Sequence[Hash], concat: Concat, folder: Path) -> Roots:
    """The roots after all layers, in their order; the same as of a fresh build of the same files.

    `folder` takes what does not fit in memory while it is sorted."""
    marks = Sorter(folder)
    try:
        merging = _Merging(nodes, base, layers_, concat, marks)
        content = edit.apply(nodes, base.content, merging.content_edits(), FILES)
        changed = ((key, value[1:] if value else None) for key, value in marks.sorted())
        return Roots(content, edit.apply(nodes, base.attribution, changed, MARKS))
    finally:
        marks.close()


class _Merging:
    def __init__(
        self, nodes: Nodes, base: Roots, layers_: Sequence[Hash], concat: Concat, marks: Sorter
    ) -> None:
        self._nodes = nodes
        self._base = base
        self._layers = layers_
        self._concat = concat
        self._marks = marks
        self._deletions = [
            (number, deletion)
            for number, layer in enumerate(layers_)
            for deletion in layers.directory_deletions(nodes, layer)
        ]

    def content_edits(self) -> Iterator[Edit]:
        """The edits of the tree of contents, ascending; those of attribution go to the sorter."""
        for path, placed in groupby(self._placed(), key=itemgetter(0)):
            done = [(number, operation) for _, number, operation in placed if operation is not None]
            if self._deletions:
                done += [item for item in self._deletions if path.startswith(item[1].path)]
                done.sort(key=lambda item: (item[0], item[1].order))
            yield from self._settled(path, [operation for _, operation in done])

    def _placed(self) -> Iterator[_Placed]:
        """Every path that is touched, with what is done to it, by path, then by layer and order."""
        sources: list[Iterable[_Placed]] = [
            _numbered(number, layers.operations(self._nodes, layer))
            for number, layer in enumerate(self._layers)
        ]
        sources += [self._standing(deletion) for _, deletion in self._deletions]
        return iter(sources[0]) if len(sources) == 1 else heapq.merge(*sources, key=itemgetter(0))

    def _standing(self, deletion: Operation) -> Iterator[_Placed]:
        """The paths of the base that a deletion of a directory may concern."""
        under, base = deletion.path, self._base
        if deletion.act == Act.DELETE and deletion.datum != NO_DATUM:
            for path in attribution.written(self._nodes, base.attribution, deletion.datum, under):
                yield path, 0, None
        else:
            for path, _ in read.scan(self._nodes, base.content, under, read.prefix_end(under)):
                yield path, 0, None

    def _settled(self, path: bytes, done: list[Operation]) -> Iterator[Edit]:
        if self._base.attribution == EMPTY_ROOT and _is_plain(done):
            # Nobody's datum is concerned and nothing is appended to, so what stood does not matter.
            last = done[-1]
            yield path, last.content or None
            return
        first = read.get(self._nodes, self._base.content, path)
        old = attribution.versions(self._nodes, self._base.attribution, path, first)
        new = self._applied(old, done)
        for key, value in attribution.edits(path, old, new):
            self._marks.add(key, b"" if value is None else b"\1" + value)
        content = new[min(new)] if new else None
        if content != first:
            yield path, content

    def _applied(self, old: Versions, done: list[Operation]) -> Versions:
        parts = {name: [content] for name, content in old.items()}
        for operation in done:
            match operation.act:
                case Act.DELETE_ALL:
                    parts.clear()
                case Act.DELETE:
                    parts.pop(operation.datum, None)
                case Act.REPLACE:
                    parts[operation.datum] = [operation.content]
                case Act.APPEND:
                    parts.setdefault(operation.datum, []).append(operation.content)
                case Act.REPLACE_ALL:
                    parts = {operation.datum: [operation.content]}
        return {name: self._whole(contents) for name, contents in parts.items()}

    def _whole(self, parts: list[bytes]) -> bytes:
        if len(parts) == 1:
            return parts[0]
        return self._concat([Content.decode(part) for part in parts]).encode()


def _is_plain(done: list[Operation]) -> bool:
    return done[-1].act != Act.APPEND and all(operation.datum == NO_DATUM for operation in done)


def _numbered(number: int, operations: Iterable[Operation]) -> Iterator[_Placed]:
    for operation in operations:
        yield operation.path, number, operation
