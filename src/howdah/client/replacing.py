"""Files put in the place of what stood there, without asking for each whether anything did.

pachd appends; who wants to replace sends a delete before each file, which doubles the messages of
an upload, and for small files the messages are what it costs. Many files below a directory that
does not exist need no deletes. Should another writer make that directory between the look and the
upload, our files would stand behind theirs: the branch's history tells, and everything is put once
more, with deletes. That takes little time, for pachd knows the bytes already.
"""

import posixpath
from collections.abc import Callable, Sequence

from howdah.client.pachd import Fields, Pachd
from howdah.client.uploads import Source, put
from howdah.errors import NotFound

# Below it, looking costs as much as what it saves.
MANY = 100


def replace(
    pachd: Pachd, commit: Fields, sources: Sequence[Source], progress: Callable[[int], None] | None = None
) -> None:
    """`uploads.put` without `append`; `commit` names a branch or an open commit."""
    paths = [source.path for source in sources]
    if len(paths) < MANY or len(set(paths)) < len(paths) or commit.id:
        put(pachd, commit, sources, progress=progress)
        return
    folder = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    parent = _finished_head(pachd, commit)
    if parent is None or _stands(pachd, commit, parent, folder):
        put(pachd, commit, sources, progress=progress)
        return
    put(pachd, commit, sources, append=True, progress=progress)
    if pachd.call("pfs_v2.API/InspectCommit", commit=commit).parent_commit.id != parent:
        put(pachd, commit, sources)


def _finished_head(pachd: Pachd, commit: Fields) -> str | None:
    """The branch's head; "" if it has none yet; None while others may write into it."""
    try:
        info = pachd.call("pfs_v2.API/InspectCommit", commit=commit)
    except NotFound:
        return ""
    return str(info.commit.id) if info.HasField("finished") else None


def _stands(pachd: Pachd, commit: Fields, head: str, folder: str) -> bool:
    """Whether anything is at or below `folder` in the head."""
    if not head:
        return False
    there = pachd.message("pfs_v2.Commit", repo=commit.repo, id=head)
    file = pachd.message("pfs_v2.File", commit=there, path=folder)
    if folder == "/":
        return next(pachd.stream("pfs_v2.API/ListFile", file=file, number=1), None) is not None
    try:
        pachd.call("pfs_v2.API/InspectFile", file=file)
    except NotFound:
        return False
    return True
