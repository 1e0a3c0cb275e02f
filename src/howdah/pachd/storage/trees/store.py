"""Trees of files: the one door to this package.

A commit's files are two roots (`Roots`): the tree of contents, which alone is the commit's identity,
and the tree of who wrote them. Both, and the layers of open commits, are trees of immutable blocks
that share what they have in common. Precondition everywhere: paths are absolute and canonical, hold
no control characters, and are at most 60,000 bytes long; datums hold no control characters. Whoever
takes paths from the world has validated them (`versions`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import attribution, check, read
from howdah.pachd.storage.trees.diff import diff
from howdah.pachd.storage.trees.files import ROOT, File, Files
from howdah.pachd.storage.trees.layers import LayerWriter
from howdah.pachd.storage.trees.merge import Concat, Roots, merge
from howdah.pachd.storage.trees.nodes import Blocks, NodeCache, Nodes
from howdah.pachd.storage.trees.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Difference:
    """A path whose content differs; None where there is no such file."""

    path: str
    old: File | None
    new: File | None


class Trees:
    """Trees on some blocks. Safe for many threads as far as the blocks are."""

    def __init__(self, blocks: Blocks, folder: Path, cache: NodeCache | None = None) -> None:
        """`folder` takes what is sorted on disk; nothing in it outlives a call."""
        self._blocks = blocks
        self._folder = folder
        self._nodes = Nodes(blocks, cache or NodeCache())

    def on(self, blocks: Blocks) -> "Trees":
        """The same trees, written to other blocks, such as those of an upload. Nodes in memory are
        shared; `blocks` must be able to read everything these can."""
        return Trees(blocks, self._folder, self._nodes.cache)

    def files(self, content: Hash) -> Files:
        """The files of a tree of contents."""
        return Files(self._nodes, content)

    def layer(self) -> LayerWriter:
        """A new layer: one write to an open commit."""
        return LayerWriter(self._nodes, self._folder)

    def merge(self, base: Roots, layers_: Sequence[Hash], concat: Concat) -> Roots:
        """The base with all layers applied in their order; the same roots as of a fresh build of the
        same files. Writes only blocks that the base lacks. `concat` joins contents for appends."""
        return merge(self._nodes, base, layers_, concat, self._folder)

    def view(self, base: Roots, layers_: Sequence[Hash], concat: Concat) -> "View":
        """What `merge` would give, to be read now: nothing is stored but in a scratch that goes
        when the view does. Costs as much as the merge; a view may be viewed further."""
        scratch = Scratch(self._blocks, self._folder)
        # Scratch blocks vanish with the view, so their nodes stay out of the shared cache.
        trees = Trees(scratch, self._folder, NodeCache(8 << 20))
        roots = trees.merge(base, layers_, concat)
        return View(trees, roots)

    def diff(self, old: Hash, new: Hash, under: str = ROOT) -> Iterator[Difference]:
        """Files whose paths begin with `under` and whose contents differ, by path; as dear as the
        difference, not as the trees."""
        start = under.encode()
        for key, was, now in diff(self._nodes, old, new, start, read.prefix_end(start)):
            path = key.decode()
            before = None if was is None else File(path, Content.decode(was))
            after = None if now is None else File(path, Content.decode(now))
            if before is None or after is None or before.hash != after.hash:
                yield Difference(path, before, after)

    def writers(self, roots: Roots, path: str) -> tuple[str, ...]:
        """The datums that wrote a file, sorted, "" for none; empty if there is no such file."""
        key = path.encode()
        if read.get(self._nodes, roots.content, key) is None:
            return ()
        return attribution.writers(self._nodes, roots.attribution, key)

    def written(self, roots: Roots, datum: str, under: str = ROOT) -> Iterator[str]:
        """The paths of all files that a datum (not "") wrote."""
        return (
            path.decode()
            for path in attribution.written(self._nodes, roots.attribution, datum, under.encode())
        )

    def problem(
        self, roots: Roots, base: Roots | None = None, layers_: Sequence[Hash] | None = None
    ) -> str | None:
        """Why a commit of these files has an error (two datums wrote one path, or a file and a
        directory share one), in Pachyderm's words; None if it has none. Given a base that has no
        error, costs as much as the difference; given the layers that led from one to the other too,
        hardly anything where they are small."""
        return check.problem(self._nodes, roots, base, layers_)

    def reachable(
        self, root: Hash, skip: Callable[[Hash], bool] = lambda _: False
    ) -> Iterator[tuple[Hash, list[Content]]]:
        """Every block of a tree of any kind, a layer's too, with the contents it refers to: what a
        sweep must keep. Blocks that `skip` says yes to are passed over with what is below them."""
        return check.reachable(self._nodes, root, skip)


@dataclass(frozen=True, slots=True)
class View:
    """The files of an open commit as they stand, over a scratch of its own."""

    trees: Trees
    roots: Roots

    @property
    def files(self) -> Files:
        return self.trees.files(self.roots.content)
