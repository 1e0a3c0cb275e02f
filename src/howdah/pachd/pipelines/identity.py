"""Which datum is which, and whether it changed.

The id names a datum across jobs: BLAKE2b-256 over each input's name, repo, branch and path,
each followed by its length as eight big-endian bytes. Project and commit are left out, so
the same files in a later commit are the same datum. The hash says whether its work must be
done again: BLAKE2b-256 over the id's hex digits, the hash of every input that is not a
`reference`, and the pipeline's salt. The transform is not part of it: changed code reruns
nothing until somebody asks for reprocessing.

Both are Pachyderm's, so ids agree with a cluster's. Hashes do not, since a file's hash is
Howdah's own; in particular a directory's covers the names within it, where Pachyderm's does
not see a renaming that keeps the order.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from howdah.pachd.pipelines.refs import DatumId

if TYPE_CHECKING:
    from howdah.pachd.pipelines.datums import InputFile


def _lengthened(text: str) -> bytes:
    data = text.encode()
    return data + len(data).to_bytes(8, "big")


class Prefix:
    """The part of a datum's id that all files of one input share."""

    __slots__ = ("_hash",)

    def __init__(self, name: str, repo: str, branch: str) -> None:
        self._hash = blake2b(_lengthened(name) + _lengthened(repo) + _lengthened(branch), digest_size=32)

    def id_of(self, path: str) -> DatumId:
        """The id of the datum whose only input is the file at this path."""
        one = self._hash.copy()
        one.update(_lengthened(path))
        return DatumId(one.hexdigest())


def datum_id(inputs: Sequence["InputFile"]) -> DatumId:
    whole = blake2b(digest_size=32)
    for item in inputs:
        source = item.source
        for text in (source.name, source.repo.name, source.branch, item.path):
            whole.update(_lengthened(text))
    return DatumId(whole.hexdigest())


def datum_hash(id: DatumId, inputs: Sequence["InputFile"], salt: str) -> str:
    whole = blake2b(id.encode(), digest_size=32)
    for item in inputs:
        if not item.source.reference:
            whole.update(item.hash)
    whole.update(salt.encode())
    return whole.hexdigest()
