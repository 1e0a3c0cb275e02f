"""What layers over a base come to: the content of a commit, and whether it may be one."""

from typing import NamedTuple

from howdah.pachd.storage.trees import Concat, Trees
from howdah.pachd.versions.files.sources import LayersOverBase
from howdah.pachd.versions.files.tables import content_of
from howdah.pachd.versions.tables import Content


class Merged(NamedTuple):
    error: str
    """Why a commit may not consist of this; "" if it may."""
    size_bytes: int
    content: Content


def merge(trees: Trees, over: LayersOverBase, concat: Concat) -> Merged:
    roots = trees.merge(over.base, over.layers, concat)
    problem = trees.problem(roots, over.base, over.layers)
    root = trees.files(roots.content).directory("/")
    return Merged(problem or "", 0 if root is None else root.size, content_of(roots))
