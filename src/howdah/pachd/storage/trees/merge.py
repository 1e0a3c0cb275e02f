"""Layers onto a base: the operations of an open commit become its files.

Layers apply in their order, and the operations of a layer in theirs. Work goes path by path, in one
pass over all layers at once: what stood at the path, what was done to it, what stands now. Only
paths that some layer names are looked at, and only nodes that change are written.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import attribution, edit, layers, read
from howdah.pachd.storage.trees.attribution import NO_DATUM, Versions
from howdah.pachd.storage.trees.layers import Act, Operation
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Nodes
from howdah.pachd.storage.trees.sorter import Sorter
from howdah.pachd.storage.trees.splice import Edit
from howdah.pachd.storage.trees.sums import FILES, MARKS

_FETCHED = 1000
"""So many paths' nodes are read together; their leaves fit in the cache."""

Concat = Callable[[Sequence[Content]], Content]
"""The content whose bytes are those of two or more others, one after the other."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The files of a commit: the tree of contents, and the tree of who wrote them."""

    content: Hash = EMPTY_ROOT
    attribution: Hash = EMPTY_ROOT


_Placed = tuple[bytes, int, bytes, bytes]
"""A path, the number of the layer, the order within it, what is done. Where nothing is, the path
is only named: it is within a directory that some layer deletes."""


def merge(nodes: Nodes, base: Roots, layers_: Sequence[Hash], concat: Concat, folder: Path) -> Roots:
    """The roots after all layers, in their order; the same as of a fresh build of the same files.

    `folder` takes what does not fit in memory while it is sorted."""
    marks = Sorter(folder)
    try:
        nodes.fetch(base.content, _first_paths(nodes, layers_))
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
        self._deletions: list[_Placed] = [
            (path, number, order, done)
            for number, layer in enumerate(layers_)
            for path, order, done in layers.directory_deletions(nodes, layer)
        ]

    def content_edits(self) -> Iterator[Edit]:
        """The edits of the tree of contents, ascending; those of attribution go to the sorter."""
        is_plain_base = self._base.attribution == EMPTY_ROOT
        for path, group in groupby(self._placed(), key=itemgetter(0)):
            placed = list(group)
            if self._deletions:
                placed = [each for each in placed if each[3]]
                placed += [each for each in self._deletions if path.startswith(each[0])]
                placed.sort(key=itemgetter(1, 2))
            done = [each[3] for each in placed]
            if not done:
                continue
            if is_plain_base and layers.is_plain(done):
                # What stood there does not matter, so it need not be looked for.
                yield path, layers.plain_content(done[-1])
            else:
                yield from self._settled(path, done)

    def _placed(self) -> Iterator[_Placed]:
        """Every path that is touched, with what is done to it, by path, then by layer and order."""
        sources: list[Iterator[_Placed]] = [
            _numbered(number, layers.operations(self._nodes, layer))
            for number, layer in enumerate(self._layers)
        ]
        sources += [self._standing(deletion) for deletion in self._deletions]
        return sources[0] if len(sources) == 1 else heapq.merge(*sources, key=itemgetter(0))

    def _standing(self, deletion: _Placed) -> Iterator[_Placed]:
        """The paths of the base that a deletion of a directory may concern."""
        under, base = deletion[0], self._base
        act, datum, _ = layers.parts(deletion[3])
        if act == Act.DELETE and datum != NO_DATUM:
            for path in attribution.written(self._nodes, base.attribution, datum, under):
                yield path, 0, b"", b""
        else:
            for path, _ in read.scan(self._nodes, base.content, under, read.prefix_end(under)):
                yield path, 0, b"", b""

    def _settled(self, path: bytes, done: list[bytes]) -> Iterator[Edit]:
        base = self._base
        first = read.get(self._nodes, base.content, path)
        old = attribution.versions(self._nodes, base.attribution, path, first)
        new = self._applied(old, done)
        for key, value in attribution.edits(path, old, new):
            self._marks.add(key, b"" if value is None else b"\1" + value)
        content = new[min(new)] if new else None
        if content != first:
            yield path, content

    def _applied(self, old: Versions, done: list[bytes]) -> Versions:
        contents = {name: [content] for name, content in old.items()}
        for each in done:
            act, datum, content = layers.parts(each)
            if act == Act.APPEND:
                contents.setdefault(datum, []).append(content)
                continue
            if act in (Act.DELETE_ALL, Act.REPLACE_ALL):
                contents.clear()
            if act == Act.DELETE:
                contents.pop(datum, None)
            if act in (Act.REPLACE, Act.REPLACE_ALL):
                contents[datum] = [content]
        return {name: self._whole(parts) for name, parts in contents.items()}

    def _whole(self, parts: list[bytes]) -> bytes:
        if len(parts) == 1:
            return parts[0]
        return self._concat([Content.decode(part) for part in parts]).encode()


def _first_paths(nodes: Nodes, layers_: Sequence[Hash]) -> list[bytes]:
    """Some of the paths that the layers name, ascending: all of them where they are few."""
    named = (operation[0] for layer in layers_ for operation in layers.operations(nodes, layer))
    return sorted(set(islice(named, _FETCHED)))


def _numbered(number: int, operations: Iterable[Operation]) -> Iterator[_Placed]:
    return ((path, number, order, done) for path, order, done in operations)
