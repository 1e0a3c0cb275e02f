"""What differs between two directories, at a cost that follows the difference: a directory whose hash
is the same on both sides is not entered.
"""

from collections.abc import Iterator

from howdah.pachd.storage.trees.files import Directory
from howdah.pachd.versions.errors import FileNotFound
from howdah.pachd.versions.files.reader import CommitFiles, Entry
from howdah.pachd.versions.names import clean_path

type Pair = tuple[Entry | None, Entry | None]


def differences(
    old: CommitFiles | None, old_path: str, new: CommitFiles, new_path: str, shallow: bool = False
) -> Iterator[Pair]:
    """Pairs (before, after) in the order of their paths, which are those of either side: what is only
    on one side is alone in its pair. `shallow` does not enter directories below the two named."""
    before, after = _at(old, old_path), _at(new, new_path)
    if before is not None and after is not None and before.path == after.path:
        yield from _pair(old, before, new, after, 1 if shallow else None)
        return
    yield from _merged(old, new, _below(old, before, shallow), _below(new, after, shallow))


def _at(files: CommitFiles | None, path: str) -> Entry | None:
    if files is None:
        return None
    try:
        return files.stat(clean_path(path))
    except FileNotFound:
        return None


def _below(files: CommitFiles | None, entry: Entry | None, shallow: bool) -> Iterator[Entry]:
    if files is None or entry is None:
        return
    if not shallow or not isinstance(entry, Directory):
        yield from files.walk(entry.path)
        return
    yield entry
    yield from files.listing(entry.path)


def _pair(
    old: CommitFiles | None, before: Entry, new: CommitFiles, after: Entry, depth: int | None
) -> Iterator[Pair]:
    """Two entries of one path."""
    if before.hash == after.hash and before.size == after.size:
        return
    yield before, after
    if isinstance(before, Directory) and isinstance(after, Directory) and old is not None and depth != 0:
        yield from _children(old, new, after.path, None if depth is None else depth - 1)


def _children(old: CommitFiles, new: CommitFiles, path: str, depth: int | None) -> Iterator[Pair]:
    olds, news = old.listing(path), new.listing(path)
    for before, after in _zipped(olds, news):
        if before is not None and after is not None:
            yield from _pair(old, before, new, after, depth)
        elif before is not None:
            yield from ((entry, None) for entry in _whole(old, before, depth))
        elif after is not None:
            yield from ((None, entry) for entry in _whole(new, after, depth))


def _whole(files: CommitFiles, entry: Entry, depth: int | None) -> Iterator[Entry]:
    return iter([entry]) if depth == 0 else files.walk(entry.path)


def _merged(
    old: CommitFiles | None, new: CommitFiles, olds: Iterator[Entry], news: Iterator[Entry]
) -> Iterator[Pair]:
    for before, after in _zipped(olds, news):
        if before is None or after is None or (before.hash, before.size) != (after.hash, after.size):
            yield before, after


def _zipped(olds: Iterator[Entry], news: Iterator[Entry]) -> Iterator[Pair]:
    """Both sides by path; equal paths together."""
    old, new = next(olds, None), next(news, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.path < new.path):
            yield old, None
            old = next(olds, None)
        elif old is None or new.path < old.path:
            yield None, new
            new = next(news, None)
        else:
            yield old, new
            old, new = next(olds, None), next(news, None)
