"""Filesets: files without a commit, which live for a time.

A fileset is what a session wrote, or a commit's content, or several of these in order; later ones
prevail file by file. It keeps its bytes from gc until its time is over. Adding one to an open commit
costs nothing per file: the commit gets its layers.
"""

from collections.abc import Sequence
from uuid import uuid4

from howdah.errors import Invalid
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import Roots, Trees
from howdah.pachd.versions.errors import FilesetNotFound
from howdah.pachd.versions.files import tables
from howdah.pachd.versions.files.sources import LayersOverBase
from howdah.pachd.versions.tables import Connection

DEFAULT_TTL_S = 600
MAX_TTL_S = 1800


def checked_ttl(ttl_s: float) -> int:
    """In nanoseconds."""
    if ttl_s < 1:
        raise Invalid(f"ttl ({ttl_s:g} s) must be at least one second")
    if ttl_s > MAX_TTL_S:
        raise Invalid(f"ttl ({ttl_s:g} s) exceeds max ttl ({MAX_TTL_S} s)")
    return int(ttl_s * 1e9)


def create(connection: Connection, now_ns: int, ttl_ns: int, content: LayersOverBase) -> str:
    id = uuid4().hex
    tables.insert_fileset(connection, id, tables.FilesetRow(now_ns + ttl_ns, content.base, content.layers))
    return id


def get(connection: Connection, id: str, now_ns: int) -> LayersOverBase:
    row = tables.fileset(connection, id, now_ns)
    if row is None:
        raise FilesetNotFound(id)
    return LayersOverBase(row.roots, row.layers)


def composed(trees: Trees, parts: Sequence[LayersOverBase]) -> LayersOverBase:
    """One after the other: the first may rest on a tree, later trees become layers."""
    if not parts:
        return LayersOverBase(Roots(), ())
    layers = list(parts[0].layers)
    for part in parts[1:]:
        if part.base != Roots():
            layers.append(_flattened(trees, part.base))
        layers += part.layers
    return LayersOverBase(parts[0].base, tuple(layers))


def as_layers(trees: Trees, part: LayersOverBase) -> tuple[Hash, ...]:
    """What can be attached to a commit."""
    return composed(trees, [LayersOverBase(Roots(), ()), part]).layers


def _flattened(trees: Trees, roots: Roots) -> Hash:
    """A whole tree as one layer, for when it has to go on top of something else."""
    layer = trees.layer()
    for file in trees.files(roots.content).files():
        layer.put(file.path, file.content, trees.writers(roots, file.path)[0])
    return layer.finish()
