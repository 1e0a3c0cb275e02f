"""Readers of finished commits, kept for as long as nothing in the database has changed.

Clients that look at many files ask again and again for the same commit, by the same name. What that
name means is found in several reads of the database, each of them dearer than finding the file; but
it cannot have changed if no transaction was made since. So the answer is kept with the database's
generation, and any write, to whatever, forgets it. Open commits and filesets (which end by the
clock) are never kept.
"""

import threading
from collections import OrderedDict

from howdah.core.refs import CommitRef, CommitSpec
from howdah.pachd.versions.files.reader import CommitFiles

_KEPT = 64


class OpenedCommits:
    """Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[CommitRef | CommitSpec, tuple[int, CommitFiles]] = OrderedDict()

    def get(self, commit: CommitRef | CommitSpec, generation: int) -> CommitFiles | None:
        with self._lock:
            generation_then, files = self._kept.get(commit, (-1, None))
            if files is None:
                return None
            if generation_then != generation:
                del self._kept[commit]
                return None
            self._kept.move_to_end(commit)
            return files

    def keep(self, commit: CommitRef | CommitSpec, generation: int, files: CommitFiles) -> None:
        """`generation` is the one seen before anything was read for `files`."""
        with self._lock:
            self._kept[commit] = generation, files
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
