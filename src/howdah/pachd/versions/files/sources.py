"""What a commit or a fileset consists of before it is merged: a base and layers over it."""

from typing import NamedTuple

from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import Roots
from howdah.pachd.versions import tables
from howdah.pachd.versions.errors import BaseCommitNotFinished, CommitForgotten
from howdah.pachd.versions.files.tables import layers_of_commit, roots_of
from howdah.pachd.versions.records import CommitInfo


class LayersOverBase(NamedTuple):
    base: Roots
    layers: tuple[Hash, ...]


def layers_over_base(connection: tables.Connection, info: CommitInfo) -> LayersOverBase:
    """Of a commit in any state. A finished one is its own base and has no layers."""
    if info.finished:
        content, forgotten = tables.commit_content(connection, info.row)
        if forgotten:
            raise CommitForgotten(info.ref)
        return LayersOverBase(roots_of(content), ())
    return LayersOverBase(_base(connection, info), tuple(layers_of_commit(connection, info.row)))


def _base(connection: tables.Connection, info: CommitInfo) -> Roots:
    """The content of the nearest ancestor without error; what an ancestor with one wrote is passed over."""
    row = tables.parent_row(connection, info.row)
    while row is not None:
        ancestor = tables.commit_by_row(connection, row)
        assert ancestor is not None  # a commit's parent cannot go without the commit learning of it
        if not ancestor.finished:
            raise BaseCommitNotFinished(ancestor.ref, info.ref)
        content, forgotten = tables.commit_content(connection, row)
        if not ancestor.error:
            if forgotten:
                raise CommitForgotten(ancestor.ref)
            return roots_of(content)
        row = tables.parent_row(connection, row)
    return Roots()
