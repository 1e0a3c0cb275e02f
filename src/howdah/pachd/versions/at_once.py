"""Small writes that make a commit of their own are merged before they are stored: such a commit is
born FINISHED.

Left to the finisher it would be synced and indexed twice and take two transactions, one after the
other, with a change of threads in between; here it is one of each. The merge comes before the
transaction, so its base may have been overtaken by then. The transaction looks again, and if it is
another one the layer is attached and left to the finisher, as every other write is.
"""

from dataclasses import dataclass

from howdah.core.refs import CommitRef, CommitSpec
from howdah.errors import Corrupt, NotFound
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.trees import Roots, Trees
from howdah.pachd.versions import tables
from howdah.pachd.versions.files.merged import Merged
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.files.tables import roots_of
from howdah.pachd.versions.one_off import attach_or_make, is_open, writes_after
from howdah.pachd.versions.transaction import Transaction
from howdah.pachd.versions.view import View

MOST, MOST_ON_FEW = 1000, 10_000
"""So many operations take some ten milliseconds on a large tree, and some ten on one of few files."""


@dataclass(frozen=True, slots=True)
class AtOnce:
    base: Roots
    merged: Merged


def merged_at_once(session: FileSession, trees: Trees, base: Roots | None) -> AtOnce | None:
    """What the write comes to, unstored; None if it is for the finisher."""
    if base is None:
        return None
    try:
        if not session.ends_simple(_most_operations(trees, base)):
            return None
        return AtOnce(base, session.merged_over(base))
    except (Corrupt, NotFound):
        return None  # the finisher will meet the same damage, and says so in the commit


def make_or_attach(
    tx: Transaction, commit: CommitRef | CommitSpec, layer: Hash, at_once: AtOnce | None
) -> CommitRef:
    """A finished commit if what was merged still holds; otherwise the write like any other."""
    holds = at_once is not None and settled_base(tx.view, commit) == at_once.base
    ref = attach_or_make(tx, commit, layer)
    if at_once is not None and holds:
        error, size_bytes, content = at_once.merged
        tx.complete_commit(tx.view.commit(ref), error=error, size_bytes=size_bytes, content=content)
    return ref


def _most_operations(trees: Trees, base: Roots) -> int:
    """Each operation may read and write a leaf of its own, unless there are few."""
    files = trees.files(base.content).directory("/")
    return MOST_ON_FEW if files is None or files.count <= MOST_ON_FEW else MOST


def settled_base(view: View, commit: CommitRef | CommitSpec) -> Roots | None:
    """The files that a commit made by this write would rest on; None if it makes none, or its base
    is not settled. Equal roots are equal files, whichever commit they are of."""
    if is_open(view, commit):
        return None
    head = writes_after(view, commit)
    if head is not None and (not head.finished or head.error):
        return None
    # A trigger's move belongs to a transaction, and so to a commit set, of its own.
    if any(branch.ref.repo == commit.repo for branch in tables.branches_with_trigger(view.connection)):
        return None
    if head is None:
        return Roots()  # the first of its branch
    content, forgotten = tables.commit_content(view.connection, head.row)
    return None if forgotten else roots_of(content)
