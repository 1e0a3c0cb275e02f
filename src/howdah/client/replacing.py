"""Files put in the place of what stood there, without asking for each whether anything did.

pachd appends; who wants to replace sends a delete before each file, which doubles the messages of
an upload, and for small files the messages are what it costs. Many files below a directory that
does not exist need no deletes. Should another writer make that directory between the look and the
upload, our files would stand behind theirs: our own commit's parent tells, and everything is put once
more, with deletes. That takes little time, for pachd knows the bytes already. A writer who comes after
us is none of our business. Who is who is known because Howdah's pachd names the commit that it wrote;
where another pachd does not, a branch that holds more than our commit is taken for the first case.
"""

import posixpath
from collections.abc import Callable, Sequence

from howdah.client.pachd import Fields, Pachd
from howdah.client.uploads import Opened, Source, encoded, put
from howdah.errors import NotFound

# Below it, looking costs as much as what it saves.
MANY = 100


def replace(
    pachd: Pachd, commit: Fields, sources: Sequence[Source], progress: Callable[[int], None] | None = None
) -> None:
    """`uploads.put` without `append`; `commit` names a branch or an open commit."""
    paths = [source.path for source in sources]
    if len(paths) < MANY or len(set(paths)) < len(paths) or commit.id or _once(sources):
        put(pachd, commit, sources, progress=progress)
        return
    folder = posixpath.commonpath([posixpath.dirname(path) for path in paths])
    encoded(folder)  # refused before it is asked about
    parent = _finished_head(pachd, commit)
    if parent is None or _stands(pachd, commit, parent, folder):
        put(pachd, commit, sources, progress=progress)
        return
    ours = put(pachd, commit, sources, append=True, progress=progress)
    written = pachd.message("pfs_v2.Commit", repo=commit.repo, id=ours) if ours else commit
    if not _stands_alone(pachd, written, parent, folder):
        put(pachd, commit, sources)


def _once(sources: Sequence[Source]) -> bool:
    return any(isinstance(source, Opened) and source.once for source in sources)


def _stands_alone(pachd: Pachd, written: Fields, parent: str, folder: str) -> bool:
    """Whether `folder` was as empty when our files came to it as in the head that we looked at."""
    info = pachd.call("pfs_v2.API/InspectCommit", commit=written)
    if not info.HasField("finishing"):
        return False  # a commit that someone else opened meanwhile, and may have written into
    before = str(info.parent_commit.id)
    return before == parent or (bool(written.id) and not _stands(pachd, written, before, folder))


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
