"""`pfs_v2.API`, filesets, and the calls that look after the store."""

from collections.abc import Iterator
from typing import Any

from howdah.core.refs import RepoRef
from howdah.errors import Corrupt, Invalid
from howdah.pachd.storage.check import check as check_packs
from howdah.pachd.versions import Versions
from howdah.pachd.versions.check import check
from howdah.pachd.versions.records import FILESETS_REPO
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.errors import AuthNotActivated
from howdah.pachd.wire.shards import shards

DEFAULT_TTL_S = 600


class FilesetCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def get_file_set(self, request: Any, call: Call) -> Any:
        if request.type == pfs.GetFileSetRequestFileSetType.DIFF:
            raise Invalid("filesets of what a commit changed are not kept; ask for TOTAL")
        id = self._versions.fileset_of_commit(convert.commit_spec(request.commit))
        return pfs.CreateFileSetResponse(file_set_id=id)

    def add_file_set(self, request: Any, call: Call) -> Any:
        if call.transaction:
            raise Invalid("file operations cannot be part of a transaction")
        self._versions.add_fileset(convert.commit_spec(request.commit), request.file_set_id)
        return convert.empty()

    def renew_file_set(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: tx.renew_fileset(request.file_set_id, request.ttl_seconds))
        return convert.empty()

    def compose_file_set(self, request: Any, call: Call) -> Any:
        ttl_s = request.ttl_seconds or DEFAULT_TTL_S
        id = self._versions.compose_filesets(list(request.file_set_ids), ttl_s)
        return pfs.CreateFileSetResponse(file_set_id=id)

    def shard_file_set(self, request: Any, call: Call) -> Any:
        files = self._versions.files(convert.commit_ref_of(RepoRef(FILESETS_REPO), request.file_set_id))
        ranges = shards(files, request.num_files, request.size_bytes)
        return pfs.ShardFileSetResponse(
            shards=[pfs.PathRange(lower=lower, upper=upper) for lower, upper in ranges]
        )


class UpkeepCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def activate_auth(self, request: Any, call: Call) -> Any:
        raise AuthNotActivated

    def fsck(self, request: Any, call: Call) -> Iterator[Any]:
        """What is wrong with the store's structure; nothing is changed, with `fix` neither."""
        for finding in check(self._versions):
            yield pfs.FsckResponse(error=str(finding))

    def check_storage(self, request: Any, call: Call) -> Any:
        """DATA_LOSS when chunks are damaged; with `read_chunk_data` every byte is read."""
        blobs = self._versions.blobs
        damage = next(check_packs(blobs, data=request.read_chunk_data), None)
        if damage is not None:
            raise Corrupt(f"{len(damage.hashes)} chunks of {damage.pack} are damaged: {damage.reason}")
        count = sum(1 for _ in blobs.objects.list(""))
        return pfs.CheckStorageResponse(chunk_object_count=count)

    def list_task(self, request: Any, call: Call) -> Iterator[Any]:
        """Work is not cut into tasks here, so there never is one."""
        return iter(())
