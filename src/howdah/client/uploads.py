"""Files into one commit by one ModifyFile stream: all of them, or none.

The server makes nothing visible until the stream has ended well, so an upload that is
interrupted leaves nothing behind but chunks, which make a repeat cheap.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from howdah.client.pachd import Fields, Pachd

# Large enough that the cost of a message vanishes, small enough that two in flight are no burden.
PIECE = 1 << 20
REQUEST = "pfs_v2.ModifyFileRequest"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to put: opened only when its turn comes."""

    path: str
    open: Callable[[], BinaryIO]
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Url:
    """Something that the server is to fetch by itself."""

    path: str
    url: str
    recursive: bool = False


Source = LocalFile | Url


def put(
    pachd: Pachd,
    commit: Fields,
    sources: Iterable[Source],
    *,
    append: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Puts every source; replaces what stood at its path unless `append`. `progress` hears bytes."""
    pachd.send("pfs_v2.API/ModifyFile", _requests(pachd, commit, sources, append, progress))


def _requests(
    pachd: Pachd,
    commit: Fields,
    sources: Iterable[Source],
    append: bool,
    progress: Callable[[int], None] | None,
) -> Iterator[Fields]:
    request, add, delete, raw = (
        pachd.contract.message(name)
        for name in (REQUEST, "pfs_v2.AddFile", "pfs_v2.DeleteFile", "google.protobuf.BytesValue")
    )
    yield request(set_commit=commit)
    for source in sources:
        if not append:
            yield request(delete_file=delete(path=source.path))
        if isinstance(source, Url):
            url = pachd.message("pfs_v2.AddFileUrlSource", url=source.url, recursive=source.recursive)
            yield request(add_file=add(path=source.path, url=url))
            continue
        with source.open() as stream:
            empty = True
            while piece := stream.read(PIECE):
                empty = False
                yield request(add_file=add(path=source.path, raw=raw(value=piece)))
                if progress is not None:
                    progress(len(piece))
            if empty:
                yield request(add_file=add(path=source.path, raw=raw()))
