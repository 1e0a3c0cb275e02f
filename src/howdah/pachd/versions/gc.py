"""Giving back the bytes that nothing refers to any more.

Roots are the trees of all finished commits, the layers of open ones, and filesets. Filesets whose time
is over are removed by a transaction first, and from then on every one that is there counts, even if its
time ends during the run: a transaction may be on its way that found it alive. Marking reads each block
once, however many commits share it. Anything damaged on the way stops the run before a byte is taken:
gc never decides on a part of the truth.
"""

from collections.abc import Iterator
from contextlib import ExitStack

from howdah.pachd.storage.collection import Collection, SweepReport
from howdah.pachd.storage.content import Hash
from howdah.pachd.storage.progress import Progress, unwatched
from howdah.pachd.versions.files import tables
from howdah.pachd.versions.store import Versions


def collect_garbage(
    versions: Versions, *, dry_run: bool = False, progress: Progress = unwatched
) -> SweepReport:
    """Free what is dead, beside readers and writers; with `dry_run` only say what would be freed.

    Conflict when another gc, a check or a backup runs.
    """
    now_ns = versions.clock.now_ns()
    if not dry_run:
        versions.transact(lambda tx: tables.delete_expired_filesets(tx.connection, now_ns))
    with ExitStack() as stack:
        collection = stack.enter_context(Collection(versions.blobs))
        seen: set[Hash] = set()
        # The snapshot is taken after the collection began: what is attached later is under a lease.
        for root in _roots(versions, now_ns if dry_run else 0):
            for block, contents in versions.trees.reachable(root, seen.__contains__):
                progress(0, 0)
                seen.add(block)
                collection.mark(block)
                for content in contents:
                    collection.mark_all(versions.blobs.hashes(content))
        return collection.sweep(dry_run=dry_run, progress=progress)


def _roots(versions: Versions, living_at_ns: int) -> Iterator[Hash]:
    with versions.view() as view:
        roots = tables.all_roots(view.connection, living_at_ns)
        layers = tables.all_layers(view.connection, living_at_ns)
    for each in roots:
        yield each.content
        yield each.attribution
    yield from layers
