"""A commit's files as canonical, content-addressed search trees over paths; see `store`."""

from howdah.pachd.storage.trees.files import Directory, File, Files
from howdah.pachd.storage.trees.glob import Glob
from howdah.pachd.storage.trees.layers import LayerWriter
from howdah.pachd.storage.trees.merge import Concat, Roots
from howdah.pachd.storage.trees.nodes import EMPTY_ROOT, Blocks, NodeCache
from howdah.pachd.storage.trees.pattern import BadGlob
from howdah.pachd.storage.trees.store import Difference, Trees, View

__all__ = [
    "EMPTY_ROOT",
    "BadGlob",
    "Blocks",
    "Concat",
    "Difference",
    "Directory",
    "File",
    "Files",
    "Glob",
    "LayerWriter",
    "NodeCache",
    "Roots",
    "Trees",
    "View",
]
