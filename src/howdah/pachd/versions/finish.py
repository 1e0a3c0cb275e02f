"""From FINISHING to FINISHED.

A commit that is finishing has layers on a base: the nearest ancestor that finished without error.
Finishing merges them, looks for what a commit may not contain, makes the result durable and says so
in one transaction. Crash at any point and the commit is still FINISHING when the store opens again,
with its layers, and the work is done again.

Level-triggered: workers wake on any change of a commit, read which commits are finishing, and take
those whose base has finished. A commit whose content is at fault (damaged, missing, not valid) ends
with an error, so that nobody waits for ever. Nothing else ends it: it was acknowledged, and a full
disk, an I/O error or a lack of memory may be over the next time, so it is tried again.

All of this is off the caller's path, with one exception: a small write that makes a commit of its own
is merged before it is stored (`at_once`), since that costs less than storing it twice.
"""

import logging
import threading

from howdah.core.failpoints import Failpoint
from howdah.core.refs import CommitRef
from howdah.errors import Corrupt, Invalid, NotFound, Unavailable
from howdah.pachd.versions import tables
from howdah.pachd.versions.errors import BaseCommitNotFinished
from howdah.pachd.versions.events import Cancel, Cancelled
from howdah.pachd.versions.files.blocks import joining, through
from howdah.pachd.versions.files.merged import merge
from howdah.pachd.versions.files.sources import layers_over_base
from howdah.pachd.versions.store import Versions
from howdah.pachd.versions.tables import Content
from howdah.pachd.versions.transaction import Transaction

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
_WORKERS = 2
BEFORE_SYNC = Failpoint("finish.before_sync")
BEFORE_COMPLETE = Failpoint("finish.before_complete")


def finish_one(versions: Versions, row: int) -> bool:
    """Finish this commit if it is finishing and its base has finished; whether anything was done.

    Whatever it raises is not the content's fault: the commit is FINISHING as before, for another try."""
    with versions.view() as view:
        info = tables.commit_by_row(view.connection, row)
        if info is None or info.open or info.finished:
            return False
        try:
            over = layers_over_base(view.connection, info)
        except BaseCommitNotFinished:
            return False
    with versions.blobs.upload() as upload:
        try:
            trees = through(versions.trees, upload)
            merged = merge(trees, over, joining(upload))
            error, size, content = info.error or merged.error, merged.size_bytes, merged.content
            BEFORE_SYNC.hit()
            upload.sync()
        except (Corrupt, NotFound, Invalid) as damage:
            # It would be the same the next time, and nobody may wait for ever.
            _log.exception("commit %s could not be finished", info.ref)
            error, size, content = f"the commit could not be finished: {damage}", 0, Content(None, None)
        BEFORE_COMPLETE.hit()

        def complete(tx: Transaction) -> None:
            now = tables.commit_by_row(tx.connection, row)
            if now is not None and not now.finished:
                tx.complete_commit(now, error=error, size_bytes=size, content=content)

        versions.transact(complete)
    return True


def _tell(what: str, problem: Exception) -> None:
    """A fault of ours is told whole, a disk's in its words."""
    trace = None if isinstance(problem, Unavailable) else problem
    _log.warning("finishing %s waits, and is tried again: %s", what, problem, exc_info=trace)


class Finisher:
    """The threads that finish."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._cancel = Cancel()
        self._lock = threading.Lock()
        self._taken: set[int] = set()
        self._threads = [
            threading.Thread(target=self._run, name=f"finisher {number}", daemon=True)
            for number in range(_WORKERS)
        ]
        for thread in self._threads:
            thread.start()
        versions.finishes_at_once = True

    def close(self) -> None:
        self._versions.finishes_at_once = False
        self._cancel.cancel()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        keys = ("commit.finishing", "commit.finished", "commit.deleted")
        with self._versions.notifier.watch(*keys, cancel=self._cancel) as watch:
            while True:
                try:
                    self._cancel.check()
                    all_well = self._finish_all()
                except Cancelled:
                    return
                except Exception as problem:  # noqa: BLE001  commits wait for this thread
                    _tell("commits", problem)
                    all_well = False
                watch.wait(None if all_well else _RETRY_S)

    def _finish_all(self) -> bool:
        """Whether nothing is left that was tried in vain. One commit's trouble does not hold up the
        others, and it is not tried twice in a round."""
        in_vain: set[int] = set()
        done = True
        while done:
            done = False
            for row, ref in self._finishing().items():
                self._cancel.check()
                if row not in in_vain and self._take(row):
                    try:
                        done |= finish_one(self._versions, row)
                    except Cancelled:
                        raise
                    except Exception as problem:  # noqa: BLE001  this thread must outlive it
                        in_vain.add(row)
                        _tell(f"commit {ref}", problem)
                    finally:
                        self._taken.discard(row)
        return not in_vain

    def _finishing(self) -> dict[int, CommitRef]:
        with self._versions.view() as view:
            rows = tables.commits_finishing(view.connection)
            infos = [info for row in rows if (info := tables.commit_by_row(view.connection, row))]
        return {info.row: info.ref for info in infos}

    def _take(self, row: int) -> bool:
        with self._lock:
            if row in self._taken:
                return False
            self._taken.add(row)
            return True
