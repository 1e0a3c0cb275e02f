"""Cutting the paths of a fileset into ranges of about equal work."""

from collections.abc import Iterator

from howdah.pachd.versions.files.reader import CommitFiles

_FILES, _BYTES = 2_000_000, 100 << 30
"""What a shard holds at most where the caller does not say."""


def shards(files: CommitFiles, number_of_files: int, size_bytes: int) -> Iterator[tuple[str, str]]:
    """Ranges [lower, upper) that cover everything; "" is no bound."""
    most_files, most_bytes = number_of_files or _FILES, size_bytes or _BYTES
    lower = ""
    count = size = 0
    for file in files.tree.files():
        if count and (count >= most_files or size + file.size > most_bytes):
            yield lower, file.path
            lower, count, size = file.path, 0, 0
        count += 1
        size += file.size
    yield lower, ""
